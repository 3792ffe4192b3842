"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inserts: DRUGTEXT_DATA, else ../shared/data; skips where it is absent."""
    project = Path(__file__).parents[1]
    folder = Path(os.environ.get("DRUGTEXT_DATA") or project.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real inserts: {folder} is absent; set DRUGTEXT_DATA to their folder")
    return folder
