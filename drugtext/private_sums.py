"""Noisy sums of a support set: all that a private head knows of it, see `private`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from drugtext.gaussian_mechanism import gaussian_noise, gaussian_sigma

DELTA = 1e-5
"""Probability that the promise of epsilon is not kept: far less than one in the number of drugs."""
COUNT_WEIGHT = 0.5
"""Of the numbers of drugs beside the sums: near where the errors of both do least to a mean."""
SENSITIVITY = math.hypot(1.0, COUNT_WEIGHT)
"""Most that a drug more can move `joint_statistic`, by its Euclidean norm."""
REPLACEMENT_SENSITIVITY = 2.0
"""The same of a drug in the place of another one: at worst in the same categories, and opposite."""


class PrivateSums(NamedTuple):
    """What is released of a support set.

    Attributes:
        sums: of the drugs' embeddings, float64, shape (n_categories, embedding_dim).
        counts: numbers of drugs, float64, neither whole nor always positive, (n_categories,).
        sigma: standard deviation of the noise in each figure of the sums; in the counts it is
            sigma / `COUNT_WEIGHT`.
    """

    sums: Tensor
    counts: Tensor
    sigma: float


def joint_statistic(
    embeddings: Tensor, category_ids: Tensor, drugs: Sequence[Hashable], n_categories: int
) -> Tensor:
    """Sum up a support set so that no drug moves the result by more than `SENSITIVITY`.

    The mean of a drug's inserts in a category is brought to norm 1, whatever its length was. A drug
    of k categories counts 1/√k in each, in the sum and in the number.

    Args:
        embeddings: support set, projected, shape (n_support, embedding_dim).
        category_ids: int64 in [0, n_categories), shape (n_support,).
        drugs: of each insert, what tells one drug from another.
        n_categories: number of categories; some may have no support.

    Returns:
        Sums, and in the last column the numbers of drugs times `COUNT_WEIGHT`; float64, shape
        (n_categories, embedding_dim + 1).

    Raises:
        ValueError: an embedding is not finite.
    """
    if not embeddings.isfinite().all():
        raise ValueError("an embedding of the support is not finite; no noise would hide it.")
    # Not `ingredient_means`: where no drug has two inserts it goes another way, and then a drug's
    # part would depend on the other drugs.
    keys = list(zip(category_ids.tolist(), drugs, strict=True))
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    sums = torch.zeros(len(number), embeddings.shape[1], dtype=torch.double)
    sums.index_add_(0, torch.tensor([number[key] for key in keys]).long(), embeddings.double())
    n_of_drug = Counter(drug for _, drug in number)
    shares = torch.tensor([n_of_drug[drug] ** -0.5 for _, drug in number], dtype=torch.double)
    counted = torch.full((len(number), 1), COUNT_WEIGHT, dtype=torch.double)
    rows = torch.cat([nn.functional.normalize(sums, dim=1), counted], dim=1)
    categories = torch.tensor([category for category, _ in number]).long()
    total = torch.zeros(n_categories, rows.shape[1], dtype=torch.double)
    return total.index_add_(0, categories, rows * shares.unsqueeze(1))


def private_sums(
    embeddings: Tensor,
    category_ids: Tensor,
    drugs: Sequence[Hashable],
    n_categories: int,
    *,
    epsilon: float,
    delta: float = DELTA,
    generator: torch.Generator | None = None,
) -> PrivateSums:
    """Release sums and numbers of drugs, (epsilon, delta)-private together.

    Args:
        embeddings: as `joint_statistic` takes them, and so the three that follow.
        category_ids: of each.
        drugs: of each.
        n_categories: number of categories.
        epsilon: above 0.
        delta: in (0, 1).
        generator: as `gaussian_noise` takes it; leave it out where privacy is meant.

    Raises:
        DrugTextError: epsilon or delta is out of range.
    """
    sigma = gaussian_sigma(epsilon, delta, SENSITIVITY)
    exact = joint_statistic(embeddings, category_ids, drugs, n_categories)
    noisy = exact + gaussian_noise(tuple(exact.shape), sigma, generator)
    return PrivateSums(noisy[:, :-1], noisy[:, -1] / COUNT_WEIGHT, sigma)
