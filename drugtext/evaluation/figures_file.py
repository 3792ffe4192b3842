"""A file of measured figures, beside what is needed to repeat them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drugtext._version import __version__
from drugtext.evaluation.machine import machine
from drugtext.evaluation.scores import few_shot_accuracy
from drugtext.written_file import write_file

_LIBRARIES = (
    *("torch", "transformers", "datasets", "scikit-learn", "numpy", "scipy", "crepes"),
    *("openvino", "onnxruntime", "sentence-transformers", "setfit"),
)


def versions(run_by: object = None) -> dict[str, str]:
    """Return the versions of drugtext, Python and the libraries that decide the numbers.

    Args:
        run_by: what runs the encoder, where all that is measured is read with one.
    """
    found = {"drugtext": __version__, "python": platform.python_version()}
    if run_by:
        found["encoder run by"] = str(run_by)
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def command_line(without: str | None = None) -> str:
    """Return the command that this process was started with.

    Args:
        without: option that is left out, with its value, as often as it was given.
    """
    words = zip(sys.argv, ["", *sys.argv], strict=False)
    kept = [word for word, before in words if without is None or without not in (word, before)]
    return "python " + shlex.join(kept)


def made_by(run_by: object = None) -> dict[str, Any]:
    """Return what repeats a measurement: command, versions (see there) and machine."""
    return {"command": command_line(), "versions": versions(run_by), "machine": machine()}


def write_figures(file: Path, figures: Mapping[str, Any], run_by: object = None) -> None:
    """Write figures as JSON behind what `made_by` says; their folder is made.

    Args:
        file: that is written.
        figures: name -> what was measured, and what on.
        run_by: as `versions` takes it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps({**made_by(run_by), **figures}, indent=1)
    write_file(file, told + "\n")


def kept_folder(folder: Path, *made_of: Any) -> Path:
    """Return the folder, made, of what is measured of these: data, settings, code."""
    kept = folder / hashlib.sha256(json.dumps([*made_of]).encode()).hexdigest()[:16]
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def mean_over_tasks(
    folder: Path, name: str, measures: Iterable[Callable[[], dict[str, float]]]
) -> dict[str, tuple[float, float, float]]:
    """Return `few_shot_accuracy` of each figure over tasks, each kept: a stopped run goes on.

    Args:
        folder: as `kept_folder` returns it.
        name: of what is asked, which the files of its tasks are called by.
        measures: of each task what gives its figures, which may take minutes.
    """
    figures: dict[str, list[float]] = {}
    for number, measure in enumerate(measures):
        file = folder / f"{name}-{number}.json"
        if not file.is_file():
            write_file(file, json.dumps(measure()))
        for figure, value in json.loads(file.read_text(encoding="utf-8")).items():
            figures.setdefault(figure, []).append(value)
    return {figure: few_shot_accuracy(np.array(found)) for figure, found in figures.items()}


def read_figures(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """Return what those of the named files hold that stand in a folder: name -> figures."""
    found = {name: folder / f"{name}.json" for name in names}
    return {n: json.loads(f.read_text(encoding="utf-8")) for n, f in found.items() if f.is_file()}
