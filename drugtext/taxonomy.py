"""Categories and the tree they stand in: ATC, FDA EPC, KEGG BRITE, or a CSV of one's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from drugtext.csv_rows import csv_rows
from drugtext.errors import TaxonomyError

ATC_LEVEL_LENGTHS = (1, 3, 4, 5, 7)
"""Characters of an ATC code at levels 1 to 5: C, C07, C07A, C07AB, C07AB02."""

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Category:
    """One category.

    Attributes:
        id: the taxonomy's own code, such as "C07AB".
        name: what people call it; the id where the taxonomy gives no name.
        parent_id: id of the category above; None for a root.
    """

    id: str
    name: str
    parent_id: str | None = None


class Taxonomy:
    """A tree (or several) of categories, checked when it is made.

    Args:
        categories: in any order; parents may stand behind their children.
        name: what the taxonomy is called, such as "atc".

    Raises:
        TaxonomyError: an empty or duplicate id, an unknown parent, or a cycle; each is named.
    """

    def __init__(self, categories: Iterable[Category], name: str = "taxonomy") -> None:
        self.name = name
        self._by_id: dict[str, Category] = {}
        for category in categories:
            if not category.id:
                raise TaxonomyError(f"category {category.name!r} has no id; give it one.")
            if category.id in self._by_id:
                raise TaxonomyError(f"category id {category.id!r} is there twice; keep one.")
            self._by_id[category.id] = category
        rooted: set[str] = set()
        for category in self:
            rooted |= self._check_ancestors(category, rooted)

    def _check_ancestors(self, category: Category, rooted: set[str]) -> set[str]:
        """Walk up to a root, or to a category from which one was reached, and return the way."""
        seen = {category.id}
        while category.parent_id is not None and category.id not in rooted:
            if category.parent_id not in self._by_id:
                raise TaxonomyError(
                    f"category {category.id!r} has the parent {category.parent_id!r}, which is not"
                    " in the taxonomy; add it or leave the parent empty."
                )
            category = self._by_id[category.parent_id]
            if category.id in seen:
                raise TaxonomyError(
                    f"category {category.id!r} is its own ancestor; the parents must form a tree."
                )
            seen.add(category.id)
        return seen

    def __iter__(self) -> Iterator[Category]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, category_id: object) -> bool:
        return category_id in self._by_id

    def __getitem__(self, category_id: str) -> Category:
        """Return the category of this id; `TaxonomyError` names an unknown one."""
        try:
            return self._by_id[category_id]
        except KeyError:
            raise TaxonomyError(
                f"category {category_id!r} is not in the taxonomy {self.name!r}"
                f" of {len(self)} categories; check the id, or add the category."
            ) from None

    @cached_property
    def _ids_by_name(self) -> dict[str, list[str]]:
        ids: dict[str, list[str]] = {}
        for category in self:
            ids.setdefault(category.name, []).append(category.id)
        return ids

    def knows(self, id_or_name: str) -> bool:
        """Tell whether a category has this id or this very name."""
        return id_or_name in self._by_id or id_or_name in self._ids_by_name

    def _ids_of(self, id_or_name: str) -> list[str]:
        return [id_or_name] if id_or_name in self else self._ids_by_name.get(id_or_name, [])

    def meant(self, id_or_name: str) -> Category | None:
        """Return the category of this id, or the only one of this very name; None if none is."""
        ids = self._ids_of(id_or_name)
        return self[ids[0]] if len(ids) == 1 else None

    def find(self, id_or_name: str) -> Category:
        """Return the category of this id, or the only one of this very name.

        Raises:
            TaxonomyError: there is none, or several share the name.
        """
        ids = self._ids_of(id_or_name)
        if len(ids) > 1:
            raise TaxonomyError(
                f"the name {id_or_name!r} belongs to {len(ids)} categories"
                f" ({', '.join(ids[:5])}); give the id."
            )
        return self[ids[0] if ids else id_or_name]

    def path(self, category_id: str) -> tuple[Category, ...]:
        """Return the categories from the root down to this one."""
        category = self[category_id]
        path = [category]
        while category.parent_id is not None:
            category = self._by_id[category.parent_id]
            path.append(category)
        return tuple(reversed(path))

    def children(self, category_id: str | None) -> tuple[Category, ...]:
        """Return the categories right below this one; of None, the roots."""
        return tuple(c for c in self if c.parent_id == category_id)

    def with_categories(self, categories: Iterable[Category]) -> Taxonomy:
        """Return a taxonomy that holds these categories too; this one stays as it is."""
        return Taxonomy([*self, *categories], self.name)

    def restricted_to(self, category_ids: Iterable[str]) -> Taxonomy:
        """Return the taxonomy of these categories and their ancestors alone, in this order."""
        kept = {step.id for category_id in category_ids for step in self.path(category_id)}
        return Taxonomy((c for c in self if c.id in kept), self.name)

    @classmethod
    def from_atc(cls, path: PathLike) -> Taxonomy:
        """Read ATC codes and names from a CSV whose first column is the code.

        The parent is in the code itself: C07AB02 stands below C07AB, that below C07A. The name is
        the first column whose title begins with "name".

        Source: https://atcddd.fhi.no/atc/structure_and_principles/
        """
        rows = csv_rows(path)
        code_column = next(iter(rows[0]))
        name_column = next((c for c in rows[0] if c.startswith("name")), code_column)
        pairs = ((row[code_column], row[name_column]) for row in rows)
        return cls._of(path, (Category(c, name or c, atc_parent(c)) for c, name in pairs), "atc")

    @classmethod
    def from_epc(cls, path: PathLike) -> Taxonomy:
        """Read the FDA's Established Pharmacologic Classes: flat, the name is the id.

        The CSV has a column `class_name` and, where it holds other kinds of class as well, a column
        `class_type` that says "EPC".

        Source: https://www.fda.gov/industry/structured-product-labeling-resources/pharmacologic-class
        """
        rows = csv_rows(path, "class_name")
        names = {r["class_name"] for r in rows if r.get("class_type", "EPC") == "EPC"} - {""}
        if not names:
            raise TaxonomyError(f'{path}: no row has the class_type "EPC"; one or more is needed.')
        return cls._of(path, (Category(name, name) for name in sorted(names)), "epc")

    @classmethod
    def from_keg(cls, path: PathLike) -> Taxonomy:
        """Read a KEGG BRITE hierarchy: one line a category, its first letter tells the depth.

        The first word of a line is the id. Where it stands on several branches (a drug in two
        groups), the parent's id is added behind a slash. A line repeated below one parent counts
        once; HTML marks and lines of `+`, `#`, `!` are passed over.

        Source: https://www.genome.jp/kegg/brite.html, the `.keg` (htext) format.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:  # ValueError: no UTF-8, or no path
            raise TaxonomyError(f"{path}: cannot be read as text in UTF-8 ({error}).") from error
        return cls._of(path, _keg_categories(lines), Path(path).stem)

    @classmethod
    def from_csv(cls, path: PathLike) -> Taxonomy:
        """Read a taxonomy of one's own: columns `id`, `name` and, for a tree, `parent`.

        As `csv_rows` reads a table: whatever a spreadsheet saves as CSV.
        """
        rows = ((r["id"], r["name"], _parent(r)) for r in csv_rows(path, "id", "name"))
        categories = (Category(i, name or i, parent or None) for i, name, parent in rows)
        return cls._of(path, categories, Path(path).stem)

    @classmethod
    def _of(cls, path: PathLike, categories: Iterable[Category], name: str) -> Taxonomy:
        try:
            return cls(categories, name)
        except TaxonomyError as error:
            raise TaxonomyError(f"{path}: {error}") from error


