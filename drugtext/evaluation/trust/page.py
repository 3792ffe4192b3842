"""The figures of trust as a Markdown page: a table of targets first, then each in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drugtext.evaluation.markdown import markdown_table, met
from drugtext.evaluation.trust.scope import IN_USE, SCORES

Figures = Mapping[str, Any]

ECE_KNOWN, ECE_FEW = 0.03, 0.06
NEAR, FAR = 0.90, 0.995
SLACK = 0.02
"""Targets: expected calibration errors, areas under the ROC, and how far coverage may be off."""

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
        if row["names"] == "plain":
            what = f"Calibration error, known categories, level {row['level']}, {row['documents']}"
            yield [*_calibration_row(what, row, ECE_KNOWN), "scale from validation drugs; 15 bins"]
    for row in figures["few_shot"]:
        if row["k"] == 5:
            learnt = f"{row['n_way']} categories learnt from 5 inserts each, {row['names']}"
            how = _FEW_SHOT_SCALES[row["calibrated_on"]]
            yield [*_calibration_row(f"Calibration error, {learnt}", row, ECE_FEW), how]
            covered = _coverage_row(learnt, row, _interval(row, "covered"))
            yield [*covered, f"conformal; {row['calibrated_on']} held out, as above"]
    for row in scope["near"]:
        if row["names"] == "plain":
            one = row["scores"][IN_USE]
            what = f"In scope or not: drugs of other categories, level {row['level']} (AUROC)"
            n = f"{row['n_inserts']} × {row['n_draws']} draws"
            told = [what, f"≥ {NEAR}", _interval(one, "auroc"), n, met(one["auroc"] >= NEAR)]
            yield [*told, "a fifth of the categories left out of the head"]
    for row in scope["near_few_shot"]:
        if row["names"] == "plain":
            one = row["scores"][IN_USE]
            what = (
                f"In scope or not: categories learnt from {row['k']} inserts, encoder met neither"
            )
            n = f"{row['n_episodes']} episodes"
            told = [what, f"≥ {NEAR}", _interval(one, "auroc"), n, met(one["auroc"] >= NEAR)]
            yield [*told, "those of other episodes' categories"]
    row = find(scope["far"], names="plain")
    one = row["scores"][IN_USE]
    n = f"{one['n_inside']} + {one['n_outside']}"
    what = "In scope or not: texts that are no inserts (AUROC)"
    told = [what, f"≥ {FAR}", _interval(one, "auroc"), n, met(one["auroc"] >= FAR)]
    yield [*told, "texts written for this test"]
    for row in known["sets"]:
        is_headline = row["documents"] in ("all inserts", "full documents")
        if is_headline and (row["names"], row["asked"]) == ("plain", 0.9):
            size = f"{_interval(row, 'covered')}, {row['mean_size']} categories on average"
            of = f"level {row['level']}, {row['documents']}"
            yield [
                *_coverage_row(of, row, size),
                "split conformal by amount of text, from validation drugs",
            ]
    for name, title in (("deletion", "taking out"), ("insertion", "putting in")):
        one = figures["reasons"][name]
        what = f"Reasons: gain over random order, {title} the heaviest sentences first"
        n, is_met = figures["reasons"]["n_inserts"], one["low"] > 0
        yield [
            what,
            "> 0",
            _interval(one, "gain"),
            str(n),
            met(is_met),
            f"area of the {name} curve",
        ]
    for row in figures["faults"]:
        what, how = _FAULTS[row["what"]]
        n_escaped = len(row["escaped"])
        yield [what, "0", str(n_escaped), f"{row['tried']:,}", met(not n_escaped), how]


def _coverage_row(what: str, row: Figures, told: str) -> list[str]:
    is_met = abs(row["covered"] - 0.9) <= SLACK
    return [f"Sets of coverage 0.9, {what}", f"0.9 ± {SLACK}", told, str(row["n"]), met(is_met)]


def _calibration_row(what: str, row: Figures, most: float) -> list[str]:
    by_chance = f"{row['by_chance']:.3f} to {row['by_chance_alike']:.3f}"
    told = f"{_interval(row, 'ece')}; by chance alone {by_chance}"
    return [what, f"≤ {most}", told, str(row["n"]), met(row["ece"] <= most)]


def _interval(row: Figures, name: str) -> str:
    low, high = (row.get(f"{name}_{end}", row.get(end)) for end in ("low", "high"))
    return f"{row[name]:.3f} [{low:.3f}, {high:.3f}]"


def trust_page(results: Figures, plots: Sequence[str]) -> str:
    """Write the whole page.

    Args:
        results: what results.json holds: `figures`, `command`, and what they were made with.
        plots: names of the pictures beside it.
    """
    figures = results["figures"]
    parts = [
        "# How far drugtext can be trusted",
        "Drugs of the test split, whose ingredients no training or validation insert has; levels"
        " are those of the ATC. Intervals are of 95 % and draw whole drugs. Made by",
        f"```\n{results['command']}\n```",
        "## Targets",
        headline(figures),
        *(f"![{name.removesuffix('.png').replace('_', ' ')}]({name})" for name in plots),
        "## Calibration of known categories",
        '"By chance" is what as many answers would show whose probabilities are true: an error'
        ' below it cannot be told from none. "By chance alike" is the same where the inserts of a'
        " drug are right or wrong together; the truth is between the two.",
        _table(
            figures["known"]["calibration"],
            (
                *("documents", "names", "level", "ece", "by_chance", "by_chance_alike"),
                *("confidence", "accuracy", "n"),
            ),
            "ece",
        ),
        "## Categories learnt from a few inserts",
        "All categories of the test part at once; neither encoder nor head ever met one of them."
        " The scale was set on validation categories that the encoder never met, or on drugs of"
        " categories that it met, which is what a checkpoint carries that knows every category.",
        _table(
            figures["few_shot"],
            (
                *("names", "k", "n_way", "calibrated_on", "ece", "by_chance", "by_chance_alike"),
                *("confidence", "accuracy", "covered", "n"),
            ),
            "ece",
        ),
        '"Covered": how often sets of coverage 0.9 hold the true category.',
        "## In scope",
        "Area under the ROC of each score. Near: drugs of categories that were left out of the"
        " head, ten draws of a fifth of a level's categories; or, learnt from five inserts each,"
        " drugs of categories that the encoder never met. Far: texts written for this test.",
        _scope_table(figures["scope"]),
        *_thresholds(figures["scope"]),
        "## Sets of categories",
        _table(
            figures["known"]["sets"],
            ("documents", "names", "asked", "level", "covered", "mean_size", "median_size", "n"),
            "covered",
        ),
        "## Sure answers",
        "How deep in the tree answers go that are to be so probable, and how often they are right.",
        _table(
            figures["known"]["sure"],
            ("documents", "names", "asked", "n_answered", "n", "mean_depth", "right"),
            "right",
        ),
        "## Noise",
        "Level 3, the same inserts as printed and under noise. The first drop is over all of them,"
        " the second over those that the noise changed: most have no heading to lose, and short"
        " ones no order of sections.",
        _table(
            figures["noise"],
            (
                *("documents", "noise", "accuracy", "drop", "n"),
                *("drop_changed", "n_changed", "n_refused"),
            ),
        ),
        "## Privacy",
        _privacy(figures["privacy"]),
        _table(
            figures["privacy"]["rows"],
            ("epsilon", "how", "accuracy", "attack_auc", "best_auc", "found", "best_found"),
        ),
        "## Bad inputs",
        "Files damaged by chance and written to do harm, and the bundled checkpoint damaged,"
        " tampered with and sealed anew, and with pickles beside it. What is read may have lost"
        " what its damage took; what is refused is named with a reason. Writers save a classifier,"
        " or add to a registry; what they leave is loaded and asked, and is what was there before,"
        " or what is new.",
        _table(
            [row | {"escaped": len(row["escaped"])} for row in figures["faults"]],
            ("what", "tried", "read", "refused", "escaped", "slowest_seconds"),
        ),
        *_fuzzed(figures["faults"]),
        "## Reasons",
        _reasons(figures["reasons"]),
    ]
    return "\n\n".join(parts) + "\n"


def _fuzzed(faults: Sequence[Figures]) -> Iterator[str]:
    for row in faults:
        if row["what"] == "fuzzed":
            each = ", ".join(
                f"{one['target']} {one['tried']:,} in {one['minutes']:g} minutes"
                for one in row["runs"]
            )
            yield f"Fuzzed, by `{row['command']}`: {each}."


def _table(
    rows: Sequence[Figures], columns: Sequence[str], with_interval: str | None = None
) -> str:
    """Write columns of rows, one of them with the interval that `low` and `high` are of."""
    head = [column.replace("_", " ") for column in columns]
    told = [
        [
            _interval(row, c)
            if c in row and (c == with_interval or f"{c}_low" in row)
            else _cell(row.get(c))
            for c in columns
        ]
        for row in rows
    ]
    return markdown_table([head, *told])


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "—" if value is None else str(value)


def _scope_table(scope: Figures) -> str:
    columns = [(f"near, level {r['level']}, {r['names']}", r["scores"]) for r in scope["near"]]
    columns += [(f"near, k = {r['k']}, {r['names']}", r["scores"]) for r in scope["near_few_shot"]]
    columns += [(f"far, {r['names']}", r["scores"]) for r in scope["far"]]
    lines = [["", *(title for title, _ in columns)]]
    for name in SCORES:
        mark = " (in use)" if name == IN_USE else ""
        lines.append([name + mark, *(_interval(scores[name], "auroc") for _, scores in columns)])
    return markdown_table(lines)


def _thresholds(scope: Figures) -> Iterator[str]:
    for row in scope["far"]:
        kinds = ", ".join(f"{kind} {v:.0%}" for kind, v in row["called_out_by_kind"].items())
        yield (
            f"Names {row['names']}: the threshold calls {row['false_alarms']:.1%} of"
            f" {row['n_inside']} test inserts out of scope (5 % were asked for), and"
            f" {row['called_out']:.1%} of the texts that are no inserts ({kinds}); of"
            f" {row['n_texts']} such texts {row['n_refused']} were refused for their language."
        )
    for names in dict.fromkeys(row["names"] for row in scope["near"]):
        near = [row for row in scope["near"] if row["names"] == names]
        shares = ", ".join(f"level {row['level']} {row['called_out']:.0%}" for row in near)
        yield f"Of drugs whose category was left out it calls, names {names}: {shares}."


def _privacy(told: Figures) -> str:
    return (
        f"{told['n_categories']} categories that the checkpoint never met, learnt by the mechanism"
        f" of `fit(..., private_epsilon=…)`, here in the tree of the ATC, from {told['n_support']}"
        f" inserts of {told['n_drugs']} drugs (delta {told['delta']:g}), and asked"
        f" {told['n_asked']} inserts of other drugs."
        " Attack: who holds the head and a drug's inserts guesses whether that drug was taught;"
        ' "found" is the share of drugs that are found at 1 % false positives, "best" what the'
        " best attack on such noise reaches that knows all drugs but one."
    )


def _reasons(reasons: Figures) -> str:
    told = ", ".join(
        f"{name}: area {reasons[name]['area']:.3f}, in random order"
        f" {reasons[name]['random_area']:.3f}, gain {_interval(reasons[name], 'gain')}"
        for name in ("deletion", "insertion")
    )
    return (
        f"{reasons['n_inserts']} full documents of different drugs (too short, and left out:"
        f" {reasons['n_short']}), {reasons['n_random']} random orders each. {told}."
    )
