"""Probabilities that mean something: the scale of the scores, and where the known world ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from drugtext.episodes import draw_episodes
from drugtext.errors import CorpusError
from drugtext.heads import PrototypeHead

SCOPE_FALSE_ALARMS = 0.05
"""Share of held-out inserts of known categories that may be called out of scope."""

SCALES = np.geomspace(2, 128, 97)
"""Scales that are tried, evenly spaced in their logarithm."""

_EPISODE_SHOTS = (1, 2, 5)


def best_scale(evidence: Tensor, log_prior: Tensor, true_rows: Tensor) -> float:
    """Return the scale of a head that makes held-out categories most likely.

    Args:
        evidence: of held-out inserts, as `PrototypeHead.evidence` gives it, (n, n_categories).
        log_prior: as well, shape (n_categories,).
        true_rows: int64, the true category's column, shape (n,).

    Returns:
        One of `SCALES`.

    Raises:
        CorpusError: there is no held-out insert.

    Source:
        Temperature scaling: Guo et al. 2017, arXiv:1706.04599, section 4.2.
    """
    _check_held_out(len(evidence))
    return float(SCALES[int(scale_losses(evidence, log_prior, true_rows).argmin())])


def scale_losses(evidence: Tensor, log_prior: Tensor, true_rows: Tensor) -> Tensor:
    """Return the cross-entropy of held-out inserts at each of `SCALES`; arguments as `best_scale`.

    Returns:
        float64, shape (n_scales,).
    """
    losses = [
        torch.nn.functional.cross_entropy(evidence * scale + log_prior, true_rows).item()
        for scale in SCALES
    ]
    return torch.tensor(losses, dtype=torch.double)


def scope_threshold(nearness: Tensor, false_alarms: float = SCOPE_FALSE_ALARMS) -> float:
    """Return the nearness below which an insert is called out of scope.

    Args:
        nearness: of held-out inserts of known categories, shape (n,).
        false_alarms: share of them that falls below.

    Raises:
        CorpusError: there is no held-out insert.
    """
    _check_held_out(len(nearness))
    return float(nearness.double().quantile(false_alarms))


@torch.no_grad()
def calibrate_few_shot(
    head: PrototypeHead,
    embeddings: ArrayLike,
    categories: Sequence[str],
    ingredients: Sequence[Iterable[str]],
    seed: int = 0,
    names: Mapping[str, Tensor] | None = None,
) -> dict[str, float] | None:
    """Find scale and scope threshold for categories learnt from a few inserts each.

    They are pooled over episodes of five categories with one, two and five support inserts.

    Args:
        head: gives the projection.
        embeddings: of held-out inserts, not projected, shape (n, embedding_dim).
        categories: of each.
        ingredients: of each.
        seed: of the episodes.
        names: category -> its name's embedding, projected, shape (embedding_dim,).

    Returns:
        `scale` and `scope_threshold`; None where the inserts are too few for episodes.
    """
    projected = head.project(torch.as_tensor(embeddings))
    losses, nearness = torch.zeros(len(SCALES), dtype=torch.double), []
    for k_shot in _EPISODE_SHOTS:
        try:
            episodes = list(
                draw_episodes(categories, ingredients, n_way=5, k_shot=k_shot, seed=seed)
            )
        except CorpusError:  # few categories have so many ingredients
            continue
        for episode in episodes:
            support, queries = projected[list(episode.support)], projected[list(episode.queries)]
            rows_of = torch.tensor(episode.support_categories)
            told = torch.stack([names[c] for c in episode.categories]) if names else None
            few = head.fitted(support, rows_of, [[]] * len(episode.categories), told)
            few = few.remembering(support, rows_of)
            truth = torch.tensor(episode.query_categories)
            losses += scale_losses(*few.evidence(queries), truth)
            nearness.append(few.nearness(queries))
    if not nearness:
        return None
    return {
        "scale": float(SCALES[int(losses.argmin())]),
        "scope_threshold": scope_threshold(torch.cat(nearness)),
    }


def _check_held_out(n_inserts: int) -> None:
    if not n_inserts:
        raise CorpusError(
            "found no held-out insert of a category that the classifier knows; calibration needs"
            " one or more. Use a larger corpus, or a larger share for validation."
        )
