"""TF-IDF of words and pairs of words: with a linear SVM, and with prototypes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from drugtext.corpus import FULL_DOCUMENTS
from drugtext.evaluation.benchmark.contestants.reading import (
    WORDS_A_SECTION,
    name_inserts,
    text_to_read,
)
from drugtext.evaluation.benchmark.protocols import FULL
from drugtext.evaluation.benchmark.task import (
    Answers,
    Contestant,
    Example,
    Lesson,
    NotApplicableError,
    Trial,
    best_first,
)
from drugtext.inserts.insert import DrugInsert

_MANY_TEXTS = 500  # from so many on, a word must stand in two of them
_FEW_SHOT_WORDS = 200  # of each section: with little to learn from, the beginnings tell most
_COLUMNS = 2**20  # words and pairs are hashed, so that those of a new category find a place, too


class _Tfidf(Contestant):
    """Turns texts into sparse unit vectors, weighted by all texts that it has seen."""

    def __init__(self, words: int = WORDS_A_SECTION, stop_words: str | None = None) -> None:
        self._read_as(words, stop_words)
        self._background = csr_matrix((0, _COLUMNS))

    def _read_as(self, words: int, stop_words: str | None) -> None:
        self._words = words
        self._hashing = HashingVectorizer(
            ngram_range=(1, 2),
            n_features=_COLUMNS,
            norm=None,
            alternate_sign=False,
            stop_words=stop_words,
        )

    def prepare(self, trial: Trial) -> None:
        if trial.background:
            self._read_as(_FEW_SHOT_WORDS, "english")
            kept = [
                example.insert
                for example in trial.background
                if trial.setting.documents != FULL or example.kind in FULL_DOCUMENTS
            ]
            self._background = self._count(kept)

    def _count(self, inserts: Sequence[DrugInsert]) -> csr_matrix:
        return self._hashing.transform([text_to_read(i, self._words) for i in inserts])

    def _learn_words(self, counts: csr_matrix) -> csr_matrix:
        """Learn which words of the support count, and how much; return its vectors."""
        seen = vstack([self._background, counts]).tocsr()
        least = 2 if seen.shape[0] >= _MANY_TEXTS else 1
        is_kept = seen.getnnz(axis=0) >= least
        if counts.shape[0] < _MANY_TEXTS:  # a word of a new category may stand in one insert only
            is_kept |= counts.getnnz(axis=0) > 0
        self._columns = np.flatnonzero(is_kept)
        self._weigh = TfidfTransformer(sublinear_tf=True).fit(seen[:, self._columns])
        return self._weigh.transform(counts[:, self._columns])

    def _vectors(self, inserts: Sequence[DrugInsert]) -> csr_matrix:
        return self._weigh.transform(self._count(inserts)[:, self._columns])

    def fit(self, lesson: Lesson) -> None:
        self._support = self._count([e.insert for e in lesson.support] or name_inserts(lesson))
        self._learn(lesson)

    def extend(self, lesson: Lesson, new: Sequence[Example]) -> None:
        self._support = vstack([self._support, self._count([e.insert for e in new])]).tocsr()
        self._learn(lesson)

    @abstractmethod
    def _learn(self, lesson: Lesson) -> None:
        """Learn from the counts of the support, and the categories of the lesson."""


class TfidfSvm(_Tfidf):
    """Joachims 1998, doi:10.1007/BFb0026683."""

    description = (
        "TF-IDF of words and word pairs, 1,000 words a section (few-shot: 200, without stop words),"
        " linear SVM (scikit-learn, C = 1)"
    )

    def fit(self, lesson: Lesson) -> None:
        if not lesson.support:
            raise NotApplicableError("learns from inserts only, not from a name")
        super().fit(lesson)

    def _learn(self, lesson: Lesson) -> None:
        vectors = self._learn_words(self._support)
        self._svm = LinearSVC(random_state=0)
        self._svm.fit(vectors, [example.category for example in lesson.support])

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        scores = self._svm.decision_function(self._vectors(inserts))
        if scores.ndim == 1:  # of two categories: that of the second alone
            scores = np.stack([-scores, scores], axis=1)
        return Answers(best_first(scores, self._svm.classes_.tolist()))


class TfidfPrototypes(_Tfidf):
    """Rocchio's classifier: the nearest mean, by the cosine (Joachims 1997, ICML)."""

    description = (
        "TF-IDF of words and word pairs without stop words, 200 words a section, nearest mean by"
        " cosine; names where k = 0"
    )

    def __init__(self) -> None:
        super().__init__(_FEW_SHOT_WORDS, "english")

    def _learn(self, lesson: Lesson) -> None:
        categories = [example.category for example in lesson.support] or list(lesson.categories)
        vectors = self._learn_words(self._support)
        self._categories, rows = np.unique(categories, return_inverse=True)
        members = csr_matrix((np.ones(len(rows)), (rows, np.arange(len(rows)))))
        self._prototypes = normalize(members @ vectors)

    def predict(self, inserts: Sequence[DrugInsert]) -> Answers:
        cosines = (self._vectors(inserts) @ self._prototypes.T).toarray()
        return Answers(best_first(cosines, self._categories.tolist()))
