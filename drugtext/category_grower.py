"""Categories added, and those that are known learnt further; all others keep their scores."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Self

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from drugtext.category_learner import CategoryLearner
from drugtext.errors import CorpusError, DrugTextError
from drugtext.heads import PrototypeHead
from drugtext.inserts.insert import DrugInsert
from drugtext.prediction_sets import deepened
from drugtext.prototypes import alike_means, ingredient_means
from drugtext.stem_ids import stem_ids_of
from drugtext.support_set import Drugs, check_one_each, listed, with_new
from drugtext.taxonomy import Category, Taxonomy

_SHOWN = 5  # categories in an error


class CategoryGrower(CategoryLearner):
    """Makes a classifier that knows more, of this one; arguments as `CategoryLearner`.

    The scores of categories that are not named stay the same to the last bit; probabilities, which
    sum to 1 over all of them, do not.
    """

    def add_category(
        self, category: str, inserts: Iterable[DrugInsert], *, taxonomy: Taxonomy | None = None
    ) -> Self:
        """Learn one category more; this classifier stays as it is.

        The scores of the other categories do not change. A drug's name still speaks for those that
        know it: a category of another kind, such as a shelf, is up against that, unless its inserts
        bear the name, too.

        Args:
            category: its name, or its id where the taxonomy knows one.
            inserts: its support, one or more.
            taxonomy: where given, the category must be in it, and keeps its place in the tree.

        Raises:
            CorpusError: the classifier has this category already, or there is no insert.
            TaxonomyError: the category is not in the given taxonomy, several share the name, or
                this classifier knows another one by its id, or by that of one above it.
        """
        self._new_category(category, taxonomy)  # told before the work
        embeddings, told = self._embed_support(inserts)
        return self.add_embeddings(category, embeddings, taxonomy=taxonomy, **told)

    @torch.no_grad()
    def add_embeddings(
        self,
        category: str,
        embeddings: ArrayLike,
        *,
        taxonomy: Taxonomy | None = None,
        ingredients: Iterable[Iterable[str]] | None = None,
        names: Iterable[str] | None = None,
    ) -> Self:
        """Learn one category more from embeddings that `embed` gave; else as `add_category`.

        Args:
            category: its name or id.
            embeddings: of its support, shape (n_support, embedding_dim).
            taxonomy: where given, the category must be in it.
            ingredients: of each insert, as `fit_embeddings` takes them.
            names: of each insert, as well.
        """
        found, grown = self._new_category(category, taxonomy)
        support = self._support(category, embeddings)
        if not self.category_ids:
            all_of_it = [category] * len(support)
            return self.fit_embeddings(
                support, all_of_it, taxonomy=taxonomy, ingredients=ingredients, names=names
            )
        name = None
        if tree := taxonomy or (found.id in self.taxonomy and self.taxonomy):
            name = self.embed_names([found.id], tree)[found.id].unsqueeze(0)
        head, drug_names = self._with_row(support, Drugs.of(ingredients, names, len(support)), name)
        more = self._with_head(
            head,
            grown,
            [*self.category_ids, found.id],
            [*self.model.config.n_support, len(support)],
            drug_names,
        )
        if told := more.model.config.strangeness:
            more.model.config.strangeness = deepened(told, len(more.taxonomy.path(found.id)))
        return more

    @torch.no_grad()
    def extend_category(self, category: str, inserts: Iterable[DrugInsert]) -> Self:
        """Learn a category further from more inserts of it; this classifier stays as it is.

        Its prototype is the mean of what it was and of theirs, by how many drugs are known of each,
        and they are remembered beside those, if any are. The scores of the others do not change.

        Args:
            category: id or name.
            inserts: one or more, none of which it was learnt from.

        Raises:
            CorpusError: it is not one of those that are answered, or there is no insert.
        """
        grown = self._row_of(category)  # told before the work
        embeddings, told = self._embed_support(inserts)
        support = self._support(category, embeddings)
        head, names = self._with_row(support, Drugs.of(**told, n_inserts=len(support)))
        head.log_prior[-1] = head.log_prior[grown]
        order, counts = self.category_ids, [*self.model.config.n_support, len(support)]
        groups = [[row, len(order)] if row == grown else [row] for row in range(len(order))]
        return self._grouped(head, names, counts, groups, order, self.taxonomy)

    @torch.no_grad()
    def with_known_names(self, names: Iterable[str], categories: Iterable[str]) -> Self:
        """Learn which drugs are of a category by their names alone; this one stays as it is.

        A name that an insert goes by, or that is built like it, then speaks for the category,
        beside what the text says. An insert that goes by none is answered as before.

        Args:
            names: of drugs, whether or not there are inserts of them; of a classifier that is
                private none that come from its support. One of which the encoder knows no piece is
                passed over. The more names a category has, the less each says of
                drugs that are called alike.
            categories: of each name, an id or a name; a drug of several stands there several times.

        Raises:
            CorpusError: not one category a name, one that is not answered, or what is no text.
            TaxonomyError: several categories share the name.
            DrugTextError: names are not read; see `with_name_stems`.
        """
        needed = "one category a name"
        told, categories = listed(names, needed), listed(categories, needed)
        check_one_each(len(told), len(categories), "a name")
        for text in (*told, *categories):
            if not isinstance(text, str):
                raise CorpusError(f"found {text!r} among names and categories; texts are needed.")
        stems = self.model.name_stems
        if stems is None:
            raise DrugTextError(
                "this classifier reads no names of drugs; with_name_stems() teaches its encoder to,"
                " before fit(). The bundled ones do."
            )
        row_of = {category: self._row_of(category) for category in dict.fromkeys(categories)}
        rows = torch.tensor([row_of[category] for category in categories], dtype=torch.long)
        vectors = stems([stem_ids_of([name]) for name in told]).cpu()
        knows = self._with_head(
            self._head.naming(vectors, rows),
            self.taxonomy,
            self.category_ids,
            [*self.model.config.n_support],
            self.drug_names,
        )
        # Names that are told are not of the support: what was private stays so.
        knows.model.config.privacy = copy.deepcopy(self.model.config.privacy)
        return knows

    def _grouped(
        self,
        head: PrototypeHead,
        drug_names: tuple[str, ...] | None,
        counts: Sequence[int],
        groups: Sequence[Sequence[int]],
        order: list[str],
        tree: Taxonomy,
    ) -> Self:
        """Return a classifier whose categories are groups of a head's, by their rows."""
        grouped, kept = head.regrouped(groups, _n_known(head, counts))
        return self._with_head(
            grouped,
            tree,
            order,
            [sum(counts[row] for row in group) for group in groups],
            None if drug_names is None else tuple(drug_names[n] for n in kept),
        )

    def _support(self, category: str, embeddings: ArrayLike) -> Tensor:
        """Return the support of a category as a tensor, one or more embeddings."""
        support = torch.as_tensor(embeddings, dtype=torch.float32, device="cpu")
        if not len(support):
            raise CorpusError(f"category {category!r} has no insert; one or more is needed.")
        self._check_embeddings(support)
        return support

    def _with_row(
        self, support: Tensor, drugs: Drugs, name: Tensor | None = None
    ) -> tuple[PrototypeHead, tuple[str, ...] | None]:
        """Return a head with a category more, and the names of the drugs that it remembers."""
        rows = torch.zeros(len(support), dtype=torch.long)
        means, _ = ingredient_means(support, rows, drugs.keys)
        known, _, first = alike_means(support, rows, drugs.keys)
        drug_names = self.drug_names
        if drug_names is not None and self.model.head.memory is not None:
            drug_names += tuple(drugs.names[n] for n in first)
        return self._head.with_category(means, name, known), drug_names

    def _new_category(self, category: str, taxonomy: Taxonomy | None) -> tuple[Category, Taxonomy]:
        """Return a category that is not answered yet, and the tree in which it has its place."""
        path = self._path(category, taxonomy)
        found = path[-1]
        if found.id in self.category_ids:
            raise CorpusError(
                f"category {category!r} is known already; give another name, learn it further"
                " (`drugtext registry extend`, extend_category()), or learn all categories anew."
            )
        return found, with_new(self.taxonomy, path)

    def _row_of(self, category: str) -> int:
        known = self.taxonomy.find(category).id if self.taxonomy.knows(category) else category
        if known not in self.category_ids:
            likest = self.category_ids
            if len(likest) > _SHOWN:
                named = {step for i in likest for step in (i, self.taxonomy[i].name)}
                likest = get_close_matches(str(category), sorted(named), n=_SHOWN)
            such = f", such as {', '.join(map(repr, likest))}" if likest else ""
            raise CorpusError(
                f"category {category!r} is not one of the {len(self.category_ids)} that are"
                f" answered; give the id or the name of one of them{such}."
            )
        return self.category_ids.index(known)


def _n_known(head: PrototypeHead, n_support: Sequence[int]) -> list[int]:
    """Return of each category how many drugs are remembered; inserts, where nothing is.

    A drug counts once, however many labels it has: but for texts of it that are not alike.
    """
    if head.memory is None:
        return [*n_support]
    return torch.bincount(head.memory.rows, minlength=len(n_support)).tolist()
