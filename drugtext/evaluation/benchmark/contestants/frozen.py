"""A frozen encoder as people use it today: with logistic regression, prototypes, or names alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from drugtext.evaluation.benchmark.cached_embedder import Embed
from drugtext.evaluation.benchmark.contestants.reading import name_inserts
from drugtext.evaluation.benchmark.task import (
    Answers,
    Contestant,
    Example,
    Lesson,
    NotApplicableError,
    best_first,
)
from drugtext.inserts.insert import DrugInsert

INVERSE_REGULARISATION = 10.0
"""Chosen on validation inserts, over 1 and 100."""


class _Frozen(Contestant):
    """Embeds the support once, and what arrives later when it arrives."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    @abstractmethod
    def _learn(self, embeddings: NDArray, categories: Sequence[str]) -> None:
        """Learn from embeddings, shape (n_support, embedding_dim), and their categories."""

    def fit(self, lesson: Lesson) -> None:
        self._support = self._embed([example.insert for example in lesson.support])
        self._learn(self._support, [example.category for example in lesson.support])

    def extend(self, lesson: Lesson, new: Sequence[Example]) -> None:
        arrived = self._embed([example.insert for example in new])
        self._support = np.concatenate([self._support, arrived])
        self._learn(self._support, [example.category for example in lesson.support])


class FrozenRegression(_Frozen):
    """Logistic regression on the encoder's embeddings."""

    description = "frozen MiniLM embeddings, logistic regression (scikit-learn, C = 10)"

    def fit(self, lesson: Lesson) -> None:
        if not lesson.support:
            raise NotApplicableError("learns from inserts only, not from a name")
        super().fit(lesson)

    def _learn(self, embeddings: NDArray, categories: Sequence[str]) -> None:
        self._model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=1000)
        self._model.fit(embeddings, categories)

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        probabilities = self._model.predict_proba(self._embed(inserts))
        ranked = best_first(probabilities, self._model.classes_.tolist())
        return Answers(ranked, probabilities.max(1).tolist())


class FrozenPrototypes(_Frozen):
    """Snell et al. 2017, arXiv:1703.05175, equations 1 and 2, by the cosine."""

    description = "frozen MiniLM embeddings, nearest mean by cosine; names where k = 0"

    def fit(self, lesson: Lesson) -> None:
        if lesson.support:
            super().fit(lesson)
        else:
            self._learn(self._embed(name_inserts(lesson)), lesson.categories)

    def _learn(self, embeddings: NDArray, categories: Sequence[str]) -> None:
        self._categories, rows = np.unique(categories, return_inverse=True)
        sums = np.zeros((len(self._categories), embeddings.shape[1]))
        np.add.at(sums, rows, embeddings)
        self._prototypes = sums / np.linalg.norm(sums, axis=1, keepdims=True)

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        cosines = self._embed(inserts) @ self._prototypes.T
        return Answers(best_first(cosines, self._categories.tolist()))


class ZeroShot(FrozenPrototypes):
    """Compares the insert with each category's name, and never looks at the support."""

    description = "frozen MiniLM embeddings of insert and category name, by cosine; no support"

    def fit(self, lesson: Lesson) -> None:
        super().fit(Lesson(lesson.taxonomy, lesson.categories, ()))

    def extend(self, lesson: Lesson, new: Sequence[Example]) -> None:  # noqa: ARG002
        self.fit(lesson)
