"""Embeddings that are made once, with the time that this saves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.inserts.insert import DrugInsert
from drugtext.window_cache import WindowCache

Embed = Callable[[Sequence[DrugInsert]], NDArray]
"""Inserts -> unit vectors, shape (n_inserts, embedding_dim)."""

_PART = 128  # inserts whose cost is shared out evenly among them


class CachedEmbedder:
    """Embeds each insert once, and keeps count of the time that this saves.

    Args:
        classifier: gives the embeddings.
        cache: of its windows, which other embedders may share.

    Attributes:
        saved_seconds: what all calls would have cost beyond what they did cost.
    """

    def __init__(self, classifier: DrugClassifier, cache: WindowCache) -> None:
        self._classifier, self._cache = classifier, cache
        classifier.window_cache = cache
        self._known: dict[int, tuple[DrugInsert, NDArray, float]] = {}
        self.saved_seconds = 0.0

    def fill(self, inserts: Sequence[DrugInsert], advance: Callable[[int], object] = bool) -> None:
        """Embed what is not yet known.

        Args:
            inserts: any number; one that recurs counts once.
            advance: called with the number of inserts done, for a progress bar.
        """
        unlike = {id(insert): insert for insert in inserts}
        missing = [insert for key, insert in unlike.items() if key not in self._known]
        advance(len(unlike) - len(missing))
        for start in range(0, len(missing), _PART):
            part = missing[start : start + _PART]
            begun = self._now()
            embeddings = self._classifier.embed(part)
            each = (self._now() - begun) / len(part)
            for insert, embedding in zip(part, embeddings, strict=True):
                self._known[id(insert)] = (insert, embedding, each)
            advance(len(part))

    def _now(self) -> float:
        """Return the time as it would be without the cache of windows."""
        return time.perf_counter() + self._cache.charged_seconds - self._cache.spent_seconds

    def __call__(self, inserts: Sequence[DrugInsert]) -> NDArray:
        """Return unit vectors, shape (n_inserts, embedding_dim)."""
        begun = time.perf_counter()
        self.fill(inserts)
        known = [self._known[id(insert)] for insert in inserts]
        taken = time.perf_counter() - begun
        self.saved_seconds += sum(seconds for _, _, seconds in known) - taken
        return np.stack([embedding for _, embedding, _ in known])
