"""Headed text and HTML: US and EU inserts in English, Chinese inserts with 【…】 and without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import NamedTuple

from lxml import etree, html

from drugtext.errors import ReadError
from drugtext.inserts.headings import (
    LONGEST_HEADING,
    canonical_name,
    chinese_heading_kind,
    heading_key,
    plain_chinese_headings,
    simplified,
)
from drugtext.inserts.insert import CANONICAL_SECTIONS, DrugInsert, Section, join_sections
from drugtext.inserts.language import detect_language
from drugtext.inserts.markup import element_text
from drugtext.inserts.text import decode_text

# What lxml reads out of a page, but does not take back.
_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

PREAMBLE = "preamble"
"""Section that keeps what stands above the first heading."""

_HAN = re.compile(r"[\u3400-\u9fff]")


class _Heading(NamedTuple):
    """A heading, or a line that may be one.

    Attributes:
        start: offset of its first character.
        body: offset of the text below it.
        title: the heading as printed, without brackets.
        name: its canonical section; None where it belongs to none.
        style: "upper", "number", "leaflet", "title" or "chinese".
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


class _Part(NamedTuple):
    """A heading with the text below it; `title` is empty for the preamble."""

    name: str
    title: str
    body: str


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
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ReadError(source, "holds only white space; the text of an insert is needed.")
    headings = _find_headings(text, source)
    parts = _cut(text, headings)
    sections = join_sections(Section(part.name, part.body) for part in parts)
    if not any(name in CANONICAL_SECTIONS for name in sections):
        raise ReadError(source, _nothing_recognised(text, headings))
    generic, brands = _chinese_names(parts)
    return DrugInsert(
        name=generic or _title(parts),
        sections=sections,
        language=detect_language("\n".join(sections.values())),
        ingredients=(generic,) if generic else _eu_substances(parts),
        brand_names=brands,
        source=source,
    )


def read_html(data: bytes | str, source: str) -> DrugInsert:
    """Read an insert from an HTML page.

    Args:
        data: the page; bytes that are not UTF-8 are read as the page declares, and where it
            declares nothing, in the encoding that its content shows.
        source: the file's name, for messages and `DrugInsert.source`.

    Returns:
        The insert, as `read_leaflet` returns it; where its text gives no name, the page's title.

    Raises:
        ReadError: the page holds no text, or no section with a canonical name.
    """
    root = _parse_html(data, source)
    for element in root.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        # A heading element is a heading even where its words alone would not show it.
        marks = "#" * int(str(element.tag)[1])
        element.text = f"{marks} {_NOT_XML.sub(' ', element.text or '')}"
    insert = read_leaflet(element_text(root, skip=("head", "nav")), source)
    title = _without_document_word(" ".join((root.findtext(".//title") or "").split()))
    return insert if insert.name else replace(insert, name=title)


def _parse_html(data: bytes | str, source: str) -> html.HtmlElement:
    """Parse a page without following anything that it refers to."""
    encoding = None
    if isinstance(data, bytes) and not (_is_utf8(data) or b"charset" in data[:4096].lower()):
        data = decode_text(data, source)
    if isinstance(data, str):
        data = data.encode("utf-8", "replace")
    if _is_utf8(data):
        # libxml2 takes a NUL for the end of the page.
        data, encoding = data.replace(b"\0", b" "), "utf-8"
    try:
        parser = html.HTMLParser(no_network=True, encoding=encoding, huge_tree=True)
        return html.document_fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise ReadError(source, f"is no readable HTML page ({error}).") from error


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- From headings to sections -----------------------------------------------------------------

_TITLE_NUMBER = re.compile(r"^\d{1,2}(?:\.\d{1,2}){0,3}[.)]?\s+")
_MOST_HEADINGS = 5000
_MARKS = re.compile(r"(^|• |\| )#{1,6} ", re.MULTILINE)


def _find_headings(text: str, source: str) -> list[_Heading]:
    """Find the headings of a text, in reading order."""
    chinese = _chinese_headings(text, source)
    marked_only = len({heading.name for heading in chinese}) > 1
    english = (h for h in _candidates(text) if h.level or not marked_only)
    return _without_overlaps([*chinese, *_english_headings(_few(english, source))])


