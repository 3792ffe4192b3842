"""Tables of categories and codes: rows of a CSV file by the titles of its columns."""

from __future__ import annotations

import csv
import io
import os
from itertools import zip_longest
from pathlib import Path

from drugtext.errors import ReadError, TaxonomyError
from drugtext.inserts.text import decode_text

_DELIMITERS = ",;\t"


def csv_rows(path: str | os.PathLike[str], *needed: str) -> list[dict[str, str]]:
    """Read a table of one row or more, every cell stripped.

    Args:
        path: of the file. Its cells are separated by what its first line holds most of: commas,
            semicolons or tabs. Its encoding is told as that of an insert is.
        needed: titles that columns must have; a title counts in any case.

    Raises:
        TaxonomyError: the file cannot be read, has no such column or no row, or a row has more
            cells than there are columns.
    """
    try:
        text = decode_text(Path(path).read_bytes(), str(path))
        first = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=first.count)
        table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        titles, *rows = [[cell.strip() for cell in row] for row in table] or [[]]
    except ReadError as error:
        raise TaxonomyError(str(error)) from error
    except OSError as error:
        reason = error.strerror or error
        raise TaxonomyError(f"{path}: cannot be read ({reason}); check the path.") from error
    except (ValueError, csv.Error) as error:  # ValueError: no path
        raise TaxonomyError(f"{path}: cannot be read as CSV ({error}).") from error
    known = {title.lower(): title for title in needed}
    columns = [known.get(title.lower(), title) for title in titles]
    if not set(needed) <= set(columns):
        found = ", ".join(columns) or "no column"
        raise TaxonomyError(f"{path}: found {found}; needed columns: {', '.join(needed)}.")
    rows = [row for row in rows if any(row)]
    if not rows:
        raise TaxonomyError(f"{path}: holds no row below its titles; one is needed.")
    for row in rows:
        if any(row[len(columns) :]):
            what = f"the row {delimiter.join(row)!r} has more cells than columns"
            raise TaxonomyError(f"{path}: {what}; put a text with a comma in double quotes.")
    return [dict(zip_longest(columns, row[: len(columns)], fillvalue="")) for row in rows]
