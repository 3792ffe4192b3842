"""The sentences that are read of an insert, and what is answered without some of them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sentencex import segment

from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.language import detect_language
from drugtext.predictor import CategoryPredictor
from drugtext.windows import is_read_twice, sections_to_read

ReadSentence = tuple[str, str]
"""Section and text; white space around it is kept."""


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


def reading_to_the_end(classifier: CategoryPredictor) -> CategoryPredictor:
    """Return a classifier that does not stop where an answer is probable."""
    whole = copy.copy(classifier)
    whole.reading_plan = replace(classifier.reading_plan, enough_probability=1.0)
    return whole


def beginnings(classifier: CategoryPredictor, insert: DrugInsert) -> DrugInsert:
    """Return as much of each section as is read, were what is read of it taken out."""
    plan, end_of = classifier.reading_plan, classifier.token_reader.end_of
    # Twice as much as is read at most; and twice that, for names that are hidden are shorter.
    n_tokens = 4 * max([*plan.section_tokens.values(), plan.other_tokens])
    sections = {name: text[: end_of(text, n_tokens)] for name, text in insert.sections.items()}
    return replace(insert, sections=sections)


def sentences_read(classifier: CategoryPredictor, insert: DrugInsert) -> list[ReadSentence]:
    """Return section and text of each sentence that the reading plan reads, the last one cut.

    White space around them is kept, so that joined they are what is read as printed; names hidden,
    which makes most texts shorter, the encoder reads some words further. They are those of
    `Explanation.sentences`, in the same order.
    """
    reader, language = classifier.token_reader, _language(insert)
    found = []
    for section in sections_to_read(insert.sections, classifier.reading_plan, reader):
        text = insert.sections[section.name]
        start = text[: reader.end_of(text, len(section.token_ids))]
        found += [(section.name, s) for s in _sentences(start, language) if s.strip()]
    return found


def probabilities_without(
    classifier: CategoryPredictor,
    insert: DrugInsert,
    read: Sequence[ReadSentence],
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
        embeddings = embed_once(classifier, [only_sentences(insert, kept[n]) for n in some])
        found[some] = classifier.probabilities(embeddings)
    return found


def without_sentences(
    insert: DrugInsert, read: Sequence[ReadSentence], out: Sequence[int]
) -> DrugInsert:
    """Return an insert without some sentences; one that was cut goes whole."""
    sections = dict(insert.sections)
    last = {name: n for n, (name, _) in enumerate(read)}  # of those that were read: it may be cut
    begins = dict.fromkeys(sections, 0)  # of what is to be looked through
    for n, (name, sentence) in enumerate(read):
        text = sections[name]
        start = text.index(sentence, begins[name])
        begins[name] = start + len(sentence)
        if n in out:
            rest = text[start + len(sentence) :]
            if n == last[name]:
                whole = next(_sentences(text[start:], _language(insert)), "")
                rest = text[start + max(len(whole), len(sentence)) :]
            sections[name] = text[:start] + rest
            begins[name] = start
    return replace(insert, sections=sections)


def only_sentences(insert: DrugInsert, sentences: Iterable[ReadSentence]) -> DrugInsert:
    """Return an insert of these sentences, in their sections."""
    sections: dict[str, str] = {}
    for section, text in sentences:
        sections[section] = sections.get(section, "") + text
    return replace(insert, sections=sections)


def embed_once(classifier: CategoryPredictor, inserts: Sequence[DrugInsert]) -> NDArray[np.float32]:
    """Embed inserts that have most windows in common: each different one is encoded once."""
    windows = classifier.windows(inserts)
    numbers = {ids: n for n, ids in enumerate(dict.fromkeys(map(tuple, windows.token_ids)))}
    vectors = classifier.vectors([list(ids) for ids in numbers])
    rows = [numbers[tuple(ids)] for ids in windows.token_ids]
    return classifier.pooled(windows, len(inserts), lambda _: vectors[rows]).numpy()


def _language(insert: DrugInsert) -> str:
    return insert.language or detect_language(insert.beginnings) or "en"


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
