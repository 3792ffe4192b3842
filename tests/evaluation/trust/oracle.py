"""The invented corpus under an encoder that tells every category, and under one that tells none."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from datasets import Dataset
from invented import corpus, dealt, rows, words
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.cached_embedder import Embed
from drugtext.evaluation.benchmark.new_category import split_categories
from drugtext.evaluation.benchmark.readers import Reader
from drugtext.evaluation.trust.subjects import FORMS, KnownCategories, NewCategories
from drugtext.inserts.insert import DrugInsert
from drugtext.training.fitting import Embedded
from drugtext.training.recipe import calibrated

CORPUS = corpus()
SPLIT = split_categories(CORPUS, 0)
DIM = 16  # of the tiny encoder


def telling(inserts: Sequence[DrugInsert]) -> NDArray:
    """Embed what decides, and nothing else."""
    return words(inserts, DIM)


def telling_roughly(inserts: Sequence[DrugInsert]) -> NDArray:
    """Embed what decides, and a little of what each insert has of its own."""
    found = words(inserts, DIM) + 0.1 * telling_nothing(inserts)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def telling_nothing(inserts: Sequence[DrugInsert]) -> NDArray:
    """Embed each text somewhere else."""
    drawn = [np.random.default_rng(zlib.crc32(i.text.encode())).normal(size=DIM) for i in inserts]
    found = np.array(drawn, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def known_categories(bare: DrugClassifier, embed: Embed) -> KnownCategories:
    """Learn the training split, calibrate on the validation split."""
    splits = {
        split: Embedded(
            Dataset.from_list(part),
            {
                column: embed([record.inserts[names] for record in CORPUS.splits[split]])
                for names, column in FORMS.items()
            },
        )
        for split, part in dealt(rows()).items()
    }
    classifier, _ = calibrated(bare, splits, CORPUS.taxonomy)
    return KnownCategories(classifier, Reader(bare, embed), CORPUS, splits)


def new_categories(bare: DrugClassifier, embed: Embed, n_episodes: int = 4) -> NewCategories:
    """Give what learns the test categories."""
    return NewCategories(Reader(bare, embed), SPLIT, 0, n_episodes)
