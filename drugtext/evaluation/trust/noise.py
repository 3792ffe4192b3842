"""What happens to inserts on their way from paper: misread, mistyped, cut, out of order.

Two levels. Of characters: OCR, typing and case change the text inside each section, and leave the
sections and their order as they are. Of inserts: the others leave every character that they keep
as it is, and move sections, take them away or run them together.

The names of sections are never misread: a noise is of texts whose headings were recognised, but
for "no headings". What stands beside the sections (name, ingredients, language, source, …) stays.
An insert that has text keeps some.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise

from drugtext.inserts.headings import HAN
from drugtext.inserts.insert import DrugInsert

Noise = Callable[[DrugInsert, random.Random], DrugInsert]
"""Makes of an insert a worse copy; the same one with a generator of the same state."""

UNHEADED = "text"
"""The section that a text without headings is read into, as `read_inserts` does with records."""

_SPACING_SHARE = 0.5  # of OCR errors at the end of a word; the others are of its last letter
_BROKEN_SHARE = 0.1  # of OCR errors inside a word
# First what is printed, then what it may be read as.
_MISREAD = """
rn m | cl d | vv w | li h | ri n | ii u | fi f | tt tl | m rn nn | d cl | w vv | h b li | n u ri
a o s | b h 6 | c e o | e c o | f t | g q 9 | i l 1 j | j i ; | k lc h | l 1 I i | o 0 c | p n P
q g | r t v | s 5 a | t f l | u ii n | v y | x z | y v | z 2 | A 4 | B 8 3 | C G ( | D O 0 | E F
F E P | G 6 C | H N II | I l 1 | J I | K R | L I l | M N IVI | N M IV | O 0 Q | P F | Q O | R K
S 5 s | T 7 I | U V | V U Y | W VV | X K | Y V | Z 2 | 0 O o | 1 l I | 2 Z | 3 8 | 4 A | 5 S | 6 G b
7 1 T | 8 B 3 | 9 g q | , . | . , | : ; | ; : | - ~ _ | – - | ( C { | ) } | % 96 | ° o | / l | ® @
µ u | μ u | β B ß | α a | γ y | ä a | ö o 6 | ü u ii | ß B | é e | è e | ê e | à a | ç c | ñ n
。 . | ， , | 、 , | ： : | ； ;
"""
_ALIKE = "未末 己已 日曰 人入 土士 大太 天夫 千干 目自 问间 体休 侯候 王玉 本木 力刀 田由 治冶"
_KEYBOARD = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def with_ocr_errors(insert: DrugInsert, rng: random.Random, rate: float) -> DrugInsert:
    """Misread characters as a scanner does: rn for m, 1 for l; spaces; words broken at line ends.

    Of characters.

    Args:
        insert: stays as it is.
        rng: decides where, and what.
        rate: share of the characters outside white space that an error befalls, in [0, 1].
    """
    return _in_each_text(insert, partial(_with_errors, rng=rng, rate=rate, error=_misread))


def with_typos(insert: DrugInsert, rng: random.Random, rate: float) -> DrugInsert:
    """Swap, drop, double characters, or hit the key beside, as a typist does.

    Of characters.

    Args:
        insert: stays as it is.
        rng: decides where, and what.
        rate: share of the characters outside white space that an error befalls, in [0, 1].
    """
    return _in_each_text(insert, partial(_with_errors, rng=rng, rate=rate, error=_mistype))


def in_upper_case(insert: DrugInsert, rng: random.Random) -> DrugInsert:  # noqa: ARG001
    """Print all texts in capitals. Of characters; nothing is drawn."""
    return _in_each_text(insert, str.upper)


def in_lower_case(insert: DrugInsert, rng: random.Random) -> DrugInsert:  # noqa: ARG001
    """Print all texts in small letters. Of characters; nothing is drawn."""
    return _in_each_text(insert, str.lower)


def with_sections_shuffled(insert: DrugInsert, rng: random.Random) -> DrugInsert:
    """Put the sections in any order, by chance in the same. Of inserts."""
    items = list(insert.sections.items())
    rng.shuffle(items)
    return replace(insert, sections=dict(items))


def without_headings(insert: DrugInsert, rng: random.Random) -> DrugInsert:  # noqa: ARG001
    """Run all sections together into one of no known name. Of inserts; nothing is drawn."""
    return _with_sections(insert, {UNHEADED: insert.text})


def without_indications(insert: DrugInsert, rng: random.Random) -> DrugInsert:  # noqa: ARG001
    """Leave out the indications, unless no other section has text. Of inserts; nothing is drawn."""
    others = {n: text for n, text in insert.sections.items() if n != "indications_and_usage"}
    return _with_sections(insert, others)


def first_half(insert: DrugInsert, rng: random.Random) -> DrugInsert:  # noqa: ARG001
    """Keep the first half of the characters, in reading order. Of inserts; nothing is drawn.

    Of an odd number, this half has one more. The section that is cut through keeps its name in
    either half; one of which nothing but white space is left is left out.
    """
    return _with_sections(insert, _cut(insert.sections, 0, _middle(insert)))


def second_half(insert: DrugInsert, rng: random.Random) -> DrugInsert:  # noqa: ARG001
    """Keep what `first_half` leaves. Of inserts; nothing is drawn."""
    return _with_sections(insert, _cut(insert.sections, _middle(insert), None))


NOISES: dict[str, Noise] = {
    "ocr, 2 %": partial(with_ocr_errors, rate=0.02),
    "ocr, 5 %": partial(with_ocr_errors, rate=0.05),
    "typos, 2 %": partial(with_typos, rate=0.02),
    "upper case": in_upper_case,
    "lower case": in_lower_case,
    "shuffled sections": with_sections_shuffled,
    "no headings": without_headings,
    "indications missing": without_indications,
    "first half": first_half,
    "second half": second_half,
}
"""Name of a noise -> the noise."""


def _in_each_text(insert: DrugInsert, change: Callable[[str], str]) -> DrugInsert:
    """Change the text of each section; one that would lose all of it keeps it unchanged."""
    changed = {name: (change(text), text) for name, text in insert.sections.items()}
    kept = {name: new if new.strip() else old for name, (new, old) in changed.items()}
    return replace(insert, sections=kept)


def _with_sections(insert: DrugInsert, sections: Mapping[str, str]) -> DrugInsert:
    """Return the insert with these sections alone; as it is if they hold no text."""
    return replace(insert, sections=sections) if "".join(sections.values()).strip() else insert


def _middle(insert: DrugInsert) -> int:
    return (sum(map(len, insert.sections.values())) + 1) // 2


def _cut(sections: Mapping[str, str], start: int, end: int | None) -> dict[str, str]:
    """Keep the characters from start to end, counted across the sections."""
    kept: dict[str, str] = {}
    before = 0
    for name, text in sections.items():
        part = text[max(0, start - before) : None if end is None else max(0, end - before)]
        if part.strip():
            kept[name] = part
        before += len(text)
    return kept


def _with_errors(
    text: str,
    rng: random.Random,
    rate: float,
    error: Callable[[str, int, random.Random], tuple[str, str]],
) -> str:
    """Let one error befall each character outside white space with the probability `rate`.

    `error` gets the text and the place, and returns what it takes from there and what it puts.
    """
    parts: list[str] = []
    place = 0
    while place < len(text):
        taken = put = text[place]
        if not taken.isspace() and rng.random() < rate:
            taken, put = error(text, place, rng)
        parts.append(put)
        place += len(taken)
    return "".join(parts)


def _misread(text: str, place: int, rng: random.Random) -> tuple[str, str]:
    """Misread the character at a place: its space, its word's line end, its shape; or not at all.

    A character that looks like no other is lost.
    """
    here, pair = text[place], text[place : place + 2]
    if pair[1:] == " " and rng.random() < _SPACING_SHARE:
        return pair, rng.choice([here, f"{here}  "])
    if _is_in_word(text[max(0, place - 1) : place + 3]) and rng.random() < _BROKEN_SHARE:
        return here, f"{here}-\n"
    seen = pair if pair in _LOOKS_LIKE else here
    return seen, rng.choice(_LOOKS_LIKE.get(seen, [""]))


def _is_in_word(around: str) -> bool:
    """Tell whether these are four letters of a word, such as a hyphen can part in the middle."""
    return len(around) == 4 and around.isalpha() and not HAN.search(around)


def _mistype(text: str, place: int, rng: random.Random) -> tuple[str, str]:
    """Mistype the character at a place."""
    here, pair = text[place], text[place : place + 2]
    choices = [(here, ""), (here, here * 2)]
    if len(pair) == 2 and pair[0] != pair[1] and not pair[1].isspace():
        choices.append((pair, pair[::-1]))
    if keys := _BESIDE.get(here.lower()):
        key = rng.choice(keys)
        choices.append((here, key.upper() if here.isupper() else key))
    return rng.choice(choices)


def _lookalikes() -> dict[str, list[str]]:
    """Make `_MISREAD` and `_ALIKE` a mapping: what is printed -> what it may be read as."""
    rows = [row.split() for line in _MISREAD.splitlines() for row in line.split(" | ")]
    found = {printed: read for printed, *read in filter(None, rows)}
    for pair in _ALIKE.split():
        one, other = pair[0], pair[1]
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found


def _keys_beside() -> dict[str, str]:
    """Map each key of a QWERTY keyboard to those that touch it; each row stands half a key in."""
    found: dict[str, set[str]] = {key: set() for row in _KEYBOARD for key in row}
    beside = [pair for row in _KEYBOARD for pair in pairwise(row)]
    for above, below in pairwise(_KEYBOARD):
        beside += [*zip(above, below, strict=False), *zip(above[1:], below, strict=False)]
    for one, other in beside:
        found[one].add(other)
        found[other].add(one)
    return {key: "".join(sorted(keys)) for key, keys in found.items()}


_LOOKS_LIKE = _lookalikes()
_BESIDE = _keys_beside()
