"""Why an insert got its category: each figure is that of the text without the sentence."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest

import drugtext
from drugtext import DrugInsert
from drugtext.errors import DrugTextError
from drugtext.explanation import _weighed
from drugtext.sentences import sentences_read, with_reading_held, without_sentences
from drugtext.tokens import TokenReader


def insert(**sections: str) -> DrugInsert:
    return DrugInsert(name="Examplol", language="en", sections=sections)


HEART, PAIN = "It lowers blood pressure. ", "It is used for relief of pain. "


@pytest.fixture(scope="module")
def few(tiny_classifier):
    few = tiny_classifier.fit(
        [insert(indications_and_usage=HEART), insert(indications_and_usage=PAIN)], ["heart", "pain"]
    )
    few.model.head.scale.data.fill_(2.0)  # no probability is so near to 1 that its odds are lost
    return few


BOTH = insert(
    indications_and_usage=HEART + "Take it daily. " + HEART,
    mechanism_of_action="It inhibits an enzyme.\n" + PAIN,
)


def without(whole: DrugInsert, section: str, start: int, end: int) -> DrugInsert:
    text = whole.sections[section]
    return replace(whole, sections={**whole.sections, section: text[:start] + text[end:]})


def test_of_a_quick_plan_all_that_might_be_read_is_explained(few):
    quick, once = copy.copy(few), copy.copy(few)
    quick.reading_plan = replace(few.reading_plan.quick(), enough_probability=0.01)
    once.reading_plan = replace(few.reading_plan, show_names=False)
    named = insert(indications_and_usage="Examplol for the heart. " + HEART, description=PAIN)
    assert quick.explain(named) == once.explain(named)
    assert {s.section for s in quick.explain(named).sentences} == {*named.sections}
    assert quick.reading_plan.enough_probability == 0.01, "its own plan stays as it was"


def test_a_sentence_less_makes_no_room_for_what_was_not_read(few):
    """Weights are those of the sentences, and not of what would be read in their place."""
    stopped, first = copy.copy(few), copy.copy(few)
    stopped.reading_plan = replace(few.reading_plan, stop_tokens=10, once_tokens=10)
    first.reading_plan = replace(few.reading_plan, show_names=False)
    text = "Examplol for the heart. " + HEART
    whole = insert(indications_and_usage=text, mechanism_of_action=PAIN)
    assert few.token_reader.count([HEART]) < 10 <= few.token_reader.count([text])
    found = stopped.explain(whole)
    assert found.prediction.to_dict() == stopped.predict([whole])[0].to_dict()
    alone = first.explain(insert(indications_and_usage=text))
    assert (found.sentences, found.needed) == (alone.sentences, alone.needed)


def log_odds(p: float) -> float:
    return math.log(p / (1 - p))


def test_sections_that_count_little_do_so_in_what_is_explained(few):
    told = insert(indications_and_usage="for pain", overdosage=HEART * 8)
    held = with_reading_held(few, told)
    assert np.allclose(held.embed([told]), few.embed([told]), atol=1e-6)
    alike = copy.copy(few)
    alike.reading_plan = replace(few.reading_plan, other_weight=1.0)
    assert not np.allclose(alike.embed([told]), few.embed([told]), atol=1e-2)
    found = few.explain(told)
    assert {s.section for s in found.sentences} == {*told.sections}
    assert found.prediction == few.predict([told])[0]


def test_a_weight_is_the_fall_of_the_log_odds_without_the_sentence(few):
    found = few.explain(BOTH)
    assert [(s.section, s.text) for s in found.sentences] == [
        ("indications_and_usage", "It lowers blood pressure."),
        ("indications_and_usage", "Take it daily."),
        ("indications_and_usage", "It lowers blood pressure."),
        ("mechanism_of_action", "It inhibits an enzyme."),
        ("mechanism_of_action", "It is used for relief of pain."),
    ]
    assert found.prediction == few.predict([BOTH])[0]
    answer = few.category_ids.index(found.prediction.category_id)
    cut = without(BOTH, "indications_and_usage", len(HEART), len(HEART) + len("Take it daily. "))
    p = few.probabilities(few.embed([BOTH, cut]))[:, answer]
    assert found.sentences[1].probability_without == pytest.approx(p[1], abs=1e-5)
    assert found.sentences[1].weight == pytest.approx(log_odds(p[0]) - log_odds(p[1]), abs=1e-3)
    assert [s.weight for s in found.heaviest] == sorted(
        (s.weight for s in found.sentences if s.weight > 0), reverse=True
    )


def test_without_what_was_needed_the_answer_is_the_other_one(few):
    found = few.explain(BOTH)
    assert found.needed and found.otherwise in few.category_ids
    assert found.otherwise != found.prediction.category_id
    kept = [s for n, s in enumerate(found.sentences) if n not in found.needed]
    sections: dict[str, str] = {}
    for sentence in kept:
        sections[sentence.section] = sections.get(sentence.section, "") + sentence.text + " "
    assert few.predict([insert(**sections)])[0].category_id == found.otherwise


def test_what_is_read_in_the_place_of_what_was_needed_counts(few):
    stopped = copy.copy(few)
    n_tokens = few.token_reader.count([*BOTH.sections.values()])
    stopped.reading_plan = replace(few.reading_plan, stop_tokens=n_tokens, once_tokens=None)
    alone = stopped.explain(BOTH)
    assert alone.otherwise is not None
    rest = without_sentences(BOTH, sentences_read(stopped, BOTH), alone.needed)
    assert stopped.predict([rest])[0].category_id == alone.otherwise
    # What was not read says again what is taken out.
    again = {"heart": HEART, "pain": PAIN}[alone.prediction.category_id]
    found = stopped.explain(insert(**BOTH.sections, description=again * 8))
    assert found.sentences == alone.sentences
    assert (found.needed, found.otherwise) == ((), None)


@pytest.mark.parametrize("enough_probability", [0.5, 1.0])
def test_what_is_needed_is_as_little_as_the_whole_insert_needs(few, enough_probability):
    stopped = copy.copy(few)
    stopped.reading_plan = replace(
        few.reading_plan, stop_tokens=25, once_tokens=None, enough_probability=enough_probability
    )
    to_the_end = copy.copy(stopped)
    to_the_end.reading_plan = replace(stopped.reading_plan, enough_probability=1.0)
    n_found = 0
    for n_heart in range(1, 5):
        for rest in (HEART, PAIN, "Take it daily. "):
            whole = insert(
                indications_and_usage=(HEART + "Take it daily. ") * n_heart,
                mechanism_of_action="It inhibits an enzyme.\n" + PAIN,
                description=rest * 2,
            )
            found = stopped.explain(whole)
            read = sentences_read(with_reading_held(stopped, whole), whole)
            answer = found.prediction.category_id
            assert to_the_end.predict([whole])[0].category_id == answer
            for n in range(1, len(read)):
                taken = found.by_weight[:n]
                (left,) = to_the_end.predict([without_sentences(whole, read, taken)])
                if left.category_id != answer:
                    assert found.needed == tuple(sorted(taken)), (n_heart, rest)
                    assert found.otherwise == left.category_id
                    n_found += 1
                    break
            else:
                assert found.otherwise is None
    assert n_found


def test_sentences_are_taken_out_of_the_whole_insert():
    read = [
        ("a", "One. "), ("a", "Two. "), ("a", "One. "), ("b", "\n Three. "), ("b", "Four is c"),
    ]  # fmt: skip
    sections = {"a": "One. Two. One. Left.", "b": "\n Three. Four is cut. Five. ", "c": "Six."}
    whole = insert(**sections)

    def left(*out: int) -> list[str]:
        return [*without_sentences(whole, read, out).sections.values()]

    assert left() == [*sections.values()]
    assert left(2) == ["One. Two. Left.", sections["b"], "Six."]
    assert left(0, 1, 3) == ["One. Left.", "Four is cut. Five. ", "Six."]
    assert left(4) == [sections["a"], "\n Three. Five. ", "Six."]  # what was cut goes whole


def test_of_one_sentence_nothing_is_left_but_the_prior(few):
    found = few.explain(insert(indications_and_usage=PAIN))
    (sentence,) = found.sentences
    prior = few.model.head.log_prior.detach().double().softmax(0)
    answer = few.category_ids.index(found.prediction.category_id)
    assert sentence.probability_without == pytest.approx(float(prior[answer]), abs=1e-6)
    assert (found.needed, found.otherwise) == ((), None)


def test_what_was_not_read_is_not_told(few):
    long = insert(indications_and_usage=PAIN * 200)
    found = few.explain(long)
    limit = few.reading_plan.section_tokens["indications_and_usage"]
    told = " ".join(sentence.text for sentence in found.sentences)
    assert limit - 10 <= few.token_reader.count([told]) <= limit


def test_the_nearest_drugs_are_told_where_they_are_kept(few, tmp_path):
    assert few.explain(BOTH, n_nearest=1).nearest[0].name == "Examplol"
    few.save_pretrained(tmp_path)
    assert drugtext.load(tmp_path).explain(BOTH).nearest == ()


def test_it_becomes_json_and_refuses_what_cannot_be_classified(few, tiny_classifier):
    told = json.loads(json.dumps(few.explain(BOTH).to_dict()))
    assert told["category_id"] in few.category_ids and len(told["sentences"]) == 5
    assert set(told["sentences"][0]) == {"section", "text", "weight", "probability_without"}
    with pytest.raises(DrugTextError, match="holds no text"):
        few.explain(insert())
    with pytest.raises(DrugTextError, match="half characters"):
        few.explain(insert(indications_and_usage="\ud800 abc hypertension"))
    with pytest.raises(DrugTextError, match="no category yet"):
        tiny_classifier.explain(BOTH)


@pytest.mark.parametrize(
    "text", ["It lowers blood pressure.", "β-blocker naïve 说明书", "a  b\n\nc"]
)
def test_the_end_of_the_first_tokens(tiny_classifier, text):
    reader = TokenReader(tiny_classifier.tokenizer)
    (ids,) = reader.all([text])
    ends = [reader.end_of(text, n) for n in range(len(ids) + 3)]
    assert ends == sorted(ends) and ends[0] == 0 and ends[-1] == len(text)
    for n, end in enumerate(ends[: len(ids) + 1]):
        assert np.array_equal(reader.all([text[:end]])[0][:n], ids[:n])


def test_sentences_of_a_nearly_sure_answer_have_weights_too():
    sure, surer = np.array([1.0, 1e-20]), np.array([1.0, 1e-24])
    sentence = _weighed("description", " It heals. ", surer, sure, 0)
    assert sentence.weight == pytest.approx(4 * np.log(10), abs=1e-4)
    assert sentence.text == "It heals." and sentence.probability_without == 1
    assert _weighed("description", "It heals.", np.ones(1), np.ones(1), 0).weight == 0
