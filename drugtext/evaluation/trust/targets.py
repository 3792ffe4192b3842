"""Targets of trust: what was asked, what was measured, on how many, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drugtext.evaluation.calibration import SCOPE_FALSE_ALARMS
from drugtext.evaluation.markdown import markdown_table, met
from drugtext.evaluation.trust.confidential import WITH_MEMORY
from drugtext.evaluation.trust.scope import IN_USE
from drugtext.evaluation.trust.subjects import LISTED

Figures = Mapping[str, Any]

ECE_KNOWN, ECE_FEW = 0.03, 0.06
NEAR, FAR = 0.90, 0.995
SLACK = 0.02
"""Targets: expected calibration errors, areas under the ROC, and how far coverage may be off."""
REPORTED = "reported"
"""In the place of a target, where none was set."""

_FAULTS = {
    "readers": (
        "Bad files given to every reader: tracebacks, and files passed over in silence",
        "damaged by chance, and written to do harm",
    ),
    "checkpoint": (
        "Damaged and tampered checkpoints: tracebacks, code run, changes of sealed files unseen",
        "drawn from many ways to change each file, sealed anew or not",
    ),
    "writers": (
        "Writers killed or without room: what they left half written, or lost",
        "SIGKILL at a moment of chance; files that may not grow",
    ),
    "fuzzed": (
        "Files that a fuzzer made: tracebacks, hangs, and files passed over in silence",
        "atheris, led by the lines of code that are reached",
    ),
}
"""What of `figures["faults"]` -> what is counted, and how it is measured."""
_FEW_SHOT_SCALES = {
    "new categories": "the encoder met none of them; scale from other categories that it never met",
    "known categories": "scale from drugs of categories that it met, as the bundled checkpoint's",
}
"""What few-shot categories were calibrated on -> how it is told."""


def interval(row: Figures, name: str) -> str:
    """Return a figure with its interval, as the tables have it."""
    low, high = (row.get(f"{name}_{end}", row.get(end)) for end in ("low", "high"))
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"


def find(rows: Sequence[Figures], **wanted: Any) -> Figures:
    """Return the first row that holds all that is wanted."""
    return next(r for r in rows if all(r.get(name) == value for name, value in wanted.items()))


def headline(figures: Figures) -> str:
    """Return the table of targets: what was asked, what was measured, and on how many."""
    titles = ["", "target", "measured [95 % interval]", "n", "", "how"]
    return markdown_table([titles, *_targets(figures)])


def _targets(figures: Figures) -> Iterator[list[str]]:
    known, scope = figures["known"], figures["scope"]
    for row in known["calibration"]:
        if row["names"] != "masked":
            of = f"level {row['level']}, {row['documents']}"
            of += " of drugs known by name" if row["names"] == LISTED else ""
            what = f"Calibration error, known categories, {of}"
            how = "scale and doubts from validation drugs; 15 bins"
            how += "; names and codes told" if row["names"] == LISTED else ""
            yield [*_calibration_row(what, row, ECE_KNOWN), how]
    for row in figures["few_shot"]:
        each = "5 inserts each" if row["k"] == 5 else "one insert each"
        learnt = f"{row['n_way']} categories learnt from {each}, {row['names']}"
        if row["k"] == 5:
            how = _FEW_SHOT_SCALES[row["calibrated_on"]]
            yield [*_calibration_row(f"Calibration error, {learnt}", row, ECE_FEW), how]
        if row["k"] in (1, 5):
            covered = _coverage_row(learnt, row, interval(row, "covered"))
            yield [*covered, f"conformal; {row['calibrated_on']} held out, as above"]
    for row in scope["near"]:
        if row["names"] == "plain":
            one = row["scores"][IN_USE]
            what = f"In scope or not: drugs of other categories, level {row['level']} (AUROC)"
            n = f"{row['n_inserts']} × {row['n_draws']} draws"
            told = [what, f"≥ {NEAR}", interval(one, "auroc"), n, met(one["auroc"] >= NEAR)]
            yield [*told, "a fifth of the categories left out of the head"]
    for row in scope["near_few_shot"]:
        if row["names"] == "plain":
            one = row["scores"][IN_USE]
            what = (
                f"In scope or not: categories learnt from {row['k']} inserts, encoder met neither"
            )
            n = f"{row['n_episodes']} episodes"
            told = [what, f"≥ {NEAR}", interval(one, "auroc"), n, met(one["auroc"] >= NEAR)]
            yield [*told, "those of other episodes' categories"]
    row = find(scope["far"], names="plain")
    one = row["scores"][IN_USE]
    n = f"{one['n_inside']} + {one['n_outside']}"
    what = "In scope or not: texts that are no inserts (AUROC)"
    told = [what, f"≥ {FAR}", interval(one, "auroc"), n, met(one["auroc"] >= FAR)]
    yield [*told, "texts written for this test"]
    alarms, low, high = (row["false_alarms" + end] for end in ("", "_low", "_high"))
    yield [
        "Inserts of known categories that are called out of scope",
        f"{SCOPE_FALSE_ALARMS} stated",
        interval(row, "false_alarms"),
        str(row["n_inside"]),
        met(low <= SCOPE_FALSE_ALARMS <= high or alarms < SCOPE_FALSE_ALARMS),
        "threshold from validation drugs; met where the interval holds what is stated",
    ]
    for row in known["sets"]:
        is_headline = row["documents"] in ("all inserts", "full documents")
        if is_headline and (row["names"], row["asked"]) == ("plain", 0.9):
            size = (
                f"{interval(row, 'drugs_covered')}; of inserts {row['covered']:.3f};"
                f" {row['mean_size']} categories on average"
            )
            of = f"level {row['level']}, {row['documents']}"
            yield [
                *_coverage_row(of, row, size, "drugs_covered"),
                "conformal by amount of text and by names, each drug alike, from validation drugs",
            ]
    for name, title in (("deletion", "taking out"), ("insertion", "putting in")):
        one = figures["reasons"][name]
        what = f"Reasons: gain over random order, {title} the heaviest sentences first"
        n, is_met = figures["reasons"]["n_inserts"], one["low"] > 0
        yield [
            what,
            "> 0",
            interval(one, "gain"),
            str(n),
            met(is_met),
            f"area of the {name} curve",
        ]
    yield from _noise(figures["noise"])
    yield _privacy(figures["privacy"])
    for row in figures["faults"]:
        what, how = _FAULTS[row["what"]]
        n_escaped = len(row["escaped"])
        yield [what, "0", str(n_escaped), f"{row['tried']:,}", met(not n_escaped), how]


def _noise(rows: Sequence[Figures]) -> Iterator[list[str]]:
    """Tell how much accuracy each noise costs: of a kind of documents, a row."""
    for documents in dict.fromkeys(row["documents"] for row in rows):
        noisy = [r for r in rows if r["documents"] == documents and r["n_changed"]]
        told = "; ".join(
            f"{row['noise']} {row['drop_changed']:.3f} (n = {row['n_changed']})" for row in noisy
        )
        what = f"Accuracy lost under noise, level 3, {documents}"
        how = "of those that it changed; intervals in the report"
        yield [what, REPORTED, told, str(max(row["n"] for row in noisy)), "", how]


def _privacy(told: Figures) -> list[str]:
    """Tell what noise of epsilon 1 costs and buys."""
    noisy = find(told["rows"], epsilon=1.0)
    usual = find(told["rows"], epsilon=None, how=WITH_MEMORY)
    return [
        "Privacy: accuracy with epsilon 1, and drugs found at 1 % false positives",
        REPORTED,
        f"{interval(noisy, 'accuracy')}, as usual {usual['accuracy']:.3f};"
        f" {interval(noisy, 'found')}, as usual {usual['found']:.3f}",
        f"{told['n_asked']}; {told['n_drugs']} drugs",
        "",
        "Gaussian mechanism; attack by who holds head and inserts",
    ]


def _coverage_row(what: str, row: Figures, told: str, name: str = "covered") -> list[str]:
    is_met = abs(row[name] - 0.9) <= SLACK
    return [f"Sets of coverage 0.9, {what}", f"0.9 ± {SLACK}", told, str(row["n"]), met(is_met)]


def _calibration_row(what: str, row: Figures, most: float) -> list[str]:
    by_chance = f"{row['by_chance']:.3f} to {row['by_chance_alike']:.3f}"
    told = f"{interval(row, 'ece')}; by chance alone {by_chance}"
    return [what, f"≤ {most}", told, str(row["n"]), met(row["ece"] <= most)]
