"""What can be answered: the deepest categories that enough ingredients share."""

from __future__ import annotations

from drugtext.training.fitting import answerable_categories


def test_too_few_ingredients_go_into_the_parent():
    paths = [["H", "H1"], ["H", "H1"], ["H", "H2"]]
    assert answerable_categories(paths, [["a"], ["b"], ["c"]], 2) == ["H1", "H1", "H"]
    assert answerable_categories(paths, [["a"], ["b"], ["c"]], 1) == ["H1", "H1", "H2"]
    assert answerable_categories(paths, [["a"], ["b"], ["c"]], 3) == ["H", "H", "H"]
    assert answerable_categories(paths, [["a"], ["b"], ["c"]], 4) == [None, None, None]


def test_inserts_of_one_ingredient_and_of_one_combination_count_once():
    paths = [["H", "H1"]] * 4
    assert answerable_categories(paths, [["a"]] * 4, 2) == [None] * 4
    assert answerable_categories(paths, [["a", "b"]] * 4, 2) == [None] * 4
    assert answerable_categories(paths, [["a"], ["a"], ["a", "b"], ["a"]], 2) == ["H1"] * 4


def test_leftovers_stand_one_level_above_the_deepest_and_no_higher():
    paths = [
        *(["C", "C07", "C07A"], ["C", "C07", "C07A"]),  # answered
        ["C", "C07", "C07B"],  # too few: C07, beside its own child
        ["C", "C08", "C08A"],  # too few even in C08; C has answers below it
        *(["N", "N02", "N02A"], ["N", "N05", "N05A"]),  # N, as nothing below it answers
        ["S", "S01", "S01A"],  # too few in S
        ["C"],
    ]
    names = [[letter] for letter in "abcdefgh"]
    chosen = ["C07A", "C07A", "C07", None, "N", "N", None, None]
    assert answerable_categories(paths, names, 2) == chosen


def test_a_category_of_leftovers_may_answer_where_only_it_does():
    paths = [["C", "C07", "C07A"], ["C", "C08", "C08A"], ["C", "C09", "C09A"]]
    assert answerable_categories(paths, [["a"], ["b"], ["c"]], 2) == ["C", "C", "C"]


def test_a_flat_taxonomy_and_no_insert_at_all():
    paths = [["x"], ["x"], ["y"]]
    assert answerable_categories(paths, [["a"], ["b"], ["c"]], 2) == ["x", "x", None]
    assert answerable_categories([], [], 2) == []
