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
from drugtext.heads import MOST_SHOTS, PrototypeHead
from drugtext.prediction_sets import thinned
from drugtext.sharpening import group_log_probabilities, sharpened
from drugtext.taxonomy import Taxonomy

SCOPE_FALSE_ALARMS = 0.05
"""Share of held-out inserts of known categories that may be called out of scope."""

SCALES = np.geomspace(2, 128, 97)
"""Scales that are tried, evenly spaced in their logarithm."""

STRENGTHS = np.linspace(0, 0.5, 11)
"""Exponents of the amount of text in the scale that are tried."""

GROWTHS = np.linspace(0, 0.4, 17)
"""Powers of the number of support inserts in the scale that are tried."""

POWERS = np.geomspace(0.25, 4, 97)
"""Powers that are tried, likewise; 1 is among them."""

SOFTENING = 0.25
"""Power of the whitening that new categories are learnt with. Chosen on validation categories: the
whole of it costs them some hundredths, as what it scales down tells them apart, too."""

_EPISODE_SHOTS = (1, 2, MOST_SHOTS)
_EPISODE_WAYS = (5, 10, 20, 40)
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
    head, names = few_shot_projection(head, names or {})
    projected = head.project(torch.as_tensor(embeddings))
    losses: dict[int, Tensor] = {}  # of each number of support inserts
    familiarity: list[Tensor] = []
    widest: tuple[int, list[tuple[int, Tensor, Tensor, Tensor]]] = (0, [])
    for n_way, k_shot in product(_EPISODE_WAYS, _EPISODE_SHOTS):
        try:
            episodes = list(
                draw_episodes(categories, ingredients, n_way=n_way, k_shot=k_shot, seed=seed)
            )
        except CorpusError:  # few categories have so many ingredients
            continue
        if n_way > widest[0]:
            widest = n_way, []
        for episode in episodes:
            support, queries = projected[list(episode.support)], projected[list(episode.queries)]
            rows_of = torch.tensor(episode.support_categories)
            told = torch.stack([names[c] for c in episode.categories]) if names else None
            few = head.fitted(support, rows_of, [[]] * len(episode.categories), told)
            few = few.remembering(support, rows_of)
            truth = torch.tensor(episode.query_categories)
            evidence, prior = few.evidence(queries)
            evidence = evidence * few.trust(queries)
            widest[1].append((k_shot, evidence, prior, truth))
            losses[k_shot] = losses.get(k_shot, 0) + scale_losses(evidence, prior, truth)
            familiarity.append(few.familiarity(queries))
    if not familiarity:
        return None
    scale, growth = best_growth(losses)
    probabilities = [
        (evidence * scale * k_shot**growth + prior).double().softmax(1).gather(1, truth[:, None])
        for k_shot, evidence, prior, truth in widest[1]
    ]
    return {
        "softening": SOFTENING,
        "scale": scale,
        "growth": growth,
        "scope_threshold": scope_threshold(torch.cat(familiarity)),
        "strangeness": thinned(1 - torch.cat(probabilities).flatten().numpy()),
    }


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


def _check_held_out(n_inserts: int) -> None:
    if not n_inserts:
        raise CorpusError(
            "found no held-out insert of a category that the classifier knows; calibration needs"
            " one or more. Use a larger corpus, or a larger share for validation."
        )
