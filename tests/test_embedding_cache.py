"""The embedding cache: nothing is embedded twice, and nothing of another encoder is taken."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.embedding_cache import EmbeddingCache
from drugtext.inserts.insert import DrugInsert


class Counting(DrugClassifier):
    """Counts the inserts that it embeds."""

    n_embedded = 0

    def embed(self, inserts):
        inserts = list(inserts)
        self.n_embedded += len(inserts)
        return super().embed(inserts)


def inserts(numbers) -> list[DrugInsert]:
    return [
        DrugInsert(
            name=f"Examplol {n}",
            language="en",
            ingredients=("examplol",),
            sections={"indications_and_usage": f"examplol {n} for the heart and {n * 7} pain"},
        )
        for n in numbers
    ]


@pytest.fixture
def classifier(tiny_encoder_folder) -> Counting:
    """One of its own, as the tests change it."""
    loaded = drugtext.load(tiny_encoder_folder)
    return Counting(loaded.model, loaded.tokenizer)


def test_a_second_call_embeds_nothing(classifier, tmp_path):
    cache = EmbeddingCache(classifier, tmp_path / "not" / "yet there")
    done = []
    first = cache.embed(inserts(range(5)), done.append)
    assert (classifier.n_embedded, sum(done)) == (5, 5)
    assert first.dtype == np.float32 and first.shape == (5, 16)
    done.clear()
    second = cache.embed(inserts(range(5)), done.append)
    assert (classifier.n_embedded, sum(done)) == (5, 5)
    np.testing.assert_array_equal(first, second)


def test_embeddings_are_those_of_the_classifier(classifier, tiny_classifier, tmp_path):
    found = EmbeddingCache(classifier, tmp_path).embed(inserts(range(4)))
    np.testing.assert_allclose(found, tiny_classifier.embed(inserts(range(4))), atol=1e-6)
    assert classifier.n_embedded == 4


def test_what_it_cost_is_remembered(classifier, tmp_path):
    cache = EmbeddingCache(classifier, tmp_path)
    cache.embed(inserts(range(4)))
    whole = cache.seconds(inserts(range(4)))
    assert whole > 0
    again = EmbeddingCache(classifier, tmp_path)
    assert again.seconds(inserts([1, 1])) == pytest.approx(whole / 2)


def test_hiding_names_matters_only_to_inserts_that_have_names(classifier, tmp_path):
    nameless = DrugInsert(language="en", sections={"text": "lowers blood pressure"})
    both = [nameless, *inserts([1])]
    EmbeddingCache(classifier, tmp_path).embed(both)
    plan = dataclasses.replace(classifier.reading_plan, hide_names=False)
    classifier.reading_plan, classifier.n_embedded = plan, 0
    found = EmbeddingCache(classifier, tmp_path).embed(both)
    assert classifier.n_embedded == 1
    np.testing.assert_allclose(found, classifier.embed(both), atol=1e-6)


def test_caches_of_one_folder_share_what_they_embed(classifier, tmp_path):
    first, second = EmbeddingCache(classifier, tmp_path), EmbeddingCache(classifier, tmp_path)
    first.embed(inserts(range(4)))
    second.embed(inserts(range(6)))
    assert classifier.n_embedded == 6


def test_a_new_cache_finds_what_an_old_one_wrote(classifier, tmp_path):
    first = EmbeddingCache(classifier, tmp_path).embed(inserts(range(300)))
    assert classifier.n_embedded == 300
    assert len(list(tmp_path.glob("*.npz"))) > 1  # parts, so that a stopped run goes on
    again = EmbeddingCache(classifier, tmp_path).embed(inserts(range(300)))
    assert classifier.n_embedded == 300
    np.testing.assert_array_equal(first, again)


def test_a_run_that_was_stopped_goes_on(classifier, tmp_path, monkeypatch):
    whole = EmbeddingCache(classifier, tmp_path / "whole").embed(inserts(range(300)))
    embed, calls = classifier.embed, []

    def stopped(inserts):
        calls.append(len(inserts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return embed(inserts)

    with monkeypatch.context() as patch:
        patch.setattr(classifier, "embed", stopped)
        with pytest.raises(KeyboardInterrupt):
            EmbeddingCache(classifier, tmp_path / "part").embed(inserts(range(300)))
    classifier.n_embedded = 0
    found = EmbeddingCache(classifier, tmp_path / "part").embed(inserts(range(300)))
    assert classifier.n_embedded == 300 - calls[0]
    np.testing.assert_allclose(found, whole, atol=1e-6)


def test_only_new_texts_are_embedded_and_the_order_is_kept(classifier, tmp_path):
    cache = EmbeddingCache(classifier, tmp_path)
    some = cache.embed(inserts([4, 1, 7]))
    more = cache.embed(inserts([7, 2, 1, 9, 4]))
    assert classifier.n_embedded == 5
    np.testing.assert_array_equal(more[[4, 2, 0]], some)
    alone = EmbeddingCache(classifier, tmp_path / "other").embed(inserts([7, 2, 1, 9, 4]))
    np.testing.assert_allclose(more, alone, atol=1e-6)
    assert len({tuple(vector) for vector in more.tolist()}) == 5


def changed_weights(classifier):
    with torch.no_grad():
        next(classifier.model.encoder.parameters()).add_(0.5)


def changed_plan(classifier):
    classifier.reading_plan = dataclasses.replace(classifier.reading_plan, other_tokens=3)


def changed_order(classifier):
    sections = dict(reversed(classifier.reading_plan.section_tokens.items()))
    classifier.reading_plan = dataclasses.replace(classifier.reading_plan, section_tokens=sections)


def changed_prefix(classifier):
    classifier.model.config.prefix = "query: "


@pytest.mark.parametrize(
    "change",
    [changed_weights, changed_plan, changed_order, changed_prefix],
    ids=lambda f: f.__name__,
)
def test_what_was_embedded_otherwise_is_not_taken(classifier, tmp_path, change):
    before = EmbeddingCache(classifier, tmp_path).embed(inserts(range(3)))
    state = {k: v.clone() for k, v in classifier.model.encoder.state_dict().items()}
    plan, prefix = classifier.reading_plan, classifier.model.config.prefix
    change(classifier)
    EmbeddingCache(classifier, tmp_path).embed(inserts(range(3)))
    assert classifier.n_embedded == 6
    classifier.model.encoder.load_state_dict(state)
    classifier.reading_plan, classifier.model.config.prefix = plan, prefix
    again = EmbeddingCache(classifier, tmp_path).embed(inserts(range(3)))
    assert classifier.n_embedded == 6  # both kinds stand side by side
    np.testing.assert_array_equal(again, before)


def test_a_file_left_unfinished_does_no_harm(classifier, tmp_path):
    (tmp_path / "unfinished").write_bytes(b"PK\x03\x04 cut off")
    first = EmbeddingCache(classifier, tmp_path).embed(inserts(range(3)))
    (tmp_path / "unfinished").write_bytes(b"")
    again = EmbeddingCache(classifier, tmp_path).embed(inserts(range(3)))
    assert classifier.n_embedded == 3
    np.testing.assert_array_equal(first, again)


def test_a_text_that_recurs_gets_one_vector(classifier, tmp_path):
    cache = EmbeddingCache(classifier, tmp_path)
    found = cache.embed(inserts([1, 2, 1, 1]))
    np.testing.assert_array_equal(found[[0, 0, 0]], found[[0, 2, 3]])
    assert not np.array_equal(found[0], found[1])


def test_a_text_that_recurs_overwrites_no_part(classifier, tmp_path):
    numbers = [*range(128), 0, 128]  # the first text of the first part begins the second, too
    EmbeddingCache(classifier, tmp_path).embed(inserts(numbers))
    classifier.n_embedded = 0
    EmbeddingCache(classifier, tmp_path).embed(inserts(numbers))
    assert classifier.n_embedded == 0
