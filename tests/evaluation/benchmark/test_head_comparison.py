"""Comparing heads: each is trained on the background, and asked what the trial asks."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from invented import corpus, words

from drugtext.episode_heads import HEADS
from drugtext.evaluation.benchmark.head_comparison import (
    REFINED,
    SIMPLEST,
    ahead_of_simplest,
    compare_heads,
    prototype_accuracy,
    table_row,
)
from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.protocols import INDICATED
from drugtext.evaluation.benchmark.readers import Reader, fitted_to_background

SPLIT = split_categories(corpus(), 0)


def trial(k_shot: int):
    return new_category(SPLIT, "masked", 4, INDICATED, k_shot, n_episodes=3, seed=0)


def reader(tiny_classifier) -> Reader:
    return Reader(tiny_classifier, partial(words, dim=16))


def test_heads_answer_each_task(tiny_classifier):
    by_name, of_three = compare_heads([trial(0), trial(3)], reader(tiny_classifier), seed=0)
    assert by_name.keys() == of_three.keys() == {*HEADS, REFINED}
    for name in of_three:
        for accuracies in (by_name[name], of_three[name]):
            assert accuracies.shape == (3,) and ((accuracies >= 0) & (accuracies <= 1)).all()
        assert of_three[name].mean() > 0.9, name  # each category has words of its own
    assert (by_name[REFINED] == by_name[SIMPLEST]).all()  # nothing to refine with


def test_prototypes_answer_a_task(tiny_classifier):
    asked, own = trial(3), reader(tiny_classifier)
    for base in (own.classifier, fitted_to_background(asked, own)):
        assert prototype_accuracy(base, asked.tasks[0], own.embed) > 0.9
    by_name = prototype_accuracy(own.classifier, trial(0).tasks[0], own.embed)
    assert 0 <= by_name < 0.9  # names share no word with the inserts


def test_questions_are_seen_from_the_centre_of_the_support(tiny_classifier):
    asked, own = trial(3), reader(tiny_classifier)

    def embed(inserts):  # what all inserts have in common is much more than what parts them
        vectors = own.embed(inserts) + 5 * np.ones(16)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    assert prototype_accuracy(own.classifier, asked.tasks[0], embed) > 0.9


def test_a_row_tells_who_is_ahead():
    accuracies = {name: np.full(3, 0.5) for name in HEADS} | {"ridge": np.array([0.7, 0.8, 0.9])}
    row = table_row(trial(3), accuracies)
    assert (
        row["k"] == 3
        and row["n_tasks"] == 3
        and row["n_way"] == len(trial(3).tasks[0].lesson.categories)
    )
    assert row[SIMPLEST] == {"accuracy": [0.5, 0.5, 0.5], "ahead": [0.0, 0.0, 0.0]}
    assert row["ridge"]["ahead"][0] == pytest.approx(0.3)
    low, high = row["ridge"]["ahead"][1:]
    assert high - low == pytest.approx(2 * 4.3027 * 0.1 / 3**0.5, rel=1e-3)  # t of 2 degrees


def test_a_head_is_ahead_where_chance_would_not_do_that_in_any_of_the_comparisons():
    base = np.array([0.5, 0.6, 0.4, 0.5, 0.5, 0.5])
    better = base + np.array([0.1, 0.12, 0.1, 0.1, 0.11, 0.1])
    hardly = base + np.array([0.1, 0.0, 0.1, 0.0, 0.1, 0.0])  # p = 0.076
    trials = [{SIMPLEST: base, "ridge": better, "attention": hardly, "euclidean": base - 0.1}]
    trials.append({SIMPLEST: base, "ridge": base, "attention": base + 0.1, "euclidean": base})
    assert ahead_of_simplest(trials) == {"ridge": [0], "attention": [1], "euclidean": []}
    gain = 0.02 + np.array([0.03, -0.03, 0.01, 0.02, -0.01, 0.0])  # p = 0.046
    assert ahead_of_simplest([{SIMPLEST: base, "ridge": base + gain}], 0.06) == {"ridge": [0]}
    assert ahead_of_simplest([trials[1], {**trials[1], "ridge": base + gain}], 0.06)["ridge"] == []
