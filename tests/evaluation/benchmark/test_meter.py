"""Meters: seconds as they would be without a cache, memory at its peak, and a limit that holds."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from drugtext.evaluation.benchmark.meter import (
    CachedEmbedder,
    Stopwatch,
    peak_memory,
    time_limit,
)
from drugtext.evaluation.benchmark.task import NotFinishedError


class Cache:
    """Gives at once what cost ten seconds an insert."""

    def embed(self, inserts, advance=bool):
        advance(len(inserts))
        return np.zeros((len(inserts), 2))

    def seconds(self, inserts):
        return 10.0 * len(inserts)

    def costs(self, inserts):
        return dict.fromkeys(inserts, 10.0)


def test_time_that_a_cache_saved_counts():
    embed = CachedEmbedder(Cache())
    watch = Stopwatch([embed])
    assert watch.lap() < 1
    assert embed(["one", "two"]).shape == (2, 2)
    assert 20 <= watch.lap() < 21
    assert watch.lap() < 1


def test_filling_counts_each_insert_once():
    embed, done = CachedEmbedder(Cache()), []
    first, second = "one", "two"
    assert embed.fill([first, second, first], done.append) == {"one": 10, "two": 10}
    assert done == [2]
    assert embed.saved_seconds == 0


def test_the_peak_is_seen_after_it_has_passed():
    with peak_memory() as before:
        time.sleep(0.1)
    with peak_memory() as peak:
        block = np.ones(20_000_000)  # 160 MB
        time.sleep(0.2)
        del block
        time.sleep(0.1)
    assert peak.rss_mb > before.rss_mb + 120


def test_a_limit_stops():
    with pytest.raises(NotFinishedError, match="stopped after 0 seconds"), time_limit(0.05):
        time.sleep(30)


def test_a_limit_ends_with_its_block():
    with time_limit(0.05):
        pass
    time.sleep(0.1)


def test_another_thread_has_no_alarm():
    done = []

    def work():
        with time_limit(0.01):
            time.sleep(0.05)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
