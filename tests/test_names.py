"""What is read as a category's name."""

from __future__ import annotations

import drugtext
from drugtext import DrugInsert
from drugtext.names import category_text
from drugtext.taxonomy import Category, Taxonomy

HEART = (
    Category("C", "Cardiovascular system"),
    Category("C02", "Antihypertensives", "C"),
    Category("C02K", "Other antihypertensives", "C02"),
    Category("C02A", "Alkaloids", "C02"),
    Category("C02AA", "Rauwolfia alkaloids", "C02A"),
    Category("C02AA02", "Reserpine", "C02AA"),
)


def test_a_name_is_read_with_the_one_above_and_those_below():
    tree = Taxonomy(HEART)
    told = "antihypertensives; cardiovascular system: other antihypertensives, alkaloids"
    assert category_text(tree, "C02") == told
    assert category_text(tree, "C") == "cardiovascular system: antihypertensives"
    assert category_text(tree, "C02K") == "other antihypertensives; antihypertensives"


def test_drugs_that_are_listed_are_not_told():
    assert category_text(Taxonomy(HEART), "C02AA") == "rauwolfia alkaloids; alkaloids: reserpine"
    tree = Taxonomy(HEART, drug_level=5)
    assert category_text(tree, "C02AA") == "rauwolfia alkaloids; alkaloids"
    assert category_text(tree, "C02A") == "alkaloids; antihypertensives: rauwolfia alkaloids"
    kept = tree.restricted_to(["C02AA02"]).with_categories([Category("N", "Nerves")])
    assert category_text(kept, "C02AA") == "rauwolfia alkaloids; alkaloids"


def test_a_saved_classifier_still_knows_which_names_are_those_of_drugs(tiny_classifier, tmp_path):
    tree = Taxonomy(HEART, drug_level=5)
    fitted = tiny_classifier.fit(
        [DrugInsert(sections={"description": "A tablet."})], ["C02AA02"], taxonomy=tree
    )
    fitted.save_pretrained(tmp_path)
    loaded = drugtext.load(tmp_path).taxonomy
    assert loaded.drug_level == 5
    assert category_text(loaded, "C02AA") == "rauwolfia alkaloids; alkaloids"
