"""What a classifier learns: categories from support inserts, from embeddings, or from names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import Self

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from drugtext.category_holder import CategoryHolder
from drugtext.config import DrugTextConfig
from drugtext.embedder import check_is_list
from drugtext.errors import CorpusError
from drugtext.heads import INITIAL_SCALE, MOST_SHOTS, NAME_WEIGHT, PrototypeHead
from drugtext.inserts.insert import DrugInsert
from drugtext.memory import PROTOTYPE_SCALE
from drugtext.names import category_text
from drugtext.private import check_can_be_private, private_head
from drugtext.private_sums import DELTA
from drugtext.prototypes import alike_means, ingredient_means, names_tell
from drugtext.support_set import Drugs, check_one_each, listed, with_new
from drugtext.taxonomy import Category, Taxonomy


class CategoryLearner(CategoryHolder):
    """Makes of a classifier another one that knows other categories; arguments as its base."""

    def fit(
        self,
        inserts: Iterable[DrugInsert],
        categories: Iterable[str],
        *,
        taxonomy: Taxonomy | None = None,
        private_epsilon: float | None = None,
        private_delta: float = DELTA,
    ) -> Self:
        """Learn new categories from a support set; this classifier stays as it is.

        Both stand on the same encoder: whoever trains its weights on must copy it first.

        Args:
            inserts: the support set, one or more inserts a category.
            categories: of each insert, an id or a name. One that this classifier's taxonomy (or
                the given one) holds keeps its place in the tree; any other stands on its own.
            taxonomy: where given, every category must be in it.
            private_epsilon: where given, the classifier tells no more of any one drug of the
                support than this and `private_delta` allow, see `private`. Smaller is more private
                and less accurate; it has no memory, and does not tell what is out of scope.
            private_delta: beside it, far less than one in the number of drugs.

        Returns:
            A classifier over exactly these categories.

        Raises:
            CorpusError: not one category an insert, or no insert at all.
            TaxonomyError: a category is not in the given taxonomy.
            DrugTextError: privacy is asked of a classifier that has learnt nothing yet, or one of
                its two numbers is out of range.
        """
        categories = listed(categories)
        if private_epsilon is not None:  # told before the work
            check_can_be_private(self.model.head, private_epsilon, private_delta)
        if isinstance(inserts, Sized):  # told before the work; a generator's length is known after
            check_one_each(len(inserts), len(categories))
        embeddings, told = self._embed_support(inserts)
        return self.fit_embeddings(
            embeddings,
            categories,
            taxonomy=taxonomy,
            private_epsilon=private_epsilon,
            private_delta=private_delta,
            **told,
        )

    def _embed_support(self, inserts: Iterable[DrugInsert]) -> tuple[NDArray, dict[str, list]]:
        """Embed a support set, and note what is told of its drugs while it goes by."""
        check_is_list(inserts)
        told: dict[str, list] = {"ingredients": [], "names": []}

        def noted() -> Iterator[DrugInsert]:
            for insert in inserts:
                if isinstance(insert, DrugInsert):  # `embed` refuses anything else
                    told["ingredients"].append(insert.ingredients)
                    told["names"].append(insert.name or Path(insert.source).name)
                yield insert

        return self.embed(noted()), told

    @torch.no_grad()
    def fit_embeddings(
        self,
        embeddings: ArrayLike,
        categories: Iterable[str],
        *,
        taxonomy: Taxonomy | None = None,
        ingredients: Iterable[Iterable[str]] | None = None,
        names: Iterable[str] | None = None,
        private_epsilon: float | None = None,
        private_delta: float = DELTA,
    ) -> Self:
        """Learn new categories from embeddings that `embed` gave; otherwise as `fit`.

        What is asked of the new classifier is to come from its own `embed`: it may whiten less.

        Args:
            embeddings: of the support set, shape (n_support, embedding_dim).
            categories: of each, an id or a name.
            taxonomy: where given, every category must be in it.
            ingredients: of each. The inserts of one drug count as one, by their mean; an insert
                whose ingredients nobody told is a drug by itself.
            names: of each insert, for `drug_names` where nobody told its ingredients.
            private_epsilon: as `fit` takes it.
            private_delta: as well.
        """
        categories = listed(categories)
        support = torch.as_tensor(embeddings, dtype=torch.float32, device="cpu")
        check_one_each(len(support), len(categories))
        if not len(categories):
            raise CorpusError("the support set is empty; one insert or more a category is needed.")
        found = [self._category(name, taxonomy) for name in categories]
        # In which order a support set comes is its own affair where it is confidential.
        new = found if private_epsilon is None else sorted(found, key=lambda c: c.id)
        order = list(dict.fromkeys(category.id for category in new))
        tree = taxonomy or with_new(self.taxonomy, new)
        if taxonomy is None and not any(category.id in self.taxonomy for category in found):
            tree.name = ""  # none of them is of the taxonomy that this classifier knew
        rows = torch.tensor([order.index(category.id) for category in found])
        drugs = Drugs.of(ingredients, names, len(rows))
        head, support = self._softened(support)
        if private_epsilon is not None:
            budget = (private_epsilon, private_delta)
            return self._fitted_privately(head, support, rows, drugs, order, tree, taxonomy, budget)
        return self._fitted(head, support, rows, drugs, order, tree, taxonomy)

    def _softened(self, support: Tensor) -> tuple[PrototypeHead, Tensor]:
        """Return the head that gives new categories their projection, and a support set by it."""
        head, power = self._head, float((self.model.config.few_shot or {}).get("softening", 1.0))
        if head.is_bare or power == 1:
            return head, support
        softer = head.softened(power)
        return softer, head.moved(support, softer)

    def _fitted_privately(
        self,
        head: PrototypeHead,
        support: Tensor,
        rows: Tensor,
        drugs: Drugs,
        order: list[str],
        tree: Taxonomy,
        taxonomy: Taxonomy | None,
        budget: tuple[float, float],
    ) -> Self:
        """Return what `_fitted` does, with the noise that epsilon and delta ask for."""
        epsilon, delta = budget
        texts = [category_text(tree, category_id) for category_id in order]
        # Whether names agree with the support is not asked: the answer would tell of it.
        is_known = [taxonomy is not None or i in self.taxonomy for i in order]
        private = private_head(
            head,
            support,
            rows,
            drugs.keys,
            [[step.id for step in tree.path(i)[-2::-1]] for i in order],
            head.project_names(self.embed_texts(texts)),
            NAME_WEIGHT * torch.tensor(is_known),
            epsilon=epsilon,
            delta=delta,
        )
        scale = (self.model.config.few_shot or {}).get("scale", INITIAL_SCALE)
        private.head.scale.data.fill_(scale * PROTOTYPE_SCALE / INITIAL_SCALE)
        fitted = self._with_head(
            private.head, tree.restricted_to(order), order, private.n_support, None
        )
        config = fitted.model.config
        _take_softening(config)
        config.privacy = private.statement
        config.scope_threshold = config.strangeness = None  # nobody measured them under noise
        return fitted

    @torch.no_grad()
    def fit_names(self, categories: Iterable[str], *, taxonomy: Taxonomy | None = None) -> Self:
        """Learn new categories from their names alone; otherwise as `fit`.

        Args:
            categories: ids or names, each once.
            taxonomy: where given, every category must be in it.

        Raises:
            CorpusError: there is no category, or one stands twice.
            TaxonomyError: a category is not in the given taxonomy.
        """
        found = [self._category(name, taxonomy) for name in listed(categories)]
        order = [category.id for category in found]
        if not order or len(set(order)) < len(order):
            raise CorpusError(
                f"found {len(order)} categories, {len(set(order))} of them different; one or more,"
                " each once, are needed."
            )
        tree = taxonomy or with_new(self.taxonomy, found)
        nothing = torch.zeros(0, self.model.config.embedding_dim)
        no_rows, no_drugs = torch.zeros(0, dtype=torch.long), Drugs.of(None, None, 0)
        head, nothing = self._softened(nothing)
        return self._fitted(head, nothing, no_rows, no_drugs, order, tree, taxonomy)

    def _fitted(
        self,
        head: PrototypeHead,
        support: Tensor,
        rows: Tensor,
        drugs: Drugs,
        order: list[str],
        tree: Taxonomy,
        taxonomy: Taxonomy | None,
    ) -> Self:
        """Return a classifier over the categories in `order`; names count where they tell them."""
        names = self.embed_texts([category_text(tree, category_id) for category_id in order])
        n_support = torch.bincount(rows, minlength=len(order)).tolist()
        means, mean_rows = ingredient_means(support, rows, drugs.keys)
        # Where few inserts or names alone stand for each, leaning on the tree blurs siblings.
        leans_on_tree = head.is_bare and len(rows) > 0
        if head.is_bare:
            # Whitening by drugs tells best what a new drug needs, and takes as many of them.
            of_drugs = len(means) >= means.shape[1]
            learnt_from = (means, mean_rows) if of_drugs else (support, rows)
            head = head.with_projection(*learnt_from, names)
            means, support = head.project(means), head.project(support)
        known, known_rows, first = alike_means(support, rows, drugs.keys)
        support, rows = means, mean_rows
        names = head.project_names(names)
        is_known = [taxonomy is not None or i in self.taxonomy or not len(rows) for i in order]
        weights = NAME_WEIGHT * (torch.tensor(is_known) | names_tell(support, rows, names))
        above = [[step.id for step in tree.path(i)[-2::-1]] for i in order]
        ancestors = above if leans_on_tree else [[] for _ in order]
        few_shot = self.model.config.few_shot or {}
        head = head.fitted(support, rows, ancestors, names, weights)
        if len(rows):
            head = head.remembering(known, known_rows)
        scale = few_shot.get("scale", INITIAL_SCALE)  # measured on heads with a memory
        n_drugs = torch.bincount(rows, minlength=len(order)).clamp(1, MOST_SHOTS).double()
        scale *= float(n_drugs.log().mean().exp()) ** few_shot.get("growth", 0.0)
        head.scale.fill_(scale if head.memory else scale * PROTOTYPE_SCALE / INITIAL_SCALE)
        drug_names = tuple(drugs.names[n] for n in first)
        fitted = self._with_head(head, tree.restricted_to(order), order, n_support, drug_names)
        _take_softening(fitted.model.config)
        fitted.model.config.scope_threshold = few_shot.get("scope_threshold")
        depth = max(len(tree.path(category_id)) for category_id in order)
        told = few_shot.get("strangeness")
        # Of the answer itself: an ancestor's is never greater.
        levels = map(str, range(1, depth + 1))
        fitted.model.config.strangeness = told and dict.fromkeys(levels, told)
        return fitted

    def add_category(
        self, category: str, inserts: Iterable[DrugInsert], *, taxonomy: Taxonomy | None = None
    ) -> Self:
        """Learn one category more; this classifier stays as it is.

        The scores of the other categories do not change.

        Args:
            category: its name, or its id where the taxonomy knows one.
            inserts: its support, one or more.
            taxonomy: where given, the category must be in it, and keeps its place in the tree.

        Raises:
            CorpusError: the classifier has this category already, or there is no insert.
            TaxonomyError: the category is not in the given taxonomy.
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
        found = self._new_category(category, taxonomy)
        support = torch.as_tensor(embeddings, dtype=torch.float32, device="cpu")
        if not len(support):
            raise CorpusError(f"category {category!r} has no insert; one or more is needed.")
        if not self.category_ids:
            all_of_it = [category] * len(support)
            return self.fit_embeddings(
                support, all_of_it, taxonomy=taxonomy, ingredients=ingredients, names=names
            )
        drugs, rows = Drugs.of(ingredients, names, len(support)), torch.zeros(len(support)).long()
        means, _ = ingredient_means(support, rows, drugs.keys)
        known, _, first = alike_means(support, rows, drugs.keys)
        drug_names = self.drug_names
        if drug_names is not None and self.model.head.memory is not None:
            drug_names += tuple(drugs.names[n] for n in first)
        path = (found,) if taxonomy is None else taxonomy.path(found.id)
        name = None
        if tree := taxonomy or (found.id in self.taxonomy and self.taxonomy):
            name = self.embed_names([found.id], tree)[found.id].unsqueeze(0)
        return self._with_head(
            self._head.with_category(means, name, known),
            with_new(self.taxonomy, path),
            [*self.category_ids, found.id],
            [*self.model.config.n_support, len(support)],
            drug_names,
        )

    def _new_category(self, category: str, taxonomy: Taxonomy | None) -> Category:
        found = self._category(category, taxonomy)
        if found.id in self.category_ids:
            raise CorpusError(
                f"category {category!r} is known already; give another name,"
                " or fit() all categories anew."
            )
        return found


def _take_softening(config: DrugTextConfig) -> None:
    """Say that the whitening is softened: the next fit takes it as it is."""
    if config.few_shot:
        config.few_shot = {**config.few_shot, "softening": 1.0}
