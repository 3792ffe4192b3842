"""The support set as it is given: checked, and its drugs told apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from drugtext.errors import CorpusError
from drugtext.splits import all_substances
from drugtext.taxonomy import Category, Taxonomy


def drugs_of(ingredients: Iterable[Iterable[str]] | None, n_inserts: int) -> list[Hashable]:
    """Return for each insert what tells its drug from others: its number where nobody told.

    Args:
        ingredients: of each insert; None where nobody told any.
        n_inserts: number of inserts.

    Raises:
        CorpusError: there are not the ingredients of each insert.
    """
    if ingredients is None:
        return list(range(n_inserts))
    told = [all_substances(names) for names in ingredients]
    if len(told) != n_inserts:
        raise CorpusError(
            f"found {n_inserts} inserts and the ingredients of {len(told)}; those of each are"
            " needed."
        )
    return [names or n for n, names in enumerate(told)]


def listed(categories: Iterable[str]) -> list[str]:
    """Return categories as a list; `CorpusError` where one text was given for them."""
    if isinstance(categories, str):
        raise CorpusError(
            f"found the one text {categories!r}; a list is needed, one category an insert."
        )
    return list(categories)


def check_one_each(n_inserts: int, n_categories: int) -> None:
    """Raise `CorpusError` where there is not one category an insert."""
    if n_inserts != n_categories:
        raise CorpusError(
            f"found {n_inserts} inserts and {n_categories} categories;"
            " one category an insert is needed."
        )


def with_new(taxonomy: Taxonomy, categories: Iterable[Category]) -> Taxonomy:
    """Return a taxonomy with those of some categories that it does not hold yet."""
    new = {category.id: category for category in categories if category.id not in taxonomy}
    return taxonomy.with_categories(new.values())
