"""Prototypes that are adapted to each other by attention."""

from __future__ import annotations

import math

from torch import Tensor, nn

from drugtext.episode_heads.base import squared_distances
from drugtext.episode_heads.prototypes import EuclideanPrototypes, weighted_means


class AttentionPrototypes(EuclideanPrototypes):
    """Prototypes that look at each other first, so that they differ in what tells them apart: FEAT.

    The output projection starts at zero and the layer norm stands before the attention, not behind
    the sum as in the paper: an untrained head equals `EuclideanPrototypes`. The contrastive term
    of the paper's loss and its dropout are left out.

    Source:
        Ye et al. 2020, arXiv:1812.03664, the Transformer variant, one attention head.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__(embedding_dim)
        self.norm = nn.LayerNorm(embedding_dim)
        self.query = nn.Linear(embedding_dim, embedding_dim, bias=False)
        self.key = nn.Linear(embedding_dim, embedding_dim, bias=False)
        self.value = nn.Linear(embedding_dim, embedding_dim, bias=False)
        self.output = nn.Linear(embedding_dim, embedding_dim)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def _scores(self, inserts: Tensor, weights: Tensor, queries: Tensor) -> Tensor:
        prototypes = weighted_means(inserts, weights)
        normed = self.norm(prototypes)
        products = self.query(normed) @ self.key(normed).T / math.sqrt(self.embedding_dim)
        adapted = prototypes + self.output(products.softmax(dim=-1) @ self.value(normed))
        return -squared_distances(queries, adapted)
