"""The lines of a US or EU leaflet that may be headings, in whatever style."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drugtext.inserts.headings import HAN, LONGEST_HEADING, canonical_name, heading_key
from drugtext.inserts.leaflet_parts import Heading

HIGHLIGHTS = "highlights of prescribing information"
FULL_TEXT = "full prescribing information"
CONTENTS = "full prescribing information: contents"

_BULLETS = "•·▪■●○◆"
# Lines that can be headings: they begin with a capital, a number or Markdown's "#".
_LINE = re.compile(
    r"^(?:[^\S\n]{0,3}#|[^\S\n]*+[*_–—=~-]*+[^\S\n]*+[A-Z\d])[^\n]{2,}", re.MULTILINE
)
_ITEM = re.compile(
    rf"^[^\S\n]*+(?:[|{_BULLETS}-]++[^\S\n]*+)?(?P<item>[*A-Z\d][^\n]{{2,}})", re.MULTILINE
)
_MARKDOWN = re.compile(r"\s{0,3}(#{1,6})\s+")
_NUMBER = re.compile(
    r"(?:section\s+)?(\d{1,2}(?:\.\d{1,2}){0,3})(?:[.)]\s*|\s+)(?=[^\W\d_])", re.IGNORECASE
)
_LEAFLET_KEY = re.compile(
    r"what .+ used for|what you |before |how (?!supplied)|(?:possible )?side effects|"
    r"contents of the pack|further information"
)
_LINKING = re.compile(
    r"(?:\b(?:and|or|see|the|in|of|to|with|(?<!used )for|under|also)|[,(\[])[^\S\n]*\Z", re.I
)
_RUN_IN = re.compile(r"\s*+([A-Za-z0-9*][^:\n;]{2,60}?)(?:\s?:\**[ \t]+|[ ](?=■[ ]))\S")
# A row of two cells; one of more is of a table within a section.
_ROW = re.compile(r"([^|\t\n]{2,60}?)[ :]{0,2}(?:\||\t)[ \t]*(?=[^|\t\n]+\|?[ \t]*$)\S")
_ALSO_RUN_IN = re.compile(r"(?:possible )?side effects$|how to (?:use|take)$")
# With these words a sentence of an OTC label begins, which says all by itself.
_SENTENCE = re.compile(
    r"(?:do not (?:use|take)|(?:stop use and )?ask a? ?doctor|stop using|when using|if pregnant)\b"
    r".*(?<!\bif)(?<!\buse)(?<!\btake)(?<!\bproduct)(?<!\bdoctor)(?<!\bpharmacist)$"
)
_UPPER_RUN_IN = re.compile(r"\s*+(?:\d{1,2}\.?\s+)?([A-Z][A-Z&,/]*(?:[ ][A-Z&,/]+){0,9}) ")
_ONE_WORD = frozenset({"DESCRIPTION", "CONTRAINDICATIONS", "WARNINGS", "PRECAUTIONS", "OVERDOSAGE"})
OWN_KEYS = frozenset(
    {
        "clinical studies",
        "clinical trials",
        "nonclinical toxicology",
        "references",
        "drug abuse and dependence",
        "animal pharmacology",
        "animal pharmacology and/or toxicology",
        "microbiology",
        "questions",
        "questions or comments",
        "recent major changes",
        "effects on ability to drive and use machines",
        "incompatibilities",
        "shelf life",
        "name of the medicinal product",
        "marketing authorisation holder",
        "clinical particulars",
        "pharmaceutical particulars",
        "preclinical safety data",
        "special precautions for disposal",
        "date of revision of the text",
    }
)


def heading_lines(text: str) -> Iterator[Heading]:
    """Find the lines that may be headings in some style."""
    for line in _LINE.finditer(text):
        before = text[max(0, line.start() - 40) : max(0, line.start() - 1)]
        heading = _candidate(line[0], line.start(), before)
        if not (heading and heading.name) and _NUMBER.match(line[0].strip()):
            heading = _broken_candidate(text, line) or heading
        if heading:
            yield heading


def heading_items(text: str) -> Iterator[Heading]:
    """Find the items of lists, and the rows of two cells, that may be headings.

    Where a text has other headings, they are parts of its sections.
    """
    for line in _ITEM.finditer(text):
        item, start = line["item"], line.start("item")
        heading = _candidate(item.rstrip(" \t|"), start, "")
        if row := _ROW.match(item):
            head = row[1].strip("* ")
            style = "upper" if head.isupper() else "title"
            heading = Heading(start, start + row.end() - 1, head, canonical_name(head), style)
        if heading and heading.name:
            yield heading._replace(start=line.start())


def _broken_candidate(text: str, line: re.Match[str]) -> Heading | None:
    """Read a numbered heading that goes on in the next line."""
    rest = text[line.end() + 1 : line.end() + LONGEST_HEADING].partition("\n")[0]
    if not rest.strip() or rest.lstrip()[0].isupper():
        return None
    start = line.start()
    heading = _candidate(f"{line[0].rstrip()} {rest.strip()}", start, "")
    if not (heading and heading.name and heading.number):
        return None
    is_sentence = heading.body == start
    return heading if is_sentence else heading._replace(body=line.end() + 1 + len(rest))


def _candidate(line: str, start: int, before: str) -> Heading | None:
    """Read one line as a heading, where it can be one; `before` ends the line above it."""
    words = line[: LONGEST_HEADING * 2].strip()
    marked = _MARKDOWN.match(line[:20])
    title = words[len(marked[0].strip()) if marked else 0 :].strip(" \t*_-–—=~")
    if len(words) > LONGEST_HEADING or not title or (HAN.search(title) and not marked):
        return _run_in_candidate(line, start)
    numbered = _NUMBER.match(title)
    number = tuple(map(int, numbered[1].split("."))) if numbered else ()
    rest = title[numbered.end() :] if numbered else title
    looks = len(rest.split()) <= 20 and not rest.endswith((".", ",", ";")) and _is_balanced(rest)
    if not marked and not numbered and _LINKING.search(before):
        return None  # a wrapped sentence, such as "(see\nWARNINGS"
    if not marked and not looks:
        return _run_in_candidate(line, start)
    name, key, body = canonical_name(rest), heading_key(rest), start + len(line)
    style = _style(rest, key, name, bool(number))
    known = name or marked or key in OWN_KEYS or key in (HIGHLIGHTS, FULL_TEXT)
    numbered_own = number and (rest.isupper() or len(number) == 2) and len(key) > 3
    if not known and not numbered_own and not key.startswith(CONTENTS):
        return _run_in_candidate(line, start)
    if (name == "boxed_warning" and ":" in rest) or _SENTENCE.match(key):
        body = start  # such a heading names the danger itself, or is a sentence
    return Heading(start, body, title, name, style, number, len(marked[1]) if marked else 0)


def _style(rest: str, key: str, name: str | None, numbered: bool) -> str:
    if name and _LEAFLET_KEY.match(key):
        return "leaflet"
    if rest.isupper():
        return "upper"
    if numbered:
        return "number"
    return "title" if rest[0].isupper() else "prose"


def _is_balanced(words: str) -> bool:
    return words.count("(") == words.count(")") and words.count("[") == words.count("]")


def _run_in_candidate(line: str, start: int) -> Heading | None:
    """Read "Indications: for pain" and "INDICATIONS AND USAGE Examplol is": text on the line."""
    line = line[:LONGEST_HEADING]
    if found := _RUN_IN.match(line):
        head = found[1].strip("* ")
        name = canonical_name(head)
        key = heading_key(head)
        is_title = _ALSO_RUN_IN.match(key) or not _LEAFLET_KEY.match(key)
        if name and len(head.split()) <= 6 and is_title:
            style = "upper" if head.isupper() else "title" if head[0].isupper() else "prose"
            if _NUMBER.match(head) and style == "title":
                style = "number"
            body = start + found.end() - 1
            return Heading(start, body, head, name, style)
    if found := _UPPER_RUN_IN.match(line):
        words = found[1].split(" ")
        rest = line[found.end() :].lstrip()
        for count in range(len(words), 0, -1):
            head = " ".join(words[:count])
            following = words[count] if count < len(words) else rest[:1]
            if (count > 1 or head in _ONE_WORD) and following[:1].isupper():
                name = canonical_name(head)
                if name and any(letter.islower() for letter in rest):
                    body = start + found.start(1) + len(head)
                    return Heading(start, body, head, name, "upper")
    return None
