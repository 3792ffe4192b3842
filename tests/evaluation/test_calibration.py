"""Calibration: the scale of constructed scores, and the share of false alarms."""

from __future__ import annotations

import pytest
import torch

from drugtext.errors import CorpusError
from drugtext.evaluation.calibration import (
    Calibration,
    best_calibration,
    scope_threshold,
    sibling_groups,
    text_direction,
)
from drugtext.heads import PrototypeHead
from drugtext.sharpening import sharpened
from drugtext.taxonomy import Category, Taxonomy


def test_best_scale_makes_probabilities_true():
    # Of two categories, one is nearer by 0.1 and right in 4 of 5 cases: log(4) / 0.1 = 13.9
    scores = torch.tensor([[0.0, -0.1]] * 100)
    true_rows = torch.tensor([0] * 80 + [1] * 20)
    assert best_calibration(scores, torch.zeros(2), true_rows).scale == pytest.approx(
        13.86, rel=0.03
    )


def test_the_prior_takes_its_part():
    # The prior says log(2) of log(4); the rest is the scores'
    scores = torch.tensor([[0.0, -0.1]] * 100)
    true_rows = torch.tensor([0] * 80 + [1] * 20)
    prior = torch.tensor([0.5, -0.5]) * torch.log(torch.tensor(2.0))
    assert best_calibration(scores, prior, true_rows).scale == pytest.approx(6.93, rel=0.03)


def test_scales_stay_within_bounds():
    scores = torch.tensor([[0.0, -0.1]])
    for row, scale in ((0, 128), (1, 2)):
        found = best_calibration(scores, torch.zeros(2), torch.tensor([row]))
        assert found == (pytest.approx(scale), 0, (1, 1))


def test_the_threshold_lets_the_given_share_fall_below():
    familiarity = torch.arange(1000, dtype=torch.float32).flip(0) / 1000
    threshold = scope_threshold(familiarity, false_alarms=0.05)
    assert int((familiarity < threshold).sum()) == 50
    assert scope_threshold(familiarity) == threshold
    assert scope_threshold(torch.tensor([0.5])) == 0.5


def test_nothing_held_out_is_refused():
    with pytest.raises(CorpusError, match=r"found no held-out insert .* Use a larger corpus"):
        best_calibration(torch.zeros(0, 3), torch.zeros(3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(CorpusError, match="found no held-out insert"):
        scope_threshold(torch.zeros(0))


def test_more_text_may_be_trusted_more():
    # As near as each other, long texts are right in 9 of 10 cases and short ones in 6 of 10:
    # log(9) / 0.1 = 22, log(1.5) / 0.1 = 4.05; exp(2 s * strength) = 5.42 with amounts of s and -s
    scores = torch.tensor([[0.0, -0.1]] * 200)
    true_rows = torch.tensor([0] * 90 + [1] * 10 + [0] * 60 + [1] * 40)
    amounts = torch.tensor([3.0] * 100 + [-3.0] * 100)
    scale, strength, powers = best_calibration(scores, torch.zeros(2), true_rows, amounts)
    assert powers == (1, 1)
    assert strength == pytest.approx(0.3)
    assert scale * 2.718**0.9 == pytest.approx(22, rel=0.15)
    assert scale / 2.718**0.9 == pytest.approx(4.05, rel=0.15)


def test_the_direction_tells_the_amount_of_text():
    generator = torch.Generator().manual_seed(0)
    projected = torch.nn.functional.normalize(torch.randn(500, 8, generator=generator))
    truth = torch.randn(8, generator=generator)
    n_characters = (6 + projected @ truth).exp()
    direction = text_direction(projected, n_characters)
    told, wanted = projected @ direction, projected @ truth
    assert torch.corrcoef(torch.stack([told, wanted]))[0, 1] > 0.99
    assert text_direction(projected[:3], n_characters[:3]).isfinite().all()


def test_a_calibrated_head_says_the_same_with_more_or_less_certainty():
    head = PrototypeHead(2, 2)
    head.prototypes.data = torch.eye(2)
    asked = torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    before = head.logits(asked)
    Calibration(8.0, 0.5).apply(head, torch.tensor([2.0, 0.0]))
    after = head.logits(asked)
    trust = torch.tensor([[0.8], [0.6]]).exp()  # 0.5 * 2 * the first figure
    torch.testing.assert_close(after, before * 0.5 * trust)
    assert head.trust(asked).shape == (2, 1)


def test_siblings_are_those_of_the_deepest_level_with_the_category_above_them():
    tree = Taxonomy(
        [
            *(Category("C", "heart"), Category("C07", "beta blockers", "C")),
            *(Category("C07A", "plain", "C07"), Category("C07B", "mixed", "C07")),
            *(Category("C07AA", "all", "C07A"), Category("C07AB", "selective", "C07A")),
        ]
    )
    assert sibling_groups(["C07AB", "C07B", "C07A", "C07AA"], tree).tolist() == [0, 1, 0, 0]
    flat = Taxonomy([Category("a", "a"), Category("b", "b")])
    assert sibling_groups(["a", "b"], flat).tolist() == [0, 1]


def test_groups_are_trusted_more_than_siblings_where_that_is_true():
    # The scores tell four siblings' pair as well as the one of it; the pair is right in 9 of 10
    # cases, the one within it in 6 of 10.
    scores = torch.tensor([[0.0, -0.1, -0.2, -0.2]] * 100)
    true_rows = torch.tensor([0] * 54 + [1] * 36 + [2] * 5 + [3] * 5)
    groups, nothing = torch.tensor([0, 0, 2, 2]), torch.zeros(4)
    found = best_calibration(scores, nothing, true_rows, groups=groups)
    assert found.powers[0] > 1 > found.powers[1]
    head = PrototypeHead(2, 4)
    found.apply(head, torch.zeros(2), groups)
    logits = sharpened(scores * found.scale, head.groups, head.powers)
    told = logits[0].double().softmax(0)
    assert float(told[:2].sum()) == pytest.approx(0.9, abs=0.01)
    assert float(told[0] / told[:2].sum()) == pytest.approx(0.6, abs=0.01)


def test_the_power_within_groups_of_one_is_one():
    scores = torch.tensor([[0.0, -0.1, -0.3]] * 10)
    alone = torch.tensor([0, 1, 2])
    found = best_calibration(scores, torch.zeros(3), torch.tensor([0] * 6 + [1] * 4), groups=alone)
    assert found.powers[1] == pytest.approx(1)
