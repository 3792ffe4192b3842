"""read_inserts: find a file's format by its content, and stream its inserts."""

from __future__ import annotations

import io
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile

from drugtext.errors import ReadError
from drugtext.inserts.archive import read_limited, unpack_gzip, unpack_zip
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.leaflet import read_html, read_leaflet
from drugtext.inserts.openfda import read_json, read_json_lines
from drugtext.inserts.spl import read_spl
from drugtext.inserts.table import read_csv
from drugtext.inserts.text import decode_text

MAX_DOCUMENT_BYTES = 64 * 2**20
"""A document that is parsed whole (XML, HTML, text) may be this large; JSON is streamed."""

_SNIFFED = 2**20  # bytes; the first line of newline-delimited JSON is nearly always shorter

PathLike = str | os.PathLike[str]
Found = DrugInsert | ReadError


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
        paths: a file, a folder (read recursively, in sorted order), "-" for standard input, or
            several of them.
        on_error: called with each file or record that cannot be read; the others are still
            yielded. Without it the first one raises.

    Yields:
        The inserts, in order, one in memory at a time.

    Raises:
        ReadError: a file or record cannot be read, and `on_error` is None.
    """
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        for found in _read_path(path):
            if isinstance(found, DrugInsert):
                yield found
            elif on_error is None:
                raise found
            else:
                on_error(found)


def _read_path(path: PathLike) -> Iterator[Found]:
    if os.fspath(path) == "-":
        yield from _caught("-", lambda: _read_stream(sys.stdin.buffer, "-"))
    elif not Path(path).is_dir():
        yield from _caught(str(path), partial(_read_file, Path(path)))
    else:
        folder = Path(path)
        files = [f for f in sorted(folder.rglob("*")) if f.is_file() and not _hidden(f, folder)]
        if not files:
            yield ReadError(str(path), "the folder holds no file; a folder of inserts is needed.")
        for file in files:
            yield from _caught(str(file), partial(_read_file, file))


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _read_file(file: Path) -> Iterator[Found]:
    if file.exists() and not file.is_file():
        raise ReadError(str(file), "is not a regular file; name a file, a folder or -.")
    with file.open("rb") as stream:
        yield from _read_stream(stream, str(file))


def _caught(source: str, read: Callable[[], Iterator[Found]]) -> Iterator[Found]:
    """Turn what goes wrong in one file into a `ReadError`, so that the next file is still read."""
    try:
        yield from read()
    except ReadError as error:
        yield error
    except FileNotFoundError:
        yield ReadError(source, "there is no such file or folder; check the path.")
    except (OSError, EOFError, BadZipFile, zlib.error, NotImplementedError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        yield ReadError(source, f"cannot be opened or unpacked ({reason}). Fetch or save it again.")


def _read_stream(raw: BinaryIO, source: str, packed: bool = False) -> Iterator[Found]:
    """Yield the inserts of one stream, by the format that its first bytes show."""
    stream = io.BufferedReader(raw, buffer_size=_SNIFFED)  # type: ignore[type-var]
    head = stream.peek(_SNIFFED)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n\f\v")
    if not start:
        what = "holds only white space" if head else "is empty"
        raise ReadError(source, f"{what}; an insert is needed.")
    if head.startswith(b"PK") and not packed:
        for name, entry in unpack_zip(stream, source):
            yield from _caught(name, partial(_read_stream, entry, name, packed=True))
    elif head.startswith(b"\x1f\x8b") and not packed:
        yield from _read_stream(unpack_gzip(stream, source), source, packed=True)
    elif _is_json(start):
        yield from (read_json_lines if _is_json_lines(start) else read_json)(stream, source)
    else:
        yield from _read_document(read_limited(stream, MAX_DOCUMENT_BYTES, source), source)


def _is_json(start: bytes) -> bool:
    """Tell JSON from a text that begins with a bracketed heading such as `[功能主治]`."""
    inside = start[1:64].lstrip()[:1]
    return (start[:1] == b"{") or (start[:1] == b"[" and (not inside or inside in b'{["]'))


def _is_json_lines(start: bytes) -> bool:
    first, newline, rest = start.partition(b"\n")
    try:
        record = json.loads(first) if newline and rest.lstrip()[:1] == b"{" else None
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "results" not in record


def _read_document(data: bytes, source: str) -> Iterator[Found]:
    """Read a document that is parsed whole: SPL XML, HTML, CSV or headed text."""
    head = data[:_SNIFFED]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head[: len(head) // 2 * 2].decode("utf-16", errors="ignore").encode()
    head = head.lstrip(b"\xef\xbb\xbf \t\r\n\f\v")
    if head.startswith(b"<"):
        beginning = head[:4096].lower()
        is_html = b"<html" in beginning or b"<!doctype html" in beginning
        is_xml = beginning.startswith(b"<?xml") or b"<document" in beginning or b"urn:hl7" in beginning
        is_spl = is_xml and not is_html
        yield read_spl(io.BytesIO(data), source) if is_spl else read_html(data, source)
        return
    text = decode_text(data, source)
    if _is_json(head):  # JSON in another encoding than UTF-8
        yield from read_json(io.BytesIO(text.encode()), source)
    elif (rows := read_csv(text, source)) is not None:
        yield from rows
    else:
        yield read_leaflet(text, source)
