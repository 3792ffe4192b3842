"""What privacy costs and what it buys: accuracy and membership inference against epsilon."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from torch import Tensor

from drugtext.errors import DrugTextError
from drugtext.evaluation.trust.membership import (
    FALSE_POSITIVES,
    N_TRIALS,
    Attack,
    Interval,
    crossed_interval,
    membership_attack,
)
from drugtext.gaussian_mechanism import gaussian_sigma
from drugtext.heads import PrototypeHead
from drugtext.private import private_head
from drugtext.private_sums import DELTA, SENSITIVITY
from drugtext.prototypes import alike_means, ingredient_means

EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, inf)
"""Infinite: without noise."""
N_SEEDS = 5


class AccuracyAt(NamedTuple):
    """Accuracy of heads that were learnt with one epsilon."""

    epsilon: float
    accuracy: Interval


class AttackAt(NamedTuple):
    """Membership inference on heads that were learnt with one epsilon.

    Attributes:
        epsilon: of the heads.
        attack: what was found.
        bound: what no attack on any mechanism of this epsilon and delta exceeds: area under the
            curve, and share of members found at `FALSE_POSITIVES`.
        best: the same of the best attack on this mechanism, which knows all drugs but one.
    """

    epsilon: float
    attack: Attack
    bound: tuple[float, float]
    best: tuple[float, float]


@dataclass(frozen=True)
class Support:
    """A support set whose categories are learnt anew for each epsilon.

    Attributes:
        head: gives projection and calibration.
        embeddings: projected, shape (n_support, embedding_dim).
        rows: int64, the category of each, shape (n_support,).
        drugs: of each, what tells one drug from another.
        ancestors: of each category, ids of the ancestors, nearest first.
        names: of each category, projected, shape (n_categories, embedding_dim).
        name_weights: support inserts that each name counts as.
        delta: beside every epsilon.
    """

    head: PrototypeHead
    embeddings: Tensor
    rows: Tensor
    drugs: Sequence[str]
    ancestors: Sequence[Sequence[str]]
    names: Tensor | None = None
    name_weights: Tensor | None = None
    delta: float = DELTA

    def learn(
        self,
        epsilon: float,
        seed: int = 0,
        members: NDArray | None = None,
        *,
        has_memory: bool = False,
    ) -> PrototypeHead:
        """Learn the categories.

        Args:
            epsilon: infinite for no noise.
            seed: of the noise, which is for measurements alone.
            members: bool, what of the support is used, shape (n_support,); all if left out.
            has_memory: whether the head remembers the support; only without noise.
        """
        chosen = np.arange(len(self.rows)) if members is None else np.flatnonzero(members)
        embeddings, rows = self.embeddings[chosen], self.rows[chosen]
        drugs: list[Hashable] = [self.drugs[n] for n in chosen.tolist()]
        if epsilon < inf:
            if has_memory:
                raise DrugTextError("a private head has no memory; ask for one of the two.")
            return private_head(
                self.head,
                embeddings,
                rows,
                drugs,
                self.ancestors,
                self.names,
                self.name_weights,
                epsilon=epsilon,
                delta=self.delta,
                generator=torch.Generator().manual_seed(seed),
            ).head
        with torch.no_grad():
            means, mean_rows = ingredient_means(embeddings, rows, drugs)
            head = self.head.fitted(means, mean_rows, self.ancestors, self.names, self.name_weights)
            known = alike_means(embeddings, rows, drugs)[:2] if has_memory else None
            return head.remembering(*known) if known else head


def accuracy_by_epsilon(
    support: Support,
    queries: ArrayLike,
    true_rows: ArrayLike,
    drugs: Sequence[str],
    epsilons: Sequence[float] = EPSILONS,
    n_seeds: int = N_SEEDS,
) -> list[AccuracyAt]:
    """Measure what noise costs.

    Args:
        support: that categories are learnt from.
        queries: of drugs that are not in it, projected, shape (n, embedding_dim).
        true_rows: int64, the category of each, shape (n,).
        drugs: of each query; the intervals draw whole drugs, and seeds.
        epsilons: that are tried.
        n_seeds: heads for each of them.
    """
    projected, truth = torch.as_tensor(queries), torch.as_tensor(true_rows)
    found = []
    for epsilon in epsilons:
        heads = (support.learn(epsilon, seed) for seed in range(1 if epsilon == inf else n_seeds))
        found.append(AccuracyAt(epsilon, accuracy_of(heads, projected, truth, drugs)))
    return found


@torch.no_grad()
def accuracy_of(
    heads: Iterable[PrototypeHead], queries: ArrayLike, true_rows: ArrayLike, drugs: Sequence[str]
) -> Interval:
    """Return the mean accuracy of some heads; the other arguments as `accuracy_by_epsilon`."""
    projected, truth = torch.as_tensor(queries), torch.as_tensor(true_rows)
    right = np.stack([(head.logits(projected).argmax(1) == truth).numpy() for head in heads])
    return crossed_interval(lambda picked: float(right[picked].mean()), len(right), drugs)


def attack_by_epsilon(
    support: Support,
    epsilons: Sequence[float] = EPSILONS,
    n_trials: int = N_TRIALS,
) -> list[AttackAt]:
    """Measure what noise buys; the arguments as `accuracy_by_epsilon` and `membership_attack`."""
    return [
        AttackAt(
            epsilon,
            attack_on(support, epsilon, n_trials),
            (auc_bound(epsilon, support.delta), _at_level(epsilon, support.delta)),
            best_attack(epsilon, support.delta),
        )
        for epsilon in epsilons
    ]


def attack_on(
    support: Support, epsilon: float, n_trials: int = N_TRIALS, *, has_memory: bool = False
) -> Attack:
    """Attack heads of one epsilon; the arguments as `Support.learn` and `membership_attack`."""
    return membership_attack(
        lambda members, seed: support.learn(epsilon, seed, members, has_memory=has_memory),
        support.embeddings,
        support.rows,
        support.drugs,
        n_trials,
    )


def true_positive_bound(epsilon: float, delta: float, level: ArrayLike) -> NDArray:
    """Return the greatest share of members that any attack finds.

    Args:
        epsilon: of the release; infinite for one without noise.
        delta: of the release.
        level: share of false positives, in [0, 1].

    Source:
        Kairouz, Oh, Viswanath 2015, arXiv:1311.0776, section 2.
    """
    level = np.asarray(level, dtype=float)
    if epsilon == inf:
        return np.ones_like(level)
    other = 1 - np.exp(-epsilon) * (1 - delta - level)
    return np.minimum(np.minimum(np.exp(epsilon) * level + delta, other), 1.0)


def auc_bound(epsilon: float, delta: float) -> float:
    """Return the greatest area under the curve of any attack; as `true_positive_bound`."""
    # Even steps in the logarithm: the bound is steep where false positives are few.
    levels = np.concatenate([[0.0], np.geomspace(1e-12, 1, 20_001)])
    return float(np.trapezoid(true_positive_bound(epsilon, delta, levels), levels))


def best_attack(
    epsilon: float, delta: float, level: float = FALSE_POSITIVES
) -> tuple[float, float]:
    """Return what the best attack on `private_sums` reaches: area, and true positives at a level.

    It knows all other drugs, takes their sums off, and projects what is left on the drug.

    Source:
        Neyman and Pearson's lemma for two normal distributions: Dong, Roth, Su 2022,
        arXiv:1905.02383, section 2.2.
    """
    if epsilon == inf:
        return 1.0, 1.0
    apart = SENSITIVITY / gaussian_sigma(epsilon, delta, SENSITIVITY)
    return float(ndtr(apart / 2**0.5)), float(ndtr(ndtri(level) + apart))


def _at_level(epsilon: float, delta: float) -> float:
    return float(true_positive_bound(epsilon, delta, FALSE_POSITIVES))