def _few(headings: Iterable[_Heading], source: str) -> list[_Heading]:
    """Refuse a text of many inserts, or of no insert, before its headings fill the memory."""
    found = list(islice(headings, _MOST_HEADINGS + 1))
    if len(found) > _MOST_HEADINGS:
        raise ReadError(
            source,
            f"has more than {_MOST_HEADINGS:,} headings; one insert has about twenty. Split it into"
            " one file an insert.",
        )
    return found


def _without_overlaps(headings: Iterable[_Heading]) -> list[_Heading]:
    kept: list[_Heading] = []
    for heading in sorted(headings, key=lambda heading: (heading.start, heading.body)):
        if not kept or (heading.start >= kept[-1].body and heading.start > kept[-1].start):
            kept.append(heading)
    return kept


def _cut(text: str, headings: list[_Heading]) -> list[_Part]:
    """Cut the text at its headings; what stands above the first is the preamble."""
    parts = [_Part(PREAMBLE, "", text[: headings[0].start] if headings else text)]
    ends = [heading.start for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=False):
        name = heading.name or _TITLE_NUMBER.sub("", heading.title)
        parts.append(_Part(name, heading.title, text[heading.body : end]))
    if not any(heading.level for heading in headings):
        return parts
    return [_Part(part.name, part.title, _MARKS.sub(r"\1", part.body)) for part in parts]


def _nothing_recognised(text: str, headings: list[_Heading]) -> str:
    if titles := [heading.title for heading in headings if heading.name][:5]:
        return (
            f"has no text below its headings {titles}; put the text of each section under its"
            " heading."
        )
    return (
        f"no section was recognised in its {len(text):,} characters, which begin"
        f" {' '.join(text[:200].split())[:60]!r}. Headings such as 'INDICATIONS AND USAGE',"
        " '1. What X is and what it is used for' or '【适应症】' are looked for at the start of a"
        " line; add them, or give the text as DrugInsert(sections={...})."
    )


# --- Names -------------------------------------------------------------------------------------

_LONGEST_NAME = 120
_NAME_SCOPE = 3000  # characters of a section in which a name is looked for
_TRIM = " \t\u3000#*_-–—=|:：•"
_DOCUMENT_WORD = re.compile(r"(?:使用|药品|藥品)?(?:说明书|說明書|仿單)$")
_NO_NAME = re.compile(
    r"(?:package leaflet|patient information leaflet|information for the|highlights of|"
    r"full prescribing|drug facts|annex\b|[a-d]\. |read all of this|rx only|summary of product|"
    r"initial u\.?s\.? approval|these highlights|revised|请仔细|請仔細|[核修]|本文|警示)|\W*$",
    re.IGNORECASE,
)
_HIGHLIGHTS_NAME = re.compile(r"needed to use ([^.]{1,100}?) safely")
_LEAFLET_LINE = re.compile(r"(?:[a-d]\. )?package leaflet\b", re.IGNORECASE)
_SUBSTANCES = re.compile(r"[a-z][a-z0-9,/ -]{3,}")
_NAME_FIELD = re.compile(
    r"(通用名[称稱]?|商品名[称稱]?|商[标標]名?|中文名[称稱]?|英文名[称稱]?|[汉漢][语語]拼音|拼音名?|曾用名"
    r"|[别別]名|化[学學]名[称稱]?)[^\S\n]{0,3}[:：]"
)
_NO_BRAND = frozenset({"", "无", "無", "/", "-", "—", "——", "暂无"})


def _without_document_word(title: str) -> str:
    """Leave out marks and a last word that says only that this is an insert."""
    return _DOCUMENT_WORD.sub("", title.strip(_TRIM)).strip(_TRIM)


