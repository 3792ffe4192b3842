"""The headings of Chinese leaflets: in brackets, on lines of their own, and run on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from drugtext.inserts.heading_tables import PLAIN_PAIRS
from drugtext.inserts.headings import (
    HAN,
    canonical_name,
    chinese_heading_kind,
    chinese_key,
    plain_chinese_headings,
    simplified,
)
from drugtext.inserts.leaflet_parts import Heading, bounded, without_overlaps

_LONGEST_BRACKET = 30
_QUOTES = "〔﹝『"  # they open headings at the start of lines alone
_OPENERS = f"【〖［[{_QUOTES}"
_CLOSER = re.compile(
    r"(?:[\u3400-\u9fff)）Ⅰ-Ⅻ]|(?<=[\u3400-\u9fff \u3000])[A-Za-z][A-Za-z &/]{3,24})"
    r"[ \u3000]{0,3}[】〗］\]〕﹞』]"
)
_SENTENCE_END = re.compile(r"[。；;！!？?]")
_LINE_LEAD = re.compile(r"[\s#*·•●◆■\d.．、一二三四五六七八九十()（）]*")
_COLON = re.compile(r"[ \t\u3000*]{0,4}[:：]?(?:[ \t]*\|)?")
# What makes a bracketed heading a reference: the words before it, or after it.
_REFERS = re.compile(
    r"(?:(?<![偶少罕常多可未易较])见|参阅|参照|(?<!供)参考|参看|查看|阅读|根据|按照?|遵照|依照|说明书|上述"
    r"|[和与及或、中在除的如同(（“\"「])$|(?:详见|参见|请见|另见|参阅)[^。；;！\n】\]]{0,8}$"
)
_REFERS_ACROSS_LINES = re.compile(
    r"(?:(?<![偶少罕常多可未易较])见|参阅|参照|(?<!供)参考|[和与及或、])$"
)
_REFERRED = re.compile(
    r"\s{0,2}(?:所[述列示载]|时[，,停应]|项(?!目)|部分[。，；,)）内中]|章节|一节|内容|中[的所，]|下[的所]|[)）。、，；,;”」])"
)
_LISTED = re.compile(r"\s*(?:$|[和与及或][【\[［〖])", re.MULTILINE)
_NOTE = re.compile(r"详?见|参|注\d?$")
_LEAD = r"^[ \t\u3000#*·•●○◆■▲★◎|【〖［\[〔-]*+"
_BARE_LINE = re.compile(
    _LEAD + r"(?P<head>[^\n:：。；;，,【\[〔]{2,24}?)[ \t\u3000*]{0,8}(?:[:：](?:[ \t]*\|)?|$)",
    re.MULTILINE,
)
# A row of two cells; one of more is of a table within a section.
_ROW = re.compile(
    _LEAD + r"(?P<head>[^\n:：。；;，,|\t]{2,24}?)[ \u3000*]{0,8}(?:\||\t+)(?=[^|\t\n]*\|?[ \t]*$)",
    re.MULTILINE,
)
# Without brackets these are fields of a section or of the title, not headings.
_FIELDS = {
    *("化学名称", "化学名", "分子式", "分子量", "结构式", "化学结构式", "辅料", "赋形剂"),
    *("核准日期", "批准日期", "修改日期", "修订日期", "说明书修订日期"),
}
_PLAIN = plain_chinese_headings() - _FIELDS
_SPELT = [r"[ \u3000]?".join(map(re.escape, k)) for k in sorted(_PLAIN, key=len, reverse=True)]
_COMMAS = ("，", ",")
_WORDS = PLAIN_PAIRS | {"有效期"}  # that stand within sentences, too
_KNOWN = f"(?P<head>{'|'.join(_SPELT)})"
_RUN_ON = re.compile(
    rf"(?<=[\s。；;！!：:，,])(?:\d{{1,2}}[.．、][ ]?)?{_KNOWN}[ \u3000]{{0,3}}[:：](?:[ \t]*\|)?"
)
_SPACED = re.compile(
    _LEAD + rf"(?:[\d一二三四五六七八九十]{{1,3}}[.．、][ ]?)?{_KNOWN}[ \t\u3000]+(?=\S)",
    re.MULTILINE,
)
_FEWEST_SPACED = 3  # names; a sentence, too, may begin with the word of a heading


def chinese_headings(text: str, source: str) -> list[Heading]:
    """Find Chinese headings: in brackets and, where few stand in brackets, bare ones.

    Where there are few of these, too, cells of a table or spaces may part them from their texts.

    Args:
        text: the whole insert.
        source: the file's name, for messages.

    Returns:
        The headings, in reading order; none where the text has no Chinese character.

    Raises:
        ReadError: there are more headings than one insert has.
    """
    plain = simplified(text)
    if not HAN.search(plain):
        return []
    bracketed = bounded(_bracketed_headings(text, plain), source)
    names = _names(bracketed)
    bare = bounded(_bare_headings(text, _BARE_LINE, plain), source)
    if len(names) > 1:
        # Bare words at the start of a line are parts of a bracketed section, unless no bracketed
        # section of their name exists.
        own = [heading for heading in bare if heading.name and heading.name not in names]
        return without_overlaps([*bracketed, *own])
    bare += bounded(_bare_headings(text, _RUN_ON, plain), source)
    for pattern, fewest in ((_ROW, 1), (_SPACED, _FEWEST_SPACED)):
        if len(names | _names(bare)) < 2:
            more = bounded(_bare_headings(text, pattern, plain), source)
            bare += more if len(_names(more)) >= fewest else []
    return without_overlaps([*bracketed, *bare])


def _names(headings: Iterable[Heading]) -> set[str]:
    return {heading.name for heading in headings if heading.name}


def _bare_headings(text: str, pattern: re.Pattern[str], plain: str) -> Iterator[Heading]:
    """Find known headings without brackets, by what stands around them."""
    for found in pattern.finditer(plain):
        head = found["head"]
        key = chinese_key(head)
        goes_on = plain[found.start() - 1 : found.start()] in _COMMAS and key in _WORDS
        if key in _PLAIN and not goes_on:
            title = text[found.start("head") : found.end("head")].strip()
            yield Heading(found.start(), found.end(), title, canonical_name(head), "chinese")


def _bracketed_headings(text: str, plain: str) -> Iterator[Heading]:
    """Find headings in brackets, also run on within a line, but not references to sections."""
    last, last_refers = 0, False
    for found in _CLOSER.finditer(plain):
        close = found.end() - 1
        opened, start = _opening(plain, max(last, close - _LONGEST_BRACKET), close)
        inside = plain[start + opened : close]
        kind = chinese_heading_kind(inside) if len(inside) > 1 else None
        line_start = _line_start(plain, start)
        own = opened and plain[start] in "【〖" and line_start is not None and not kind
        if opened and plain[start] in _QUOTES and line_start is None:
            kind = None
        if kind or (own and len(inside) <= 20 and not _NOTE.match(inside)):
            goes_on = last_refers and not plain[last:start].strip(" ，,、和及与或;；")
            last_refers = goes_on or _is_reference(plain, start, close + 1, line_start)
            if not last_refers:
                begin = start if line_start is None else line_start
                body = _COLON.match(plain, close + 1).end()  # type: ignore[union-attr]
                title = text[start + opened : close].strip()
                yield Heading(begin, body, title, canonical_name(inside), "chinese")
        else:
            last_refers = False
        last = close + 1


def _opening(plain: str, lowest: int, close: int) -> tuple[bool, int]:
    """Find where the heading that ends at a closing bracket begins, though its bracket be lost.

    A heading in brackets may be broken over two lines.

    Returns:
        Whether an opening bracket was found; the offset of the bracket, or of the first word.
    """
    window = plain[lowest:close]
    start = max(window.rfind(bracket) for bracket in _OPENERS)
    inside = window[start + 1 :]
    is_broken = inside.count("\n") == 1 and chinese_heading_kind(inside)
    if start >= 0 and (is_broken or "\n" not in inside):
        return True, lowest + start
    window = window[window.rfind("\n") + 1 :]
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
        is_owner = plain.startswith("的", end) and not _SENTENCE_END.match(before[-1:])
        referred = is_owner or _REFERRED.match(plain, end)
        return bool(_REFERS.search(before.rstrip()) or referred)
    before = plain[max(0, line_start - 16) : line_start].rstrip()
    # At the start of a line only a wrapped sentence that goes on behind the bracket refers.
    return bool(_REFERS_ACROSS_LINES.search(before)) and bool(
        _REFERRED.match(plain, end) or _LISTED.match(plain, end)
    )
