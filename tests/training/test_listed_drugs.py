"""Drugs that a taxonomy lists: which are told, and which are kept back."""

from __future__ import annotations

import pytest

from drugtext import DrugInsert
from drugtext.taxonomy import Category, Taxonomy
from drugtext.training.listed_drugs import ListedDrug, listed_drugs, unmet, with_names_of

TREE = Taxonomy(
    [
        *(Category("A", "sugar"), Category("A1", "sulfonylureas", "A")),
        Category("A2", "others", "A"),
        Category("A11", "glibenclamide", "A1"),
        Category("A12", "glipizide sodium", "A1"),
        Category("A13", "glipizide, combinations excl. insulins", "A1"),
        *(Category("A14", "combinations", "A1"), Category("A15", "various", "A1")),
        Category("A21", "chromium and glimepiride", "A2"),
    ],
    drug_level=3,
)


def drug(name: str, *substances: str, path: tuple[str, ...] = ("A", "A1")) -> ListedDrug:
    return ListedDrug(name, path, frozenset(substances))


def test_drugs_are_those_of_a_level_and_what_names_none_is_left_out():
    assert listed_drugs(TREE) == [
        drug("glibenclamide", "glibenclamide"),
        drug("glipizide sodium", "glipizide"),
        drug("glipizide", "glipizide"),
        drug("chromium and glimepiride", "chromium", "glimepiride", path=("A", "A2")),
    ]
    assert listed_drugs(Taxonomy(TREE)) == []  # of which nobody says where drugs stand


@pytest.mark.parametrize("asked", ["glyburide", "Glibenclamide", "glyburide micronized"])
def test_what_is_asked_is_kept_back_by_each_of_its_names(asked):
    drugs = listed_drugs(TREE, {"glibenclamide": "glyburide"})
    assert drugs[0].substances == {"glibenclamide", "glyburide"}
    assert unmet(drugs, [["metformin"], [asked]]) == drugs[1:]


def test_a_combination_is_kept_back_by_each_of_its_parts():
    drugs = listed_drugs(TREE)
    assert unmet(drugs, [["glimepiride", "pioglitazone"]]) == drugs[:3]
    assert unmet(drugs, []) == drugs


def test_each_is_told_of_the_nearest_category_that_is_answered(tiny_classifier):
    names = ["glibenclamide", "glipizide", "glimepiride", "chromium", "rosiglitazone"]
    inserts = [
        DrugInsert(ingredients=(name,), sections={"description": "A tablet."}) for name in names
    ]
    reader = tiny_classifier.with_name_stems(inserts)
    fitted = reader.fit(inserts[-1:] * 2, ["A1", "A"], taxonomy=TREE)
    knows = with_names_of(fitted, listed_drugs(TREE))
    rows = knows.model.head.named.rows.tolist()[fitted.model.config.n_named :]
    assert [knows.category_ids[row] for row in rows] == ["A1", "A"]  # pieces alike count once
    elsewhere = [drug("glipizide", "glipizide", path=("B",))]
    assert with_names_of(fitted, elsewhere) is fitted and with_names_of(fitted, []) is fitted
    blind = tiny_classifier.fit(inserts[-1:], ["A1"], taxonomy=TREE)
    assert with_names_of(blind, listed_drugs(TREE)) is blind
