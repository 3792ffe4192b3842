"""CSV tables of inserts: a column `text`, and such columns as `name` and `category` beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from drugtext.errors import ReadError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.record import insert_from_record

_MAX_FIELD = 2**26  # characters; the csv module's own limit is shorter than many inserts


def read_csv(text: str, source: str) -> Iterator[DrugInsert | ReadError] | None:
    """Read a table of inserts, if the text is one.

    Args:
        text: the whole file. Its first line must name two or more columns, one of them `text`,
            separated by commas, semicolons or tabs.
        source: the file's name, for messages.

    Returns:
        The inserts, a `ReadError` in the place of a row without text; None if it is no such table.
    """
    first = text.lstrip("\ufeff\r\n").partition("\n")[0]
    for delimiter in ",;\t":
        columns = [c.strip().strip('"').lower() for c in first.split(delimiter)]
        if len(columns) > 1 and "text" in columns:
            return _rows(text, delimiter, source)
    return None


def _rows(text: str, delimiter: str, source: str) -> Iterator[DrugInsert | ReadError]:
    csv.field_size_limit(_MAX_FIELD)
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff\r\n"), newline=""), delimiter=delimiter)
    try:
        columns = [column.strip().lower() for column in next(rows)]
        for n, row in enumerate(rows):
            if not any(row):
                continue
            try:
                yield insert_from_record(dict(zip(columns, row, strict=False)), source)
            except ReadError as error:
                yield ReadError(f"{source}[{n}]", error.reason)
    except csv.Error as error:
        raise ReadError(source, f"the table cannot be read ({error}). Save it again as CSV.") from error
