"""Episodes: disjoint in ingredient, of the asked-for shape, refused when impossible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.episodes import (
    Episode,
    EpisodePool,
    disjoint_ingredients,
    draw_episodes,
    near_categories,
)
from drugtext.errors import CorpusError, TaxonomyError
from drugtext.splits import all_substances
from drugtext.taxonomy import Category, Taxonomy

CATEGORIES = ["a"] * 6 + ["b"] * 6 + ["c"] * 6 + ["d"]
INGREDIENTS = [[f"{c}{n // 2}"] for n, c in enumerate(CATEGORIES)]

TREE = Taxonomy(
    Category(category, category, category[:-1] or None)
    for category in ["A", "A1", "A1x", "A1y", "A1z", "A2", "A2x", "A2y", "B", "B1", "B1x"]
)
LEAVES = ["A1x", "A1y", "A1z", "A2x", "A2y", "B1x"]

DRUGS = [f"drug{letter}" for letter in "abcdefghij"]
CORPORA = st.lists(
    st.tuples(st.sampled_from("pqrs"), st.lists(st.sampled_from(DRUGS), max_size=3)),
    min_size=12,
    max_size=40,
)
"""Rows of a category and ingredients, many of them combinations, some shared by categories."""


def test_shape_and_places():
    (episode,) = draw_episodes(
        CATEGORIES, INGREDIENTS, n_way=3, k_shot=2, n_query=1, n_episodes=1, seed=1
    )
    assert sorted(episode.categories) == ["a", "b", "c"]
    assert episode.support_categories == (0, 0, 1, 1, 2, 2)
    assert episode.query_categories == (0, 1, 2)
    for rows, places in (
        (episode.support, episode.support_categories),
        (episode.queries, episode.query_categories),
    ):
        assert [CATEGORIES[row] for row in rows] == [episode.categories[p] for p in places]


@given(seed=st.integers(0, 1000), k_shot=st.integers(1, 2))
def test_no_ingredient_stands_twice(seed, k_shot):
    for episode in draw_episodes(
        CATEGORIES, INGREDIENTS, n_way=3, k_shot=k_shot, n_episodes=3, seed=seed
    ):
        names = [INGREDIENTS[row][0] for row in episode.support + episode.queries]
        assert len(set(names)) == len(names)


def test_the_seed_decides():
    def draw(seed):
        return list(draw_episodes(CATEGORIES, INGREDIENTS, n_way=2, k_shot=1, seed=seed))

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_an_impossible_episode_is_refused():
    with pytest.raises(CorpusError, match=r"3 categories have 3 ingredients .* n_way = 4"):
        list(draw_episodes(CATEGORIES, INGREDIENTS, n_way=4, k_shot=2))


def test_a_combination_shares_with_its_parts():
    categories = ["a"] * 4 + ["b"] * 3
    ingredients = [["xa"], ["xb"], ["xa", "xb"], ["xc"], ["xa"], ["yb"], ["yc"]]
    for episode in draw_episodes(categories, ingredients, n_way=2, k_shot=1, seed=2):
        rows = episode.support + episode.queries
        assert len({n for row in rows for n in ingredients[row]}) == sum(
            len(ingredients[row]) for row in rows
        )
    assert disjoint_ingredients(ingredients[:4]) == 3
    with pytest.raises(CorpusError, match="1 categories have 4 ingredients"):
        list(draw_episodes([*categories, "a"], [*ingredients, ["z"]], n_way=2, k_shot=3))


def test_categories_of_the_same_ingredients_are_refused():
    with pytest.raises(CorpusError, match="share ingredients: fewer than 2"):
        list(draw_episodes(["a", "a", "b", "b"], [["x"], ["y"]] * 2, n_way=2, k_shot=1))


def test_a_seed_goes_on_giving_the_same_episodes():
    """Figures that were measured on drawn episodes can be measured again."""
    episodes = draw_episodes(
        CATEGORIES, INGREDIENTS, n_way=2, k_shot=1, n_query=2, n_episodes=2, seed=7
    )
    assert list(episodes) == [
        Episode(("b", "c"), (9, 12), (0, 1), (11, 6, 17, 15), (0, 0, 1, 1)),
        Episode(("a", "b"), (0, 6), (0, 1), (2, 5, 9, 10), (0, 0, 1, 1)),
    ]


def test_a_pool_draws_what_draw_episodes_draws():
    pool, rng = EpisodePool(CATEGORIES, INGREDIENTS), np.random.default_rng(5)
    drawn = [pool.draw(3, 1, 2, rng) for _ in range(4)]
    kwargs = {"n_way": 3, "k_shot": 1, "n_query": 2, "n_episodes": 4, "seed": 5}
    assert drawn == list(draw_episodes(CATEGORIES, INGREDIENTS, **kwargs))


def test_a_category_is_able_by_the_ingredients_that_stand_apart():
    # a: xone, xtwo, but not both with their combination; b: one combination
    pool = EpisodePool(
        ["b", "a", "a", "a", "a", "c"],
        [["xone", "xtwo"], ["xone", "xtwo"], ["xtwo"], ["xone"], ["Xone"], ["xone"]],
    )
    assert (pool.able(1), pool.able(2), pool.able(3)) == (["a", "b", "c"], ["a"], [])
    assert EpisodePool([], []).able(1) == []


@given(CORPORA, st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(0, 99))
def test_no_two_rows_of_an_episode_share_a_substance(rows, n_way, k_shot, n_query, seed):
    categories, ingredients = [row[0] for row in rows], [row[1] for row in rows]
    pool = EpisodePool(categories, ingredients)
    try:
        episode = pool.draw(n_way, k_shot, n_query, np.random.default_rng(seed), among="pqr")
    except CorpusError:
        return
    assert len(set(episode.categories)) == n_way and set(episode.categories) <= set("pqr")
    assert set(episode.categories) <= set(pool.able(k_shot + n_query))
    assert len(episode.support) == n_way * k_shot and len(episode.queries) == n_way * n_query
    of_row = (*episode.support_categories, *episode.query_categories)
    drawn = (*episode.support, *episode.queries)
    assert [categories[n] for n in drawn] == [episode.categories[place] for place in of_row]
    substances = [s for n in drawn for s in all_substances(ingredients[n])]
    assert len(substances) == len(set(substances))


def test_an_episode_is_drawn_among_the_given_categories():
    pool, rng = EpisodePool(CATEGORIES, INGREDIENTS), np.random.default_rng(0)
    for _ in range(5):
        episode = pool.draw(2, 1, 1, rng, among=("a", "unknown", "c"))
        assert sorted(episode.categories) == ["a", "c"]
    with pytest.raises(CorpusError, match=r"1 categories of the 2 in `among` have 2 ingr.* n_way"):
        pool.draw(2, 1, 1, rng, among=iter(["a", "d"]))


def test_siblings_come_first_then_cousins():
    rng = np.random.default_rng(0)
    for _ in range(10):
        first, *others = near_categories("A1x", LEAVES, TREE, 6, rng)
        assert first == "A1x" and others[-1] == "B1x"
        assert sorted(others[:2]) == ["A1y", "A1z"] and sorted(others[2:4]) == ["A2x", "A2y"]
    assert near_categories("B1x", LEAVES, TREE, 1, rng) == ["B1x"]
    assert near_categories("A2x", ["B", "A1", "A2"], TREE, 3, rng) == ["A2x", "A2", "A1"]


def test_equally_near_categories_come_by_chance():
    rng = np.random.default_rng(0)
    seconds = [near_categories("A1x", LEAVES, TREE, 2, rng)[1] for _ in range(60)]
    assert set(seconds) == {"A1y", "A1z"} and 15 < seconds.count("A1y") < 45
    flat = Taxonomy(Category(leaf, leaf) for leaf in LEAVES)
    assert {near_categories("A1x", LEAVES, flat, 2, rng)[1] for _ in range(60)} == {*LEAVES[1:]}
    draws = [near_categories("A1x", c, TREE, 4, np.random.default_rng(3)) for c in (LEAVES,) * 2]
    assert draws[0] == draws[1]


@given(st.data(), st.integers(0, 99))
def test_no_category_that_is_left_out_is_nearer(data, seed):
    category = data.draw(st.sampled_from(LEAVES))
    candidates = data.draw(st.lists(st.sampled_from([c.id for c in TREE]), min_size=1))
    others = set(candidates) - {category}
    n_way = data.draw(st.integers(1, 1 + len(others)))
    near = near_categories(category, candidates, TREE, n_way, np.random.default_rng(seed))

    def common(other: str) -> int:
        return len(set(TREE.path(category)) & set(TREE.path(other)))

    assert near[0] == category and len(set(near)) == len(near) == n_way
    assert set(near[1:]) <= others
    assert all(common(a) >= common(b) for a in near[1:] for b in others - set(near))


def test_near_categories_that_are_not_there_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(CorpusError, match="'A1x' has 2 other candidates; n_way - 1 = 3 are needed"):
        near_categories("A1x", ["A1y", "A1x", "A1y", "B1x"], TREE, 4, rng)
    with pytest.raises(TaxonomyError, match="'Z' is not in the taxonomy"):
        near_categories("A1x", ["A1y", "Z"], TREE, 2, rng)


def test_a_hard_episode_is_of_near_categories():
    categories = [leaf for leaf in LEAVES for _ in range(3)]
    pool = EpisodePool(categories, [[f"drug{n}"] for n in range(len(categories))])
    rng = np.random.default_rng(1)
    among = near_categories("A1y", pool.able(3), TREE, 3, rng)
    assert sorted(pool.draw(3, 2, 1, rng, among).categories) == ["A1x", "A1y", "A1z"]


def test_an_episode_is_narrower_where_categories_share_ingredients():
    pool = EpisodePool(["A", "B", "C"], [["x"], ["x"], ["y"]])
    episode = pool.draw_up_to(3, 0, 1, np.random.default_rng(0))
    assert len(episode.categories) == 2 and "C" in episode.categories
    with pytest.raises(CorpusError, match="share ingredients"):
        EpisodePool(["A", "B"], [["x"], ["x"]]).draw_up_to(2, 0, 1, np.random.default_rng(0))
