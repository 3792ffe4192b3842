"""The window cache: nothing is encoded twice, and nothing of another encoder is taken."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

import drugtext
from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert
from drugtext.window_cache import WindowCache

TOKENS = [[n, n + 1, 7] for n in range(20)]


class Counting:
    """Gives each window a vector of its own, and counts what it gave."""

    def __init__(self) -> None:
        self.given: list[list[int]] = []

    def __call__(self, token_ids):
        self.given += token_ids
        return torch.tensor([[float(sum(ids)), len(ids), 0.5] for ids in token_ids])


@pytest.fixture
def encoder() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Linear(3, 3)


def test_a_second_call_encodes_nothing(encoder, tmp_path):
    cache, encode = WindowCache(encoder, tmp_path / "not" / "yet there"), Counting()
    first = cache.vectors(TOKENS, encode)
    assert first.dtype == torch.float32
    torch.testing.assert_close(first, Counting()(TOKENS))
    torch.testing.assert_close(cache.vectors(TOKENS, encode), first, rtol=0, atol=0)
    assert len(encode.given) == 20


def test_only_new_windows_are_encoded_and_the_order_is_kept(encoder, tmp_path):
    cache, encode = WindowCache(encoder, tmp_path), Counting()
    cache.vectors([TOKENS[4], TOKENS[1]], encode)
    asked = [TOKENS[n] for n in (1, 2, 4, 2, 9)]
    torch.testing.assert_close(cache.vectors(asked, encode), Counting()(asked))
    assert encode.given == [TOKENS[n] for n in (4, 1, 2, 9)]


def test_vectors_of_another_backend_are_others(encoder, tmp_path):
    cache = WindowCache(encoder, tmp_path)
    plain, other = Counting(), Counting()
    cache.vectors(TOKENS[:3], plain)
    cache.vectors(TOKENS[:4], other, "openvino bfloat16")
    cache.vectors(TOKENS[:4], other, "openvino bfloat16")
    cache.vectors(TOKENS[:3], plain)
    assert plain.given == TOKENS[:3] and other.given == TOKENS[:4]


def test_vectors_of_changed_weights_are_others(encoder, tmp_path):
    cache, encode = WindowCache(encoder, tmp_path), Counting()
    cache.vectors(TOKENS[:3], encode)
    with torch.no_grad():
        encoder.weight.mul_(2)
    cache.vectors(TOKENS[:3], encode)
    assert encode.given == TOKENS[:3] * 2


def test_caches_of_one_folder_share_what_they_know(encoder, tmp_path):
    first, second = WindowCache(encoder, tmp_path), WindowCache(encoder, tmp_path)
    encode = Counting()
    first.vectors(TOKENS[:4], encode)
    found = second.vectors(TOKENS[:6], encode)
    assert len(encode.given) == 6
    torch.testing.assert_close(found, Counting()(TOKENS[:6]))
    assert WindowCache(encoder, tmp_path).vectors(TOKENS[:6], encode).equal(found)
    assert len(encode.given) == 6


def test_vectors_of_other_weights_are_not_taken(encoder, tmp_path):
    encode = Counting()
    WindowCache(encoder, tmp_path).vectors(TOKENS[:3], encode)
    with torch.no_grad():
        encoder.weight.add_(0.5)
    WindowCache(encoder, tmp_path).vectors(TOKENS[:3], encode)
    assert len(encode.given) == 6


def test_what_was_cut_off_does_no_harm(encoder, tmp_path):
    cache = WindowCache(encoder, tmp_path)

    def stopped(token_ids):  # noqa: ARG001
        raise KeyboardInterrupt

    cache.vectors(TOKENS[:2], Counting())
    with pytest.raises(KeyboardInterrupt):
        cache.vectors(TOKENS, stopped)
    encode = Counting()
    found = WindowCache(encoder, tmp_path).vectors(TOKENS, encode)
    assert len(encode.given) == 18
    torch.testing.assert_close(found, Counting()(TOKENS))


WRITER = """
import itertools, sys
from pathlib import Path
import torch
from drugtext.window_cache import WindowCache

folder, first, n = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(0)
cache = WindowCache(torch.nn.Linear(3, 3), folder)

def encode(token_ids):
    return torch.tensor([[float(sum(ids)), len(ids), 0.5] for ids in token_ids])

for k in range(n) if n else itertools.count():
    cache.vectors([[first + 3 * k + j, 1, 2] for j in range(9)], encode)
    print(k, flush=True)
