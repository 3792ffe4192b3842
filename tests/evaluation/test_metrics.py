"""Accuracy a level, intervals and calibration error, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from drugtext.evaluation.metrics import (
    accuracy_by_level,
    answers_by_level,
    calibration_with_interval,
    expected_calibration_error,
)
from drugtext.prediction import node_probabilities
from drugtext.taxonomy import Category, Taxonomy

KNOWN = Taxonomy(
    [
        Category("H", "heart"),
        Category("H1", "rate", "H"),
        Category("H2", "pressure", "H"),
        Category("S", "skin"),
        Category("S1", "eczema", "S"),
        Category("P", "pain"),
    ]
)
IDS = ["H1", "H2", "S1", "P"]
EVERYTHING = KNOWN.with_categories([Category("H9", "other", "H"), Category("Z", "new")])


def judge(answers, truth, groups, rest=0.1):
    """Judge answers that each have most of the probability."""
    probabilities = np.full((len(answers), len(IDS)), rest)
    for row, answer in zip(probabilities, answers, strict=True):
        row[IDS.index(answer)] = 1 - 3 * rest
    nodes = node_probabilities(probabilities, IDS, KNOWN)
    return accuracy_by_level(nodes, answers, truth, groups, EVERYTHING)


def test_accuracy_by_level_by_hand():
    answers = ["H1", "H1", "S1", "P", "H2", "P"]
    truth = ["H1", "H2", "H1", "P", "H9", "Z"]
    first, second = judge(answers, truth, ["a", "a", "b", "c", "d", "e"])
    # Z is unknown at level 1; H9 stands in H, which is known
    assert (first.level, first.n_inserts, first.n_unknown) == (1, 5, 1)
    assert first.accuracy == 4 / 5  # the third is in S, not H
    assert first.by_ingredient == 3 / 4  # a: 2 of 2, b: 0 of 1, c: 1 of 1, d: 1 of 1
    # P does not reach level 2; H9 is unknown there
    assert (second.level, second.n_inserts, second.n_unknown) == (2, 3, 1)
    assert second.accuracy == pytest.approx(1 / 3)
    assert second.by_ingredient == 1 / 4  # a: 1 of 2, b: 0 of 1


def test_an_answer_above_the_level_is_wrong_there():
    first, second = judge(["P", "H1"], ["H1", "H1"], ["a", "b"])
    assert first.accuracy == second.accuracy == 0.5


def test_top_3_counts_nodes_of_the_level():
    probabilities = np.array([[0.4, 0.3, 0.2, 0.1]] * 2)
    nodes = node_probabilities(probabilities, IDS, KNOWN)
    (level,) = accuracy_by_level(nodes, ["H1", "H1"], ["P", "H"], ["a", "b"], EVERYTHING)
    assert (level.accuracy, level.top_3) == (0.5, 1.0)
    wide = Taxonomy([Category(i, i) for i in "abcde"])
    nodes = node_probabilities(np.array([[0.4, 0.3, 0.2, 0.06, 0.04]] * 2), list("abcde"), wide)
    (level,) = accuracy_by_level(nodes, ["a", "a"], ["c", "d"], ["x", "y"], wide)
    assert (level.accuracy, level.top_3) == (0.0, 0.5)


def test_a_level_that_is_all_unknown_is_left_out():
    assert judge(["P"], ["Z"], ["a"]) == []
    assert [level.level for level in judge(["H1"], ["H9"], ["a"])] == [1]


def test_the_interval_holds_the_accuracy():
    answers = ["H1"] * 30 + ["S1"] * 10
    (first, _) = judge(answers, ["H1"] * 40, [str(n) for n in range(40)])
    assert first.accuracy == 0.75
    assert 0.55 < first.low < 0.75 < first.high < 0.95


def test_intervals_draw_drugs_whole():
    """Each of two drugs is right in one of two inserts, and so is every draw of drugs."""
    drugs = ["a", "a", "b", "b"]
    (first, _) = judge(["H1", "S1", "S1", "H1"], ["H1"] * 4, drugs)
    assert (first.low, first.accuracy, first.high) == (0.5, 0.5, 0.5)
    right = np.array([True, False, True, False])
    found = calibration_with_interval(np.full(4, 0.9), right, drugs)
    assert found == pytest.approx((0.4, 0.4, 0.4))


def test_calibration_error_by_hand():
    confidences = np.array([0.95, 0.85, 0.65, 0.55])
    right = np.array([True, False, True, True])
    # bins of 0.5 to 1: accuracy 3/4, confidence 0.75
    assert expected_calibration_error(confidences, right, n_bins=2) == pytest.approx(0)
    # five bins: {0.95, 0.85}: 0.5 against 0.9; {0.65}: 1 against 0.65; {0.55}: 1 against 0.55
    expected = 0.5 * 0.4 + 0.25 * 0.35 + 0.25 * 0.45
    assert expected_calibration_error(confidences, right, n_bins=5) == pytest.approx(expected)


def test_full_confidence_falls_into_the_last_bin():
    error = expected_calibration_error(np.array([1.0, 0.0]), np.array([True, False]))
    assert error == 0
    assert expected_calibration_error(np.array([1.0]), np.array([False])) == 1


def test_the_deepest_node_of_a_level_on_the_true_path_is_right():
    tree = Taxonomy(
        [Category("A", "a"), Category("B", "b", "A"), *(Category(c, c, "B") for c in ("C", "D"))]
    )
    found = answers_by_level(np.array([[0.1, 0.9], [0.9, 0.1]]), ["A", "D"], tree, ["C", "A"])
    confidences, right, places = found[2]  # A stands for itself, B for D and what is like it
    assert places == [0, 1] and right.tolist() == [True, True]
    np.testing.assert_allclose(confidences, [0.9, 0.9])
    confidences, right, places = found[3]  # C cannot be answered, nor B: A can
    assert places == [0, 1] and right.tolist() == [False, True]


def test_confidences_are_those_of_the_inserts_that_are_judged():
    probabilities = np.array([[0.8, 0.1, 0.0, 0.1], [0.1, 0.0, 0.3, 0.6], [0.1, 0.5, 0.3, 0.1]])
    found = answers_by_level(probabilities, IDS, EVERYTHING, ["Z", "P", "S1"])
    confidences, right, places = found[1]
    assert places == [1, 2] and right.tolist() == [True, False]  # the first is of none of them
    np.testing.assert_allclose(confidences, [0.6, 0.6])
