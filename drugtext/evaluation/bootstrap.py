"""Bootstrap intervals that draw whole groups: inserts of one ingredient are alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drugtext.inserts.insert import DrugInsert
from drugtext.splits import ingredient_key

N_DRAWS = 1000


def drug_groups(inserts: Sequence[DrugInsert]) -> list[str]:
    """Return the group of each insert: its ingredients; without them its name, else it alone."""
    return [
        "+".join(sorted(map(ingredient_key, insert.ingredients))) or insert.name or f"insert {n}"
        for n, insert in enumerate(inserts)
    ]


def grouped_bootstrap(
    columns: ArrayLike,
    groups: Sequence[str],
    statistic: Callable[[NDArray], NDArray],
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return a statistic of sums over inserts, with a 95 % interval that draws whole groups.

    Args:
        columns: what is summed, shape (n, n_columns).
        groups: of each row.
        statistic: of sums of the columns, shape (n_draws, n_columns), to shape (n_draws,).
        seed: of the draws.

    Returns:
        The statistic of the whole, and the 2.5 % and the 97.5 % quantile over the draws.

    Source:
        Field and Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x (cluster bootstrap).
    """
    rows = np.asarray(columns, dtype=float)
    order = np.argsort(np.asarray(groups), kind="stable")
    starts = np.unique(np.asarray(groups)[order], return_index=True)[1]
    sums = np.add.reduceat(rows[order], starts)
    low, high = np.quantile(statistic(_draws(len(sums), seed) @ sums), [0.025, 0.975])
    return float(statistic(sums.sum(0, keepdims=True))[0]), float(low), float(high)


def grouped_mean(
    values: ArrayLike, groups: Sequence[str], seed: int = 0
) -> tuple[float, float, float]:
    """Return the mean of values, shape (n,), with its interval; see `grouped_bootstrap`."""
    column = np.asarray(values, dtype=float)
    return grouped_bootstrap(np.stack([column, np.ones_like(column)], axis=1), groups, ratio, seed)


def grouped_share(
    right: ArrayLike, groups: Sequence[str], seed: int = 0
) -> tuple[float, float, float]:
    """Return the share of true values, shape (n,), with its interval; see `grouped_bootstrap`.

    Where all are right, or none is, any draw gives the same; the interval is then the exact one of
    as many independent answers as there are groups.

    Source:
        Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    share, low, high = grouped_mean(right, groups, seed)
    unseen = 1 - 0.025 ** (1 / len(set(groups)))
    return share, 1 - unseen if share == 1 else low, unseen if share == 0 else high


def ratio(sums: NDArray) -> NDArray:
    """Return the first column divided by the second: shape (n_draws, 2) to (n_draws,)."""
    return sums[:, 0] / sums[:, 1]


@lru_cache(maxsize=8)
def _draws(n_groups: int, seed: int) -> NDArray:
    """How often each group is drawn, shape (N_DRAWS, n_groups)."""
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(n_groups, size=n_groups) for _ in range(N_DRAWS))
    return np.stack([np.bincount(numbers, minlength=n_groups) for numbers in drawn])
