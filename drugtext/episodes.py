"""Draws n_way k_shot episodes: small tasks with a support set and queries of other ingredients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drugtext.errors import CorpusError
from drugtext.splits import all_substances

_ATTEMPTS = 100  # draws of an episode before it is given up


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
    ingredients: Sequence[Iterable[str]],
    *,
    n_way: int,
    k_shot: int,
    n_query: int = 1,
    n_episodes: int = 100,
    seed: int = 0,
) -> Iterator[Episode]:
    """Draw episodes, each of n_way categories, in which no two rows share a substance.

    Args:
        categories: of each row.
        ingredients: of each row; a combination shares a substance with each of its parts.
        n_way: categories an episode.
        k_shot: support ingredients a category, one row each.
        n_query: query ingredients a category, one row each.
        n_episodes: how many to draw.
        seed: of the draws.

    Raises:
        CorpusError: fewer than n_way categories have k_shot + n_query ingredients, or they share
            too many of them.

    Source:
        Vinyals et al. 2016, arXiv:1606.04080, section 3.
    """
    rows: _Rows = defaultdict(lambda: defaultdict(list))
    for row, (category, names) in enumerate(zip(categories, ingredients, strict=True)):
        rows[category][all_substances(names)].append(row)
    needed = k_shot + n_query
    able = sorted(category for category in rows if len(_apart(rows[category])) >= needed)
    if len(able) < n_way:
        raise CorpusError(
            f"{len(able)} categories have {needed} ingredients (k_shot + n_query); n_way = {n_way}"
            " are needed. Lower n_way, k_shot or n_query."
        )
    rng = np.random.default_rng(seed)
    for _ in range(n_episodes):
        chosen, drawn = _draw(rows, able, n_way, needed, rng)
        yield Episode(
            categories=tuple(chosen),
            support=tuple(row for picks in drawn for row in picks[:k_shot]),
            support_categories=tuple(np.repeat(range(n_way), k_shot).tolist()),
            queries=tuple(row for picks in drawn for row in picks[k_shot:]),
            query_categories=tuple(np.repeat(range(n_way), n_query).tolist()),
        )


def disjoint_ingredients(ingredients: Iterable[Iterable[str]]) -> int:
    """Count how many of these sets of ingredients can stand side by side without a shared one."""
    return len(_apart({all_substances(names) for names in ingredients}))


_Rows = defaultdict[str, defaultdict[frozenset[str], list[int]]]


def _apart(substances: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Choose sets that share nothing, as many as a greedy choice finds: smallest sets first."""
    chosen: list[frozenset[str]] = []
    for found in sorted(substances, key=lambda names: (len(names), sorted(names))):
        if all(found.isdisjoint(other) for other in chosen):
            chosen.append(found)
    return chosen


def _draw(
    rows: _Rows, able: Sequence[str], n_way: int, needed: int, rng: np.random.Generator
) -> tuple[list[str], list[list[int]]]:
    """Draw categories and their rows; an unlucky draw, with nothing left for one, is repeated."""
    for _ in range(_ATTEMPTS):
        chosen = [able[n] for n in rng.choice(len(able), n_way, replace=False)]
        used: set[str] = set()
        drawn = [_draw_rows(rows[category], needed, used, rng) for category in chosen]
        if all(len(picks) == needed for picks in drawn):
            return chosen, drawn
    raise CorpusError(
        f"the categories of an episode share ingredients: fewer than {needed} (k_shot + n_query)"
        " are left for one of them. Lower n_way, k_shot or n_query."
    )


def _draw_rows(
    by_substances: dict[frozenset[str], list[int]],
    needed: int,
    used: set[str],
    rng: np.random.Generator,
) -> list[int]:
    """Draw one row of each of some ingredients, none of which the episode has used already."""
    candidates = sorted(by_substances, key=sorted)
    picked: list[int] = []
    for n in rng.permutation(len(candidates)):
        if len(picked) < needed and used.isdisjoint(candidates[n]):
            used |= candidates[n]
            rows = by_substances[candidates[n]]
            picked.append(rows[rng.integers(len(rows))])
    return picked
