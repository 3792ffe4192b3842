"""How well a learner that is being trained tells categories that it is not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import torch
from accelerate.utils import send_to_device

from drugtext.episodes import Episode, EpisodePool
from drugtext.errors import CorpusError
from drugtext.names import name_and_parent
from drugtext.training.data import LabelledInserts
from drugtext.training.learner import EpisodeLearner
from drugtext.training.views import InsertViews

_ROWS_AT_ONCE = 64


class FewShotScore:
    """The accuracy of a learner on held-out categories, of which it is told little or nothing.

    Args:
        data: inserts of categories that are not trained on.
        views: of its inserts; the first windows of the last form are read.
        levels: of the tree; at each, most categories that have the inserts are asked at once.
        shots: support inserts a category; 0 for its name alone.
        n_episodes: of each level and number of shots.
        seed: of the episodes.

    Raises:
        CorpusError: no level has two categories with a support and a query ingredient.
    """

    def __init__(
        self,
        data: LabelledInserts,
        views: InsertViews,
        levels: Sequence[int],
        *,
        shots: Sequence[int] = (0, 1, 3),
        n_episodes: int = 10,
        seed: int = 0,
    ) -> None:
        self._views = views
        self._form = len(data.forms) - 1
        self._episodes: list[tuple[Episode, list[int]]] = []
        for level in levels:
            placed = [(c, n) for n, c in enumerate(data.at_level(level)) if c is not None]
            rows = [n for _, n in placed]
            pool = EpisodePool([c for c, _ in placed], [data.substances[n] for n in rows])
            for k_shot in shots:
                n_able = len(pool.able(k_shot + 1))
                for number in range(n_episodes if n_able > 1 else 0):
                    rng = np.random.default_rng([seed, level, k_shot, number])
                    self._episodes.append((pool.draw_up_to(n_able, k_shot, 1, rng), rows))
        if not self._episodes:
            raise CorpusError(
                f"no level of {list(levels)} has two held-out categories of two ingredients each;"
                " hold more of them out."
            )
        read = {rows[n] for e, rows in self._episodes for n in (*e.support, *e.queries)}
        self._places = {row: place for place, row in enumerate(sorted(read))}
        named = {category for episode, _ in self._episodes for category in episode.categories}
        self._names = {category: place for place, category in enumerate(sorted(named))}
        self._name_windows = views.texts([name_and_parent(data.taxonomy, c) for c in self._names])

    def __call__(self, learner: EpisodeLearner) -> float:
        """Return the mean accuracy over the episodes."""
        rows, vectors = list(self._places), []
        device = learner.head.log_scale.device
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            windows = self._views.first(rows[start : start + _ROWS_AT_ONCE], self._form)
            vectors.append(learner.reader(send_to_device(windows, device)))
        embeddings, names = (
            torch.cat(vectors),
            learner.reader(send_to_device(self._name_windows, device)),
        )
        accuracies = []
        for episode, rows_of_pool in self._episodes:
            support, queries = (
                embeddings[[self._places[rows_of_pool[n]] for n in numbers]]
                for numbers in (episode.support, episode.queries)
            )
            taught = torch.tensor(episode.support_categories, dtype=torch.long, device=device)
            own = names[[self._names[category] for category in episode.categories]]
            logits = learner.head(support, taught, queries, len(own), own)
            truth = torch.tensor(episode.query_categories, device=device)
            accuracies.append(float((logits.argmax(1) == truth).double().mean()))
        return fmean(accuracies)
