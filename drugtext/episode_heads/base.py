"""What the heads of episodes share: the check of an episode, names as support, the scale."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from drugtext.scorer import INITIAL_SCALE


class EpisodeHead(nn.Module):
    """Base of the heads: checks an episode, adds names to the support, scales the scores.

    Args:
        embedding_dim: of the encoder.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim
        self.log_name_weight = nn.Parameter(torch.zeros(()))
        self.log_scale = nn.Parameter(torch.tensor(math.log(INITIAL_SCALE)))

    @property
    def name_weight(self) -> Tensor:
        """How many support inserts a category's name counts as; positive, learnt."""
        return self.log_name_weight.exp()

    def forward(
        self,
        support: Tensor,
        rows: Tensor,
        queries: Tensor,
        n_way: int,
        names: Tensor | None = None,
    ) -> Tensor:
        """Return the logits of queries.

        Args:
            support: unit vectors, shape (n_support, embedding_dim); n_support may be 0 with names.
            rows: int64 in [0, n_way), category of each support insert, shape (n_support,).
            queries: unit vectors, shape (n_query, embedding_dim).
            n_way: number of categories.
            names: of each category the unit vector of its name, shape (n_way, embedding_dim).

        Returns:
            Shape (n_query, n_way).

        Raises:
            ValueError: shapes or rows do not fit, or a category has neither support nor a name.
        """
        self._check(support, rows, queries, n_way, names)
        weights = nn.functional.one_hot(rows, n_way).T.to(support.dtype)
        if names is not None:
            support = torch.cat([support, names])
            own = torch.eye(n_way, dtype=weights.dtype, device=weights.device)
            weights = torch.cat([weights, self.name_weight * own], dim=1)
        return self._scores(support, weights, queries) * self.log_scale.exp()

    def _scores(self, inserts: Tensor, weights: Tensor, queries: Tensor) -> Tensor:
        """Return scores before they are scaled, shape (n_query, n_way).

        Args:
            inserts: support and names, shape (n_inserts, embedding_dim).
            weights: 0 where an insert is of another category, shape (n_way, n_inserts).
            queries: shape (n_query, embedding_dim).
        """
        raise NotImplementedError

    def _check(
        self, support: Tensor, rows: Tensor, queries: Tensor, n_way: int, names: Tensor | None
    ) -> None:
        needed = {"support": (len(rows), support), "queries": (len(queries), queries)}
        if names is not None:
            needed["names"] = (n_way, names)
        for what, (length, vectors) in needed.items():
            if vectors.shape != (length, self.embedding_dim):
                raise ValueError(
                    f"{what} has the shape {tuple(vectors.shape)};"
                    f" {(length, self.embedding_dim)} is needed. Give one embedding a row."
                )
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < n_way:
            found = f"{int(rows.min())} to {int(rows.max())}"
            raise ValueError(
                f"rows run from {found}; 0 to {n_way - 1} (n_way - 1) are needed. Number the"
                " categories of the episode from 0."
            )
        if names is None:
            empty = (torch.bincount(rows, minlength=n_way) == 0).nonzero().flatten().tolist()
            if empty:
                raise ValueError(
                    f"categories {empty[:10]} have no support; each needs one insert or more, or a"
                    " name. Give support, or names."
                )


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return squared distances, shape (n_a, n_b), without the root that has no slope at 0."""
    squares = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return (squares - 2 * a @ b.T).clamp(min=0)
