"""How much work is done for what is needed, as ratios: what makes the product slow shows here.

Seconds are measured by `scripts/bench_speed.py`; here is counted what they are spent on.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

import drugtext
from drugtext.encoder import length_sorted_batches, pad

WORDS = ["lowers", "blood", "pressure", "heart", "pain", "fever", "infection", "of", "patient"]


def insert_of(n_words: int, name: str = "", seed: int = 0) -> drugtext.DrugInsert:
    text = " ".join(random.Random(seed).choices(WORDS, k=n_words))
    sections = {"indications_and_usage": f"{name} {text}".strip(), "description": text}
    return drugtext.DrugInsert(name=name, language="en", sections=sections)


class Counter:
    """Counts what an encoder is given."""

    def __init__(self) -> None:
        self.rows = self.padded = self.tokens = 0

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.rows += len(ids)
        self.padded += ids.numel()
        self.tokens += int(mask.sum())
        return torch.ones(len(ids), 16)


def test_little_of_what_the_encoder_reads_is_padding():
    rng = random.Random(0)
    windows = [[1] * rng.randint(1, 256) for _ in range(600)]
    padded = sum(
        pad([windows[n] for n in batch], 0)[0].numel() for batch in length_sorted_batches(windows)
    )
    assert padded / sum(map(len, windows)) < 1.1


def test_short_and_long_inserts_are_encoded_apart(tiny_classifier):
    inserts = [insert_of(n, seed=n) for n in (3, 4, 90, 95, 5, 93, 6, 91) * 16]
    windows = tiny_classifier.windows(inserts)
    counter = Counter()
    tiny_classifier._batched(windows.token_ids, counter)
    assert counter.rows == len(windows.token_ids)
    longest = max(map(len, windows.token_ids))
    assert longest * counter.rows / counter.tokens > 1.5, "in one batch much would be padding"
    assert counter.padded / counter.tokens < 1.1


def test_a_section_without_names_is_read_once(tiny_classifier):
    plain, named = insert_of(20), insert_of(20, "Examplol")
    once = len(tiny_classifier.windows([plain]).token_ids)
    assert once == 2
    # The name stands in one of the two sections.
    assert len(tiny_classifier.windows([named]).token_ids) / once == pytest.approx(1.5)


def test_of_a_long_insert_no_more_is_read_than_of_one_that_fills_the_plan(tiny_classifier):
    plan = tiny_classifier.reading_plan
    full = sum(plan.section_tokens.values())
    counts = []
    for n_words in (full, 50 * full):
        windows = tiny_classifier.windows([insert_of(n_words)])
        counts.append(sum(map(len, windows.token_ids)))
    assert counts[1] / counts[0] <= 1.05


def test_adding_a_category_encodes_its_own_inserts_alone(tiny_classifier):
    few = tiny_classifier.fit([insert_of(9, seed=n) for n in range(12)], ["a", "b", "c"] * 4)
    counter = Counter()
    counting = few._over(few.model)
    counting.vectors = lambda ids: counter(*pad(ids, 0))
    more = counting.add_category("d", [insert_of(9, seed=99)])
    assert more.category_ids == ["a", "b", "c", "d"]
    # Its two sections; the tiny classifier asks no name of a category that no taxonomy holds.
    assert counter.rows <= 3


def test_stopping_early_reads_less(tiny_classifier):
    few = tiny_classifier.fit([insert_of(9, seed=n) for n in range(12)], ["a", "b", "c"] * 4)
    asked = [insert_of(60, seed=n) for n in range(8)]
    whole = sum(p.tokens_read for p in few.predict(asked))
    few.reading_plan = replace(few.reading_plan, enough_probability=0.01)  # any answer is enough
    assert sum(p.tokens_read for p in few.predict(asked)) / whole <= 0.5
