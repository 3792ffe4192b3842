"""What a further category costs: a handful of inserts against teaching SetFit all of them anew."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.contestants.setfit_trained import BoundedSetFit
from drugtext.evaluation.benchmark.records import Example
from drugtext.evaluation.benchmark.task import Lesson
from drugtext.evaluation.speed.limits import seconds_of
from drugtext.inserts.insert import DrugInsert

N_CATEGORIES, K_SHOT = 8, 5


def one_more_category(classifier: DrugClassifier, inserts: Sequence[DrugInsert]) -> dict[str, Any]:
    """Add a category from five inserts, and teach SetFit the same categories anew.

    Args:
        classifier: whose encoder is used.
        inserts: `N_CATEGORIES` x `K_SHOT` or more; which is called what is of no matter.
    """
    taught = inserts[: N_CATEGORIES * K_SHOT]
    categories = [f"category {n // K_SHOT}" for n in range(len(taught))]
    known = (N_CATEGORIES - 1) * K_SHOT
    base = classifier.fit(taught[:known], categories[:known])
    added = seconds_of(lambda: base.add_category("one more", taught[known:]))
    lesson = Lesson(
        base.taxonomy,
        tuple(dict.fromkeys(categories)),
        [
            Example(insert, category, str(n), frozenset({str(n)}), "us_full_label")
            for n, (insert, category) in enumerate(zip(taught, categories, strict=True))
        ],
    )
    begun = time.perf_counter()
    BoundedSetFit().fit(lesson)
    setfit = time.perf_counter() - begun
    return {"added_seconds": added, "setfit_seconds": setfit, "ratio": setfit / added}
