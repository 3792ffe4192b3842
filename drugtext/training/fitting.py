"""Embedded inserts -> a classifier of the deepest categories that enough ingredients share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.errors import CorpusError
from drugtext.taxonomy import Taxonomy
from drugtext.training.listed_drugs import ListedDrug, with_names_of

MIN_INGREDIENTS = 2
"""Of a category that answers: what one ingredient has in common tells little of the next."""
TEXT_FORMS = ("masked", "text")
"""Columns of a corpus: names replaced, and as printed."""


@dataclass(frozen=True)
class Embedded:
    """One split: its rows, and the embeddings of their masked and plain texts.

    Attributes:
        rows: of the corpus.
        embeddings: column name ("masked", "text") -> shape (n_rows, embedding_dim).
    """

    rows: Dataset
    embeddings: dict[str, NDArray]

    def at(self, places: NDArray) -> Embedded:
        """Return the inserts at some places, shape (n_places,)."""
        chosen = {form: found[places] for form, found in self.embeddings.items()}
        return Embedded(self.rows.select(places.tolist()), chosen)


def answerable_categories(
    paths: Sequence[Sequence[str]], ingredients: Sequence[Sequence[str]], min_ingredients: int
) -> list[str | None]:
    """Choose for each insert the deepest category on its path that enough ingredients share.

    A category one level above the deepest may stand beside its own children, for those of its
    inserts that none of them holds. Higher up that would be a category of leftovers, as wide as
    "cardiovascular system": there it answers only where nothing below it does.

    Args:
        paths: category ids from the root down, of each insert.
        ingredients: of each insert.
        min_ingredients: different ones (combinations count as one) that a category needs.

    Returns:
        A category id an insert; None where there is none.
    """
    seen: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for path, names in zip(paths, ingredients, strict=True):
        for category_id in path:
            seen[category_id].add(tuple(names))
    chosen = [
        next((c for c in reversed(path) if len(seen[c]) >= min_ingredients), None) for path in paths
    ]
    deepest = max(map(len, paths), default=0)
    answered = set(chosen)
    leftovers = {
        category_id
        for path in paths
        for depth, category_id in enumerate(path, start=1)
        if depth < deepest - 1 and not answered.isdisjoint(path[depth:])
    }
    return [None if category_id in leftovers else category_id for category_id in chosen]


def fit_deepest(
    classifier: DrugClassifier,
    splits: Sequence[Embedded],
    taxonomy: Taxonomy,
    min_ingredients: int,
    drugs: Iterable[ListedDrug] = (),
) -> DrugClassifier:
    """Fit each insert to the deepest category that can be answered.

    Args:
        classifier: without categories, it gave the embeddings.
        splits: whose inserts are taught.
        taxonomy: of their categories.
        min_ingredients: a category of fewer goes into the one above it.
        drugs: whose names are told, too.

    Raises:
        CorpusError: no category has so many.
    """
    paths = [path for split in splits for path in split.rows["category_path"]]
    names = [names for split in splits for names in split.rows["ingredients"]]
    chosen = answerable_categories(paths, names, min_ingredients)
    if not any(chosen):
        raise CorpusError(f"no category has {min_ingredients} ingredients; lower min_ingredients.")
    return with_names_of(fit_chosen(classifier, splits, chosen, taxonomy), drugs)


def fit_chosen(
    classifier: DrugClassifier,
    splits: Sequence[Embedded],
    chosen: Sequence[str | None],
    taxonomy: Taxonomy,
) -> DrugClassifier:
    """Fit on the mean of the masked and the plain texts of each drug.

    Args:
        classifier: without categories, it gave the embeddings.
        splits: whose inserts are taught.
        chosen: the category of each insert, in the order of the splits; None leaves it out.
        taxonomy: of the categories.
    """
    names = [names for split in splits for names in split.rows["ingredients"]]
    kept = [n for n, category in enumerate(chosen) if category is not None]
    embeddings = [
        np.concatenate([split.embeddings[form] for split in splits])[kept] for form in TEXT_FORMS
    ]
    categories = [str(chosen[n]) for n in kept]
    fitted = classifier.fit_embeddings(
        np.concatenate(embeddings),
        categories * len(TEXT_FORMS),
        taxonomy=taxonomy,
        ingredients=[names[n] for n in kept] * len(TEXT_FORMS),
    )
    config = fitted.model.config
    config.n_support = [n // len(TEXT_FORMS) for n in config.n_support]  # inserts, not texts
    return fitted
