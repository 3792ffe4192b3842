"""Scores of scope: AUROC counted by hand, and which score says what."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drugtext.evaluation.trust.scope import (
    SCORES,
    Told,
    auroc,
    auroc_interval,
    compare_scores_over_draws,
    scope_scores,
)
from drugtext.heads import PrototypeHead


@pytest.mark.parametrize(
    ("inside", "outside", "share"),
    [
        ([3.0, 4.0], [1.0, 2.0], 1.0),
        ([1.0, 2.0], [3.0, 4.0], 0.0),
        ([1.0, 3.0], [2.0], 0.5),
        ([1.0, 1.0], [1.0], 0.5),  # a tie is half a win
        ([5.0, 2.0, 1.0], [3.0, 0.0], 4 / 6),
    ],
)
def test_auroc_counts_pairs_in_the_right_order(inside, outside, share):
    assert auroc(inside, outside) == pytest.approx(share)


def test_random_scores_tell_nothing():
    rng = np.random.default_rng(0)
    a, b = rng.random(400), rng.random(300)
    groups = ([f"a{n // 2}" for n in range(400)], [f"b{n}" for n in range(300)])
    found = auroc_interval(a, b, groups)
    assert found["low"] < 0.5 < found["high"]
    assert (found["n_inside"], found["n_outside"]) == (400, 300)


def test_few_groups_make_a_wide_interval():
    rng = np.random.default_rng(0)
    places = np.arange(200) // 20  # what is of one group is much alike
    a, b = (rng.normal(mean, 1, 10)[places] + rng.normal(0, 0.1, 200) for mean in (1, 0))
    alone, grouped = (
        auroc_interval(a, b, (groups, groups))
        for groups in ([str(n) for n in range(200)], [str(n) for n in places])
    )
    assert alone["auroc"] == grouped["auroc"] == pytest.approx(auroc(a, b), abs=1e-4)
    widths = [found["high"] - found["low"] for found in (alone, grouped)]
    assert widths[0] > 0.03 and widths[1] > 2 * widths[0]


def test_every_score_is_higher_where_an_insert_is_like_the_support():
    head = PrototypeHead(3, 2)
    head.prototypes.data = torch.eye(3)[:2]
    head = head.remembering(torch.eye(3)[:2], torch.tensor([0, 1]))
    near = torch.nn.functional.normalize(torch.tensor([[0.995, 0.0, 0.0999]]))
    far = torch.tensor([[0.0, 0.0, 1.0]])
    head.centre.data = 0.5 * near[0]
    inside, outside = scope_scores(head, near), scope_scores(head, far)
    assert set(inside) == set(SCORES)
    for name in SCORES:
        assert inside[name].shape == (1,) and inside[name][0] > outside[name][0], name


def test_draws_that_ask_the_same_drugs_again_are_no_further_drugs():
    rng = np.random.default_rng(0)
    scores, groups = rng.random(40), [f"drug {n // 2}" for n in range(40)]
    is_inside = rng.random(40) < 0.6

    def told(n_draws: int) -> dict[str, float]:
        draw = Told(dict.fromkeys(SCORES, scores), is_inside, groups)
        found = compare_scores_over_draws([draw] * n_draws)
        assert len(found) == len(SCORES) and len({*map(str, found.values())}) == 1
        return next(iter(found.values()))

    one = told(1)
    assert one["auroc"] == round(auroc(scores[is_inside], scores[~is_inside]), 4)
    assert one["low"] < one["auroc"] < one["high"] and told(9) == one


def test_the_mean_of_draws_is_that_of_their_areas():
    sides = np.array([True, True, False, False])
    above, below = (np.array(s, float) for s in ([3, 2, 1, 0], [0, 1, 2, 3]))
    draws = [Told(dict.fromkeys(SCORES, s), sides, list("abcd")) for s in (above, above, below)]
    found = compare_scores_over_draws(draws)
    assert all(score["auroc"] == round(2 / 3, 4) for score in found.values())
