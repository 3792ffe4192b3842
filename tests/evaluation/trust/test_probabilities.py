"""Figures of probabilities, sets and sure answers: counted by hand, and where they are true."""

from __future__ import annotations

import numpy as np
import pytest

from drugtext.evaluation.trust.probabilities import (
    Covered,
    Judged,
    back_off,
    calibration,
    calibration_by_level,
    coverage,
    coverage_by_level,
    covered_by_level,
)
from drugtext.prediction_sets import LONG, SHORT
from drugtext.taxonomy import Category, Taxonomy

TREE = Taxonomy(
    [
        *(Category("H", "heart"), Category("H1", "rate", "H"), Category("H2", "pressure", "H")),
        *(Category("S", "skin"), Category("S1", "dry", "S"), Category("T", "of nobody")),
    ]
)
IDS = ["H1", "H2", "S1"]
JUDGED = Judged(
    np.array([[0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.1, 0.0, 0.9]]),
    IDS,
    TREE,
    ["H2", "H1", "T"],
    ["a", "b", "c"],
    np.array([SHORT, SHORT, LONG]),
)


def test_answers_are_judged_where_the_true_category_can_be_given():
    found = JUDGED.by_level()
    confidences, right, places = found[1]
    assert places == [0, 1] and right.tolist() == [True, True]
    np.testing.assert_allclose(confidences, [0.9, 0.6])
    confidences, right, places = found[2]
    assert places == [0, 1] and right.tolist() == [False, False]
    np.testing.assert_allclose(confidences, [0.6, 0.4])


def test_true_probabilities_err_as_much_as_chance_does():
    rng = np.random.default_rng(0)
    confidences = rng.uniform(0.2, 1, 1000)
    right = rng.random(1000) < confidences
    groups = [str(n // 2) for n in range(1000)]
    found = calibration(confidences, right, groups)
    assert found["ece"] == pytest.approx(found["by_chance"], abs=0.02)
    too_sure = calibration(np.sqrt(confidences), right, groups)
    assert too_sure["ece"] > 3 * too_sure["by_chance"]
    assert too_sure["confidence"] - too_sure["accuracy"] == pytest.approx(too_sure["ece"], abs=0.01)


def test_inserts_of_one_drug_that_go_together_err_more_by_chance():
    confidences = np.full(10, 0.5)
    apart = calibration(confidences, confidences > 0, [str(n) for n in range(10)])
    assert apart["by_chance"] == apart["by_chance_alike"] < 0.2
    one_drug = calibration(confidences, confidences > 0, ["a"] * 10)
    assert one_drug["by_chance_alike"] == 0.5  # all right, or all wrong


def test_calibration_is_told_of_each_level():
    levels = calibration_by_level(JUDGED)
    assert [(level["level"], level["n"]) for level in levels] == [(1, 2), (2, 2)]
    # Bins of 1 / 15: all four answers stand by themselves
    assert levels[0]["ece"] == pytest.approx((0.1 + 0.4) / 2)
    assert levels[1]["ece"] == pytest.approx((0.6 + 0.4) / 2)


def test_coverage_counts_sets_that_hold_the_true_category():
    sets = [[["H"], ["H1", "H2"]], [["S"], ["S1"]], [["S"], ["S1"]]]
    first, second = coverage_by_level(JUDGED, sets, 0.9)
    assert (first["covered"], first["mean_size"], first["n"]) == (0.5, 1.0, 2)
    assert (second["covered"], second["mean_size"], second["asked"]) == (0.5, 1.5, 0.9)


def test_drugs_are_covered_alike_however_many_inserts_they_have():
    inside = np.array([True, True, True, False, True, False])
    covered = Covered(inside, np.arange(1, 7), ["a", "a", "a", "a", "b", "c"])
    told = coverage(covered)
    assert told["covered"] == round(4 / 6, 4) and told["mean_size"] == 3.5
    assert told["drugs_covered"] == round((3 / 4 + 1 + 0) / 3, 4)
    assert told["drugs_covered_low"] <= told["drugs_covered"] <= told["drugs_covered_high"]


def test_some_inserts_are_judged_by_themselves():
    sets = [[["H"], ["H1", "H2"]], [["S"], ["S1"]], [["S"], ["S1"]]]
    last = JUDGED.at([2])
    assert last.groups == JUDGED.groups[2:] and last.kinds.tolist() == [LONG]
    of_last, of_all = (covered_by_level(one, s) for one, s in ((last, sets[2:]), (JUDGED, sets)))
    others = covered_by_level(JUDGED.at([0, 1]), sets[:2])
    for level, covered in of_all.items():
        parts = [*others[level].inside, *of_last[level].inside]
        assert parts == covered.inside.tolist()
        assert [*others[level].sizes, *of_last[level].sizes] == covered.sizes.tolist()


def test_a_category_that_cannot_be_answered_is_covered_by_the_one_above():
    tree = Taxonomy(
        [Category("A", "a"), Category("B", "b", "A"), *(Category(c, c, "B") for c in ("C", "D"))]
    )
    judged = Judged(np.array([[0.9, 0.1]]), ["A", "D"], tree, ["C"], ["a"], np.array([True]))
    rows = coverage_by_level(judged, [[["A"], ["B"], ["A"]]], 0.9)
    assert [(row["n"], row["covered"]) for row in rows] == [(1, 1.0)] * 3


def test_backing_off_tells_depth_and_accuracy():
    found = back_off(JUDGED, 0.65)
    # H for the first, nothing for the second, S1 for the third, whose true category is T
    assert (found["n"], found["n_answered"]) == (3, 2)
    assert found["mean_depth"] == pytest.approx((1 + 0 + 2) / 3, abs=0.01)
    assert found["right"] == 0.5


def test_nothing_sure_is_no_failure():
    assert back_off(JUDGED, 1.0)["n_answered"] == 0
