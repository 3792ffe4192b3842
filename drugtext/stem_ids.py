"""An insert's own names -> the pieces that stems show in: -olol, -pril, -sartan, cef-.

International nonproprietary names are built of stems, which tell the class of a drug that nobody
met: WHO, The use of stems in the selection of INN for pharmaceutical substances.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable
from math import log

from drugtext.errors import TrainingError
from drugtext.inserts.insert import DrugInsert
from drugtext.splits import all_substances

_SHORTEST, _LONGEST = 3, 5
"""Characters of a piece, the marks of a word's beginning and end among them."""
_MOST_CHARACTERS = 300
"""Of a name: no substance is called longer, and a file that means harm may hold anything."""


def stem_ids(insert: DrugInsert) -> list[int]:
    """Return the pieces of an insert's ingredients, or of its name where nobody told them.

    As `stem_ids_of` gives them; none for an insert without names.
    """
    return stem_ids_of(_told(insert))


def stem_ids_of(names: Iterable[str]) -> list[int]:
    """Return the pieces of a drug's names.

    Salts and other words that name no substance are left out, and so is what stands behind
    `_MOST_CHARACTERS` of a name.

    Returns:
        A number for each different piece, in [0, 2^32), rising.
    """
    words = (f"^{word}$" for word in _substances(names) if word)
    pieces = {
        word[start : start + length]
        for word in words
        for length in range(_SHORTEST, _LONGEST + 1)
        for start in range(len(word) - length + 1)
    }
    return sorted({zlib.crc32(piece.encode("utf-8", "replace")) for piece in pieces})


def _told(insert: DrugInsert) -> tuple[str, ...]:
    return insert.ingredients or ((insert.name,) if insert.name else ())


def _substances(names: Iterable[str]) -> frozenset[str]:
    return all_substances(name[:_MOST_CHARACTERS] for name in names)


def stem_weights(inserts: Iterable[DrugInsert]) -> dict[int, float]:
    """Weigh the pieces by how few drugs have them.

    Args:
        inserts: with their names; those of one drug count once, those without none.

    Returns:
        Piece, as `stem_ids` numbers it -> logarithm of drugs over drugs with it, rising in the
        piece. One that a single drug has tells nothing of others, and is left out.

    Raises:
        TrainingError: no two drugs share a piece of their names that others lack.

    Source:
        Inverse document frequency: Spärck Jones 1972, doi:10.1108/eb026526.
    """
    drugs_with: dict[int, set[frozenset[str]]] = defaultdict(set)
    drugs = set()
    for insert in inserts:
        pieces = stem_ids(insert)
        if pieces:
            drugs.add(drug := _substances(_told(insert)))
        for piece in pieces:
            drugs_with[piece].add(drug)
    found = {
        piece: log(len(drugs) / len(its))
        for piece, its in sorted(drugs_with.items())
        if 1 < len(its) < len(drugs)
    }
    if not found:
        raise TrainingError(
            f"found {len(drugs)} drugs with names, no two of which share a piece that others lack;"
            " stems are learnt from some hundreds of drugs whose ingredients are told."
        )
    return found
