"""Probabilities that mean something: the scale of the scores, and where the known world ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from drugtext.episodes import draw_episodes
from drugtext.errors import CorpusError
from drugtext.heads import PrototypeHead
from drugtext.prediction_sets import thinned

SCOPE_FALSE_ALARMS = 0.05
"""Share of held-out inserts of known categories that may be called out of scope."""

SCALES = np.geomspace(2, 128, 97)
"""Scales that are tried, evenly spaced in their logarithm."""

STRENGTHS = np.linspace(0, 0.5, 11)
"""Exponents of the amount of text in the scale that are tried."""

_EPISODE_SHOTS = (1, 2, 5)
_EPISODE_WAYS = (5, 10, 20, 40)
_RIDGE = 1.0


class Calibration(NamedTuple):
    """What makes evidence a probability.

    Attributes:
        scale: of the evidence, for an insert of ordinary length.
        strength: exponent of the amount of text in it.
    """

    scale: float
    strength: float = 0.0

    @torch.no_grad()
    def apply(self, head: PrototypeHead, direction: Tensor) -> None:
        """Calibrate a head in place; `direction` is that of `text_direction`."""
        head.scale.fill_(self.scale)
        head.certainty.copy_(self.strength * direction)


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
    evidence: Tensor, log_prior: Tensor, true_rows: Tensor, amounts: Tensor | None = None
) -> Calibration:
    """Return the calibration that makes held-out categories most likely.

    Args:
        evidence: of held-out inserts, as `PrototypeHead.evidence` gives it, (n, n_categories).
        log_prior: as well, shape (n_categories,).
        true_rows: int64, the true category's column, shape (n,).
        amounts: embeddings times `text_direction`, shape (n,); the scale is one for all if left
            out.

    Raises:
        CorpusError: there is no held-out insert.

    Source:
        Temperature scaling: Guo et al. 2017, arXiv:1706.04599, section 4.2; here the temperature
        is a power of the amount of text.
    """
    _check_held_out(len(evidence))
    strengths = [0.0] if amounts is None else STRENGTHS.tolist()
    found = []
    for strength in strengths:
        trust = 1.0 if amounts is None else (strength * amounts).exp().unsqueeze(1)
        losses = scale_losses(evidence * trust, log_prior, true_rows)
        found.append(
            (float(losses.min()), Calibration(float(SCALES[int(losses.argmin())]), strength))
        )
    return min(found)[1]


def scale_losses(evidence: Tensor, log_prior: Tensor, true_rows: Tensor) -> Tensor:
    """Return the cross-entropy of held-out inserts at each of `SCALES`.

    Arguments as those of `best_calibration`.

    Returns:
        float64, shape (n_scales,).
    """
    losses = [
        torch.nn.functional.cross_entropy(evidence * scale + log_prior, true_rows).item()
        for scale in SCALES
    ]
    return torch.tensor(losses, dtype=torch.double)


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


@torch.no_grad()
def calibrate_few_shot(
    head: PrototypeHead,
    embeddings: ArrayLike,
    categories: Sequence[str],
    ingredients: Sequence[Iterable[str]],
    seed: int = 0,
    names: Mapping[str, Tensor] | None = None,
) -> dict[str, Any] | None:
    """Find scale and scope threshold for categories learnt from a few inserts each.

    They are pooled over episodes of five categories and more, with one, two and five support
    inserts. Prediction sets go by those of most categories: where there are fewer, sets hold the
    true one more often than is asked for, and where there are more, less often.

    Args:
        head: gives the projection.
        embeddings: of held-out inserts, not projected, shape (n, embedding_dim).
        categories: of each.
        ingredients: of each.
        seed: of the episodes.
        names: category -> its name's embedding, projected, shape (embedding_dim,).

    Returns:
        `scale`, `scope_threshold` and `strangeness`; None where the inserts are too few for
        episodes.
    """
    projected = head.project(torch.as_tensor(embeddings))
    losses, widest = torch.zeros(len(SCALES), dtype=torch.double), 0
    familiarity: list[Tensor] = []
    asked: list[tuple[Tensor, Tensor, Tensor]] = []
    for n_way, k_shot in product(_EPISODE_WAYS, _EPISODE_SHOTS):
        try:
            episodes = list(
                draw_episodes(categories, ingredients, n_way=n_way, k_shot=k_shot, seed=seed)
            )
        except CorpusError:  # few categories have so many ingredients
            continue
        if n_way > widest:
            widest, asked = n_way, []
        for episode in episodes:
            support, queries = projected[list(episode.support)], projected[list(episode.queries)]
            rows_of = torch.tensor(episode.support_categories)
            told = torch.stack([names[c] for c in episode.categories]) if names else None
            few = head.fitted(support, rows_of, [[]] * len(episode.categories), told)
            few = few.remembering(support, rows_of)
            truth = torch.tensor(episode.query_categories)
            evidence, prior = few.evidence(queries)
            asked.append((evidence * few.trust(queries), prior, truth))
            losses += scale_losses(*asked[-1])
            familiarity.append(few.familiarity(queries))
    if not familiarity:
        return None
    scale = float(SCALES[int(losses.argmin())])
    probabilities = [
        (evidence * scale + prior).double().softmax(1).gather(1, truth.unsqueeze(1))
        for evidence, prior, truth in asked
    ]
    return {
        "scale": scale,
        "scope_threshold": scope_threshold(torch.cat(familiarity)),
        "strangeness": thinned(1 - torch.cat(probabilities).flatten().numpy()),
    }


def _check_held_out(n_inserts: int) -> None:
    if not n_inserts:
        raise CorpusError(
            "found no held-out insert of a category that the classifier knows; calibration needs"
            " one or more. Use a larger corpus, or a larger share for validation."
        )
