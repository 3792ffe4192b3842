"""New drugs as the research scripts ask them: full documents, and all inserts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.corpus import FULL_DOCUMENTS
from drugtext.evaluation.benchmark.records import Example
from drugtext.evaluation.bootstrap import grouped_mean


def right_by_documents(
    asked: Sequence[Example], right: NDArray, of_first: NDArray
) -> dict[str, Any]:
    """Return how often answers are right, and by how much those of a first way are ahead.

    Args:
        asked: new drugs.
        right: whether each answer is right, shape (n,).
        of_first: the same of the way that the others are compared with.

    Returns:
        For "new drug, full documents" and "new drug, all": `n`, `accuracy` and `all_ahead`, both
        with 95 % intervals, whole drugs drawn.
    """
    is_full = np.array([example.kind in FULL_DOCUMENTS for example in asked])
    groups = np.array([example.ingredient for example in asked])
    gain = of_first.astype(float) - right
    found: dict[str, Any] = {}
    for documents, chosen in (("full documents", is_full), ("all", np.ones_like(is_full))):
        told = groups[chosen].tolist()
        found[f"new drug, {documents}"] = {
            "n": int(chosen.sum()),
            "accuracy": rounded(grouped_mean(right[chosen], told)),
            "all_ahead": rounded(grouped_mean(gain[chosen], told)),
        }
    return found


def rounded(values: Iterable[float]) -> list[float]:
    """Return figures as a JSON file of a script holds them."""
    return [round(float(value), 4) for value in values]
