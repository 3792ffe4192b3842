"""Seconds and memory that something takes, and a limit on the seconds."""

from __future__ import annotations

import ctypes
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

import psutil

from drugtext.evaluation.benchmark.task import NotFinishedError

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
    """Watch the resident set size of this process, once what others freed has been given back."""
    gc.collect()
    _give_back()
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


def _give_back() -> None:
    """Hand memory that is free inside the process back to the system, where glibc can do it."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def total_seconds(file: Path) -> Iterator[Callable[[], float]]:
    """Count the seconds of a run that may be stopped and gone on with.

    Args:
        file: keeps them from one process to the next; what a killed one took is lost.

    Yields:
        A function that returns the seconds so far.
    """
    before = float(file.read_text(encoding="utf-8")) if file.is_file() else 0.0
    begun = time.monotonic()

    def so_far() -> float:
        return before + time.monotonic() - begun

    try:
        yield so_far
    finally:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{so_far():.1f}\n", encoding="utf-8")


class Saving(Protocol):
    """Anything that spares time by what it keeps."""

    saved_seconds: float


class Stopwatch:
    """Seconds since it was made, as they would be without a cache.

    Args:
        savings: whose saved seconds count.
    """

    def __init__(self, savings: Sequence[Saving]) -> None:
        self._savings = savings
        self._begun = self._now()

    def _now(self) -> float:
        return time.perf_counter() + sum(saving.saved_seconds for saving in self._savings)

    def lap(self) -> float:
        """Return the seconds since the last call, or since the beginning."""
        now = self._now()
        taken, self._begun = now - self._begun, now
        return taken
