"""The names of a drug as a channel of their own: pieces of names -> vector, beside the text's.

A text may tell little ("for the treatment of pain"), and the name much: -triptan. An embedding
holds both, told apart by place; where an insert goes by no name, its text is all of it.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from .memory import Memory

NAME_DIM = 256
DRUG_NAME_SHARE = 0.01
"""Of the square of an embedding's length: how alike two embeddings are is told by their texts."""
DRUG_NAME_SHARPNESS = 10.0
"""Of the cosine to the name of a known drug in its weight, exp(10 cosine)."""
UNLIKE = 1e-5
"""Mean weight of a category's names that counts as much as nothing told."""
UNTOLD = 8
"""Names like none that a category is taken to have beside those that are known: of few names, one
that is alike by chance weighs much. The three were chosen by folds of training and validation drugs
and on training categories, in the middle of a plateau."""
SAME_NAME = 0.99
"""Cosine of two names that are one: what is remembered is rounded to a byte a figure. Salts and
isotopes of a substance are one, as no piece of a name tells them apart."""
SAME_NAME_WEIGHT = 5.0
"""What a name says, besides, of a category that knows it, in natural logarithms. By folds of
training and validation drugs more than that brings little: what is left has several codes."""


class NameStems(nn.Module):
    """Sums the weights of a name's pieces into few dimensions, and brings the sum to one length.

    Args:
        n_stems: pieces that it has a weight for; others count for nothing.
        dim: of the vectors.

    Raises:
        ValueError: there is no piece, or no dimension.

    Source:
        Feature hashing with signs: Weinberger et al. 2009, arXiv:0902.2206, section 2.
    """

    stem_ids: Tensor
    weights: Tensor

    def __init__(self, n_stems: int, dim: int) -> None:
        super().__init__()
        if min(n_stems, dim) < 1:
            raise ValueError(f"found {n_stems} stems in {dim} dimensions; 1 or more are needed")
        self.dim = dim
        self.register_buffer("stem_ids", torch.arange(n_stems))  # rising
        self.register_buffer("weights", torch.zeros(n_stems))

    @classmethod
    def of(cls, weights: dict[int, float]) -> NameStems:
        """Make it of what `stem_ids.stem_weights` gives."""
        stems = cls(len(weights), NAME_DIM)
        stems.stem_ids.copy_(torch.tensor([*weights]))
        stems.weights.copy_(torch.tensor([*weights.values()]))
        return stems

    @property
    def arguments(self) -> dict[str, Any]:
        """What it is made anew with, before its weights are loaded."""
        return {"n_stems": len(self.stem_ids), "dim": self.dim}

    def forward(self, stem_ids: list[list[int]]) -> Tensor:
        """Return a unit vector an insert, or zeros where it knows no piece of its names.

        Args:
            stem_ids: of each insert, as `stem_ids.stem_ids` gives them.

        Returns:
            float32, on the device of the weights, shape (n_inserts, dim).
        """
        device = self.weights.device
        ids = torch.tensor([i for some in stem_ids for i in some], dtype=torch.long, device=device)
        counts = torch.tensor([*map(len, stem_ids)], dtype=torch.long, device=device)
        rows = torch.arange(len(stem_ids), device=device).repeat_interleave(counts)
        places = torch.searchsorted(self.stem_ids, ids).clamp(max=len(self.stem_ids) - 1)
        told = self.weights[places] * (self.stem_ids[places] == ids)
        signs = 1 - 2 * (ids & 1)  # the lowest bit; the others choose the dimension
        sums = self.weights.new_zeros(len(stem_ids) * self.dim)
        sums.index_add_(0, rows * self.dim + (ids >> 1) % self.dim, told * signs)
        return nn.functional.normalize(sums.reshape(len(stem_ids), self.dim), dim=1)


def with_names(text: Tensor, names: Tensor) -> Tensor:
    """Put names behind what a text says.

    Args:
        text: unit vectors, shape (n, text_dim).
        names: unit vectors or zeros, shape (n, name_dim), which may be 0.

    Returns:
        Unit vectors, shape (n, text_dim + name_dim); the part of an insert's names has
        `DRUG_NAME_SHARE` of the square, or none.
    """
    return _joined(text, names * sqrt(DRUG_NAME_SHARE))


def text_part(vectors: Tensor, text_dim: int) -> Tensor:
    """Return what `with_names` took for the text: unit vectors, shape (n, text_dim)."""
    if vectors.shape[-1] == text_dim:
        return vectors
    return nn.functional.normalize(vectors[..., :text_dim], dim=-1)


def name_part(vectors: Tensor, text_dim: int) -> Tensor:
    """Return what `with_names` took for the names, unit vectors or zeros: (n, name_dim)."""
    return nn.functional.normalize(vectors[..., text_dim:], dim=-1)


def with_other_text(vectors: Tensor, text: Tensor) -> Tensor:
    """Return embeddings with another text and the same names.

    Args:
        vectors: as `with_names` gives them, or means of them, shape (n, text_dim + name_dim).
        text: unit vectors, shape (n, text_dim).
    """
    names = vectors[..., text.shape[-1] :]
    return _joined(text, names) if names.shape[-1] else text


def _joined(text: Tensor, names: Tensor) -> Tensor:
    left = (1 - names.square().sum(-1, keepdim=True)).clamp(min=0).sqrt()
    return torch.cat([text * left, names], dim=-1)


def remembered_names(names: Tensor, rows: Tensor) -> Memory | None:
    """Remember names of drugs, each different one of a category once.

    Args:
        names: unit vectors or zeros, shape (n, name_dim).
        rows: int64, of the category of each, shape (n,).

    Returns:
        None where there is no name.
    """
    has_name = names.square().sum(dim=-1) > 0
    if not has_name.any():
        return None
    return Memory.of(names[has_name], rows[has_name]).without_repeats()


def name_evidence(
    known: Memory, names: Tensor, n_categories: int, same_name: float = SAME_NAME_WEIGHT
) -> Tensor:
    """Return how much the names of inserts speak for each category.

    Args:
        known: names of drugs of the categories.
        names: of the inserts, unit vectors or zeros, shape (n, name_dim).
        n_categories: rows of the head.
        same_name: what a name says, besides, of a category that knows it.

    Returns:
        Natural logarithms to be added to those of what the text says, shape (n, n_categories): 0
        for a name that is like none of a category's, for a category whose names nobody told, and
        for an insert that goes by none. What is said of one category does not depend on the others.

    Source:
        Kernel density as in `memory.Memory`, over a uniform one, with `UNTOLD` added as in Lidstone
        1920; experts multiplied: Hinton 2002, doi:10.1162/089976602760128018, equation 1.
    """
    unlike = exp(-DRUG_NAME_SHARPNESS)
    cosines = known.cosines(names)
    weights = ((DRUG_NAME_SHARPNESS * (cosines - 1)).exp() - unlike).clamp(min=0)
    told = (known.category_means(weights, n_categories, UNTOLD) / UNLIKE).log1p()
    same, rows = (cosines > SAME_NAME).to(told.dtype), known.rows.expand_as(cosines)
    return told + same_name * torch.zeros_like(told).scatter_reduce(-1, rows, same, "amax")
