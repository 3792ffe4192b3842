"""Several classifiers and the same inserts: what they read alike is read and encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from drugtext.ahead import ahead
from drugtext.inserts.batches import batches
from drugtext.inserts.insert import DrugInsert
from drugtext.prediction import Prediction, Wanted
from drugtext.predictor import CategoryPredictor
from drugtext.window_encoder import Encode


def predict_together(
    classifiers: Sequence[CategoryPredictor],
    inserts: Iterable[DrugInsert],
    *,
    top_k: int = 3,
    coverage: float | None = None,
    min_probability: float | None = None,
) -> list[list[Prediction]]:
    """Ask several classifiers about the same inserts.

    Those over one encoder that read alike, such as one and what its `fit` gave, or one and what was
    loaded `over` it with the same adapter, read and encode an insert once for all of them. The
    others are asked one after the other.

    Args:
        classifiers: one or more, each with categories.
        inserts: any number of them.
        top_k: as `CategoryPredictor.predict` takes it.
        coverage: as well.
        min_probability: as well.

    Returns:
        For each classifier what its own `predict` gives.

    Raises:
        LanguageError: an insert is in a language that an encoder does not know.
        DrugTextError: as `predict` raises it.
    """
    wanted = Wanted(top_k, coverage, min_probability)
    alike: dict[object, list[int]] = {}
    for n, classifier in enumerate(classifiers):
        classifier._check_categories()
        alike.setdefault(_way_of_reading(classifier), []).append(n)
    readers = [classifiers[numbers[0]] for numbers in alike.values()]
    answers: list[list[Prediction]] = [[] for _ in classifiers]
    for read in ahead([reader._read(batch) for reader in readers] for batch in batches(inserts)):
        for reader, numbers, part in zip(readers, alike.values(), read, strict=True):
            for _, error in part.refused:
                raise error
            encode = _once(reader.vectors)
            for n in numbers:
                answers[n] += classifiers[n].answers(part.readable, part.windows, wanted, encode)
    return answers


def _way_of_reading(classifier: CategoryPredictor) -> object:
    """Return what is equal in classifiers that refuse, read and encode alike."""
    model, config = classifier.model, classifier.model.config
    objects = (model.encoder, model.lexicon, classifier.token_reader)
    told = (classifier.reading_plan, config.prefix, config.languages, classifier._backend_name)
    return (*map(id, objects), repr(told))


def _once(encode: Encode) -> Encode:
    """Return what gives the same vectors, and encodes a window once, however often asked."""
    known: dict[tuple[int, ...], Tensor] = {}

    def vectors(token_ids: list[list[int]]) -> Tensor:
        missing = [ids for ids in dict.fromkeys(map(tuple, token_ids)) if ids not in known]
        if missing:
            known.update(zip(missing, encode([[*ids] for ids in missing]), strict=True))
        return torch.stack([known[tuple(ids)] for ids in token_ids])

    return vectors
