"""Headed text and HTML: US and EU inserts in English, Chinese inserts with 【…】 and without."""

from __future__ import annotations

import re
from dataclasses import replace

from drugtext.errors import ReadError
from drugtext.inserts.headings import chinese_heading_kind, simplified
from drugtext.inserts.insert import CANONICAL_SECTIONS, DrugInsert, Section, join_sections
from drugtext.inserts.language import detect_language
from drugtext.inserts.leaflet_chinese import chinese_headings
from drugtext.inserts.leaflet_english import english_headings, with_numbers_joined
from drugtext.inserts.leaflet_names import (
    chinese_names,
    eu_substances,
    product_name,
    us_substances,
    without_document_word,
)
from drugtext.inserts.leaflet_parts import PREAMBLE, Heading, Part, without_overlaps
from drugtext.inserts.page import page_text

_FORM = re.compile(r"\s|[（(].*|\d.*")  # what differs where one drug is named twice
_TITLE_NUMBER = re.compile(r"^\d{1,2}(?:\.\d{1,2}){0,3}[.)]?\s+")
_MARKS = re.compile(r"(^|• |\| )#{1,6} ", re.MULTILINE)
# What a row of a Markdown table has behind its last cell, and the line below the first row.
_ROW_END = re.compile(r"(?<![ \t|])[ \t]*+\|\s*+(?:\|[-:| \t]+\|\s*)?\Z")


class SeveralInsertsError(ReadError):
    """A text holds several inserts: together they would be of no drug."""


def read_leaflet(text: str, source: str) -> DrugInsert:
    """Read an insert from plain text or Markdown with headings.

    Args:
        text: the whole insert, headings as printed: US ("1 INDICATIONS AND USAGE"), EU ("1. What X
            is and what it is used for", "4.1 Therapeutic indications") or Chinese ("【适应症】").
        source: the file's name, for messages and `DrugInsert.source`.

    Returns:
        The insert. Text above the first heading is kept as the section "preamble", and sections
        that are not canonical under their own headings.

    Raises:
        ReadError: the text is empty, or no section with a canonical name was found in it.
        SeveralInsertsError: it has Chinese headings of several products' names and indications.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ReadError(source, "holds only white space; the text of an insert is needed.")
    text = with_numbers_joined(text)
    headings = _find_headings(text, source)
    parts = _cut(text, headings)
    _refuse_several(parts, source)
    sections = join_sections(Section(part.name, part.body) for part in parts)
    if not any(name in CANONICAL_SECTIONS for name in sections):
        raise ReadError(source, _nothing_recognised(text, headings))
    generic, brands = chinese_names(parts)
    return DrugInsert(
        name=generic or product_name(parts),
        sections=sections,
        language=detect_language("\n".join(sections.values())),
        ingredients=(generic,) if generic else eu_substances(parts) or us_substances(parts),
        brand_names=brands,
        source=source,
    )


def read_html(data: bytes | str, source: str) -> DrugInsert:
    """Read an insert from an HTML page.

    Args:
        data: the page; bytes that are not UTF-8 are read as the page declares, and where it
            declares nothing or something else than it holds, as its content shows.
        source: the file's name, for messages and `DrugInsert.source`.

    Returns:
        The insert, as `read_leaflet` returns it; where its text gives no name, the page's title.

    Raises:
        ReadError: the page holds no text, no section with a canonical name, or more than can be
            read to its end.
    """
    text, title = page_text(data, source)
    insert = read_leaflet(text, source)
    return insert if insert.name else replace(insert, name=without_document_word(title))


def _find_headings(text: str, source: str) -> list[Heading]:
    """Find the headings of a text, in reading order."""
    chinese = chinese_headings(text, source)
    marked_only = len({heading.name for heading in chinese}) > 1
    english = english_headings(text, source, marked_only=marked_only)
    return without_overlaps([*chinese, *english])


def _cut(text: str, headings: list[Heading]) -> list[Part]:
    """Cut the text at its headings; what stands above the first is the preamble."""
    parts = [Part(PREAMBLE, "", text[: headings[0].start] if headings else text)]
    ends = [heading.start for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=False):
        name = heading.name or _TITLE_NUMBER.sub("", heading.title)
        body = text[heading.body : end]
        is_row = text.startswith("|", heading.start)
        parts.append(Part(name, heading.title, _ROW_END.sub("", body) if is_row else body))
    if not any(heading.level for heading in headings):
        return parts
    return [Part(part.name, part.title, _MARKS.sub(r"\1", part.body)) for part in parts]


def _refuse_several(parts: list[Part], source: str) -> None:
    """Raise `SeveralInsertsError` for a text of several Chinese inserts."""
    names: list[str] = []
    named = ""
    for part in parts:
        if chinese_heading_kind(part.title) == "generic_name" or "药品名" in simplified(part.title):
            named = _FORM.sub("", chinese_names([part])[0]) or named
        is_new = not any(named in name or name in named for name in names)
        if named and part.name == "indications_and_usage" and is_new:
            names.append(named)
    if len(names) > 1:
        raise SeveralInsertsError(
            source,
            f"holds {len(names)} inserts: {', '.join(names[:5])}. Split it into one file an"
            ' insert, or give each as a JSON record: {"text": "…"}.',
        )


def _nothing_recognised(text: str, headings: list[Heading]) -> str:
    if titles := [heading.title for heading in headings if heading.name][:5]:
        return (
            f"has no text below its headings {titles}; put the text of each section under its"
            " heading."
        )
    return (
        f"no section was recognised in its {len(text):,} characters, which begin"
        f" {' '.join(text[:200].split())[:60]!r}. Headings such as 'INDICATIONS AND USAGE',"
        " '1. What X is and what it is used for' or '【适应症】' are looked for at the start of a"
        ' line; add them, or give a text without headings as a JSON record: {"text": "…"}.'
    )
