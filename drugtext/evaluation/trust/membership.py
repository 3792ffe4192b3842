"""Membership inference: who holds a head, can he tell which drugs it was learnt from?

The attacker knows everything but the flip of the coin: the embeddings, how categories are learnt,
epsilon, and many heads that he made himself of random halves of the drugs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from drugtext.errors import CorpusError
from drugtext.heads import PrototypeHead

FALSE_POSITIVES = 0.01
"""Share of drugs that were not in the support, and are taken for ones that were."""
N_TRIALS = 64
_N_DRAWS = 200

Release = Callable[[NDArray, int], PrototypeHead]
"""Members (bool, one an embedding) and a seed to the head that was learnt from them."""


class Interval(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Attack(NamedTuple):
    """How well membership is told.

    Attributes:
        auc: probability that a member looks more like one than a drug that is none.
        true_positives: share of the members that are found, at `FALSE_POSITIVES`.
    """

    auc: Interval
    true_positives: Interval


def membership_attack(
    release: Release,
    embeddings: ArrayLike,
    rows: ArrayLike,
    drugs: Sequence[str],
    n_trials: int = N_TRIALS,
    seed: int = 0,
) -> Attack:
    """Attack the heads of random halves of some drugs; each by what is known of all others.

    Args:
        release: learns categories from the members.
        embeddings: of the drugs, projected unit vectors, shape (n, embedding_dim).
        rows: int64, the category of each, shape (n,).
        drugs: of each, what tells one drug from another: all of a drug's are members, or none.
        n_trials: heads that are learnt.
        seed: of the halves, and from which the seeds of the releases count on.

    Raises:
        CorpusError: no category has two drugs, so that one of them could be left out.

    Source:
        Carlini et al. 2022, arXiv:2112.03570, algorithm 1.
    """
    projected = torch.as_tensor(embeddings, dtype=torch.float32)
    true_rows = torch.as_tensor(rows)
    rng = np.random.default_rng(seed)
    members = np.stack([_half(true_rows.numpy(), drugs, rng) for _ in range(n_trials)])
    with torch.no_grad():
        told = np.stack(
            [
                closeness(release(inside, seed + trial), projected, true_rows)
                for trial, inside in enumerate(members)
            ]
        )
    # Who is always a member, the only drug of its category, leaves nothing to be told.
    is_open = (members.sum(0) > 1) & ((~members).sum(0) > 1)
    if not is_open.any():
        raise CorpusError(
            f"found {len(set(drugs))} drugs in {len(true_rows.unique())} categories, and none that"
            " was left out twice; two drugs or more of a category, and more trials, are needed."
        )
    members, scores = members[:, is_open], likelihood_ratios(told[:, is_open], members[:, is_open])
    groups = [drugs[n] for n in np.flatnonzero(is_open).tolist()]

    def interval(statistic: Callable[[NDArray, NDArray], float]) -> Interval:
        return crossed_interval(
            lambda picked: statistic(scores[picked], members[picked]), n_trials, groups, seed
        )

    return Attack(interval(auc), interval(true_positives))


def closeness(head: PrototypeHead, projected: Tensor, rows: Tensor) -> NDArray:
    """Return how near embeddings are to what a head keeps of a category.

    Args:
        head: with a memory or without.
        projected: shape (n, embedding_dim).
        rows: int64, the category that each is compared with, shape (n,).

    Returns:
        The greatest cosine to what is remembered of the category; without a memory the product
        with its prototype. Shape (n,).
    """
    projected = head.text_of(projected)
    if head.memory is None:
        return (projected * head.prototypes.detach()[rows]).sum(1).double().numpy()
    cosines = head.memory.cosines(projected)
    is_of_it = head.memory.rows.unsqueeze(0) == rows.unsqueeze(1)
    return cosines.masked_fill(~is_of_it, -1.0).amax(dim=1).double().numpy()


def likelihood_ratios(told: NDArray, members: NDArray) -> NDArray:
    """Return how much likelier what was told is of a member, by all other trials.

    Args:
        told: of each trial and drug, shape (n_trials, n).
        members: bool, of the same shape; each drug is a member in two trials or more, and none in
            two or more.

    Returns:
        Logarithms of the ratio of two normal densities of one variance, shape (n_trials, n). How
        far the two are apart is told by few trials: it is moved towards the mean over the drugs by
        as much as chance explains.

    Source:
        Carlini et al. 2022, arXiv:2112.03570, algorithm 1; the shrinkage of James and Stein
        1961.
    """
    inside, outside = (_others(told, chosen) for chosen in (members, ~members))
    n_degrees = np.maximum(inside.n + outside.n - 2, 1)
    deviation = np.sqrt((inside.squares + outside.squares) / n_degrees) + 1e-9
    gaps = (inside.mean - outside.mean) / deviation
    chance = np.mean(1 / inside.n + 1 / outside.n)
    kept = max(0.0, 1 - chance / max(float(gaps.var()), 1e-12))
    gaps = gaps.mean() + kept * (gaps - gaps.mean())
    return gaps * ((told - outside.mean) / deviation - gaps / 2)


class _Others(NamedTuple):
    """Of each trial and drug, the other trials: how many, their mean, their sum of squares."""

    n: NDArray
    mean: NDArray
    squares: NDArray


def _others(told: NDArray, chosen: NDArray) -> _Others:
    centred = told - told.mean(0)  # squares of small numbers lose no digits
    n = np.maximum(chosen.sum(0) - chosen, 1)
    mean = ((centred * chosen).sum(0) - centred * chosen) / n
    squares = (centred**2 * chosen).sum(0) - centred**2 * chosen - n * mean**2
    return _Others(n, mean + told.mean(0), np.maximum(squares, 0.0))


def auc(scores: NDArray, members: NDArray) -> float:
    """Return the area under the curve of true over false positives; ties count half.

    Args:
        scores: higher for what looks like a member.
        members: bool, of the same shape.
    """
    inside, outside = scores[members], np.sort(scores[~members])
    below = np.searchsorted(outside, inside, "left") + np.searchsorted(outside, inside, "right")
    return float(below.mean() / (2 * len(outside)))


def true_positives(scores: NDArray, members: NDArray, level: float = FALSE_POSITIVES) -> float:
    """Return the share of members above all but a share `level` of the others; else as `auc`."""
    outside = np.sort(scores[~members])
    threshold = outside[len(outside) - 1 - int(level * len(outside))]
    return float((scores[members] > threshold).mean())


def crossed_interval(
    statistic: Callable[[tuple[NDArray, ...]], float],
    n_rows: int,
    groups: Sequence[str],
    seed: int = 0,
) -> Interval:
    """Return a statistic of a table, with an interval that draws its rows and its groups anew.

    Args:
        statistic: of the table's figures that an index, as `numpy.ix_` makes it, picks.
        n_rows: of the table: seeds or trials.
        groups: of each column, the drug.
        seed: of the draws.

    Source:
        Owen 2007, doi:10.1214/07-AOAS122 (bootstrap of rows and columns).
    """
    names = np.unique(np.asarray(groups), return_inverse=True)[1]
    columns = np.split(np.argsort(names, kind="stable"), np.bincount(names).cumsum()[:-1])
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_N_DRAWS):
        chosen = rng.integers(len(columns), size=len(columns))
        picked = np.ix_(
            rng.integers(n_rows, size=n_rows), np.concatenate([columns[n] for n in chosen])
        )
        drawn.append(statistic(picked))
    low, high = np.quantile(drawn, [0.025, 0.975])
    whole = statistic(np.ix_(np.arange(n_rows), np.arange(len(names))))
    return Interval(float(whole), float(low), float(high))


def _half(rows: NDArray, drugs: Sequence[str], rng: np.random.Generator) -> NDArray:
    """Draw half of the drugs of each category, one at the least; a drug is of its first one."""
    first: dict[str, int] = {}
    for drug, row in zip(drugs, rows.tolist(), strict=True):
        first.setdefault(drug, row)
    inside = set[str]()
    for row in sorted(set(first.values())):
        of_it = [drug for drug, category in first.items() if category == row]
        n_inside = max(1, (len(of_it) + int(rng.integers(2))) // 2)
        inside.update(of_it[n] for n in rng.permutation(len(of_it))[:n_inside])
    return np.array([drug in inside for drug in drugs])