def _title(parts: list[_Part]) -> str:
    """Take the product's name from US highlights, SmPC section 1 or the title line."""
    for part in parts[:3]:
        if found := _HIGHLIGHTS_NAME.search(part.body[:_NAME_SCOPE]):
            return " ".join(found[1].split())
    smpc = (part for part in parts if heading_key(part.title) == "name of the medicinal product")
    lines = next(smpc, parts[0]).body[:_NAME_SCOPE].splitlines()
    leaflet = next((n for n, line in enumerate(lines) if _LEAFLET_LINE.match(line.strip())), 0)
    lines = lines[leaflet:]
    if len(parts) > 1 and parts[1].name not in CANONICAL_SECTIONS and not parts[1].body.strip():
        lines.append(parts[1].title)  # "# Examplol" above the sections of a Markdown text
    for line in lines:
        name = _without_document_word(line)
        if not _NO_NAME.match(name):
            is_sentence = name.endswith((".", "。", ";", "；", ",", "，"))
            return "" if is_sentence or len(name) > _LONGEST_NAME else name
    return ""


def _eu_substances(parts: list[_Part]) -> tuple[str, ...]:
    """Read the line of active substances that stands under the name of an EU leaflet."""
    lines = [line.strip() for line in parts[0].body[:_NAME_SCOPE].splitlines() if line.strip()]
    if not any(_LEAFLET_LINE.match(line) for line in lines):
        return ()
    for line in lines[:8]:
        if len(line) <= _LONGEST_NAME and _SUBSTANCES.fullmatch(line):
            return tuple(word.strip() for word in line.split("/") if word.strip())
    return ()


def _chinese_names(parts: list[_Part]) -> tuple[str, tuple[str, ...]]:
    """Read the generic name ("" where none is given) and the trade names of a Chinese insert."""
    found: dict[str | None, list[str]] = {"generic_name": [], "brand_name": [], "other_name": []}
    for part in parts:
        kind = chinese_heading_kind(part.title)
        if kind not in found and part.name != PREAMBLE:
            continue
        first, *fields = _NAME_FIELD.split(part.body[:_NAME_SCOPE])
        if kind in found and part.title:
            found[kind].append(_name_value(first))
        for field, value in zip(fields[::2], fields[1::2], strict=True):
            found.setdefault(chinese_heading_kind(field), []).append(_name_value(value))
    unnamed = [
        name for name in found["other_name"] if _HAN.search(name) and not chinese_heading_kind(name)
    ]
    generic = next(filter(None, [*found["generic_name"], *unnamed]), "")
    brands = dict.fromkeys(name for name in found["brand_name"] if name not in _NO_BRAND)
    return generic, tuple(brands)


def _name_value(text: str) -> str:
    """Take the first line of a name field, without the mark that ends it."""
    value = (text.strip().splitlines() or [""])[0].strip(_TRIM + "。；;，,、[]【】")
    return value if len(value) <= _LONGEST_NAME else ""


# --- Chinese headings --------------------------------------------------------------------------

_LONGEST_BRACKET = 30
_OPENERS = "【〖［["
_CLOSER = re.compile(r"[\u3400-\u9fff)）Ⅰ-Ⅻ][ \u3000]{0,3}[】〗］\]]")
_SENTENCE_END = re.compile(r"[。；;！!？?]")
_LINE_LEAD = re.compile(r"[\s#*·•●◆■\d.．、一二三四五六七八九十()（）]*")
_COLON = re.compile(r"[ \t\u3000*]{0,4}[:：]?")
# What makes a bracketed heading a reference: the words before it, or after it.
_REFERS = re.compile(
    r"(?:(?<![偶少罕常多可未易较])见|参阅|参照|(?<!供)参考|参看|查看|阅读|根据|按照?|遵照|依照|说明书|上述"
    r"|[和与及或、中在除(（“\"「])$|(?:详见|参见|请见|另见|参阅)[^。；;！\n】\]]{0,8}$"
)
_REFERS_ACROSS_LINES = re.compile(
    r"(?:(?<![偶少罕常多可未易较])见|参阅|参照|(?<!供)参考|[和与及或、])$"
)
_REFERRED = re.compile(
    r"\s{0,2}(?:项(?!目)|部分[。，；,)）内中]|章节|一节|的?内容|中[的所，]|下[的所]|[)）。、，；,;”」])"
)
_LISTED = re.compile(r"\s*(?:$|[和与及或][【\[［〖])", re.MULTILINE)
_NOTE = re.compile(r"详?见|参|注\d?$")
_BARE_LINE = re.compile(
    r"^[ \t\u3000#*·•●◆■【〖［\[]*+(?P<head>[^\n:：。；;，,【\[]{2,24}?)"
    r"[ \t\u3000*]{0,8}(?P<end>[:：]|$)",
    re.MULTILINE,
)
# Without brackets these are fields of a section or of the title, not headings.
_FIELDS = {
    *("化学名称", "化学名", "分子式", "分子量", "结构式", "化学结构式", "辅料", "赋形剂"),
    *("核准日期", "批准日期", "修改日期", "修订日期", "说明书修订日期"),
}
_PLAIN = plain_chinese_headings() - _FIELDS
_RUN_ON = re.compile(
    r"(?<=[\s。；;！!：:])(?P<head>"
    + "|".join(
        r"[ \u3000]?".join(map(re.escape, key)) for key in sorted(_PLAIN, key=len, reverse=True)
    )
    + r")[ \u3000]{0,3}[:：]"
)


