"""An encoder as drugtext uses it: without its pooler, and its token vectors averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:  # transformers itself is imported where it is used: see _registration
    from transformers import PreTrainedConfig


def build_encoder(config: PreTrainedConfig) -> nn.Module:
    """Build an encoder of this configuration, its weights not yet loaded, without its pooler."""
    from transformers import AutoModel

    return without_pooler(AutoModel.from_config(config))


def without_pooler(encoder: nn.Module) -> nn.Module:
    """Take the pooler off: embeddings are means over tokens, an unused pooler gets no gradient."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.register_module("pooler", None)
    return encoder


def mean_pool(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Average the token vectors of each window.

    Args:
        hidden: last hidden state, shape (n_windows, n_tokens, embedding_dim).
        attention_mask: 1 for a token, 0 for padding, shape (n_windows, n_tokens).

    Returns:
        float32, shape (n_windows, embedding_dim).

    Source:
        Reimers and Gurevych 2019, arXiv:1908.10084, section 3 (MEAN strategy).
    """
    weights = attention_mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(1) / weights.sum(1).clamp(min=1)
