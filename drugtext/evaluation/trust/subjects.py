"""What is judged: classifiers of a run of the benchmark, and inserts that they never met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier, load
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import CorpusError
from drugtext.evaluation.benchmark.new_category import (
    CategorySplit,
    new_category,
    split_categories,
)
from drugtext.evaluation.benchmark.protocols import INDICATED, new_drug
from drugtext.evaluation.benchmark.readers import (
    Reader,
    few_shot_base,
    readers_of_run,
)
from drugtext.evaluation.benchmark.records import (
    Corpus,
    Example,
    Names,
    Record,
    load_corpus,
    load_rows,
)
from drugtext.evaluation.benchmark.task import Trial
from drugtext.evaluation.trust.probabilities import Judged
from drugtext.splits import SPLITS
from drugtext.taxonomy import Taxonomy
from drugtext.training.fitting import Embedded
from drugtext.training.listed_drugs import ListedDrug, with_names_of
from drugtext.training.meta import ATC_PLAN
from drugtext.training.recipe import calibrated

FORMS: dict[Names, str] = {"masked": "masked", "plain": "text"}
"""Form of a record's texts -> the column of the corpus."""
LISTED = "listed"
"""Texts as printed of drugs that are known by name, as those that the taxonomy lists."""
N_EPISODES = 30
"""Of each setting of new categories."""


class Run:
    """A run of the benchmark: its ATC corpus, and the encoders that were trained for it.

    Args:
        folder: of the run.
        taxonomy: of its ATC corpus.
        n_steps: of the trainings; one that is not there yet is made.
        seed: of the split by category.
        encoder: that was trained, as `load` takes it.
        drugs: whose names a classifier of known categories is told, as the bundled one is.
    """

    def __init__(
        self,
        folder: Path,
        taxonomy: Taxonomy,
        n_steps: int = ATC_PLAN.loop.n_steps,
        seed: int = 0,
        encoder: str = DEFAULT_ENCODER,
        drugs: Sequence[ListedDrug] = (),
    ) -> None:
        self.drugs = drugs
        self.folder, self.taxonomy, self.seed = folder / "corpus-atc", taxonomy, seed
        self.corpus: Corpus = load_corpus(self.folder, taxonomy)
        raw = load(encoder)
        self.run_by = raw.backend
        self._readers = readers_of_run(folder, raw, n_steps)

    def known_drugs(self) -> KnownCategories:
        """Return the classifier of known categories, learnt as the bundled one is."""
        training = new_drug(self.corpus, "masked", 1).training
        reader = self._readers.learn(training, self.taxonomy)
        splits = {
            split: Embedded(
                load_rows(self.folder / f"{split}.parquet"),
                {
                    column: reader.embed([r.inserts[names] for r in self.corpus.splits[split]])
                    for names, column in FORMS.items()
                },
            )
            for split in SPLITS
        }
        classifier, _ = calibrated(reader.classifier, splits, self.taxonomy, self.drugs)
        return KnownCategories(classifier, reader, self.corpus, splits, self.drugs)

    def new_categories(self, n_episodes: int = N_EPISODES) -> NewCategories:
        """Return what learns categories that its encoder never met; as `NewCategories`."""
        split = split_categories(self.corpus, self.seed)
        reader = self._readers.learn(split.training, self.taxonomy)
        return NewCategories(reader, split, self.seed, n_episodes)


