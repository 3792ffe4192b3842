"""The support set as it is given: checked, and its drugs told apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from drugtext.errors import CorpusError, TaxonomyError
from drugtext.inserts.text import as_utf8
from drugtext.splits import all_substances
from drugtext.taxonomy import Category, Taxonomy


class Drugs(NamedTuple):
    """The drugs of a support set, an entry an insert.

    Attributes:
        keys: what tells the drug of an insert from others; the insert's number where nobody told.
        names: of the drugs: their ingredients, or the name of the insert.
    """

    keys: list[Hashable]
    names: list[str]

    @classmethod
    def of(
        cls,
        ingredients: Iterable[Iterable[str]] | None,
        names: Iterable[str] | None,
        n_inserts: int,
    ) -> Drugs:
        """Tell the drugs of inserts.

        Args:
            ingredients: of each insert; None where nobody told any.
            names: of each insert; None where nobody told any.
            n_inserts: number of inserts.

        Raises:
            CorpusError: there are not the ingredients, or not the names, of each insert.
        """
        told = [[]] * n_inserts if ingredients is None else [[*part] for part in ingredients]
        called = [""] * n_inserts if names is None else [*names]
        for what, found in (("ingredients", told), ("names", called)):
            if len(found) != n_inserts:
                raise CorpusError(
                    f"found {n_inserts} inserts and the {what} of {len(found)}; those of each are"
                    " needed."
                )
        return cls(
            [all_substances(part) or n for n, part in enumerate(told)],
            [
                # The name of a file may hold what is no UTF-8, and is to be written down.
                as_utf8(" + ".join(part) or name or f"insert {n}")
                for n, (part, name) in enumerate(zip(told, called, strict=True), start=1)
            ],
        )


def listed(texts: Iterable[str], needed: str = "one category an insert") -> list[str]:
    """Return texts as a list; `CorpusError` where one text, or no list, was given for them."""
    if isinstance(texts, str | bytes):
        raise CorpusError(f"found the one text {texts!r}; a list is needed, {needed}.")
    if not isinstance(texts, Iterable):
        raise CorpusError(f"found {type(texts).__name__}; a list is needed, {needed}.")
    return list(texts)


def check_one_each(n_inserts: int, n_categories: int, what: str = "an insert") -> None:
    """Raise `CorpusError` where there is not one category each."""
    if n_inserts != n_categories:
        raise CorpusError(
            f"found {n_inserts} {what.split()[-1]}s and {n_categories} categories;"
            f" one category {what} is needed."
        )


def with_new(taxonomy: Taxonomy, categories: Iterable[Category]) -> Taxonomy:
    """Return a taxonomy with those of some categories that it does not hold yet.

    Raises:
        TaxonomyError: it holds another one under the same id.
    """
    new: dict[str, Category] = {}
    for given in categories:
        if given.id not in taxonomy:
            new[given.id] = given
            continue
        held = taxonomy[given.id]
        if (given.name.casefold(), given.parent_id) != (held.name.casefold(), held.parent_id):
            raise TaxonomyError(
                f"category {given.id!r} is {given.name!r}, below {given.parent_id or 'nothing'},"
                f" and the classifier knows {held.name!r}, below {held.parent_id or 'nothing'},"
                " under this id; give one of them another id."
            )
    return taxonomy.with_categories(new.values())
