"""Calibration of categories learnt from a few inserts, pooled over episodes of known ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from drugtext.episodes import draw_episodes
from drugtext.errors import CorpusError
from drugtext.evaluation.calibration import SCALES, scope_threshold
from drugtext.heads import MOST_SHOTS, PrototypeHead
from drugtext.prediction_sets import thinned

SOFTENING = 0.4
"""Power of the whitening that new categories are learnt with. Chosen on categories that were held
out of the training and validation ones, in the middle of a plateau: the whole of it costs them some
hundredths, as what it scales down tells them apart, too."""

GROWTHS = np.linspace(0, 0.4, 17)
"""Powers of the number of support inserts in the scale that are tried."""

_EPISODE_SHOTS = (1, 2, MOST_SHOTS)
_EPISODE_WAYS = (5, 10, 20, 40)
_FIGURES_AT_ONCE = 4_000_000  # scales are tried together as memory allows


@torch.no_grad()
def few_shot_projection(
    head: PrototypeHead, names: Mapping[str, Tensor]
) -> tuple[PrototypeHead, dict[str, Tensor]]:
    """Return a head without categories that projects as new ones are learnt, and names by it.

    Args:
        head: of known categories.
        names: category -> its name's embedding as `head` projects it, shape (embedding_dim,).
    """
    softened = head.softened(SOFTENING)
    if not names:
        return softened, {}
    moved = head.moved(torch.stack([*names.values()]), softened)
    return softened, dict(zip(names, moved, strict=True))


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
        `softening`, the power of the whitening that new categories are learnt with; `scale` for one
        support insert a category, the power of their number that it grows by, `growth`,
        `scope_threshold` and `strangeness`; None where the inserts are too few for episodes.
    """
    asked = list(_episodes(head, embeddings, categories, ingredients, seed, names or {}))
    if not asked:
        return None
    losses: dict[int, Tensor] = {}  # of each number of support inserts
    for one in asked:
        losses[one.k_shot] = losses.get(one.k_shot, 0) + one.losses()
    scale, growth = best_growth(losses)
    widest = max(one.n_way for one in asked)
    told = [one.probabilities(scale * one.k_shot**growth) for one in asked if one.n_way == widest]
    return {
        "softening": SOFTENING,
        "scale": scale,
        "growth": growth,
        "scope_threshold": scope_threshold(torch.cat([one.familiarity for one in asked])),
        "strangeness": thinned(1 - np.concatenate(told)),
    }


class _Asked(NamedTuple):
    """What a head that was fitted to the support of an episode says of its queries.

    Attributes:
        n_way, k_shot: of the episode.
        evidence: that the scale is sought for, shape (n_queries, n_way).
        prior: shape (n_way,).
        truth: int64, the true category's column, shape (n_queries,).
        familiarity: shape (n_queries,).
    """

    n_way: int
    k_shot: int
    evidence: Tensor
    prior: Tensor
    truth: Tensor
    familiarity: Tensor

    def losses(self) -> Tensor:
        """Return the cross-entropy of the queries at each of `SCALES`: float64, (n_scales,)."""
        scales = torch.tensor(SCALES, dtype=self.evidence.dtype)
        rows = self.truth.reshape(1, -1, 1)
        found = []
        for some in scales.split(max(1, _FIGURES_AT_ONCE // max(self.evidence.numel(), 1))):
            log_p = (self.evidence * some.reshape(-1, 1, 1) + self.prior).log_softmax(dim=-1)
            found.append(-log_p.gather(-1, rows.expand(len(some), -1, 1)).mean(dim=(1, 2)))
        return torch.cat(found).double()

    def probabilities(self, scale: float) -> NDArray[np.float64]:
        """Return that of each query's true category, shape (n_queries,)."""
        logits = (self.evidence * scale + self.prior).double()
        return logits.softmax(1).gather(1, self.truth.unsqueeze(1)).flatten().numpy()


def _episodes(
    head: PrototypeHead,
    embeddings: ArrayLike,
    categories: Sequence[str],
    ingredients: Sequence[Iterable[str]],
    seed: int,
    names: Mapping[str, Tensor],
) -> Iterator[_Asked]:
    """Ask episodes of all sizes that the inserts are enough for; as `calibrate_few_shot`."""
    head, names = few_shot_projection(head, names)
    projected = head.project(torch.as_tensor(embeddings))
    for n_way, k_shot in product(_EPISODE_WAYS, _EPISODE_SHOTS):
        try:
            episodes = list(
                draw_episodes(categories, ingredients, n_way=n_way, k_shot=k_shot, seed=seed)
            )
        except CorpusError:  # few categories have so many ingredients
            continue
        for episode in episodes:
            support, queries = projected[list(episode.support)], projected[list(episode.queries)]
            rows = torch.tensor(episode.support_categories)
            told = torch.stack([names[c] for c in episode.categories]) if names else None
            few = head.fitted(support, rows, [[]] * n_way, told).remembering(support, rows)
            evidence, prior = few.evidence(queries)
            yield _Asked(
                n_way,
                k_shot,
                evidence * few.trust(queries),
                prior,
                torch.tensor(episode.query_categories),
                few.familiarity(queries),
            )


def best_growth(losses: Mapping[int, Tensor]) -> tuple[float, float]:
    """Return the scale for one support insert a category, and the power of k that it grows by.

    Args:
        losses: k -> cross-entropy at each of `SCALES`.
    """
    steps = np.log(SCALES)
    found = [
        (
            sum(
                np.interp(steps + growth * np.log(k), steps, of_k.numpy())
                for k, of_k in losses.items()
            ),
            float(growth),
        )
        for growth in (GROWTHS if len(losses) > 1 else GROWTHS[:1])
    ]
    best, growth = min(found, key=lambda one: one[0].min())
    return float(SCALES[int(best.argmin())]), growth