class KnownCategories(NamedTuple):
    """A classifier of known categories, and drugs that it never met.

    Attributes:
        classifier: calibrated.
        reader: its encoder.
        corpus: whose test split is asked.
        splits: embeddings of all splits, not projected.
        drugs: whose names it was told, but for those that are asked.
    """

    classifier: DrugClassifier
    reader: Reader
    corpus: Corpus
    splits: dict[str, Embedded]
    drugs: Sequence[ListedDrug] = ()

    @property
    def records(self) -> list[Record]:
        """The test split."""
        return self.corpus.splits["test"]

    def embeddings(self, names: Names, split: str = "test") -> NDArray:
        """Return the embeddings of a split, projected, shape (n, embedding_dim)."""
        return projected(self.classifier, self.splits[split].embeddings[FORMS[names]])

    def judged(self, names: Names, chosen: Sequence[int], split: str = "test") -> Judged:
        """Return the answers to some records of a split, by their places."""
        asked = [self.corpus.splits[split][n] for n in chosen]
        return judge(self.classifier, self.embeddings(names, split)[list(chosen)], asked)

    def judged_by_name(self, chosen: Sequence[int], split: str = "test") -> Judged:
        """Return the answers to those, as printed, that are known by name once all names are told.

        Arguments as `judged` takes them.
        """
        told = self._replace(classifier=with_names_of(self.classifier, self.drugs))
        return told.judged("plain", chosen, split).known_by_name()


class NewCategories:
    """Categories that an encoder never met, learnt from a few inserts each.

    Args:
        reader: trained on other categories.
        split: of the categories.
        seed: of the episodes.
        n_episodes: of each setting.
    """

    def __init__(
        self, reader: Reader, split: CategorySplit, seed: int, n_episodes: int = N_EPISODES
    ) -> None:
        self.reader, self._split = reader, split
        self._seed, self._n_episodes = seed, n_episodes

    @property
    def taxonomy(self) -> Taxonomy:
        """Of the categories."""
        return self._split.corpus.taxonomy

    def records(self, part: str) -> list[Record]:
        """Return the records of a part."""
        return self._split.parts[part]

    def trial(self, names: Names, k_shot: int) -> Trial | None:
        """Return episodes at level 3 over all test categories at once."""
        return new_category(self._split, names, 3, INDICATED, k_shot, self._n_episodes, self._seed)

    def base(self, names: Names) -> DrugClassifier:
        """Return a classifier of the training categories, few-shot calibrated on validation."""
        trial = self.trial(names, 1)
        if trial is None:
            raise CorpusError("two test categories with ingredients enough are needed.")
        return few_shot_base(trial, self.reader, self._seed)

    def fit(self, base: DrugClassifier, support: Sequence[Example]) -> DrugClassifier:
        """Learn categories from some examples."""
        return base.fit_embeddings(
            self.embed(base, support),
            [example.category for example in support],
            taxonomy=self.taxonomy,
            ingredients=[example.substances for example in support],
        )

    def embed(self, classifier: DrugClassifier, examples: Sequence[Example]) -> NDArray:
        """Embed as `classifier.embed` does, from embeddings that its bare encoder gave."""
        return projected(classifier, self.reader.embed([example.insert for example in examples]))

    def episodes(
        self, base: DrugClassifier, trial: Trial
    ) -> Iterator[tuple[DrugClassifier, Judged]]:
        """Learn each lesson of a trial, and answer its queries."""
        for task in trial.tasks:
            fitted = self.fit(base, task.lesson.support)
            embeddings = self.embed(fitted, task.queries)
            judged = Judged(
                fitted.probabilities(embeddings),
                fitted.category_ids,
                fitted.taxonomy,
                [query.category for query in task.queries],
                [query.ingredient for query in task.queries],
                fitted.kinds(embeddings),
            )
            yield fitted, judged


@torch.no_grad()
def projected(classifier: DrugClassifier, embeddings: NDArray) -> NDArray:
    """Bring embeddings of a bare encoder to those that `classifier.embed` gives."""
    return classifier.model.head.project(torch.as_tensor(embeddings)).numpy()


def judge(classifier: DrugClassifier, embeddings: NDArray, records: Sequence[Record]) -> Judged:
    """Return the answers to records whose embeddings are given, projected.

    Of each, some ancestor at least is to be known; the deepest that is known is the true one.
    """
    known = classifier.taxonomy
    return Judged(
        classifier.probabilities(np.asarray(embeddings)),
        classifier.category_ids,
        known,
        [next(i for i in reversed(record.path) if i in known) for record in records],
        [record.ingredient for record in records],
        classifier.kinds(embeddings),
    )
