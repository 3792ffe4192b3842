"""A KEGG BRITE hierarchy -> id, name and parent of each category."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from drugtext.errors import ReadError, TaxonomyError
from drugtext.inserts.text import decode_text

Row = tuple[str, str, str | None]
"""Id, name, and id of the parent."""


def keg_rows(path: str | os.PathLike[str]) -> list[Row]:
    """Read id, name and parent of each category, as `Taxonomy.from_keg` says.

    Raises:
        TaxonomyError: the file cannot be read, holds no such line, or one that is too deep.
    """
    try:
        lines = decode_text(Path(path).read_bytes(), str(path)).splitlines()
    except ReadError as error:
        raise TaxonomyError(str(error)) from error
    except (OSError, ValueError) as error:  # ValueError: no path
        raise TaxonomyError(f"{path}: cannot be read ({error}); check the path.") from error
    rows = _rows(lines, path)
    if not rows:
        raise TaxonomyError(
            f"{path}: no KEGG BRITE line found; lines such as 'A…', 'B  …' are needed."
        )
    return rows


def _rows(lines: Iterable[str], path: str | os.PathLike[str]) -> list[Row]:
    rows: dict[str, Row] = {}
    branch: list[str] = []
    for line in lines:
        match = re.match(r"([A-Z])\s*(\S.*)", re.sub(r"<[^<>]*>", "", line))
        if not match:
            continue
        depth = ord(match[1]) - ord("A")
        if depth > len(branch):
            raise TaxonomyError(
                f"{path}: {line!r} is deeper than the line above by more than one level."
            )
        told = match[2].strip()
        code, _, rest = told.partition(" ")
        if len(code) > 1 and not code.isupper() and not any(map(str.isdigit, code)):
            code, rest = told, ""  # it is the first word of a name
        name, parent = rest.strip() or code, branch[depth - 1] if depth else None
        for category_id in (code, f"{code}/{parent}", f"{code} {name}/{parent}"):
            row = category_id, name, parent
            if rows.setdefault(category_id, row) == row:
                branch[depth:] = [category_id]
                break
    return list(rows.values())
