"""The goals that were set before anything was measured, beside what was reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from drugtext.evaluation.benchmark.new_category import NEW_CATEGORY
from drugtext.evaluation.benchmark.protocols import ALL, FULL, INDICATED, NEW_DRUG, NEW_REGULATOR
from drugtext.evaluation.benchmark.tables import (
    NOTHING,
    WHOLE_TREE,
    Figure,
    Results,
    accuracy,
    find,
    interval,
)
from drugtext.evaluation.benchmark.task import OWN
from drugtext.evaluation.markdown import markdown_table, met

MOST_LOST = 0.05
"""Of accuracy, from one regulator to another."""
SETFIT_RATIO = 50
"""How many times as long SetFit was to take."""


_LIMITS = (
    "What was tried stands on the [page on learning](learning/README.md). A softer whitening "
    "is in use; a larger encoder is ahead by some hundredths at few inserts; four other "
    "heads, fine-tuning on the support, meeting the domain first and learnt weights of "
    "windows are not ahead. What limits new categories: those that are held out here are the "
    "hardest of eight draws; frozen prototypes are right half as often again on the easiest "
    "at k = 1, a third as often again at k = 3 and 5. In the mean over the eight, drugtext "
    "reaches the goal of level 3 at k = 1, and misses those at k = 3 and 5 by four and six "
    "hundredths (same page). Of the errors that were read by hand (level 3, k = 5, of an "
    "earlier drugtext) a fifth is told by a word of the text, half is to be inferred, mostly "
    "from one sentence, and a fifth is not in the text. What limits new drugs, all inserts: "
    "of the errors on validation drugs more than half stand in indications alone, and nearly "
    "a third is not in the text."
)


class Goal(NamedTuple):
    """An accuracy that drugtext was to reach.

    Attributes:
        what: is asked.
        wanted: what a figure must hold.
        accuracy: the goal.
    """

    what: str
    wanted: Mapping[str, Any]
    accuracy: float


def _goals() -> Iterator[Goal]:
    masked: dict[str, Any] = {"names": "masked"}
    for documents, goals in (
        (FULL, {1: 0.95, 2: 0.92, 3: 0.88, 4: 0.70}),
        (ALL, {2: 0.87, 3: 0.80}),
    ):
        same = masked | {"protocol": NEW_DRUG, "taxonomy": "atc", "documents": documents}
        for level, goal in goals.items():
            yield Goal(f"new drug, {documents}, level {level}", same | {"level": level}, goal)
    for level, shots in (
        (3, {0: 0.68, 1: 0.76, 3: 0.84, 5: 0.88}),
        (4, {1: 0.66, 3: 0.75, 5: 0.79}),
    ):
        same = masked | {"protocol": NEW_CATEGORY, "level": level, "documents": INDICATED}
        for k, goal in shots.items():
            yield Goal(f"new category, level {level}, k = {k}", same | {"k": k}, goal)


def goals(results: Results) -> Iterator[str]:
    """A table of goals, what the two ways to use drugtext reached, and the best of the others."""
    yield (
        "Set beforehand, all masked. *drugtext, whole tree* is what the bundled checkpoint is. What"
        " the texts allow, by errors read by hand, is about 0.98 of full documents at levels 1 and"
        " 2 and 0.95 at level 3, and 0.94, 0.93 and 0.88 of all inserts (0.93, 0.90 and 0.83 where"
        " a word of the text tells); of new categories of level 3 at k = 5 about 0.89, and 0.73"
        " where a word tells (data card of the splits); nobody read errors of level 4. Goals of"
        " new categories were set for about 27 at once at level 3"
        " and 40 at level 4, of another draw; how many there are here stands in their section."
    )
    lines = [
        f"| | goal | {OWN} | {WHOLE_TREE} | best of the others | missing | {OWN}, of 3 answers |",
        "|---|---|---|---|---|---|---|",
    ]
    for goal in _goals():
        own, tree = (find(results, name, goal.wanted) for name in (OWN, WHOLE_TREE))
        reached = [accuracy(row) for row in (own, tree) if row]
        if not reached:
            continue
        missing = goal.accuracy - max(reached)
        lines.append(
            f"| {goal.what} | {goal.accuracy:.2f} | {_shown(own)} | {_shown(tree)}"
            f" | {_best_other(results, goal.wanted)}"
            f" | {f'{missing:.3f}' if missing > 0 else 'reached'} | {_shown(own, 'top_3')} |"
        )
    if len(lines) > 2:
        yield "\n".join(lines)
        yield _LIMITS
    yield from _regulator(results)
    yield from _setfit(results)


def _shown(row: Figure | None, metric: str = "accuracy") -> str:
    return interval(row["metrics"][metric]) if row and metric in row["metrics"] else NOTHING


def _best_other(results: Results, wanted: Mapping[str, Any]) -> str:
    others = (name for name in results["contestants"] if not name.startswith(OWN))
    rows = [row for name in others if (row := find(results, name, wanted))]
    rows = [row for row in rows if row["n_tasks"] >= row["n_tasks_planned"]]
    if not rows:
        return NOTHING
    best = max(rows, key=accuracy)
    return f"{accuracy(best):.3f} ({best['contestant']})"


def _regulator(results: Results) -> Iterator[str]:
    wanted = {
        "protocol": NEW_REGULATOR,
        "level": 2,
        "names": "masked",
        "trained_on": "US labels",
        "documents": "EU leaflets",
    }
    rows = [(name, find(results, name, wanted)) for name in (OWN, WHOLE_TREE)]
    told = [f"{name} {_lost(row['metrics']['drop'])}" for name, row in rows if row]
    if told:
        yield (
            f"New regulator, US → EU, level 2: less than {MOST_LOST} of accuracy was to be lost;"
            f" lost were: {'; '.join(told)} (below 0: gained)."
        )


def _lost(drop: Mapping[str, float]) -> str:
    verdict = met(drop["value"] < MOST_LOST)
    if drop["value"] < MOST_LOST <= drop["high"]:
        verdict += ", though the interval reaches beyond"
    return f"{interval(drop)}: {verdict}"


def _setfit(results: Results) -> Iterator[str]:
    """Compare accuracy, and the time to learn new categories, with SetFit's, where there is any."""
    rows = [["", "", "drugtext ahead by", "", "SetFit, s", "drugtext, s", "times as long", ""]]
    for row in results["figures"]:
        is_setfit = row["contestant"].startswith("SetFit") and row["k"] is not None
        if not is_setfit or not row["metrics"]:
            continue
        setting = {n: row[n] for n in ("protocol", "level", "documents", "names", "k")}
        own = find(results, OWN, setting)
        if own and own["fit_seconds"]:
            ahead = row["against_drugtext"] or dict.fromkeys(("value", "low", "high"))
            ratio = row["fit_seconds"] / own["fit_seconds"]
            rows.append(
                [
                    row["contestant"],
                    f"level {row['level']}, {row['documents']}, {row['names']}, k = {row['k']}",
                    _ahead(ahead),
                    NOTHING if ahead["value"] is None else _never_below(ahead),
                    f"{row['fit_seconds']:,.0f}",
                    f"{own['fit_seconds']:.1f}",
                    f"{ratio:,.0f}",
                    met(ratio >= SETFIT_RATIO),
                ]
            )
    if len(rows) > 1:
        yield (
            "SetFit, on the same support: drugtext was never to be below it, and to learn the"
            f" categories of an episode in a {SETFIT_RATIO}th of its time, embedding included"
            " (drugtext's encoder was trained once beforehand, and SetFit's steps were bounded, so"
            " its time hardly grows with k; drugtext's, that of embedding the support, does). What"
            " is not here was not asked of SetFit, or it did not finish. Trained to its end, by its"
            " own defaults, it is compared on fewer categories at once on the [page on"
            " learning](learning/README.md#against-setfit-trained-to-its-end)."
        )
        yield markdown_table(rows)


def _never_below(difference: Figure) -> str:
    """Tell whether the other one is not ahead, from how much more accurate it is."""
    verdict = met(difference["value"] <= 0)
    if difference["value"] <= 0 < (difference["high"] or 0):
        verdict += ", though the interval reaches beyond"
    return verdict


def _ahead(difference: Figure) -> str:
    """Write how much more accurate drugtext is, from how much less the other one is."""
    if difference["value"] is None:
        return NOTHING
    turned = {"value": -difference["value"], "low": None, "high": None}
    if difference["low"] is not None and difference["high"] is not None:
        turned |= {"low": -difference["high"], "high": -difference["low"]}
    return interval(turned)
