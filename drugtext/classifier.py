"""DrugClassifier: inserts in, predictions out; fit, add, save, push."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence, Sized
from typing import Any, cast

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from drugtext.adapters import Adapter
from drugtext.checkpoint import load_model, save_model
from drugtext.embedder import InsertEmbedder, batches
from drugtext.errors import CheckpointError, CorpusError, DrugTextError, TaxonomyError
from drugtext.heads import INITIAL_SCALE, NAME_WEIGHT, PrototypeHead
from drugtext.inserts.insert import DrugInsert
from drugtext.lexicon import Lexicon
from drugtext.model import DrugTextModel
from drugtext.names import category_text
from drugtext.prediction import Prediction, make_prediction
from drugtext.prototypes import ingredient_means, names_tell
from drugtext.taxonomy import Category, Taxonomy
from drugtext.windows import ReadingPlan


def load(
    name_or_path: str | os.PathLike[str] | None = None,
    *,
    revision: str | None = None,
    prefix: str | None = None,
) -> DrugClassifier:
    """Load a classifier: the bundled one, a saved folder, or one from the Hugging Face Hub.

    Args:
        name_or_path: name of a bundled checkpoint (left out: the default one), a folder, or a hub
            id. A plain encoder loads as a classifier without categories, ready for `fit`.
        revision: branch, tag or commit of a hub id.
        prefix: what a plain encoder wants in front of every text ("query: " for e5).

    Raises:
        CheckpointError: there is no such checkpoint, or it is damaged or of a newer format.
        EncoderError: the encoder's weights are missing or not the expected ones.
    """
    model, tokenizer = load_model(name_or_path, revision=revision)
    if prefix is not None:
        model.config.prefix = prefix
    return DrugClassifier(model, tokenizer)


class DrugClassifier(InsertEmbedder):
    """Assigns drug inserts to the categories of a taxonomy.

    Args:
        model: encoder and head.
        tokenizer: the encoder's.

    Attributes:
        taxonomy: the categories with their ancestors.
        category_ids: the categories that it answers with, in the order of the head's rows.
    """

    def __init__(self, model: DrugTextModel, tokenizer: PreTrainedTokenizerBase) -> None:
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
            plan = ReadingPlan.from_dict(config.reading_plan or {})
        except (TypeError, ValueError, KeyError, TaxonomyError) as error:
            raise CheckpointError(
                "config.json: categories, taxonomy or reading plan are not understood"
                f" ({type(error).__name__}: {error}). A newer drugtext may have written them."
            ) from error
        super().__init__(model, tokenizer, plan)

    def __repr__(self) -> str:
        encoder = self.model.config.encoder_name or type(self.model.encoder).__name__
        return f"DrugClassifier({len(self.category_ids)} categories over {encoder})"

    def predict(self, inserts: Iterable[DrugInsert], *, top_k: int = 3) -> list[Prediction]:
        """Predict the category of each insert.

        Args:
            inserts: any number of them.
            top_k: how many alternatives to give.

        Returns:
            One prediction an insert, in order.

        Raises:
            LanguageError: an insert is in a language that the encoder does not know.
            DrugTextError: an insert has no text, or the classifier has no category.
        """
        return list(self.stream(inserts, top_k=top_k))

    def stream(
        self,
        inserts: Iterable[DrugInsert],
        *,
        top_k: int = 3,
        on_error: Callable[[DrugInsert, DrugTextError], None] | None = None,
    ) -> Iterator[Prediction]:
        """Predict without holding more than a batch of inserts in memory.

        Args:
            inserts: any number of them, read as they are needed.
            top_k: how many alternatives to give.
            on_error: called with each insert that cannot be classified, and why; the others are
                still answered, in order. Without it the first one raises.

        Yields:
            One prediction an insert that can be classified.
        """
        if not self.category_ids:
            raise DrugTextError("the classifier has no category yet; give it some with fit().")
        if not isinstance(top_k, int) or top_k < 1:
            raise DrugTextError(f"top_k is {top_k}; 1 or more is needed.")
        for batch in batches(inserts):
            readable = []
            for insert in batch:
                error = self.refusal(insert)
                if error is None:
                    readable.append(insert)
                elif on_error is None:
                    raise error
                else:
                    on_error(insert, error)
            if readable:
                yield from self._predict_batch(readable, top_k)

    def _predict_batch(self, inserts: Sequence[DrugInsert], top_k: int) -> Iterator[Prediction]:
        windows = self._windows(inserts)
        projected = self._embed_windows(windows, len(inserts))
        probabilities = self.probabilities(projected)
        nearness = self.nearness(projected)
        for n, insert in enumerate(inserts):
            yield make_prediction(
                insert,
                probabilities[n],
                self.category_ids,
                self.taxonomy,
                top_k=top_k,
                in_scope=bool(nearness[n] >= self.model.config.scope_threshold),
                tokens_read=windows.tokens_read[n],
                tokens_total=windows.tokens_total[n],
            )

    @torch.no_grad()
    def probabilities(self, embeddings: ArrayLike) -> NDArray:
        """Return the calibrated probability of each category.

        Args:
            embeddings: as `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            float64, shape (n_inserts, n_categories), rows summing to 1, columns as `category_ids`.
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        return self.model.head.logits(projected).double().softmax(dim=1).cpu().numpy()

    @torch.no_grad()
    def nearness(self, embeddings: ArrayLike) -> NDArray:
        """Return the cosine to the nearest prototype: what `in_scope` is judged by.

        Args:
            embeddings: as `embed` gives them, shape (n_inserts, embedding_dim).

        Returns:
            float32, shape (n_inserts,).
        """
        projected = torch.as_tensor(embeddings).to(self.model.device)
        return self.model.head.nearness(projected).cpu().numpy()

    def fit(
        self,
        inserts: Iterable[DrugInsert],
        categories: Iterable[str],
        *,
        taxonomy: Taxonomy | None = None,
    ) -> DrugClassifier:
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
        categories = _listed(categories)
        if isinstance(inserts, Sized):  # told before the work; a generator's length is known after
            _check_one_each(len(inserts), len(categories))
        embeddings, ingredients = self._embed_with_ingredients(inserts)
        return self.fit_embeddings(
            embeddings, categories, taxonomy=taxonomy, ingredients=ingredients
        )

    def _embed_with_ingredients(
        self, inserts: Iterable[DrugInsert]
    ) -> tuple[NDArray, list[tuple[str, ...]]]:
        found: list[tuple[str, ...]] = []

        def noted() -> Iterator[DrugInsert]:
            for insert in inserts:
                found.append(tuple(getattr(insert, "ingredients", ())))
                yield insert

        return self.embed(noted()), found

    @torch.no_grad()
    def fit_embeddings(
        self,
        embeddings: ArrayLike,
        categories: Iterable[str],
        *,
        taxonomy: Taxonomy | None = None,
        ingredients: Iterable[Iterable[str]] | None = None,
    ) -> DrugClassifier:
        """Learn new categories from embeddings that `embed` gave; otherwise as `fit`.

        Args:
            embeddings: of the support set, shape (n_support, embedding_dim).
            categories: of each, an id or a name.
            taxonomy: where given, every category must be in it.
            ingredients: of each. The inserts of one drug count as one, by their mean; an insert
                whose ingredients nobody told is a drug by itself.
        """
        categories = _listed(categories)
        support = torch.as_tensor(embeddings)
        _check_one_each(len(support), len(categories))
        if not len(categories):
            raise CorpusError("the support set is empty; one insert or more a category is needed.")
        found = [self._category(name, taxonomy) for name in categories]
        order = list(dict.fromkeys(category.id for category in found))
        tree = taxonomy or _with_new(self.taxonomy, found)
        if taxonomy is None and not any(category.id in self.taxonomy for category in found):
            tree.name = ""  # none of them is of the taxonomy that this classifier knew
        rows = torch.tensor([order.index(category.id) for category in found])
        return self._fitted(support, rows, _drugs(ingredients, len(rows)), order, tree, taxonomy)

    @torch.no_grad()
    def fit_names(
        self, categories: Iterable[str], *, taxonomy: Taxonomy | None = None
    ) -> DrugClassifier:
        """Learn new categories from their names alone; otherwise as `fit`.

        Args:
            categories: ids or names, each once.
            taxonomy: where given, every category must be in it.

        Raises:
            CorpusError: there is no category, or one stands twice.
            TaxonomyError: a category is not in the given taxonomy.
        """
        found = [self._category(name, taxonomy) for name in _listed(categories)]
        order = [category.id for category in found]
        if not order or len(set(order)) < len(order):
            raise CorpusError(
                f"found {len(order)} categories, {len(set(order))} of them different; one or more,"
                " each once, are needed."
            )
        tree = taxonomy or _with_new(self.taxonomy, found)
        nothing = torch.zeros(0, self.model.head.centre.shape[0])
        return self._fitted(nothing, torch.zeros(0, dtype=torch.long), [], order, tree, taxonomy)

    def _fitted(
        self,
        support: Tensor,
        rows: Tensor,
        drugs: Sequence[Hashable],
        order: list[str],
        tree: Taxonomy,
        taxonomy: Taxonomy | None,
    ) -> DrugClassifier:
        """Return a classifier over the categories in `order`; names count where they tell them."""
        head = self.model.head
        names = self.embed_texts([category_text(tree, category_id) for category_id in order])
        n_support = torch.bincount(rows, minlength=len(order)).tolist()
        means, mean_rows = ingredient_means(support, rows, drugs)
        if head.is_bare:
            # Whitening by drugs tells best what a new drug needs, and takes as many of them.
            of_drugs = len(means) >= means.shape[1]
            learnt_from = (means, mean_rows) if of_drugs else (support, rows)
            head = head.with_projection(*learnt_from, names)
            means = head.project(means)
        support, rows = means, mean_rows
        names = head.project_names(names)
        is_known = [taxonomy is not None or i in self.taxonomy or not len(rows) for i in order]
        weights = NAME_WEIGHT * (torch.tensor(is_known) | names_tell(support, rows, names))
        ancestors = [[step.id for step in tree.path(i)[-2::-1]] for i in order]
        few_shot = self.model.config.few_shot or {}
        head = head.fitted(support, rows, ancestors, names, weights)
        head.scale.fill_(few_shot.get("scale", INITIAL_SCALE))
        fitted = self._with_head(head, tree.restricted_to(order), order, n_support)
        fitted.model.config.scope_threshold = few_shot.get("scope_threshold", -1.0)
        return fitted

    def add_category(
        self, category: str, inserts: Iterable[DrugInsert], *, taxonomy: Taxonomy | None = None
    ) -> DrugClassifier:
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
        embeddings, ingredients = self._embed_with_ingredients(inserts)
        return self.add_embeddings(category, embeddings, taxonomy=taxonomy, ingredients=ingredients)

    @torch.no_grad()
    def add_embeddings(
        self,
        category: str,
        embeddings: ArrayLike,
        *,
        taxonomy: Taxonomy | None = None,
        ingredients: Iterable[Iterable[str]] | None = None,
    ) -> DrugClassifier:
        """Learn one category more from embeddings that `embed` gave; else as `add_category`.

        Args:
            category: its name or id.
            embeddings: of its support, shape (n_support, embedding_dim).
            taxonomy: where given, the category must be in it.
            ingredients: of each insert, as `fit_embeddings` takes them.
        """
        found = self._new_category(category, taxonomy)
        support = torch.as_tensor(embeddings)
        if not len(support):
            raise CorpusError(f"category {category!r} has no insert; one or more is needed.")
        if not self.category_ids:
            return self.fit_embeddings(
                support, [category] * len(support), taxonomy=taxonomy, ingredients=ingredients
            )
        drugs = _drugs(ingredients, len(support))
        means, _ = ingredient_means(support, torch.zeros(len(support), dtype=torch.long), drugs)
        path = (found,) if taxonomy is None else taxonomy.path(found.id)
        name = None
        if tree := taxonomy or (found.id in self.taxonomy and self.taxonomy):
            name = self.embed_names([found.id], tree)[found.id].unsqueeze(0)
        return self._with_head(
            self.model.head.with_category(means, name),
            _with_new(self.taxonomy, path),
            [*self.category_ids, found.id],
            [*self.model.config.n_support, len(support)],
        )

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
        return dict(zip(ids, self.model.head.project_names(names), strict=True))

    def with_adapter(self, adapter: Adapter) -> DrugClassifier:
        """Return a classifier without categories whose encoder has this adapter, and no other.

        Args:
            adapter: LoRA weights for the raw encoder, as training gives them.

        Raises:
            CheckpointError: the adapter was made for another encoder.
        """
        return self._bare(adapter.merged_into(self.raw_encoder), adapter, self.model.lexicon)

    def with_lexicon(self, inserts: Iterable[DrugInsert], **changes: Any) -> DrugClassifier:
        """Return a classifier without categories that reads the words of these inserts, too.

        Args:
            inserts: some hundreds or more; what category they are of does not matter.
            changes: arguments of `Lexicon.learnt` to be given otherwise.

        Raises:
            TrainingError: there are too few inserts.
        """
        lexicon = Lexicon.learnt(map(self._windows, batches(inserts)), **changes)
        return self._bare(self.model.encoder, self.model.adapter, lexicon)

    def _bare(
        self, encoder: nn.Module, adapter: Adapter | None, lexicon: Lexicon | None
    ) -> DrugClassifier:
        config = copy.deepcopy(self.model.config)
        config.id2label, config.label2id, config.n_support = {}, {}, []
        config.taxonomy, config.taxonomy_name, config.scope_threshold = [], "", -1.0
        config.few_shot = config.measured = config.training = None
        config.reading_plan = self.reading_plan.to_dict()
        config.lexicon = lexicon.arguments if lexicon else None
        model = DrugTextModel.assembled(config, encoder, adapter=adapter, lexicon=lexicon)
        model.to(device=self.model.device)  # type: ignore[call-arg]
        other = DrugClassifier(model, self.tokenizer)
        if encoder is self.model.encoder:
            other.window_cache = self.window_cache
        return other

    @property
    def raw_encoder(self) -> nn.Module:
        """The encoder without its adapter."""
        encoder, adapter = self.model.encoder, self.model.adapter
        return adapter.taken_out_of(encoder) if adapter else encoder

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write a folder that `load`, the Auto classes and `pipeline()` open."""
        save_model(self.model, self.tokenizer, folder)

    def push_to_hub(self, repo_id: str, *, private: bool | None = None) -> str:
        """Upload the folder to the Hugging Face Hub, and return the address of the commit."""
        from drugtext.checkpoint import push_model

        return push_model(self.model, self.tokenizer, repo_id, private=private)

    def _category(self, id_or_name: str, taxonomy: Taxonomy | None) -> Category:
        if taxonomy is not None:
            return taxonomy.find(id_or_name)
        if not isinstance(id_or_name, str) or not id_or_name.strip():
            raise CorpusError(f"category {id_or_name!r}: a name or an id is needed.")
        if self.taxonomy.knows(id_or_name):
            return self.taxonomy.find(id_or_name)
        return Category(id_or_name, id_or_name)

    def _with_head(
        self, head: PrototypeHead, taxonomy: Taxonomy, order: list[str], n_support: list[int]
    ) -> DrugClassifier:
        config = copy.deepcopy(self.model.config)
        config.id2label = dict(enumerate(order))
        config.label2id = {category_id: n for n, category_id in enumerate(order)}
        config.n_support = n_support
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
        other = DrugClassifier(model, self.tokenizer)
        other.window_cache = self.window_cache
        return other


def _drugs(ingredients: Iterable[Iterable[str]] | None, n_inserts: int) -> list[Hashable]:
    """Return for each insert what tells its drug from others."""
    if ingredients is None:
        return list(range(n_inserts))
    told = [tuple(sorted(names)) for names in ingredients]
    if len(told) != n_inserts:
        raise CorpusError(
            f"found {n_inserts} inserts and the ingredients of {len(told)}; those of each are"
            " needed."
        )
    return [names or n for n, names in enumerate(told)]


def _listed(categories: Iterable[str]) -> list[str]:
    if isinstance(categories, str):
        raise CorpusError(
            f"found the one text {categories!r}; a list is needed, one category an insert."
        )
    return list(categories)


def _check_one_each(n_inserts: int, n_categories: int) -> None:
    if n_inserts != n_categories:
        raise CorpusError(
            f"found {n_inserts} inserts and {n_categories} categories;"
            " one category an insert is needed."
        )


def _with_new(taxonomy: Taxonomy, categories: Iterable[Category]) -> Taxonomy:
    new = {category.id: category for category in categories if category.id not in taxonomy}
    return taxonomy.with_categories(new.values())
