"""The encoder as it was trained for a trial: its adapter, its lexicon, and its embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.cached_embedder import CachedEmbedder, Embed
from drugtext.evaluation.benchmark.task import Training, Trial
from drugtext.taxonomy import Taxonomy
from drugtext.training.data import LabelledInserts
from drugtext.training.meta import meta_train, plan_for
from drugtext.training.state import Progress
from drugtext.window_cache import WindowCache


class Reader(NamedTuple):
    """What a contestant reads inserts with.

    Attributes:
        classifier: without categories: the encoder.
        embed: its embeddings.
    """

    classifier: DrugClassifier
    embed: Embed


class TrainedReaders:
    """Gives for a trial the reader that was trained on its `training`, and on nothing else.

    Args:
        untrained: for trials that have none; its encoder is what is trained.
        folder: of adapters and vectors, by fingerprint of what they were trained on; a stopped
            training goes on.
        n_steps: of each training.

    Attributes:
        saved_seconds: what all calls would have cost, had nothing been kept; those that embedding
            would have cost are the embedders' own.
        embedders: of the trainings so far.
    """

    def __init__(self, untrained: Reader, folder: Path, n_steps: int) -> None:
        self._untrained, self._folder, self._n_steps = untrained, folder, n_steps
        self._known: dict[str, tuple[Reader, float]] = {}
        self.saved_seconds = 0.0
        self.embedders: dict[str, CachedEmbedder] = {}

    def __call__(self, trial: Trial) -> Reader:
        """Return the reader of a trial; what its training took is counted each time."""
        if not trial.training.records:
            return self._untrained
        self.learn(trial.training, trial.tasks[0].lesson.taxonomy)
        reader, seconds = self._known[trial.training.sha256]
        self.saved_seconds += seconds
        return reader

    def learn(
        self,
        training: Training,
        taxonomy: Taxonomy,
        advance: Callable[[Progress], object] | None = None,
    ) -> Reader:
        """Train a reader, unless it is trained.

        Args:
            training: one record or more.
            taxonomy: of their categories.
            advance: called after each step, for a progress bar.
        """
        key, records = training.sha256, training.records
        if key not in self._known:
            folder, begun = self._folder / key[:16], time.perf_counter()
            bare = self._untrained.classifier
            data = LabelledInserts(
                [[record.inserts[names] for record in records] for names in ("plain", "masked")],
                [record.path for record in records],
                [record.substances for record in records],
                taxonomy,
            )
            trained = meta_train(
                bare,
                data,
                plan_for(data, n_steps=self._n_steps),
                folder,
                told={"training": key},
                advance=advance,
            )
            spent = time.perf_counter() - begun
            # Names stay out of the lexicon: those of known drugs tell nothing of a new one.
            classifier = bare.with_adapter(trained.adapter).with_lexicon(data.forms[1])
            lexicon_seconds = time.perf_counter() - begun - spent
            cache = WindowCache(classifier.model.encoder, folder / "windows")
            embed = CachedEmbedder(classifier, cache)
            seconds = trained.progress.seconds + lexicon_seconds
            self._known[key] = Reader(classifier, embed), seconds
            self.embedders[key] = embed
        return self._known[key][0]
