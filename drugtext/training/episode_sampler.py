"""Episodes for meta-training, tokenized: at several levels of the tree, a share of them hard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drugtext.episodes import Episode, EpisodePool, near_categories
from drugtext.errors import CorpusError
from drugtext.names import name_and_parent
from drugtext.training.data import LabelledInserts
from drugtext.training.views import InsertViews, WindowBatch

_ROOM = 1.25  # near categories to draw an episode from, for each that it has: they share substances


@dataclass(frozen=True)
class EpisodePlan:
    """What the episodes are like.

    Attributes:
        levels: of the tree, counted from 1 at the root, and how often each is drawn.
        n_inserts: of an episode, about; shared out among its categories.
        most_shots: support inserts a category; an episode has between none and so many.
        hard_share: of episodes whose categories stand close together in the tree.
        nameless_share: of questions with support that are asked without the categories' names.
        windows_an_insert: read of each insert.
    """

    levels: Mapping[int, float]
    n_inserts: int = 80
    most_shots: int = 4
    hard_share: float = 0.5
    nameless_share: float = 0.5
    windows_an_insert: int = 1


class Question(NamedTuple):
    """Part of an episode: some inserts teach, one of each category is asked.

    Attributes:
        support: int64, places of inserts in the episode, shape (n_support,).
        queries: likewise, shape (n_way,).
        is_named: whether the categories' names teach, too.
    """

    support: Tensor
    queries: Tensor
    is_named: bool


class EpisodeBatch(NamedTuple):
    """An episode, tokenized. Every insert is asked once.

    Attributes:
        rows: of the data, in the order of the episode.
        inserts: their windows.
        names: windows of the categories' names.
        categories: int64 in [0, n_way), of each insert.
        questions: each with the same number of queries.
    """

    rows: list[int]
    inserts: WindowBatch
    names: WindowBatch
    categories: Tensor
    questions: list[Question]


class EpisodeSampler:
    """Draws episodes by number: the same number gives the same episode.

    Args:
        data: what is learnt from.
        plan: what the episodes are like.
        views: of the data's inserts.
        seed: of the draws.

    Raises:
        CorpusError: no level has two categories of two ingredients each.
    """

    def __init__(
        self, data: LabelledInserts, plan: EpisodePlan, views: InsertViews, seed: int = 0
    ) -> None:
        self._data, self._plan, self._views, self._seed = data, plan, views, seed
        self._pools: dict[int, tuple[EpisodePool, list[int]]] = {}
        for level in plan.levels:
            placed = [(c, n) for n, c in enumerate(data.at_level(level)) if c is not None]
            pool = EpisodePool([c for c, _ in placed], [data.substances[n] for _, n in placed])
            if len(pool.able(2)) > 1:
                self._pools[level] = pool, [n for _, n in placed]
        if not self._pools:
            raise CorpusError(
                f"no level of {list(plan.levels)} has two categories of two ingredients each; give"
                " more inserts, or other levels."
            )

    def draw(self, *number: int) -> EpisodeBatch:
        """Draw the episode of a number, or of several, such as a step and a place in it."""
        rng = np.random.default_rng([self._seed, *number])
        levels = list(self._pools)
        shares = np.array([self._plan.levels[level] for level in levels])
        pool, rows = self._pools[levels[rng.choice(len(levels), p=shares / shares.sum())]]
        episode = self._draw(pool, rng)
        drawn = [rows[n] for n in (*episode.support, *episode.queries)]
        of_each = torch.tensor([*episode.support_categories, *episode.query_categories])
        return EpisodeBatch(
            drawn,
            self._views.draw(drawn, rng, windows_an_insert=self._plan.windows_an_insert),
            self._views.texts(
                [name_and_parent(self._data.taxonomy, c) for c in episode.categories]
            ),
            of_each,
            self._questions(of_each, rng),
        )

    def _draw(self, pool: EpisodePool, rng: np.random.Generator) -> Episode:
        """Draw as many inserts of each category: one to be asked at a time, the others to teach."""
        needed = 1 + int(rng.integers(1, self._plan.most_shots + 1))
        while len(able := pool.able(needed)) < 2:
            needed -= 1
        n_way, among = max(2, self._plan.n_inserts // needed), None
        if rng.random() < self._plan.hard_share:
            first = able[rng.integers(len(able))]
            n_near = min(round(_ROOM * n_way), len(able))
            among = near_categories(first, able, self._data.taxonomy, n_near, rng)
        return pool.draw_up_to(n_way, needed - 1, 1, rng, among)

    def _questions(self, of_each: Tensor, rng: np.random.Generator) -> list[Question]:
        """Let each insert of a category be asked once, after some of the others, or after none."""
        members = [
            rng.permutation(np.flatnonzero(of_each.numpy() == n))
            for n in range(int(of_each.max()) + 1)
        ]
        questions = []
        for turn in range(len(members[0])):
            turned = torch.from_numpy(np.stack([np.roll(places, turn) for places in members]))
            k_shot = int(rng.integers(0, len(members[0])))
            is_named = k_shot == 0 or bool(rng.random() >= self._plan.nameless_share)
            questions.append(Question(turned[:, 1 : 1 + k_shot].flatten(), turned[:, 0], is_named))
        return questions
