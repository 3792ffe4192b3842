"""The words of the domain as a second channel: token ids -> vector, beside the encoder's.

A general encoder blurs words that it seldom met, and those tell drugs apart: "kinase", "diuresis".
Latent semantic analysis of inserts keeps them, and needs no category.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

LEXICON_WEIGHT = 0.5
"""Length of the lexicon's vector where the encoder's is 1. Chosen on held-out ingredients."""


class Lexicon(nn.Module):
    """Sums a vector for each different token of a window, and brings the sum to one length.

    Args:
        n_tokens: that it has a vector for; others count for nothing.
        dim: of the vectors.
        weight: that length, where the encoder's vector has the length 1.

    Source:
        Deerwester et al. 1990, doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9;
        tokens weighted by inverse document frequency (Spärck Jones 1972, doi:10.1108/eb026526).
    """

    token_ids: Tensor
    levels: Tensor
    scales: Tensor

    def __init__(self, n_tokens: int, dim: int, weight: float = LEXICON_WEIGHT) -> None:
        super().__init__()
        self.weight = weight
        self.register_buffer("token_ids", torch.arange(n_tokens))  # rising
        self.register_buffer("levels", torch.zeros(n_tokens, dim, dtype=torch.int8))
        self.register_buffer("scales", torch.zeros(n_tokens))

    @property
    def dim(self) -> int:
        """Number of dimensions of its vectors."""
        return self.levels.shape[1]

    @property
    def arguments(self) -> dict[str, Any]:
        """What it is made anew with, before its weights are loaded."""
        return {"n_tokens": len(self.token_ids), "dim": self.dim, "weight": self.weight}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return a vector of length `weight` a window, or zeros where it knows no token of it.

        Args:
            input_ids: int64, shape (n_windows, n_tokens).
            attention_mask: 1 for a token, 0 for padding, same shape.

        Returns:
            float32, shape (n_windows, dim).
        """
        ids = input_ids.masked_fill(attention_mask == 0, -1).sort(dim=1).values
        rows = torch.searchsorted(self.token_ids, ids).clamp(max=len(self.token_ids) - 1)
        is_first = torch.ones_like(ids, dtype=torch.bool)
        is_first[:, 1:] = ids[:, 1:] != ids[:, :-1]
        counts = ((self.token_ids[rows] == ids) & is_first).to(self.scales.dtype)
        sums = nn.functional.embedding_bag(
            rows,
            self.levels.to(self.scales.dtype),
            mode="sum",
            per_sample_weights=counts * self.scales[rows],
        )
        return self.weight * nn.functional.normalize(sums, dim=-1)
