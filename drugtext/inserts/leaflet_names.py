"""The names that a leaflet gives its product: generic name, trade names, active substances."""

from __future__ import annotations

import re
from itertools import chain, takewhile

from drugtext.inserts.headings import HAN, chinese_heading_kind, heading_key
from drugtext.inserts.insert import CANONICAL_SECTIONS
from drugtext.inserts.leaflet_parts import PREAMBLE, Part

_LONGEST_NAME = 120
_NAME_SCOPE = 3000  # characters of a section in which a name is looked for
_TRIM = " \t\u3000#*_-–—=|:：•"
_DOCUMENT_WORD = re.compile(r"(?:使用|药品|藥品)?(?:说明书|說明書|仿單)$")
_NO_NAME = re.compile(
    r"(?:(?:1\.?\s*)?name of the medicinal product\W*$|package leaflet|"
    r"patient information leaflet|information for the|highlights of|"
    r"full prescribing|drug facts|annex\b|[a-d]\. |read all of this|rx only|summary of product|"
    r"initial u\.?s\.? approval|these highlights|revised|[核修]|本文|警示|页码|頁碼|"
    r"处方药|處方藥|[甲乙]类(?:otc|非?处方药)?\W*$|otc\b|请|請|国药准字|中国药典|(?:化学|中药|生物|化學|中藥)(?:制品)?\W*$)|\W*$",
    re.IGNORECASE,
)
_HIGHLIGHTS_NAME = re.compile(r"needed to use ([^.]{1,100}?) safely")
_LEAFLET_LINE = re.compile(r"(?:[a-d]\. )?package leaflet\b", re.IGNORECASE)
_SUBSTANCES = re.compile(r"[a-z][a-z0-9,/ -]{3,}")
_US_FORM = (
    r"(?:tablets?|capsules?|injections?|solution|suspension|emulsion|powder|granules|cream|ointment"
    r"|gel|lotion|foam|patch|system|spray|drops|aerosol|film|implant|insert|syrup|elixir|lozenges?"
    r"|suppositor(?:y|ies))"
)
_US_USE = rf"\b{_US_FORM}\b[^()\n]{{0,60}}\bfor [a-z, -]{{1,60}}\buse\b.{{0,40}}"
# "EXAMPLOL (examplolol succinate) tablets, for oral use", and "EXAMPLOLOL tablets, for oral use"
_US_TITLES = [
    re.compile(rf"[A-Z][^()\n]{{1,60}}\(([a-z][^()\n]{{2,100}})\)[^()\n]{{0,40}}{_US_USE}"),
    re.compile(rf"([A-Z][A-Z ,-]{{3,80}}) (?:[a-z][a-z -]{{0,30}})?{_US_USE}"),
]
_US_FORM_BEHIND = re.compile(rf"\s(?:for )?{_US_FORM}\b.*")
_US_PARTS = re.compile(r",|/|;|\band\b")
_NAMES = """
通用名称 通用名稱 通用名 商品名称 商品名稱 商品名 商标名 商標名 商标 商標 中文名称 中文名稱 中文名
英文名称 英文名稱 英文名 汉语拼音 漢語拼音 拼音名 拼音 曾用名 别名 別名 品名
化学名称 化學名稱 化学名 化學名
"""
# A space may stand for the colon behind the longer ones, and between characters.
_NAME_FIELD = re.compile(
    r"(?<![药藥商产產])(" + "|".join(r"[^\S\n]?".join(field) for field in _NAMES.split()) + r")"
    r"(?:[^\S\n]{0,3}[:：]|(?<=[称稱音])[^\S\n]+(?=\S))"
)
_NO_BRAND = frozenset({"", "无", "無", "/", "-", "—", "——", "暂无"})


def without_document_word(title: str) -> str:
    """Leave out marks and a last word that says only that this is an insert."""
    return _DOCUMENT_WORD.sub("", title.strip(_TRIM)).strip(_TRIM)


def product_name(parts: list[Part]) -> str:
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
    for line in [*_chinese_titles(parts), *lines]:
        name = without_document_word(line)
        if not _NO_NAME.match(name):
            is_sentence = name.endswith((".", "。", ";", "；", ",", "，"))
            return "" if is_sentence or len(name) > _LONGEST_NAME else name
    return ""


def _chinese_titles(parts: list[Part]) -> list[str]:
    """Find the lines above the sections of an insert that say that it is one: "某某片说明书"."""
    above = takewhile(lambda part: part.name not in CANONICAL_SECTIONS, parts)
    lines = chain.from_iterable(part.body[:_NAME_SCOPE].splitlines() for part in above)
    return [line for line in lines if _DOCUMENT_WORD.search(line.strip(_TRIM))]


def eu_substances(parts: list[Part]) -> tuple[str, ...]:
    """Read the line of active substances that stands under the name of an EU leaflet."""
    lines = [line.strip() for line in parts[0].body[:_NAME_SCOPE].splitlines() if line.strip()]
    if not any(_LEAFLET_LINE.match(line) for line in lines):
        return ()
    for line in lines[:8]:
        if len(line) <= _LONGEST_NAME and _SUBSTANCES.fullmatch(line):
            return tuple(word.strip() for word in line.split("/") if word.strip())
    return ()


def us_substances(parts: list[Part]) -> tuple[str, ...]:
    """Read the substances in the title of a US label: in brackets, or else its name itself.

    Source:
        21 CFR 201.57(a)(2): proprietary name, established name, dosage form, route.
    """
    lines = chain.from_iterable(part.body[:_NAME_SCOPE].splitlines() for part in parts[:3])
    found = (form.fullmatch(line.strip(_TRIM)) for line in lines for form in _US_TITLES)
    title = next(filter(None, found), None)
    told = _US_FORM_BEHIND.sub("", title[1].lower()) if title else ""
    names = (name.strip() for name in _US_PARTS.split(told))
    return tuple(name for name in names if _SUBSTANCES.fullmatch(name))


def chinese_names(parts: list[Part]) -> tuple[str, tuple[str, ...]]:
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
        name for name in found["other_name"] if HAN.search(name) and not chinese_heading_kind(name)
    ]
    generic = next(filter(None, [*found["generic_name"], *unnamed]), "")
    brands = dict.fromkeys(name for name in found["brand_name"] if name not in _NO_BRAND)
    return generic, tuple(brands)


def _name_value(text: str) -> str:
    """Take the first line of a name field, without the mark that ends it."""
    value = (text.strip().splitlines() or [""])[0].strip(_TRIM + "。；;，,、[]【】")
    return value if len(value) <= _LONGEST_NAME else ""
