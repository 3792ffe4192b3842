"""Few-shot heads that are trained in episodes and then score queries from any support set.

Each reads the support as inserts and weights: row c of a weight matrix tells how much each insert
counts for category c: one for a support insert, `name_weight` for the category's own name.
"""

from __future__ import annotations

from collections.abc import Callable

from drugtext.episode_heads.attention import AttentionPrototypes
from drugtext.episode_heads.base import EpisodeHead
from drugtext.episode_heads.propagation import LabelPropagation
from drugtext.episode_heads.prototypes import CosinePrototypes, EuclideanPrototypes
from drugtext.episode_heads.ridge import RidgeRegression

HEADS: dict[str, Callable[[int], EpisodeHead]] = {
    "euclidean": EuclideanPrototypes,
    "cosine": CosinePrototypes,
    "attention": AttentionPrototypes,
    "ridge": RidgeRegression,
    "propagation": LabelPropagation,
}
"""Heads by name; each is made from the embedding_dim."""

__all__ = [
    "HEADS",
    "AttentionPrototypes",
    "CosinePrototypes",
    "EpisodeHead",
    "EuclideanPrototypes",
    "LabelPropagation",
    "RidgeRegression",
]
