"""A table of ATC codes and names, in the forms in which people have it -> code, name, parent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from drugtext.csv_rows import csv_rows
from drugtext.errors import TaxonomyError

ATC_LEVEL_LENGTHS = (1, 3, 4, 5, 7)
"""Characters of an ATC code at levels 1 to 5: C, C07, C07A, C07AB, C07AB02."""

_ATC_CODE = re.compile(r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?")
_NAME = re.compile(r"name|名|bezeichnung|bedeutung|libell|denomina|description", re.IGNORECASE)
_CODE = re.compile(r"atc|code|编码|代码", re.IGNORECASE)
_OF_OTHERS = re.compile(r"parent|brand|drug|trade|substance|上级|商品", re.IGNORECASE)
_SHOWN = 10


def atc_rows(path: str | os.PathLike[str]) -> list[tuple[str, str, str | None]]:
    """Read code, name and parent of each category, as `Taxonomy.from_atc` says.

    Raises:
        TaxonomyError: there is no column of names, no code or what is none, a code of two names,
            or codes that stand above others are missing.
    """
    rows = csv_rows(path)
    codes = _code_column(rows)
    names = _name_column([*rows[0]], codes)
    if names is None:
        raise TaxonomyError(
            f"{path}: found {', '.join(rows[0])}; a column of names is needed, called such as name."
        )
    pairs: dict[str, str] = {}
    for row in (row for row in rows if row[codes]):
        code, name = row[codes].upper(), row[names]
        before = pairs.setdefault(code, name)
        if before and name and before != name:
            raise TaxonomyError(f"{path}: {code} is there twice, {before!r} and {name!r}.")
        pairs[code] = before or name
    if not pairs:
        raise TaxonomyError(f"{path}: holds no ATC code; a column of them is needed.")
    wrong = next((code for code in pairs if not _ATC_CODE.fullmatch(code)), None)
    if wrong is not None:
        raise TaxonomyError(f"{path}: {_no_atc_code(wrong)}")
    parents = {code: atc_parent(code) for code in pairs}
    missing = sorted({p for p in parents.values() if p and p not in pairs})
    if len(missing) > 1:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise TaxonomyError(
            f"{path}: lacks {', '.join(missing[:_SHOWN])}{more}, which stand above codes that"
            " it holds; add a row for each."
        )
    return [(code, pairs[code] or code, parent) for code, parent in parents.items()]


def atc_parent(code: str) -> str | None:
    """Return the code one ATC level up, None for a level 1 code.

    Raises:
        TaxonomyError: the code has no ATC shape.
    """
    if not _ATC_CODE.fullmatch(code):
        raise TaxonomyError(_no_atc_code(code))
    return next((code[:n] for n in reversed(ATC_LEVEL_LENGTHS) if n < len(code)), None)


def _no_atc_code(code: str) -> str:
    return f"{code!r} is no ATC code; one such as C, C07, C07A, C07AB is needed."


def _code_column(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the title of the column of ATC codes; the first one where none looks like it."""
    cells = {title: [row[title].upper() for row in rows if row[title]] for title in rows[0]}
    n_codes = {t: sum(bool(_ATC_CODE.fullmatch(cell)) for cell in cells[t]) for t in cells}
    able = [title for title in cells if 2 * n_codes[title] > len(cells[title])]
    called = [title for title in able if _CODE.search(title)]
    return max(called or able or [next(iter(cells))], key=lambda title: len({*cells[title]}))


def _name_column(titles: Sequence[str], codes: str) -> str | None:
    """Return the title of the column of names; None where others may be it."""
    own = [t for t in titles if _NAME.search(t) and not _OF_OTHERS.search(t) and t != codes]
    begins = [title for title in own if title.lower().startswith("name")]
    return next(iter(begins or own), codes if len(titles) == 1 or _NAME.search(codes) else None)
