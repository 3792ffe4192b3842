"""The texts of a record -> sections: named, each text once, without the heading printed in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple
from unicodedata import normalize

from drugtext.errors import ReadError
from drugtext.inserts.headings import HAN, canonical_name, heading_key
from drugtext.inserts.insert import CANONICAL_SECTIONS, Section, join_sections
from drugtext.inserts.page import without_tags

# openFDA's names for what a Structured Product Label calls otherwise.
_OWN_NAMES = {
    "package_label_principal_display_panel": "package label",
    "spl_unclassified_section": "unclassified",
}
# Here the heading is part of the text: what a boxed warning is about, which population is meant,
# the words with which a sentence of an OTC label begins ("Ask a doctor before use if you have").
_HEADING_SAYS_MORE = frozenset(
    {
        *("boxed_warning", "use_in_specific_populations", "do_not_use", "ask_doctor"),
        *("ask_doctor_or_pharmacist", "when_using", "stop_use", "keep_out_of_reach_of_children"),
    }
)
_SMALL = frozenset({"and", "or", "of", "in", "for", "with", "to", "the"})
_MOST_PIECES = 200  # the search for repeats compares each with each; real records have under 100
_SHORTEST_REPEAT = 80  # characters; a shorter text ("None.") is found inside others by chance
_LONGEST_HEADING = 8  # words, its number included: "17 PATIENT COUNSELING INFORMATION"
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # what JSON can escape, but no text holds
_MOST_EXACT = 2**53
_TEXTS = (str, int, float)  # a strength, too, is text
_KINDS = {
    dict: "a mapping",
    list: "a list",
    str: "a text",
    bool: "true or false",
    type(None): "null",
}


class _Piece(NamedTuple):
    """One text of a record: the field it came from, the section it belongs to."""

    field: str
    name: str
    text: str


def sections_of(fields: Mapping[str, object], source: str) -> dict[str, str]:
    """Make sections of the fields that hold them.

    Args:
        fields: heading or openFDA field name -> text, list of texts, or None.
        source: the file's name, for messages.

    Returns:
        Section name -> text, in the order of the fields. A name is canonical where the field has
        a canonical one, else the field's in lower case with spaces; Chinese headings stay.

    Raises:
        ReadError: a field holds something else than text.
    """
    pieces: dict[tuple[str, str], _Piece] = {}
    for field, value in fields.items():
        values = value if isinstance(value, list | tuple) else [value]
        values = [v for v in values if v is not None and v == v]  # nor what a table calls NaN
        wrong = next((v for v in values if isinstance(v, bool) or not isinstance(v, _TEXTS)), None)
        if wrong is not None:
            raise ReadError(
                source, f"section {field[:40]!r} holds {kind_of(wrong)}; text is needed."
            )
        name = _section_name(clean(field))
        texts = (without_tags(clean(str(value))) for value in values)
        for text in filter(None, texts):
            pieces.setdefault((name, text), _Piece(field, name, text))
    sections: dict[str, list[str]] = {}
    for piece in _without_repeats(list(pieces.values())):
        sections.setdefault(piece.name, []).append(_without_heading(piece))
    return join_sections(
        Section(name, "\n\n".join(filter(None, texts))) for name, texts in sections.items()
    )


def is_known(name: str) -> bool:
    """Tell a section of an insert from any other field of a record."""
    return name in CANONICAL_SECTIONS or name in _OWN_NAMES.values()


def _section_name(heading: str) -> str:
    own = heading if HAN.search(heading) else heading_key(heading)
    return _OWN_NAMES.get(heading) or canonical_name(heading) or own or heading


def _without_repeats(pieces: list[_Piece]) -> list[_Piece]:
    """Keep each text once: openFDA gives a subsection within its section and again on its own.

    A subsection with a canonical name of its own (mechanism of action) is cut out of the section
    around it; any other stays only where it stands.
    """
    if len(pieces) > _MOST_PIECES:
        return pieces
    longest_first = sorted(pieces, key=lambda piece: len(piece.text), reverse=True)
    kept = [piece for piece in pieces if not _is_said_in_one(piece, longest_first)]
    own = [p for p in kept if p.name in CANONICAL_SECTIONS and len(p.text) >= _SHORTEST_REPEAT]
    own.sort(key=lambda piece: len(piece.text), reverse=True)  # one may stand within another
    return [piece._replace(text=_cut_out(piece, own)) for piece in kept]


def _is_said_in_one(piece: _Piece, longest_first: list[_Piece]) -> bool:
    """Tell whether a piece adds nothing to one of the longer ones."""
    is_own = piece.name in CANONICAL_SECTIONS or len(piece.text) < _SHORTEST_REPEAT
    for around in longest_first:
        if len(around.text) <= len(piece.text):
            return False
        if (piece.name == around.name or not is_own) and piece.text in around.text:
            return True
    return False


def _cut_out(piece: _Piece, own: list[_Piece]) -> str:
    text = piece.text
    for inner in own:
        if inner.name != piece.name and len(inner.text) < len(text):
            text = "\n".join(filter(None, map(str.strip, text.split(inner.text, 1))))
    return text


def _without_heading(piece: _Piece) -> str:
    """Drop the printed heading that openFDA leaves in front ("1 INDICATIONS AND USAGE …")."""
    words = piece.text.split(maxsplit=_LONGEST_HEADING)
    of_heading = takewhile(_may_be_in_heading, words[:_LONGEST_HEADING])  # the others end it
    for n_words in range(len([*of_heading]), 0, -1):
        heading = " ".join(words[:n_words])
        below = words[n_words] if n_words < len(words) else ""
        if _is_printed_heading(heading, below, piece) and _says_no_more(heading, piece):
            return re.sub(r"\S+\s*", "", piece.text, count=n_words)
    return piece.text


def _may_be_in_heading(word: str) -> bool:
    return _is_title_word(word) or word == word.upper()


def _is_title_word(word: str) -> bool:
    return not word.islower() or word in _SMALL


def _is_printed_heading(words: str, below: str, piece: _Piece) -> bool:
    """Tell a heading from the first words of a sentence: in capitals, numbered, or the field's."""
    is_title = all(map(_is_title_word, words.split()))
    is_field = heading_key(words) == heading_key(piece.field) and not below[:1].islower()
    return words == words.upper() or (is_title and (words[0].isdigit() or is_field))


