"""What is taken for what: pairs at each level, matrices, confusions and categories by hand."""

from __future__ import annotations

import numpy as np
import pytest

from drugtext.evaluation.confusion import (
    Pair,
    accuracy_by_category,
    confusion_matrix,
    deepest_pairs,
    pairs_at_level,
    worst_confusions,
)
from drugtext.evaluation.evaluate import Judgement
from drugtext.evaluation.report import measure
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy

# H1 and H2 stand below H; S answers by itself
KNOWN = Taxonomy(
    [
        Category("H", "heart"),
        Category("H1", "rate", "H"),
        Category("H2", "pressure", "H"),
        Category("S", "skin"),
    ],
    "own",
)
UNKNOWN = [Category("H9", "other", "H"), Category("Z", "new")]
IDS = ["H1", "H2", "S"]
ANSWERED = [
    ("H1", [0.9, 0.1, 0.0]),
    ("H1", [0.2, 0.8, 0.0]),
    ("H1", [0.1, 0.2, 0.7]),
    ("S", [0.6, 0.2, 0.2]),
    ("H9", [0.0, 0.3, 0.7]),
    ("Z", [1.0, 0.0, 0.0]),
]
"""The true category, and the probabilities of H1, H2 and S."""


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    true_ids = [true_id for true_id, _ in ANSWERED]
    probabilities = np.array([row for _, row in ANSWERED])
    tree = KNOWN.with_categories(UNKNOWN)
    groups = [str(n) for n in range(len(true_ids))]
    figures = measure(probabilities, IDS, KNOWN, true_ids, groups, tree)
    inserts = [DrugInsert(name=f"drug {n}", sections={}) for n in range(len(true_ids))]
    return Judgement(inserts, probabilities, IDS, KNOWN, true_ids, tree, figures)


def test_pairs_of_a_level_are_of_inserts_whose_category_is_known_there(judgement):
    assert pairs_at_level(judgement, 1) == [
        (0, "H", "H"),
        (1, "H", "H"),
        (2, "H", "S"),
        (3, "S", "H"),
        (4, "H", "S"),
    ]
    # Insert 2 is answered with S, which has nothing below it
    assert pairs_at_level(judgement, 2) == [(0, "H1", "H1"), (1, "H1", "H2"), (2, "H1", "S")]
    assert pairs_at_level(judgement, 3) == []


@pytest.mark.parametrize("level", [1, 2])
def test_pairs_agree_with_the_figures(judgement, level):
    pairs, figures = pairs_at_level(judgement, level), judgement.figures["levels"][level - 1]
    assert len(pairs) == figures["n_inserts"]
    share = sum(pair.is_right for pair in pairs) / len(pairs)
    assert share == pytest.approx(figures["accuracy"], abs=1e-4)


def test_the_deepest_pair_is_at_the_last_level_that_is_known(judgement):
    assert deepest_pairs(judgement) == [
        (0, "H1", "H1"),
        (1, "H1", "H2"),
        (2, "H1", "S"),
        (3, "S", "H"),
        (4, "H", "S"),
    ]


def test_a_matrix_counts_in_the_order_of_the_taxonomy(judgement):
    matrix = confusion_matrix(pairs_at_level(judgement, 2), judgement.taxonomy, 5)
    assert (matrix.category_ids, matrix.n_merged) == (("H1", "H2", "S"), 0)
    assert matrix.counts.tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_categories_with_fewest_errors_are_merged():
    tree = Taxonomy(Category(i, i) for i in "ABCD")
    pairs = [Pair(n, *ids) for n, ids in enumerate(["AA", "AA", "BB", "CD", "DC", "BD"])]
    matrix = confusion_matrix(pairs, tree, 2)
    assert (matrix.category_ids, matrix.n_merged) == (("C", "D"), 2)
    assert matrix.counts.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 3]]
    assert confusion_matrix(pairs, tree, 4).counts.sum() == len(pairs)


def test_confusions_by_count_and_their_inserts_by_confidence():
    pairs = [Pair(0, "A", "B"), Pair(1, "C", "A"), Pair(2, "A", "B"), Pair(3, "A", "A")]
    confusions = worst_confusions(pairs, np.array([0.4, 0.9, 0.6, 0.5]))
    assert confusions == [("A", "B", (2, 0)), ("C", "A", (1,))]


def test_categories_by_errors():
    pairs = [Pair(n, *ids) for n, ids in enumerate(["AA", "BA", "BC", "BC", "CC", "CC"])]
    assert accuracy_by_category(pairs) == [
        ("B", 3, 3, "C"),
        ("C", 2, 0, None),
        ("A", 1, 0, None),
    ]