def _parent(row: Mapping[str, str]) -> str | None:
    return next((cell for title, cell in row.items() if title.lower() == "parent"), None)


def atc_parent(code: str) -> str | None:
    """Return the code one ATC level up, None for a level 1 code.

    Raises:
        TaxonomyError: the code has no ATC shape.
    """
    if not re.fullmatch(r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?", code):
        raise TaxonomyError(f"{code!r} is no ATC code; one such as C, C07, C07A, C07AB is needed.")
    return next((code[:n] for n in reversed(ATC_LEVEL_LENGTHS) if n < len(code)), None)


def _keg_categories(lines: Iterable[str]) -> Iterator[Category]:
    categories: dict[str, Category] = {}
    branch: list[str] = []
    for line in lines:
        match = re.match(r"([A-Z])\s*(\S.*)", re.sub(r"<[^<>]*>", "", line))
        if not match:
            continue
        depth = ord(match[1]) - ord("A")
        if depth > len(branch):
            raise TaxonomyError(f"{line!r} is deeper than the line above by more than one level.")
        code, _, rest = match[2].strip().partition(" ")
        name, parent = rest.strip() or code, branch[depth - 1] if depth else None
        for category_id in (code, f"{code}/{parent}", f"{code} {name}/{parent}"):
            category = Category(category_id, name, parent)
            if categories.setdefault(category_id, category) == category:
                branch[depth:] = [category_id]
                break
    if not categories:
        raise TaxonomyError("no KEGG BRITE line found; lines such as 'A…', 'B  …' are needed.")
    yield from categories.values()
