"""How good predictions are: accuracy a level of the tree, by insert and by ingredient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drugtext.evaluation.bootstrap import grouped_bootstrap, grouped_share
from drugtext.evaluation.scores import ingredient_accuracy
from drugtext.prediction_sets import levels
from drugtext.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class LevelAccuracy:
    """Accuracy at one level of the taxonomy.

    Attributes:
        level: counted from 1 at the roots.
        n_inserts: inserts whose true category reaches this level and is known to the classifier.
        n_unknown: further inserts whose true category the classifier does not know; not counted.
        accuracy: share of `n_inserts` that are right.
        low, high: 95 % bootstrap interval of `accuracy`, whole ingredients drawn.
        by_ingredient: mean over ingredients of the share that is right.
        top_3: share whose true category is among the three most probable ones of the level.
    """

    level: int
    n_inserts: int
    n_unknown: int
    accuracy: float
    low: float
    high: float
    by_ingredient: float
    top_3: float


def accuracy_by_level(
    node_probabilities: Mapping[str, NDArray],
    answers: Sequence[str],
    true_ids: Sequence[str],
    groups: Sequence[str],
    taxonomy: Taxonomy,
    seed: int = 0,
) -> list[LevelAccuracy]:
    """Judge answers at each level of a taxonomy.

    Args:
        node_probabilities: node id -> probability of each insert, shape (n_inserts,).
        answers: the category that was answered, of each insert.
        true_ids: the true category, of each insert; it may be unknown to the classifier.
        groups: what the bootstrap draws: the ingredients of each insert.
        taxonomy: holds answers and true categories.
        seed: of the bootstrap.

    Returns:
        The levels at which a true category is known to the classifier, from the roots down.
    """
    paths = [[c.id for c in taxonomy.path(i)] for i in true_ids]
    answered = [[c.id for c in taxonomy.path(i)] for i in answers]
    depths = {node: len(taxonomy.path(node)) for node in node_probabilities}
    judged_levels = []
    for level in range(1, max(map(len, paths), default=0) + 1):
        reached = [n for n, path in enumerate(paths) if len(path) >= level]
        judged = [n for n in reached if paths[n][level - 1] in depths]
        if judged:
            nodes = {n: p[judged] for n, p in node_probabilities.items() if depths[n] == level}
            truth = [paths[n][level - 1] for n in judged]
            right = [
                answered[n][level - 1 : level] == [t] for n, t in zip(judged, truth, strict=True)
            ]
            figures = _figures(nodes, truth, np.array(right), np.array(groups)[judged], seed)
            n_unknown = len(reached) - len(judged)
            judged_levels.append(LevelAccuracy(level, len(judged), n_unknown, **figures))
    return judged_levels


def _figures(
    nodes: Mapping[str, NDArray], truth: Sequence[str], right: NDArray, groups: NDArray, seed: int
) -> dict[str, float]:
    """Return the figures of one level: nodes and inserts are those of this level alone."""
    ids = np.array(sorted(nodes))
    order = np.argsort(-np.stack([nodes[i] for i in ids], axis=1), axis=1, kind="stable")
    in_top_3 = (ids[order[:, :3]] == np.array(truth)[:, None]).any(axis=1)
    accuracy, low, high = grouped_share(right, groups.tolist(), seed)
    return {
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "by_ingredient": ingredient_accuracy(right, groups.tolist()),
        "top_3": float(in_top_3.mean()),
    }


LevelAnswers = tuple[NDArray[np.float64], NDArray[np.bool_], list[int]]
"""Of the inserts that are judged at a level: confidence, whether it is right, and their places."""


def answers_by_level(
    probabilities: NDArray[np.float64],
    category_ids: Sequence[str],
    taxonomy: Taxonomy,
    true_ids: Sequence[str],
) -> dict[int, LevelAnswers]:
    """Return the most probable category of each level, and whether it is right.

    A category that ends above a level stands for itself there, so that those of a level share out
    all of the probability. The deepest one of them on the path of an insert's true category is
    right; an insert that has none is not judged.

    Args:
        probabilities: shape (n_inserts, n_categories).
        category_ids: of the columns.
        taxonomy: holds them and the true categories.
        true_ids: of each insert.

    Returns:
        Level, counted from 1 at the roots -> its answers.
    """
    paths = [[step.id for step in taxonomy.path(i)] for i in true_ids]
    found = {}
    for level in levels(probabilities, category_ids, taxonomy):
        truth = level.true_nodes(paths)
        places = [*truth]
        best = level.probabilities.argmax(axis=1)
        right = np.array([level.ids[best[n]] == node for n, node in truth.items()], dtype=bool)
        found[level.number] = (level.probabilities.max(axis=1)[places], right, places)
    return found


def calibration_with_interval(
    confidences: NDArray, right: NDArray, groups: Sequence[str], seed: int = 0
) -> tuple[float, float, float]:
    """Return the expected calibration error, and its interval; groups are drawn whole.

    Draws lie above what they are drawn from, for bins err by chance, too: Kumar, Liang, Ma 2019,
    arXiv:1909.10155, section 3.
    """
    columns = confidence_columns(confidences, right)
    return grouped_bootstrap(columns, groups, calibration_gap, seed)


def expected_calibration_error(confidences: NDArray, right: NDArray, n_bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy, over bins of equal width.

    Args:
        confidences: probability of the answer, shape (n,); one or more.
        right: whether the answer was right, shape (n,).
        n_bins: number of bins.

    Source:
        Guo et al. 2017, arXiv:1706.04599, equation 3.
    """
    sums = confidence_columns(confidences, right, n_bins).sum(0, keepdims=True)
    return float(calibration_gap(sums)[0])


def confidence_columns(confidences: NDArray, right: NDArray, n_bins: int = 15) -> NDArray:
    """Return what `calibration_gap` needs the sums of, shape (n, 2 * n_bins).

    Of each insert and bin: how much confidence exceeds being right, and whether it is in the bin.
    """
    bins = np.minimum((confidences * n_bins).astype(int), n_bins - 1)
    inside = bins[:, None] == np.arange(n_bins)
    return np.concatenate([inside * (confidences - right)[:, None], inside], axis=1)


def calibration_gap(sums: NDArray) -> NDArray:
    """Return the expected calibration error of sums, shape (n_draws, 2 * n_bins): (n_draws,)."""
    excess, counts = np.split(sums, 2, axis=1)
    return np.abs(excess).sum(1) / counts.sum(1)
