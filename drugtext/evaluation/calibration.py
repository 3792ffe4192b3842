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
_FIGURES_AT_ONCE = 4_000_000  # scales are tried together as memory allows


class Calibration(NamedTuple):
    """What makes evidence a probability.

    Attributes:
        scale: of the evidence, for an insert of ordinary length.
        strength: exponent of the amount of text in it.
        doubts: of each level of the tree, see `doubted`.
    """

    scale: float
    strength: float = 0.0
    doubts: tuple[float, ...] = (0.0,)

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
    evidence: Tensor,
    log_prior: Tensor,
    true_rows: Tensor,
    amounts: Tensor,
    nodes: Tensor,
    strengths: tuple[float, float] = STRENGTHS,
    doubts: tuple[float, float] = DOUBTS,
) -> Calibration:
    """Return the calibration that makes held-out categories most likely.

    Args:
        evidence: of held-out inserts, as `PrototypeHead.evidence` gives it, (n, n_categories).
        log_prior: as well, shape (n_categories,).
        true_rows: int64, the true category's column, shape (n,).
        amounts: embeddings times `text_direction`, shape (n,).
        nodes: of the head.
        strengths: least and greatest one that is tried.
        doubts: as well, at each level.

    Raises:
        CorpusError: there is no held-out insert.

    Source:
        Temperature scaling: Guo et al. 2017, arXiv:1706.04599, section 4.2; here the temperature
        is a power of the amount of text, and answers are `doubted`.
    """
    _check_held_out(len(evidence))
    figures, prior, amounts = evidence.double(), log_prior.double(), amounts.double()

    @torch.enable_grad()
    def loss(sought: NDArray) -> tuple[float, NDArray]:
        found = torch.tensor(sought, requires_grad=True)
        scales = (found[0] + found[1] * amounts).exp().unsqueeze(1)
        log_p = doubted(figures * scales + prior, nodes, found[2:]).log_softmax(dim=-1)
        mean = -log_p.gather(1, true_rows.unsqueeze(1)).mean()
        (slope,) = torch.autograd.grad(mean, found)
        return mean.item(), slope.numpy()

    alone = SCALES[int(scale_losses(evidence, log_prior, true_rows).argmin())]
    # A level where nothing branches tells nothing: no doubt stays what it is then.
    begun = [np.log(alone), 0.0, *[_FIRST_DOUBT if b else 0.0 for b in branching(nodes)]]
    bounds = [np.log(SCALES[[0, -1]]), strengths, *[doubts] * len(nodes)]
    best = minimize(loss, begun, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist()
    return Calibration(float(np.exp(best[0])), best[1], tuple(best[2:]))


@torch.no_grad()
def calibrate(
    head: PrototypeHead,
    projected: Tensor,
    true_rows: Tensor,
    direction: Tensor,
    best: Callable[..., Calibration] = best_calibration,
) -> Calibration:
    """Calibrate a head in place on held-out inserts, and return its calibration.

    Args:
        head: to be calibrated.
        projected: of the inserts, shape (n, embedding_dim).
        true_rows: int64, the true category's row of the head, shape (n,).
        direction: as `text_direction` gives it.
        best: takes what `best_calibration` does.

    Raises:
        CorpusError: there is no held-out insert.
    """
    evidence, prior = head.evidence(projected)
    found = best(evidence, prior, true_rows, head.text_of(projected) @ direction, head.nodes)
    found.apply(head, direction)
    return found


def scale_losses(evidence: Tensor, log_prior: Tensor, true_rows: Tensor) -> Tensor:
    """Return the cross-entropy of held-out inserts at each of `SCALES`.

    Arguments as those of `best_calibration`.

    Returns:
        float64, shape (n_scales,).
    """
    scales = torch.tensor(SCALES, dtype=evidence.dtype)
    rows = true_rows.reshape(1, -1, 1)
    losses = []
    for some in scales.split(max(1, _FIGURES_AT_ONCE // max(evidence.numel(), 1))):
        log_p = (evidence * some.reshape(-1, 1, 1) + log_prior).log_softmax(dim=-1)
        losses.append(-log_p.gather(-1, rows.expand(len(some), -1, 1)).mean(dim=(1, 2)))
    return torch.cat(losses).double()


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
