"""The table of what speed was aimed at, and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drugtext.evaluation.markdown import markdown_table, met
from drugtext.evaluation.speed.peers import PIPELINE_FIRST, PIPELINE_WHOLE, SENTENCES

Figures = Mapping[str, Any]

LABELS_A_SECOND = 20
SHARE_OF_LIMIT = 0.6
FASTER_THAN_PIPELINE = 5
ADDED_SECONDS = 1
FASTER_THAN_SETFIT = 100
PEAK_MB = 1000
"""Targets, on 2 cores."""
OWN = "drugtext"
OWN_QUICK = "drugtext, quick"
DEFAULT_READING, QUICK_READING = "by default", "quick, until p > 0.9"
"""What tokens.json calls what `OWN` and `OWN_QUICK` read."""


def headline(told: Figures, tokens: Figures | None = None) -> str:
    """Return the table of targets from what speed.json holds, and tokens.json if it is there."""
    return markdown_table([["on 2 cores", "target", "measured", ""], *_targets(told, tokens)])


def _targets(told: Figures, tokens: Figures | None) -> Iterator[list[str]]:
    ways = {way["what"]: way for way in told["ways"]}
    own, quick, whole = (ways[what] for what in (OWN, OWN_QUICK, PIPELINE_WHOLE))
    accuracies = _full_accuracies(tokens)

    def compared(what: str, other: str) -> str:
        if not accuracies:
            return ""
        return f"; accuracy {accuracies[what]:.3f} against {accuracies[other]:.3f}"

    rate = own["inserts_a_second"]
    what = f"Full US labels a second, files parsed ({own['backend']})"
    yield [what, f"≥ {LABELS_A_SECOND}", f"{rate:.1f}", _at_least(LABELS_A_SECOND, rate)]
    rate = quick["inserts_a_second"]
    what = f"The same, read quickly ({quick['same_answer']:.0%} the same answer)"
    shown = f"{rate:.1f}{compared(QUICK_READING, DEFAULT_READING)}"
    yield [what, f"≥ {LABELS_A_SECOND}", shown, _at_least(LABELS_A_SECOND, rate)]
    best = max(told["encoders"], key=lambda row: row["share_of_limit"])
    share = best["share_of_limit"]
    what = f"The encoder, of the measured rate of matrix products ({best['backend']})"
    yield [what, f"≥ {SHARE_OF_LIMIT:.0%}", f"{share:.0%}", _at_least(SHARE_OF_LIMIT, share)]
    ratio = times_as_fast(whole)
    shown = f"{ratio:.1f}{compared(DEFAULT_READING, PIPELINE_WHOLE)}"
    target, verdict = f"≥ {FASTER_THAN_PIPELINE}", _at_least(FASTER_THAN_PIPELINE, ratio)
    if accuracies:
        target += ", as accurate"
        if accuracies[DEFAULT_READING] < accuracies[PIPELINE_WHOLE]:
            verdict = met(False)
    yield [f"Times as fast as a {PIPELINE_WHOLE}", target, shown, verdict]
    for what in (PIPELINE_FIRST, SENTENCES):
        yield [f"Times as fast as {what}", "—", f"{times_as_fast(ways[what]):.1f}", ""]
    yield from _of_learning(told["learning"])
    for backend, mb in told["long_insert_mb"].items():
        what = f"Peak memory with an insert of 30 MB, {backend}, MB"
        yield [what, f"≤ {PEAK_MB:,}", f"{mb:,.0f}", _at_most(PEAK_MB, mb)]


def _of_learning(learnt: Figures) -> Iterator[list[str]]:
    added, ratio = learnt["added_seconds"], learnt["ratio"]
    what = "Seconds to add a category from five inserts"
    yield [what, f"< {ADDED_SECONDS}", f"{added:.2f}", _verdict(added < ADDED_SECONDS, added)]
    what = "Times as fast as teaching SetFit all eight categories anew, 20 steps"
    verdict = _at_least(FASTER_THAN_SETFIT, ratio)
    yield [what, f"≥ {FASTER_THAN_SETFIT}", f"{ratio:.0f}", verdict]


def _at_least(target: float, value: float) -> str:
    return _verdict(value >= target, value / target)


def _at_most(target: float, value: float) -> str:
    return _verdict(value <= target, value / target)


def _verdict(is_met: bool, share: float) -> str:
    return met(is_met) + ("" if is_met else f": {share:.1%} of it")


def times_as_fast(way: Figures) -> float:
    """Return how many times as fast drugtext is, on the same inserts."""
    return way["drugtext_inserts_a_second"] / way["inserts_a_second"]


def _full_accuracies(tokens: Figures | None) -> dict[str, float]:
    """Return way of reading -> accuracy of the test part's full documents, from tokens.json."""
    rows = tokens["rows"] if tokens else []
    return {row["reads"]: row["test"]["full documents"]["accuracy"][0] for row in rows}
