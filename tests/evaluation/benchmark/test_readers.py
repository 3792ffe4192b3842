"""Readers trained for a trial: on its training alone, once, and what that took is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from invented import corpus

from drugtext.evaluation.benchmark.cached_embedder import CachedEmbedder
from drugtext.evaluation.benchmark.meter import Stopwatch
from drugtext.evaluation.benchmark.new_category import new_category, split_categories
from drugtext.evaluation.benchmark.protocols import (
    INDICATED,
    growing_taxonomy,
    new_drug,
    new_regulator,
)
from drugtext.evaluation.benchmark.readers import FewShotBases, Reader, TrainedReaders
from drugtext.evaluation.benchmark.task import NO_TRAINING
from drugtext.training.meta import ATC_PLAN
from drugtext.window_cache import WindowCache

CORPUS = corpus()
LEVEL_3, LEVEL_1 = new_drug(CORPUS, "masked", 3), new_drug(CORPUS, "plain", 1)


@pytest.fixture
def readers(tiny_classifier, tmp_path) -> TrainedReaders:
    cache = WindowCache(tiny_classifier.model.encoder, tmp_path / "windows")
    untrained = Reader(tiny_classifier, CachedEmbedder(tiny_classifier, cache))
    return TrainedReaders(untrained, tmp_path / "trained", ATC_PLAN.lasting(2))


def test_one_training_serves_all_levels_and_forms(readers):
    steps = []
    readers.learn(LEVEL_3.training, CORPUS.taxonomy, steps.append)
    reader = readers(LEVEL_1)
    assert reader is readers(LEVEL_3) and len(steps) == 2
    assert reader.classifier.model.adapter and reader.classifier.model.lexicon
    assert not reader.classifier.category_ids
    inserts = [query.insert for query in LEVEL_3.tasks[0].queries[:3]]
    found = reader.embed(inserts)
    assert found.shape == (3, reader.classifier.model.config.embedding_dim)
    assert (found == reader.classifier.embed(inserts)).all()


def test_a_new_regulator_and_a_growing_taxonomy_are_read_by_trained_encoders(readers):
    for trial in (
        new_regulator(CORPUS, "masked", 3, "US labels"),
        growing_taxonomy(CORPUS, "masked", 4, seed=0),
    ):
        assert readers(trial).classifier.model.adapter is not None
        assert trial.training.sha256 in readers.embedders


def test_what_a_training_took_is_counted_each_time(readers):
    readers.learn(LEVEL_3.training, CORPUS.taxonomy)
    watch = Stopwatch([readers])
    readers(LEVEL_3)
    once = watch.lap()
    readers(LEVEL_1)
    assert once > 0.05 and watch.lap() == pytest.approx(once, rel=0.2)


def test_what_new_categories_are_learnt_beside_is_made_once_and_counted_each_time(readers):
    split = split_categories(CORPUS, seed=0)
    one, three, plain = (
        new_category(split, names, 3, INDICATED, k, n_episodes=2, seed=0)
        for names, k in (("masked", 1), ("masked", 3), ("plain", 1))
    )
    bases, reader = FewShotBases(), readers._untrained
    first = bases(one, reader)
    assert first.category_ids and not bases.saved_seconds
    assert bases(three, reader) is first
    once = bases.saved_seconds
    assert bases(one, reader) is first and 0 < once == bases.saved_seconds / 2
    assert bases(plain, reader) is not first


def test_a_trial_without_training_is_read_as_the_encoder_comes(readers):
    reader = readers(replace(LEVEL_3, training=NO_TRAINING))
    assert reader.classifier.model.adapter is None and reader.classifier.model.lexicon is None


def test_a_training_goes_on_where_it_was(readers, tmp_path):
    readers.learn(LEVEL_3.training, CORPUS.taxonomy)
    again = TrainedReaders(readers._untrained, tmp_path / "trained", ATC_PLAN.lasting(2))
    steps = []
    again.learn(LEVEL_3.training, CORPUS.taxonomy, steps.append)
    assert not steps
    inserts = [query.insert for query in LEVEL_3.tasks[0].queries[:3]]
    assert (readers(LEVEL_3).embed(inserts) == again(LEVEL_3).embed(inserts)).all()
