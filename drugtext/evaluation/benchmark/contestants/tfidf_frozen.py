"""TF-IDF and a frozen encoder's embeddings beside each other, in one linear SVM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack

from drugtext.evaluation.benchmark.cached_embedder import Embed
from drugtext.evaluation.benchmark.contestants.tfidf import TfidfSvm
from drugtext.evaluation.benchmark.task import Example, Lesson
from drugtext.inserts.insert import DrugInsert


class TfidfFrozenSvm(TfidfSvm):
    """Both are unit vectors: each tells half of a cosine."""

    description = "the same with frozen MiniLM embeddings appended to the vectors of words"

    def __init__(self, embed: Embed) -> None:
        super().__init__()
        self._embed = embed

    def fit(self, lesson: Lesson) -> None:
        if lesson.support:
            self._embeddings = self._embed([example.insert for example in lesson.support])
        super().fit(lesson)

    def extend(self, lesson: Lesson, new: Sequence[Example]) -> None:
        arrived = self._embed([example.insert for example in new])
        self._embeddings = np.concatenate([self._embeddings, arrived])
        super().extend(lesson, new)

    def _learn_words(self, counts: csr_matrix) -> csr_matrix:
        return hstack([super()._learn_words(counts), csr_matrix(self._embeddings)]).tocsr()

    def _vectors(self, inserts: Sequence[DrugInsert]) -> csr_matrix:
        both = super()._vectors(inserts), csr_matrix(self._embed(inserts))
        return hstack(both).tocsr()
