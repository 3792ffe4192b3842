"""Data cards are what the hub reads as dataset cards."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict
from hub_cards import faults
from huggingface_hub import DatasetCard

from drugtext.data_card import data_card

CARDS = sorted((Path(__file__).parents[1] / "data_cards").glob("*.md"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_card_parses_and_says_where_the_data_come_from(path):
    card = DatasetCard.load(path)
    assert card.data.license and (card.data.license != "other" or card.data.license_name)
    assert not faults(card.content, "dataset")
    assert card.data.language
    assert "| Origin |" in card.text
    assert "| Terms |" in card.text
    assert "## Known faults" in card.text


def test_the_card_of_a_corpus_is_one_that_the_hub_takes():
    rows = {
        "language": ["en", "zh"],
        "ingredients": [["a"], ["b", "c"]],
        "category_id": ["N02", "N02"],
        "kind": ["us_full_label", ""],
    }
    corpus = DatasetDict(train=Dataset.from_dict(rows), test=Dataset.from_dict(rows))
    card = DatasetCard(data_card(corpus, {"no category": 3}, "atc", "make"))
    assert not faults(card.content, "dataset")
    assert card.data.pretty_name == "Drug inserts with categories of atc"
    assert (card.data.license, card.data.license_name) == ("other", "terms-of-the-sources")
    assert card.data.language == ["en", "zh"] and "| train | 2 | 3 | 1 |" in card.text
    assert "## Terms" in card.text and "- no category: 3" in card.text


def test_the_counts_of_a_corpus_are_those_of_the_benchmark():
    results = json.loads((CARDS[0].parents[1] / "benchmark" / "results.json").read_text())
    cards = {path.stem: path.read_text(encoding="utf-8") for path in CARDS}
    for split, n in results["data"]["atc"]["splits"].items():
        row = f"{split} | {n['inserts']} | {n['ingredients']} | {n['categories']} |"
        assert f"| {row}" in cards["inserts-en"]
        assert f"| {row}" in cards["benchmark-splits"]
    with (CARDS[0].parent / "atc_corrections.csv").open(encoding="utf-8") as file:
        told = Counter(row["why"] for row in csv.DictReader(file))
    counts = [int(n) for n in re.findall(r"^\| a[^|]* \| (\d+) \|$", cards["atc"], re.MULTILINE)]
    assert sorted(counts) == sorted(told.values())
    assert f"with {told.total()} codes" in cards["atc"]


FULL = ("us_full_label", "us_full_label_pdf", "eu_patient_leaflet")
ALONE = ("us_indications_only", "us_indications_digest", "eu_indication_only")
ROWS = {
    "word": "told by a word of the text, and misread",
    "inferred": "to be inferred from the text, and misread",
    "not in the text": "not in the text",
    "leftover or convention": "a leftover category, or parted by a convention of the ATC",
    "few taught": "fewer than three drugs of the category were taught",
    "wrong code": "wrong code in the data",
    "also right": "the answer is a right code, too",
}


@pytest.mark.parametrize(
    ("name", "alone"),
    [
        ("errors_new_drug", ALONE),
        ("errors_new_drug_level4", ALONE),
        ("errors_new_category", ("us_indications_only", "eu_indication_only")),
    ],
)
def test_errors_by_cause_are_those_of_the_list(name, alone):
    with (CARDS[0].parents[1] / "benchmark" / "learning" / f"{name}.csv").open() as file:
        errors = list(csv.DictReader(file))
    card = (CARDS[0].parent / "benchmark-splits.md").read_text(encoding="utf-8")
    assert f"{name}.csv" in card and {error["cause"] for error in errors} <= {*ROWS}
    for cause, told in ROWS.items():
        kinds = [error["kind"] for error in errors if error["cause"] == cause]
        full, short = (sum(kind in some for kind in kinds) for some in (FULL, alone))
        if kinds:
            row = f"| {told} | {full} | {short} | {len(kinds) - full - short} | {len(kinds)} |"
            assert row in card, row


@pytest.mark.parametrize(
    ("name", "letters", "n_full", "n_all", "wrong_of"),
    [
        (
            "errors_new_drug",
            {1: 1, 2: 3, 3: 4},
            178,
            609,
            "| wrong, of | 25 of 178 | 85 of 342 | 37 of 88 | 147 of 609",
        ),
        (
            "errors_new_drug_level4",
            {4: 5},
            140,
            477,
            "| wrong, of | 41 of 140 | 117 of 266 | 35 of 71 | 193 of 477",
        ),
    ],
)
def test_what_a_reader_can_reach_is_counted_from_the_list(name, letters, n_full, n_all, wrong_of):
    with (CARDS[0].parents[1] / "benchmark" / "learning" / f"{name}.csv").open() as file:
        errors = list(csv.DictReader(file))
    card = (CARDS[0].parent / "benchmark-splits.md").read_text(encoding="utf-8")
    assert wrong_of in card
    n_wrong, n_alone = (sum(error["kind"] in some for error in errors) for some in (FULL, ALONE))
    counts = [n_wrong, n_alone, len(errors) - n_wrong - n_alone, len(errors)]
    assert [int(n) for n in re.findall(r"(\d+) of", wrong_of)] == counts
    for level, n_letters in letters.items():
        told: dict[tuple[str, ...], list[str]] = {(): [], ("word", "inferred"): [], ("word",): []}
        for read, shares in told.items():
            for is_full, n in ((True, n_full), (False, n_all)):
                wrong = [
                    error
                    for error in errors
                    if error["category"][:n_letters] != error["answer"][:n_letters]
                    and error["cause"] not in read
                    and (error["kind"] in FULL or not is_full)
                ]
                shares.append(f"{1 - len(wrong) / n:.3f}")
        now, read_all, by_word = told.values()
        row = f"| {level} | {now[0]} | {now[1]} | {' / '.join(read_all)} | {' / '.join(by_word)} |"
        assert row in card, row
