"""Episodes: disjoint in ingredient, of the asked-for shape, refused when impossible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.episodes import disjoint_ingredients, draw_episodes
from drugtext.errors import CorpusError

CATEGORIES = ["a"] * 6 + ["b"] * 6 + ["c"] * 6 + ["d"]
INGREDIENTS = [[f"{c}{n // 2}"] for n, c in enumerate(CATEGORIES)]


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
