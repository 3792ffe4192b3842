"""Measured figures, and the table that shows them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from drugtext.evaluation.report import known_answers, measure
from drugtext.figures import measured_table, reliability_table
from drugtext.taxonomy import Category, Taxonomy

KNOWN = Taxonomy(
    [Category("H", "heart"), Category("H1", "rate", "H"), Category("S", "skin")], "own"
)
EVERYTHING = KNOWN.with_categories([Category("H9", "other", "H"), Category("Z", "new")])
PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])


def test_figures_by_hand():
    figures = measure(
        PROBABILITIES, ["H1", "S"], KNOWN, ["H1", "S", "S", "Z"], ["a", "b", "b", "c"], EVERYTHING
    )
    assert figures["n_inserts"] == 4
    first, second = figures["levels"]
    assert (first["level"], first["n_inserts"], first["n_unknown"]) == (1, 3, 1)
    assert first["accuracy"] == 0.6667 and first["by_ingredient"] == 0.75 and first["top_3"] == 1
    assert (second["level"], second["n_inserts"], second["accuracy"]) == (2, 1, 1.0)
    # the three known ones, each in a bin by itself
    expected = (abs(1 - 0.9) + abs(0 - 0.8) + abs(1 - 0.7)) / 3
    assert figures["calibration_error"] == pytest.approx(expected)
    assert figures["reliability"] == [[0.7, 1.0, 1], [0.8, 0.0, 1], [0.9, 1.0, 1]]
    # S ends above the second level, and stands for itself there
    assert [level["calibration_error"] for level in figures["levels"]] == [0.4, 0.4]
    assert first["calibration_low"] <= 0.4 <= first["calibration_high"]
    assert json.loads(json.dumps(figures)) == figures


def test_nothing_known_has_no_calibration_error():
    figures = measure(PROBABILITIES[:2], ["H1", "S"], KNOWN, ["H9", "Z"], ["a", "b"], EVERYTHING)
    assert figures["calibration_error"] is None and figures["reliability"] == []
    assert [level["level"] for level in figures["levels"]] == [1]
    assert figures["levels"][0]["n_unknown"] == 1


def test_the_deepest_category_that_can_be_answered_is_the_right_answer():
    # H answers for H9, which cannot be answered; Z has nothing above it.
    confidences, right = known_answers(
        PROBABILITIES, ["H", "S"], ["H9", "S", "H1", "Z"], EVERYTHING
    )
    assert confidences.tolist() == [0.9, 0.8, 0.7]
    assert right.tolist() == [True, False, False]


def test_the_table_has_a_row_a_form_and_level():
    figures = measure(
        PROBABILITIES, ["H1", "S"], KNOWN, ["H1", "S", "S", "S"], ["a", "b", "b", "c"], EVERYTHING
    )
    table = measured_table({"forms": {"all, masked": figures, "all": figures}, "note": "A note."})
    lines = table.splitlines()
    assert lines[0].startswith("| inserts | names | level | n |") and lines[-1] == "A note."
    assert lines[2].startswith("| all | masked | 1 | 4 | 0.500 (")
    assert len([line for line in lines if line.startswith("| all |")]) == 4
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


def test_reliability_is_drawn_for_the_first_form_that_has_it():
    none = {"calibration_error": None, "reliability": []}
    some = {"calibration_error": 0.1, "reliability": [[0.25, 0.5, 4], [0.9, 1.0, 2]]}
    table = reliability_table({"forms": {"all, masked": none, "all, plain": some}})
    assert "(all, plain)" in table
    assert f"| 0.25 | 0.50 | {'█' * 10} | 4 |" in table and f"| {'█' * 20} | 2 |" in table
    assert reliability_table({"forms": {"all, masked": none}}) == ""


def test_of_a_node_and_one_below_it_the_lower_is_the_right_answer():
    _, right = known_answers(
        np.array([[0.2, 0.8], [0.8, 0.2]]), ["H", "H1"], ["H1"] * 2, EVERYTHING
    )
    assert right.tolist() == [True, False]
