"""DrugTextModel: encoder and head as one transformers model.

This file and those that it imports by a relative name travel with a checkpoint, so that it opens
with `trust_remote_code=True` where drugtext is not installed: they import torch and transformers
alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import is_peft_available

from .bare_encoder import build_encoder, mean_pool
from .config import FORMAT_VERSION, MOST_LEVELS, DrugTextConfig, other_format
from .heads import PrototypeHead
from .lexicon import Lexicon
from .memory import Memory
from .name_stems import NameStems
from .scorer import INITIAL_SCALE

if TYPE_CHECKING and is_peft_available():  # so transformers does not ask for what it imports
    from drugtext.adapters import Adapter


class EncoderParts(NamedTuple):
    """What gives an embedding, before the head; models share it.

    Attributes:
        encoder: without pooler, the adapter's weights added to its own.
        adapter: those weights apart, where the encoder was trained on.
        lexicon: of a second vector beside the encoder's, where there is one.
        name_stems: of a vector of names beside both, where there is one.
    """

    encoder: nn.Module
    adapter: Adapter | None = None
    lexicon: Lexicon | None = None
    name_stems: NameStems | None = None


class DrugTextModel(PreTrainedModel):
    """An encoder with a prototype head: token ids in, one logit a category out.

    Each row of `input_ids` is read as one window, which is what a plain `text-classification`
    pipeline needs; `DrugClassifier` averages the windows of an insert before the head.

    Attributes:
        encoder: with the adapter's weights added to its own.
        head: embeddings -> logits.
        lexicon: token ids -> a second vector beside the encoder's, where it has one.
        name_stems: names -> a vector beside both, where it has one; `forward` reads texts alone.
        adapter: those weights apart, where the encoder was trained on; they are saved beside it.
    """

    config: DrugTextConfig
    config_class = DrugTextConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    def __init__(self, config: DrugTextConfig) -> None:
        super().__init__(config)
        if config.format_version != FORMAT_VERSION:
            raise ValueError(other_format(config.format_version))
        if config.n_support and config.num_labels != len(config.n_support):
            raise ValueError(
                f"found num_labels={config.num_labels} for {len(config.n_support)} categories; a"
                " category is learnt from inserts, not made by number. Load the checkpoint as it"
                " is, and learn categories with drugtext.load(...).fit or .fit_names; a Trainer"
                " then trains all of them on."
            )
        self.encoder = build_encoder(config.encoder)
        self.lexicon = Lexicon(**config.lexicon) if config.lexicon else None
        self.name_stems = NameStems(**config.name_stems) if config.name_stems else None
        self.head = _new_head(config)
        self.adapter: Adapter | None = None
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, PrototypeHead):
            init.zeros_(module.centre)
            init.zeros_(module.name_centre)
            init.eye_(module.whitening)
            init.zeros_(module.prototypes)
            init.zeros_(module.log_prior)
            init.zeros_(module.allowances)
            init.constant_(module.scale, INITIAL_SCALE)
            init.zeros_(module.certainty)
            init.copy_(module.nodes, torch.arange(module.nodes.shape[1]).expand_as(module.nodes))
            init.zeros_(module.doubts)
        elif isinstance(module, Memory):
            init.zeros_(module.levels)
            init.zeros_(module.scales)
            init.zeros_(module.rows)
        elif isinstance(module, Lexicon):
            init.copy_(module.token_ids, torch.arange(len(module.token_ids)))
            init.zeros_(module.levels)
            init.zeros_(module.scales)
        elif isinstance(module, NameStems):
            init.copy_(module.stem_ids, torch.arange(len(module.stem_ids)))
            init.zeros_(module.weights)
        else:
            super()._init_weights(module)

    @classmethod
    def assembled(
        cls,
        config: DrugTextConfig,
        parts: EncoderParts,
        head: PrototypeHead | None = None,
    ) -> DrugTextModel:
        """Return a model over a loaded encoder, which it shares with others, in evaluation mode.

        Args:
            config: of the model; its `n_support` has one entry a category.
            parts: encoder and what stands beside it, as the configuration tells of them.
            head: one without categories, if left out.
        """
        with torch.device("meta"):  # millions of random weights would be thrown away at once
            model = cls(config)
        model.encoder, model.adapter, model.lexicon, model.name_stems = parts
        model.head = head or _new_head(config)
        return model.eval()

    @property
    def parts(self) -> EncoderParts:
        """What gives its embeddings, to be shared with other models."""
        return EncoderParts(self.encoder, self.adapter, self.lexicon, self.name_stems)

    def save_pretrained(
        self, save_directory: str | os.PathLike[Any], *args: Any, **kwargs: Any
    ) -> None:
        """Save the weights, as transformers does, the adapter merged and not beside them.

        `DrugClassifier.save_pretrained` writes the adapter, too, and a manifest. Those of an
        earlier classifier stay where they are, on a hub, too: the configuration says so.
        """
        config, had_adapter = self.config, self.config.has_adapter
        config.has_adapter, config.saved_by_transformers = False, True
        try:
            super().save_pretrained(save_directory, *args, **kwargs)
        finally:
            config.has_adapter, config.saved_by_transformers = had_adapter, False

    def embed_windows(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the vector of each window, float32, (n_windows, text_dim)."""
        vectors = self.encode_windows(input_ids, attention_mask)
        return self.with_lexicon(vectors, input_ids, attention_mask)

    def encode_windows(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the mean token vector of each window, float32, (n_windows, hidden_size)."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return mean_pool(hidden, attention_mask)

    def with_lexicon(self, vectors: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Put the lexicon's vectors beside the encoder's, where there is a lexicon.

        Args:
            vectors: that `encode_windows` gave, shape (n_windows, hidden_size).
            input_ids: int64, shape (n_windows, n_tokens).
            attention_mask: 1 for a token, 0 for padding, same shape.

        Returns:
            Shape (n_windows, text_dim).
        """
        if self.lexicon is None:
            return vectors
        words = self.lexicon(input_ids, attention_mask)
        return torch.cat([nn.functional.normalize(vectors, dim=-1), words], dim=-1)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Classify each row as one window.

        Args:
            input_ids: int64, shape (n_windows, n_tokens).
            attention_mask: 1 for a token, 0 for padding, same shape; all ones if left out.
            labels: int64 in [0, n_categories), shape (n_windows,).

        Returns:
            `logits` of shape (n_windows, n_categories), and the cross-entropy `loss` with `labels`.

        Raises:
            ValueError: a row has more tokens than the encoder takes.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if (n_tokens := input_ids.shape[1]) > (limit := self.n_positions):
            raise ValueError(
                f"a row has {n_tokens} tokens, the encoder takes {limit}. Cut it: truncation=True,"
                f" max_length={limit} in the call of the tokenizer or of the text-classification"
                " pipeline; drug-insert-classification reads texts of any length."
            )
        embeddings = nn.functional.normalize(self.embed_windows(input_ids, attention_mask), dim=-1)
        logits = self.head(embeddings)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    @property
    def n_positions(self) -> float:
        """How many tokens the encoder has positions for; infinite where they are relative."""
        table = getattr(getattr(self.encoder, "embeddings", None), "position_embeddings", None)
        if not isinstance(table, nn.Embedding):
            return float("inf")
        before = table.padding_idx  # RoBERTa and its kin count from behind the padding's number
        return table.num_embeddings - (0 if before is None else before + 1)


def _new_head(config: DrugTextConfig) -> PrototypeHead:
    if not 1 <= config.n_levels <= MOST_LEVELS:
        raise ValueError(f"found n_levels={config.n_levels}; 1 to {MOST_LEVELS} are needed.")
    return PrototypeHead(
        config.text_dim,
        len(config.n_support),
        config.n_known,
        config.name_dim,
        config.n_named,
        config.n_levels,
    )


DrugTextModel.register_for_auto_class("AutoModelForSequenceClassification")
AutoModelForSequenceClassification.register(DrugTextConfig, DrugTextModel)
