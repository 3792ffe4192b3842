"""The bins of a reliability diagram, by hand and beside the calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from drugtext.evaluation.metrics import expected_calibration_error
from drugtext.evaluation.reliability import reliability_bins


def test_bins_by_hand():
    first, second = reliability_bins(np.array([0.5, 0.9, 1.0]), np.array([True, False, True]), 2)
    assert (first.low, first.high, second.high) == (0, 0.5, 1)
    assert (first.n_inserts, first.confidence, first.accuracy) == (0, None, None)
    assert (second.n_inserts, second.confidence) == (3, pytest.approx(0.8))
    assert second.accuracy == pytest.approx(2 / 3)


def test_the_mean_gap_of_the_bins_is_the_calibration_error():
    rng = np.random.default_rng(0)
    confidences = rng.random(200)
    right = rng.random(200) < confidences**2
    bins = [b for b in reliability_bins(confidences, right) if b.n_inserts]
    assert sum(b.n_inserts for b in bins) == 200
    gap = sum(b.n_inserts * abs(b.confidence - b.accuracy) for b in bins) / 200
    assert gap == pytest.approx(expected_calibration_error(confidences, right))


def test_no_insert_leaves_all_bins_empty():
    bins = reliability_bins(np.zeros(0), np.zeros(0, dtype=bool))
    assert [b.n_inserts for b in bins] == [0] * 15
