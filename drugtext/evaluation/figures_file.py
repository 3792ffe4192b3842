"""A file of measured figures, beside what is needed to repeat them."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drugtext._version import __version__
from drugtext.evaluation.machine import machine

_LIBRARIES = (
    *("torch", "transformers", "datasets", "scikit-learn", "numpy", "scipy", "crepes"),
    *("openvino", "onnxruntime", "sentence-transformers", "setfit"),
)


def command_line() -> str:
    """Return the command that this process was started with."""
    return "python " + shlex.join(sys.argv)


def versions(backend: object = None) -> dict[str, str]:
    """Return the versions of drugtext, Python and the libraries that decide the numbers.

    Args:
        backend: what runs the encoder, where all of them are read with one.
    """
    found = {"drugtext": __version__, "python": platform.python_version()}
    if backend:
        found["encoder run by"] = str(backend)
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def write_figures(file: Path, figures: Mapping[str, Any], backend: object = None) -> None:
    """Write figures as JSON, with command, versions and machine; its folder is made.

    Args:
        file: that is written.
        figures: name -> what was measured, and what on.
        backend: as `versions` takes it.
    """
    made = {"command": command_line(), "versions": versions(backend), "machine": machine()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**made, **figures}, indent=1) + "\n", encoding="utf-8")
