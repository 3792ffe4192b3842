"""How good predictions are: accuracy a level of the tree, by insert and by ingredient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    levels = []
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
            levels.append(LevelAccuracy(level, len(judged), n_unknown, **figures))
    return levels


def _figures(
    nodes: Mapping[str, NDArray], truth: Sequence[str], right: NDArray, groups: NDArray, seed: int
) -> dict[str, float]:
    """Return the figures of one level: nodes and inserts are those of this level alone."""
    ids = np.array(sorted(nodes))
    order = np.argsort(-np.stack([nodes[i] for i in ids], axis=1), axis=1, kind="stable")
    in_top_3 = (ids[order[:, :3]] == np.array(truth)[:, None]).any(axis=1)
    low, high = grouped_interval(right, groups, np.mean, seed)
    return {
        "accuracy": float(right.mean()),
        "low": low,
        "high": high,
        "by_ingredient": float(np.mean([right[groups == g].mean() for g in np.unique(groups)])),
        "top_3": float(in_top_3.mean()),
    }


def grouped_interval(
    values: NDArray,
    groups: NDArray,
    statistic: Callable[[NDArray], float],
    seed: int = 0,
    n_draws: int = 1000,
) -> tuple[float, float]:
    """Return a 95 % bootstrap interval that draws whole groups, as their members are alike.

    Args:
        values: shape (n,).
        groups: of each value, shape (n,).
        statistic: of an array of values, such as `numpy.mean`.
        seed: of the draws.
        n_draws: bootstrap samples.

    Returns:
        The 2.5 % and the 97.5 % quantile of the statistic.

    Source:
        Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x (cluster bootstrap).
    """
    members = [values[groups == group] for group in np.unique(groups)]
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(members), size=len(members)) for _ in range(n_draws))
    draws = [statistic(np.concatenate([members[k] for k in numbers])) for numbers in drawn]
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def expected_calibration_error(confidences: NDArray, right: NDArray, n_bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy, over bins of equal width.

    Args:
        confidences: probability of the answer, shape (n,); one or more.
        right: whether the answer was right, shape (n,).
        n_bins: number of bins.

    Source:
        Guo et al. 2017, arXiv:1706.04599, equation 3.
    """
    bins = np.minimum((confidences * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(right[bins == b].mean() - confidences[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(sum(gaps))