def _chinese_headings(text: str, source: str) -> list[_Heading]:
    """Find Chinese headings: in brackets and, where few stand in brackets, bare ones."""
    plain = simplified(text)
    if not _HAN.search(plain):
        return []
    bracketed = _few(_bracketed_headings(text, plain), source)
    names = {heading.name for heading in bracketed if heading.name}
    bare = _bare_headings(text, _BARE_LINE, plain)
    if len(names) < 2:
        bare = chain(bare, _bare_headings(text, _RUN_ON, plain))
    else:
        # Bare words at the start of a line are parts of a bracketed section, unless no bracketed
        # section of their name exists.
        bare = (heading for heading in bare if heading.name and heading.name not in names)
    return _without_overlaps([*bracketed, *_few(bare, source)])


def _bare_headings(text: str, pattern: re.Pattern[str], plain: str) -> Iterator[_Heading]:
    """Find known headings without brackets that a colon or the line's end follows."""
    for found in pattern.finditer(plain):
        head = found["head"]
        if heading_key(head) in _PLAIN:
            title = text[found.start("head") : found.end("head")].strip()
            yield _Heading(found.start(), found.end(), title, canonical_name(head), "chinese")


def _bracketed_headings(text: str, plain: str) -> Iterator[_Heading]:
    """Find headings in brackets, also run on within a line, but not references to sections."""
    last, last_refers = 0, False
    for found in _CLOSER.finditer(plain):
        close = found.end() - 1
        opened, start = _opening(plain, max(last, close - _LONGEST_BRACKET), close)
        inside = plain[start + opened : close]
        kind = chinese_heading_kind(inside) if len(inside) > 1 else None
        line_start = _line_start(plain, start)
        own = opened and plain[start] in "【〖" and line_start is not None and not kind
        if kind or (own and len(inside) <= 20 and not _NOTE.match(inside)):
            goes_on = last_refers and not plain[last:start].strip(" ，,、和及与或;；")
            last_refers = goes_on or _is_reference(plain, start, close + 1, line_start)
            if not last_refers:
                begin = start if line_start is None else line_start
                body = _COLON.match(plain, close + 1).end()  # type: ignore[union-attr]
                title = text[start + opened : close].strip()
                yield _Heading(begin, body, title, canonical_name(inside), "chinese")
        else:
            last_refers = False
        last = close + 1


def _opening(plain: str, lowest: int, close: int) -> tuple[bool, int]:
    """Find where the heading that ends at a closing bracket begins, though its bracket be lost.

    Returns:
        Whether an opening bracket was found; the offset of the bracket, or of the first word.
    """
    window = plain[lowest:close]
    window = window[window.rfind("\n") + 1 :]
    start = max(window.rfind(bracket) for bracket in _OPENERS)
    if start >= 0:
        return True, close - len(window) + start
    words = _SENTENCE_END.split(window)[-1].lstrip()
    if not chinese_heading_kind(words):
        words = (words.split() or [""])[-1]
    # Spaces may stand between the last word and the bracket.
    return False, plain.rindex(words, lowest, close)


