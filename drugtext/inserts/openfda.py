"""JSON inserts, streamed: openFDA drug/label records and drugtext's own normalised records.

Source: https://open.fda.gov/apis/drug/label/searchable-fields/ and the layout of the bulk
download, `{"meta": …, "results": […]}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson

from drugtext.errors import ReadError
from drugtext.inserts.forms import records_in
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.record import insert_from_record
from drugtext.inserts.text import MAX_INSERT_BYTES

_BLOCK = 2**16
_MOST_VALUES = 200_000  # of one record, names of fields included; real ones have under 1,000
_OPENS, _CLOSES = ("start_map", "start_array"), ("end_map", "end_array")
_NEEDED = (
    'a drug record such as {"indications_and_usage": ["…"]}, or a list of them under "results",'
)


class _Events:
    """The parse events of a JSON stream, refused when one record has too many bytes or values."""

    def __init__(self, stream: BinaryIO, source: str) -> None:
        self._stream, self._source = stream, source
        self._n_bytes = self._n_values = 0
        # Numbers have no use here; as floats, those of any length are read or refused.
        self._events = ijson.basic_parse(
            self, buf_size=_BLOCK, multiple_values=True, use_float=True
        )

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._n_bytes += len(block)
        if self._n_bytes > MAX_INSERT_BYTES:
            self._refuse(f"is larger than {MAX_INSERT_BYTES // 2**20} MB")
        return block

    def __iter__(self) -> _Events:
        return self

    def __next__(self) -> tuple[str, Any]:
        self._n_values += 1
        if self._n_values > _MOST_VALUES:
            self._refuse(f"holds more than {_MOST_VALUES:,} values")
        return next(self._events)

    def record_done(self) -> None:
        self._n_bytes = self._n_values = 0

    def _refuse(self, what: str) -> None:
        raise ReadError(
            self._source,
            f"a record {what}; no insert comes near that. Split the file into one record an"
            " insert.",
        )


def read_json(stream: BinaryIO, source: str) -> Iterator[DrugInsert | ReadError]:
    """Yield the inserts of a JSON document of any layout, one record in memory at a time.

    Args:
        stream: an API response or bulk part (`{"results": […]}`), an array of records, a single
            record, or several of these one after the other, in UTF-8 without byte order mark.
        source: the file's name, for messages.

    Yields:
        In order, a `DrugInsert` a record, or the `ReadError` of a record that holds none; the
        records behind it are still read.

    Raises:
        ReadError: the JSON is damaged or cut off, or holds no record.
    """
    events = _Events(stream, source)
    n_records = 0
    try:
        for record in _records(events):
            events.record_done()
            found = _insert(record, source, n_records)
            if isinstance(record, dict):
                record.clear()  # its texts take as much memory as those of the insert
            yield found
            n_records += 1
    except (ijson.JSONError, ValueError) as error:
        cause = _cause(error)
        nan = " NaN is no JSON: write null." if "invalid char in json" in cause else ""
        raise ReadError(
            source,
            f"the JSON is damaged, cut off or not UTF-8 behind record {n_records} ({cause})."
            f" Fetch or save it again.{nan}",
        ) from error
    if n_records == 0:
        raise ReadError(source, f"the JSON holds no record; {_NEEDED} is needed.")


def read_json_lines(stream: BinaryIO, source: str) -> Iterator[DrugInsert | ReadError]:
    """Yield the inserts of newline-delimited records; a damaged line costs that record alone.

    Args:
        stream: one JSON record a line, in UTF-8 without byte order mark; empty lines are ignored.
        source: the file's name, for messages.

    Yields:
        In order, a `DrugInsert` a line, or the `ReadError` of a line that holds none.
    """
    n_records = n_lines = 0
    while line := stream.readline(MAX_INSERT_BYTES):
        n_lines += 1
        if line.isspace():
            continue
        if len(line) == MAX_INSERT_BYTES and not line.endswith(b"\n"):
            _skip_line(stream)
            limit = f"is over {MAX_INSERT_BYTES // 2**20} MB, and no insert is that long"
            yield ReadError(f"{source}[{n_records}]", f"line {n_lines} {limit}. Leave it out.")
        else:
            found = _read_line(line, source, n_lines, n_records)
            line = b""  # a long one takes memory as long as its insert is in use
            yield found
        n_records += 1


def _read_line(line: bytes, source: str, n_line: int, n: int) -> DrugInsert | ReadError:
    try:
        record = json.loads(line.strip())
    except (ValueError, RecursionError) as error:
        reason = f"line {n_line} is not JSON ({_cause(error)}); one record a line is needed."
        return ReadError(f"{source}[{n}]", reason)
    return _insert(record, source, n)


def _skip_line(stream: BinaryIO) -> None:
    while (piece := stream.readline(_BLOCK)) and not piece.endswith(b"\n"):
        pass


def _insert(record: object, source: str, n: int) -> DrugInsert | ReadError:
    try:
        return insert_from_record(record, source, n)
    except ReadError as error:
        return ReadError(f"{source}[{n}]", error.reason)


def _cause(error: Exception) -> str:
    """Give what a parser complains of, without the text in which it happened."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos:,}"
    said = error.args[0] if error.args else ""
    # ijson's is bytes where it quotes text that cannot be decoded.
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    return said.strip().partition("\n")[0]


def _records(events: _Events) -> Iterator[object]:
    """Yield the items of `results` and of outer arrays, and every other outermost value whole."""
    for event, value in events:
        if event == "start_array":
            yield from _items(events)
        elif event == "start_map":
            yield from _results_or_object(events)
        else:
            yield value


def _results_or_object(events: _Events) -> Iterator[object]:
    fields: dict[str, object] = {}
    is_response = False
    for event, key in events:
        if event == "end_map":
            break
        event, value = next(events)
        if key == "results" and event == "start_array":
            is_response = True
            yield from _items(events)
        else:
            fields[key] = _value(event, value, events)
    if not is_response:
        yield from records_in(fields)


def _items(events: _Events) -> Iterator[object]:
    for event, value in events:
        if event == "end_array":
            return
        yield _value(event, value, events)


def _value(event: str, value: object, events: _Events) -> object:
    """Build the value that begins with this event, taking as many more events as it needs."""
    builder = ijson.ObjectBuilder()
    builder.event(event, value)
    depth = int(event in _OPENS)
    while depth > 0:
        event, value = next(events)
        builder.event(event, value)
        depth += (event in _OPENS) - (event in _CLOSES)
    return builder.value
