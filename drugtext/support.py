"""Inserts that come with their category: a folder of category folders, JSON lines or CSV."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unicodedata import normalize

from drugtext.errors import CorpusError, ReadError
from drugtext.inserts.archive import is_passed_over
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts
from drugtext.inserts.text import as_utf8


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
            counts; or, where they give neither, such as 类别.
        taxonomy_name: whose codes to take from a record that gives no `category`.
        on_error: called with each file or record that cannot be read or has no category; without it
            the first one raises.

    Yields:
        Insert and category, in order.

    Raises:
        ReadError: a file cannot be read, or a record has no category, and `on_error` is None.
        CorpusError: a folder holds no folder.
    """
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises at a name that is too long
        try:
            there = sorted(f for f in Path(path).iterdir() if not is_passed_over(f.name))
            folders = [f for f in there if f.is_dir()]
            beside = [f for f in there if not f.is_dir()]
        except OSError as error:
            reason = f"the folder cannot be listed ({error.strerror}); check its permissions."
            raise ReadError(os.fspath(path), reason) from error
        if not folders:
            raise CorpusError(
                f"{path}: holds no folder; one folder a category, with its inserts, is needed."
            )
        for file in beside:
            alone = ReadError(str(file), "stands in no category's folder; move it into one.")
            if on_error is None:
                raise alone
            on_error(alone)
        for folder in folders:
            # What of a name is no UTF-8 cannot be a category's, nor be written down.
            # Spellings of one name must be one: macOS writes an accent behind its letter.
            category = normalize("NFC", as_utf8(folder.name))
            for insert in read_inserts(folder, on_error=on_error):
                yield insert, category
        return
    for insert in read_inserts(path, on_error=on_error):
        given = insert.categories.get("category", ()) + insert.categories.get(taxonomy_name, ())
        if given:
            yield insert, given[0]
            continue
        reason = f'{insert.name or "a record"} has no "category"; give it one.'
        without = ReadError(insert.place, reason)
        if on_error is None:
            raise without
        on_error(without)
