"""A classifier that reads names beside texts: what they change, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import drugtext
from drugtext import DrugInsert
from drugtext.errors import CorpusError, DrugTextError
from drugtext.name_stems import SAME_NAME_WEIGHT
from drugtext.prediction_sets import KINDS, SHORT
from drugtext.scorer import INITIAL_SCALE

ALIKE = "It is a tablet for adults. Take it daily."
BLOCKERS = ("atenolol", "nadolol", "bisoprolol")
INHIBITORS = ("ramipril", "lisinopril", "captopril")
SARTANS = ("eprosartan", "olmesartan")


def insert(ingredient: str, text: str = ALIKE) -> DrugInsert:
    told = (ingredient,) if ingredient else ()
    return DrugInsert(ingredients=told, language="en", sections={"indications_and_usage": text})


@pytest.fixture(scope="module")
def reader(tiny_classifier):
    names = (*BLOCKERS, *INHIBITORS, *SARTANS, "caffeine")
    return tiny_classifier.with_name_stems(map(insert, names))


@pytest.fixture(scope="module")
def few(reader):
    """Two categories whose texts are the same, word for word."""
    taught = [*BLOCKERS[:2], *INHIBITORS[:2]]
    return reader.fit(map(insert, taught), ["blockers"] * 2 + ["inhibitors"] * 2)


def test_a_stem_tells_a_drug_that_nobody_taught(few):
    answers = few.predict([insert("bisoprolol"), insert("captopril")])
    assert [answer.category_id for answer in answers] == ["blockers", "inhibitors"]
    assert min(answer.probability for answer in answers) > 0.6


def test_without_a_name_the_text_alone_is_judged(few):
    (answer,) = few.predict([insert("")])
    assert answer.probability == pytest.approx(0.5, abs=1e-3)
    (stranger,) = few.predict([insert("zzyzx")])  # no known piece
    assert stranger.probability == pytest.approx(answer.probability, abs=1e-6)


def test_a_known_piece_of_a_name_speaks_for_an_insert_and_a_new_one_not_against_it(few):
    named, nameless, new = few.familiarity(
        few.embed([insert("bisoprolol"), insert(""), insert("zzyzx")])
    )
    assert named > nameless + 0.01 and new == pytest.approx(nameless, abs=1e-5)


def test_a_known_name_puts_a_text_in_scope_no_more_than_one_that_is_alike(few):
    known, alike, nameless = few.familiarity(
        few.embed([insert("atenolol"), insert("atenololum"), insert("")])
    )
    assert nameless < alike < known < alike + SAME_NAME_WEIGHT / INITIAL_SCALE


def test_inserts_whose_names_are_new_or_known_are_kinds_of_their_own(few, tiny_classifier):
    asked = [insert("bisoprolol"), insert(""), insert("zzyzx"), insert("atenolol")]
    _, new, known = KINDS[SHORT]
    assert few.kinds(few.embed(asked)).tolist() == [new, SHORT, SHORT, known]
    blind = tiny_classifier.fit([insert("")], ["blockers"])
    assert blind.kinds(blind.embed(asked)).tolist() == [SHORT] * 4
    few.model.config.strangeness = {SHORT: {"1": [0.0] * 20}, new: {"1": [1.0] * 20}}
    named, nameless, _, drug = few.predict(asked, coverage=0.9)
    few.model.config.strangeness = None
    sizes = [len(answer.sets[0]) for answer in (named, nameless, drug)]
    assert sizes == [2, 1, 2]  # names are never right here, and nothing is told of known ones


def test_an_embedding_is_a_unit_vector_of_text_and_names(reader):
    embeddings = reader.embed([insert("atenolol"), insert("")])
    config = reader.model.config
    assert embeddings.shape == (2, config.text_dim + config.name_dim)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-6)
    assert embeddings[0, config.text_dim :].any() and not embeddings[1, config.text_dim :].any()


def test_texts_are_read_as_without_names(reader, tiny_classifier):
    texts = ["It lowers blood pressure.", "It is used for relief of pain."]
    inserts = [insert("", text) for text in texts]
    plain = tiny_classifier.fit(inserts, ["heart", "pain"])
    named = reader.fit(inserts, ["heart", "pain"])
    asked = [insert("", "It is for the heart."), *inserts]
    told = [c.probabilities(c.embed(asked)) for c in (plain, named)]
    np.testing.assert_allclose(*told, rtol=1e-5, atol=1e-7)


def test_a_category_that_is_added_brings_its_names_and_changes_no_other(few):
    more = few.add_category("stimulants", [insert("caffeine", "It keeps awake.")])
    asked = torch.as_tensor(few.embed([insert(name) for name in (*BLOCKERS, *INHIBITORS)]))
    before, after = (c.model.head.evidence(asked)[0] for c in (few, more))
    assert torch.equal(before, after[:, :2])
    assert more.model.config.n_named == few.model.config.n_named + 1
    assert more.remove_category("stimulants").model.config.n_named == few.model.config.n_named


def test_it_is_saved_and_opened_again(few, tmp_path):
    few.save_pretrained(tmp_path)
    again = drugtext.load(tmp_path)
    asked = [insert("bisoprolol"), insert("captopril"), insert("")]
    told = [c.probabilities(c.embed(asked)) for c in (few, again)]
    np.testing.assert_allclose(*told, rtol=1e-6)


def test_a_private_classifier_remembers_no_names(few):
    taught = [insert(name) for name in (*BLOCKERS, *INHIBITORS)]
    private = few.fit(taught, ["a"] * 3 + ["b"] * 3, private_epsilon=8.0)
    assert private.model.head.named is None and private.model.config.n_named == 0
    assert private.predict([insert("atenolol")])[0].category_id in ("a", "b")


def test_the_weight_of_the_name_is_told(few):
    found = few.explain(insert("bisoprolol"))
    assert found.by_name.text == "bisoprolol" and found.by_name.weight > 0
    assert found.by_name.probability_without == pytest.approx(0.5, abs=1e-3)
    assert found.to_dict()["by_name"]["section"] == "name"
    assert few.explain(insert("")).by_name is None


def test_a_drug_is_known_by_its_name_alone(few):
    """Of sartans nobody taught an insert, and their names are built like none of theirs."""
    asked = [insert("eprosartan"), insert("valsartan"), insert(""), insert("bisoprolol")]
    knows = few.with_known_names(SARTANS, ["inhibitors"] * 2)
    before, after = (c.probabilities(c.embed(asked))[:, 1] for c in (few, knows))
    assert before[0] == pytest.approx(0.5, abs=1e-3) and after[0] > 0.6
    assert after[1] > before[1] + 0.01  # built alike
    assert after[2] == before[2] and after[3] < 0.5
    assert knows.model.config.n_named == few.model.config.n_named + 2
    assert knows.category_ids == few.category_ids and knows.drug_names == few.drug_names
    assert few.probabilities(few.embed(asked))[0, 1] == before[0]  # it stays as it is


def test_a_name_told_twice_and_one_that_says_nothing_change_nothing(few):
    again = few.with_known_names(["atenolol", "zzyzx"], ["blockers"] * 2)
    assert again.model.config.n_named == few.model.config.n_named


def test_known_names_are_saved(few, tmp_path):
    knows = few.with_known_names(SARTANS[:1], ["inhibitors"])
    knows.save_pretrained(tmp_path / "saved")
    again = drugtext.load(tmp_path / "saved")
    asked = [insert("eprosartan")]
    np.testing.assert_array_equal(*(c.probabilities(c.embed(asked)) for c in (knows, again)))


@pytest.mark.parametrize(
    ("names", "categories", "message"),
    [
        (["a", "b"], ["blockers"], "found 2 names and 1 categories; one category a name is needed"),
        (["a"], ["diuretics"], "category 'diuretics' is not one of the 2 that are answered"),
        ("ab", ["blockers"] * 2, "found the one text 'ab'; a list is needed, one category a name"),
        (b"a", ["blockers"], "found the one text b'a'; a list is needed, one category a name"),
        (None, ["blockers"], "found NoneType; a list is needed, one category a name"),
        ([None], ["blockers"], "found None among names and categories; texts are needed"),
        (["a"], [["blockers"]], r"found \['blockers'\] among names and categories; texts are"),
    ],
)
def test_names_that_cannot_be_told_are_refused(few, names, categories, message):
    with pytest.raises(CorpusError, match=message):
        few.with_known_names(names, categories)


def test_names_are_refused_where_none_are_read(tiny_classifier):
    plain = tiny_classifier.fit([insert("atenolol")], ["blockers"])
    with pytest.raises(DrugTextError, match=r"reads no names of drugs; with_name_stems\(\)"):
        plain.with_known_names(["nadolol"], ["blockers"])


@pytest.fixture(scope="module", params=["names alone", "private"])
def without_memory(request, reader):
    """A classifier that remembers no insert."""
    if request.param == "names alone":
        return reader.fit_names(["blockers", "inhibitors"])
    taught = [*BLOCKERS, *INHIBITORS]
    categories = ["blockers"] * 3 + ["inhibitors"] * 3
    known = reader.fit(map(insert, taught), categories)
    return known.fit(map(insert, taught), categories, private_epsilon=1.0)


def by_name(classifier, asked: list[DrugInsert]) -> float:
    """Return what the name of the first insert says for inhibitors, as a part of its logit."""
    embeddings = torch.as_tensor(classifier.embed(asked))
    return float(classifier.model.head.logits_of_names(embeddings)[0, 1])


def test_names_count_without_a_memory_of_texts_as_much_as_with_one(without_memory, few):
    asked = [insert("eprosartan"), insert("")]
    knows = without_memory.with_known_names(SARTANS, ["inhibitors"] * 2)
    (named, nameless), before = (
        c.probabilities(c.embed(asked))[:, 1] for c in (knows, without_memory)
    )
    assert named > before[0] and nameless == before[1]
    told = np.log(named / (1 - named)) - np.log(before[0] / (1 - before[0]))
    both = few.with_known_names(SARTANS, ["inhibitors"] * 2)
    weights = [
        by_name(one, asked) - by_name(other, asked)
        for one, other in ((knows, without_memory), (both, few))
    ]
    assert weights[0] == pytest.approx(told, abs=1e-2)
    assert weights[0] == pytest.approx(weights[1], rel=0.1)
    assert knows.model.config.privacy == without_memory.model.config.privacy


def test_told_names_stay_where_categories_are_merged_renamed_and_learnt_further(few):
    knows = few.with_known_names(SARTANS, ["inhibitors"] * 2)
    n_named = knows.model.config.n_named
    assert knows.rename_category("inhibitors", "ACE").model.config.n_named == n_named
    assert knows.merge_categories(few.category_ids, "heart").model.config.n_named == n_named
    further = knows.extend_category("blockers", [insert("caffeine")])
    assert further.model.config.n_named == n_named + 1
    without = [c.remove_category("inhibitors").model.config.n_named for c in (few, knows)]
    assert without[0] == without[1]
