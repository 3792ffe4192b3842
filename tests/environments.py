"""Python environments of some of the packages that are installed here, by symbolic links."""

from __future__ import annotations

import re
import venv
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def required(names: Iterable[str]) -> set[str]:
    """Return distributions that are installed here and that these require, themselves included."""
    found: set[str] = set()
    left = sorted(names)
    while left:
        name = left.pop()
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:  # of another platform
            continue
        if name not in found:
            found.add(name)
            left += names_of(needs)
    return found


def names_of(requirements: Iterable[str]) -> list[str]:
    """Return the names of the packages in requirements, those of extras left out."""
    return [re.split(r"[^\w.-]", need)[0] for need in requirements if "extra ==" not in need]


def make_environment(folder: Path, names: Iterable[str]) -> Path:
    """Make an environment of these packages and what they require, and return its Python."""
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in required(names):
        for path in distribution(name).files or []:
            here = Path(str(distribution(name).locate_file(path.parts[0])))
            there = site / path.parts[0]
            if path.parts[0] not in ("..", "__pycache__") and not there.exists():
                there.symlink_to(here)
    return folder / "bin" / "python"
