"""A classifier's categories: what the head's rows are called, and where they stand in the tree."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Self, cast

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from drugtext.config import MOST_LEVELS, DrugTextConfig
from drugtext.doubt import tree_nodes
from drugtext.embedder import HALF_CHARACTERS, InsertEmbedder
from drugtext.errors import CheckpointError, CorpusError, TaxonomyError
from drugtext.heads import PrototypeHead
from drugtext.model import DrugTextModel
from drugtext.names import category_text
from drugtext.own_words import NO_WORDS
from drugtext.prediction_sets import check_strangeness, is_number
from drugtext.taxonomy import Category, Taxonomy
from drugtext.tokens import TokenReader


class CategoryHolder(InsertEmbedder):
    """An embedder that knows categories.

    Args:
        model: encoder and head.
        tokenizer: the encoder's.
        backend: what runs the encoder, as `InsertEmbedder` takes it.
        token_reader: as well.

    Attributes:
        taxonomy: the categories with their ancestors.
        category_ids: the categories that it knows, in the order of the head's rows.
        drug_names: of the drugs that the head remembers; None where they were not kept.
        words: what people wrote into the card that it was loaded with.

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
        self.words = NO_WORDS  # of these categories: what is learnt from them begins without
        config = model.config
        try:
            names = cast(dict[int, str], config.id2label)
            self.category_ids = [names[n] for n in range(len(config.n_support))]
            self.taxonomy = Taxonomy(
                (Category(i, name, parent or None) for i, name, parent in config.taxonomy),
                config.taxonomy_name,
                config.drug_level,
            )
            for category_id in self.category_ids:
                self.taxonomy[category_id]  # named in the error if the tree lacks it
            _check_calibration(config)
            ", ".join(config.languages)
            head, n_categories = model.head, len(self.category_ids)
            remembered = [part.rows for part in (head.memory, head.named) if part is not None]
            for rows in (head.nodes, *remembered):
                if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < n_categories:
                    raise ValueError("the head names a category that is not there")
            dim = model.name_stems.dim if model.name_stems else 0
            if not (isinstance(dim, int) and head.name_dim == dim == config.name_dim):
                raise ValueError(f"names are read into {dim} dimensions, the head takes others")
            if self.category_ids and not head.nodes.cpu().equal(
                _nodes(self.taxonomy, self.category_ids)
            ):
                raise ValueError("the head's tree is not that of the taxonomy")
            if not bool(((head.doubts >= 0) & (head.doubts <= 1)).all()):
                raise ValueError("the head's doubts are not from 0 to 1")
        except (
            *(TypeError, ValueError, OverflowError),
            *(KeyError, AttributeError, TaxonomyError),
        ) as error:
            raise CheckpointError(
                "config.json: categories or taxonomy are not understood"
                f" ({type(error).__name__}: {error}). A newer drugtext may have written them."
            ) from error

    @property
    def _head(self) -> PrototypeHead:
        """The head on the CPU, where categories are learnt: embeddings come from there."""
        head = self.model.head
        return head if self.model.device.type == "cpu" else copy.deepcopy(head).cpu()

    @torch.no_grad()
    def embed_names(self, categories: Iterable[str], taxonomy: Taxonomy) -> dict[str, Tensor]:
        """Return category id -> the embedding of its name, projected, shape (text_dim,)."""
        ids = list(dict.fromkeys(categories))
        names = self.embed_texts([category_text(taxonomy, category_id) for category_id in ids])
        return dict(zip(ids, self._head.project_names(names), strict=True))

    def _path(self, id_or_name: str, taxonomy: Taxonomy | None) -> tuple[Category, ...]:
        """Return a category that is to be learnt, behind those above it, from the root down.

        An ATC code that is not in the tree stands where its own code says, if the tree has its
        group of level 2, or below: others, such as B12, are likelier names of one's own.
        """
        if taxonomy is not None:
            return taxonomy.path(taxonomy.find(id_or_name).id)
        if not isinstance(id_or_name, str) or not id_or_name.strip():
            raise CorpusError(f"category {id_or_name!r}: a name or an id is needed.")
        if HALF_CHARACTERS.search(id_or_name):
            raise CorpusError(
                f"category {id_or_name!r}: holds half characters (surrogates); decode it as UTF-8."
            )
        if self.taxonomy.knows(id_or_name):
            return self.taxonomy.path(self.taxonomy.find(id_or_name).id)
        path = self.taxonomy.path_by_code(id_or_name)
        has_place = any(step.id in self.taxonomy and len(step.id) > 1 for step in path)
        return path if has_place else (Category(id_or_name, id_or_name),)

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
        config.n_named = len(head.named) if head.named is not None else 0
        config.taxonomy_name, config.drug_level = taxonomy.name, taxonomy.drug_level
        config.taxonomy = [[c.id, c.name, c.parent_id or ""] for c in taxonomy]
        config.reading_plan = self.reading_plan.to_dict()
        # Those of other categories would be false here.
        config.measured = config.training = config.privacy = None
        head = head.to(self.model.device)
        nodes = _nodes(taxonomy, order)
        if len(nodes) > MOST_LEVELS:
            raise TaxonomyError(
                f"found a tree of {len(nodes)} levels; a classifier takes up to {MOST_LEVELS}."
            )
        head.place(nodes)
        config.n_levels = len(head.nodes)
        other = self._over(DrugTextModel.assembled(config, self.model.parts, head))
        other.drug_names = drug_names
        return other


def _nodes(taxonomy: Taxonomy, order: Iterable[str]) -> Tensor:
    """Return `tree_nodes` of categories in a taxonomy."""
    return tree_nodes([[step.id for step in taxonomy.path(i)] for i in order])


def _check_calibration(config: DrugTextConfig) -> None:
    """Raise TypeError or ValueError where what is used in answers only is not what it should be."""
    few_shot = config.few_shot or {}
    may_be_none = [config.scope_threshold, config.scope_false_alarms]
    may_be_none.append(few_shot.get("scope_threshold"))
    numbers: list[Any] = [number for number in may_be_none if number is not None]
    numbers += [few_shot[name] for name in ("scale", "growth", "softening") if name in few_shot]
    for number in numbers:
        if not is_number(number):
            raise TypeError(f"found {number!r} where a number is needed")
    if not 0 <= few_shot.get("softening", 1.0) <= 1:
        raise ValueError("the softening of the whitening is not from 0 to 1")
    check_strangeness(config.strangeness or {})
    if few_shot.get("strangeness") is not None:
        check_strangeness({"1": few_shot["strangeness"]})
