"""Texts that are no drug inserts, far from them and near: none of them may be in scope."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import NamedTuple

_FILE = "far_texts.jsonl"


class FarText(NamedTuple):
    """A text that is no drug insert, written for this test.

    Attributes:
        kind: what it is instead, such as "recipe" or "cosmetic or food".
        language: ISO 639-1 code; of source code, that of its names and comments.
        text: the whole of it, line breaks included.
    """

    kind: str
    language: str
    text: str


def far_texts() -> list[FarText]:
    """Read the texts that ship with the package, in the order of the file: kind by kind."""
    lines = files(__package__).joinpath(_FILE).read_text(encoding="utf-8").splitlines()
    return [FarText(**json.loads(line)) for line in lines]
