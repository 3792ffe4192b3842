"""What a classifier learns: categories from support inserts, from embeddings, or from names."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import Self, cast

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from drugtext.embedder import InsertEmbedder, check_is_list
from drugtext.errors import CheckpointError, CorpusError, TaxonomyError
from drugtext.heads import INITIAL_SCALE, NAME_WEIGHT, PrototypeHead
from drugtext.inserts.insert import DrugInsert
from drugtext.memory import PROTOTYPE_SCALE
from drugtext.model import DrugTextModel
from drugtext.names import category_text
from drugtext.prototypes import alike_means, ingredient_means, names_tell
from drugtext.support_set import Drugs, check_one_each, listed, with_new
from drugtext.taxonomy import Category, Taxonomy
from drugtext.tokens import TokenReader


class CategoryLearner(InsertEmbedder):
    """An embedder that knows categories, and makes another one that knows others.

    Args:
        model: encoder and head.
        tokenizer: the encoder's.
        backend: what runs the encoder, as `InsertEmbedder` takes it.
        token_reader: as well.

    Attributes:
        taxonomy: the categories with their ancestors.
        category_ids: the categories that it knows, in the order of the head's rows.
        drug_names: of the drugs that the head remembers; None where they were not kept.

    Raises:
        CheckpointError: the configuration's categories or taxonomy are not understood.
        EncoderError: there is no such backend, or it is not installed.
    """

    def __init__(
        self,
        model: DrugTextModel,
        tokenizer: PreTrainedTokenizerBase,
        backend: str | None = None,
        token_reader: TokenReader | None = None,
    ) -> None:
        super().__init__(model, tokenizer, backend, token_reader)
        self.drug_names: tuple[str, ...] | None = None
        config = model.config
        try:
            names = cast(dict[int, str], config.id2label)
            self.category_ids = [names[n] for n in range(len(config.n_support))]
            self.taxonomy = Taxonomy(
                (Category(i, name, parent or None) for i, name, parent in config.taxonomy),
                config.taxonomy_name,
            )
            for category_id in self.category_ids:
                self.taxonomy[category_id]  # named in the error if the tree lacks it
            # What is used later is converted now, so that a wrong one is told here.
            float(config.scope_threshold or 0), float((config.few_shot or {}).get("scale", 1.0))
            ", ".join(config.languages)
            if model.head.memory is not None and len(model.head.memory):
                rows = model.head.memory.rows
                if not 0 <= int(rows.min()) <= int(rows.max()) < len(self.category_ids):
                    raise ValueError("the memory names a category that is not there")
        except (TypeError, ValueError, KeyError, AttributeError, TaxonomyError) as error:
            raise CheckpointError(
                "config.json: categories or taxonomy are not understood"
                f" ({type(error).__name__}: {error}). A newer drugtext may have written them."
            ) from error

    def fit(
        self,
        inserts: Iterable[DrugInsert],
        categories: Iterable[str],
        *,
        taxonomy: Taxonomy | None = None,
    ) -> Self:
        """Learn new categories from a support set; this classifier stays as it is.

        Both stand on the same encoder: whoever trains its weights on must copy it first.

        Args:
            inserts: the support set, one or more inserts a category.
            categories: of each insert, an id or a name. One that this classifier's taxonomy (or
                the given one) holds keeps its place in the tree; any other stands on its own.
            taxonomy: where given, every category must be in it.

        Returns:
            A classifier over exactly these categories.

        Raises:
            CorpusError: not one category an insert, or no insert at all.
            TaxonomyError: a category is not in the given taxonomy.
        """
        categories = listed(categories)
        if isinstance(inserts, Sized):  # told before the work; a generator's length is known after
            check_one_each(len(inserts), len(categories))
        embeddings, told = self._embed_support(inserts)
        return self.fit_embeddings(embeddings, categories, taxonomy=taxonomy, **told)

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
    ) -> Self:
        """Learn new categories from embeddings that `embed` gave; otherwise as `fit`.

        Args:
            embeddings: of the support set, shape (n_support, embedding_dim).
            categories: of each, an id or a name.
            taxonomy: where given, every category must be in it.
            ingredients: of each. The inserts of one drug count as one, by their mean; an insert
                whose ingredients nobody told is a drug by itself.
            names: of each insert, for `drug_names` where nobody told its ingredients.
        """
        categories = listed(categories)
        support = torch.as_tensor(embeddings, dtype=torch.float32, device="cpu")
        check_one_each(len(support), len(categories))
        if not len(categories):
            raise CorpusError("the support set is empty; one insert or more a category is needed.")
        found = [self._category(name, taxonomy) for name in categories]
        order = list(dict.fromkeys(category.id for category in found))
        tree = taxonomy or with_new(self.taxonomy, found)
        if taxonomy is None and not any(category.id in self.taxonomy for category in found):
            tree.name = ""  # none of them is of the taxonomy that this classifier knew
        rows = torch.tensor([order.index(category.id) for category in found])
        drugs = Drugs.of(ingredients, names, len(rows))
        return self._fitted(support, rows, drugs, order, tree, taxonomy)

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
        return self._fitted(nothing, no_rows, no_drugs, order, tree, taxonomy)

    def _fitted(
        self,
        support: Tensor,
        rows: Tensor,
        drugs: Drugs,
        order: list[str],
        tree: Taxonomy,
        taxonomy: Taxonomy | None,
    ) -> Self:
        """Return a classifier over the categories in `order`; names count where they tell them."""
        head = self._head
        names = self.embed_texts([category_text(tree, category_id) for category_id in order])
        n_support = torch.bincount(rows, minlength=len(order)).tolist()
        means, mean_rows = ingredient_means(support, rows, drugs.keys)
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
        ancestors = [[step.id for step in tree.path(i)[-2::-1]] for i in order]
        few_shot = self.model.config.few_shot or {}
        head = head.fitted(support, rows, ancestors, names, weights)
        if len(rows):
            head = head.remembering(known, known_rows)
        scale = few_shot.get("scale", INITIAL_SCALE)  # measured on heads with a memory
        head.scale.fill_(scale if head.memory else scale * PROTOTYPE_SCALE / INITIAL_SCALE)
        drug_names = tuple(drugs.names[n] for n in first)
        fitted = self._with_head(head, tree.restricted_to(order), order, n_support, drug_names)
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

    @property
    def _head(self) -> PrototypeHead:
        """The head on the CPU, where categories are learnt: embeddings come from there."""
        head = self.model.head
        return head if self.model.device.type == "cpu" else copy.deepcopy(head).cpu()

    def _new_category(self, category: str, taxonomy: Taxonomy | None) -> Category:
        found = self._category(category, taxonomy)
        if found.id in self.category_ids:
            raise CorpusError(
                f"category {category!r} is known already; give another name,"
                " or fit() all categories anew."
            )
        return found

    @torch.no_grad()
    def embed_names(self, categories: Iterable[str], taxonomy: Taxonomy) -> dict[str, Tensor]:
        """Return category id -> the embedding of its name, projected, shape (embedding_dim,)."""
        ids = list(dict.fromkeys(categories))
        names = self.embed_texts([category_text(taxonomy, category_id) for category_id in ids])
        return dict(zip(ids, self._head.project_names(names), strict=True))

    def _category(self, id_or_name: str, taxonomy: Taxonomy | None) -> Category:
        if taxonomy is not None:
            return taxonomy.find(id_or_name)
        if not isinstance(id_or_name, str) or not id_or_name.strip():
            raise CorpusError(f"category {id_or_name!r}: a name or an id is needed.")
        if self.taxonomy.knows(id_or_name):
            return self.taxonomy.find(id_or_name)
        return Category(id_or_name, id_or_name)

    def _with_head(
        self,
        head: PrototypeHead,
        taxonomy: Taxonomy,
        order: list[str],
        n_support: list[int],
        drug_names: tuple[str, ...] | None,
    ) -> Self:
        config = copy.deepcopy(self.model.config)
        config.id2label = dict(enumerate(order))
        config.label2id = {category_id: n for n, category_id in enumerate(order)}
        config.n_support = n_support
        config.n_known = len(head.memory) if head.memory is not None else 0
        config.taxonomy_name = taxonomy.name
        config.taxonomy = [[c.id, c.name, c.parent_id or ""] for c in taxonomy]
        config.reading_plan = self.reading_plan.to_dict()
        config.measured = config.training = None  # those of other categories would be false here
        model = DrugTextModel.assembled(
            config,
            self.model.encoder,
            head.to(self.model.device),
            self.model.adapter,
            self.model.lexicon,
        )
        other = self._over(model)
        other.drug_names = drug_names
        return other
