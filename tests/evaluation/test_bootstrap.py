"""Bootstrap: whole groups are drawn, and the seed decides."""

from __future__ import annotations

import numpy as np
import pytest

from drugtext.evaluation.bootstrap import grouped_bootstrap, grouped_mean, grouped_share


def numbered(n: int) -> list[str]:
    return [str(k) for k in range(n)]


def test_an_interval_of_constant_values_is_that_value():
    found = grouped_mean([0.25] * 12, [str(n % 5) for n in range(12)])
    assert found == pytest.approx((0.25, 0.25, 0.25))


def test_whole_groups_are_drawn():
    values = [1.0] * 50 + [0.0] * 50
    assert grouped_mean(values, ["a"] * 50 + ["b"] * 50) == (0.5, 0.0, 1.0)
    mean, low, high = grouped_mean(values, numbered(100))
    assert mean == 0.5 and 0.35 < low < 0.45 < 0.55 < high < 0.65


def test_groups_count_by_their_members():
    values, groups = [1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"]
    assert grouped_mean(values, groups)[0] == 0.75
    # Of two groups, both draws of one give 0 or 1; one of each gives 3 of 4, never 1 of 2.
    seen = []
    grouped_bootstrap(
        [[v, 1] for v in values], groups, lambda s: seen.append(s[:, 0] / s[:, 1]) or s[:, 0]
    )
    assert set(np.concatenate(seen)) == {0.0, 0.75, 1.0}


def test_the_seed_decides():
    values = np.arange(20.0)
    first = grouped_mean(values, numbered(20), seed=1)
    assert first == grouped_mean(values, numbered(20), seed=1)
    assert first != grouped_mean(values, numbered(20), seed=2)


def test_a_share_of_all_or_none_is_not_certain():
    right, groups = np.ones(9), [*"aabbccdef"]  # six drugs: 0.025 = 0.541 ** 6
    assert grouped_share(right, groups) == pytest.approx((1, 0.5407, 1), abs=1e-4)
    assert grouped_share(1 - right, groups) == pytest.approx((0, 0, 0.4593), abs=1e-4)
    assert grouped_share([1, 0, 1], [*"abc"]) == grouped_mean([1, 0, 1], [*"abc"])


def test_in_which_order_rows_stand_is_of_no_account():
    values, groups = [1.0, 0.0, 1.0, 0.0, 0.5], ["b", "a", "b", "a", "c"]
    order = [1, 3, 0, 2, 4]
    ordered = grouped_mean([values[n] for n in order], [groups[n] for n in order])
    assert grouped_mean(values, groups) == ordered
    # Two groups of which each is of one kind differ more between draws than rows of both kinds.
    mixed = grouped_mean([1.0, 0.0, 1.0, 0.0], ["a", "a", "b", "b"])
    assert mixed == (0.5, 0.5, 0.5)


def test_an_interval_is_one_of_95_per_cent():
    _, low, high = grouped_mean([0.0, 1.0] * 200, numbered(400))
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20, rel=0.08)  # of 90 %: a sixth less
