"""The pictures of the speed report, as PNG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drugtext.colours import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

Figures = Mapping[str, Any]

DPI = 140
_WAYS_OF_READING = {
    "default": ("*", "by default"),
    "stop": ("o", "stops behind some tokens"),
    "names": ("P", "names hidden in all inserts; shown, too, in all"),
    "section": ("s", "one section"),
    "first": ("^", "the first sections"),
    "short": ("D", "fewer tokens of each"),
    "longer": ("X", "more of each section"),
    "until": ("v", "quick, stops at a probability"),
}
"""Way of a row of tokens.json -> marker and label."""


def draw_ways(told: Figures, file: Path) -> None:
    """Draw inserts a second of each way to classify, from what speed.json holds."""
    ways = sorted(told["ways"], key=lambda way: way["inserts_a_second"])
    picture, axes = _axes((9, 0.55 * len(ways) + 1.4))
    rates = [way["inserts_a_second"] for way in ways]
    own = [way["what"].startswith("drugtext") for way in ways]
    bars = axes.barh(
        [way["what"] for way in ways], rates, color=[COLOURS[0] if o else COLOURS[6] for o in own]
    )
    axes.bar_label(bars, [f"{rate:.1f}" for rate in rates], padding=4)
    axes.set(xscale="log", xlabel="full US labels a second", xlim=(min(rates) / 2, max(rates) * 3))
    _save(picture, file)


def draw_tokens(told: Figures, file: Path) -> None:
    """Draw accuracy against tokens read, from what tokens.json holds."""
    picture, axes = _axes((8, 5))
    for (way, (marker, label)), colour in zip(_WAYS_OF_READING.items(), COLOURS, strict=False):
        rows = [row for row in told["rows"] if row.get("way") == way]
        if not rows:  # a run from before this way was asked
            continue
        points = [row["validation"]["full documents"] for row in rows]
        axes.plot(
            [point["tokens_encoded"] for point in points],
            [point["accuracy"][0] for point in points],
            marker=marker,
            markersize=12 if marker == "*" else 6,
            linestyle="" if way == "section" else "-",
            color=colour,
            label=label,
        )
    axes.set(
        xlabel="tokens encoded of an insert, mean",
        ylabel=f"accuracy, ATC level {told['level']}",
        title=f"Full documents, names {told['names']}, validation drugs",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    _save(picture, file)


def draw_scale(told: Figures, file: Path) -> None:
    """Draw seconds and memory against the number of inserts, from what scale.json holds."""
    picture, axes = _axes((8, 4.5))
    memory = axes.twinx()
    for n_workers in sorted({row["workers"] for row in told["rows"]}):
        rows = [row for row in told["rows"] if row["workers"] == n_workers]
        n_inserts = [row["n_inserts"] for row in rows]
        name = f"{n_workers} worker{'s' if n_workers > 1 else ''}"
        marker = "o" if n_workers == 1 else "s"
        seconds = [row["seconds"] for row in rows]
        axes.plot(n_inserts, seconds, marker + "-", color=COLOURS[1], label=f"seconds, {name}")
        peak = [row["peak_mb"] for row in rows]
        memory.plot(n_inserts, peak, marker + "--", color=COLOURS[0], label=f"memory, {name}")
    axes.set(xscale="log", yscale="log", xlabel="inserts", ylabel="seconds")
    memory.set(ylabel="peak memory of all processes, MB")
    memory.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    picture.legend(loc="outside upper center", ncols=2)
    _save(picture, file)


def _axes(size: tuple[float, float]) -> tuple[Picture, Axes]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="constrained")


def _save(picture: Picture, file: Path) -> None:
    from matplotlib import pyplot

    picture.savefig(file, dpi=DPI)
    pyplot.close(picture)
