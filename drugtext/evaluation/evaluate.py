"""Judge a classifier on inserts whose category is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from drugtext.classifier import DrugClassifier
from drugtext.errors import CorpusError
from drugtext.evaluation.bootstrap import drug_groups
from drugtext.evaluation.report import measure
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a classifier says of inserts whose category is known, and how good that is.

    Attributes:
        inserts: that were judged, one or more.
        probabilities: of the categories, shape (n_inserts, n_categories).
        category_ids: of the columns.
        known: the classifier's taxonomy.
        true_ids: the true category of each insert, known to the classifier or not.
        taxonomy: the classifier's, and the true categories that it does not know.
        figures: as `evaluation.report.measure` returns them.
    """

    inserts: Sequence[DrugInsert]
    probabilities: NDArray
    category_ids: Sequence[str]
    known: Taxonomy
    true_ids: Sequence[str]
    taxonomy: Taxonomy
    figures: dict[str, Any]


def evaluate(
    classifier: DrugClassifier, inserts: Sequence[DrugInsert], categories: Sequence[str]
) -> dict[str, Any]:
    """Measure accuracy a level of the tree, and calibration.

    Args:
        classifier: to be judged.
        inserts: that it was not trained on.
        categories: the true one of each insert, by id or name. An ATC code below the classifier's
            deepest level (C07AB02) counts for the category above it. One that the classifier
            cannot know is counted as unknown at the levels that it does not know.

    Returns:
        As `evaluation.report.measure`.

    Raises:
        CorpusError: not one category an insert, no insert, or no category that is known.
    """
    return evaluate_embeddings(classifier, classifier.embed(inserts), inserts, categories)


def evaluate_embeddings(
    classifier: DrugClassifier,
    embeddings: ArrayLike,
    inserts: Sequence[DrugInsert],
    categories: Sequence[str],
) -> dict[str, Any]:
    """Measure as `evaluate` does, on the embeddings that `classifier.embed` gave."""
    return judge(classifier, embeddings, inserts, categories).figures


def judge(
    classifier: DrugClassifier,
    embeddings: ArrayLike,
    inserts: Sequence[DrugInsert],
    categories: Sequence[str],
) -> Judgement:
    """Measure as `evaluate_embeddings` does, and keep what the figures were counted from."""
    if not inserts or len(inserts) != len(categories):
        raise CorpusError(
            f"found {len(inserts)} inserts and {len(categories)} categories;"
            " one category an insert, and one insert or more, are needed."
        )
    known = classifier.taxonomy
    deepest = max((len(known.path(i)) for i in classifier.category_ids), default=0)
    paths = [_true_path(category, known, deepest) for category in categories]
    steps = {step.id: step for path in paths for step in path}
    if not any(step in known for step in steps):
        raise CorpusError(
            f"the classifier knows none of the categories, such as {categories[0]!r}; give ids or"
            f" names of its taxonomy {known.name!r}, or fit it to these categories."
        )
    taxonomy = known.with_categories(step for step in steps.values() if step.id not in known)
    probabilities = classifier.probabilities(embeddings)
    true_ids = [path[-1].id for path in paths]
    ids = classifier.category_ids
    figures = measure(probabilities, ids, known, true_ids, drug_groups(inserts), taxonomy)
    return Judgement(inserts, probabilities, ids, known, true_ids, taxonomy, figures)


def _true_path(category: str, known: Taxonomy, deepest: int) -> tuple[Category, ...]:
    """Return the categories from the root down to the true one, known or not."""
    if known.knows(category):
        return known.path(known.find(category).id)
    return known.path_by_code(category)[:deepest] or (Category(category, category),)
