"""Which score tells best whether an insert belongs to some known category?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from torch import Tensor

from drugtext.heads import PrototypeHead
from drugtext.scorer import INITIAL_SCALE

N_DRAWS = 500
N_NEAREST = 5
"""Known inserts."""
IN_USE = "energy and distance to the middle of all known"
"""Of `SCORES`: what `in_scope` is judged by."""


def _nearest_prototype(head: PrototypeHead, projected: Tensor) -> Tensor:
    prototypes = torch.nn.functional.normalize(head.prototypes, dim=-1)
    return (head.text_of(projected) @ prototypes.T).max(dim=1).values


def _least_distance(head: PrototypeHead, projected: Tensor) -> Tensor:
    return head.scores(projected).max(dim=1).values


def _nearest_known(head: PrototypeHead, projected: Tensor) -> Tensor:
    if head.memory is None:
        return _nearest_prototype(head, projected)
    cosines = head.memory.cosines(head.text_of(projected))
    return cosines.topk(min(N_NEAREST, cosines.shape[1]), dim=1).values.mean(dim=1)


def _all_known(head: PrototypeHead, projected: Tensor) -> Tensor:
    return -head.distances(projected)


def _energy(head: PrototypeHead, projected: Tensor) -> Tensor:
    return (head.evidence(projected)[0] * INITIAL_SCALE).logsumexp(dim=1)


def _energy_and_nearest(head: PrototypeHead, projected: Tensor) -> Tensor:
    return _energy(head, projected) / INITIAL_SCALE + _nearest_known(head, projected)


def _largest_probability(head: PrototypeHead, projected: Tensor) -> Tensor:
    return head.logits(projected).softmax(dim=1).max(dim=1).values


def _most_evidence(head: PrototypeHead, projected: Tensor) -> Tensor:
    return head.evidence(projected)[0].max(dim=1).values


SCORES: dict[str, Callable[[PrototypeHead, Tensor], Tensor]] = {
    "cosine to the nearest prototype": _nearest_prototype,
    "Mahalanobis distance to the nearest prototype, of unit vectors": _least_distance,
    "Mahalanobis distance to the middle of all known": _all_known,
    "most evidence for a category": _most_evidence,
    "energy": _energy,
    "cosine to the 5 nearest known inserts": _nearest_known,
    "largest probability": _largest_probability,
    "energy and 5 nearest known inserts": _energy_and_nearest,
    IN_USE: PrototypeHead.familiarity,
}
"""The higher, the more in scope; the simplest first. Distances are of embeddings that are whitened
within categories, and so Mahalanobis distances (Lee et al. 2018, arXiv:1807.03888, equation 2), to
prototypes but for the unit length that they are given;
energy: Liu et al. 2020, arXiv:2010.03759, equation 4; nearest neighbours: Sun et al. 2022,
arXiv:2204.06507, equation 3; largest probability: Hendrycks and Gimpel 2017, arXiv:1610.02136."""


@torch.no_grad()
def scope_scores(head: PrototypeHead, projected: ArrayLike) -> dict[str, NDArray]:
    """Return each of `SCORES` for some inserts.

    Args:
        head: with categories.
        projected: as `embed` gives them, shape (n, embedding_dim).
    """
    rows = torch.as_tensor(projected)
    return {name: score(head, rows).double().numpy() for name, score in SCORES.items()}


def auroc(inside: ArrayLike, outside: ArrayLike) -> float:
    """Return how often a score is higher for what is in scope than for what is not.

    Args:
        inside: scores of what is in scope, shape (n_inside,); one or more.
        outside: of what is not, shape (n_outside,); one or more.

    Source:
        Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747: the Wilcoxon statistic.
    """
    inside, outside = np.asarray(inside), np.asarray(outside)
    ranks = rankdata(np.concatenate([inside, outside]))[: len(inside)]
    return float((ranks.mean() - (len(inside) + 1) / 2) / len(outside))


def auroc_interval(
    inside: NDArray, outside: NDArray, groups: tuple[Sequence[str], Sequence[str]], seed: int = 0
) -> dict[str, Any]:
    """Return `auroc` with a 95 % interval that draws whole groups on either side.

    Args:
        inside: scores of what is in scope.
        outside: of what is not.
        groups: of both, such as ingredients.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    members = [_members(side) for side in groups]
    drawn = []
    for _ in range(N_DRAWS):
        a, b = (
            np.concatenate([side[n] for n in rng.integers(len(side), size=len(side))])
            for side in members
        )
        drawn.append(auroc(inside[a], outside[b]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "auroc": round(auroc(inside, outside), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "n_inside": len(inside),
        "n_outside": len(outside),
    }


def _members(groups: Sequence[str]) -> list[NDArray]:
    named = np.asarray(groups)
    return [np.flatnonzero(named == group) for group in np.unique(named)]


def compare_scores(
    inside: Mapping[str, NDArray],
    outside: Mapping[str, NDArray],
    groups: tuple[Sequence[str], Sequence[str]],
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Return `auroc_interval` of each score.

    Args:
        inside: as `scope_scores` returns them.
        outside: as well.
        groups: of both.
        seed: of the draws.
    """
    return {name: auroc_interval(inside[name], outside[name], groups, seed) for name in SCORES}


class Told(NamedTuple):
    """Inserts that some of the categories are known of.

    Attributes:
        scores: as `scope_scores` returns them.
        is_inside: whether the category of each is known, shape (n,).
        groups: of each, such as its ingredients.
    """

    scores: Mapping[str, NDArray]
    is_inside: NDArray[np.bool_]
    groups: Sequence[str]


def compare_scores_over_draws(draws: Sequence[Told], seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return the mean `auroc` of each score over draws of what is known, with a 95 % interval.

    Draws ask the same drugs again: the interval draws whole groups, of all draws at once. A draw
    in which one side is empty then does not count.

    Args:
        draws: one or more, each with inserts on either side.
        seed: of the groups that are drawn.
    """
    numbers = {group: n for n, group in enumerate(sorted({g for of in draws for g in of.groups}))}
    of_draws = [np.array([numbers[group] for group in of.groups]) for of in draws]
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(N_DRAWS):
        times = np.bincount(rng.integers(len(numbers), size=len(numbers)), minlength=len(numbers))
        drawn.append(_mean_aurocs(draws, [times[places] for places in of_draws]))
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    mean = _mean_aurocs(draws, [np.ones(len(places), dtype=int) for places in of_draws])
    figures = np.stack([mean, low, high], axis=1).round(4).tolist()
    names = ("auroc", "low", "high")
    return {s: dict(zip(names, told, strict=True)) for s, told in zip(SCORES, figures, strict=True)}


def _mean_aurocs(draws: Sequence[Told], times: Sequence[NDArray[np.int64]]) -> NDArray:
    """Return the mean of each score over draws in which each insert stands so many times."""
    found = []
    for (scores, is_inside, _), n_times in zip(draws, times, strict=True):
        inside, outside = (
            np.repeat(np.flatnonzero(side), n_times[side]) for side in (is_inside, ~is_inside)
        )
        if len(inside) and len(outside):
            found.append([auroc(scores[s][inside], scores[s][outside]) for s in SCORES])
    return np.mean(found, axis=0) if found else np.full(len(SCORES), np.nan)
