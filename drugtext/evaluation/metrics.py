"""How good predictions are: accuracy a level of the tree, by insert and by ingredient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    node_probabilities: dict[str, NDArray],
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
    """
    paths = [[c.id for c in taxonomy.path(i)] for i in true_ids]
    answered = [[c.id for c in taxonomy.path(i)] for i in answers]
    known = {(len(taxonomy.path(node)), node) for node in node_probabilities}
    levels = []
    for level in range(1, max(map(len, paths), default=0) + 1):
        reached = [n for n, path in enumerate(paths) if len(path) >= level]
        judged = [n for n in reached if (level, paths[n][level - 1]) in known]
        if not judged:
            continue
        truth = [paths[n][level - 1] for n in judged]
        right = np.array([answered[n][level - 1 : level] == [t] for n, t in zip(judged, truth, strict=True)])
        nodes = [node for depth, node in sorted(known) if depth == level]
        matrix = np.stack([node_probabilities[node][judged] for node in nodes], axis=1)
        best = np.argsort(-matrix, axis=1)[:, :3]
        top_3 = np.array([t in {nodes[k] for k in row} for t, row in zip(truth, best, strict=True)])
        names = np.array([groups[n] for n in judged])
        low, high = grouped_interval(right, names, np.mean, seed)
        levels.append(
            LevelAccuracy(
                level=level,
                n_inserts=len(judged),
                n_unknown=len(reached) - len(judged),
                accuracy=float(right.mean()),
                low=low,
                high=high,
                by_ingredient=float(np.mean([right[names == g].mean() for g in np.unique(names)])),
                top_3=float(top_3.mean()),
            )
        )
    return levels


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

    Source:
        Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x (cluster bootstrap).
    """
    members = [values[groups == group] for group in np.unique(groups)]
    rng = np.random.default_rng(seed)
    draws = [
        statistic(np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))]))
        for _ in range(n_draws)
    ]
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def expected_calibration_error(confidences: NDArray, right: NDArray, n_bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy, over bins of equal width.

    Args:
        confidences: probability of the answer, shape (n,).
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
