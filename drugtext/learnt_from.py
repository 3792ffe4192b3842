"""From which inserts a registry has learnt a category: told by the changes that led to it."""

from __future__ import annotations

from collections.abc import Iterator, Set

from drugtext.version_store import Version, VersionStore


def learnt_from(store: VersionStore, called: Set[str]) -> Iterator[Version]:
    """Yield the versions, the newest first, in which a category of today has learnt from inserts.

    A split learns each of the new ones from its own inserts, and its version tells those of all: an
    insert of one is none for another. What stands before a version that was deleted is not told.

    Args:
        store: of the registry.
        called: id and name of the category in the version that is used.
    """
    names, kept = {*called}, {*store.numbers()}
    number: int | None = store.current()
    while names and number in kept:
        version = store.version(number)
        yield from _before(version, names)
        number = version.parent


def _before(version: Version, names: set[str]) -> Iterator[Version]:
    """Yield a version that learnt what is so called, and say in place how it was called before."""
    first, *others = version.categories
    if version.action in ("add", "extend") and first in names:
        yield version
    if version.action == "add":
        names.discard(first)  # what was so called before was another one
    elif version.action == "split" and not names.isdisjoint(others):
        yield version
        names.difference_update(others)
    elif version.action == "rename" and others[0] in names:
        names.discard(others[0])
        names.add(first)
    elif version.action == "merge" and others[-1] in names:
        names.update([first, *others[:-1]])
