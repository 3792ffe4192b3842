"""Inserts in lists of some, however many and however long they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drugtext.errors import DrugTextError
from drugtext.inserts.insert import DrugInsert

INSERTS_A_BATCH = 64
FIRST_BATCH = 16
"""So that the first answers come at once; each next one is twice as large."""

CHARACTERS_A_BATCH = 8_000_000
"""About; twice as many as those of 64 full labels."""


def batches(
    inserts: Iterable[DrugInsert], size: int = INSERTS_A_BATCH
) -> Iterator[list[DrugInsert]]:
    """Yield inserts in lists: of a few at first, then more, and fewer where they are long.

    Args:
        inserts: any number of them.
        size: most that are in a list.

    Raises:
        DrugTextError: a single insert or a text was given.
    """
    check_is_list(inserts)
    batch: list[DrugInsert] = []
    n_characters, full = 0, min(FIRST_BATCH, size)
    for insert in inserts:
        batch.append(insert)
        if isinstance(insert, DrugInsert):  # what else is given is refused later, by name
            n_characters += sum(map(len, insert.sections.values()))
        if len(batch) == full or n_characters > CHARACTERS_A_BATCH:
            yield batch
            batch, n_characters, full = [], 0, min(2 * full, size)
    if batch:
        yield batch


def check_is_list(inserts: Iterable[DrugInsert]) -> None:
    """Refuse a single insert or a text; `DrugTextError` says what is needed."""
    if isinstance(inserts, DrugInsert | str):
        raise DrugTextError(
            f"found one {type(inserts).__name__}; a list of DrugInsert is needed: [insert]."
        )
