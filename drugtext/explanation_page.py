"""Explanations as one HTML file for people: each text with its sentences tinted by weight."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby
from string import ascii_lowercase
from typing import TYPE_CHECKING, NamedTuple

from drugtext._version import __version__
from drugtext.offline_page import write_offline_page

if TYPE_CHECKING:  # a call that is wrong is told before torch is loaded
    from drugtext.explanation import Explanation, Sentence

N_FOR, N_AGAINST = 5, 3
"""Sentences that are listed, and marked in the text by a number or a letter."""
LEAST_SHARE = 0.04
"""Of the heaviest weight: a fainter tint than this would not be seen."""

_N_CHARACTERS = 280  # of a sentence in the list; tables are read as sentences, too
_TEMPLATE = "explanation.html.jinja"


def write_explanation_page(
    path: str | os.PathLike[str], explanations: Sequence[Explanation]
) -> None:
    """Write a page that opens in any browser, offline: one file, without scripts.

    It holds what was read of the inserts: who gets the page reads them.

    Args:
        path: of the HTML file; one that stands there is replaced.
        explanations: as `DrugClassifier.explain` gives them, in the order to be shown.

    Raises:
        DrugTextError: the file cannot be written.
    """
    shown = {
        "title": _title(explanations),
        "version": __version__,
        "reasons": [_reasons(explanation) for explanation in explanations],
        "n_characters": _N_CHARACTERS,
    }
    write_offline_page(path, _TEMPLATE, shown)


class _ShownSentence(NamedTuple):
    """A sentence, and how it is shown.

    Attributes:
        place: in the explanation's sentences.
        sentence: itself.
        share: of the heaviest weight of the insert, for or against; 0 to 1.
        side: "for", "against", or "" where it hardly weighs.
        mark: its number or letter in the lists; empty where it is in neither.
        is_needed: without it and the others that are, the answer is another one.
    """

    place: int
    sentence: Sentence
    share: float
    side: str
    mark: str
    is_needed: bool


class _Reasons(NamedTuple):
    """What is shown of an insert.

    Attributes:
        explanation: itself.
        spoke_for: the sentences that spoke most for the answer, the heaviest first.
        spoke_against: those that spoke most against it, likewise.
        sections: that were read, each with its sentences.
        others: probability of all categories but the alternatives.
        otherwise: id, and name where it is known, of the category without what is needed; empty
            where the answer stays.
    """

    explanation: Explanation
    spoke_for: list[_ShownSentence]
    spoke_against: list[_ShownSentence]
    sections: list[tuple[str, list[_ShownSentence]]]
    others: float
    otherwise: str


def _reasons(explanation: Explanation) -> _Reasons:
    weights = [sentence.weight for sentence in explanation.sentences]
    order = explanation.by_weight
    numbered = [n for n in order if weights[n] > 0][:N_FOR]
    lettered = [n for n in reversed(order) if weights[n] < 0][:N_AGAINST]
    marks = {n: str(k) for k, n in enumerate(numbered, 1)}
    marks |= dict(zip(lettered, ascii_lowercase, strict=False))
    heaviest = max(map(abs, weights), default=0.0)
    shown = []
    for n, sentence in enumerate(explanation.sentences):
        share = abs(sentence.weight) / heaviest if heaviest else 0.0
        side = "for" if sentence.weight > 0 else "against"
        if share < LEAST_SHARE and n not in marks:
            side = ""
        needed = n in explanation.needed
        shown.append(_ShownSentence(n, sentence, share, side, marks.get(n, ""), needed))
    by_section = groupby(shown, key=lambda one: one.sentence.section)
    told = sum(alternative.probability for alternative in explanation.prediction.alternatives)
    return _Reasons(
        explanation,
        [shown[n] for n in numbered],
        [shown[n] for n in lettered],
        [(section, [*sentences]) for section, sentences in by_section],
        max(1 - told, 0.0),
        _otherwise(explanation),
    )


def _otherwise(explanation: Explanation) -> str:
    other = explanation.otherwise or ""
    named = {a.category_id: a.category_name for a in explanation.prediction.alternatives}
    name = named.get(other, other)
    return other if name == other else f"{other} {name}"


def _title(explanations: Sequence[Explanation]) -> str:
    if len(explanations) != 1:
        return "Why these inserts got their categories"
    p = explanations[0].prediction
    name = "" if p.category_name == p.category_id else f" {p.category_name}"
    return f"Why {p.name or 'this insert'} got {p.category_id}{name}"
