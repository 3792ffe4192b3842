"""Many inserts on many machines: a corpus in, a row of answers for each insert out, exactly once.

Ray Data deals the parts of a corpus out to workers, each of which holds a classifier and one part
at a time; it starts more of them where there is room, and tries again where one dies. A part makes
one file of the output, which is there whole or not at all: a run that was killed does the parts
that are missing. A part that fails is named when the others are done.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any, cast

from drugtext.errors import CorpusError, first_line
from drugtext.scale.output import CorpusAnswers, begin, count_answers, done, part_name
from drugtext.scale.parts import ROWS_A_PART, Part, file_system, plan_parts, states_of
from drugtext.scale.worker import Worker, found_by_workers, model_sha256

_RETRIES = 3  # of a part whose worker died
_MOST_FAILED = 10  # parts; more would fail for a reason that the others have as well
_TRACEBACKS = "ray.data._internal.execution.streaming_executor_state"
"""Ray's logger that tells of each worker that died; `PartsFailedError` says so in a line."""
_SPARE_CPUS = 1  # for what is no worker
_RAY_DATA_THREADS = ("StreamingExecutor-", "iter_threaded", "ray-data-")
"""How names of the threads begin that Ray Data (2.60) runs beside the one that asks for rows."""
_LONGEST_JOIN = 60.0  # seconds


def classify_corpus(
    inputs: Sequence[str],
    output: str,
    *,
    model: str | None = None,
    backend: str = "auto",
    quick: bool = False,
    top_k: int = 3,
    id_column: str = "id",
    rows_a_part: int = ROWS_A_PART,
    workers: tuple[int, int] = (1, 1),
    cpus_a_worker: int | None = None,
    address: str | None = None,
    advance: Callable[[int, int], object] | None = None,
) -> CorpusAnswers:
    """Classify a corpus on this machine or a Ray cluster.

    Args:
        inputs: Parquet or JSONL files, or folders of them, as `plan_parts` takes them; each row is
            a record as `insert_from_record` takes it.
        output: folder of Parquet files, on a file system that all workers reach.
        model: as `load` takes it; a folder must be reached by all workers.
        backend: likewise.
        quick: whether to read as `ReadingPlan.quick` says.
        top_k: how many alternatives to give.
        id_column: what tells an insert in the output; `[row]` does where there is none.
        rows_a_part: most inserts of a part.
        workers: fewest and most of them.
        cpus_a_worker: cores of each; left out, those of this machine are dealt out to the most
            workers, and on a cluster each has one.
        address: of a cluster, "auto" on one of its machines; left out: this machine by itself.
        advance: called with the parts done and those there are, for a progress bar.

    Raises:
        CorpusError: Ray is not installed, a file cannot be read, the output was begun with other
            inserts or settings, or some parts failed, which are named; the others are done.
        CheckpointError: there is no such model.
    """
    if not find_spec("ray"):
        raise CorpusError("Ray is not installed; run: pip install 'drugtext[scale]'")
    output = _absolute(output)
    files = [_absolute(file) for file in inputs]
    for file in files:
        if output == file or output.startswith(file.rstrip("/") + "/"):
            raise CorpusError(f"{output}: lies in what is read, {file}; give a folder elsewhere.")
    parts = plan_parts(files, rows_a_part)
    settings = {
        "model": model_sha256(model),
        "backend": backend,
        "quick": quick,
        "top_k": top_k,
        "id_column": id_column,
        "rows_a_part": rows_a_part,
        "inputs": states_of(parts),
    }
    begin(output, settings)
    names = {part_name(n): part for n, part in enumerate(parts)}
    there = done(output)
    missing = {name: part for name, part in names.items() if name not in there}
    if advance:
        advance(len(names) - len(missing), len(names))
    cpus = cpus_a_worker or share_of_cpus(workers[1], address)
    worker = {name: settings[name] for name in ("backend", "quick", "top_k", "id_column")}
    worker |= {"model": found_by_workers(model), "sha256": settings["model"], "n_threads": cpus}
    n_new, errors = 0, dict[str, str]()
    with closing(_deal_out(missing, output, worker, workers, cpus, address)) as results:
        for number, result in enumerate(results, start=1):
            n_new += result["n_rows"]
            if result["error"]:
                errors[result["name"]] = result["error"]
            if len(errors) > _MOST_FAILED:
                raise PartsFailedError(f"{output}: given up when {_named(errors, names)}")
            if advance:
                advance(len(names) - len(missing) + number - len(errors), len(names))
    if lost := sorted(missing.keys() - done(output)):
        died = f"its worker died {_RETRIES + 1} times"
        reasons = {name: errors.get(name, died) for name in lost}
        raise PartsFailedError(f"{output}: all is done but that {_named(reasons, names)}")
    return count_answers(output, names)._replace(n_new=n_new)


