"""What learn tells of what it learnt: where something else may have been meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drugtext.inserts.archive import is_passed_over

if TYPE_CHECKING:
    from drugtext.classifier import DrugClassifier
    from drugtext.inserts.insert import DrugInsert
    from drugtext.taxonomy import Category, Taxonomy

_SHOWN = 5  # names in a note
_SURE = 0.8
"""Probability of a category that the model has, where a new one may mean the same."""


def rivals(
    classifier: DrugClassifier, inserts: Sequence[DrugInsert], categories: Sequence[str]
) -> Iterator[str]:
    """Tell of which new categories a classifier is sure already that they are others."""
    if not classifier.category_ids:
        return
    found = [one.sure for one in classifier.predict(inserts, min_probability=_SURE)]
    for category in dict.fromkeys(categories):
        given = [sure for sure, c in zip(found, categories, strict=True) if c == category]
        narrow = Counter(sure for sure in given if sure and _is_narrow(sure, classifier.taxonomy))
        for sure, n in narrow.most_common(1):
            if n >= len(given) / 2:
                yield (
                    f"note: {n} of {len(given)} inserts of {category} are {sure.id} ({sure.name})"
                    " to the model already; of two categories that mean the same, either may be"
                    " the answer."
                )


def meant(categories: Sequence[str], taxonomy: Taxonomy, learnt: Taxonomy) -> list[str]:
    """Tell which of some names are taken for categories of the tree that a model has.

    Args:
        categories: as they were named.
        taxonomy: of the model.
        learnt: of what was learnt.
    """
    told = []
    for name in dict.fromkeys(categories):
        path = learnt.path(learnt.find(name).id)
        if taxonomy.knows(name):
            told.append(f"{name} ({path[-1].name})")
        elif len(path) > 1:
            told.append(f"{name} (below {path[-2].name})")
    if not told:
        return []
    of = taxonomy.name or "the model"
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return [
        f"note: taken for categories of {of}: {', '.join(told[:_SHOWN])}{more}. Where they are"
        " names of your own, give --taxonomy: a CSV of id and name."
    ]


def untold_drugs(inserts: Sequence[DrugInsert]) -> Iterator[str]:
    """Tell of how many inserts privacy does not hold for all inserts of their drug together."""
    n = sum(not insert.ingredients for insert in inserts)
    if n:
        yield (
            f"note: {n} of {len(inserts)} inserts do not tell their ingredients: each is hidden by"
            " itself, and a drug of which there are several by so much less. A field ingredients"
            " tells which belong together."
        )


def alone(support: Path, categories: Sequence[str]) -> Iterator[str]:
    """Tell what a classifier of one category means, and how a folder too high makes one."""
    if len(set(categories)) == 1:
        told = f"note: {categories[0]} is the only category: it is the answer to every insert."
        if support.is_dir():
            told += f" Where {support / categories[0]} holds a folder a category, give that."
        yield told


def spelt_alike(categories: Sequence[str]) -> Iterator[str]:
    """Tell of categories whose names differ in capitals or spaces alone."""
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(categories):
        alike.setdefault("".join(name.casefold().split()), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            told = " and ".join(map(repr, names))
            yield f"note: {told} are different categories; call them alike if they are one."


def nested(support: Path) -> Iterator[str]:
    """Tell of folders of categories that hold folders, each of which may be meant for one."""
    if support.is_dir():
        deeper = [folder.name for folder in _folders(support) if _folders(folder)]
        if deeper:
            yield (
                f"note: {', '.join(deeper[:_SHOWN])} hold{'s' * (len(deeper) == 1)} folders, whose"
                f" inserts are all of that category. Where these are the categories, give"
                f" {support / deeper[0]}."
            )


def _folders(path: Path) -> list[Path]:
    there = sorted(inner for inner in path.iterdir() if inner.is_dir())
    return [inner for inner in there if not is_passed_over(inner.name)]


def _is_narrow(category: Category, taxonomy: Taxonomy) -> bool:
    return len(taxonomy.path(category.id)) > 1 or not taxonomy.children(category.id)