def _line_start(plain: str, start: int) -> int | None:
    """Give the offset of the line that a heading opens; None where other words stand before it."""
    lead = plain[max(0, start - 16) : start]
    line = lead[lead.rfind("\n") + 1 :]
    if (len(line) == len(lead) and start > len(lead)) or not _LINE_LEAD.fullmatch(line):
        return None
    return start - len(line)


def _is_reference(plain: str, start: int, end: int, line_start: int | None) -> bool:
    """Tell "(参见【注意事项】)" from a heading."""
    before = plain[max(0, start - 16) : start]
    if line_start is None:
        return bool(_REFERS.search(before.rstrip()) or _REFERRED.match(plain, end))
    before = plain[max(0, line_start - 16) : line_start].rstrip()
    # At the start of a line only a wrapped sentence that goes on behind the bracket refers.
    return bool(_REFERS_ACROSS_LINES.search(before)) and bool(
        _REFERRED.match(plain, end) or _LISTED.match(plain, end)
    )


# --- English headings --------------------------------------------------------------------------

# Lines that can be headings: they begin with a capital, a number or Markdown's "#".
_LINE = re.compile(
    r"^(?:[^\S\n]{0,3}#|[^\S\n]*+[*_–—=~-]*+[^\S\n]*+[A-Z\d])[^\n]{2,}", re.MULTILINE
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
_RUN_IN = re.compile(r"\s*+([A-Za-z0-9*][^:\n;]{2,60}?)\s?:\**[ \t]+\S")
_UPPER_RUN_IN = re.compile(r"\s*+(?:\d{1,2}\.?\s+)?([A-Z][A-Z&,/]*(?:[ ][A-Z&,/]+){0,9}) ")
_ONE_WORD = frozenset({"DESCRIPTION", "CONTRAINDICATIONS", "WARNINGS", "PRECAUTIONS", "OVERDOSAGE"})
_OWN_KEYS = frozenset(
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
        "preclinical safety data",
        "incompatibilities",
        "shelf life",
        "name of the medicinal product",
        "marketing authorisation holder",
    }
)
_SMPC: dict[tuple[int, ...], str] = {
    (4, 1): "indications_and_usage",
    (4, 3): "contraindications",
    (4, 8): "adverse_reactions",
}
# Where few other headings are found missing, these are worth taking in any print.
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
_HIGHLIGHTS = "highlights of prescribing information"
_FULL = "full prescribing information"
_CONTENTS = "full prescribing information: contents"


def _english_headings(candidates: list[_Heading]) -> list[_Heading]:
    """Choose the US and EU headings among the lines that may be some."""
    outside, landmarks = _outside_front_matter(candidates)
    return [*_in_the_style_of_the_text(outside), *landmarks]


def _candidates(text: str) -> Iterator[_Heading]:
    """Find the lines that may be headings in some style."""
    for line in _LINE.finditer(text):
        before = text[max(0, line.start() - 40) : max(0, line.start() - 1)]
        if heading := _candidate(line[0], line.start(), before):
            yield heading


def _candidate(line: str, start: int, before: str) -> _Heading | None:
    """Read one line as a heading, where it can be one; `before` ends the line above it."""
    words = line[: LONGEST_HEADING * 2].strip()
    marked = _MARKDOWN.match(line[:20])
    title = words[len(marked[0].strip()) if marked else 0 :].strip(" \t*_-–—=~")
    if len(words) > LONGEST_HEADING or not title or (_HAN.search(title) and not marked):
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
    known = name or marked or key in _OWN_KEYS or key in (_HIGHLIGHTS, _FULL)
    numbered_own = number and (rest.isupper() or len(number) == 2) and len(key) > 3
    if not known and not numbered_own and not key.startswith(_CONTENTS):
        return _run_in_candidate(line, start)
    if name == "boxed_warning" and ":" in rest:
        body = start  # such a heading names the danger itself
    return _Heading(start, body, title, name, style, number, len(marked[1]) if marked else 0)


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


