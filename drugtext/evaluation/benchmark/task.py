"""What a contestant is told, what it is asked, and what it answers; a leak between them stops."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drugtext.errors import CorpusError, DrugTextError
from drugtext.evaluation.benchmark.records import Example, Record
from drugtext.inserts.insert import DrugInsert
from drugtext.taxonomy import Taxonomy

NO_ANSWER = ""
TOP = 3
"""Answers an insert: some drugs rightly have several codes."""
OWN = "drugtext"
"""Name of the contestant that the others are compared with."""


@dataclass(frozen=True)
class Lesson:
    """What a contestant learns from.

    Attributes:
        taxonomy: the tree of the categories, with their names.
        categories: ids of those to answer with.
        support: inserts of these categories; none where the category's name must do.
    """

    taxonomy: Taxonomy
    categories: tuple[str, ...]
    support: Sequence[Example]

    @property
    def category_names(self) -> list[str]:
        """Names of the categories, in small letters, in order."""
        return [self.taxonomy[category].name.lower() for category in self.categories]


@dataclass(frozen=True)
class Task:
    """A lesson and its examination.

    Attributes:
        lesson: what is learnt from.
        queries: what is asked; their categories are among the lesson's.
        n_new: how many of the lesson's categories, the last ones, are new since the task before.
    """

    lesson: Lesson
    queries: Sequence[Example]
    n_new: int = 0


@dataclass(frozen=True)
class Setting:
    """Which trial it is; all fields together are its name in the results."""

    protocol: str
    taxonomy: str
    level: int
    names: str
    documents: str
    trained_on: str | None = None
    k: int | None = None


@dataclass(frozen=True)
class Training:
    """Records that an encoder may be trained on before a trial, all printed forms of each.

    Attributes:
        records: several trials may share them.
    """

    records: Sequence[Record] = ()

    @cached_property
    def sha256(self) -> str:
        """A fingerprint of the records in order."""
        digest = hashlib.sha256()
        for record in self.records:
            told = [*record.path, record.ingredient, *sorted(record.substances)]
            texts = chain(*(insert.told for _, insert in sorted(record.inserts.items())))
            digest.update("\0".join([*told, *texts, ""]).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @cached_property
    def seen(self) -> _Seen:
        """What stands in them, categories of all levels."""
        return _Seen(
            (category for record in self.records for category in record.path),
            (name for record in self.records for name in record.substances),
            (insert.text for record in self.records for insert in record.inserts.values()),
        )


NO_TRAINING = Training()


@dataclass(frozen=True)
class Trial:
    """Tasks of one setting, in order.

    Attributes:
        setting: which it is.
        tasks: one, or the episodes, or the steps by which a taxonomy grows.
        background: inserts of further categories, to prepare on before the first task.
        validation: held-out inserts, to tune and to calibrate on.
        left_out: inserts that would be asked if the lesson knew their category.
        grows: each task's lesson contains the one before.
        n_held_out: categories that are held out, those included that have too few ingredients to be
            asked; None where none are.
        training: what an encoder may be trained on beforehand.
    """

    setting: Setting
    tasks: Sequence[Task]
    background: Sequence[Example] = ()
    validation: Sequence[Example] = ()
    left_out: Sequence[Example] = ()
    grows: bool = False
    n_held_out: int | None = None
    training: Training = NO_TRAINING

    @property
    def inserts(self) -> Iterator[DrugInsert]:
        """All inserts that stand in it; one that stands in several tasks recurs."""
        for task in self.tasks:
            yield from (example.insert for example in (*task.lesson.support, *task.queries))
        yield from (example.insert for example in (*self.background, *self.validation))

    def fingerprint(self) -> str:
        """Return a SHA-256 of all that is taught and asked, in order."""
        digest = hashlib.sha256((repr(self.setting) + self.training.sha256).encode())
        for examples in (
            *(part for task in self.tasks for part in (task.lesson.support, task.queries)),
            *(self.background, self.validation),
        ):
            digest.update(str(len(examples)).encode())
            for example in examples:
                told = (example.category, example.ingredient, *example.insert.told, "")
                digest.update("\0".join(told).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


class Answers(NamedTuple):
    """What a contestant says of some inserts.

    Attributes:
        ranked: ids an insert, the best first, `TOP` at most; none where it has no answer.
        confidences: the probability of the best, for a contestant that gives probabilities.
    """

    ranked: list[list[str]]
    confidences: list[float] | None = None


def best_first(scores: NDArray, categories: Sequence[str]) -> list[list[str]]:
    """Return the `TOP` categories of each insert.

    Args:
        scores: the higher, the better, shape (n_inserts, n_categories).
        categories: ids, in the order of the columns.
    """
    order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    return [[categories[n] for n in row] for row in order]


class NotApplicableError(DrugTextError):
    """A contestant cannot take part in a trial by its nature."""


class NotFinishedError(DrugTextError):
    """A contestant would need, or took, more time than it is given."""


class Contestant(ABC):
    """A way to assign categories. A subclass needs `fit` and `predict`; the rest is optional.

    Attributes:
        description: one line for the report.
        max_tasks: the most tasks of a trial that it is given; None for all.
        least_episodes: stopped in a trial of episodes, it counts if it finished so many.
    """

    description: str
    max_tasks: int | None = None
    least_episodes: int = 20

    def prepare(self, trial: Trial) -> None:  # noqa: B027 - most have nothing to prepare
        """Learn from `trial.background` and `trial.validation`, once, before the first task."""

    @abstractmethod
    def fit(self, lesson: Lesson) -> None:
        """Learn the categories of a lesson, and forget those of the lesson before."""

    def extend(self, lesson: Lesson, new: Sequence[Example]) -> None:  # noqa: ARG002
        """Learn the further categories of a lesson that contains the one before.

        Args:
            lesson: the whole one.
            new: the part of its support that is new.
        """
        self.fit(lesson)

    @abstractmethod
    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        """Answer with a category of the lesson for each insert."""


def check_no_leak(trial: Trial) -> None:
    """Stop before anything is learnt from what is asked.

    Raises:
        CorpusError: a query shares a substance or its whole text with the support of its task, the
            background, the validation inserts or the training, or it has no answer among the
            lesson's categories; or a category that is to be new stands in one of these.
    """
    known, trained_on = _Seen.of([*trial.background, *trial.validation]), trial.training.seen
    if found := sorted(_to_be_new(trial) & (known.categories | trained_on.categories))[:5]:
        raise CorpusError(
            f"{trial.setting}: categories {', '.join(found)} are asked and stand in the"
            " background, in validation or in training; they must be new."
        )
    for task in trial.tasks:
        support = _Seen.of(task.lesson.support)
        for query in task.queries:
            for seen in (known, trained_on, support):
                seen.refuse(query, trial.setting)
            if query.category not in task.lesson.categories:
                raise CorpusError(f"{trial.setting}: {query.category} is asked but not taught.")


def _to_be_new(trial: Trial) -> set[str]:
    """Return the categories that nothing may know before they are taught."""
    if trial.grows:
        first, *later = (task.lesson.categories for task in trial.tasks)
        return {*chain(*later)} - {*first}
    asked = (query.category for task in trial.tasks for query in task.queries)
    return set() if trial.setting.k is None else {*asked}


class _Seen:
    """What stands in some inserts."""

    def __init__(
        self, categories: Iterable[str], substances: Iterable[str], texts: Iterable[str]
    ) -> None:
        self.categories, self.substances = set(categories), set(substances)
        self.texts = set(map(hash, texts))

    @classmethod
    def of(cls, examples: Sequence[Example]) -> _Seen:
        return cls(
            (example.category for example in examples),
            (name for example in examples for name in example.substances),
            (example.insert.text for example in examples),
        )

    def refuse(self, query: Example, setting: Setting) -> None:
        if shared := self.substances & query.substances:
            raise CorpusError(
                f"{setting}: an insert of {query.ingredient!r} is asked, and {min(shared)!r} stands"
                " in what is learnt from; the sides of a task must be disjoint in ingredient."
            )
        if hash(query.insert.text) in self.texts:
            raise CorpusError(
                f"{setting}: an insert of {query.ingredient!r} is asked whose text stands in what"
                " is learnt from; leave repeated texts out."
            )
