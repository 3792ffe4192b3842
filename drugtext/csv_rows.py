"""Tables of categories and codes: rows of a CSV file by the titles of its columns."""

from __future__ import annotations

import csv
import io
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
_MOST_ABOVE = 5  # rows with a title of the table, or nothing, above the titles of its columns
_ABOVE = re.compile(r"\A(?:\s*\n)?(?:sep=.\r?\n)?", re.IGNORECASE)
_AS_TEXT = re.compile(r'\A="(.*)"\Z')  # how spreadsheets are told that 01 is no number


def csv_rows(
    path: str | os.PathLike[str], *needed: str, also: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, str]]:
    """Read a table of one row or more, every cell stripped.

    Args:
        path: of the file. Its cells are separated by commas, semicolons or tabs. Its encoding is
            told as that of an insert is. Some rows may stand above the titles.
        needed: titles that columns must have; a title counts in any case and, where no other is
            called so, with or without spaces and signs.
        also: other titles, in that form (`title_key`) -> what such a column is called instead,
            where no other is.

    Raises:
        TaxonomyError: the file cannot be read, has no such column or no row, or a row has more
            cells than there are columns.
    """
    text, names = _text(path), [*needed, *also.values()]
    first: list[str] = []
    for delimiter in _likely_delimiters(text):
        table = _table(text, delimiter, path)
        found = [_columns(row, names, also) for row in table[:_MOST_ABOVE]] or [[]]
        place = _place_of_titles(found, needed)
        if place is not None:
            break
        first = first or next(iter(table), [])
    else:
        told = ", ".join(first) or "no column"
        raise TaxonomyError(f"{path}: found {told}; needed columns: {', '.join(needed)}.")
    columns, rows = found[place], table[place + 1 :]
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


def _columns(titles: Sequence[str], names: Sequence[str], also: Mapping[str, str]) -> list[str]:
    """Return what columns are called, by their titles: as they stand first, then loosely."""
    exact = {name.lower(): name for name in names}
    columns: list[str] = []
    for title in titles:
        name = exact.get(title.lower(), title)
        columns.append(f"{name} {len(columns) + 1}" if name in columns else name)
    loose = {**{title_key(name): name for name in names}, **also}
    for n, title in enumerate(titles):
        meant = loose.get(title_key(title))
        if meant and meant not in columns:
            columns[n] = meant
    return columns


def _likely_delimiters(text: str) -> list[str]:
    """Return what may separate cells, the likeliest first: what most of the first lines hold."""
    lines = text.splitlines()[:_MOST_ABOVE]
    counts = {d: [line.count(d) for line in lines] for d in _DELIMITERS}
    return sorted(counts, key=lambda d: (sum(map(bool, counts[d])), sum(counts[d])), reverse=True)


def _place_of_titles(found: Sequence[Sequence[str]], needed: Sequence[str]) -> int | None:
    """Return which of the first rows holds the titles; None if none does.

    Where none is needed, it is the first of several cells, or the first of all.
    """
    if needed:
        return next((n for n, titles in enumerate(found) if {*needed} <= {*titles}), None)
    return next((n for n, titles in enumerate(found) if sum(map(bool, titles)) > 1), 0)


def _text(path: str | os.PathLike[str]) -> str:
    """Return the text of a table."""
    try:
        data = Path(path).read_bytes()
        if data.startswith(_WORKBOOK):
            raise TaxonomyError(f"{path}: is a workbook of a spreadsheet; save it as CSV in UTF-8.")
        refuse_foreign(data, str(path))
        return _ABOVE.sub("", decode_text(data, str(path)), count=1)
    except ReadError as error:
        raise TaxonomyError(str(error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise TaxonomyError(f"{path}: cannot be read ({reason}); check the path.") from error
    except ValueError as error:  # no path
        raise TaxonomyError(f"{path}: cannot be read as CSV ({error}).") from error


def _table(text: str, delimiter: str, path: str | os.PathLike[str]) -> list[list[str]]:
    """Return the rows of a table that hold anything."""
    try:
        rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as error:
        raise TaxonomyError(f"{path}: cannot be read as CSV ({error}).") from error
    table = [[_AS_TEXT.sub(r"\1", cell.strip()) for cell in row] for row in rows]
    return [[normalize("NFC", cell) for cell in row] for row in table if any(row)]
