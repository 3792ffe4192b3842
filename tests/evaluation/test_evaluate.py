"""A classifier judged on inserts with known categories."""

from __future__ import annotations

import numpy as np
import pytest

from drugtext.errors import CorpusError, TaxonomyError
from drugtext.evaluation.evaluate import evaluate, judge
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Category, Taxonomy

TEXTS = {
    "C07AB": "beta receptor antagonist lowers blood pressure heart",
    "J01CA": "antagonist of bacteria treats bacterial infection fever",
    "D02": "solution for skin eczema",
}
ATC = Taxonomy(
    [
        Category("C", "CARDIOVASCULAR"),
        Category("C07", "BETA BLOCKERS", "C"),
        Category("C07A", "BETA BLOCKERS", "C07"),
        Category("C07AB", "selective", "C07A"),
        Category("J", "ANTIINFECTIVES"),
        Category("J01", "ANTIBACTERIALS", "J"),
        Category("J01C", "PENICILLINS", "J01"),
        Category("J01CA", "extended spectrum", "J01C"),
        Category("D", "DERMATOLOGICALS"),
        Category("D02", "EMOLLIENTS", "D"),
    ],
    "atc",
)


def insert_of(category: str, ingredient: str = "") -> DrugInsert:
    return DrugInsert(
        sections={"indications_and_usage": TEXTS[category]},
        ingredients=(ingredient,) if ingredient else (),
    )


@pytest.fixture(scope="module")
def classifier(tiny_classifier):
    return tiny_classifier.fit([insert_of(c) for c in TEXTS], list(TEXTS), taxonomy=ATC)


def test_support_itself_is_answered_right(classifier):
    figures = evaluate(classifier, [insert_of(c) for c in TEXTS], list(TEXTS))
    assert figures["n_inserts"] == 3
    assert [level["n_inserts"] for level in figures["levels"]] == [3, 3, 2, 2]
    assert all(level["accuracy"] == 1 for level in figures["levels"])
    assert 0 <= figures["calibration_error"] <= 1


def test_categories_may_be_given_by_name_or_deeper_than_known(classifier):
    inserts = [insert_of("C07AB"), insert_of("J01CA")]
    figures = evaluate(classifier, inserts, ["selective", "J01CA04"])
    assert [level["accuracy"] for level in figures["levels"]] == [1, 1, 1, 1]
    assert [level["n_unknown"] for level in figures["levels"]] == [0, 0, 0, 0]


def test_an_unknown_code_is_unknown_from_the_level_where_it_leaves_the_tree(classifier):
    inserts = [insert_of("C07AB"), insert_of("C07AB")]
    figures = evaluate(classifier, inserts, ["C07AB", "C07FB02"])
    levels = figures["levels"]
    assert [level["n_inserts"] for level in levels] == [2, 2, 1, 1]
    assert [level["n_unknown"] for level in levels] == [0, 0, 1, 1]


def test_unknown_names_and_codes_are_counted_apart(classifier):
    inserts = [insert_of("C07AB")] * 3
    figures = evaluate(classifier, inserts, ["C07AB", "N02BE01", "something of one's own"])
    first = figures["levels"][0]
    assert (first["n_inserts"], first["n_unknown"]) == (1, 2)


def test_inserts_of_one_ingredient_are_one_group(classifier):
    inserts = [insert_of("C07AB", "Examplol succinate"), insert_of("C07AB", "examplol")]
    figures = evaluate(classifier, [*inserts, insert_of("D02", "x")], ["C07AB", "C07AB", "C07AB"])
    assert figures["levels"][0]["accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["levels"][0]["by_ingredient"] == 0.5


def test_nameless_inserts_are_groups_by_themselves(classifier):
    inserts = [insert_of("C07AB")] * 5 + [insert_of("D02")] * 5
    first = evaluate(classifier, inserts, ["C07AB"] * 10)["levels"][0]
    assert first["low"] < first["accuracy"] == 0.5 < first["high"]


def test_a_flat_taxonomy_of_ones_own(tiny_classifier):
    classifier = tiny_classifier.fit([insert_of("C07AB"), insert_of("D02")], ["beta", "cream"])
    figures = evaluate(classifier, [insert_of("C07AB")] * 2, ["beta", "C07AB02"])
    (level,) = figures["levels"]
    assert (level["n_inserts"], level["n_unknown"], level["accuracy"]) == (1, 1, 1)
    assert np.isfinite(figures["calibration_error"])


def test_an_id_that_looks_like_a_code_is_none_in_a_taxonomy_of_ones_own(tiny_classifier):
    shelves = Taxonomy([Category("C", "shelf C"), Category("D", "shelf D")])
    inserts = [insert_of("C07AB"), insert_of("D02")]
    classifier = tiny_classifier.fit(inserts, ["C", "D"], taxonomy=shelves)
    (level,) = evaluate(classifier, inserts, ["C", "D02AB"])["levels"]
    assert (level["n_inserts"], level["n_unknown"]) == (1, 1)


def test_what_cannot_be_judged_is_refused(classifier):
    with pytest.raises(CorpusError, match="found 0 inserts and 0 categories"):
        evaluate(classifier, [], [])
    with pytest.raises(
        CorpusError, match="found 1 inserts and 2 categories; one category an insert"
    ):
        evaluate(classifier, [insert_of("D02")], ["D02", "C07AB"])
    with pytest.raises(
        CorpusError, match="knows none of the categories, such as 'N02'; give ids or"
    ):
        evaluate(classifier, [insert_of("D02")], ["N02"])


def test_a_judgement_keeps_what_the_figures_were_counted_from(classifier):
    inserts, categories = [insert_of("C07AB"), insert_of("D02")], ["C07AB02", "N02BE01"]
    embeddings = classifier.embed(inserts)
    judgement = judge(classifier, embeddings, inserts, categories)
    assert judgement.figures == evaluate(classifier, inserts, categories)
    assert judgement.true_ids == ["C07AB", "N02BE"]
    assert "N02BE" in judgement.taxonomy and "N02BE" not in judgement.known
    assert (judgement.probabilities == classifier.probabilities(embeddings)).all()


def test_a_name_of_several_categories_is_refused(classifier):
    with pytest.raises(TaxonomyError, match="'BETA BLOCKERS' belongs to 2 categories"):
        evaluate(classifier, [insert_of("C07AB")], ["BETA BLOCKERS"])
