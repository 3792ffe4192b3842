"""Sections of the page on learning over draws of the categories held out: how much they differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from drugtext.evaluation.benchmark.learning_cells import Figures, interval, with_ahead
from drugtext.evaluation.benchmark.task import OWN
from drugtext.evaluation.markdown import markdown_table
from drugtext.evaluation.scores import few_shot_accuracy


def draws_table(told: Figures) -> str:
    """Return mean and range over draws of what was asked in all of them; told: of draws.json."""
    shots = sorted({row["k"] for row in told["rows"]})
    written = [["", *(f"k = {k}" for k in shots)]]
    for name in told["rows"][-1]["accuracy"]:  # asked last, and so in all of them
        found = [[r["accuracy"][name] for r in told["rows"] if r["k"] == k] for k in shots]
        cells = [f"{sum(v) / len(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in found]
        written.append([name, *cells])
    return markdown_table(written)


def draws(told: Figures) -> Iterator[str]:
    """Tell how much draws differ, told by draws.json."""
    yield "How much it matters which categories are held out"
    yield (
        f"ATC level {told['level']}, {told['episodes']} episodes a draw; mean over draws, and from"
        " the hardest to the easiest. Draw 0 is that of the benchmark."
    )
    yield draws_table(told)
    if told.get("calibrations"):  # draws that were asked before these were measured have none
        yield (
            "Expected calibration error of what is answered in all draws together, 15 bins; that"
            " of as many answers whose probabilities are true, where the inserts of a drug are"
            " right or wrong by themselves and where they are together; and from the best to the"
            " worst draw:"
        )
        yield calibrations_of_draws(told)
    trained = [row for row in told["rows"] if OWN in row["accuracy"]]
    if trained:
        yield "Where drugtext's encoder was trained on the draw's own training categories:"
        names = list(trained[0]["accuracy"])
        rows = [
            [str(row["seed"]), str(row["k"]), *(f"{row['accuracy'][n]:.3f}" for n in names)]
            for row in trained
        ]
        yield markdown_table([["draw", "k", *names], *rows])


def calibrations_of_draws(told: Figures) -> str:
    """Return how true probabilities are over all draws; told: of draws.json."""
    written = [["", "error", "by chance", "in one draw", "inserts"]]
    for row in told["calibrations"]:
        by_draw = row["by_draw"]
        written.append(
            [
                f"{row['contestant']}, k = {row['k']}",
                interval([row[name] for name in ("ece", "low", "high")]),
                f"{row['by_chance']:.3f} to {row['by_chance_alike']:.3f}",
                f"{min(by_draw):.3f} to {max(by_draw):.3f}",
                f"{row['n']:,}",
            ]
        )
    return markdown_table(written)


def larger(told: Figures) -> Iterator[str]:
    """Compare an encoder with a smaller one, by draw, told by larger.json, which has both."""
    of_draws = told["beside"]
    yield "What a larger encoder brings"
    yield (
        f"{told['encoder']}, {told['n_parameters'] / 1e6:.1f} million parameters, in place of"
        f" {of_draws['n_parameters'] / 1e6:.1f} million; neither is trained, and both are asked the"
        " same episodes of the same draws. Behind each mean: by how much the larger one is ahead,"
        " with an interval over the draws, which share categories."
    )
    small = {(row["seed"], row["k"]): row["accuracy"] for row in of_draws["rows"]}
    both = [row for row in told["rows"] if (row["seed"], row["k"]) in small]
    shots = sorted({row["k"] for row in both})
    written = [["", *(f"k = {k}" for k in shots)]]
    for name in both[0]["accuracy"]:
        cells = []
        for k in shots:
            rows = [row for row in both if row["k"] == k]
            own = np.array([row["accuracy"][name] for row in rows])
            others = np.array([small[row["seed"], k][name] for row in rows])
            cells.append(with_ahead([own.mean()], few_shot_accuracy(own - others)))
        written.append([name, *cells])
    yield markdown_table(written)
