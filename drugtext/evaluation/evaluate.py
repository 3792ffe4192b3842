"""Judge a classifier on inserts whose category is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drugtext.classifier import DrugClassifier
from drugtext.errors import CorpusError, TaxonomyError
from drugtext.evaluation.report import measure
from drugtext.inserts.insert import DrugInsert
from drugtext.splits import ingredient_key
from drugtext.taxonomy import Category, Taxonomy, atc_parent


def evaluate(
    classifier: DrugClassifier, inserts: Sequence[DrugInsert], categories: Sequence[str]
) -> dict[str, Any]:
    """Measure accuracy a level of the tree, and calibration.

    Args:
        classifier: to be judged.
        inserts: that it was not trained on.
        categories: the true one of each insert, by id or name. A code below the classifier's
            deepest level (C07AB02) counts for the category above it; one that the classifier cannot
            know is counted as unknown.

    Returns:
        As `evaluation.report.measure`.
    """
    if not inserts or len(inserts) != len(categories):
        raise CorpusError(
            f"found {len(inserts)} inserts and {len(categories)} categories; one category an insert,"
            " and one insert or more, are needed."
        )
    known = classifier.taxonomy
    true_ids = [_known_id(category, known) for category in categories]
    unknown = {i: Category(i, i) for i in true_ids if i not in known}
    return measure(
        classifier.probabilities(classifier.embed(inserts)),
        classifier.category_ids,
        known,
        true_ids,
        ["+".join(sorted(map(ingredient_key, i.ingredients))) or i.name for i in inserts],
        known.with_categories(unknown.values()),
    )


def _known_id(category: str, taxonomy: Taxonomy) -> str:
    try:
        return taxonomy.find(category).id
    except TaxonomyError:
        if taxonomy.name != "atc":
            return category
    code: str | None = category
    while code is not None and code not in taxonomy:
        try:
            code = atc_parent(code)
        except TaxonomyError:
            return category
    return code or category
