"""The figures of trust as a Markdown page: a table of targets first, then each in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from drugtext.evaluation.markdown import markdown_table
from drugtext.evaluation.trust.scope import IN_USE, SCORES
from drugtext.evaluation.trust.targets import Figures, headline, interval


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
        " drug are right or wrong together; the truth is between the two."
        ' "Validation" is the accuracy of the drugs that scale and sets were set on: where it is'
        " below that of the test drugs, answers are surer than they are told to be, and sets hold"
        " the true category more often than was asked. *Listed*: texts as printed of drugs that are"
        " known by name, as nearly all real ones are: here all names that the taxonomy lists are"
        " told with their codes, while those of test drugs are kept back elsewhere. So a name of"
        " one code tells it: this shows how well probabilities say so, not how well texts are read."
        " As no set is smaller than one category, theirs hold the true one as often as the first"
        " answer is right, or more.",
        _table(
            figures["known"]["calibration"],
            (
                *("documents", "names", "level", "ece", "by_chance", "by_chance_alike"),
                *("confidence", "accuracy", "validation", "n"),
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
        " drugs of categories that the encoder never met. Far: texts written for this test. The one"
        " in use is the highest far and of known categories; of categories learnt from five inserts"
        " energy alone is ahead by a hundredth, as the middle is that of other categories and the"
        " distance to it tells nothing. What limits them near: a drug of a sibling category is"
        " described in nearly the same words, the more so the deeper the level.",
        _scope_table(figures["scope"]),
        *_thresholds(figures["scope"]),
        "## Sets of categories",
        _table(
            figures["known"]["sets"],
            (
                *("documents", "names", "asked", "level", "drugs_covered", "covered"),
                *("mean_size", "median_size", "n"),
            ),
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
            interval(row, c)
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
        lines.append([name + mark, *(interval(scores[name], "auroc") for _, scores in columns)])
    return markdown_table(lines)


def _thresholds(scope: Figures) -> Iterator[str]:
    for row in scope["far"]:
        kinds = ", ".join(f"{kind} {v:.0%}" for kind, v in row["called_out_by_kind"].items())
        yield (
            f"Names {row['names']}: the threshold calls {row['false_alarms']:.1%} of"
            f" {row['n_inside']} test inserts out of scope (5 % were asked for), and"
            f" {row['called_out']:.1%} of the texts that are no inserts ({kinds}); of"
            f" {row['n_texts']} such texts {row['n_refused']} were refused for their language and"
            " are in no other figure: were they read, it would call"
            f" {row['refused_called_out']:.1%} of them."
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
        f" {reasons[name]['random_area']:.3f}, gain {interval(reasons[name], 'gain')}"
        for name in ("deletion", "insertion")
    )
    return (
        f"{reasons['n_inserts']} full documents of different drugs (too short, and left out:"
        f" {reasons['n_short']}), {reasons['n_random']} random orders each. {told}."
    )
