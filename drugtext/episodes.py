"""Draws n_way k_shot episodes: small tasks with a support set and queries of other ingredients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drugtext.errors import CorpusError
from drugtext.splits import all_substances
from drugtext.taxonomy import Taxonomy

_ATTEMPTS = 100  # draws of an episode before it is given up
_LEAST_WAY = 2  # categories between which something can be told
_NARROWER = 0.8


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


class EpisodePool:
    """The rows of a corpus, sorted once so that episodes can be drawn from them one at a time.

    Args:
        categories: of each row.
        ingredients: of each row; a combination shares a substance with each of its parts.
    """

    def __init__(self, categories: Sequence[str], ingredients: Sequence[Iterable[str]]) -> None:
        rows: defaultdict[str, defaultdict[frozenset[str], list[int]]]
        rows = defaultdict(lambda: defaultdict(list))
        for row, (category, names) in enumerate(zip(categories, ingredients, strict=True)):
            rows[category][all_substances(names)].append(row)
        self._rows = {c: sorted(rows[c].items(), key=lambda r: sorted(r[0])) for c in sorted(rows)}
        self._n_disjoint = {category: _n_disjoint(rows[category]) for category in self._rows}

    def able(self, needed: int) -> list[str]:
        """Return the categories with so many ingredients that share no substance, sorted."""
        return [category for category, n in self._n_disjoint.items() if n >= needed]

    def draw(
        self,
        n_way: int,
        k_shot: int,
        n_query: int,
        rng: np.random.Generator,
        among: Iterable[str] | None = None,
    ) -> Episode:
        """Draw one episode, in which no two rows share a substance.

        Args:
            n_way: categories.
            k_shot: support ingredients a category, one row each.
            n_query: query ingredients a category, one row each.
            rng: draws categories and rows; the same state gives the same episode.
            among: categories to draw from, such as `near_categories` gives them; those that are
                not in the pool, or have too few ingredients, are passed over. None: all.

        Raises:
            CorpusError: fewer than n_way categories have k_shot + n_query ingredients, or they
                share too many of them.

        Source:
            Vinyals et al. 2016, arXiv:1606.04080, section 3.
        """
        needed = k_shot + n_query
        able = self.able(needed)
        of_given = ""
        if among is not None:
            given = set(among)
            able = [category for category in able if category in given]
            of_given = f" of the {len(given)} in `among`"
        if len(able) < n_way:
            raise CorpusError(
                f"{len(able)} categories{of_given} have {needed} ingredients (k_shot + n_query);"
                f" n_way = {n_way} are needed. Lower n_way, k_shot or n_query."
            )
        chosen, drawn = self._draw_rows(able, n_way, needed, rng)
        return Episode(
            categories=tuple(chosen),
            support=tuple(row for picks in drawn for row in picks[:k_shot]),
            support_categories=tuple(np.repeat(range(n_way), k_shot).tolist()),
            queries=tuple(row for picks in drawn for row in picks[k_shot:]),
            query_categories=tuple(np.repeat(range(n_way), n_query).tolist()),
        )

    def draw_up_to(
        self,
        n_way: int,
        k_shot: int,
        n_query: int,
        rng: np.random.Generator,
        among: Iterable[str] | None = None,
    ) -> Episode:
        """Draw as `draw` does, of fewer categories where so many cannot stand side by side."""
        able = set(self.able(k_shot + n_query))
        n_way = min(n_way, len(able if among is None else able.intersection(among)))
        while True:
            try:
                return self.draw(n_way, k_shot, n_query, rng, among)
            except CorpusError:
                if n_way <= _LEAST_WAY:
                    raise
                n_way = max(_LEAST_WAY, int(_NARROWER * n_way))

    def _draw_rows(
        self, able: Sequence[str], n_way: int, needed: int, rng: np.random.Generator
    ) -> tuple[list[str], list[list[int]]]:
        """Draw categories and rows; an unlucky draw, with nothing left for one, is repeated."""
        for _ in range(_ATTEMPTS):
            chosen = [able[n] for n in rng.choice(len(able), n_way, replace=False)]
            used: set[str] = set()
            drawn = [_pick(self._rows[category], needed, used, rng) for category in chosen]
            if all(len(picks) == needed for picks in drawn):
                return chosen, drawn
        raise CorpusError(
            f"the {len(able)} categories to draw from share ingredients: fewer than {needed}"
            f" (k_shot + n_query) are left for one of {n_way}. Lower n_way, k_shot or n_query, or"
            " draw from more categories."
        )


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
    pool, rng = EpisodePool(categories, ingredients), np.random.default_rng(seed)
    for _ in range(n_episodes):
        yield pool.draw(n_way, k_shot, n_query, rng)


def near_categories(
    category: str,
    candidates: Iterable[str],
    taxonomy: Taxonomy,
    n_way: int,
    rng: np.random.Generator,
) -> list[str]:
    """Choose the categories of a hard episode: one, and those nearest to it in the tree.

    Nearest are those whose ancestor in common with it stands deepest: siblings, then cousins, and
    so on; which of equally near ones come first is drawn. In a flat taxonomy all are equally near.

    Args:
        category: id of the one; it comes first, whether it is a candidate or not.
        candidates: ids to choose the others from, such as `EpisodePool.able` gives them.
        taxonomy: the tree, which holds all of them.
        n_way: how many to choose, the one included. Choose some more than the episode is to have,
            a quarter say: near categories share ingredients, and so cannot all stand in it.
        rng: draws among equally near ones.

    Raises:
        CorpusError: there are fewer than n_way - 1 other candidates.
        TaxonomyError: the taxonomy does not hold one of them.

    Source:
        Episodes of classes from one subtree: Triantafillou et al. 2020, arXiv:1903.03096, section
        3.2; here around one category.
    """
    others = sorted(set(candidates) - {category})
    if len(others) < n_way - 1:
        raise CorpusError(
            f"{category!r} has {len(others)} other candidates; n_way - 1 = {n_way - 1} are needed."
            " Lower n_way, or give more candidates."
        )
    above = {step.id for step in taxonomy.path(category)}
    in_common = [len(above.intersection(c.id for c in taxonomy.path(other))) for other in others]
    drawn = rng.permutation(len(others)).tolist()
    nearest = sorted(drawn, key=lambda n: -in_common[n])  # a stable sort: ties stay as drawn
    return [category, *(others[n] for n in nearest[: n_way - 1])]


def disjoint_ingredients(ingredients: Iterable[Iterable[str]]) -> int:
    """Count how many of these sets of ingredients can stand side by side without a shared one."""
    return _n_disjoint({all_substances(names) for names in ingredients})


def _n_disjoint(substances: Iterable[frozenset[str]]) -> int:
    """Count sets that share nothing, as many as a greedy choice finds: smallest sets first."""
    used: set[str] = set()
    n_chosen = 0
    for found in sorted(substances, key=lambda names: (len(names), sorted(names))):
        if used.isdisjoint(found):
            used |= found
            n_chosen += 1
    return n_chosen


def _pick(
    candidates: Sequence[tuple[frozenset[str], list[int]]],
    needed: int,
    used: set[str],
    rng: np.random.Generator,
) -> list[int]:
    """Draw one row of each of some ingredients, none of which the episode has used already."""
    picked: list[int] = []
    for n in rng.permutation(len(candidates)):
        if len(picked) == needed:
            break
        substances, rows = candidates[n]
        if used.isdisjoint(substances):
            used |= substances
            picked.append(rows[rng.integers(len(rows))])
    return picked
