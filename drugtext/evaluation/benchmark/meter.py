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

import psutil
from numpy.typing import NDArray

from drugtext.embedding_cache import EmbeddingCache
from drugtext.evaluation.benchmark.task import NotFinishedError
from drugtext.inserts.insert import DrugInsert

_SAMPLING_SECONDS = 0.05
_MEGABYTE = 1e6


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
    """Embeds by way of a cache, and keeps count of the time that the cache saved.

    Attributes:
        saved_seconds: what all calls would have cost beyond what they did cost.
    """

    def __init__(self, cache: EmbeddingCache) -> None:
        self._cache = cache
        self.saved_seconds = 0.0

    def fill(
        self, inserts: Sequence[DrugInsert], advance: Callable[[int], object] = bool
    ) -> dict[str, float]:
        """Embed what is not yet in the cache; return the seconds that each embedding took."""
        unlike = list({id(insert): insert for insert in inserts}.values())
        self._cache.embed(unlike, advance)
        return self._cache.costs(unlike)

    def __call__(self, inserts: Sequence[DrugInsert]) -> NDArray:
        """Return unit vectors, shape (n_inserts, embedding_dim)."""
        begun = time.perf_counter()
        embeddings = self._cache.embed(inserts)
        taken = time.perf_counter() - begun
        self.saved_seconds += self._cache.seconds(inserts) - taken
        return embeddings


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