def _says_no_more(heading: str, piece: _Piece) -> bool:
    """Tell whether a heading says what the section's name says, and nothing of its own."""
    if piece.name in _HEADING_SAYS_MORE or piece.field in _HEADING_SAYS_MORE:
        return heading_key(heading) == piece.name.replace("_", " ")
    return _section_name(heading) == piece.name


def texts_in(fields: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Give the texts of a field that holds one or a list of them; what is no text is left out."""
    texts = [value for value in _listed(fields, key) if isinstance(value, str)]
    return tuple(filter(None, map(clean, texts)))


def codes_in(fields: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Give the codes of a field as `texts_in` does; whole numbers are codes, too, 7.0 as 7."""
    listed = _listed(fields, key)
    whole = (int(v) if isinstance(v, float) and _is_whole(v) else v for v in listed)
    codes = [normalize("NFC", str(value)) for value in whole if type(value) in (int, str)]
    return tuple(filter(None, map(clean, codes)))


def _is_whole(number: float) -> bool:
    """Tell a number that a table wrote as 7.0."""
    return number.is_integer() and abs(number) < _MOST_EXACT


def _listed(fields: Mapping[str, object], key: str) -> Sequence[object]:
    value = fields.get(key)
    return value if isinstance(value, list | tuple) else [value]


def clean(text: str) -> str:
    """Strip a text, and replace by spaces what JSON can escape but no text holds."""
    return (text if _is_text(text) else _NO_TEXT.sub(" ", text)).strip()


def _is_text(text: str) -> bool:
    """Tell whether a text can be written down; to encode it is faster than to search it."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def kind_of(value: object) -> str:
    """Say in a word what was found, for messages."""
    return _KINDS.get(type(value), "a number")
