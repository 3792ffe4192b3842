"""Seconds and memory that something takes, and a limit on the seconds."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import numpy as np
import psutil
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.task import NotFinishedError
from drugtext.inserts.insert import DrugInsert
from drugtext.window_cache import WindowCache

_SAMPLING_SECONDS = 0.05
_MEGABYTE = 1e6
_PART = 128  # inserts whose cost is shared out evenly among them


class _TimeUp(BaseException):
    """Passes through libraries that catch every Exception."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `NotFinishedError` when the block takes longer; no limit where the system has no alarm.

    Code that never returns to Python is stopped only when it does.
    """

    def ring(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise _TimeUp

    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _TimeUp:
        raise NotFinishedError(f"stopped after {seconds:.0f} seconds") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Peak:
    """Memory of the process when the watch began, and the most since, in megabytes."""

    start_mb: float
    rss_mb: float


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Watch the resident set size of this process."""
    gc.collect()
    process, done = psutil.Process(), threading.Event()
    before = process.memory_info().rss / _MEGABYTE
    peak = Peak(before, before)

    def watch() -> None:
        while True:
            peak.rss_mb = max(peak.rss_mb, process.memory_info().rss / _MEGABYTE)
            if done.wait(_SAMPLING_SECONDS):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


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


class Stopwatch:
    """Seconds since it was made, as they would be without a cache.

    Args:
        embedders: whose saved seconds count.
    """

    def __init__(self, embedders: Sequence[CachedEmbedder]) -> None:
        self._embedders = embedders
        self._begun = self._now()

    def _now(self) -> float:
        return time.perf_counter() + sum(embedder.saved_seconds for embedder in self._embedders)

    def lap(self) -> float:
        """Return the seconds since the last call, or since the beginning."""
        now = self._now()
        taken, self._begun = now - self._begun, now
        return taken
