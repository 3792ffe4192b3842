"""Many inserts on many machines: a corpus in, a row of answers for each insert out, exactly once.

Ray Data deals the parts of a corpus out to workers, each of which holds a classifier; it starts
more of them where there is room, and tries again where one dies. A part makes one file of the
output, which is there whole or not at all: a run that was killed does the parts that are missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from drugtext.corpus_parts import (
    ROWS_A_PART,
    Part,
    file_system,
    plan_parts,
    read_part,
    sizes_of,
)
from drugtext.errors import CorpusError, DrugTextError
from drugtext.inserts.record import insert_from_record

if TYPE_CHECKING:
    from drugtext.classifier import DrugClassifier
    from drugtext.inserts.insert import DrugInsert

_STEP = [("id", pa.string()), ("name", pa.string()), ("probability", pa.float64())]
_ALTERNATIVE = [
    ("category_id", pa.string()),
    ("category_name", pa.string()),
    ("probability", pa.float64()),
]
ANSWER = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("name", pa.string()),
        *_ALTERNATIVE,
        ("path", pa.list_(pa.struct(_STEP))),
        ("alternatives", pa.list_(pa.struct(_ALTERNATIVE))),
        ("in_scope", pa.bool_()),
        ("tokens_read", pa.int64()),
        ("tokens_total", pa.int64()),
        ("error", pa.string()),
    ]
)
"""Columns of the output: the insert's id; file and row that it came from; the answer, or in `error`
why there is none."""

SETTINGS = "_settings.json"
"""In the output: what its answers were made with."""

_UNFINISHED = ".unfinished"
_RETRIES = 3  # of a part whose worker died
_SPARE_CPUS = 1  # for what is no worker


class CorpusAnswers(NamedTuple):
    """What came out.

    Attributes:
        n_inserts: rows of the output, one an insert.
        n_errors: of them without an answer; their `error` says why.
        n_new: of them classified in this run; the others were there.
    """

    n_inserts: int
    n_errors: int
    n_new: int


def classify_corpus(
    inputs: Sequence[str],
    output: str,
    *,
    model: str | None = None,
    backend: str = "auto",
    top_k: int = 3,
    id_column: str = "id",
    rows_a_part: int = ROWS_A_PART,
    workers: tuple[int, int] = (1, 1),
    cpus_a_worker: int = 1,
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
        top_k: how many alternatives to give.
        id_column: what tells an insert in the output; row numbers do where there is none.
        rows_a_part: most inserts of a part.
        workers: fewest and most of them.
        cpus_a_worker: cores of each.
        address: of a cluster, "auto" on one of its machines; left out: this machine by itself.
        advance: called with the parts done and those there are, for a progress bar.

    Raises:
        CorpusError: Ray is not installed, a file cannot be read, a part failed again and again, or
            the output was begun with other inserts or settings.
        CheckpointError: there is no such model.
    """
    if not find_spec("ray"):
        raise CorpusError("Ray is not installed; run: pip install 'drugtext[scale]'")
    output = _absolute(output)
    parts = plan_parts([_absolute(address) for address in inputs], rows_a_part)
    settings = {
        "model": model_sha256(model),
        "backend": backend,
        "top_k": top_k,
        "id_column": id_column,
        "rows_a_part": rows_a_part,
        "inputs": sizes_of(parts),
    }
    begin(output, settings)
    names = {part_name(n): part for n, part in enumerate(parts)}
    there = done(output)
    missing = {name: part for name, part in names.items() if name not in there}
    if advance:
        advance(len(names) - len(missing), len(names))
    worker = {"model": model, "backend": backend, "top_k": top_k, "id_column": id_column}
    counts = _deal_out(missing, output, worker, workers, cpus_a_worker, address)
    n_new = 0
    for number, n_rows in enumerate(counts, start=1):
        n_new += n_rows
        if advance:
            advance(len(names) - len(missing) + number, len(names))
    return _count(output, names)._replace(n_new=n_new)


def model_sha256(model: str | None) -> str:
    """Return a fingerprint of a checkpoint's configuration and weights."""
    from drugtext.checkpoint import checkpoint_folder

    digest = hashlib.sha256()
    folder = checkpoint_folder(model)
    for file in sorted([*folder.glob("*.json"), *folder.rglob("*.safetensors")]):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def begin(output: str, settings: Mapping[str, Any]) -> None:
    """Note what an output is made with, or check that it is what it was begun with.

    Raises:
        CorpusError: it was begun with something else, or holds other files.
    """
    system, folder = file_system(output)
    file = f"{folder}/{SETTINGS}"
    told = json.dumps(settings, indent=1)
    if not system.exists(file):
        if system.exists(folder) and any(not _is_unfinished(path) for path in _paths(output)):
            raise CorpusError(f"{output}: holds other files; give an empty or a new folder.")
        system.makedirs(folder, exist_ok=True)
        _write(system, file, told.encode())
        return
    begun = json.loads(system.cat_file(file))
    if others := [name for name in settings if begun.get(name) != settings[name]]:
        raise CorpusError(
            f"{output}: was begun with another {', '.join(others)}; what is there stands in"
            f" {SETTINGS}. Give another output, or delete this one."
        )


def part_name(number: int) -> str:
    """Return the name of the file that a part makes."""
    return f"part-{number:06}.parquet"


def done(output: str) -> set[str]:
    """Return the names of the parts that are there."""
    names = (path.rpartition("/")[2] for path in _paths(output))
    return {name for name in names if name.startswith("part-")}


