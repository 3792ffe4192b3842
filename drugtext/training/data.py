"""What is learnt from: inserts in several printed forms, each with its place in the tree."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from drugtext.corpus import insert_from_row
from drugtext.errors import TrainingError
from drugtext.inserts.insert import DrugInsert
from drugtext.masking import masked_insert
from drugtext.splits import SPLITS, all_substances, ingredient_groups, split_groups
from drugtext.taxonomy import Taxonomy


@dataclass(frozen=True)
class LabelledInserts:
    """Inserts with their categories.

    Attributes:
        forms: the same inserts in the same order, printed in different ways: plain, masked.
        paths: of each insert, category ids from the root down.
        substances: of each insert; no two rows of an episode share one.
        taxonomy: of the categories.

    Raises:
        TrainingError: there are no inserts, or not as many of one as of the other.
    """

    forms: Sequence[Sequence[DrugInsert]]
    paths: Sequence[Sequence[str]]
    substances: Sequence[frozenset[str]]
    taxonomy: Taxonomy

    def __post_init__(self) -> None:
        lengths = [*map(len, self.forms), len(self.paths), len(self.substances)]
        if not self.forms or min(lengths) < 1 or len(set(lengths)) > 1:
            raise TrainingError(
                f"found forms of {lengths[:-2]} inserts, {lengths[-2]} paths and {lengths[-1]} sets"
                " of substances; as many of each, one or more, are needed."
            )

    def __len__(self) -> int:
        return len(self.paths)

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]], taxonomy: Taxonomy) -> LabelledInserts:
        """Take rows of a corpus as `build_corpus` makes them, plain and masked."""
        return cls(
            [[insert_from_row(row, masked=masked) for row in rows] for masked in (False, True)],
            [tuple(row["category_path"]) for row in rows],
            [all_substances(row["ingredients"]) for row in rows],
            taxonomy,
        )

    @classmethod
    def of_inserts(
        cls, inserts: Sequence[DrugInsert], categories: Sequence[str], taxonomy: Taxonomy
    ) -> LabelledInserts:
        """Take inserts as they were read, each with an id of the taxonomy; masks their names."""
        paths = [tuple(step.id for step in taxonomy.path(category)) for category in categories]
        forms = [inserts, [masked_insert(insert) for insert in inserts]]
        return cls(forms, paths, substances_of(inserts), taxonomy)

    @property
    def sha256(self) -> str:
        """A fingerprint of all inserts in order, and of their categories with their names."""
        digest = hashlib.sha256()
        met = {step for path in self.paths for step in path}
        for category in self.taxonomy:
            if category.id in met:
                digest.update(f"{category.id}\0{category.name}\0".encode("utf-8", "surrogatepass"))
        for path, names, *inserts in zip(self.paths, self.substances, *self.forms, strict=True):
            told = [*path, *sorted(names), *chain(*(i.told for i in inserts)), ""]
            digest.update("\0".join(told).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def of(self, rows: Sequence[int]) -> LabelledInserts:
        """Return some of the inserts, by their numbers."""
        return LabelledInserts(
            [[form[n] for n in rows] for form in self.forms],
            [self.paths[n] for n in rows],
            [self.substances[n] for n in rows],
            self.taxonomy,
        )

    def parted(self, share: float, seed: int) -> tuple[LabelledInserts, LabelledInserts]:
        """Part the inserts in two that share no substance, the second with a share of them.

        Args:
            share: of the second part, between 0 and 1.
            seed: of the parting.

        Raises:
            TrainingError: a part would be empty.
        """
        groups = ingredient_groups([sorted(names) for names in self.substances])
        second = [part == SPLITS[1] for part in split_groups(groups, (1 - share, share, 0), seed)]
        return self._parts(
            [n for n, is_second in enumerate(second) if not is_second],
            [n for n, is_second in enumerate(second) if is_second],
        )

    def parted_by_category(
        self, level: int, share: float, seed: int
    ) -> tuple[LabelledInserts, LabelledInserts]:
        """Part the inserts in two that share neither a category of a level nor a substance.

        Inserts that do not reach the level are left out; so are those of the first part that share
        a substance with the second.

        Args:
            level: of the tree, counted from 1 at the root.
            share: of the categories in the second part, between 0 and 1.
            seed: of the parting.

        Raises:
            TrainingError: a part would be empty.
        """
        ids = self.categories(level)
        chosen = np.random.default_rng(seed).permutation(len(ids))[: round(share * len(ids))]
        second = {ids[n] for n in chosen}
        placed = [(n, c) for n, c in enumerate(self.at_level(level)) if c is not None]
        asked = [n for n, category in placed if category in second]
        taken = {name for n in asked for name in self.substances[n]}
        taught = [n for n, c in placed if c not in second and taken.isdisjoint(self.substances[n])]
        return self._parts(taught, asked)

    def _parts(
        self, one: Sequence[int], other: Sequence[int]
    ) -> tuple[LabelledInserts, LabelledInserts]:
        if not one or not other:
            raise TrainingError(
                f"found {len(self)} inserts, too few to hold some out: parts of {len(one)} and"
                f" {len(other)} came out. Give more drugs, or another share."
            )
        return self.of(one), self.of(other)

    def at_level(self, level: int) -> list[str | None]:
        """Return the category of each insert at a level, 1 at the root; None above it."""
        return [path[level - 1] if len(path) >= level else None for path in self.paths]

    def categories(self, level: int) -> list[str]:
        """Return the ids of the categories of a level, sorted."""
        return sorted({category for category in self.at_level(level) if category is not None})


def substances_of(inserts: Sequence[DrugInsert]) -> list[frozenset[str]]:
    """Return the substances of each insert.

    One whose ingredients nobody told is a drug of its own name; without a name, one by itself.
    """
    return [
        all_substances(insert.ingredients) or frozenset({insert.name or f"insert {n}"})
        for n, insert in enumerate(inserts)
    ]
