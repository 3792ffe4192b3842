"""Metrics by the evaluate library: hand-computed values, combined, and nothing fetched."""

from __future__ import annotations

import evaluate
import numpy as np
import pytest

from drugtext.errors import CorpusError
from drugtext.evaluation.hf_metrics import (
    CalibrationError,
    FewShotAccuracy,
    HierarchicalPrecision,
    IngredientAccuracy,
    MacroF1,
)
from drugtext.evaluation.scores import few_shot_accuracy, hierarchical_scores, macro_f1, mean_f1

TRUE = ["a", "a", "a", "b"]


def test_macro_f1():
    # a: 2 of 2 answers right, 2 of 3 found: 0.8; b: 1 of 2, 1 of 1: 2/3
    found = MacroF1().compute(predictions=["a", "a", "b", "b"], references=TRUE)
    assert found == {"macro_f1": pytest.approx((0.8 + 2 / 3) / 2)}


def test_no_answer_is_no_category():
    # a: 2 of 2, 2 of 3: 0.8; b: none found: 0
    found = MacroF1().compute(predictions=["a", "a", "", ""], references=TRUE)
    assert found["macro_f1"] == pytest.approx(0.4)


def test_macro_f1_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    for n_categories in (2, 5, 40):
        true, given = rng.integers(n_categories, size=(2, 100)).astype(str).tolist()
        assert macro_f1(given, true) == pytest.approx(f1_score(true, given, average="macro"))


def test_ingredient_accuracy():
    found = IngredientAccuracy().compute(
        predictions=["a", "a", "b", "b"], references=TRUE, ingredients=["x", "x", "x", "y"]
    )
    assert found == {"ingredient_accuracy": pytest.approx((2 / 3 + 1) / 2)}


def test_few_shot_accuracy():
    found = FewShotAccuracy().compute(
        predictions=["a", "a", "a", "a", "b", "b"],
        references=["a", "a", "a", "b", "a", "a"],
        episodes=[7, 7, 8, 8, 9, 9],
    )
    # Episodes 1, 0.5, 0: s = 0.5, t(0.975, 2) = 4.303
    assert found["few_shot_accuracy"] == pytest.approx(0.5)
    assert found["high"] - 0.5 == pytest.approx(4.3027 * 0.5 / 3**0.5, rel=1e-4)
    assert found["low"] == pytest.approx(1 - found["high"])
    assert found["n_episodes"] == 3


def test_a_category_that_a_draw_does_not_meet_is_not_in_its_mean():
    # Of three categories: how often each is true, answered, and both, in two draws
    sums = np.array([[2, 1, 0, 2, 1, 0, 2, 1, 0], [2, 1, 1, 2, 1, 0, 2, 1, 0]])
    assert mean_f1(sums).tolist() == pytest.approx([1, 2 / 3])


def test_one_episode_has_no_interval():
    mean, low, high = few_shot_accuracy(np.array([0.75]))
    assert mean == 0.75 and np.isnan(low) and np.isnan(high)


def test_calibration_error():
    inputs = {"predictions": ["a", "b", "b", "b"], "references": TRUE}
    inputs["confidences"] = [0.9, 0.9, 0.9, 0.5]
    # Of three said with 0.9, one is right: gap 0.5667; of one with 0.5, one is: gap 0.5
    expected = 0.75 * (0.9 - 1 / 3) + 0.25 * 0.5
    assert CalibrationError().compute(**inputs) == {"calibration_error": pytest.approx(expected)}
    # In one bin: said 0.8, right 0.5
    found = CalibrationError().compute(**inputs, n_bins=1)
    assert found["calibration_error"] == pytest.approx(0.3)


def test_hierarchical_precision():
    found = HierarchicalPrecision().compute(
        predictions=[["C", "C07"], ["A", "A10", "A10B"], []],
        references=[["C", "C07", "C07A"], ["A", "A02"], ["N"]],
    )
    # 3 of 5 steps answered are true; 3 of 6 true steps are answered
    assert found == {
        "hierarchical_precision": pytest.approx(0.6),
        "hierarchical_recall": pytest.approx(0.5),
        "hierarchical_f1": pytest.approx(2 * 0.6 * 0.5 / 1.1),
    }


def test_one_right_step_is_all_right():
    assert hierarchical_scores([["C"]], [["C"]]) == (1, 1, 1)


def test_no_answer_at_all_scores_zero():
    assert hierarchical_scores([[], []], [["C"], ["A"]]) == (0, 0, 0)


def test_they_are_combined():
    both = evaluate.combine([MacroF1(), MacroF1()], force_prefix=True)
    found = both.compute(predictions=["a"], references=["a"])
    assert sorted(found.values()) == [1, 1]


def test_they_are_fed_in_batches():
    metric = IngredientAccuracy()
    for given in ("a", "b"):
        metric.add_batch(predictions=[given] * 2, references=["a"] * 2, ingredients=["x", given])
    # x: 1 of 2, a: 1 of 1, b: 0 of 1
    assert metric.compute()["ingredient_accuracy"] == pytest.approx(0.5)


def test_nothing_to_score_is_refused():
    with pytest.raises(CorpusError, match="found no insert to score"):
        macro_f1([], [])
