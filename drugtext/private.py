"""Categories learnt from a confidential support set: a head that is differentially private.

Whoever holds the head cannot tell, beyond what epsilon and delta allow, whether a certain drug was
in the support set. In detail:

Neighbours: two support sets, of which one has a drug more: all its inserts, in all its categories.
    A drug is a set of active substances, as `support_set.Drugs` tells them; an insert whose
    ingredients nobody told is a drug by itself. To change some inserts of a drug is to take it out
    and to put another one in: the sensitivity is then `private_sums.REPLACEMENT_SENSITIVITY`.
Protected: the embeddings, which drugs there are, and how many each category has.
Public: which categories there are, their names and their tree; the encoder, the lexicon, the
    stems of names, the projection and the calibration, which must come from a checkpoint. Neither
    the support, nor an earlier `fit` on it without privacy, may have touched them.
Released: once, the sums and the numbers of drugs of all categories with Gaussian noise, see
    `private_sums`. The rest is computed from these and from what is public; it costs no privacy.
Not released: a memory of the support, names of drugs, the order in which categories came, whether
    the support agrees with the names.
More than once: each `fit` on the same support tells more, see `gaussian_delta`.
Not covered: the last bits of floating-point numbers (see `gaussian_mechanism`), and how long a fit
    takes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from drugtext.errors import DrugTextError
from drugtext.gaussian_mechanism import gaussian_sigma
from drugtext.heads import NAME_WEIGHT, PRIOR_STRENGTH, PrototypeHead
from drugtext.private_sums import DELTA, SENSITIVITY, PrivateSums, private_sums
from drugtext.prototypes import share_with_ancestors

PROTOTYPE_SQUARE = 0.45
"""Squared norm of a prototype without noise; the mean over validation categories."""
NAME_SHARE = 0.3
"""Of a name in what a noisy prototype is moved towards: the mean product of both over validation
categories, which is what least squares asks for. Their accuracy is as good from 0.25 to 0.5."""

_UNIT = (
    "one drug more or less: all its inserts that tell their ingredients, in all its categories, or"
    " one insert that does not tell them"
)
_MECHANISM = "analytic Gaussian mechanism, one release of sums and numbers of drugs"


class PrivateHead(NamedTuple):
    """A head, and what may be said of its making.

    Attributes:
        head: prototypes and prior, no memory.
        n_support: noisy numbers of drugs, 1 or more, one a category.
        statement: epsilon, delta and what they are of, for the checkpoint's configuration.
    """

    head: PrototypeHead
    n_support: list[int]
    statement: dict[str, float | str]


def denoised_means(released: PrivateSums, names: Tensor, name_weights: Tensor) -> Tensor:
    """Make prototypes of noisy sums.

    In a small category the noise is longer than the prototype, and distances would tell of it
    alone. So each mean is moved towards its name, the further the less is known of it.

    Args:
        released: of the support set.
        names: of each category, projected, shape (n_categories, embedding_dim).
        name_weights: drugs that each name counts as, shape (n_categories,); 0 leaves it out.

    Returns:
        float64, shape (n_categories, embedding_dim).

    Source:
        The mean of a normal mean, given a noisy one and a normal prior; denoising of released sums:
        Balle and Wang 2018, arXiv:1805.06530, section 4.
    """
    weights = (released.counts.clamp(min=1.0) + name_weights).unsqueeze(1)
    named = names * name_weights.unsqueeze(1)
    means = (released.sums + named) / weights
    spread = PROTOTYPE_SQUARE / names.shape[1]  # variance of a prototype's figure
    known = spread / (spread + (released.sigma / weights).square())
    towards = NAME_SHARE * named
    return towards + known * (means - towards)


def check_can_be_private(head: PrototypeHead, epsilon: float, delta: float) -> None:
    """Refuse before the work what `private_head` would refuse.

    Args:
        head: that gives the projection.
        epsilon: above 0.
        delta: in (0, 1).

    Raises:
        DrugTextError: the head has no projection, or epsilon or delta is out of range.
    """
    if head.is_bare:
        raise DrugTextError(
            "the classifier has no projection yet, and one learnt from the support would tell of"
            " it. Privacy needs a checkpoint that has one, as drugtext.load() gives it."
        )
    gaussian_sigma(epsilon, delta, SENSITIVITY)


@torch.no_grad()
def private_head(
    head: PrototypeHead,
    embeddings: Tensor,
    category_ids: Tensor,
    drugs: Sequence[Hashable],
    ancestors: Sequence[Sequence[str]],
    names: Tensor | None = None,
    name_weights: Tensor | None = None,
    *,
    epsilon: float,
    delta: float = DELTA,
    generator: torch.Generator | None = None,
) -> PrivateHead:
    """Learn categories as `PrototypeHead.fitted` does, (epsilon, delta)-private.

    Noise draws prototypes towards nothing, and probabilities towards all alike: where epsilon is
    small, the scale and the scope threshold of a checkpoint do not hold.

    Args:
        head: gives projection and calibration; on the CPU. It stays as it is.
        embeddings: texts of the support set, projected, shape (n_support, text_dim).
        category_ids: int64 in [0, n_categories), shape (n_support,).
        drugs: of each insert, what tells one drug from another.
        ancestors: of each category, ids of the ancestors, nearest first.
        names: of each category, projected, shape (n_categories, text_dim).
        name_weights: drugs that each name counts as, `NAME_WEIGHT` each if left out. They must not
            come from the support: what `names_tell` says does.
        epsilon: above 0.
        delta: in (0, 1).
        generator: as `gaussian_noise` takes it; leave it out where privacy is meant.

    Raises:
        DrugTextError: the head has no projection, or epsilon or delta is out of range.
    """
    check_can_be_private(head, epsilon, delta)
    n_categories = len(ancestors)
    if names is None:
        names, name_weights = torch.zeros(n_categories, head.text_dim), torch.zeros(n_categories)
    elif name_weights is None:
        name_weights = torch.full((n_categories,), NAME_WEIGHT)
    released = private_sums(
        embeddings,
        category_ids,
        drugs,
        n_categories,
        epsilon=epsilon,
        delta=delta,
        generator=generator,
    )
    counts = released.counts.clamp(min=1.0)
    means = denoised_means(released, names, name_weights)
    private = head.of_others(
        share_with_ancestors(means, counts + name_weights, ancestors),
        PRIOR_STRENGTH * (counts.log() - counts.log().mean()),
    )
    statement: dict[str, float | str] = {
        "epsilon": float(epsilon),
        "delta": float(delta),
        "unit": _UNIT,
        "mechanism": _MECHANISM,
        "sigma": released.sigma,
        "sensitivity": SENSITIVITY,
    }
    return PrivateHead(private, counts.round().long().tolist(), statement)
