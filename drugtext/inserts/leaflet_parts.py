"""What the headings of a leaflet are, and the parts into which they cut it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from drugtext.errors import ReadError

PREAMBLE = "preamble"
"""Section that keeps what stands above the first heading."""

_MOST_HEADINGS = 5000


class Heading(NamedTuple):
    """A heading, or a line that may be one.

    Attributes:
        start: offset of its first character.
        body: offset of the text below it.
        title: the heading as printed, without brackets.
        name: its canonical section; None where it belongs to none.
        style: "upper", "number", "leaflet", "title", "prose" or "chinese".
        number: (12, 1) of "12.1".
        level: of a Markdown heading, 1 for "#"; 0 for others.
    """

    start: int
    body: int
    title: str
    name: str | None
    style: str
    number: tuple[int, ...] = ()
    level: int = 0


class Part(NamedTuple):
    """A heading with the text below it; `title` is empty for the preamble."""

    name: str
    title: str
    body: str


def bounded(headings: Iterable[Heading], source: str) -> list[Heading]:
    """Refuse a text of many inserts, or of no insert, before its headings fill the memory."""
    found = list(islice(headings, _MOST_HEADINGS + 1))
    if len(found) > _MOST_HEADINGS:
        raise ReadError(
            source,
            f"has more than {_MOST_HEADINGS:,} headings; one insert has about twenty. Split it into"
            " one file an insert.",
        )
    return found


def without_overlaps(headings: Iterable[Heading]) -> list[Heading]:
    """Put headings in reading order; of two that overlap, the first stays."""
    kept: list[Heading] = []
    for heading in sorted(headings, key=lambda heading: (heading.start, heading.body)):
        if not kept or (heading.start >= kept[-1].body and heading.start > kept[-1].start):
            kept.append(heading)
    return kept
