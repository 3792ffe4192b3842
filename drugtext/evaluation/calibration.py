"""Probabilities that mean something: the scale of the scores, and where the known world ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn

from drugtext.doubt import branching, doubted
from drugtext.errors import CorpusError
from drugtext.heads import PrototypeHead
from drugtext.scorer import INITIAL_SCALE

SCOPE_FALSE_ALARMS = 0.05
"""Share of held-out inserts of known categories that may be called out of scope."""

SCALES = np.geomspace(2, 128, 97)
"""Scales that are tried, evenly spaced in their logarithm."""

STRENGTHS = (0.0, 0.5)
"""Least and greatest exponent of the amount of text in the scale."""

DOUBTS = (0.0, 0.5)
"""Least and greatest share of the probability that may be spread at a level."""

_FIRST_DOUBT = 0.05  # that the search begins with
_RIDGE = 1.0


class HeldOut(NamedTuple):
    """What a head says of inserts that it did not learn from, and what is true of them.

    Attributes:
        evidence: as `PrototypeHead.evidence` gives it, shape (n, n_categories).
        log_prior: as well, shape (n_categories,).
        is_true: bool, the true category, or all that stand below it, shape (n, n_categories).
        amounts: embeddings times `text_direction`, shape (n,).
        is_named: as `PrototypeHead.is_named` gives it, shape (n,).
        nodes: of the head.
    """

    evidence: Tensor
    log_prior: Tensor
    is_true: Tensor
    amounts: Tensor
    is_named: Tensor
    nodes: Tensor


class Calibration(NamedTuple):
    """What makes evidence a probability.

    Attributes:
        scale: of the evidence, for an insert of ordinary length.
        strength: exponent of the amount of text in it.
        doubts: of each level of the tree, see `doubted`; of inserts without a name that tells
            something, and of those with one.
    """

    scale: float
    strength: float = 0.0
    doubts: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0,), (0.0,))

    @torch.no_grad()
    def apply(self, head: PrototypeHead, direction: Tensor) -> None:
        """Calibrate a head in place.

        Args:
            head: to be calibrated; the doubts are of the levels of its tree, from the roots down.
            direction: as `text_direction` gives it.
        """
        head.scale.fill_(self.scale)
        head.certainty.copy_(self.strength * direction)
        head.doubts = nn.Parameter(torch.tensor(self.doubts).to(head.doubts), requires_grad=False)
        head.place(head.nodes)  # which may be deeper than what was calibrated


def text_direction(projected: Tensor, n_characters: Tensor) -> Tensor:
    """Learn to read off an embedding how much text it is of.

    Args:
        projected: of any inserts, shape (n, embedding_dim).
        n_characters: of each insert, shape (n,).

    Returns:
        The direction, shape (embedding_dim,): its product with an embedding is about by how much
        the logarithm of the characters exceeds the mean one.

    Source:
        Ridge regression: Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634, equation 2.1.
    """
    amounts = n_characters.double().log1p()
    rows = projected.double()
    square = rows.T @ rows + _RIDGE * torch.eye(rows.shape[1], dtype=rows.dtype)
    return torch.linalg.solve(square, rows.T @ (amounts - amounts.mean())).to(projected.dtype)


def best_calibration(
    held_out: HeldOut,
    strengths: tuple[float, float] = STRENGTHS,
    doubts: tuple[float, float] = DOUBTS,
) -> Calibration:
    """Return the calibration that makes held-out categories most likely.

    Each insert counts down to the first step of the tree that is taken wrongly. What stands below
    that one is no part of any answer to it; counted, it would make deep levels too doubtful.

    Args:
        held_out: inserts; where there are none with a name that tells something, or none without,
            their doubts are those of the others.
        strengths: least and greatest one that is tried.
        doubts: as well, at each level.

    Raises:
        CorpusError: there is no held-out insert.

    Source:
        Temperature scaling: Guo et al. 2017, arXiv:1706.04599, section 4.2; here the temperature
        is a power of the amount of text, and answers are `doubted`.
    """
    _check_held_out(len(held_out.evidence))
    figures, prior = held_out.evidence.double(), held_out.log_prior.double()
    amounts, nodes = held_out.amounts.double(), held_out.nodes
    counted = _to_first_wrong_step(held_out.is_true, figures * INITIAL_SCALE + prior, nodes)
    kinds, kind_of = held_out.is_named.unique(return_inverse=True)

    @torch.enable_grad()
    def loss(sought: NDArray) -> tuple[float, NDArray]:
        found = torch.tensor(sought, requires_grad=True)
        scales = (found[0] + found[1] * amounts).exp().unsqueeze(1)
        shares = found[2:].reshape(len(kinds), len(nodes))[kind_of]
        log_p = doubted(figures * scales + prior, nodes, shares).log_softmax(dim=-1)
        mean = -log_p.masked_fill(~counted, -torch.inf).logsumexp(dim=-1).mean()
        (slope,) = torch.autograd.grad(mean, found)
        return mean.item(), slope.numpy()

    # A level where nothing branches tells nothing: no doubt stays what it is then.
    doubtful = [_FIRST_DOUBT if branches else 0.0 for branches in branching(nodes)]
    begun = [np.log(INITIAL_SCALE), 0.0, *doubtful * len(kinds)]
    bounds = [np.log(SCALES[[0, -1]]), strengths, *[doubts] * len(nodes) * len(kinds)]
    best = minimize(loss, begun, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist()
    without, named = tuple(best[2:][: len(nodes)]), tuple(best[2:][-len(nodes) :])
    return Calibration(float(np.exp(best[0])), best[1], (without, named))


def _to_first_wrong_step(is_true: Tensor, logits: Tensor, nodes: Tensor) -> Tensor:
    """Return what is true down to the first level whose best node is wrong, as `is_true`."""
    found, p = is_true.clone(), logits.softmax(dim=-1)
    one, goes_on = is_true.int().argmax(dim=-1), torch.ones_like(is_true[:, 0])
    for level in nodes:
        alike = level == level[one].unsqueeze(1)  # they stand at the true node of this level
        is_known = ~(is_true & ~alike).any(dim=-1)
        best = torch.zeros_like(p).index_add(-1, level, p).argmax(dim=-1, keepdim=True)
        is_right = alike.gather(1, best)[:, 0]
        found = torch.where((goes_on & is_known & ~is_right).unsqueeze(1), alike, found)
        goes_on &= is_known & is_right
    return found


@torch.no_grad()
def calibrate(
    head: PrototypeHead,
    projected: Tensor,
    is_true: Tensor,
    direction: Tensor,
    best: Callable[[HeldOut], Calibration] = best_calibration,
) -> Calibration:
    """Calibrate a head in place on held-out inserts, and return its calibration.

    Args:
        head: to be calibrated.
        projected: of the inserts, shape (n, embedding_dim).
        is_true: bool, the rows of the head that are the true category or stand below it, shape
            (n, n_categories).
        direction: as `text_direction` gives it.
        best: finds what is best for them.

    Raises:
        CorpusError: there is no held-out insert.
    """
    amounts = head.text_of(projected) @ direction
    told = *head.evidence(projected), is_true, amounts, head.is_named(projected), head.nodes
    found = best(HeldOut(*told))
    found.apply(head, direction)
    return found


def scope_threshold(familiarity: Tensor, false_alarms: float = SCOPE_FALSE_ALARMS) -> float:
    """Return the familiarity below which an insert is called out of scope.

    Args:
        familiarity: of held-out inserts of known categories, shape (n,).
        false_alarms: share of them that falls below.

    Raises:
        CorpusError: there is no held-out insert.
    """
    _check_held_out(len(familiarity))
    return float(familiarity.double().quantile(false_alarms))


def _check_held_out(n_inserts: int) -> None:
    if not n_inserts:
        raise CorpusError(
            "found no held-out insert of a category that the classifier knows; calibration needs"
            " one or more. Use a larger corpus, or a larger share for validation."
        )