"""
"""Each call has six of the nine windows of the one before."""


def test_processes_that_write_at_once_lose_nothing_and_one_may_be_killed(encoder, tmp_path):
    def write(first: int, n: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(first), str(n)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    killed = write(10_000, 0)
    writers = [write(first, 60) for first in (0, 30, 60)]  # they have windows in common
    told = [killed.stdout.readline() for _ in range(5)]
    assert [writer.wait(timeout=240) for writer in writers] == [0, 0, 0]
    killed.kill()  # it writes all the time
    told += killed.communicate()[0].splitlines(keepends=True)
    done = len([line for line in told if line.endswith("\n")])
    assert done >= 5
    written = [[n, 1, 2] for n in (*range(0, 240), *range(10_000, 10_000 + 3 * done + 6))]
    encode = Counting()
    found = WindowCache(encoder, tmp_path).vectors(written, encode)
    assert encode.given == []
    torch.testing.assert_close(found, Counting()(written), rtol=0, atol=0)
    with closing(sqlite3.connect(tmp_path / "windows.sqlite")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_damaged_file_is_named(encoder, tmp_path):
    WindowCache(encoder, tmp_path).vectors(TOKENS[:2], Counting())
    (tmp_path / "windows.sqlite").write_bytes(b"no database " * 99)
    with pytest.raises(DrugTextError, match=r"windows\.sqlite: is damaged .*; delete it"):
        WindowCache(encoder, tmp_path)


def test_memory_does_not_grow_with_what_is_kept(encoder, tmp_path):
    cache = WindowCache(encoder, tmp_path, counts_used=False)

    def grown(start: int) -> int:
        """Bytes that are held after two thousand windows of 1 kB."""
        before = tracemalloc.get_traced_memory()[0]
        for n in range(start, start + 2000, 50):
            ids = [[k, 1] for k in range(n, n + 50)]
            cache.vectors(ids, lambda ids: torch.from_numpy(np.ones((len(ids), 256), "<f4")))
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        grown(0)
        assert grown(2000) / (2000 * 1024) < 0.02
    finally:
        tracemalloc.stop()
    with pytest.raises(ValueError, match="counts_used=True"):
        cache.used_seconds  # noqa: B018


def test_a_folder_that_cannot_be_is_refused(encoder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DrugTextError, match="file/in: no vectors can be kept here"):
        WindowCache(encoder, tmp_path / "file" / "in")


def test_seconds_are_told_as_if_nothing_were_kept(encoder, tmp_path):
    cache = WindowCache(encoder, tmp_path)
    cache.vectors(TOKENS[:4], Counting())
    spent = cache.spent_seconds
    assert cache.charged_seconds == pytest.approx(spent) and spent > 0
    cache.vectors(TOKENS[:2] * 2, Counting())
    assert cache.spent_seconds == spent
    assert cache.charged_seconds == pytest.approx(2 * spent)
    assert cache.used_seconds == pytest.approx(spent)
    again = WindowCache(encoder, tmp_path)
    again.vectors(TOKENS[:2], Counting())
    assert (again.spent_seconds, again.used_seconds) == (0, pytest.approx(spent / 2))


def inserts(*texts: str) -> list[DrugInsert]:
    return [
        DrugInsert(
            name="Examplol",
            language="en",
            ingredients=("examplol",),
            sections={"indications_and_usage": text, "description": "a tablet for the heart"},
        )
        for text in texts
    ]


def test_a_classifier_gives_the_same_embeddings_with_it(
    tiny_encoder_folder, tiny_classifier, tmp_path
):
    classifier = drugtext.load(tiny_encoder_folder, cache=tmp_path)
    read = inserts("examplol lowers blood pressure", "examplol treats pain", "examplol treats pain")
    expected = tiny_classifier.embed(read)
    np.testing.assert_allclose(classifier.embed(read), expected, atol=1e-6)
    spent = classifier.window_cache.spent_seconds
    np.testing.assert_allclose(classifier.embed(read[::-1]), expected[::-1], atol=1e-6)
    # Sections read without names alone are among those read with and without.
    classifier.reading_plan = replace(classifier.reading_plan, hide_names=False)
    classifier.embed(read)
    assert classifier.window_cache.spent_seconds == spent
    assert classifier.fit(read[:2], ["heart", "pain"]).window_cache is classifier.window_cache
