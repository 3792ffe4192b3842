"""The pictures of trust, as PNG files: reliability, coverage, reasons, privacy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drugtext.colours import COLOURS
from drugtext.evaluation.benchmark.plots import DPI, new_picture
from drugtext.evaluation.trust.confidential import WITH_MEMORY

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

Figures = Mapping[str, Any]


def write_pictures(figures: Figures, folder: Path) -> list[str]:
    """Draw reliability diagrams, coverage, the curves of reasons, and privacy.

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
        "privacy.png": _privacy,
    }
    for name, draw in drawn.items():
        draw(figures).savefig(folder / name, dpi=DPI)
    return list(drawn)


def _reliability(figures: Figures) -> Picture:
    picture = new_picture(8, 4.6)
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


def _privacy(figures: Figures) -> Picture:
    rows = [row for row in figures["privacy"]["rows"] if row["how"] != WITH_MEMORY]
    (remembering,) = (r for r in figures["privacy"]["rows"] if r["how"] == WITH_MEMORY)
    picture, places = new_picture(9, 4), range(len(rows))
    titles = {"accuracy": "What privacy costs", "attack_auc": "What it buys"}
    for n, (name, title) in enumerate(titles.items(), start=1):
        axes = picture.add_subplot(1, 2, n)
        values = np.array([row[name] for row in rows])
        bounds = np.array([[row[f"{name}_low"], row[f"{name}_high"]] for row in rows]).T
        # A quantile of the draws may pass the figure of the whole by a hair.
        spread = np.maximum([values - bounds[0], bounds[1] - values], 0)
        axes.errorbar(places, values, yerr=spread, marker="o", capsize=2, color=COLOURS[n])
        axes.axhline(remembering[name], color=COLOURS[3], linestyle="-.", label=WITH_MEMORY)
        if name == "attack_auc":
            best = [row["best_auc"] for row in rows]
            axes.plot(places, best, ":", color=COLOURS[4], label="best attack there can be")
            axes.axhline(0.5, color="0.6", linewidth=0.8)
        told = ["none" if row["epsilon"] is None else f"{row['epsilon']:g}" for row in rows]
        axes.set_xticks(places, told)
        axes.set(ylim=(0.45 if n > 1 else 0, 1.03), xlabel="epsilon: less is more private")
        axes.set_ylabel("accuracy" if n == 1 else "attack, area under the ROC (0.5 is chance)")
        axes.set_title(title, fontsize=10)
        axes.legend(frameon=False, loc="lower right" if n == 1 else "center left")
    return picture