def _paths(folder: str) -> list[str]:
    system, path = file_system(folder)
    return [str(found) for found in system.ls(path, detail=False)]


def _is_unfinished(path: str) -> bool:
    return path.endswith(_UNFINISHED)


class Worker:
    """A classifier in a process of its own: parts in, files of answers out."""

    def __init__(self, model: str | None, backend: str, top_k: int, id_column: str) -> None:
        from drugtext.classifier import load

        self._classifier = load(model, backend=backend)
        self._top_k, self._id_column = top_k, id_column

    def __call__(self, task: Mapping[str, Any]) -> dict[str, int]:
        """Classify a part, write its file, and return how many rows that has."""
        part = Part(**json.loads(task["part"]))
        rows = list(answer_rows(self._classifier, part, self._top_k, self._id_column))
        packed = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=ANSWER), packed)
        system, folder = file_system(task["output"])
        _write(system, f"{folder}/{task['name']}", packed.getvalue())
        return {"n_rows": len(rows)}


def answer_rows(
    classifier: DrugClassifier, part: Part, top_k: int = 3, id_column: str = "id"
) -> Iterator[dict[str, Any]]:
    """Classify the records of a part, and say of each that cannot be classified why.

    Args:
        classifier: with categories.
        part: of a corpus.
        top_k: how many alternatives to give.
        id_column: what tells a record; its row does where there is none.

    Yields:
        A row an insert, in order, with the columns of `ANSWER`.
    """
    answers: list[dict[str, Any]] = []
    inserts: list[tuple[int, DrugInsert]] = []
    for place, (row, record) in enumerate(read_part(part)):
        told: dict[str, Any] = {"id": str(row), "source": part.file, "row": row}
        answers.append(told)
        if isinstance(record, CorpusError):
            told["error"] = str(record)
            continue
        told["id"] = str(record.get(id_column, row))
        try:
            inserts.append((place, insert_from_record(record, part.file)))
        except DrugTextError as error:
            told["error"] = str(error)
    places = {id(insert): place for place, insert in inserts}

    def note(insert: DrugInsert, error: DrugTextError) -> None:
        answers[places[id(insert)]] |= {"name": insert.name, "error": str(error)}

    stream = classifier.stream((insert for _, insert in inserts), top_k=top_k, on_error=note)
    predictions = list(stream)
    answered = (place for place, _ in inserts if "error" not in answers[place])
    for place, prediction in zip(answered, predictions, strict=True):
        answers[place] = prediction.to_dict() | answers[place]
    yield from answers


def _deal_out(
    missing: Mapping[str, Part],
    output: str,
    worker: Mapping[str, Any],
    workers: tuple[int, int],
    cpus_a_worker: int,
    address: str | None,
) -> Iterator[int]:
    """Let Ray's workers do the parts, and yield how many inserts each that is done holds."""
    if not missing:
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent out
    import ray
    from ray.data import ActorPoolStrategy, DataContext
    from ray.exceptions import RayError

    n_cpus = workers[1] * cpus_a_worker + _SPARE_CPUS
    here = {"num_cpus": max(os.cpu_count() or 1, n_cpus)} if address is None else {}
    ray.init(address=address or "local", include_dashboard=False, log_to_driver=False, **here)
    try:
        DataContext.get_current().enable_progress_bars = False
        tasks = [
            {"name": name, "part": json.dumps(asdict(part)), "output": output}
            for name, part in missing.items()
        ]
        rows = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map(
            Worker,
            fn_constructor_kwargs=dict(worker),
            compute=ActorPoolStrategy(min_size=workers[0], max_size=workers[1]),
            num_cpus=cpus_a_worker,
            max_restarts=-1,
            max_task_retries=_RETRIES,
        )
        for row in rows.iter_rows():
            yield int(row["n_rows"])
    except RayError as error:
        raise CorpusError(
            f"{output}: a part failed ({_reason(error)}). What is done is kept; mend that and run"
            " it again."
        ) from error
    finally:
        ray.shutdown()


def _reason(error: Exception) -> str:
    """Return what went wrong in a worker, without its traceback."""
    cause = error.__cause__ or getattr(error, "cause", None) or error
    return str(cause).strip().rpartition("\n")[2][:500]


def _absolute(address: str) -> str:
    system, path = file_system(address)
    return str(system.unstrip_protocol(path))


def _write(system: Any, file: str, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    folder, _, name = file.rpartition("/")
    unfinished = f"{folder}/.{name}.{uuid4().hex}{_UNFINISHED}"
    system.pipe_file(unfinished, content)
    system.mv(unfinished, file)


def _count(output: str, names: Mapping[str, Part]) -> CorpusAnswers:
    """Count the rows that are there, and see that they are as many as came in."""
    system, folder = file_system(output)
    n_inserts = n_errors = 0
    for name, part in names.items():
        with system.open(f"{folder}/{name}", "rb") as file:
            errors = pq.read_table(file, columns=["error"])["error"]
        if len(errors) != part.n_rows:
            raise CorpusError(
                f"{output}/{name}: {part.n_rows} inserts came in and {len(errors)} rows are there."
                " Delete it, and run it again."
            )
        n_inserts += len(errors)
        n_errors += len(errors) - errors.null_count
    for path in filter(_is_unfinished, _paths(output)):  # of a run that was killed
        system.rm(path)
    return CorpusAnswers(n_inserts, n_errors, 0)
