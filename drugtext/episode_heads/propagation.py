"""Categories spread over a graph of support and queries."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from drugtext.episode_heads.base import EpisodeHead, squared_distances

NEIGHBOURS = 20
"""Edges of an insert in the graph, as many as in the paper."""

_SHORTEST_LENGTH = 0.01  # of shorter ones float32 cannot tell, as 1 - 1e-7 is next to 1
_HIGHEST_ALPHA = 0.99  # at 1, I - alpha S is singular
_LEAST_REACHED = 1e-6  # what is less is rounding in float32; such a query scores all alike


class LabelPropagation(EpisodeHead):
    """Spreads the categories over a graph of support and queries, near ones tied together: TPN.

    Transductive: all queries of a call are answered together, and a query's logits depend on the
    others. A single query is answered too, over the graph of the support and itself.

    Every insert is tied to its nearest `NEIGHBOURS`, and a query to its nearest support as well,
    so that none is out of reach. Unlike the paper there is one length-scale for all inserts; each
    category spreads the same mass, however many inserts it has; and what reaches a query is
    brought to the sum 1, so that the scores do not fade as the graph grows.

    Source:
        Liu et al. 2019, arXiv:1805.10002, section 3.2; Zhou et al. 2004, NIPS 16, section 2.
    """

    def __init__(self, embedding_dim: int) -> None:
        super().__init__(embedding_dim)
        self.log_length = nn.Parameter(torch.tensor(math.log(0.3)))
        self.alpha_logit = nn.Parameter(torch.tensor(1.0))

    @property
    def alpha(self) -> Tensor:
        """What a node takes from its neighbours, in (0, 1); learnt."""
        return _HIGHEST_ALPHA * self.alpha_logit.sigmoid()

    def _scores(self, inserts: Tensor, weights: Tensor, queries: Tensor) -> Tensor:
        nodes = torch.cat([inserts, queries])
        shares = (weights / weights.sum(1, keepdim=True)).T
        seeds = nn.functional.pad(shares, (0, 0, 0, len(queries)))
        ties = self._ties(squared_distances(nodes, nodes), len(inserts))
        identity = torch.eye(len(nodes)).to(nodes)
        reached = torch.linalg.solve(identity - self.alpha * ties, seeds)[len(inserts) :]
        return reached / reached.sum(1, keepdim=True).clamp(min=_LEAST_REACHED)

    def _ties(self, distances: Tensor, n_inserts: int) -> Tensor:
        """Return S, the normalised similarities, shape (n_nodes, n_nodes).

        Worked out as logarithms: similarities of far nodes vanish in float32, their ratios do not.
        """
        length = self.log_length.exp().clamp(min=_SHORTEST_LENGTH)
        logs = -0.5 * distances / length.square()
        logs = logs.masked_fill(~neighbours(distances.detach(), n_inserts), -math.inf)
        degrees = logs.logsumexp(1, keepdim=True)
        return (logs - 0.5 * (degrees + degrees.T)).exp()


def neighbours(distances: Tensor, n_inserts: int) -> Tensor:
    """Tell which nodes of the graph are tied: each with its nearest, a query with support too.

    Of equally near ones all are tied, so that the order of the nodes changes nothing.

    Args:
        distances: between all nodes, support first, shape (n_nodes, n_nodes).
        n_inserts: how many of the nodes are support.

    Returns:
        Symmetric, bool, shape (n_nodes, n_nodes).
    """
    others = distances.clone().fill_diagonal_(math.inf)
    n_nearest = min(NEIGHBOURS, len(others) - 1)
    tied = others <= others.kthvalue(n_nearest, dim=1, keepdim=True).values
    to_support = others[n_inserts:, :n_inserts]
    tied[n_inserts:, :n_inserts] |= to_support <= to_support.amin(1, keepdim=True)
    return (tied | tied.T).fill_diagonal_(False)
