"""Accuracy under noise: nothing is lost by who knows, and by who is thrown off all that changed."""

from __future__ import annotations

import numpy as np
import pytest
from invented import ONLY_IN_TEST
from oracle import CORPUS

from drugtext.corpus import FULL_DOCUMENTS
from drugtext.errors import DrugTextError
from drugtext.evaluation.trust.noise import NOISES
from drugtext.evaluation.trust.robustness import AS_PRINTED, under_noise
from drugtext.predictor import CategoryPredictor

LEVEL = 3
RECORDS = [r for r in CORPUS.splits["test"] if r.path[-1] != ONLY_IN_TEST]
"""Of 16 categories, as many as the tiny encoder has dimensions."""
CATEGORY_OF = {record.inserts["plain"].source: record.path[-1] for record in RECORDS}
PRINTED = {record.inserts["plain"].source: record.inserts["plain"] for record in RECORDS}


class Knows(CategoryPredictor):
    """Knows each insert by its source, which no noise touches; embeddings are probabilities."""

    def embed(self, inserts):
        found = np.zeros((len(inserts), self.model.config.embedding_dim), np.float32)
        for row, insert in enumerate(inserts):
            found[row, self.category_ids.index(self.answer(insert))] = 1
        return found

    def answer(self, insert):
        return CATEGORY_OF[insert.source]

    def probabilities(self, embeddings):
        # Without an embedding, as of what is not read, the true answer would be a windfall.
        rows = np.asarray(embeddings, dtype=float)[:, : len(self.category_ids)]
        return np.where(rows.any(axis=1, keepdims=True), rows, 1 / rows.shape[1])


class IsThrownOff(Knows):
    """Is wrong wherever anything has changed, in the sections or in their order."""

    def answer(self, insert):
        right, printed = super().answer(insert), PRINTED[insert.source]
        is_same = list(insert.sections.items()) == list(printed.sections.items())
        return right if is_same else next(i for i in self.category_ids if i[0] != right[0])


class RefusesCapitals(Knows):
    """Does not read what is written in capitals."""

    def refusal(self, insert):
        return DrugTextError("too loud") if insert.text.isupper() else None


@pytest.fixture(scope="module")
def few(tiny_classifier):
    kept = {record.path[-1]: record.inserts["plain"] for record in RECORDS}
    return tiny_classifier.fit([*kept.values()], [*kept], taxonomy=CORPUS.taxonomy)


def asked(kind: type[Knows], few, **options) -> list[dict]:
    return under_noise(kind(few.model, few.tokenizer), RECORDS, level=LEVEL, **options)


def test_each_noise_is_asked_of_all_inserts_and_of_full_documents(few):
    begun = []
    found = asked(Knows, few, begins=begun.append)
    assert begun == [AS_PRINTED, *NOISES]
    n_full = sum(record.kind in FULL_DOCUMENTS for record in RECORDS)
    assert 0 < n_full < len(RECORDS)
    sizes = {"all inserts": len(RECORDS), "full documents": n_full}
    assert [(r["noise"], r["documents"], r["n"]) for r in found] == [
        (noise, documents, n) for noise in begun for documents, n in sizes.items()
    ]


def test_who_knows_loses_nothing(few):
    for row in asked(Knows, few):
        assert (row["accuracy"], row["drop"], row["n_refused"]) == (1, 0, 0)
        assert (row["drop_low"], row["drop_high"]) == (0, 0)
        assert row["n_changed"] == 0 or row["drop_changed"] == 0


def test_who_is_thrown_off_loses_what_was_changed(few):
    found = asked(IsThrownOff, few)
    for row in found:
        share = row["n_changed"] / row["n"]
        assert row["drop"] == pytest.approx(share, abs=1e-4) == 1 - row["accuracy"]
        assert row["n_changed"] == 0 or row["drop_changed"] == 1
    changed = {row["noise"]: row["n_changed"] for row in found if row["documents"] == "all inserts"}
    assert changed[AS_PRINTED] == changed["shuffled sections"] == 0  # each has one section
    assert changed["upper case"] == changed["first half"] == len(RECORDS)


def test_what_is_refused_is_counted_and_wrong(few):
    for row in asked(RefusesCapitals, few):
        is_loud = row["noise"] == "upper case"
        assert row["n_refused"] == (row["n"] if is_loud else 0)
        assert (row["accuracy"], row["drop"]) == ((0, 1) if is_loud else (1, 0))


def test_the_seed_decides_the_noise(few):
    def texts(seed: int) -> list[str]:
        heard: list[str] = []

        class Listens(Knows):
            def answer(self, insert):
                heard.append(insert.text)
                return super().answer(insert)

        asked(Listens, few, seed=seed)
        return heard

    assert texts(0) == texts(0)
    assert texts(0) != texts(1)
