"""Which of an ingredient's ATC codes an insert means: the one of the route that it names.

A table of ingredients gives betaxolol a code for the heart (C07AB05) and one for the eye (S01ED02).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPENING = 250  # characters: further on, other medicines and their routes are spoken of
_SKIN = "skin"
_LOCAL_ROUTES = {
    "eye": (r"\bophthalmic (?!disease)|\beye ?drops?\b|\bconjunctiv|\bintravitreal", ("S01",)),
    "ear": (r"\botic\b|\bear ?drops?\b|\botitis externa", ("S02",)),
    "nose": (r"\bnasal (?:spray|solution|gel|ointment|allergy)|\bintranasal", ("R01",)),
    "lung": (r"\binhalation (?:aerosol|powder|solution|suspension)|\bnebuliz", ("R03",)),
    "vagina": (r"\bvaginal (?:cream|gel|insert|suppositor|ovule|tablet)", ("G01",)),
    "rectum": (r"\brectal|\benema|\bproctitis|\bhemorrhoid", ("A07", "C05")),
    "mouth": (r"\bdental paste|\boral (?:inflammatory|paste|rinse|topical)", ("A01",)),
    _SKIN: (
        r"\b(?:cream|ointment|lotion|shampoo|dermatoses|foam)\b"
        r"|\btopical (?:gel|solution|suspension|treatment|application|powder)",
        ("D", "M02"),
    ),
}
"""Route -> the words that name it, and the ATC groups of what is given by it (WHO, Guidelines for
ATC classification and DDD assignment, chapters A01, C05, D, G01, M02, R01, R03, S)."""
_SYSTEMIC = re.compile(r"\b(?:tablets?|capsules?|injections?|oral(?:ly)? (?!inflam|paste|rinse))")
_NOT_FOR = re.compile(r"\bnot (?:indicated )?for\b[^.]*")


def codes_of_route(codes: Sequence[str], candidates: Sequence[str], text: str) -> tuple[str, ...]:
    """Choose among an ingredient's codes those that fit the route that an insert names.

    Args:
        codes: ATC codes that were joined to the insert by its ingredient.
        candidates: all ATC codes of the ingredient.
        text: of the indications, or of what the insert has.

    Returns:
        The candidates that are given by the routes named. The codes as they are where none is, or
        where the beginning of the text names no local route, or a systemic form beside it.
    """
    groups = tuple(group for route in _local_routes(text) for group in _LOCAL_ROUTES[route][1])
    every = dict.fromkeys([*codes, *candidates])
    fitting = tuple(code for code in every if groups and code.startswith(groups))
    return fitting or tuple(codes)


def _local_routes(text: str) -> list[str]:
    """Return the local routes that the beginning of a text names; none beside a systemic form."""
    opening = _NOT_FOR.sub("", " ".join(text.split())[:_OPENING].lower())
    if _SYSTEMIC.search(opening):
        return []
    named = [route for route, (words, _) in _LOCAL_ROUTES.items() if re.search(words, opening)]
    return named if named == [_SKIN] else [route for route in named if route != _SKIN]
