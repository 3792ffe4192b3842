"""A judgement as one HTML file for people: figures, calibration, confusions, examples."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from drugtext._version import __version__
from drugtext.evaluation.confusion import (
    Confusion,
    ConfusionMatrix,
    accuracy_by_category,
    confusion_matrix,
    deepest_pairs,
    pairs_at_level,
    unknown_ids,
    worst_confusions,
)
from drugtext.evaluation.evaluate import Judgement
from drugtext.evaluation.reliability import reliability_bins
from drugtext.evaluation.report import known_answers
from drugtext.inserts.insert import DrugInsert
from drugtext.offline_page import write_offline_page
from drugtext.prediction import node_probabilities
from drugtext.taxonomy import Category

MAX_CATEGORIES = 25
"""Rows of a confusion matrix that can still be read."""
MAX_CONFUSIONS = 20
"""Confusions that are shown with examples."""

_N_EXAMPLES = 3
_N_CHARACTERS = 200  # of an insert's text
_TEMPLATE = "evaluation/report.html.jinja"


def write_html_report(path: str | os.PathLike[str], judgement: Judgement, *, title: str) -> None:
    """Write a report that opens in any browser, offline: one file, without scripts.

    It holds names, files and the first words of inserts that were answered wrong: who gets the
    report reads them.

    Args:
        path: of the HTML file; one that stands there is replaced.
        judgement: as `evaluation.evaluate.judge` returns it.
        title: of the page, plain text.

    Raises:
        DrugTextError: the file cannot be written.
    """
    write_offline_page(path, _TEMPLATE, _context(judgement) | {"title": title})


def _context(judgement: Judgement) -> dict[str, Any]:
    """Return what the template shows."""
    levels = judgement.figures["levels"]
    paths = [judgement.taxonomy.path(i) for i in judgement.true_ids]
    matrices = _matrices(judgement)
    pairs = deepest_pairs(judgement)
    confidences = judgement.probabilities.max(1)
    confusions = worst_confusions(pairs, confidences)
    shown = confusions[:MAX_CONFUSIONS]
    known_confidences, right = known_answers(
        judgement.probabilities,
        judgement.category_ids,
        judgement.true_ids,
        judgement.taxonomy,
    )
    drawn = {matrix.level for matrix in matrices}
    return {
        "version": __version__,
        "category": judgement.taxonomy.__getitem__,
        "judgement": judgement,
        "levels": levels,
        "unknown_levels": range(len(levels) + 1, max(map(len, paths)) + 1),
        "bins": reliability_bins(known_confidences, right),
        "n_calibrated": len(right),
        "matrices": matrices,
        "not_drawn": [level["level"] for level in levels if level["level"] not in drawn],
        "confusions": list(zip(shown, _examples(judgement, shown), strict=True)),
        "n_confusions": len(confusions),
        "n_not_shown": sum(len(c.insert_numbers) for c in confusions[MAX_CONFUSIONS:]),
        "n_examples": _N_EXAMPLES,
        "categories": accuracy_by_category(pairs),
        "n_judged": len(pairs),
        "unknown": unknown_ids(judgement),
    }


class _Matrix(NamedTuple):
    """A confusion matrix with what stands beside it.

    Attributes:
        level: of the tree.
        n_inserts: that were counted.
        n_unknown: whose true category is not known at this level.
        n_met: categories that are true or answered.
        higher: categories that stand above the level: answers that go no deeper.
        matrix: the counts.
    """

    level: int
    n_inserts: int
    n_unknown: int
    n_met: int
    higher: list[str]
    matrix: ConfusionMatrix


def _matrices(judgement: Judgement) -> list[_Matrix]:
    """Return the matrix of the top level, and that of the level below which shows most.

    That is the one with most categories that fit; where none fits, the first below the top.
    """
    found = []
    for figures in judgement.figures["levels"]:
        pairs = pairs_at_level(judgement, figures["level"])
        matrix = confusion_matrix(pairs, judgement.taxonomy, MAX_CATEGORIES)
        depths = {i: len(judgement.taxonomy.path(i)) for i in matrix.category_ids}
        higher = [i for i, depth in depths.items() if depth < figures["level"]]
        n_met = len(matrix.category_ids) + matrix.n_merged
        found.append(
            _Matrix(figures["level"], len(pairs), figures["n_unknown"], n_met, higher, matrix)
        )
    below = found[1:]
    fitting = [matrix for matrix in below if not matrix.matrix.n_merged]
    return found[:1] + sorted(fitting, key=lambda m: -m.n_met)[:1] if fitting else found[:2]


class _Example(NamedTuple):
    """An insert that was answered wrong.

    Attributes:
        insert: the insert.
        probability: of the answer.
        true_probability: of the true category and all below it.
        path: of the answer.
        section: that `start` is of; empty where the insert has no text.
        start: the first words of its indications; of its first section where it has none.
    """

    insert: DrugInsert
    probability: float
    true_probability: float
    path: tuple[Category, ...]
    section: str
    start: str


def _examples(judgement: Judgement, confusions: Sequence[Confusion]) -> Iterator[list[_Example]]:
    """Yield the most confidently wrong inserts of each confusion."""
    probabilities, ids = judgement.probabilities, judgement.category_ids
    for confusion in confusions:
        examples = []
        for n in confusion.insert_numbers[:_N_EXAMPLES]:
            insert = judgement.inserts[n]
            nodes = node_probabilities(probabilities[n : n + 1], ids, judgement.known)
            probability, true = probabilities[n].max(), nodes[confusion.true_id][0]
            path = judgement.known.path(ids[probabilities[n].argmax()])
            examples.append(
                _Example(insert, float(probability), float(true), path, *_start(insert))
            )
        yield examples


def _start(insert: DrugInsert) -> tuple[str, str]:
    """Return the section that tells most, and its first words on one line."""
    sections = {name: " ".join(text.split()) for name, text in insert.sections.items()}
    filled = [name for name, text in sections.items() if text]
    name = next((n for n in ("indications_and_usage", *filled) if n in filled), "")
    text = sections.get(name, "")
    return name, text if len(text) <= _N_CHARACTERS else text[: _N_CHARACTERS - 1] + "…"
