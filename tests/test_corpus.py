"""The corpus: names masked, one category an insert, an ingredient in one split, texts read back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.corpus import (
    MASK,
    build_corpus,
    common_category,
    insert_from_row,
    mask_names,
    sections_to_text,
)
from drugtext.errors import CorpusError
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy

TREE = Taxonomy(
    [
        Category("H", "heart drugs"),
        Category("H1", "rate drugs", "H"),
        Category("H1a", "slow", "H1"),
        Category("H1b", "fast", "H1"),
        Category("S", "skin drugs"),
    ],
    "own",
)
WORDS = [
    "heart",
    "skin",
    "patients",
    "with",
    "high",
    "pressure",
    "eczema",
    "doctor",
    "water",
    "morning",
]
NAMES = ["examplol", "Betapril", "skin-calm forte", "nosuch"]


def written(n, ingredients, ids=("H1a",), name="", text=None, **fields) -> DrugInsert:
    """An insert whose text no other has."""
    own = " ".join(f"{WORDS[(n + k) % 10]}{n}" for k in range(40))
    sections = {"indications_and_usage": text or f"{' and '.join(ingredients)} is for {own}."}
    return DrugInsert(
        name=name,
        sections=sections,
        language="en",
        ingredients=tuple(ingredients),
        categories={"own": tuple(ids)},
        **fields,
    )


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


def test_common_category_is_the_deepest_shared_one():
    assert common_category(["H1a"], TREE) == "H1a"
    assert common_category(["H1a", "H1b"], TREE) == "H1"
    assert common_category(["H1a", "H"], TREE) == "H"
    assert common_category(["H1a"], TREE, max_depth=2) == "H1"
    assert common_category(["H1a", "unknown"], TREE) == "H1a"
    assert common_category(["H1a", "S"], TREE) is None
    assert common_category([], TREE) is None


def test_sections_come_back_from_their_text():
    sections = {
        "indications_and_usage": "For pain.\n\n## Not a section\n# nor this",
        "own heading: 2": "",
        "description": "\\## with a backslash\n\n\n## again\n",
        "last": "\n\nblank lines around\n\n",
    }
    row = {
        "name": "Examplol",
        "kind": "leaflet",
        "language": "en",
        "source": "a.txt",
        "ingredients": ["examplol"],
        "text": sections_to_text(sections),
        "masked": sections_to_text({"description": MASK}),
    }
    insert = insert_from_row(row)
    assert dict(insert.sections) == sections
    assert list(insert.sections) == list(sections)
    assert (insert.name, insert.language, insert.source) == ("Examplol", "en", "a.txt")
    assert insert.ingredients == ("examplol",) and insert.metadata == {"kind": "leaflet"}
    masked = insert_from_row(row | {"language": ""}, masked=True)
    assert dict(masked.sections) == {"description": MASK}
    assert (masked.name, masked.ingredients, masked.language) == ("", (), None)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.text("ab #\\", min_size=1, max_size=6),
        st.lists(st.sampled_from(["a", "\n", "#", " ", "\\", "## ", "\n\n## "]), max_size=9).map(
            "".join
        )
        | st.text(max_size=20),
        max_size=4,
    )
)
def test_any_sections_come_back_from_their_text(sections):
    row = {"name": "", "kind": "", "language": "", "source": "", "ingredients": []}
    assert dict(insert_from_row(row | {"text": sections_to_text(sections)}).sections) == sections


def test_corpus_is_disjoint_in_ingredients_and_keeps_combinations_together():
    inserts = [written(n, [f"drugname{n // 2}"]) for n in range(60)]
    inserts += [written(99, ["drugname1", "drugname7"]), written(98, ["drugname7", "drugname20"])]
    corpus, left_out = build_corpus(inserts, TREE, fractions=(0.5, 0.2, 0.3))
    assert set(corpus) == {"train", "validation", "test"}
    assert sum(len(rows) for rows in corpus.values()) == 62
    assert not any(left_out.values())
    places = {
        name: split
        for split, rows in corpus.items()
        for names in rows["ingredients"]
        for name in names
    }
    for split, rows in corpus.items():
        assert all(places[name] == split for names in rows["ingredients"] for name in names)
    assert places["drugname1"] == places["drugname7"] == places["drugname20"]


def test_rows_hold_the_path_and_both_texts():
    insert = DrugInsert(
        name="Examplol 5 mg",
        sections={"What Examplol is": "Examplol, sold as Calmheart or SLOWBEAT, lowers pressure."},
        ingredients=("Examplol Succinate",),
        brand_names=("Calmheart",),
        categories={"own": ("H1a", "H1b")},
        metadata={"kind": "leaflet"},
        source="a.txt",
    )
    corpus, left_out = build_corpus(
        [insert], TREE, aliases={"examplol succinate": ["Slowbeat"]}, fractions=(1, 0, 0)
    )
    (row,) = list(corpus["train"])
    assert (row["category_id"], row["category_path"]) == ("H1", ["H", "H1"])
    assert (row["name"], row["kind"], row["language"]) == ("Examplol 5 mg", "leaflet", "")
    assert row["ingredients"] == ["examplol"]
    assert row["text"].startswith("## What Examplol is\nExamplol, sold as Calmheart")
    assert row["masked"] == f"## What {MASK} is\n{MASK}, sold as {MASK} or {MASK}, lowers pressure."
    assert not any(left_out.values())


def test_max_depth_shortens_the_category():
    corpus, _ = build_corpus([written(1, ["x"])], TREE, max_depth=1, fractions=(1, 0, 0))
    assert corpus["train"]["category_path"] == [["H"]]


def test_near_duplicates_are_left_out_of_the_later_split_and_counted():
    text = " ".join(f"{word}{n}" for n, word in enumerate(WORDS * 6))
    inserts = [written(n, [f"drugname{n}"], text=text + f" {n}") for n in range(10)]
    inserts += [written(n, [f"drugname{n}"]) for n in range(10, 40)]
    corpus, left_out = build_corpus(inserts, TREE, fractions=(0.4, 0.3, 0.3))
    holders = [s for s, rows in corpus.items() if any(text in t for t in rows["text"])]
    assert len(holders) == 1
    n_left = sum(text in t for t in corpus[holders[0]]["text"])
    removed = left_out["near-duplicate in validation"] + left_out["near-duplicate in test"]
    assert removed == 10 - n_left > 0


def test_what_cannot_be_used_is_counted_by_reason():
    inserts = [
        written(1, ["drugname1"]),
        written(2, []),
        written(3, ["drugname3"], ids=()),
        written(4, ["drugname4"], ids=("unknown",)),
        written(5, ["drugname5"], ids=("H1a", "S")),
    ]
    corpus, left_out = build_corpus(iter(inserts), TREE, fractions=(1, 0, 0))
    assert len(corpus["train"]) == 1
    assert {reason: count for reason, count in left_out.items() if count} == {
        "no ingredient known": 1,
        "no category": 2,
        "several categories": 1,
    }


def test_a_corpus_of_nothing_is_refused():
    with pytest.raises(CorpusError, match=r"one category of 'own' \(there are no inserts\)"):
        build_corpus([], TREE)
    with pytest.raises(CorpusError, match=r"\{'no ingredient known': 1\}"):
        build_corpus([written(1, [])], TREE)
    with pytest.raises(CorpusError, match="three of 0 or more"):
        build_corpus([written(1, ["drugname1"])], TREE, fractions=(0.9, 0.2, 0.1))
