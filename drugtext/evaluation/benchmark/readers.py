"""The encoder as it was trained for a trial: its adapter, its lexicon, and its embeddings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.cached_embedder import CachedEmbedder, Embed
from drugtext.evaluation.benchmark.meter import Stopwatch
from drugtext.evaluation.benchmark.new_category import CategorySplit, split_categories
from drugtext.evaluation.benchmark.records import load_corpus
from drugtext.evaluation.benchmark.task import Training, Trial
from drugtext.evaluation.few_shot_calibration import calibrate_few_shot
from drugtext.taxonomy import Taxonomy
from drugtext.training.data import LabelledInserts
from drugtext.training.encoder_recipe import train_encoder
from drugtext.training.meta import ATC_PLAN, MetaPlan
from drugtext.training.state import Progress
from drugtext.window_cache import WindowCache

TRAINED_FOLDER = "trained"
"""Of adapters and vectors, in the folder of a run."""


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
        untrained: for trials without a training; its encoder is what is trained.
        folder: of adapters and vectors, as `train_encoder` keeps them.
        plan: of each training; another one needs another folder.

    Attributes:
        saved_seconds: that trainings would have cost, had they been made anew for each trial. Those
            of embedding are the embedders' own.
        embedders: by fingerprint of the training.
    """

    def __init__(self, untrained: Reader, folder: Path, plan: MetaPlan) -> None:
        self._untrained, self._folder, self._plan = untrained, folder, plan
        self._known: dict[str, tuple[Reader, float, WindowCache]] = {}
        self.saved_seconds = 0.0
        self.embedders: dict[str, CachedEmbedder] = {}

    @property
    def used_seconds(self) -> float:
        """What all trainings took, and the embeddings that they were used for."""
        return sum(seconds + cache.used_seconds for _, seconds, cache in self._known.values())

    def __call__(self, trial: Trial) -> Reader:
        """Return the reader of a trial; what its training took is counted each time."""
        if not trial.training.records:
            return self._untrained
        is_known = trial.training.sha256 in self._known
        reader = self.learn(trial.training, trial.tasks[0].lesson.taxonomy)
        if is_known:
            self.saved_seconds += self._known[trial.training.sha256][1]
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
        key = training.sha256
        if key not in self._known:
            data, bare = labelled_inserts(training, taxonomy), self._untrained.classifier
            trained = train_encoder(bare, data, self._folder, plan=self._plan, advance=advance)
            embed = self.embedders[key] = CachedEmbedder(trained.classifier, trained.windows)
            self._known[key] = Reader(trained.classifier, embed), trained.seconds, trained.windows
        return self._known[key][0]


def readers_of_run(run: Path, encoder: DrugClassifier, n_steps: int) -> TrainedReaders:
    """Return what gives the readers that a run of the benchmark trained, or trains them.

    Args:
        run: the run's folder.
        encoder: without categories.
        n_steps: of the trainings.
    """
    untrained = Reader(encoder, encoder.embed)
    return TrainedReaders(untrained, run / TRAINED_FOLDER, ATC_PLAN.lasting(n_steps))


def cached_reader(classifier: DrugClassifier, folder: Path) -> Reader:
    """Return a reader whose encoder's vectors are kept in a folder."""
    cache = WindowCache(classifier.model.encoder, folder)
    return Reader(classifier, CachedEmbedder(classifier, cache))


def labelled_inserts(training: Training, taxonomy: Taxonomy) -> LabelledInserts:
    """Return what an encoder is trained on: both forms of the inserts, the masked one last."""
    records = training.records
    return LabelledInserts(
        [[record.inserts[names] for record in records] for names in ("plain", "masked")],
        [record.path for record in records],
        [record.substances for record in records],
        taxonomy,
    )


def fitted_to_background(trial: Trial, reader: Reader) -> DrugClassifier:
    """Return a classifier of the background's categories: what new ones are learnt beside."""
    return reader.classifier.fit_embeddings(
        reader.embed([example.insert for example in trial.background]),
        [example.category for example in trial.background],
        taxonomy=trial.tasks[0].lesson.taxonomy,
        ingredients=[example.substances for example in trial.background],
    )


def few_shot_base(trial: Trial, reader: Reader, seed: int = 0) -> DrugClassifier:
    """Return what `fitted_to_background` does, few-shot calibrated on the validation examples."""
    base = fitted_to_background(trial, reader)
    categories = [example.category for example in trial.validation]
    base.model.config.few_shot = calibrate_few_shot(
        base.model.head,
        reader.embed([example.insert for example in trial.validation]),
        categories,
        [example.substances for example in trial.validation],
        seed,
        base.embed_names(categories, trial.tasks[0].lesson.taxonomy),
    )
    return base


class FewShotBases:
    """Gives what `few_shot_base` makes, once for trials that prepare on the same.

    Attributes:
        saved_seconds: that the others would have cost.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[DrugClassifier, float, Trial]] = {}
        self.saved_seconds = 0.0

    def __call__(self, trial: Trial, reader: Reader) -> DrugClassifier:
        """Return the base of a trial; what it took is counted each time."""
        inserts = (id(example.insert) for example in (*trial.background, *trial.validation))
        key = (id(reader.classifier), trial.setting.level, *inserts)
        if key in self._known:
            base, seconds, _ = self._known[key]
            self.saved_seconds += seconds
            return base
        watch = Stopwatch([reader.embed] if isinstance(reader.embed, CachedEmbedder) else [])
        base = few_shot_base(trial, reader)
        self._known[key] = base, watch.lap(), trial  # which keeps its inserts, and so their ids
        return base


def new_category_reader(
    run: Path, taxonomy: Taxonomy, encoder: DrugClassifier, n_steps: int, seed: int
) -> tuple[CategorySplit, Reader]:
    """Return the split by category of a run of the benchmark, and the reader trained for it.

    Args:
        run: the run's folder.
        taxonomy: of its ATC corpus.
        encoder: without categories.
        n_steps: of the training.
        seed: of the split.
    """
    split = split_categories(load_corpus(run / "corpus-atc", taxonomy), seed)
    return split, readers_of_run(run, encoder, n_steps).learn(split.training, taxonomy)
