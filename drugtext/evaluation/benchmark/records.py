"""The rows of a corpus, each in its masked and its plain form, as the protocols deal them out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drugtext.corpus import insert_from_row
from drugtext.errors import CorpusError
from drugtext.inserts.insert import DrugInsert
from drugtext.splits import SPLITS, all_substances
from drugtext.taxonomy import Taxonomy

if TYPE_CHECKING:
    from datasets import Dataset

Names = Literal["masked", "plain"]
"""Whether ingredient and brand names are replaced in the texts, or as printed."""
NAMES: tuple[Names, ...] = ("masked", "plain")


@dataclass(frozen=True, slots=True)
class Example:
    """An insert with its true category.

    Attributes:
        insert: what a contestant reads.
        category: id of the true category.
        ingredient: all its ingredients, as one string: what intervals are drawn by.
        substances: that no other side of a task may share.
        kind: of document.
        path: ids from the root down to the deepest category that is known of it.
    """

    insert: DrugInsert
    category: str
    ingredient: str
    substances: frozenset[str]
    kind: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the corpus.

    Attributes:
        inserts: its masked and its plain form.
        path: ids of its category and those above, from the root down.
        ingredient, substances, kind: as in `Example`.
    """

    inserts: Mapping[Names, DrugInsert]
    path: tuple[str, ...]
    ingredient: str
    substances: frozenset[str]
    kind: str

    def example(self, names: Names, level: int) -> Example:
        """Return it as an example of its category at this level, which its path must reach."""
        return Example(
            self.inserts[names],
            self.path[level - 1],
            self.ingredient,
            self.substances,
            self.kind,
            self.path,
        )


@dataclass(frozen=True, eq=False)
class Corpus:
    """A corpus that `scripts/build_corpus.py` wrote.

    Attributes:
        taxonomy: of its categories.
        splits: name -> records, disjoint in ingredient.
        sha256: fingerprint of its files.
    """

    taxonomy: Taxonomy
    splits: Mapping[str, list[Record]]
    sha256: str

    @property
    def records(self) -> list[Record]:
        """All records, whatever their split."""
        return [record for split in SPLITS for record in self.splits[split]]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers of inserts, ingredients and categories in each split."""
        return {
            split: {
                "inserts": len(records),
                "ingredients": len({record.ingredient for record in records}),
                "categories": len({record.path[-1] for record in records}),
            }
            for split, records in self.splits.items()
        }


def load_corpus(folder: Path, taxonomy: Taxonomy, language: str = "en") -> Corpus:
    """Load the three splits of a corpus.

    Args:
        folder: that `scripts/build_corpus.py` wrote.
        taxonomy: that it was built with.
        language: of the inserts, or not told; those in another one are left out.

    Raises:
        CorpusError: a split is missing.
    """
    files = {split: folder / f"{split}.parquet" for split in SPLITS}
    if missing := [file.name for file in files.values() if not file.is_file()]:
        raise CorpusError(
            f"{folder}: {', '.join(missing)} not found; a folder that scripts/build_corpus.py wrote"
            " is needed."
        )
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files.values()))
    splits = {split: records_of(load_rows(file, language)) for split, file in files.items()}
    return Corpus(taxonomy, splits, digest.hexdigest())


def load_rows(file: Path, language: str = "en") -> Dataset:
    """Load a split of a corpus; arguments as `load_corpus` takes them."""
    from datasets import Dataset

    rows = Dataset.from_parquet(str(file))
    return rows.select([n for n, told in enumerate(rows["language"]) if told in (language, "")])


def records_of(rows: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Make records of rows as `build_corpus` makes them."""
    return [
        Record(
            inserts={
                "masked": insert_from_row(row, masked=True),
                "plain": insert_from_row(row),
            },
            path=tuple(row["category_path"]),
            ingredient="+".join(row["ingredients"]),
            substances=all_substances(row["ingredients"]),
            kind=row["kind"],
        )
        for row in rows
    ]
