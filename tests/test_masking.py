"""Masking: no ingredient or brand name is left in a text, and ordinary words stay."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.inserts.insert import DrugInsert
from drugtext.masking import MASK, mask_names, masked_insert, name_words
from drugtext.splits import GENERIC_WORDS, ingredient_key

WORDS = ["heart", "skin", "patients", "with", "high", "pressure", "eczema", "doctor", "water"]
NAMES = ["examplol", "Betapril", "skin-calm forte", "nosuch"]


def test_names_are_masked_in_any_case_and_without_their_salt():
    text = (
        "EXAMPLOL succinate, Examplol-abcd, examplol. Examplolum stays; take examplol\nsuccinate."
    )
    masked = mask_names(text, ["Examplol Succinate"])
    assert masked == f"{MASK}, {MASK}, {MASK}. Examplolum stays; take {MASK}."


def test_the_longest_name_is_masked_first():
    assert mask_names("Skin-Calm Forte cream", ["skin-calm", "skin-calm forte"]) == f"{MASK} cream"


def test_short_names_stay():
    assert mask_names("Gel with ABC", ["abc", "gel", ""]) == "Gel with ABC"


def test_names_with_signs_are_taken_literally():
    assert mask_names("Take C.D+E (forte) now", ["c.d+e (forte)"]) == f"Take {MASK} now"
    assert mask_names("Take cxd+e", ["c.d+e"]) == "Take cxd+e"


def test_names_inside_chinese_text_are_masked():
    text = "服用阿司匹林片，或Examplol片。"
    assert mask_names(text, ["阿司匹林", "examplol"]) == f"服用{MASK}片，或{MASK}片。"


def test_chinese_products_are_masked_without_their_form_and_salt():
    insert = DrugInsert(
        name="苯磺酸氨氯地平片",
        brand_names=("注射用头孢曲松钠", "布洛芬缓释胶囊（0.3g）", "胰岛素注射液"),
        sections={
            "indications_and_usage": "苯磺酸氨氯地平或氨氯地平，头孢曲松钠，布洛芬，胰岛素，片剂。"
        },
    )
    (masked,) = masked_insert(insert).sections.values()
    assert masked == f"{MASK}或{MASK}，{MASK}，{MASK}，胰岛素，片剂。"


def test_chinese_products_called_by_what_they_are_for_hide_no_such_words():
    insert = DrugInsert(
        name="清热解毒口服液", sections={"indications_and_usage": "清热解毒。用于感冒。"}
    )
    assert dict(masked_insert(insert).sections) == dict(insert.sections)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*WORDS, *NAMES, "EXAMPLOL", "betapril-xyzw", "Skin-Calm\nForte", "(", "."]
        ),
        max_size=12,
    ),
    st.sampled_from([" ", ", ", "-", "/", "\n"]),
    st.lists(st.sampled_from(NAMES), max_size=3),
)
def test_no_hidden_name_is_left(words, separator, names):
    text = separator.join(words)
    masked = mask_names(text, names)
    for name in names:
        pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, name.split())) + r"(?!\w)"
        assert not re.search(pattern, masked, re.IGNORECASE)
    if not any(name.split()[0].lower() in text.lower() for name in names):
        assert masked == text


def test_single_words_of_names_are_found():
    found = name_words(["ceftobiprole medocaril sodium"], ["Nurtec ODT"])
    assert found == {"ceftobiprole", "medocaril", "nurtec"}
    assert not found & GENERIC_WORDS


def test_words_that_name_no_drug_are_not_among_them():
    assert name_words(["folic acid", "influenza virus vaccine", "zinc oxide"], []) == {"folic"}
    brands = ["Extra Strength Painoff", "Children's", "Cold-Away®", "Sleep Aid", "", "  ", "Q-T"]
    assert name_words([], [*brands, "Calmheart® XR"]) == {"calmheart", "cold-away"}


def test_generic_words_alone_are_not_among_them():
    assert name_words(["sodium", "vaccine", "acid"], ["Natural Tears", "Vaccine"]) == set()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("abcdeé® -,阿", max_size=14) | st.sampled_from(sorted(GENERIC_WORDS))),
    st.lists(st.text("abcde® -,", max_size=14) | st.sampled_from(sorted(GENERIC_WORDS))),
)
def test_single_words_are_long_enough_and_not_generic(ingredients, brands):
    found = name_words(ingredients, brands)
    whole = {ingredient_key(name) for name in ingredients}  # of generic words, or short ones
    assert all(len(word) >= 5 and (len(word.split()) == 1 or word in whole) for word in found)
    assert not found & GENERIC_WORDS


def test_a_british_spelling_in_the_text_is_masked():
    names = ["Oestradiol hemihydrate", *name_words(["Oestradiol hemihydrate"], [])]
    assert mask_names("Oestradiol lowers, and estradiol too", names) == (
        f"{MASK} lowers, and {MASK} too"
    )


def test_a_british_spelling_of_a_sulfonamide_is_masked():
    names = name_words(["sulfasalazine"], [])
    assert mask_names("Sulphasalazine is sulfasalazine", names) == f"{MASK} is {MASK}"


def test_a_masked_insert_goes_by_no_name_anywhere():
    insert = DrugInsert(
        name="Betapril Forte",
        ingredients=("examplol succinate",),
        brand_names=("Skin-Calm XR",),
        sections={"What Betapril is": "Examplol; BETAPRIL; Skin-Calm, Skin-Calm XR and ABC-1234."},
    )
    masked = masked_insert(insert, ["abc-1234"])
    assert masked.sections == {
        f"What {MASK} is": f"{MASK}; {MASK}; {MASK}, {MASK} and {MASK}.",
    }
    assert (masked.name, masked.ingredients, masked.brand_names) == ("", (), ())
    assert insert.name == "Betapril Forte" and "Examplol" in insert.text
