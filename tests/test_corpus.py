"""The corpus: one category an insert, a substance in one split, names masked, texts read back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.corpus import build_corpus, common_category, insert_from_row, sections_to_text
from drugtext.errors import CorpusError
from drugtext.inserts.insert import DrugInsert
from drugtext.masking import MASK, name_words
from drugtext.splits import ingredient_key, substances
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


def places_of(corpus) -> dict[str, set[str]]:
    """Substance -> the splits that it stands in."""
    places: dict[str, set[str]] = {}
    for split, rows in corpus.items():
        for names in rows["ingredients"]:
            for name in names:
                for substance in substances(ingredient_key(name)):
                    places.setdefault(substance, set()).add(split)
    return places


def test_salts_spellings_and_combinations_stand_in_one_split():
    names = [
        *("clopidogrel bisulfate", "clopidogrel hydrogen sulphate", "clopidogrel aspirin"),
        *("oestrogens conjugated", "conjugated estrogens", "valproic acid", "folic acid"),
    ]
    inserts = [written(n, [name]) for n, name in enumerate(names)]
    inserts += [written(n, [f"drugname{n}"]) for n in range(10, 60)]
    for seed in range(5):
        corpus, _ = build_corpus(inserts, TREE, fractions=(0.4, 0.3, 0.3), seed=seed)
        assert sum(map(len, corpus.values())) == len(inserts)
        assert {len(found) for found in places_of(corpus).values()} == {1}


def split_of(corpus, ingredient) -> set[str]:
    return {s for s, rows in corpus.items() if any(ingredient in i for i in rows["ingredients"])}


def test_synonyms_tie_inserts_together():
    given = ["Acetylsalicylic Acid", "aspirin calcium", "aspirin"]
    others = [written(n, [f"drugname{n}"]) for n in range(10, 40)]
    synonyms = {"acetylsalicylic acid": "aspirin"}
    untied = set()
    for seed in range(8):
        inserts = [written(n, [name]) for n, name in enumerate(given)] + others
        corpus, _ = build_corpus(
            inserts, TREE, synonyms=synonyms, fractions=(0.4, 0.3, 0.3), seed=seed
        )
        assert len(split_of(corpus, "aspirin")) == 1
        assert split_of(corpus, "acetylsalicylic acid") == set()
        assert sum(["aspirin"] in list(rows["ingredients"]) for rows in corpus.values()) == 1
        corpus, _ = build_corpus(inserts, TREE, fractions=(0.4, 0.3, 0.3), seed=seed)
        untied.add(split_of(corpus, "aspirin") == split_of(corpus, "acetylsalicylic acid"))
    assert False in untied  # without the synonym they do come apart


def test_synonyms_part_no_shared_substance():
    given = ["acetylsalicylic acid", "acetylsalicylic acid clopidogrel"]
    inserts = [written(n, [name]) for n, name in enumerate(given)]
    inserts += [written(n, [f"drugname{n}"]) for n in range(10, 40)]
    for seed in range(8):
        corpus, _ = build_corpus(
            inserts,
            TREE,
            synonyms={"acetylsalicylic acid": "aspirin"},
            fractions=(0.4, 0.3, 0.3),
            seed=seed,
        )
        assert split_of(corpus, "aspirin") == split_of(corpus, given[1])


def test_aliases_of_a_synonym_are_masked_as_well():
    text = "Acetylsalicylic acid, Headcalm and Painoff lower fever."
    corpus, _ = build_corpus(
        [written(1, ["acetylsalicylic acid"], text=text)],
        TREE,
        synonyms={"acetylsalicylic acid": "aspirin"},
        aliases={"aspirin": ["Headcalm"], "acetylsalicylic acid": ["Painoff"]},
        fractions=(1, 0, 0),
    )
    body = corpus["train"]["masked"][0].partition("\n")[2]
    assert body == f"{MASK}, {MASK} and {MASK} lower fever."


SYLLABLES = ["ceftobi", "medoca", "rimege", "vilaza", "torsemi", "quinoxa"]
FORMS = ["sodium", "hydrogen sulphate", "acid", "vaccine", ""]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(SYLLABLES), st.sampled_from(FORMS)).map(
                lambda parts: " ".join(parts).strip()
            ),
            min_size=1,
            max_size=3,
        ),
        min_size=3,
        max_size=12,
    ),
    st.booleans(),
    st.integers(0, 3),
)
def test_no_substance_stands_in_two_splits_nor_in_a_masked_text(ingredients, as_one, seed):
    inserts = []
    for n, names in enumerate(ingredients):
        own = [" ".join(names)] if as_one else names
        brands = (f"Brandname{n} ODT",)
        text = f"{' '.join(names)}; brandname{n}! {names[0].upper()}: for " + " ".join(
            f"{WORDS[(n + k) % 10]}{n}x{k}" for k in range(20)
        )
        inserts.append(written(n, own, text=text, brand_names=brands, source=str(n)))
    corpus, _ = build_corpus(inserts, TREE, fractions=(0.4, 0.3, 0.3), seed=seed)
    assert all(len(found) == 1 for found in places_of(corpus).values())
    for rows in corpus.values():
        for source, masked in zip(rows["source"], rows["masked"], strict=True):
            insert = inserts[int(source)]
            hidden = name_words(insert.ingredients, insert.brand_names)
            assert hidden
            assert not hidden & set(re.findall(r"\w+", masked.lower()))


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
