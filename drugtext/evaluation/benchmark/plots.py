"""The pictures of a benchmark run, as PNG files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drugtext.colours import COLOURS
from drugtext.errors import DrugTextError
from drugtext.evaluation.benchmark.protocols import SCOPES
from drugtext.evaluation.benchmark.tables import (
    Figure,
    Results,
    accuracy,
    find,
    present,
    ways,
)
from drugtext.evaluation.benchmark.task import OWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

_MARKERS = "osD^vPX*<>h"
DPI = 140
_LINE = 0.055  # height of a label, as a share of the picture
_GROUPS = {
    "A": "alimentary",
    "B": "blood",
    "C": "cardiovascular",
    "D": "skin",
    "G": "genito-urinary",
    "H": "hormones",
    "J": "anti-infective",
    "L": "cancer, immune",
    "M": "musculo-skeletal",
    "N": "nervous",
    "P": "parasites",
    "R": "respiratory",
    "S": "senses",
    "V": "various",
}
"""ATC groups, in a word."""


def write_plots(results: Results, folder: Path) -> list[Path]:
    """Draw what there are figures for.

    Args:
        results: what results.json holds.
        folder: of the PNG files.

    Returns:
        The files written.

    Raises:
        DrugTextError: matplotlib is not installed.
    """
    drawn: Mapping[str, Callable[[Results], Picture | None]] = {
        "accuracy_by_k.png": _accuracy_by_k,
        "cost.png": _cost,
        "confusion.png": _confusion,
        "growing.png": _growing,
    }
    written = []
    for name, draw in drawn.items():
        picture = draw(results)
        if picture is not None:
            picture.savefig(folder / name, dpi=DPI)
            written.append(folder / name)
    return written


def new_picture(width: float, height: float) -> Picture:
    """Return an empty picture, in inches; `DrugTextError` where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure as Picture
    except ImportError as error:
        raise DrugTextError(
            f"matplotlib is not installed ({error}); run: pip install 'drugtext[bench]'"
        ) from error
    return Picture(figsize=(width, height), layout="constrained")


def _style(results: Results, name: str) -> dict[str, Any]:
    """Return colour and mark of a contestant, the same in every picture."""
    n = list(results["contestants"]).index(name)
    own = name == OWN
    return {
        "color": COLOURS[n % len(COLOURS)],
        "marker": _MARKERS[n % len(_MARKERS)],
        "linewidth": 2.6 if own else 1.3,
        "markersize": 8 if own else 6,
        "zorder": 5 if own else 3,
    }


def _errors(rows: Sequence[Figure]) -> list[list[float]]:
    """Return how far the intervals reach below and above; nothing where there is none."""
    metrics = [row["metrics"]["accuracy"] for row in rows]
    return [
        [
            metric["value"] - (metric["value"] if metric["low"] is None else metric["low"])
            for metric in metrics
        ],
        [
            (metric["value"] if metric["high"] is None else metric["high"]) - metric["value"]
            for metric in metrics
        ],
    ]


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)


