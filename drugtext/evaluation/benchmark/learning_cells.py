"""Cells of the tables on learning: an accuracy with its interval, and by how much another leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]
"""What a JSON file of measured figures holds."""


def interval(found: Sequence[float]) -> str:
    """Write a mean with its interval: three numbers."""
    mean, low, high = found
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


def with_ahead(accuracy: Sequence[float], ahead: Sequence[float]) -> str:
    """Write an accuracy, and behind it by how much another is ahead of it, with its interval."""
    mean, low, high = ahead
    return f"{accuracy[0]:.3f}; {mean:+.3f} ({low:+.3f} to {high:+.3f})"
