"""The checkpoints that ship inside the package; found without importing torch."""

from __future__ import annotations

from pathlib import Path

DEFAULT_CHECKPOINT = "atc"

_FOLDER = Path(__file__).parent / "checkpoints"


def bundled_checkpoints() -> dict[str, Path]:
    """Return name -> folder of the bundled checkpoints."""
    return {config.parent.name: config.parent for config in sorted(_FOLDER.glob("*/config.json"))}
