"""Whether answers are right as often as they say: the bins of a reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drugtext.evaluation.metrics import confidence_columns


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Inserts whose answers have about one probability.

    Attributes:
        low, high: bounds of the probability.
        n_inserts: in the bin; 0 for an empty one.
        confidence: mean probability of their answers; None for an empty bin.
        accuracy: share of them that is right; None for an empty bin.
    """

    low: float
    high: float
    n_inserts: int
    confidence: float | None
    accuracy: float | None


def reliability_bins(
    confidences: NDArray, right: NDArray, n_bins: int = 15
) -> list[ReliabilityBin]:
    """Return the bins that `expected_calibration_error` is counted over, empty ones as well.

    Args:
        confidences: probability of the answer, shape (n,).
        right: whether the answer was right, shape (n,).
        n_bins: number of bins.

    Source:
        Reliability diagrams: Guo et al. 2017, arXiv:1706.04599, section 2.
    """
    inside = confidence_columns(confidences, right, n_bins)[:, n_bins:]
    counts = inside.sum(0).astype(int).tolist()
    sums = np.stack([confidences, right]).astype(float) @ inside
    bins = []
    for n, count in enumerate(counts):
        means = (sums[:, n] / count).tolist() if count else (None, None)
        bins.append(ReliabilityBin(n / n_bins, (n + 1) / n_bins, count, *means))
    return bins
