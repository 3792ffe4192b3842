"""The benchmark's metrics as `evaluate.Metric`s: offline, on their own or combined.

from evaluate import combine
from drugtext.evaluation.hf_metrics import MacroF1

MacroF1().compute(predictions=["C07", "A10"], references=["C07", "C07"])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from drugtext.evaluation.metrics import expected_calibration_error
from drugtext.evaluation.scores import (
    few_shot_accuracy,
    hierarchical_scores,
    ingredient_accuracy,
    macro_f1,
)

_CATEGORIES = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
_INPUTS = "predictions: a category id an insert, '' for no answer; references: the true one."


class _Metric(evaluate.Metric):
    """Keeps its inputs in memory: what it is given is never written to disk."""

    description: str
    citation: str
    inputs: dict[str, Any]
    explained: str = _INPUTS

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"keep_in_memory": True} | options)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.description,
            citation=self.citation,
            inputs_description=self.explained,
            features=datasets.Features(self.inputs),
        )


class MacroF1(_Metric):
    """Mean F1 over the categories that occur; see `scores.macro_f1`."""

    description = "Mean F1 over the categories that occur in predictions or references."
    citation = "Opitz and Burst 2019, arXiv:1911.03347"
    inputs = _CATEGORIES

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        return {"macro_f1": macro_f1(predictions, references)}


class IngredientAccuracy(_Metric):
    """Accuracy in which each ingredient counts once; see `scores.ingredient_accuracy`."""

    description = "Mean over ingredients of the share of their inserts that is right."
    citation = "drugtext"
    inputs = _CATEGORIES | {"ingredients": datasets.Value("string")}
    explained = f"{_INPUTS} ingredients: one key an insert."

    def _compute(
        self, predictions: Sequence[str], references: Sequence[str], ingredients: Sequence[str]
    ) -> dict[str, float]:
        right = np.array(predictions) == np.array(references)
        return {"ingredient_accuracy": ingredient_accuracy(right, ingredients)}


class FewShotAccuracy(_Metric):
    """Mean accuracy over episodes, with its 95 % interval; see `scores.few_shot_accuracy`."""

    description = "Mean over episodes of their accuracy, and the 95 % interval of that mean."
    citation = "Student 1908, doi:10.1093/biomet/6.1.1"
    inputs = _CATEGORIES | {"episodes": datasets.Value("int64")}
    explained = f"{_INPUTS} episodes: the number of the episode of each insert."

    def _compute(
        self, predictions: Sequence[str], references: Sequence[str], episodes: Sequence[int]
    ) -> dict[str, float]:
        right, numbers = np.array(predictions) == np.array(references), np.array(episodes)
        each = np.array([right[numbers == number].mean() for number in np.unique(numbers)])
        mean, low, high = few_shot_accuracy(each)
        return {"few_shot_accuracy": mean, "low": low, "high": high, "n_episodes": len(each)}


class CalibrationError(_Metric):
    """Gap between confidence and accuracy; see `metrics.expected_calibration_error`."""

    description = "Expected calibration error over bins of equal width."
    citation = "Guo et al. 2017, arXiv:1706.04599, equation 3"
    inputs = _CATEGORIES | {"confidences": datasets.Value("float64")}
    explained = f"{_INPUTS} confidences: probability of each prediction. n_bins: 15 by default."

    def _compute(
        self,
        predictions: Sequence[str],
        references: Sequence[str],
        confidences: Sequence[float],
        n_bins: int = 15,
    ) -> dict[str, float]:
        right = np.array(predictions) == np.array(references)
        gap = expected_calibration_error(np.array(confidences), right, n_bins)
        return {"calibration_error": gap}


class HierarchicalPrecision(_Metric):
    """How much of the answers' paths is on the true paths; see `scores.hierarchical_scores`."""

    description = "Hierarchical precision, recall and F1 of paths in a tree of categories."
    citation = "Kiritchenko, Matwin, Famili 2005, ACL BioLINK"
    inputs = dict.fromkeys(_CATEGORIES, datasets.Sequence(datasets.Value("string")))
    explained = (
        "predictions: ids from the root down to the answer, of each insert, none for no answer;"
        " references: ids from the root down to the true category."
    )

    def _compute(
        self, predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
    ) -> dict[str, float]:
        precision, recall, f1 = hierarchical_scores(predictions, references)
        return {
            "hierarchical_precision": precision,
            "hierarchical_recall": recall,
            "hierarchical_f1": f1,
        }
