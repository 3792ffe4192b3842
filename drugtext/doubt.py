"""How often an insert stands beside another category than it reads like, at each step of the tree.

However plainly an insert reads, some drugs have several codes, and some codes are wrong. Without a
share for them, one scale for all answers is too bold with plain inserts and too timid with others.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_TINY = 1e-300  # no logarithm of nothing


def tree_nodes(paths: Sequence[Sequence[str]]) -> Tensor:
    """Number the nodes of each level of a tree by the first category that stands below.

    Args:
        paths: ids from the root down to each category.

    Returns:
        int64, from the roots down to the deepest category, shape (n_levels, n_categories). One that
        ends higher stands for itself below.
    """
    found = []
    for level in range(1, max(map(len, paths), default=1) + 1):
        names = [path[:level][-1] for path in paths]
        first = {name: n for n, name in reversed([*enumerate(names)])}
        found.append([first[name] for name in names])
    return torch.tensor(found, dtype=torch.int64)


def doubted(logits: Tensor, nodes: Tensor, doubts: Tensor) -> Tensor:
    """Spread, at each step down the tree, a share of the probability over all that stand there.

    Args:
        logits: shape (n, n_categories).
        nodes: as `tree_nodes` gives them.
        doubts: share at each level, in [0, 1], shape (n_levels,); or of each insert, (n, n_levels).

    Returns:
        Logits, shape kept. The probability of a node, given the one above it, is 1 - doubt times
        what it was, plus doubt / number of nodes there. The best of those that stand at one place
        stays the best; of all categories it may be another one.

    Source:
        A lapse rate: Wichmann and Hill 2001, doi:10.3758/BF03194544, equation 1; here one for each
        step of a hierarchy.
    """
    log_p = logits.double().log_softmax(dim=-1)
    above, above_log = torch.zeros_like(nodes[0]), torch.zeros_like(log_p)  # the root, of all
    found = torch.zeros_like(log_p)
    for level, doubt in zip(nodes, doubts.double().unbind(-1), strict=True):
        own_log = _summed(log_p, level)
        given_above = (own_log - above_log).exp()
        there, share = _counts_below(level, above), doubt.unsqueeze(-1)
        found = found + ((1 - share) * given_above + share / there).clamp(min=_TINY).log()
        above, above_log = level, own_log
    within = log_p - above_log  # of several that stand below one last node
    return (found + within).to(logits.dtype)


def _summed(log_p: Tensor, level: Tensor) -> Tensor:
    """Return for each category the logarithm of its node's probability; shape kept."""
    rows = level.expand_as(log_p)
    greatest = torch.full_like(log_p, -torch.inf).scatter_reduce(-1, rows, log_p.detach(), "amax")
    greatest = greatest[..., level]
    sums = torch.zeros_like(log_p).index_add(-1, level, (log_p - greatest).exp())
    return sums[..., level].log() + greatest


def _counts_below(level: Tensor, above: Tensor) -> Tensor:
    """Return for each category how many nodes of a level its node above has, (n_categories,)."""
    firsts = level.unique()
    return torch.zeros_like(level).index_add(0, above[firsts], torch.ones_like(firsts))[above]