def _accuracy_by_k(results: Results) -> Picture | None:
    same = {"protocol": "new category", "names": "masked"}
    panels = [
        same | {"level": level, "documents": documents}
        for level in present(results, same, "level")
        for documents in SCOPES
        if present(results, same | {"level": level, "documents": documents}, "k")
    ]
    if not panels:
        return None
    picture = new_picture(6.2 * min(len(panels), 2), 4.4 * ((len(panels) + 1) // 2) + 0.8)
    grid = picture.subplots((len(panels) + 1) // 2, min(len(panels), 2), squeeze=False, sharey=True)
    for axes, wanted in zip(grid.flat, panels, strict=False):
        _draw_shots(axes, results, wanted)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_visible(False)
    marks: dict[str, Any] = {}
    for axes in grid.flat:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            marks.setdefault(label, handle)
    labels = sorted(marks, key=[*results["contestants"], "chance"].index)
    picture.legend(
        [marks[label] for label in labels],
        labels,
        loc="outside lower center",
        ncols=4,
        frameon=False,
    )
    return picture


def _draw_shots(axes: Axes, results: Results, wanted: Mapping[str, Any]) -> None:
    shots = present(results, wanted, "k")
    for place, name in enumerate(results["contestants"]):
        rows = [row for k in shots if (row := find(results, name, {**wanted, "k": k}))]
        if rows:
            shift = (place - len(results["contestants"]) / 2) * 0.03  # side by side, not on top
            places = [shots.index(row["k"]) + shift for row in rows]
            axes.errorbar(
                places,
                [accuracy(row) for row in rows],
                yerr=_errors(rows),
                label=name,
                capsize=2,
                elinewidth=0.8,
                **_style(results, name),
            )
    n_ways = ways(results, wanted, shots)
    axes.plot(
        range(len(shots)), [1 / n for n in n_ways], color="#999999", linestyle=":", label="chance"
    )
    most = max(n_ways)
    axes.set_title(f"ATC level {wanted['level']}, {wanted['documents']}: {most} new categories")
    axes.set_xticks(
        range(len(shots)),
        [
            ("name\nonly" if k == 0 else str(k)) + (f"\n({n} ways)" if n < most else "")
            for k, n in zip(shots, n_ways, strict=True)
        ],
    )
    axes.set_xlabel("support inserts a category")
    axes.set_ylabel("accuracy, names masked")
    axes.set_ylim(0, 1)
    _tidy(axes)


def _cost(results: Results) -> Picture | None:
    wanted = {"protocol": "new drug", "taxonomy": "atc", "level": 3, "names": "masked"}
    wanted |= {"documents": "full documents"}
    rows = [row for name in results["contestants"] if (row := find(results, name, wanted))]
    if not rows:
        return None
    picture = new_picture(8.5, 5.2)
    axes = picture.subplots()
    for row in rows:
        style = _style(results, row["contestant"])
        axes.errorbar(
            [_seconds(row)],
            [accuracy(row)],
            yerr=_errors([row]),
            capsize=2,
            elinewidth=0.8,
            **style,
        )
    _label_points(axes, results, rows)
    axes.set_xscale("log")
    axes.set_xlim(min(map(_seconds, rows)) / 2, max(map(_seconds, rows)) * 2)
    axes.set_xlabel("seconds to learn and to answer, embedding included")
    axes.set_ylabel("accuracy, names masked")
    axes.set_title("New drug, ATC level 3, full documents")
    _tidy(axes)
    return picture


def _seconds(row: Figure) -> float:
    return row["prepare_seconds"] + row["fit_seconds"] + row["predict_seconds"]


def _label_points(axes: Axes, results: Results, rows: Sequence[Figure]) -> None:
    """Write the names at the right, each as near to the height of its point as others let it."""
    ordered = sorted(rows, key=accuracy)
    low, high = axes.get_ylim()
    heights: list[float] = []
    for row in ordered:
        wanted = (accuracy(row) - low) / (high - low)
        heights.append(max(wanted, heights[-1] + _LINE if heights else 0.0))
    over = max(heights[-1] - 1, 0.0)  # the upper ones move down together
    for n in reversed(range(len(heights))):
        above = heights[n + 1] - _LINE if n + 1 < len(heights) else heights[n] - over
        heights[n] = min(heights[n], above)
    for row, height in zip(ordered, heights, strict=True):
        axes.annotate(
            row["contestant"],
            (_seconds(row), accuracy(row)),
            xytext=(1.03, height),
            textcoords="axes fraction",
            va="center",
            color=_style(results, row["contestant"])["color"],
            weight="bold" if row["contestant"] == OWN else "normal",
            arrowprops={
                "arrowstyle": "-",
                "color": "#CCCCCC",
                "linewidth": 0.8,
                "relpos": (0, 0.5),
            },
            annotation_clip=False,
        )


def _confusion(results: Results) -> Picture | None:
    found = results["confusion"]
    if not found:
        return None
    counts = np.array(found["counts"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [f"{group} {_GROUPS.get(group, '')}".strip() for group in found["groups"]]
    picture = new_picture(9.5, 8.2)
    axes = picture.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("answered group")
    axes.set_ylabel("true group")
    axes.set_title(f"drugtext, new drugs, {found['documents']} inserts, names {found['names']}")
    picture.colorbar(image, ax=axes, shrink=0.7, label="share of the true group")
    return picture


def _growing(results: Results) -> Picture | None:
    same = {"protocol": "growing taxonomy", "names": "masked"}
    steps = present(results, same, "step")
    found = {
        name: [row for step in steps if (row := find(results, name, same | {"step": step}))]
        for name in results["contestants"]
    }
    found = {name: rows for name, rows in found.items() if rows}
    if not found:
        return None
    picture = new_picture(12, 4.8)
    left, right = picture.subplots(1, 2)
    for name, rows in found.items():
        known = [row["n_categories"] for row in rows]
        style = _style(results, name)
        left.plot(known, [accuracy(row) for row in rows], label=name, **style)
        right.plot(known, [row["fit_seconds"] for row in rows], **style)
    for axes, what in ((left, "accuracy on all that are known"), (right, "seconds a step")):
        axes.set_xlabel("categories known")
        axes.set_ylabel(what)
        _tidy(axes)
    left.set_title("Accuracy, names masked")
    right.set_title("Cost of ten categories more, embedding of what is new included")
    right.set_yscale("log")
    picture.legend(loc="outside lower center", ncols=5, frameon=False)
    return picture
