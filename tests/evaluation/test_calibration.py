"""Calibration: the scale of constructed scores, and the share of false alarms."""

from __future__ import annotations

import pytest
import torch

from drugtext.errors import CorpusError
from drugtext.evaluation.calibration import best_scale, scope_threshold


def test_best_scale_makes_probabilities_true():
    # Of two categories, one is nearer by 0.1 and right in 4 of 5 cases: log(4) / 0.1 = 13.9
    scores = torch.tensor([[0.0, -0.1]] * 100)
    true_rows = torch.tensor([0] * 80 + [1] * 20)
    assert best_scale(scores, torch.zeros(2), true_rows) == pytest.approx(13.86, rel=0.03)


def test_the_prior_takes_its_part():
    # The prior says log(2) of log(4); the rest is the scores'
    scores = torch.tensor([[0.0, -0.1]] * 100)
    true_rows = torch.tensor([0] * 80 + [1] * 20)
    prior = torch.tensor([0.5, -0.5]) * torch.log(torch.tensor(2.0))
    assert best_scale(scores, prior, true_rows) == pytest.approx(6.93, rel=0.03)


def test_scales_stay_within_bounds():
    scores = torch.tensor([[0.0, -0.1]])
    assert best_scale(scores, torch.zeros(2), torch.tensor([0])) == pytest.approx(128)
    assert best_scale(scores, torch.zeros(2), torch.tensor([1])) == pytest.approx(2)


def test_the_threshold_lets_the_given_share_fall_below():
    nearness = torch.arange(1000, dtype=torch.float32).flip(0) / 1000
    threshold = scope_threshold(nearness, false_alarms=0.05)
    assert int((nearness < threshold).sum()) == 50
    assert scope_threshold(nearness) == threshold
    assert scope_threshold(torch.tensor([0.5])) == 0.5


def test_nothing_held_out_is_refused():
    with pytest.raises(CorpusError, match=r"found no held-out insert .* Use a larger corpus"):
        best_scale(torch.zeros(0, 3), torch.zeros(3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(CorpusError, match="found no held-out insert"):
        scope_threshold(torch.zeros(0))
