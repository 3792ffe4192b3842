"""How drugtext learns, in figures: a Markdown page of all that the scripts beside it measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from drugtext.evaluation.benchmark.learning_cells import Figures
from drugtext.evaluation.benchmark.learnt_categories import (
    crossover,
    heads,
    setfit,
    starts,
    trainings,
)
from drugtext.evaluation.benchmark.learnt_draws import draws, larger
from drugtext.evaluation.benchmark.learnt_parts import (
    ablation,
    calibrations,
    fine_tuning,
    names,
    pooling,
    readings,
)
from drugtext.evaluation.figures_file import read_figures

_PARTS: dict[str, Callable[[Figures], Iterator[str]]] = {
    "ablation": ablation,
    "heads": heads,
    "trainings": trainings,
    "crossover": crossover,
    "fine_tuning": fine_tuning,
    "setfit": setfit,
    "starts": starts,
    "pooling": pooling,
    "readings": readings,
    "names": names,
    "calibrations": calibrations,
    "draws": draws,
    "larger": larger,
}


def write_learning_page(folder: Path) -> Path:
    """Write the page of those figures that a folder holds.

    Args:
        folder: of ablation.json, heads.json, trainings.json, crossover.json, setfit.json,
            fine_tuning.json, starts.json, pooling.json, readings.json, names.json,
            calibrations.json, draws.json and larger.json, or of some of them.
    """
    page = folder / "README.md"
    page.write_text(learning_page(read_figures(folder, _PARTS)), encoding="utf-8")
    return page


def learning_page(parts: Mapping[str, Figures]) -> str:
    """Write the page.

    Args:
        parts: name of a JSON file -> what it holds; any may be absent.
    """
    written = [
        "# How drugtext learns: what each part brings",
        "ATC, names masked; drugs and categories that nobody trained on. Intervals are 95 %: over"
        " drugs for new drugs, over tasks for new categories. Made on a finished run of the"
        " [benchmark](../README.md).",
    ]
    sections = {name: of_part(parts[name]) for name, of_part in _PARTS.items() if name in parts}
    for name, (title, *told) in sections.items():
        written += [f"## {title}", f"```\n{parts[name]['command']}\n```", *told]
    return "\n\n".join(written) + "\n"
