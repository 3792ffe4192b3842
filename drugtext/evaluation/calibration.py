"""Probabilities that mean something: the scale of the scores, and where the known world ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drugtext.errors import CorpusError
from drugtext.heads import PrototypeHead
from drugtext.sharpening import group_log_probabilities, sharpened
from drugtext.taxonomy import Taxonomy

SCOPE_FALSE_ALARMS = 0.05
"""Share of held-out inserts of known categories that may be called out of scope."""

SCALES = np.geomspace(2, 128, 97)
"""Scales that are tried, evenly spaced in their logarithm."""

STRENGTHS = np.linspace(0, 0.5, 11)
"""Exponents of the amount of text in the scale that are tried."""

POWERS = np.geomspace(0.25, 4, 97)
"""Powers that are tried, likewise; 1 is among them."""

_RIDGE = 1.0
_FIGURES_AT_ONCE = 4_000_000  # scales are tried together as memory allows


class Calibration(NamedTuple):
    """What makes evidence a probability.

    Attributes:
        scale: of the evidence, for an insert of ordinary length.
        strength: exponent of the amount of text in it.
        powers: of the probability of a group of siblings, and of that within it, see `sharpened`.
    """

    scale: float
    strength: float = 0.0
    powers: tuple[float, float] = (1.0, 1.0)

    @torch.no_grad()
    def apply(self, head: PrototypeHead, direction: Tensor, groups: Tensor | None = None) -> None:
        """Calibrate a head in place.

        Args:
            head: to be calibrated.
            direction: as `text_direction` gives it.
            groups: as `sibling_groups` gives them; needed for the powers.
        """
        head.scale.fill_(self.scale)
        head.certainty.copy_(self.strength * direction)
        if groups is not None:
            head.groups.copy_(groups)
            head.powers.copy_(torch.tensor(self.powers))


def sibling_groups(category_ids: Sequence[str], taxonomy: Taxonomy) -> Tensor:
    """Group the categories of the deepest level by the category above, which is in the group, too.

    Args:
        category_ids: in the order of a head's rows.
        taxonomy: holds them and their ancestors.

    Returns:
        int64, the number of the first category of each one's group, shape (n_categories,).
    """
    paths = [[step.id for step in taxonomy.path(i)] for i in category_ids]
    above = max(map(len, paths)) - 1
    names = [path[:above][-1] if above else path[-1] for path in paths]
    first = {name: n for n, name in reversed([*enumerate(names)])}
    return torch.tensor([first[name] for name in names])


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
    amounts: Tensor | None = None,
    groups: Tensor | None = None,
) -> Calibration:
    """Return the calibration that makes held-out categories most likely.

    Args:
        evidence: of held-out inserts, as `PrototypeHead.evidence` gives it, (n, n_categories).
        log_prior: as well, shape (n_categories,).
        true_rows: int64, the true category's column, shape (n,).
        amounts: embeddings times `text_direction`, shape (n,); the scale is one for all if left
            out.
        groups: as `sibling_groups` gives them; no powers are sought if left out.

    Raises:
        CorpusError: there is no held-out insert.

    Source:
        Temperature scaling: Guo et al. 2017, arXiv:1706.04599, section 4.2; here the temperature
        is a power of the amount of text.
    """
    _check_held_out(len(evidence))

    def trusted(strength: float) -> Tensor:
        return evidence if amounts is None else evidence * (strength * amounts).exp().unsqueeze(1)

    strengths = [0.0] if amounts is None else STRENGTHS.tolist()
    found = []
    for strength in strengths:
        losses = scale_losses(trusted(strength), log_prior, true_rows)
        found.append(
            (float(losses.min()), Calibration(float(SCALES[int(losses.argmin())]), strength))
        )
    best = min(found)[1]
    if groups is None:
        return best
    logits = trusted(best.strength) * best.scale + log_prior
    return best._replace(powers=_best_powers(logits, true_rows, groups))


def _best_powers(logits: Tensor, true_rows: Tensor, groups: Tensor) -> tuple[float, float]:
    """Return the power that makes true groups most likely, and that for categories within them."""
    true_groups, true_rows = groups[true_rows].unsqueeze(1), true_rows.unsqueeze(1)

    def loss(power: float) -> tuple[float, float]:
        sharp = sharpened(logits, groups, torch.tensor([power, power]))
        between, within = group_log_probabilities(sharp, groups)
        return (
            -between.gather(1, true_groups).mean().item(),
            -within.gather(1, true_rows).mean().item(),
        )

    powers = sorted(POWERS.tolist(), key=lambda power: abs(np.log(power)))  # 1 where all are alike
    losses = np.array([loss(power) for power in powers]).round(9)
    first, second = losses.argmin(axis=0)
    return powers[first], powers[second]


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
