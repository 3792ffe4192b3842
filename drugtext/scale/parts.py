"""A corpus in files of any size -> parts of some thousand records.

Files are Parquet or JSON lines, also gzipped, on this machine or on any file system of fsspec. What
is planned depends on the files alone: the same files always make the same parts.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, cast

import fsspec
import pyarrow.parquet as pq
from pyarrow import ArrowException

from drugtext.errors import CorpusError

ROWS_A_PART = 2000

_PARQUET, _LINES = (".parquet", ".pq"), (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_BATCH_ROWS = 256
_BUFFER_BYTES = 1 << 20  # of a column: a row group, which may be all of a file, is read bit by bit


@dataclass(frozen=True)
class Part:
    """Some records of one file.

    Attributes:
        file: its address.
        row_group: of a Parquet file; -1 for lines.
        offset: rows of the row group, or bytes of the unpacked lines, that stand before it.
        first_row: number of its first record in the file, counted from 0.
        n_rows: that it holds.
    """

    file: str
    row_group: int
    offset: int
    first_row: int
    n_rows: int


def plan_parts(inputs: Sequence[str], rows_a_part: int = ROWS_A_PART) -> list[Part]:
    """Plan the parts of files and folders.

    Args:
        inputs: addresses; of a folder all files below it are taken.
        rows_a_part: most records of a part.

    Raises:
        CorpusError: a file is missing, damaged, or neither Parquet nor JSON lines by its name.
    """
    parts: list[Part] = []
    for file in _files(inputs):
        try:
            planned = _parquet_parts if file.endswith(_PARQUET) else _line_parts
            parts += planned(file, rows_a_part)
        except (OSError, EOFError, ArrowException) as error:
            raise CorpusError(
                f"{file}: cannot be read ({error}). Fetch or write it again."
            ) from error
    return parts


class PartReader:
    """Reads parts; those of one file, in order, without beginning anew.

    To reach a part of packed lines, or of a group of rows, all that stands before it has to be
    unpacked. So the file stays open: what stands before the next part is unpacked once.
    """

    def __init__(self) -> None:
        self._open: _Lines | _RowGroup | None = None

    def read(self, part: Part) -> Iterator[tuple[int, Mapping[str, Any] | CorpusError]]:
        """Yield the number of each record in its file, and the record, or why it is none.

        Args:
            part: as `plan_parts` made it.
        """
        # Not kept where reading stops half way: nobody knows where it stands then.
        opened, self._open = self._open, None
        if opened is None or not opened.leads_to(part):
            opened = _RowGroup(part) if part.row_group >= 0 else _Lines(part)
        numbers = range(part.first_row, part.first_row + part.n_rows)
        yield from zip(numbers, opened.rows(part), strict=True)
        self._open = opened


def file_system(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path on it.

    Raises:
        CorpusError: there is no such kind of address, or what opens it is not installed.
    """
    try:
        found = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except (ImportError, ValueError) as error:  # such as "Install s3fs to access S3"
        raise CorpusError(f"{address}: cannot be opened ({error}).") from error
    return cast(tuple[Any, str], found)


def states_of(parts: Sequence[Part]) -> dict[str, str]:
    """Return file -> its bytes and when it was written: what tells that it is still the same."""
    states = {}
    for file in dict.fromkeys(part.file for part in parts):
        system, path = file_system(file)
        states[file] = f"{system.size(path)} bytes"
        with suppress(NotImplementedError):  # such as of http
            states[file] += f", {system.modified(path).isoformat()}"
    return states


def _files(inputs: Sequence[str]) -> list[str]:
    found: list[str] = []
    for address in inputs:
        system, path = file_system(address)
        if not system.exists(path):
            raise CorpusError(f"{address}: there is no such file or folder; check the address.")
        paths = [path]
        if system.isdir(path):
            paths = [each for each in sorted(system.find(path)) if not _is_hidden(each, path)]
        names = [system.unstrip_protocol(each) for each in paths]
        unknown = [name for name in names if not name.endswith(_PARQUET + _LINES)]
        if unknown:
            raise CorpusError(
                f"{unknown[0]}: {' '.join(_PARQUET + _LINES)} are read; name the files so, or give"
                " those alone."
            )
        if not names:
            raise CorpusError(f"{address}: holds no file; Parquet or JSON lines are needed.")
        found += names
    return [*dict.fromkeys(found)]  # a file may be given, and the folder that it is in


