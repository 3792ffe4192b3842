"""read_inserts: find a file's format by its content, and stream its inserts."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from drugtext.errors import ReadError
from drugtext.inserts.archive import is_passed_over, unpack_gzip, unpack_zip
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.leaflet import read_html, read_leaflet
from drugtext.inserts.openfda import read_json, read_json_lines
from drugtext.inserts.record import insert_from_record
from drugtext.inserts.spl import is_xml, read_spl
from drugtext.inserts.table import is_table_name, read_csv, without_text_column
from drugtext.inserts.text import (
    byte_order_mark,
    decode_text,
    read_bounded,
    refuse_foreign,
    without_blanks,
)

PathLike = str | os.PathLike[str]
Found = DrugInsert | ReadError

_SNIFFED = 2**20  # bytes; the first line of newline-delimited JSON is nearly always shorter
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"
_DEEPEST = 2  # archives in one another: DailyMed packs one zip a label into a zip of them all
# A text, too, may begin with a bracket: `[功能主治]`, `[1] Indications`.
_JSON = re.compile(rb'\{|\[\s*(?:[\[{"\]]|null\b|true\b|false\b|-?\d[\d.eE+-]*\s*,)')
_UNFINISHED = (b"{", b"[", b",", b":")


def read_inserts(
    paths: PathLike | Iterable[PathLike],
    *,
    on_error: Callable[[ReadError], None] | None = None,
) -> Iterator[DrugInsert]:
    """Read drug package inserts from files, folders, archives or standard input.

    The format is found by content, not by name: openFDA JSON (API response, bulk part,
    newline-delimited), SPL XML, HTML, headed text, CSV with a `text` column; each of them also
    gzipped or zipped.

    Args:
        paths: a file, a folder (read recursively, in sorted order, without hidden files and
            without following links to folders), "-" for standard input, or several of them.
        on_error: called with each file or record that cannot be read; the others are still
            yielded. Without it the first one raises.

    Yields:
        The inserts, in order, one in memory at a time.

    Raises:
        ReadError: a file or record cannot be read, and `on_error` is None.
    """
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        yield from _readable(_read_path(os.fspath(path)), on_error)


def read_text(
    text: str, *, on_error: Callable[[ReadError], None] | None = None
) -> Iterator[DrugInsert]:
    """Read what somebody pasted: JSON as a file that holds it, anything else as one insert.

    Args:
        text: of any format that a file of text may have; SPL XML and HTML are told by content.
        on_error: as `read_inserts` takes it.

    Yields:
        The inserts, in order.

    Raises:
        ReadError: it or a record of it holds no insert, and `on_error` is None.
    """
    yield from _readable(_caught("", partial(_read_pasted, text)), on_error)


def _readable(
    found: Iterable[Found], on_error: Callable[[ReadError], None] | None
) -> Iterator[DrugInsert]:
    for one in found:
        if isinstance(one, DrugInsert):
            yield one
        elif on_error is None:
            raise one
        else:
            on_error(one)


def _read_pasted(text: str) -> Iterator[Found]:
    try:
        is_json = isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):  # "{Brand} tablets" is a text
        is_json = False
    if is_json:
        yield from _read_stream(io.BytesIO(text.encode("utf-8", "replace")), "")
    else:
        yield insert_from_record({"text": text}, "")


def _read_path(path: str) -> Iterator[Found]:
    if path == "-":
        yield from _caught("-", _read_standard_input)
    elif not path:
        yield ReadError("", "found an empty path; name a file, a folder, or - for standard input.")
    elif os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where it may not look
        yield from _read_folder(Path(path))
    else:
        yield from _caught(path, partial(_read_file, Path(path)))


def _read_folder(folder: Path) -> Iterator[Found]:
    files: list[Path] = []
    unread: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = [name for name in folders if not is_passed_over(name)]
        files += [Path(parent, name) for name in names if not is_passed_over(name)]
    for error in unread:
        reason = f"the folder cannot be listed ({error.strerror}); check its permissions."
        yield ReadError(str(error.filename), reason)
    if not files and not unread:
        yield ReadError(str(folder), "the folder holds no file; a folder of inserts is needed.")
    for file in sorted(files):
        yield from _caught(str(file), partial(_read_file, file))


def _read_file(file: Path) -> Iterator[Found]:
    try:
        if not file.exists():
            raise ReadError(str(file), "there is no such file or folder; check the path.")
        if not file.is_file():  # reading a pipe or device could wait forever
            raise ReadError(str(file), "is not a regular file; name a file, a folder or -.")
        stream = file.open("rb", buffering=0)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReadError(
            str(file), f"cannot be opened ({reason}); check its path and permissions."
        ) from error
    with stream:
        yield from _read_stream(stream, str(file))


def _read_standard_input() -> Iterator[Found]:
    if sys.stdin is None:
        raise ReadError("-", "standard input is closed; pipe an insert into it, or name a file.")
    yield from _read_stream(sys.stdin.buffer, "-")


def _read_member(open_member: Callable[[], BinaryIO], name: str, depth: int) -> Iterator[Found]:
    with open_member() as stream:
        yield from _read_stream(stream, name, depth)


def _caught(source: str, read: Callable[[], Iterator[Found]]) -> Iterator[Found]:
    """Yield what goes wrong in one file as a `ReadError`, so that the next file is still read."""
    n_read = 0
    try:
        for found in read():
            yield found
            n_read += isinstance(found, DrugInsert)
    except OSError as error:
        yield ReadError(source, f"cannot be read ({error.strerror or error}); try again.")
    except ReadError as error:
        before = f" Inserts read before it: {n_read:,}." if n_read else ""
        yield ReadError(error.source, error.reason + before)


def _read_stream(raw: BinaryIO, source: str, depth: int = 0) -> Iterator[Found]:
    stream = io.BufferedReader(cast(io.RawIOBase, raw), buffer_size=_SNIFFED)
    try:
        yield from _read_by_content(stream, source, depth)
    finally:
        stream.detach()  # otherwise standard input would be closed along with this reader


def _read_by_content(stream: io.BufferedReader[Any], source: str, depth: int) -> Iterator[Found]:
    """Yield the inserts of one stream, by the format that its first bytes show."""
    head = stream.peek(_SNIFFED)
    start = without_blanks(head)
    if not start:
        what = "holds only white space" if head else "is empty"
        raise ReadError(source, f"{what}; an insert is needed.")
    refuse_foreign(head, source)
    is_zip, is_gzip = head.startswith(_ZIP), head.startswith(_GZIP)
    if (is_zip or is_gzip) and depth == _DEEPEST:
        raise ReadError(source, f"is an archive inside {depth} archives; unpack the outer ones.")
    if is_zip:
        for name, open_member in unpack_zip(stream, source):
            yield from _caught(name, partial(_read_member, open_member, name, depth + 1))
    elif is_gzip:
        yield from _read_stream(unpack_gzip(stream, source), source, depth + 1)
    elif _JSON.match(start):
        stream.read(len(head) - len(start))  # a byte order mark is no part of JSON
        yield from (read_json_lines if _is_json_lines(start) else read_json)(stream, source)
    else:
        yield from _read_document(read_bounded(stream, source), source)


def _is_json_lines(start: bytes) -> bool:
    """Tell records on lines of their own, though one of the first two be damaged, from one JSON."""
    first, _, rest = start.partition(b"\n")
    second = rest.lstrip().partition(b"\n")[0]
    if not first.startswith(b"{") or not second:
        return False
    goes_on = first.rstrip().endswith(_UNFINISHED)
    return _is_record(first) or (not goes_on and _is_record(second))


def _is_record(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "results" not in record


def _read_document(data: bytes, source: str) -> Iterator[Found]:
    """Read a document that is parsed whole: SPL XML, HTML, CSV or headed text."""
    is_wide = (byte_order_mark(data) or "").startswith(("utf-16", "utf-32"))
    start = without_blanks(decode_text(data, source).encode() if is_wide else data)
    if start.startswith(b"<"):
        if is_xml(start[:4096].lower()):
            # XML names its own encoding, and that must stay true.
            yield read_spl(io.BytesIO(data if is_wide else start), source)
        else:
            yield read_html(start, source)
    elif is_wide and _JSON.match(start):
        read = read_json_lines if _is_json_lines(start) else read_json
        yield from read(io.BytesIO(start), source)
    else:
        text = decode_text(start, source)
        rows = read_csv(text, source)
        yield from [_read_leaflet(text, source)] if rows is None else rows


def _read_leaflet(text: str, source: str) -> DrugInsert:
    try:
        return read_leaflet(text, source)
    except ReadError as error:
        if is_table_name(source):
            raise without_text_column(text, source) from error
        raise
