"""Draws n_way k_shot episodes: small tasks with a support set and queries of other ingredients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drugtext.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Episode:
    """One few-shot task, by row numbers of the corpus that it was drawn from.

    Attributes:
        categories: its n_way categories.
        support: rows to learn from, k_shot of each category, of k_shot different ingredients.
        support_categories: of each support row, its place in `categories`.
        queries: rows to be scored on; no ingredient of theirs is in the support.
        query_categories: of each query row, its place in `categories`.
    """

    categories: tuple[str, ...]
    support: tuple[int, ...]
    support_categories: tuple[int, ...]
    queries: tuple[int, ...]
    query_categories: tuple[int, ...]


def draw_episodes(
    categories: Sequence[str],
    ingredients: Sequence[str],
    *,
    n_way: int,
    k_shot: int,
    n_query: int = 1,
    n_episodes: int = 100,
    seed: int = 0,
) -> Iterator[Episode]:
    """Draw episodes, each of n_way categories, disjoint in ingredient between support and queries.

    Args:
        categories: of each row.
        ingredients: of each row, one key a row.
        n_way: categories an episode.
        k_shot: support ingredients a category, one row each.
        n_query: query ingredients a category, one row each.
        n_episodes: how many to draw.
        seed: of the draws.

    Raises:
        CorpusError: fewer than n_way categories have k_shot + n_query ingredients.

    Source:
        Vinyals et al. 2016, arXiv:1606.04080, section 3.
    """
    rows: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (category, ingredient) in enumerate(zip(categories, ingredients, strict=True)):
        rows[category][ingredient].append(row)
    needed = k_shot + n_query
    able = sorted(category for category in rows if len(rows[category]) >= needed)
    if len(able) < n_way:
        raise CorpusError(
            f"{len(able)} categories have {needed} ingredients (k_shot + n_query); n_way = {n_way}"
            " are needed. Lower n_way, k_shot or n_query."
        )
    rng = np.random.default_rng(seed)
    for _ in range(n_episodes):
        chosen = [able[n] for n in rng.choice(len(able), n_way, replace=False)]
        used: set[str] = set()
        drawn = [_draw_rows(rows[category], needed, used, rng) for category in chosen]
        yield Episode(
            categories=tuple(chosen),
            support=tuple(row for picks in drawn for row in picks[:k_shot]),
            support_categories=tuple(np.repeat(range(n_way), k_shot).tolist()),
            queries=tuple(row for picks in drawn for row in picks[k_shot:]),
            query_categories=tuple(np.repeat(range(n_way), n_query).tolist()),
        )


def _draw_rows(
    by_ingredient: dict[str, list[int]],
    n_ingredients: int,
    used: set[str],
    rng: np.random.Generator,
) -> list[int]:
    """Draw one row of each of some ingredients, none of which the episode has used already."""
    names = sorted(set(by_ingredient) - used)
    if len(names) < n_ingredients:
        raise CorpusError(
            f"the categories of an episode share ingredients, and {len(names)} of {n_ingredients}"
            " are left for one of them. Lower n_way, k_shot or n_query."
        )
    picked = [names[n] for n in rng.choice(len(names), n_ingredients, replace=False)]
    used.update(picked)
    return [by_ingredient[name][rng.integers(len(by_ingredient[name]))] for name in picked]
