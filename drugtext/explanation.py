"""Why an insert got its category: the sentences that decided, by taking each of them out."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sentencex import segment

from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.language import detect_language
from drugtext.known_drugs import KnownDrug
from drugtext.name_stems import text_part
from drugtext.prediction import Prediction
from drugtext.predictor import N_NEAREST, CategoryPredictor
from drugtext.stem_ids import stem_ids
from drugtext.windows import is_read_twice, sections_to_read

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
        needed: places in `sentences` of those without which the answer is another one: the
            heaviest, as few as that takes. Empty where the answer stays while one is left.
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
    classifier = with_reading_held(classifier, insert)
    (prediction,) = classifier.predict([insert], top_k=top_k)
    read = sentences_read(classifier, insert)
    embeddings = _embed_once(classifier, [_only(insert, read)])
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
    needed, otherwise = _needed(classifier, insert, read, sentences, answer)
    nearest = classifier.nearest_drugs(embeddings[0], n_nearest)
    return Explanation(prediction, sentences, needed, otherwise, tuple(nearest), by_name)


def _weighed(section: str, text: str, told: NDArray, without: NDArray, answer: int) -> Sentence:
    weight = _log_odds(told, answer) - _log_odds(without, answer)
    return Sentence(section, text.strip(), round(weight, 4), round(float(without[answer]), 6))


def with_reading_held(classifier: CategoryPredictor, insert: DrugInsert) -> CategoryPredictor:
    """Return a classifier that reads what is read of an insert, whatever is taken out of it.

    Where a sentence less makes room for another section, or for names to be shown, what the answer
    loses would not be that sentence's weight.
    """
    plan = classifier.reading_plan
    chosen = sections_to_read(insert.sections, plan, classifier.token_reader)
    held = copy.copy(classifier)
    held.reading_plan = replace(
        plan,
        section_tokens={section.name: section.limit for section in chosen},
        section_weights={section.name: plan.weight_of(section.name) for section in chosen},
        other_tokens=0,
        stop_tokens=None,
        once_tokens=None,
        enough_probability=1.0,
        show_names=not plan.hide_names or is_read_twice(chosen, plan),
    )
    return held


def sentences_read(classifier: CategoryPredictor, insert: DrugInsert) -> list[tuple[str, str]]:
    """Return section and text of each sentence that the reading plan reads, the last one cut.

    White space around them is kept, so that joined they are what is read as printed; names hidden,
    which makes most texts shorter, the encoder reads some words further. They are those of
    `Explanation.sentences`, in the same order.
    """
    reader = classifier.token_reader
    language = insert.language or detect_language(insert.beginnings) or "en"
    found = []
    for section in sections_to_read(insert.sections, classifier.reading_plan, reader):
        text = insert.sections[section.name]
        start = text[: reader.end_of(text, len(section.token_ids))]
        found += [(section.name, s) for s in _sentences(start, language) if s.strip()]
    return found


def probabilities_without(
    classifier: CategoryPredictor,
    insert: DrugInsert,
    read: Sequence[tuple[str, str]],
    left_out: Sequence[Sequence[int]],
) -> NDArray[np.float64]:
    """Classify an insert again and again, each time without some of its sentences.

    A text of which nothing is left gives what no evidence gives, categories alike but for their
    prior; or what the insert's names say, where they are read.

    Args:
        classifier: with categories.
        insert: that it can classify.
        read: its sentences, as `sentences_read` gives them.
        left_out: places in `read` of those that are taken out, each time; what the texts have in
            common is encoded once.

    Returns:
        float64, shape (len(left_out), n_categories), rows summing to 1.
    """
    kept = [[s for n, s in enumerate(read) if n not in out] for out in map(set, left_out)]
    found = np.empty((len(kept), len(classifier.category_ids)))
    some = [n for n, sentences in enumerate(kept) if "".join(text for _, text in sentences).strip()]
    found[:] = classifier.without_text(insert)
    if some:
        embeddings = _embed_once(classifier, [_only(insert, kept[n]) for n in some])
        found[some] = classifier.probabilities(embeddings)
    return found


def _needed(
    classifier: CategoryPredictor,
    insert: DrugInsert,
    read: Sequence[tuple[str, str]],
    sentences: Sequence[Sentence],
    answer: int,
) -> tuple[tuple[int, ...], str | None]:
    """Take the heaviest sentences out, one more each time, until the answer is another one."""
    order = _by_weight(sentences)
    taken = [order[:n] for n in range(1, len(order)) if sentences[order[n - 1]].weight > 0]
    answers = probabilities_without(classifier, insert, read, taken).argmax(axis=1)
    for left_out, other in zip(taken, answers, strict=True):
        if other != answer:
            return tuple(sorted(left_out)), classifier.category_ids[other]
    return (), None


def _only(insert: DrugInsert, sentences: Iterable[tuple[str, str]]) -> DrugInsert:
    """Return an insert of these sentences, in their sections."""
    sections: dict[str, str] = {}
    for section, text in sentences:
        sections[section] = sections.get(section, "") + text
    return replace(insert, sections=sections)


def _embed_once(
    classifier: CategoryPredictor, inserts: Sequence[DrugInsert]
) -> NDArray[np.float32]:
    """Embed inserts that have most windows in common: each different one is encoded once."""
    windows = classifier.windows(inserts)
    numbers = {ids: n for n, ids in enumerate(dict.fromkeys(map(tuple, windows.token_ids)))}
    vectors = classifier.vectors([list(ids) for ids in numbers])
    rows = [numbers[tuple(ids)] for ids in windows.token_ids]
    return classifier.pooled(windows, len(inserts), lambda _: vectors[rows]).numpy()


def _sentences(text: str, language: str) -> Iterator[str]:
    """Split a text into sentences; joined, they are the text."""
    for paragraph in text.splitlines(keepends=True):
        plain = re.sub(r"[^\S\n]", " ", paragraph)  # it fails on other white space
        try:
            lengths = [len(sentence) for sentence in segment(language, plain)]
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # pyo3's, which is no Exception
                raise
            lengths = [len(paragraph)]
        start = 0
        for length in lengths:
            yield paragraph[start : start + length]
            start += length
        yield paragraph[start:]


def _by_weight(sentences: Sequence[Sentence]) -> list[int]:
    return sorted(range(len(sentences)), key=lambda n: -sentences[n].weight)


def _log_odds(probabilities: NDArray, answer: int) -> float:
    """Return the log odds of an answer, shape of the probabilities (n_categories,).

    What is against it is the sum of the others: 1 - p of one that is nearly sure is rounding.
    """
    against = np.delete(probabilities, answer).sum()
    p, others = np.maximum([probabilities[answer], against], _LEAST)
    return float(np.log(p) - np.log(others))