class PartsFailedError(CorpusError):
    """Some parts of a corpus failed; what is done is kept."""


def _named(reasons: Mapping[str, str], parts: Mapping[str, Part]) -> str:
    """Say which parts failed, what they hold, and why."""
    told = [f"{len(reasons)} of {len(parts)} parts failed; mend them and run it again."]
    for name, reason in reasons.items():
        part = parts[name]
        rows = f"{part.first_row} to {part.first_row + part.n_rows - 1}"
        told.append(f"{name}, rows {rows} of {part.file}: {reason}")
    return "\n  ".join(told)


def share_of_cpus(n_workers: int, address: str | None) -> int:
    """Return how many cores a worker has where nobody says so.

    Args:
        n_workers: the most of them.
        address: of a cluster; None for this machine, whose cores are as many as torch takes.
    """
    import torch

    return 1 if address else max(torch.get_num_threads() // n_workers, 1)


def _deal_out(
    missing: Mapping[str, Part],
    output: str,
    worker: Mapping[str, Any],
    workers: tuple[int, int],
    cpus_a_worker: int,
    address: str | None,
) -> Generator[dict[str, Any], None, None]:
    """Let Ray's workers do the parts, and yield what `Worker` says of each that killed none."""
    if not missing:
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent out
    import ray
    from ray.data import ActorPoolStrategy, DataContext
    from ray.exceptions import RayError

    n_cpus = workers[1] * cpus_a_worker + _SPARE_CPUS
    here: dict[str, Any] = {"num_cpus": max(os.cpu_count() or 1, n_cpus)} if address is None else {}
    try:
        ray.init(address=address or "local", include_dashboard=False, log_to_driver=False, **here)
    except (ConnectionError, ValueError, RayError) as error:
        if address is None:
            raise CorpusError(f"Ray does not start on this machine: {first_line(error)}") from error
        raise CorpusError(
            f"no Ray cluster answers at {address!r} ({first_line(error)}); give that of its first"
            " machine, such as 10.0.0.1:6379, and its token where it asks for one, or leave it out"
            " for this machine alone."
        ) from error
    try:
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = _MOST_FAILED
        logging.getLogger(_TRACEBACKS).setLevel(logging.CRITICAL)
        context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0  # all are busy
        tasks = [
            {"name": name, "part": json.dumps(asdict(part)), "output": output}
            for name, part in missing.items()
        ]
        rows = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map(
            cast(Any, Worker),  # Ray makes one a worker, which its annotation does not say
            fn_constructor_kwargs=dict(worker),
            # One part at a time: those that wait behind one that kills its worker would be lost
            # with it.
            compute=ActorPoolStrategy(
                min_size=workers[0], max_size=workers[1], max_tasks_in_flight_per_actor=1
            ),
            num_cpus=cpus_a_worker,
            max_restarts=-1,
            max_task_retries=_RETRIES,
        )
        yield from rows.iter_rows()
    except RayError as error:
        raise PartsFailedError(
            f"{output}: the workers failed ({_reason(error)}). What is done is kept; mend that and"
            " run it again."
        ) from error
    finally:
        _join_threads()
        ray.shutdown()


def _join_threads() -> None:
    """Wait for Ray Data's threads: one that calls Ray after its shutdown ends the process."""
    for thread in threading.enumerate():
        if thread.name.startswith(_RAY_DATA_THREADS):
            thread.join(timeout=_LONGEST_JOIN)


def _reason(error: Exception) -> str:
    """Return what went wrong in a worker, without its traceback."""
    cause = error.__cause__ or getattr(error, "cause", None) or error
    return str(cause).strip().rpartition("\n")[2][:500]


def _absolute(address: str) -> str:
    system, path = file_system(address)
    return str(system.unstrip_protocol(path))
