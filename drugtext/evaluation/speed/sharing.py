"""What classifiers over one encoder share: the time of a pass, asked together or each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.speed.limits import seconds_of
from drugtext.inserts.insert import DrugInsert
from drugtext.together import predict_together

N_TAUGHT = 4


def asked_together(
    classifier: DrugClassifier, inserts: Sequence[DrugInsert], n_classifiers: int = 2
) -> dict[str, Any]:
    """Ask a classifier and others over its encoder about the same inserts, in both ways.

    Args:
        classifier: with categories.
        inserts: `N_TAUGHT` or more; the others are taught the first ones, which are called what is
            of no matter.
        n_classifiers: in all, 2 or more.

    Returns:
        `n_classifiers`; `n`, the inserts; `apart_seconds`, one classifier after the other;
        `together_seconds`; `alone_seconds`, of the first one by itself.

    Raises:
        ValueError: there are too few inserts.
    """
    if len(inserts) < N_TAUGHT:
        raise ValueError(f"found {len(inserts)} inserts; {N_TAUGHT} or more are needed.")
    categories = ["even" if n % 2 else "odd" for n in range(N_TAUGHT)]
    others = [
        classifier.fit(inserts[:N_TAUGHT], [f"{name} {n}" for name in categories])
        for n in range(1, n_classifiers)
    ]
    all_of_them = [classifier, *others]
    return {
        "n_classifiers": n_classifiers,
        "n": len(inserts),
        "alone_seconds": seconds_of(lambda: classifier.predict(inserts), 0),
        "apart_seconds": seconds_of(lambda: [each.predict(inserts) for each in all_of_them], 0),
        "together_seconds": seconds_of(lambda: predict_together(all_of_them, inserts), 0),
    }
