"""Why an insert got its category: the sentences that decided, by taking each of them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from drugtext.inserts.insert import DrugInsert
from drugtext.known_drugs import KnownDrug
from drugtext.name_stems import text_part
from drugtext.prediction import Prediction
from drugtext.predictor import N_NEAREST, CategoryPredictor
from drugtext.sentences import (
    ReadSentence,
    beginnings,
    embed_once,
    only_sentences,
    probabilities_without,
    reading_to_the_end,
    sentences_read,
    with_reading_held,
    without_sentences,
)
from drugtext.stem_ids import stem_ids

_AT_ONCE = 8  # inserts with more and more taken out
_LEAST = 1e-300  # a probability that rounds to nothing still has odds


class Sentence(NamedTuple):
    """A sentence that was read, and what it did.

    Attributes:
        section: that it stands in.
        text: as printed.
        weight: by how much the log odds of the answer fall where it is taken out; below 0, it spoke
            against the answer.
        probability_without: of the answer, where it is taken out.
    """

    section: str
    text: str
    weight: float
    probability_without: float


@dataclass(frozen=True)
class Explanation:
    """Why an insert got its category.

    Attributes:
        prediction: the answer.
        sentences: all that were read, in the order of the text.
        needed: places in `sentences` of those without which the insert is answered otherwise: the
            heaviest, as few as that takes. Empty where the answer stays while one is left, or where
            what is read in their place says the same.
        otherwise: category that it is then; None where the answer stays.
        nearest: drugs that the classifier learnt from and that are most like it; empty where the
            classifier did not keep them.
        by_name: the names that it goes by, in the section "name", weighed as a sentence is: the
            text stays, and the insert goes by none. None where names are not read beside the text.
    """

    prediction: Prediction
    sentences: tuple[Sentence, ...]
    needed: tuple[int, ...]
    otherwise: str | None
    nearest: tuple[KnownDrug, ...]
    by_name: Sentence | None = None

    @property
    def by_weight(self) -> list[int]:
        """Places in `sentences`, the heaviest first; alike ones in the order of the text."""
        return _by_weight(self.sentences)

    @property
    def heaviest(self) -> list[Sentence]:
        """The sentences that spoke for the answer, the heaviest first."""
        ordered = (self.sentences[n] for n in self.by_weight)
        return [sentence for sentence in ordered if sentence.weight > 0]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds."""
        return {
            **self.prediction.to_dict(),
            "sentences": [sentence._asdict() for sentence in self.sentences],
            "needed": list(self.needed),
            "otherwise": self.otherwise,
            "nearest": [drug._asdict() for drug in self.nearest],
            "by_name": None if self.by_name is None else self.by_name._asdict(),
        }


def explain(
    classifier: CategoryPredictor, insert: DrugInsert, *, top_k: int = 3, n_nearest: int = N_NEAREST
) -> Explanation:
    """Explain the category of an insert.

    Each sentence that was read is taken out in turn, and what is left is classified again. Reading
    does not stop where an answer is probable: of a plan that does, `predict` may give another one.

    Args:
        classifier: with categories.
        insert: that it can classify.
        top_k: how many alternatives the prediction gives.
        n_nearest: how many known drugs to name, at most.

    Raises:
        LanguageError: the insert is in a language that the encoder does not know.
        DrugTextError: the insert has no text, or the classifier has no category.

    Source:
        Occlusion: Zeiler and Fergus 2014, arXiv:1311.2901, section 4; of sentences: Li, Monroe,
        Jurafsky 2016, arXiv:1612.08220.
    """
    if error := classifier.refusal(insert):
        raise error
    whole, classifier = classifier, with_reading_held(classifier, insert)
    (prediction,) = classifier.predict([insert], top_k=top_k)
    read = sentences_read(classifier, insert)
    embeddings = embed_once(classifier, [only_sentences(insert, read)])
    answer = classifier.category_ids.index(prediction.category_id)
    told = classifier.probabilities(embeddings)[0]
    without = probabilities_without(classifier, insert, read, [[n] for n in range(len(read))])
    sentences = tuple(
        _weighed(section, text, told, p, answer)
        for (section, text), p in zip(read, without, strict=True)
    )
    by_name = None
    if classifier.model.head.named is not None and stem_ids(insert):
        nameless = text_part(torch.from_numpy(embeddings), classifier.model.config.text_dim)
        p = classifier.probabilities(nameless)[0]
        name = " + ".join(insert.ingredients) or insert.name
        by_name = _weighed("name", name, told, p, answer)
    needed, otherwise = _needed(whole, insert, read, sentences, prediction.category_id)
    nearest = classifier.nearest_drugs(embeddings[0], n_nearest)
    return Explanation(prediction, sentences, needed, otherwise, tuple(nearest), by_name)


def _weighed(section: str, text: str, told: NDArray, without: NDArray, answer: int) -> Sentence:
    weight = _log_odds(told, answer) - _log_odds(without, answer)
    return Sentence(section, text.strip(), round(weight, 4), round(float(without[answer]), 6))


def _needed(
    classifier: CategoryPredictor,
    insert: DrugInsert,
    read: Sequence[ReadSentence],
    sentences: Sequence[Sentence],
    answer: str,
) -> tuple[tuple[int, ...], str | None]:
    """Take the heaviest sentences out, one more each time, until the answer is another one.

    They are taken out of the whole insert: unlike in `probabilities_without`, what then is read in
    their place counts.
    """
    classifier = reading_to_the_end(classifier)
    whole = beginnings(classifier, insert)
    order = _by_weight(sentences)
    taken = [order[:n] for n in range(1, len(order)) if sentences[order[n - 1]].weight > 0]
    start, n_at_once = 0, 1
    while some := taken[start : start + n_at_once]:
        left = [(out, without_sentences(whole, read, out)) for out in some]
        told = [(out, rest) for out, rest in left if classifier.refusal(rest) is None]
        predictions = classifier.predict([rest for _, rest in told], top_k=1)
        for (out, _), prediction in zip(told, predictions, strict=True):
            if prediction.category_id != answer:
                return tuple(sorted(out)), prediction.category_id
        start, n_at_once = start + n_at_once, min(2 * n_at_once, _AT_ONCE)
    return (), None


def _by_weight(sentences: Sequence[Sentence]) -> list[int]:
    return sorted(range(len(sentences)), key=lambda n: -sentences[n].weight)


def _log_odds(probabilities: NDArray, answer: int) -> float:
    """Return the log odds of an answer, shape of the probabilities (n_categories,).

    What is against it is the sum of the others: 1 - p of one that is nearly sure is rounding.
    """
    against = np.delete(probabilities, answer).sum()
    p, others = np.maximum([probabilities[answer], against], _LEAST)
    return float(np.log(p) - np.log(others))
