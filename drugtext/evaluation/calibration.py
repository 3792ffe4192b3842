"""Probabilities that mean something: the scale of the scores, and where the known world ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn

from drugtext.doubt import doubted
from drugtext.errors import CorpusError
from drugtext.heads import PrototypeHead
from drugtext.scorer import KNOWN_NAME, NAME_KINDS, NEW_NAME, NO_NAME
from drugtext.taxonomy import Taxonomy

SCOPE_FALSE_ALARMS = 0.05
"""Share of held-out inserts of known categories that may be called out of scope."""

SCALES = np.geomspace(2, 128, 97)
"""Scales that are tried, evenly spaced in their logarithm."""

STRENGTHS = (0.0, 0.5)
"""Least and greatest exponent of the amount of text in the scale."""

DOUBTS = (0.0, 0.5)
"""Least and greatest share of the probability that may be spread at a level."""

LEAST_OF_A_KIND = 30
"""Held-out inserts of a kind of names that have doubts of their own."""

_RIDGE = 1.0


class HeldOut(NamedTuple):
    """What a head says of inserts that it did not learn from, and what is true of them.

    Attributes:
        evidence: as `PrototypeHead.evidence` gives it, shape (n, n_categories).
        log_prior: as well, shape (n_categories,).
        is_true: as `true_categories` gives it, shape (n, n_categories).
        amounts: embeddings times `text_direction`, shape (n,).
        name_kinds: as `PrototypeHead.name_kinds` gives them, shape (n,).
        nodes: of the head.
    """

    evidence: Tensor
    log_prior: Tensor
    is_true: Tensor
    amounts: Tensor
    name_kinds: Tensor
    nodes: Tensor

    @classmethod
    @torch.no_grad()
    def of(
        cls, head: PrototypeHead, projected: Tensor, is_true: Tensor, direction: Tensor
    ) -> HeldOut:
        """Ask a head.

        Args:
            head: to be calibrated.
            projected: of the inserts, shape (n, embedding_dim).
            is_true: as `true_categories` gives it.
            direction: as `text_direction` gives it.
        """
        amounts = head.text_of(projected) @ direction
        return cls(
            *head.evidence(projected), is_true, amounts, head.name_kinds(projected), head.nodes
        )

    def together_with(self, other: HeldOut) -> HeldOut:
        """Return these inserts and others, of which a head of the same categories was asked."""
        of_inserts = ("evidence", "is_true", "amounts", "name_kinds")
        both = {name: torch.cat([getattr(self, name), getattr(other, name)]) for name in of_inserts}
        return self._replace(**both)


def true_categories(
    placed: Sequence[str], category_ids: Sequence[str], taxonomy: Taxonomy
) -> Tensor:
    """Tell which categories are an insert's own or, where that is none, stand below it.

    Args:
        placed: the deepest category of each insert that the taxonomy holds and something is of.
        category_ids: that are answered.
        taxonomy: holds all of them.

    Returns:
        bool, shape (n_inserts, n_categories).
    """
    rows_of: dict[str, list[int]] = {}
    for row, category_id in enumerate(category_ids):
        for step in taxonomy.path(category_id):
            rows_of.setdefault(step.id, []).append(row)
    rows_of |= {category_id: [row] for row, category_id in enumerate(category_ids)}
    found = torch.zeros(len(placed), len(category_ids), dtype=torch.bool)
    for n, category_id in enumerate(placed):
        found[n, rows_of[category_id]] = True
    return found


class Calibration(NamedTuple):
    """What makes evidence a probability.

    Attributes:
        scale: of the evidence, for an insert of ordinary length.
        strength: exponent of the amount of text in it.
        doubts: of each level of the tree, see `doubted`, of each of `NAME_KINDS`.
    """

    scale: float
    strength: float = 0.0
    doubts: tuple[tuple[float, ...], ...] = ((0.0,),) * len(NAME_KINDS)

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

    Each insert counts down to the first level whose most probable category is wrong: what stands
    below is no part of the first answer, and would make deep levels too doubtful.

    Args:
        held_out: inserts. Where there are few with names of a kind, they are taken for those of
            the kind before.
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
    kinds, kind_of = _without_few(held_out.name_kinds).unique(return_inverse=True)

    def mean_loss(found: Tensor, counted: Tensor) -> Tensor:
        scales = (found[0] + found[1] * amounts).exp().unsqueeze(1)
        shares = found[2:].reshape(len(kinds), len(nodes))[kind_of]
        log_p = doubted(figures * scales + prior, nodes, shares).log_softmax(dim=-1)
        return -log_p.masked_fill(~counted, -torch.inf).logsumexp(dim=-1).mean()

    @torch.enable_grad()
    def loss(sought: NDArray) -> tuple[float, NDArray]:
        found = torch.tensor(sought, requires_grad=True)
        mean = mean_loss(found, counted)
        (slope,) = torch.autograd.grad(mean, found)
        return mean.item(), slope.numpy()

    no_doubts = torch.zeros(1 + len(kinds) * len(nodes), dtype=torch.float64)
    starts = [torch.cat([torch.tensor([np.log(scale)]), no_doubts]) for scale in SCALES[::12]]
    start = min(starts, key=lambda start: float(mean_loss(start, held_out.is_true)))
    logits = figures * start[0].exp() + prior
    counted = _to_first_wrong_level(held_out.is_true, logits, nodes)
    # A doubt of which nothing is told stays none.
    bounds = [np.log(SCALES[[0, -1]]), strengths, *[doubts] * (len(kinds) * len(nodes))]
    best = minimize(loss, start.numpy(), jac=True, method="L-BFGS-B", bounds=bounds).x
    rows = best[2:].reshape(len(kinds), len(nodes)).tolist()
    likest = [max(int((kinds <= kind).sum()) - 1, 0) for kind in NAME_KINDS]
    by_kinds = tuple(tuple(rows[n]) for n in likest)
    return Calibration(float(np.exp(best[0])), float(best[1]), by_kinds)


def _without_few(name_kinds: Tensor) -> Tensor:
    """Take kinds of which there are few for the one before, or the first for the one behind."""
    found = name_kinds.clone()
    for kind in (KNOWN_NAME, NEW_NAME):
        if int((found == kind).sum()) < LEAST_OF_A_KIND:
            found[found == kind] = kind - 1
    others = found[found > NO_NAME]
    if len(others) and len(found) - len(others) < LEAST_OF_A_KIND:
        found[found == NO_NAME] = int(others.min())
    return found


def _to_first_wrong_level(is_true: Tensor, logits: Tensor, nodes: Tensor) -> Tensor:
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
