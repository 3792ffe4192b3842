"""Meters: seconds as they would be without a cache, memory at its peak, and a limit that holds."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from drugtext.evaluation.benchmark.cached_embedder import CachedEmbedder
from drugtext.evaluation.benchmark.meter import (
    Stopwatch,
    peak_memory,
    time_limit,
    total_seconds,
)
from drugtext.evaluation.benchmark.task import NotFinishedError


class Windows:
    """A cache whose windows cost ten seconds each, and were all there already."""

    charged_seconds = spent_seconds = 0.0


class Classifier:
    """Reads one window an insert."""

    window_cache: Windows
    n_embedded = 0

    def embed(self, inserts):
        self.n_embedded += len(inserts)
        self.window_cache.charged_seconds += 10 * len(inserts)
        return np.array([[float(len(insert)), 1.0] for insert in inserts])


def test_time_that_a_cache_saved_counts():
    embed = CachedEmbedder(Classifier(), Windows())
    watch = Stopwatch([embed])
    assert watch.lap() < 1
    np.testing.assert_array_equal(embed(["one", "three"]), [[3, 1], [5, 1]])
    assert 20 <= watch.lap() < 21
    embed(["three"])
    assert 10 <= watch.lap() < 11
    assert watch.lap() < 1


def test_each_insert_is_embedded_once():
    classifier, done = Classifier(), []
    embed = CachedEmbedder(classifier, Windows())
    first, second = "one", "three"
    embed.fill([first, second, first], done.append)
    assert done == [0, 2] and embed.saved_seconds == 0
    embed([second, first])
    assert classifier.n_embedded == 2


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


def test_seconds_of_a_stopped_run_count_when_it_goes_on(tmp_path):
    file = tmp_path / "run" / "seconds"
    with pytest.raises(KeyboardInterrupt), total_seconds(file) as so_far:
        assert so_far() >= 0
        raise KeyboardInterrupt
    file.write_text("100\n")
    with total_seconds(file) as so_far:
        assert 100 <= so_far() < 110
    assert 100 <= float(file.read_text()) < 110