def _run_in_candidate(line: str, start: int) -> _Heading | None:
    """Read "Indications: for pain" and "INDICATIONS AND USAGE Examplol is": text on the line."""
    line = line[:LONGEST_HEADING]
    if found := _RUN_IN.match(line):
        head = found[1].strip("* ")
        name = canonical_name(head)
        if name and len(head.split()) <= 6 and not _LEAFLET_KEY.match(heading_key(head)):
            style = "upper" if head.isupper() else "title" if head[0].isupper() else "prose"
            if _NUMBER.match(head) and style == "title":
                style = "number"
            body = start + found.end() - 1
            return _Heading(start, body, head, name, style)
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
                    return _Heading(start, body, head, name, "upper")
    return None


def _outside_front_matter(
    candidates: list[_Heading],
) -> tuple[list[_Heading], list[_Heading]]:
    """Part the headings of the text from those of US highlights and of a table of contents.

    Returns:
        The headings outside; the lines that open highlights, contents and the full text, which
        become sections of their own, so that nothing is lost and nothing doubled.
    """
    keys = [heading_key(candidate.title) for candidate in candidates]
    outside: list[_Heading] = []
    landmarks: list[_Heading] = []
    end = -1
    for i, (candidate, key) in enumerate(zip(candidates, keys, strict=True)):
        is_contents = key.startswith(_CONTENTS)
        if is_contents or key in (_HIGHLIGHTS, _FULL):
            landmarks.append(candidate)
            if key != _FULL:
                end = _end_of_front_matter(keys, i, is_contents)
        elif i >= end:
            outside.append(candidate)
    return outside, landmarks


def _end_of_front_matter(keys: list[str], i: int, is_contents: bool) -> int:
    """Find the first candidate below highlights or contents; `i` itself where none shows."""
    seen: set[str] = set()
    for j in range(i + 1, len(keys)):
        if keys[j].startswith(_FULL) or (is_contents and keys[j] in seen):
            return j
        seen.add(keys[j])
    return i


def _in_the_style_of_the_text(candidates: list[_Heading]) -> list[_Heading]:
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
        return _without_overlaps([*smpc, *eu])
    if eu:
        return eu
    if len(_names(leaflet)) > 3 and len(_names(candidates, style="upper")) < 4:
        return leaflet
    return _in_us_style([h for h in candidates if len(h.number) < 2 or _is_pharmacology(h)])


def _in_us_style(candidates: list[_Heading]) -> list[_Heading]:
    """Choose between headings in upper case, numbered ones and ones on lines of their own."""
    upper = [h for h in candidates if h.style == "upper"]
    numbered = [h for h in candidates if h.number]
    loose = [h for h in candidates if not h.number and h.style in ("title", "leaflet")]
    n_upper, n_numbered, n_loose = map(len, map(_names, (upper, numbered, loose)))
    if n_upper < 3 and n_upper < n_loose and n_numbered <= n_loose:
        return _without_overlaps([*upper, *loose])
    strict = upper if n_upper >= n_numbered or n_upper > 2 else numbered
    names, missing = _names(h for h in strict if h.number), []
    if len(names) > 3:
        strict = [h for h in strict if h.number or h.name not in names]
    else:
        names = _names(strict)
        missing = [h for h in loose if h.name in _MAJOR and h.name not in names]
    return _without_overlaps([*strict, *filter(_is_pharmacology, candidates), *missing])


def _names(
    headings: Iterable[_Heading], *, level: int | None = None, style: str | None = None
) -> set[str]:
    return {
        heading.name
        for heading in headings
        if heading.name and level in (None, heading.level) and style in (None, heading.style)
    }


def _is_pharmacology(heading: _Heading) -> bool:
    """Tell "12.1 Mechanism of Action" and its neighbours, sections in their own right."""
    return len(heading.number) == 2 and heading.number[0] == 12 and heading.name in _PHARMACOLOGY
