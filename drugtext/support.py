"""Inserts that come with their category: a folder of category folders, JSON lines or CSV."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from drugtext.errors import CorpusError, ReadError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts


def read_support(
    path: str | os.PathLike[str],
    *,
    taxonomy_name: str = "",
    on_error: Callable[[ReadError], None] | None = None,
) -> Iterator[tuple[DrugInsert, str]]:
    """Read inserts together with the category of each.

    Args:
        path: a folder with one folder a category, its name the category's; or a file whose records
            give a `category`, or the codes of the taxonomy (`atc`, `epc`), the first of which
            counts.
        taxonomy_name: whose codes to take from a record that gives no `category`.
        on_error: called with each file or record that cannot be read or has no category; without it
            the first one raises.

    Yields:
        Insert and category, in order.

    Raises:
        ReadError: a file cannot be read, or a record has no category, and `on_error` is None.
        CorpusError: a folder holds no folder.
    """
    if Path(path).is_dir():
        folders = sorted(f for f in Path(path).iterdir() if f.is_dir() and f.name[0] != ".")
        if not folders:
            raise CorpusError(
                f"{path}: holds no folder; one folder a category, with its inserts, is needed."
            )
        for folder in folders:
            for insert in read_inserts(folder, on_error=on_error):
                yield insert, folder.name
        return
    for insert in read_inserts(path, on_error=on_error):
        given = insert.categories.get("category", ()) + insert.categories.get(taxonomy_name, ())
        if given:
            yield insert, given[0]
            continue
        reason = f'{insert.name or "a record"} has no "category"; give it one.'
        error = ReadError(insert.source, reason)
        if on_error is None:
            raise error
        on_error(error)
