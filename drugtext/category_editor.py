"""Categories removed, renamed, merged and split; those not named keep their scores."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Self

import torch

from drugtext.category_grower import CategoryGrower
from drugtext.embedder import HALF_CHARACTERS
from drugtext.errors import CorpusError
from drugtext.inserts.batches import check_is_list
from drugtext.inserts.insert import DrugInsert
from drugtext.support_set import check_one_each, listed
from drugtext.taxonomy import Category, Taxonomy


class CategoryEditor(CategoryGrower):
    """Makes another classifier of this one, which stays as it is; arguments as `CategoryGrower`.

    The scores of categories that are not named stay the same to the last bit; probabilities, which
    sum to 1 over all of them, do not.
    """

    def remove_category(self, category: str) -> Self:
        """Forget a category.

        Args:
            category: id or name.

        Raises:
            CorpusError: it is not one of those that are answered, or the only one.
        """
        removed = self._row_of(category)
        if len(self.category_ids) == 1:
            raise CorpusError(f"{category!r} is the only category; a classifier needs one or more.")
        kept = [row for row in range(len(self.category_ids)) if row != removed]
        return self._regrouped([[row] for row in kept], [self.category_ids[row] for row in kept])

    def rename_category(self, category: str, name: str) -> Self:
        """Give a category another name; its id, too, where that was its name.

        Args:
            category: id or name.
            name: the new one.

        Raises:
            CorpusError: there is no such category, no new name, or another one has it.
        """
        old = self.taxonomy[self.category_ids[self._row_of(category)]]
        self._check_is_new(name)
        new_id = name if old.id == old.name else old.id
        tree = self.taxonomy.of(
            Category(new_id, name, step.parent_id)
            if step.id == old.id
            else Category(
                step.id, step.name, new_id if step.parent_id == old.id else step.parent_id
            )
            for step in self.taxonomy
        )
        order = [new_id if i == old.id else i for i in self.category_ids]
        return self._regrouped([[row] for row in range(len(order))], order, tree)

    def merge_categories(self, categories: Iterable[str], name: str) -> Self:
        """Make one category of several.

        Its prototype is the mean of theirs, by their support; it stands in the place of the first,
        below what stands above all of them.

        Args:
            categories: two or more, by id or name.
            name: of the new one; one of theirs may be it.

        Raises:
            CorpusError: one is not known or stands twice, or another category has the name.
        """
        rows = [self._row_of(category) for category in listed(categories)]
        merged = [self.category_ids[row] for row in rows]
        if len(rows) < 2 or len(set(rows)) < len(rows):
            found = ", ".join(map(repr, dict.fromkeys(merged))) or "none"
            raise CorpusError(
                f"found {found} to merge; two or more different categories are needed."
            )
        named = [i for i in merged if self.taxonomy[i].name == name]
        own = name if name in merged else next(iter(named), None)
        if own is None:
            self._check_is_new(name)
        paths = (self.taxonomy.path(i)[:-1] for i in merged)
        above = [s[0].id for s in takewhile(lambda s: len(set(s)) == 1, zip(*paths, strict=False))]
        parent = above[-1] if above else None
        new = Category(own or name, self.taxonomy[own].name if own else name, parent)
        first = min(rows)
        groups = [
            sorted(rows) if row == first else [row]
            for row in range(len(self.category_ids))
            if row == first or row not in rows
        ]
        order = [new.id if g[0] == first else self.category_ids[g[0]] for g in groups]
        rest = self.taxonomy.restricted_to(i for i in order if i != new.id)
        kept = [step for step in rest if step.id != new.id]
        steps = [] if parent is None else self.taxonomy.path(parent)
        missing = [step for step in steps if step.id not in rest]
        return self._regrouped(groups, order, self.taxonomy.of([*kept, *missing, new]))

    def split_category(
        self, category: str, inserts: Iterable[DrugInsert], categories: Iterable[str]
    ) -> Self:
        """Put several categories in the place of one.

        They stand where it stood in the tree, but for those that the tree knows already, and ATC
        codes that tell their own place.

        Args:
            category: that is forgotten, by id or name.
            inserts: the support of the new ones.
            categories: of each insert, the name of a new one; two or more.

        Raises:
            CorpusError: there is no such category, not one new one an insert, or a name is taken.
        """
        check_is_list(inserts)
        split = self._row_of(category)  # told before the work
        chosen, names = list(inserts), listed(categories)
        check_one_each(len(chosen), len(names))
        if len(set(names)) < 2:
            raise CorpusError(
                f"found inserts of {len(set(names))} categories to split {category!r} into; two or"
                " more are needed."
            )
        parent = self.taxonomy[self.category_ids[split]].parent_id
        parts: Self = self
        for name in dict.fromkeys(names):
            of_it = [i for i, n in zip(chosen, names, strict=True) if n == name]
            parts = parts.add_category(name, of_it)
        kept = [row for row in range(len(parts.category_ids)) if row != split]
        order = [parts.category_ids[row] for row in kept]
        placed = {step.id: step for i in order for step in parts.taxonomy.path(i)}
        tree = self.taxonomy.with_categories(
            step if step.parent_id else Category(step.id, step.name, parent)
            for step in placed.values()
            if step.id not in self.taxonomy
        )
        return parts._regrouped([[row] for row in kept], order, tree)

    def _check_is_new(self, name: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise CorpusError(f"found the name {name!r}; give one with a letter in it.")
        if HALF_CHARACTERS.search(name):
            raise CorpusError(f"the name {name!r} holds half characters; decode it as UTF-8.")
        if self.taxonomy.knows(name):
            raise CorpusError(f"{name!r} is the name of another category; give another one.")

    @torch.no_grad()
    def _regrouped(
        self, groups: Sequence[Sequence[int]], order: list[str], tree: Taxonomy | None = None
    ) -> Self:
        """Return a classifier whose categories are groups of this one's, by their rows."""
        regrouped = self._grouped(
            self._head,
            self.drug_names,
            self.model.config.n_support,
            groups,
            order,
            (self.taxonomy if tree is None else tree).restricted_to(order),
        )
        # What is computed of a private head alone stays private.
        regrouped.model.config.privacy = copy.deepcopy(self.model.config.privacy)
        return regrouped
