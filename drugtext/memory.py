"""What the support inserts were like, beside the prototypes: which of them is an insert near to?

A prototype tells what the drugs of a category have in common. A short text is often told better by
the nearest texts: "for the treatment of hypertension, to lower blood pressure" stands in the
inserts of one category word for word.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .block_products import block_products

SHARPNESS = 40.0
"""Of the cosine to a support insert in its weight, which is exp(40 cosine)."""
MEMORY_WEIGHT = 2.0
"""Of the mean weight of a category's support, beside its prototype, which weighs exp(24 score)."""
PROTOTYPE_SCALE = 24.0
"""That 24. The three were chosen together on validation drugs, in the middle of a plateau."""

_LEVELS = 127  # of a stored figure: whole numbers of a byte, each row with a scale of its own
_BLOCK = 256  # rows compared at once


def in_bytes(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Round vectors to a byte a figure.

    Args:
        vectors: shape (n, dim).

    Returns:
        Whole numbers, shape (n, dim), and what one of them is worth in each row, shape (n,).
    """
    scales = vectors.abs().amax(dim=1).clamp(min=1e-12) / _LEVELS
    return (vectors / scales.unsqueeze(1)).round(), scales


class Memory(nn.Module):
    """Support embeddings, a byte a figure, with their categories.

    Args:
        n_known: of the embeddings.
        embedding_dim: of each.

    Source:
        Kernel density of a category's support: Vinyals et al. 2016, arXiv:1606.04080, equation 1,
        here averaged a category, and less where few texts are remembered of it.
    """

    levels: Tensor
    scales: Tensor
    rows: Tensor

    def __init__(self, n_known: int, embedding_dim: int) -> None:
        super().__init__()
        self.register_buffer("levels", torch.zeros(n_known, embedding_dim, dtype=torch.int8))
        self.register_buffer("scales", torch.zeros(n_known))
        self.register_buffer("rows", torch.zeros(n_known, dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, embeddings: Tensor, rows: Tensor) -> Memory:
        """Remember a support set.

        Args:
            embeddings: projected, unit vectors, shape (n_known, embedding_dim).
            rows: int64, the row of the head that each belongs to, shape (n_known,).
        """
        memory = cls(*embeddings.shape)
        levels, scales = in_bytes(embeddings)
        memory.levels.copy_(levels)
        memory.scales.copy_(scales)
        memory.rows.copy_(rows)
        return memory

    def with_more(self, embeddings: Tensor, rows: Tensor) -> Memory:
        """Return a memory of these embeddings, too, behind the others; arguments as `of`."""
        return self.together_with(Memory.of(embeddings, rows))

    def together_with(self, other: Memory | None) -> Memory:
        """Return a memory of what another one remembers, too, behind this one's."""
        if other is None:
            return self
        both = Memory(len(self) + len(other), self.levels.shape[1])
        for name, buffer in both.named_buffers():
            buffer.copy_(torch.cat([getattr(self, name).cpu(), getattr(other, name)]))
        return both

    def without_repeats(self) -> Memory:
        """Return a memory that holds what is the same of a category once."""
        figures = torch.cat([self.rows.unsqueeze(1), self.levels.long()], dim=1).tolist()
        first = {tuple(row): n for n, row in reversed([*enumerate(figures)])}
        kept = sorted(first.values())
        return self.selected(kept, self.rows[kept])

    def regrouped(self, groups: Sequence[Sequence[int]]) -> tuple[Memory, list[int]]:
        """Return a memory of those embeddings whose category is in a group, under its number.

        Args:
            groups: rows of the head.

        Returns:
            The memory, and the places here of what it holds.
        """
        number = {row: n for n, group in enumerate(groups) for row in group}
        kept = [n for n, row in enumerate(self.rows.tolist()) if row in number]
        rows = torch.tensor([number[int(self.rows[n])] for n in kept], dtype=torch.long)
        return self.selected(kept, rows), kept

    def selected(self, places: list[int], rows: Tensor) -> Memory:
        """Return a memory of some of the embeddings, under other rows of the head.

        Args:
            places: of the embeddings, rising.
            rows: int64, of each, shape (n_selected,).
        """
        memory = Memory(len(places), self.levels.shape[1])
        memory.levels.copy_(self.levels[places])
        memory.scales.copy_(self.scales[places])
        memory.rows.copy_(rows)
        return memory

    def cosines(self, projected: Tensor) -> Tensor:
        """Return the cosine to each embedding, shape (n, n_known).

        Args:
            projected: unit vectors, shape (n, embedding_dim).
        """
        return block_products(projected, self.embeddings(projected.dtype), _BLOCK)

    def embeddings(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return what is remembered, shape (n_known, embedding_dim)."""
        return self.levels.to(dtype) * self.scales.unsqueeze(1).to(dtype)

    def affinities(self, projected: Tensor, n_categories: int) -> Tensor:
        """Return how near an insert is to the support of each category.

        A text that is all that is remembered of its category says nothing that the prototype does
        not: it would count twice, and the category's name less. So the mean over n texts counts
        (n - 1) / n.

        Args:
            projected: unit vectors, shape (n, embedding_dim).
            n_categories: rows of the head.

        Returns:
            Logarithms of what the mean weights count, shape (n, n_categories); minus infinity for a
            category of which no more than one text is remembered.
        """
        weights = (SHARPNESS * (self.cosines(projected) - 1)).exp()
        means = self.category_means(weights, n_categories)
        counts = torch.bincount(self.rows, minlength=n_categories).clamp(min=1)
        return means.log() + (1 - 1 / counts).to(means.dtype).log()

    def category_means(self, weights: Tensor, n_categories: int, n_more: int = 0) -> Tensor:
        """Average the weights of what is remembered of each category.

        Args:
            weights: of each embedding, shape (n, n_known).
            n_categories: rows of the head.
            n_more: of each category that weigh nothing, beside those that are remembered.

        Returns:
            Shape (n, n_categories); 0 for a category of which nothing is remembered.
        """
        sums = weights.new_zeros(len(weights), n_categories).index_add(1, self.rows, weights)
        counts = torch.bincount(self.rows, minlength=n_categories) + n_more
        return sums / counts.clamp(min=1).to(sums.dtype)
