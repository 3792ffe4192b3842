"""How sure to be of a group of sibling categories, and how sure of one of them within it.

Less tells siblings apart than groups: one temperature for all is too timid between groups, and too
bold within them.
"""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-300  # no logarithm of nothing


def group_log_probabilities(logits: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Part a probability into that of a category's group, and its own within the group.

    Args:
        logits: shape (n, n_categories).
        groups: int64 in [0, n_categories), that each category is in, shape (n_categories,).

    Returns:
        Logarithms of the probability of each group, shape (n, n_categories), of which numbers that
        name no group hold next to nothing; and of each category within its group, same shape.
    """
    log_p = logits.double().log_softmax(dim=-1)
    between = _summed(log_p, groups)
    return between, log_p - between[..., groups]


def sharpened(logits: Tensor, groups: Tensor, powers: Tensor) -> Tensor:
    """Raise the probability of a group to one power, and that within the group to another.

    Args:
        logits: shape (n, n_categories).
        groups: as `group_log_probabilities` takes them.
        powers: the two, shape (2,); both above 0. Of 1 and 1, nothing changes.

    Returns:
        Logits whose softmax is a product of both, each of which sums to 1: shape kept.

    Source:
        Temperature scaling (Guo et al. 2017, arXiv:1706.04599, section 4.2), once for each step of
        a hierarchy of two.
    """
    if bool((powers == 1).all()):
        return logits
    between, within = group_log_probabilities(logits, groups)
    within = within * powers[1]
    both = (between * powers[0])[..., groups] + within - _summed(within, groups)[..., groups]
    return both.to(logits.dtype)


def _summed(log_values: Tensor, groups: Tensor) -> Tensor:
    """Add up within each group what logarithms stand for; shape kept."""
    sums = torch.zeros_like(log_values).index_add(-1, groups, log_values.exp())
    return sums.clamp(min=_TINY).log()
