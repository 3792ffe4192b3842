"""Deletion and insertion: curves by hand, and a classifier for which one sentence alone decides."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from drugtext.errors import DrugTextError
from drugtext.evaluation.trust.faithfulness import (
    FRACTIONS,
    deletion_and_insertion,
    faithfulness,
)
from drugtext.inserts.insert import DrugInsert
from drugtext.predictor import CategoryPredictor

DECIDES, SAYS_NOTHING = "It lowers blood pressure. ", "Take it daily. "
WITH, WITHOUT, NOTHING = 0.9, 0.2, 0.5  # probability of the answer


def insert(n_sentences: int, place: int = 0, name: str = "Examplol") -> DrugInsert:
    """An insert of sentences that say nothing, and one that decides."""
    sentences = [SAYS_NOTHING] * n_sentences
    sentences[place] = DECIDES
    text = "".join(sentences)
    return DrugInsert(name=name, language="en", sections={"indications_and_usage": text})


class OneSentenceDecides(CategoryPredictor):
    """Knows two categories, and tells them by a single word."""

    def pooled(self, windows, n_inserts, encode=None):  # noqa: ARG002
        word = self.tokenizer.convert_tokens_to_ids("pressure")
        found = torch.zeros(n_inserts, self.model.config.embedding_dim)
        for ids, number in zip(windows.token_ids, windows.insert_numbers, strict=True):
            found[number, 0] += float(word in ids)
        return found

    def probabilities(self, embeddings):
        p = np.where(np.asarray(embeddings)[:, 0] > 0, WITH, WITHOUT)
        return np.stack([p, 1 - p], axis=1)


@pytest.fixture(scope="module")
def few(tiny_classifier):
    texts = [DECIDES, "It is used for relief of pain. "]
    inserts = [DrugInsert(sections={"indications_and_usage": text}) for text in texts]
    return tiny_classifier.fit(inserts, ["heart", "pain"])


@pytest.fixture(scope="module")
def decided(few):
    return OneSentenceDecides(few.model, few.tokenizer)


def test_the_curves_of_ten_sentences_by_hand():
    def probability_without(left_out):
        return np.array([WITHOUT if 3 in out else WITH for out in left_out])

    first = [3, *(n for n in range(10) if n != 3)]
    deletion, insertion = deletion_and_insertion(probability_without, [first, first[::-1]])
    assert deletion[0].tolist() == [WITH] + [WITHOUT] * 10
    assert deletion[1].tolist() == [WITH] * 10 + [WITHOUT]
    assert insertion[0].tolist() == [WITHOUT] + [WITH] * 10
    assert insertion[1].tolist() == [WITHOUT] * 10 + [WITH]


@pytest.mark.parametrize("n", [3, 7, 25, 120])
def test_between_sentences_a_curve_is_straight_and_few_texts_are_asked_for(n):
    rng = np.random.default_rng(n)
    levels, order, asked = rng.random(n + 1), rng.permutation(n).tolist(), []

    def probability_without(left_out):
        asked.extend(left_out)
        return np.array([levels[len(out)] for out in left_out])

    deletion, insertion = deletion_and_insertion(probability_without, [order])
    places = np.array(FRACTIONS) * n
    assert deletion[0] == pytest.approx(np.interp(places, range(n + 1), levels))
    assert insertion[0] == pytest.approx(np.interp(places, range(n + 1), levels[::-1]))
    assert len(asked) <= 2 * min(n + 1, 20)


def test_where_one_sentence_decides_the_answer_falls_at_once(decided):
    done: list[int] = []
    inserts = [insert(10, place, f"Drug {place}") for place in (0, 4, 9)]
    told = faithfulness(decided, inserts, seed=3, advance=done.append)
    assert (told.n_inserts, told.n_short, done) == (3, 0, [1, 1, 1])

    assert told.deletion.curve == (WITH, *[WITHOUT] * 9, NOTHING)
    assert told.insertion.curve == (NOTHING, *[WITH] * 10)
    assert told.deletion.area == pytest.approx(0.1 * ((WITH + NOTHING) / 2 + 9 * WITHOUT))
    assert told.insertion.area == pytest.approx(0.1 * ((WITH + NOTHING) / 2 + 9 * WITH))

    # In a random order it goes after j others: j points of the curve inside its ends are high.
    rng = np.random.default_rng(3)
    j = np.array([[rng.permutation(10).tolist().index(at) for _ in range(5)] for at in (0, 4, 9)])
    gains = 0.1 * (WITH - WITHOUT) * j.mean(axis=1)
    assert told.deletion.gain == pytest.approx(gains.mean(), abs=1e-4)
    assert told.insertion.gain == pytest.approx(gains.mean(), abs=1e-4)  # j points are low
    for found in (told.deletion, told.insertion):
        assert 0 < found.low <= found.gain <= found.high < WITH - WITHOUT
        assert gains.min() - 1e-4 <= found.low and found.high <= gains.max() + 1e-4
        assert abs(found.area - found.random_area) == pytest.approx(found.gain, abs=2e-4)


def test_inserts_of_one_drug_are_drawn_together(decided):
    alike = [insert(10, 0), insert(10, 4), insert(10, 9)]
    told = faithfulness(decided, alike)
    assert told.deletion.low == told.deletion.gain == told.deletion.high


def test_short_inserts_are_left_out_and_counted(decided):
    told = faithfulness(decided, [insert(2), insert(3), insert(1)], n_random=1)
    assert (told.n_inserts, told.n_short) == (1, 2)
    with pytest.raises(DrugTextError, match="none of 2 inserts has 3 sentences"):
        faithfulness(decided, [insert(2), insert(1)])


def test_a_real_head_gives_curves_that_begin_and_end_alike_and_the_seed_decides(few):
    inserts = [insert(5, 2, "A"), insert(8, 7, "B")]
    told = faithfulness(few, inserts, n_random=2)
    for found in (told.deletion, told.insertion):
        assert len(found.curve) == len(FRACTIONS)
        assert found.curve[0] == pytest.approx(found.random_curve[0], abs=1e-3)
        assert found.curve[-1] == pytest.approx(found.random_curve[-1], abs=1e-3)
        assert all(0 <= p <= 1 for p in (*found.curve, found.area, found.random_area))
    assert told.deletion.curve[0] == pytest.approx(told.insertion.curve[-1], abs=1e-3)
    assert told == faithfulness(few, inserts, n_random=2)
    kept = json.loads(json.dumps(told.to_dict()))
    assert kept["fractions"] == list(FRACTIONS) and kept["n_random"] == 2
    assert set(kept["deletion"]) == {
        *("curve", "random_curve", "area", "random_area", "gain", "low", "high")
    }


def test_what_cannot_be_judged_is_refused(decided, tiny_classifier):
    with pytest.raises(DrugTextError, match="n_random is 0; 1 or more"):
        faithfulness(decided, [insert(5)], n_random=0)
    with pytest.raises(DrugTextError, match="holds no text"):
        faithfulness(decided, [DrugInsert(sections={})])
    with pytest.raises(DrugTextError, match="no category yet"):
        faithfulness(tiny_classifier, [insert(5)])
