"""The processes that train together, as accelerate was set up: one, several, or several nodes."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from accelerate import Accelerator, DistributedDataParallelKwargs, DistributedType
from accelerate.utils import broadcast_object_list

from drugtext.errors import TrainingError

T = TypeVar("T")

_SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


def join_processes(folder: Path) -> Accelerator:
    """Join the other processes of a training, if there are any.

    Args:
        folder: gets the trackers' files.

    Raises:
        TrainingError: accelerate is set up in a way that cannot train here.
    """
    # Precision is the loop's own: accelerate allows one in the life of a process, and would leave
    # the module with another forward. Not every parameter need have a part in every loss.
    accelerator = Accelerator(
        mixed_precision="no",
        log_with="tensorboard",  # where it is installed
        project_dir=folder,
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    n_started = int(os.environ.get("WORLD_SIZE", "1"))
    if n_started > accelerator.num_processes:
        raise TrainingError(
            f"{n_started} processes were started, but accelerate sees {accelerator.num_processes}:"
            " each would train alone, in one folder. Set ACCELERATE_USE_CPU=true to train on"
            " processors, or start one process a GPU."
        )
    if (found := accelerator.distributed_type) in _SHARDED:
        raise TrainingError(
            f"accelerate is set up for {found.value}, which splits up the parameters; states on"
            " disk need them whole. Run `accelerate config` and choose plain data parallelism."
        )
    if accelerator.num_processes > 1:  # gloo's threads abort a process that ends before they do
        atexit.register(accelerator.state.destroy_process_group)
    return accelerator


def on_main(accelerator: Accelerator, function: Callable[[], T]) -> T:
    """Call it on the main process alone; all processes get what it returned, or stop with it.

    Raises:
        TrainingError: on the other processes, where the main one raised an error of any kind.
    """
    value, error = None, None
    if accelerator.is_main_process:
        try:
            value = function()
        except Exception as raised:
            error = raised
    value, reason = broadcast_object_list([value, error and str(error)])
    if error is not None:
        raise error
    if reason is not None:
        raise TrainingError(f"stopped, as the main process did: {reason}")
    return value
