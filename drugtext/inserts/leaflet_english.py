"""The headings of US and EU leaflets: the lines in the style in which a text prints its own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from drugtext.inserts.headings import canonical_name, heading_key
from drugtext.inserts.leaflet_lines import (
    CONTENTS,
    FULL_TEXT,
    HIGHLIGHTS,
    OWN_KEYS,
    heading_items,
    heading_lines,
)
from drugtext.inserts.leaflet_parts import Heading, bounded, without_overlaps

_SMPC: dict[tuple[int, ...], str] = {
    (4, 1): "indications_and_usage",
    (4, 3): "contraindications",
    (4, 8): "adverse_reactions",
}
_NUMBER_ALONE = re.compile(
    r"^(?P<lead>[^\S\n]*)(?P<number>\d{1,2}(?:\.\d{1,2}){0,2}\.?)[^\S\n]*\n\s*+"
    r"(?P<title>[A-Z][^\n]*)",
    re.MULTILINE,
)
# These are worth taking in other print where none stands in the style of the text.
_MAJOR = frozenset(
    {
        "indications_and_usage",
        "contraindications",
        "adverse_reactions",
        "dosage_and_administration",
        "description",
        "overdosage",
        "how_supplied",
    }
)
_PHARMACOLOGY = frozenset({"mechanism_of_action", "clinical_pharmacology"})


def english_headings(text: str, source: str, *, marked_only: bool) -> list[Heading]:
    """Choose the US and EU headings among the lines that may be some.

    Args:
        text: the whole insert.
        source: the file's name, for messages.
        marked_only: take no line for a heading that is not marked as one ("## Uses").

    Raises:
        ReadError: there are more such lines than one insert has.
    """
    found = (line for line in heading_lines(text) if line.level or not marked_only)
    lines = bounded(found, source)
    if len(_names(lines)) < 2 and not marked_only:
        lines = without_overlaps([*lines, *bounded(heading_items(text), source)])
    outside, landmarks = _outside_front_matter(lines)
    return [*_in_the_style_of_the_text(outside), *landmarks]


def with_numbers_joined(text: str) -> str:
    """Put numbers that stand on lines of their own, as some PDFs give them, before their headings.

    Args:
        text: the whole insert.

    Returns:
        The text, "4.1", a line end and "Therapeutic indications" joined by a space; as it was where
        it is no summary of product characteristics.
    """
    alone = [found for found in _NUMBER_ALONE.finditer(text) if _is_heading(found["title"])]
    if sum(_SMPC.get(_numbers(found)) == canonical_name(found["title"]) for found in alone) < 2:
        return text
    return _NUMBER_ALONE.sub(_joined, text)


def _joined(found: re.Match[str]) -> str:
    is_heading = _is_heading(found["title"])
    return f"{found['lead']}{found['number']} {found['title']}" if is_heading else found[0]


def _numbers(found: re.Match[str]) -> tuple[int, ...]:
    return tuple(map(int, found["number"].strip(".").split(".")))


def _is_heading(line: str) -> bool:
    return bool(canonical_name(line)) or heading_key(line) in OWN_KEYS


def _outside_front_matter(
    candidates: list[Heading],
) -> tuple[list[Heading], list[Heading]]:
    """Part the headings of the text from those of US highlights and of a table of contents.

    Returns:
        The headings outside; the lines that open highlights, contents and the full text, which
        become sections of their own, so that nothing is lost and nothing doubled.
    """
    keys = [heading_key(candidate.title) for candidate in candidates]
    outside: list[Heading] = []
    landmarks: list[Heading] = []
    end = -1
    for i, (candidate, key) in enumerate(zip(candidates, keys, strict=True)):
        is_contents = key.startswith(CONTENTS)
        if is_contents or key in (HIGHLIGHTS, FULL_TEXT):
            landmarks.append(candidate)
            if key != FULL_TEXT:
                end = _end_of_front_matter(keys, i, is_contents)
        elif i >= end:
            outside.append(candidate)
    return outside, landmarks


def _end_of_front_matter(keys: list[str], i: int, is_contents: bool) -> int:
    """Find the first candidate below highlights or contents; `i` itself where none shows."""
    seen: set[str] = set()
    for j in range(i + 1, len(keys)):
        if keys[j].startswith(FULL_TEXT) or (is_contents and keys[j] in seen):
            return j
        seen.add(keys[j])
    return i


def _in_the_style_of_the_text(candidates: list[Heading]) -> list[Heading]:
    """Keep the candidates printed as this text prints its headings; the rest are subheadings."""
    if len(_names(marked := [h for h in candidates if h.level])) > 1:
        level = max({h.level for h in marked}, key=lambda n: len(_names(marked, level=n)))
        return [h for h in marked if h.level <= level or _is_pharmacology(h)]
    leaflet = [h for h in candidates if h.style == "leaflet"]
    numbers = {h.number for h in leaflet if len(h.number) == 1}
    eu = [h for h in candidates if h.number in numbers and h.style == "leaflet"]
    if len(_names(eu)) > 2:
        eu += [h for h in candidates if len(h.number) == 1 and h.name and h.number not in numbers]
    else:
        eu = []
    if sum(h.name == _SMPC.get(h.number, "") for h in candidates) > 1:
        smpc = [h for h in candidates if len(h.number) == 2 or (h.number and h.style == "upper")]
        return without_overlaps([*smpc, *eu])
    if eu:
        return eu
    if len(_names(leaflet)) > 3 and len(_names(candidates, style="upper")) < 4:
        return leaflet
    return _in_us_style([h for h in candidates if len(h.number) < 2 or _is_pharmacology(h)])


def _in_us_style(candidates: list[Heading]) -> list[Heading]:
    """Choose between headings in upper case, numbered ones and ones on lines of their own."""
    upper = [h for h in candidates if h.style == "upper"]
    numbered = [h for h in candidates if h.number]
    loose = [h for h in candidates if not h.number and h.style in ("title", "leaflet")]
    n_upper, n_numbered, n_loose = map(len, map(_names, (upper, numbered, loose)))
    if n_upper < 3 and n_upper < n_loose and n_numbered <= n_loose:
        return without_overlaps([*upper, *loose])
    strict = upper if n_upper >= n_numbered or n_upper > 2 else numbered
    names, missing = _names(h for h in strict if h.number), []
    if len(names) > 3:
        strict = [h for h in strict if h.number or h.name not in names]
    else:
        names = _names(strict)
        missing = [h for h in loose if h.name in _MAJOR and h.name not in names]
    return without_overlaps([*strict, *filter(_is_pharmacology, candidates), *missing])


def _names(
    headings: Iterable[Heading], *, level: int | None = None, style: str | None = None
) -> set[str]:
    return {
        heading.name
        for heading in headings
        if heading.name and level in (None, heading.level) and style in (None, heading.style)
    }


def _is_pharmacology(heading: Heading) -> bool:
    """Tell "12.1 Mechanism of Action" and its neighbours, sections in their own right."""
    return len(heading.number) == 2 and heading.number[0] == 12 and heading.name in _PHARMACOLOGY
