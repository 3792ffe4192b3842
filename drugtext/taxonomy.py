"""Categories and the tree they stand in: ATC, FDA EPC, KEGG BRITE, or a CSV of one's own."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from drugtext.atc_table import ATC_LEVEL_LENGTHS, atc_rows
from drugtext.atc_table import atc_parent as atc_parent  # of the public face
from drugtext.csv_rows import csv_rows
from drugtext.errors import TaxonomyError
from drugtext.keg_file import keg_rows

PathLike = str | os.PathLike[str]

_NO_PARENT = ("", "0", "-1", "-", "null", "none", "nan")
_TITLES = {
    **dict.fromkeys(("code", "categoryid", "categorycode", "编码", "编号", "代码", "編碼"), "id"),
    **dict.fromkeys(
        ("categoryname", "namezh", "nameen", "名称", "类别名称", "分类名称", "名稱"), "name"
    ),
    **dict.fromkeys(("parentid", "parentcode", "parentcategory", "上级", "上级编码"), "parent"),
    **dict.fromkeys(("上级代码", "父级", "父级编码", "上級", "上級編碼"), "parent"),
}
"""What columns of a tree are called, too, as `title_key` writes it."""


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
        drug_level: at which drugs stand, counted from 1 at the roots; None where it lists none.

    Raises:
        TaxonomyError: an empty or duplicate id, an unknown parent, or a cycle; each is named.
    """

    def __init__(
        self,
        categories: Iterable[Category],
        name: str = "taxonomy",
        drug_level: int | None = None,
    ) -> None:
        self.name, self.drug_level = name, drug_level
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

    def path_by_code(self, code: str) -> tuple[Category, ...]:
        """Return where the ATC puts a code that this tree need not hold, from the root down.

        What the tree does not hold has its code for a name. Empty where this is not the ATC, or
        what is given is no code of it.
        """
        new: list[str] = []
        above: str | None = code if self.name == "atc" else None
        try:
            while above is not None and above not in self:
                new.insert(0, above)
                above = atc_parent(above)
        except TaxonomyError:  # a name of one's own
            return ()
        held = () if above is None else self.path(above)
        parents = zip(new, [above, *new], strict=False)
        return (*held, *(Category(step, step, parent) for step, parent in parents))

    @cached_property
    def _children(self) -> dict[str | None, list[Category]]:
        below: dict[str | None, list[Category]] = {}
        for category in self:
            below.setdefault(category.parent_id, []).append(category)
        return below

    def children(self, category_id: str | None) -> tuple[Category, ...]:
        """Return the categories right below this one; of None, the roots."""
        return tuple(self._children.get(category_id, ()))

    def of(self, categories: Iterable[Category]) -> Taxonomy:
        """Return a taxonomy of these categories that is called as this one, with its drug level."""
        return Taxonomy(categories, self.name, self.drug_level)

    def with_categories(self, categories: Iterable[Category]) -> Taxonomy:
        """Return a taxonomy that holds these categories too; this one stays as it is."""
        return self.of([*self, *categories])

    def restricted_to(self, category_ids: Iterable[str]) -> Taxonomy:
        """Return the taxonomy of these categories and their ancestors alone, in this order."""
        kept = {step.id for category_id in category_ids for step in self.path(category_id)}
        return self.of(c for c in self if c.id in kept)

    @classmethod
    def from_atc(cls, path: PathLike) -> Taxonomy:
        """Read ATC codes and names from a CSV.

        The codes are the first column that holds one in most rows. The parent is in the code
        itself: C07AB02 stands below C07AB, that below C07A. The names are the first column whose
        title speaks of a name ("name_en", "ATC level name", "Bezeichnung", "名称"). A code that
        comes again, as one with several doses does, counts once.

        Source: https://atcddd.fhi.no/atc/structure_and_principles/
        """
        categories = (Category(code, name, parent) for code, name, parent in atc_rows(path))
        return cls._from_file(path, categories, "atc", drug_level=len(ATC_LEVEL_LENGTHS))

    @classmethod
    def from_epc(cls, path: PathLike) -> Taxonomy:
        """Read the FDA's Established Pharmacologic Classes: flat, the name is the id.

        The CSV has a column `class_name` and, where it holds other kinds of class as well, a column
        `class_type` that says "EPC". A name may end in "[EPC]", as it does in labels.

        Source: https://www.fda.gov/industry/structured-product-labeling-resources/pharmacologic-class
        """
        names = {row["class_name"] for row in _epc_rows(path)}
        return cls._from_file(path, (Category(name, name) for name in sorted(names)), "epc")

    @classmethod
    def from_epc_ingredients(cls, path: PathLike) -> Taxonomy:
        """Read the classes as `from_epc` does, and below each the ingredients that are of it.

        The CSV has a column `ingredient`, too. The id of an ingredient is the class, a slash, and
        its name: it may be of several classes.
        """
        pairs = {(row["class_name"], row["ingredient"]) for row in _epc_rows(path, "ingredient")}
        classes = (Category(name, name) for name in sorted({of for of, _ in pairs}))
        below = (Category(f"{of}/{name}", name, of) for of, name in sorted(pairs) if name)
        return cls._from_file(path, [*classes, *below], "epc", drug_level=2)

    @classmethod
    def from_keg(cls, path: PathLike) -> Taxonomy:
        """Read a KEGG BRITE hierarchy: one line a category, its first letter tells the depth.

        The first word of a line is the id, where it is in capitals or has a digit; else the whole
        line is. Where it stands on several branches (a drug in two groups), the parent's id is
        added behind a slash. A line repeated below one parent counts once; HTML marks and lines of
        `+`, `#`, `!` are passed over.

        Source: https://www.genome.jp/kegg/brite.html, the `.keg` (htext) format.
        """
        categories = (Category(*row) for row in keg_rows(path))
        return cls._from_file(path, categories, Path(path).stem)

    @classmethod
    def from_csv(cls, path: PathLike) -> Taxonomy:
        """Read a taxonomy of one's own: columns `id`, `name` and, for a tree, `parent`.

        Titles such as code, parent_id, 编码, 名称 and 上级 mean the same. As `csv_rows` reads a
        table: whatever a spreadsheet saves as CSV.
        """
        table = csv_rows(path, "id", "name", also=_TITLES)
        ids = {row["id"] for row in table}
        rows = ((row["id"], row["name"], row.get("parent", "")) for row in table)
        categories = (
            Category(i, name or i, None if p.lower() in _NO_PARENT and p not in ids else p)
            for i, name, p in rows
        )
        return cls._from_file(path, categories, Path(path).stem)

    @classmethod
    def _from_file(
        cls,
        path: PathLike,
        categories: Iterable[Category],
        name: str,
        drug_level: int | None = None,
    ) -> Taxonomy:
        try:
            return cls(categories, name, drug_level)
        except TaxonomyError as error:
            raise TaxonomyError(f"{path}: {error}") from error


def deepest_known(path: Sequence[str], known: Container[str]) -> str | None:
    """Return the last step of a path, ids from the root down, that is known; None if none is."""
    return next((step for step in reversed(path) if step in known), None)


def _epc_rows(path: PathLike, *needed: str) -> list[dict[str, str]]:
    """Return the rows of a table that are of an EPC, whose names are without "[EPC]"."""
    rows = csv_rows(path, "class_name", *needed, also={"classtype": "class_type"})
    for row in rows:
        row["class_name"] = row["class_name"].removesuffix(" [EPC]")
    found = [row for row in rows if row.get("class_type", "EPC") == "EPC" and row["class_name"]]
    if not found:
        raise TaxonomyError(f'{path}: no row has the class_type "EPC"; one or more is needed.')
    return found
