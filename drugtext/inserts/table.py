"""CSV tables of inserts: a column `text` or one a section, and such as `name` and `category`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice

from drugtext.errors import ReadError
from drugtext.inserts.forms import TEXT_FIELDS
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.record import insert_from_record
from drugtext.inserts.text import MAX_INSERT_BYTES

_TABLES = (".csv", ".tsv")
_BEFORE_A_TABLE = "\ufeff\r\n"
_DELIMITERS = ",;\t"
_GRID_ROWS = 5
_SHOWN = 200  # characters of a first line


def read_csv(text: str, source: str) -> Iterator[DrugInsert | ReadError] | None:
    """Read a table of inserts, if the text is one.

    Args:
        text: the whole file. Its first line must name the columns, separated by commas, semicolons
            or tabs: one is `text` or 说明书, or in a file called .csv or .tsv some are headings of
            sections, as `canonical_name` takes them.
        source: the file's name, for messages.

    Returns:
        The inserts, a `ReadError` in the place of a row that holds none; None if it is no such
        table.

    Raises:
        ReadError: two columns are called `text`, or it is a table without such columns; while
            reading, where a quotation mark is not closed.
    """
    text = text.lstrip(_BEFORE_A_TABLE)
    first = text.partition("\n")[0]
    is_table = False
    for delimiter in _DELIMITERS:
        columns = [title.strip(' \r"').lower() for title in _titles(first, delimiter)]
        if columns.count("text") > 1:
            raise ReadError(
                source,
                f"the table has {columns.count('text')} columns that are called text; call one of"
                " them so, and put the texts of an insert together in it.",
            )
        rows = _first_rows(text, delimiter) if is_table_name(source) else []
        if "text" in columns or (rows and _tells_sections(columns)):
            return _rows(text, delimiter, columns, source)
        is_table |= len(rows) > 1 and len({len(row) for row in rows}) == 1
    if is_table:
        raise without_text_column(text, source)
    return None


def is_table_name(source: str) -> bool:
    """Tell whether a file is called as tables are."""
    return source.lower().removesuffix(".gz").endswith(_TABLES)


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the first rows of a table of several columns; none where lines open sections."""
    try:
        rows = [*islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), _GRID_ROWS)]
    except csv.Error:
        return []
    below = (row[0].replace("：", ":").partition(":")[0] for row in rows[1:] if row)
    return rows if rows and len(rows[0]) > 1 and not any(map(canonical_name, below)) else []


def _tells_sections(columns: list[str]) -> bool:
    return any(map(canonical_name, columns)) or not set(columns).isdisjoint(TEXT_FIELDS)


def _titles(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=delimiter), [])
    except csv.Error:  # of a text that is no table
        return line.split(delimiter)


def without_text_column(text: str, source: str) -> ReadError:
    """Return what is wrong with a table of which `read_csv` knows no column."""
    first = text.lstrip(_BEFORE_A_TABLE).partition("\n")[0].strip()[:_SHOWN]
    return ReadError(
        source,
        f"its first line is {first!r}; a table of inserts names its columns there, and one of them"
        " is text: the whole insert, with its headings. Or each section has a column, such as"
        " indications or 适应症.",
    )


def _rows(
    text: str, delimiter: str, columns: list[str], source: str
) -> Iterator[DrugInsert | ReadError]:
    # The module's own limit, 131,072 characters, is shorter than many inserts.
    csv.field_size_limit(MAX_INSERT_BYTES)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        next(rows)
        n = -1
        for n, row in enumerate(filter(any, rows)):
            try:
                yield _insert(row, columns, source, n)
            except ReadError as error:
                yield ReadError(f"{source}[{n}]", error.reason)
        if n < 0:
            raise ReadError(
                source, "the table has no row below its first line; an insert is needed."
            )
    except csv.Error as error:
        raise ReadError(
            source,
            f"the table cannot be read behind line {rows.line_num} ({error}); a text with commas,"
            ' quotation marks or line ends must stand between ", and a " in it be doubled.',
        ) from error


def _insert(row: list[str], columns: list[str], source: str, n: int) -> DrugInsert:
    if any(cell.strip() for cell in row[len(columns) :]):
        raise ReadError(
            source,
            f"the row has {len(row)} columns, the first line names {len(columns)};"
            ' put texts between ".',
        )
    return insert_from_record(dict(zip(columns, row, strict=False)), source, n)
