"""Strangers: an encoder that tells every category catches all of them, one that tells none none."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import CORPUS, known_categories, new_categories, telling, telling_nothing

from drugtext.evaluation.trust.far_texts import far_texts
from drugtext.evaluation.trust.scope import IN_USE, SCORES
from drugtext.evaluation.trust.strangers import far, near, near_few_shot

N_TEST = len(CORPUS.splits["test"])


@pytest.fixture(scope="module")
def known(tiny_classifier):
    return known_categories(tiny_classifier, telling)


@pytest.fixture(scope="module")
def lost(tiny_classifier):
    return known_categories(tiny_classifier, telling_nothing)


@pytest.mark.parametrize("names", ["masked", "plain"])
@pytest.mark.parametrize("level", [2, 3])
def test_categories_that_were_left_out_are_told_from_the_others(known, names, level):
    found = near(known, names, level, n_draws=3)
    assert (found["names"], found["level"], found["n_draws"]) == (names, level, 3)
    assert found["n_inserts"] == N_TEST and found["scores"].keys() == SCORES.keys()
    assert found["scores"][IN_USE]["auroc"] == 1
    assert found["called_out"] == 1


def test_what_tells_nothing_tells_no_stranger(lost):
    found = near(lost, "masked", 3, n_draws=8)
    for name, score in found["scores"].items():
        assert score["auroc"] == pytest.approx(0.5, abs=0.15), name
    assert found["called_out"] < 0.5


def test_the_encoder_and_the_threshold_are_kept_and_only_the_head_is_taught_anew(known):
    before = known.classifier.category_ids, known.classifier.model.config.scope_threshold
    near(known, "masked", 3, n_draws=1)
    assert (known.classifier.category_ids, known.classifier.model.config.scope_threshold) == before


@pytest.fixture(scope="module")
def of_no_inserts(known) -> dict:
    known.classifier.model.config.languages = ["en"]
    return far(known, "masked")


def test_texts_that_are_no_inserts_are_told_from_test_drugs(of_no_inserts):
    texts = far_texts()
    english = [text for text in texts if text.language == "en"]
    assert (of_no_inserts["n_texts"], of_no_inserts["n_inside"]) == (len(texts), N_TEST)
    assert of_no_inserts["n_refused"] == len(texts) - len(english) > 0
    score = of_no_inserts["scores"][IN_USE]
    assert (score["auroc"], score["low"], score["high"]) == (1, 1, 1)
    assert (score["n_inside"], score["n_outside"]) == (N_TEST, len(english))
    assert of_no_inserts["called_out"] == 1
    assert of_no_inserts["refused_called_out"] == 1  # other languages, as if they could be read
    assert of_no_inserts["called_out_by_kind"] == {text.kind: 1 for text in english}


def test_false_alarms_are_counted_among_test_drugs(known, of_no_inserts):
    answered = set(known.classifier.category_ids)
    new = [record.path[-1] not in answered for record in known.records]
    assert any(new)
    alarms, low, high = (of_no_inserts["false_alarms" + end] for end in ("", "_low", "_high"))
    assert alarms == pytest.approx(np.mean(new), abs=1e-4) and low <= alarms <= high


@pytest.mark.parametrize(("embed", "told"), [(telling, True), (telling_nothing, False)])
def test_of_new_categories_half_are_taught_and_the_others_are_strangers(
    tiny_classifier, embed, told
):
    new = new_categories(tiny_classifier, embed, n_episodes=6)
    found = near_few_shot(new, new.base("plain"), "plain", 5)
    n_way = len(new.trial("plain", 5).tasks[0].lesson.categories)
    assert (found["k"], found["n_way"], found["n_episodes"]) == (5, n_way // 2, 6)
    score = found["scores"][IN_USE]
    n_known = 6 * (n_way // 2)  # one query of each category and episode
    assert (score["n_inside"], score["n_outside"]) == (n_known, 6 * n_way - n_known)
    assert score["auroc"] == 1 if told else score["low"] < 0.5 < score["high"]


def test_too_few_new_categories_give_no_figure(tiny_classifier):
    new = new_categories(tiny_classifier, telling)
    assert near_few_shot(new, new.base("plain"), "plain", 99) is None
