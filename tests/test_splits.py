"""Splits: no ingredient in two of them, and no text that nearly repeats another."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.errors import CorpusError
from drugtext.splits import (
    GENERIC_WORDS,
    SPLITS,
    ingredient_groups,
    ingredient_key,
    near_duplicates,
    repeats,
    split_groups,
    substances,
)

INGREDIENTS = [
    "alphastatin",
    "betapril",
    "gammaxaban",
    "deltamycin",
    "epsilol",
    "zetamab",
    "etaquine",
]
TEXT = (
    "Examplol slows the heart and lowers the blood pressure. It is given to adults whose blood"
    " pressure stays high in spite of a diet with little salt, and to patients who had pain in the"
    " chest. Take one tablet in the morning with a glass of water. Tell the doctor about asthma, a"
    " slow pulse, diabetes, and every other medicine in use. Do not stop without advice, as the"
    " pressure may rise again within days. The tablets hold ten milligrams each, with starch, milk"
    " sugar and talc. Keep them dry, below thirty degrees, and away from children. A dose that was"
    " missed is left out; two are never taken at once. Common unwanted effects are tiredness, cold"
    " hands, dreams and a dry mouth; they fade within weeks."
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Metoprolol Succinate", "metoprolol"),
        ("metoprolol tartrate", "metoprolol"),
        ("AMLODIPINE (besylate)", "amlodipine"),
        ("sodium chloride", "sodium chloride"),
        ("adalimumab-adaz", "adalimumab"),
        ("insulin glargine-yfgn", "insulin glargine"),
        ("epoetin alfa-epbx", "epoetin alfa"),
        ("clopidogrel hydrogen sulphate", "clopidogrel"),
        ("Oestradiol", "estradiol"),
        ("sulphasalazine", "sulfasalazine"),
        ("sodium sulphate", "sodium sulfate"),
        ("omega-3-acid ethyl esters", "omega-3-acid ethyl esters"),
        ("l-dopa", "l-dopa"),
        ("阿司匹林", "阿司匹林"),
        ("", ""),
    ],
)
def test_ingredients_are_reduced_to_their_moiety(name, key):
    assert ingredient_key(name) == key
    assert ingredient_key(key) == key


def test_inserts_that_share_an_ingredient_share_a_group():
    groups = ingredient_groups([["betapril maleate"], ["alphastatin"], ["Betapril"], []])
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3
    assert sorted(set(groups)) == [0, 1, 2]


def test_a_combination_ties_its_ingredients_by_a_chain():
    groups = ingredient_groups(
        [["alphastatin"], ["alphastatin", "betapril"], ["betapril", "epsilol"], ["epsilol"], ["x"]]
    )
    assert len(set(groups[:4])) == 1
    assert groups[4] != groups[0]


def test_a_name_that_holds_another_is_tied_to_it():
    groups = ingredient_groups([["alphastatin betapril"], ["betapril"], ["betaprilat"]])
    assert groups[0] == groups[1] != groups[2]


@pytest.mark.parametrize(
    "names",
    [
        ["clopidogrel bisulfate", "clopidogrel hydrogen sulphate", "clopidogrel aspirin"],
        ["oestrogens conjugated", "conjugated estrogens", "Estrogens, esterified"],
        ["ceftobiprole medocaril sodium", "medocaril"],
        ["insulin glargine-yfgn", "insulin human"],
    ],
)
def test_a_shared_substance_ties_though_it_never_stands_alone(names):
    groups = ingredient_groups([[name] for name in names] + [["betapril"]])
    assert groups == [groups[0]] * len(names) + [groups[-1]] != [groups[0]] * len(groups)


def test_words_of_many_names_tie_nothing():
    names = [
        *("valproic acid", "folic acid", "sodium chloride", "acid", "vaccine", "zoster vaccine"),
        *("rabies virus vaccine", "measles virus", "betapril sodium", "potassium chloride"),
    ]
    assert len(set(ingredient_groups([[name] for name in names]))) == len(names)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("clopidogrel aspirin", {"clopidogrel", "aspirin"}),
        ("valproic acid", {"valproic"}),
        ("l-dopa", {"dopa"}),
        ("omega-3-acid ethyl esters", {"omega", "ethyl", "esters"}),
        ("sodium chloride", {"sodium chloride"}),
        ("acid", {"acid"}),
        ("阿司匹林", {"阿司匹林"}),
        ("tin", {"tin"}),
    ],
)
def test_substances_of_a_key(key, found):
    assert substances(key) == found


def test_inserts_without_ingredients_stand_alone():
    assert ingredient_groups([]) == []
    assert ingredient_groups([[], []]) == [0, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(INGREDIENTS), max_size=3), max_size=40),
    st.sampled_from([(0.7, 0.1, 0.2), (0.4, 0.3, 0.3), (0.0, 0.5, 0.5)]),
    st.integers(0, 5),
)
def test_no_ingredient_ever_stands_in_two_splits(ingredients, fractions, seed):
    splits = split_groups(ingredient_groups(ingredients), fractions, seed)
    assert len(splits) == len(ingredients)
    places: dict[str, set[str]] = {}
    for names, split in zip(ingredients, splits, strict=True):
        for name in names:
            places.setdefault(name, set()).add(split)
    assert all(len(found) == 1 for found in places.values())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(
            st.lists(
                st.sampled_from([*INGREDIENTS, "Oestradiol", "estradiol", *sorted(GENERIC_WORDS)]),
                min_size=1,
                max_size=3,
            ).map(" ".join),
            max_size=2,
        ),
        max_size=30,
    ),
    st.sampled_from([(0.7, 0.1, 0.2), (0.4, 0.3, 0.3)]),
    st.integers(0, 5),
)
def test_no_substance_ever_stands_in_two_splits(ingredients, fractions, seed):
    splits = split_groups(ingredient_groups(ingredients), fractions, seed)
    places: dict[str, set[str]] = {}
    for names, split in zip(ingredients, splits, strict=True):
        for name in names:
            for substance in substances(ingredient_key(name)):
                places.setdefault(substance, set()).add(split)
    assert all(len(found) == 1 for found in places.values())


def test_fractions_are_kept_for_small_groups():
    counts = Counter(split_groups(list(range(1000)), (0.7, 0.1, 0.2)))
    assert counts == {"train": 700, "validation": 100, "test": 200}
    assert set(split_groups(list(range(100)), (0.5, 0.5, 0.0))) == {"train", "validation"}


def test_splits_depend_on_the_seed_alone():
    groups = list(range(60))
    assert split_groups(groups, seed=1) == split_groups(groups, seed=1)
    assert split_groups(groups, seed=1) != split_groups(groups, seed=2)
    few = list(range(9))
    assert any(split_groups(few, seed=0) != split_groups(few, seed=n) for n in range(1, 9))


def test_large_groups_go_to_train():
    groups = [0] * 30 + [1] * 20 + list(range(2, 52))
    for seed in range(5):
        assert set(split_groups(groups, seed=seed)[:50]) == {"train"}


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.5), (0.5, 0.2, 0.2), (1.5, -0.5, 0.0), (float("nan"), 0.5, 0.5), ()]
)
def test_bad_fractions_are_refused(fractions):
    with pytest.raises(CorpusError, match=r"three of 0 or more that sum to 1 .* train, validation"):
        split_groups([0, 1], fractions)
    assert SPLITS == ("train", "validation", "test")


def test_a_copy_with_one_word_changed_is_a_near_duplicate():
    changed = TEXT.replace("morning", "evening")
    assert changed != TEXT
    assert near_duplicates([changed, TEXT.upper()], [TEXT]) == [True, True]


def test_different_texts_are_no_near_duplicates():
    other = "This cream is for dry skin. Rub a little on the skin twice a day, and wash the hands."
    half = TEXT[: len(TEXT) // 2]
    assert near_duplicates([other, half, "short"], [TEXT, "quite short"]) == [False] * 3
    assert near_duplicates([TEXT], []) == [False]
    assert near_duplicates([], [TEXT]) == []


def test_a_chinese_copy_with_one_word_changed_is_a_near_duplicate():
    text = (
        "本品用于治疗成人高血压，也可用于心绞痛的预防。口服，每日一次，每次一片，清晨服用。"
        "肝功能不全的患者应减少剂量，孕妇及哺乳期妇女不宜使用。用药期间请定期测量血压和脉搏，"
        "如有头晕、乏力或脉搏过慢，请告诉医生。不可自行停药，以免血压再次升高。"
    )
    assert near_duplicates([text.replace("清晨", "晚间")], [text]) == [True]
    assert near_duplicates(
        ["本品为外用乳膏，用于皮肤干燥。取少量涂于患处，每日两次。"], [text]
    ) == [False]


def test_near_duplicates_hold_to_the_threshold():
    words = [f"word{n}" for n in range(200)]
    text = " ".join(words)
    alike = {
        kept: " ".join(words[:kept] + [f"x{n}" for n in range(200 - kept)])
        for kept in (196, 170, 150)
    }
    # 192 of 200, 166 of 226 and 146 of 246 shingles are shared: 0.96, 0.73 and 0.59
    assert near_duplicates([*alike.values()], [text]) == [True, False, False]
    assert near_duplicates([alike[150]], [text], threshold=0.4) == [True]


def test_a_text_repeats_an_earlier_one_and_not_itself():
    other = "This cream is for dry skin. Rub a little on the skin twice a day, and wash the hands."
    changed = TEXT.replace("morning", "evening")
    assert repeats([TEXT, other, changed, other]) == [False, False, True, True]
    assert repeats([]) == []
