"""Tables of categories and codes: rows of a CSV file by the titles of its columns."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from unicodedata import normalize

from drugtext.errors import ReadError, TaxonomyError
from drugtext.inserts.text import decode_text, refuse_foreign

_DELIMITERS = ",;\t"
_WORKBOOK = b"PK\x03\x04"  # a zip archive, as .xlsx and .ods are
_HEAD = 512
_MOST_ABOVE = 5  # rows with a title of the table, or nothing, above the titles of its columns
_AS_TEXT = re.compile(r'="(.*)"')  # how spreadsheets are told that 01 is no number


def csv_rows(
    path: str | os.PathLike[str], *needed: str, also: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, str]]:
    """Read a table of one row or more, every cell stripped.

    Args:
        path: of the file. Its cells are separated by what its first line holds most of: commas,
            semicolons or tabs. Its encoding is told as that of an insert is.
        needed: titles that columns must have; a title counts in any case, and with or without
            spaces and signs.
        also: other titles, in that form (`title_key`) -> what such a column is called instead,
            where no other is.

    Raises:
        TaxonomyError: the file cannot be read, has no such column or no row, or a row has more
            cells than there are columns.
    """
    delimiter, table = _table(path)
    names = {title_key(title): title for title in (*needed, *also.values())}
    found = (_columns(row, names, also) for row in table[:_MOST_ABOVE])
    place = next((n for n, columns in enumerate(found) if set(needed) <= set(columns)), 0)
    columns = _columns(table[place], names, also) if table else []
    if not set(needed) <= set(columns):
        told = ", ".join(table[place] if table else ()) or "no column"
        raise TaxonomyError(f"{path}: found {told}; needed columns: {', '.join(needed)}.")
    rows = table[place + 1 :]
    if not rows:
        raise TaxonomyError(f"{path}: holds no row below its titles; one is needed.")
    for row in rows:
        if any(row[len(columns) :]):
            what = f"the row {delimiter.join(row)!r} has more cells than columns"
            raise TaxonomyError(f"{path}: {what}; put a text with a comma in double quotes.")
    return [dict(zip_longest(columns, row[: len(columns)], fillvalue="")) for row in rows]


def title_key(title: str) -> str:
    """Return a title in small letters, without spaces and signs."""
    return re.sub(r"[\W_]", "", title).lower()


def _columns(
    titles: Sequence[str], needed: Mapping[str, str], also: Mapping[str, str]
) -> list[str]:
    """Return what columns are called, by their titles."""
    columns = [needed.get(title_key(title), title) for title in titles]
    for n, title in enumerate(titles):
        name = also.get(title_key(title))
        if name and name not in columns:
            columns[n] = name
    return columns


def _table(path: str | os.PathLike[str]) -> tuple[str, list[list[str]]]:
    """Return what separates the cells of a table, and its rows that hold anything."""
    try:
        data = Path(path).read_bytes()
        if data.startswith(_WORKBOOK):
            raise TaxonomyError(f"{path}: is a workbook of a spreadsheet; save it as CSV in UTF-8.")
        refuse_foreign(data[:_HEAD], str(path))
        lines = decode_text(data, str(path)).splitlines(keepends=True)
        while lines and (not lines[0].strip() or lines[0].lower().startswith("sep=")):
            del lines[0]
        delimiter = max(_DELIMITERS, key=(lines or [""])[0].count)
        rows = csv.reader(lines, delimiter=delimiter)
        table = [[_AS_TEXT.sub(r"\1", cell.strip()) for cell in row] for row in rows]
    except ReadError as error:
        raise TaxonomyError(str(error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise TaxonomyError(f"{path}: cannot be read ({reason}); check the path.") from error
    except (ValueError, csv.Error) as error:  # ValueError: no path
        raise TaxonomyError(f"{path}: cannot be read as CSV ({error}).") from error
    return delimiter, [[normalize("NFC", cell) for cell in row] for row in table if any(row)]
