"""Headings of US, EU and Chinese inserts, mapped onto the canonical section names."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from drugtext.inserts.heading_tables import (
    BRAND_NAME,
    CHINESE,
    ENGLISH,
    GENERIC_NAME,
    OTHER_NAME,
    OWN,
    PATTERN_STARTS,
    PATTERNS,
    PLAIN_PAIRS,
    TRADITIONAL,
)

LONGEST_HEADING = 200
"""Characters; no line longer than this is taken for a heading."""

HAN = re.compile(r"[\u3400-\u9fff]")
"""A Chinese character."""

_NUMBER = re.compile(
    r"(?:section )?(?:\(?\d{1,2}(?:\.\d{1,2}){0,3}\)?(?![\d%])[.、:)]?(?=\D)"
    r"|\(?[一二三四五六七八九十]{1,3}[)、.:]"
    r"|[ivx]{1,4}[.)]\s|[a-z][.)]\s)\s*",
)
_EDGE = " \t\n\r:;,。.、*#?•·●○◆◇■□▪▲△►▶★☆※-–—=~|【】［］[]〖〗〔〕《》<>「」『』“”\"'"
_POPULATION = re.compile(
    r".{0,6}(孕妇|妊娠|怀孕|哺乳|授乳|儿童|小儿|老年|老人|功能不全).{0,10}(用药|使用|妇女|患者)"
)
_PARENTHESIS = re.compile(r"\s*\([^()]*\)$")
_LATIN = re.compile(r"^[a-z &/]+(?=[\u3400-\u9fff])|(?<=[\u3400-\u9fff])[a-z &/]+$")
_SPACE = re.compile(r"\s+")


def _tables() -> tuple[dict[str, str], dict[str, str]]:
    """Lay out the tables as key -> canonical name and key -> kind of other heading."""
    canonical = {
        key.strip(): name
        for name, keys in ENGLISH.items()
        for key in _SPACE.sub(" ", keys).split(";")
    }
    canonical |= {key: name for name, keys in CHINESE.items() for key in keys.split()}
    other = {key.lower(): "own" for key in OWN.split()}
    other |= dict.fromkeys(OTHER_NAME.split(), "other_name")
    other |= dict.fromkeys(GENERIC_NAME.split(), "generic_name")
    other |= dict.fromkeys(BRAND_NAME.split(), "brand_name")
    return canonical, {key: kind for key, kind in other.items() if key not in canonical}


_CANONICAL, _OTHER = _tables()


@lru_cache(maxsize=8192)
def heading_key(heading: str) -> str:
    """Bring a heading into the form in which the tables hold it.

    Args:
        heading: a heading in any style, numbered, bracketed or spaced out.

    Returns:
        Lower case without number, brackets and end punctuation; Chinese headings simplified and
        without spaces; empty where the text is too long for a heading.
    """
    if len(heading) > LONGEST_HEADING:
        return ""
    key = unicodedata.normalize("NFKC", heading).lower().replace("_", " ").replace("’", "'")
    key = _NUMBER.sub("", key.strip(_EDGE), count=1).strip(_EDGE)
    if HAN.search(key):
        key = _SPACE.sub("", key).translate(TRADITIONAL)
    else:
        key = _SPACE.sub(" ", key.replace("&", " and ")).replace(" / ", "/")
    return key


@lru_cache(maxsize=8192)
def canonical_name(heading: str) -> str | None:
    """Name the canonical section that a heading opens.

    Args:
        heading: a printed heading ("4.3 Contraindications", "【禁 忌】") or an openFDA field name
            ("do_not_use").

    Returns:
        One of `CANONICAL_SECTIONS`; None where the heading belongs to none of them.
    """
    key = heading_key(heading)
    if HAN.search(key):
        is_population = _POPULATION.fullmatch(key)
        other = "use_in_specific_populations" if is_population else None
        return _CANONICAL.get(key) or _CANONICAL.get(chinese_key(heading)) or other
    name = _CANONICAL.get(key) or _CANONICAL.get(_PARENTHESIS.sub("", key).strip(_EDGE))
    if name:
        return name
    if key.startswith("warnings: ") and heading.isupper():
        return "boxed_warning"
    if not key.startswith(PATTERN_STARTS):
        return None
    return next((name for name, pattern in PATTERNS if pattern.fullmatch(key)), None)


def chinese_key(heading: str) -> str:
    """Return the key of a Chinese heading without its translation: "适应症 (Indications)"."""
    return _LATIN.sub("", _PARENTHESIS.sub("", heading_key(heading))).strip(_EDGE)


def simplified(text: str) -> str:
    """Fold the traditional characters that headings are made of; every offset stays in place."""
    return text.translate(TRADITIONAL)


@lru_cache(maxsize=8192)
def chinese_heading_kind(heading: str) -> str | None:
    """Tell what a Chinese heading announces, canonical or not.

    Args:
        heading: a Chinese heading in any style.

    Returns:
        "section" for a canonical section, "generic_name", "brand_name" or "other_name" for the
        product's names, "own" for other headings of Chinese inserts (有效期, 批准文号 and so on),
        None for anything else.
    """
    key = heading_key(heading)
    if not HAN.search(key):
        return None
    if canonical_name(heading):
        return "section"
    without_latin = chinese_key(heading)
    is_told = without_latin == key or len(without_latin) > 2  # "MRI检查" is no heading
    return _OTHER.get(key) or (_OTHER.get(without_latin) if is_told else None)


def plain_chinese_headings() -> frozenset[str]:
    """List the keys that open a section even without brackets around them.

    Returns:
        Keys as `heading_key` gives them. Words of two characters that also begin lines within a
        section, such as 儿童 or 用法, are left out.
    """
    keys = frozenset(key for key in (*_CANONICAL, *_OTHER) if HAN.match(key))
    return frozenset(key for key in keys if len(key) > 2 or key in PLAIN_PAIRS)
