"""Measured figures as a plain dictionary, which config.json carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.evaluation.metrics import (
    accuracy_by_level,
    answers_by_level,
    calibration_with_interval,
    expected_calibration_error,
)
from drugtext.evaluation.reliability import reliability_bins
from drugtext.prediction import node_probabilities
from drugtext.taxonomy import Taxonomy, deepest_known

N_BINS = 10
"""Of the reliability diagram that a card shows."""


def measure(
    probabilities: NDArray,
    category_ids: Sequence[str],
    known: Taxonomy,
    true_ids: Sequence[str],
    groups: Sequence[str],
    taxonomy: Taxonomy,
    seed: int = 0,
) -> dict[str, Any]:
    """Judge the probabilities that a classifier gave to inserts of unseen ingredients.

    Args:
        probabilities: shape (n_inserts, n_categories).
        category_ids: of the columns.
        known: the classifier's taxonomy.
        true_ids: the true category of each insert.
        groups: ingredients of each insert, as one string.
        taxonomy: holds the true categories, known to the classifier or not.
        seed: of the bootstrap.

    Returns:
        `n_inserts`; `levels`, those where a true category is known: `LevelAccuracy`, and
        `calibration_error` of `answers_by_level`, with the interval `calibration_low` and
        `calibration_high`, whose inserts are more than those of `LevelAccuracy`;
        `calibration_error` and `reliability`, over the inserts of `known_answers`: None and empty
        where there is none. The latter has of each bin of a reliability diagram the mean
        probability, the share that is right, and the number of inserts.
    """
    answers = [category_ids[n] for n in probabilities.argmax(1)]
    nodes = node_probabilities(probabilities, category_ids, known)
    levels = accuracy_by_level(nodes, answers, true_ids, groups, taxonomy, seed)
    of_levels = _calibration_of_levels(
        probabilities, category_ids, true_ids, groups, taxonomy, seed
    )
    confidences, right = known_answers(probabilities, category_ids, true_ids, taxonomy)
    error = expected_calibration_error(confidences, right) if len(right) else None
    bins = reliability_bins(confidences, right, N_BINS) if len(right) else []
    return {
        "n_inserts": len(true_ids),
        "levels": [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(level).items()}
            | of_levels[level.level]
            for level in levels
        ],
        "calibration_error": None if error is None else round(error, 4),
        "reliability": [
            [round(one.confidence, 4), round(one.accuracy, 4), one.n_inserts]
            for one in bins
            if one.confidence is not None and one.accuracy is not None
        ],
    }


def _calibration_of_levels(
    probabilities: NDArray,
    category_ids: Sequence[str],
    true_ids: Sequence[str],
    groups: Sequence[str],
    taxonomy: Taxonomy,
    seed: int,
) -> dict[int, dict[str, float]]:
    found = {}
    answers = answers_by_level(probabilities, category_ids, taxonomy, true_ids)
    for level, (confidences, right, places) in answers.items():
        if places:
            drawn = [groups[n] for n in places]
            error = calibration_with_interval(confidences, right, drawn, seed)
            names = ("calibration_error", "calibration_low", "calibration_high")
            found[level] = {n: round(v, 4) for n, v in zip(names, error, strict=True)}
    return found


def known_answers(
    probabilities: NDArray,
    category_ids: Sequence[str],
    true_ids: Sequence[str],
    taxonomy: Taxonomy,
) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return what calibration is judged on: inserts that have a right answer.

    That is the deepest category on the true one's path that can be answered: who asks does not
    know beforehand whether the true one itself is among them.

    Args:
        probabilities: shape (n_inserts, n_categories).
        category_ids: of the columns.
        true_ids: the true category of each insert.
        taxonomy: holds the true categories.

    Returns:
        Of each such insert the probability of its answer, and whether that is right; shape (n,).
    """
    columns = set(category_ids)
    paths = ([step.id for step in taxonomy.path(true_id)] for true_id in true_ids)
    right = [deepest_known(path, columns) for path in paths]
    places = [n for n, category_id in enumerate(right) if category_id is not None]
    answers = [category_ids[n] for n in probabilities.argmax(1)]
    is_right = np.array([answers[n] == right[n] for n in places], dtype=bool)
    return probabilities.max(1)[places], is_right
