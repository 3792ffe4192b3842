"""The folder of answers to a corpus: a file a part, each there whole or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from drugtext.errors import CorpusError
from drugtext.scale.answers import ANSWER
from drugtext.scale.parts import Part, file_system

SETTINGS = "_settings.json"
"""In the output: what its answers were made with."""

_UNFINISHED = ".unfinished"


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


def write_part(output: str, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the file of a part.

    Args:
        output: address of the folder.
        name: of the file.
        rows: with the columns of `ANSWER`, which may be absent.
    """
    packed = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=ANSWER), packed)
    system, folder = file_system(output)
    _write(system, f"{folder}/{name}", packed.getvalue())


def count_answers(output: str, names: Mapping[str, Part]) -> CorpusAnswers:
    """Count the rows that are there, and see that they are as many as came in."""
    system, folder = file_system(output)
    n_inserts = n_errors = 0
    for name, part in names.items():
        with system.open(f"{folder}/{name}", "rb") as file:
            # Arrow's threads that read a Python file abort a process that ends before they do:
            # https://github.com/apache/arrow/issues/50482
            one = pq.read_table(file, columns=["error"], use_threads=False, pre_buffer=False)
            errors = one["error"]
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


def _write(system: Any, file: str, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    folder, _, name = file.rpartition("/")
    unfinished = f"{folder}/.{name}.{uuid4().hex}{_UNFINISHED}"
    system.pipe_file(unfinished, content)
    system.mv(unfinished, file)