def _is_hidden(path: str, folder: str) -> bool:
    """Tell what programs put below a folder, such as _temporary/ and .ipynb_checkpoints/."""
    return any(step.startswith((".", "_")) for step in path.removeprefix(folder).split("/"))


def _parquet_parts(file: str, rows_a_part: int) -> Iterator[Part]:
    system, path = file_system(file)
    with system.open(path, "rb") as stream:
        metadata = pq.ParquetFile(stream).metadata
    first = 0
    for group in range(metadata.num_row_groups):
        n_rows = metadata.row_group(group).num_rows
        for offset in range(0, n_rows, rows_a_part):
            n = min(rows_a_part, n_rows - offset)
            yield Part(file, group, offset, first + offset, n)
        first += n_rows


class _RowGroup:
    """A row group of a Parquet file, read forward."""

    def __init__(self, part: Part) -> None:
        system, path = file_system(part.file)
        self._of = part.file, part.row_group
        stream = system.open(path, "rb")
        file = pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        self._batches = file.iter_batches(
            _BATCH_ROWS, row_groups=[part.row_group], use_threads=False
        )
        self._batch, self._before = next(self._batches), 0

    def leads_to(self, part: Part) -> bool:
        return self._of == (part.file, part.row_group) and self._before <= part.offset

    def rows(self, part: Part) -> Iterator[Mapping[str, Any]]:
        place, end = part.offset, part.offset + part.n_rows
        while place < end:
            while place >= self._before + len(self._batch):
                self._before += len(self._batch)
                self._batch = next(self._batches)
            found = self._batch.slice(place - self._before, end - place)
            for row in found.to_pylist(maps_as_pydicts="lossy"):
                yield _told(row)
            place += len(found)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is None: a table has every field in every row."""
    told = {
        name: _told(value) if isinstance(value, Mapping) else value
        for name, value in row.items()
        if value is not None
    }
    return {name: value for name, value in told.items() if value != {}}


def _line_parts(file: str, rows_a_part: int) -> Iterator[Part]:
    offset = first = n_rows = 0
    start = 0
    with _opened(file) as lines:
        for line in lines:
            if n_rows == rows_a_part:
                yield Part(file, -1, start, first, n_rows)
                start, first, n_rows = offset, first + n_rows, 0
            offset += len(line)
            n_rows += _is_record(line)
    if n_rows:
        yield Part(file, -1, start, first, n_rows)


def _is_record(line: bytes) -> bool:
    """Tell whether a line is more than blanks, which stand for nothing."""
    return bool(line.strip())


class _Lines:
    """A file of lines, read forward."""

    def __init__(self, part: Part) -> None:
        self._file, self._lines = part.file, _opened(part.file)

    def leads_to(self, part: Part) -> bool:
        return self._file == part.file and self._lines.tell() <= part.offset

    def rows(self, part: Part) -> Iterator[Mapping[str, Any] | CorpusError]:
        self._lines.seek(part.offset)
        told = islice(filter(_is_record, self._lines), part.n_rows)
        for n, line in enumerate(told, start=part.first_row):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:  # the latter: nested without end
                yield CorpusError(f"{part.file}[{n}]: is no JSON ({error}); mend it.")
                continue
            if isinstance(record, Mapping):
                yield record
            else:
                yield CorpusError(f"{part.file}[{n}]: is no record {{…}}; mend it.")


def _opened(file: str) -> IO[bytes]:
    """Open lines for reading, unpacked."""
    system, path = file_system(file)
    stream = system.open(path, "rb")
    return cast(IO[bytes], gzip.open(stream) if path.endswith(".gz") else stream)
