"""The pictures of trust, as PNG files: reliability, coverage, reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drugtext.colours import COLOURS
from drugtext.evaluation.benchmark.plots import DPI, new_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

Figures = Mapping[str, Any]


def write_pictures(figures: Figures, folder: Path) -> list[str]:
    """Draw reliability diagrams, coverage and the curves of reasons.

    Args:
        figures: as `measure_trust` returns them.
        folder: of the PNG files.

    Returns:
        Their names.

    Raises:
        DrugTextError: matplotlib is not installed.
    """
    drawn: Mapping[str, Callable[[Figures], Picture]] = {
        "reliability.png": _reliability,
        "coverage.png": _coverage,
        "reasons.png": _reasons,
    }
    for name, draw in drawn.items():
        draw(figures).savefig(folder / name, dpi=DPI)
    return list(drawn)


def _reliability(figures: Figures) -> Picture:
    picture = new_picture(8, 4)
    rows = [row for row in figures["known"]["reliability"] if row["names"] == "plain"]
    for n, row in enumerate(rows, start=1):
        axes = picture.add_subplot(1, len(rows), n)
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
        told = [one["confidence"] for one in row["bins"]]
        true = [one["accuracy"] for one in row["bins"]]
        sizes = [4 + one["n_inserts"] / 2 for one in row["bins"]]
        axes.plot(told, true, color=COLOURS[0], linewidth=1)
        axes.scatter(told, true, s=sizes, color=COLOURS[0])
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the answer", aspect="equal")
        axes.set_title(f"{row['documents']}, deepest level", fontsize=10)
        if n == 1:
            axes.set_ylabel("share that is right")
    return picture


def _coverage(figures: Figures) -> Picture:
    picture = new_picture(5, 4)
    axes = picture.add_subplot()
    rows = [
        row
        for row in figures["known"]["sets"]
        if (row["documents"], row["names"]) == ("all inserts", "plain")
    ]
    asked = sorted({row["asked"] for row in rows})
    axes.plot(asked, asked, color="0.6", linewidth=1, linestyle="--")
    for n, level in enumerate(sorted({row["level"] for row in rows})):
        of_level = [row for row in rows if row["level"] == level]
        covered = [row["covered"] for row in of_level]
        spread = [
            [row["covered"] - row["low"] for row in of_level],
            [row["high"] - row["covered"] for row in of_level],
        ]
        places = [row["asked"] + (n - 1.5) * 0.003 for row in of_level]
        axes.errorbar(
            places, covered, yerr=spread, marker="o", color=COLOURS[n], label=f"level {level}"
        )
    axes.set(xlabel="coverage asked for", ylabel="sets that hold the true category")
    axes.legend(frameon=False)
    return picture


def _reasons(figures: Figures) -> Picture:
    picture = new_picture(8, 4)
    reasons = figures["reasons"]
    titles = {"deletion": "sentences taken out", "insertion": "sentences put in"}
    for n, (name, title) in enumerate(titles.items(), start=1):
        axes = picture.add_subplot(1, 2, n)
        for curve, label, colour in (
            ("curve", "heaviest first", COLOURS[0]),
            ("random_curve", "random order", COLOURS[1]),
        ):
            axes.plot(reasons["fractions"], reasons[name][curve], color=colour, label=label)
        axes.set(ylim=(0, 1), xlabel=f"share of {title}")
        axes.set_title(title, fontsize=10)
        if n == 1:
            axes.set_ylabel("probability of the answer")
        axes.legend(frameon=False)
    return picture
