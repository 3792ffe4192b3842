"""run.json: all that is needed to repeat a training, and what came of it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from drugtext.fingerprint import code_sha256
from drugtext.training.state import Progress, trained

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import nn

RUN_FILE = "run.json"

_LIBRARIES = (
    *("drugtext", "torch", "accelerate", "transformers", "peft", "datasets", "tokenizers"),
    *("safetensors", "numpy"),
)
_TRAINING = [f"drugtext.training.{file.stem}" for file in Path(__file__).parent.glob("*.py")]


def describe_run(accelerator: Accelerator, module: nn.Module, precision: str) -> dict[str, Any]:
    """Say by what a module is trained: command, libraries, code, machine, processes, sizes.

    Args:
        accelerator: of the training.
        module: whose parameters are counted.
        precision: of the forward pass, "bf16" or "no".
    """
    return {
        "command": shlex.join(sys.orig_argv),
        "working_directory": str(Path.cwd()),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "code_sha256": code_sha256(*_TRAINING),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": torch.cpu.get_capabilities().get("cpu_name", platform.processor()),
        "device": _device_name(accelerator.device),
        "num_processes": accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "precision": precision,
        "n_trainable_parameters": sum(p.numel() for p in trained(module).values()),
        "n_parameters": sum(p.numel() for p in module.parameters()),
    }


def write_run(folder: Path, run: dict[str, Any], progress: Progress) -> None:
    """Write run.json; it is whole or as it was.

    Args:
        folder: of the training; made if it is absent.
        run: as `describe_run` gave it.
        progress: plan, data, losses and scores so far.
    """
    whole = {
        **run,
        "plan": progress.plan,
        "told": progress.told,
        "step": progress.step,
        "is_stopped": progress.is_stopped,
        "best_step": progress.best_step,
        "best_score": progress.scores.get(progress.best_step or 0),
        "seconds_a_step": progress.seconds / max(1, progress.step),
        "peak_rss_mb": _peak_rss_mb(),
        "scores": progress.scores,
        "losses": progress.losses,
    }
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{RUN_FILE}.unfinished"
    unfinished.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / RUN_FILE)


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device_name(device: torch.device) -> str:
    return (
        f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)
    )


def _peak_rss_mb() -> float | None:
    """Return the most memory that this process held at once; None where that cannot be told."""
    status = Path("/proc/self/status")  # getrusage counts the process that started this one, too
    lines = status.read_text().splitlines() if status.exists() else []
    if peak := [line for line in lines if line.startswith("VmHWM")]:
        return int(peak[0].split()[1]) / 2**10
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
