"""Whether the sentences that are told as reasons are those that decide.

If they are, the answer falls fast where they are taken out, the heaviest first, and comes up fast
where they are put into an empty text. Any order does that in the end; so the same is done in random
orders, and the difference is what the weights are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.errors import DrugTextError
from drugtext.evaluation.bootstrap import drug_groups, grouped_mean
from drugtext.explanation import explain
from drugtext.inserts.insert import DrugInsert
from drugtext.predictor import CategoryPredictor
from drugtext.sentences import probabilities_without, sentences_read, with_reading_held

N_STEPS = 10
FRACTIONS = tuple(n / N_STEPS for n in range(N_STEPS + 1))
"""Of the sentences of an insert that are taken out, or put in: where curves are told."""

LEAST_SENTENCES = 3
"""Of fewer there are hardly two orders."""


@dataclass(frozen=True)
class Comparison:
    """The probability of the answer on the way, by the weights and by random orders.

    Attributes:
        curve: at each of `FRACTIONS`, the mean over inserts, the heaviest sentence first.
        random_curve: likewise, in random orders.
        area: under the curve, the mean over inserts; 0 to 1.
        random_area: likewise, in random orders.
        gain: by how much the weights do better than chance: a smaller area where sentences are
            taken out, a larger one where they are put in. Below 0: worse than chance.
        low, high: bounds of its 95 % interval, drawn by drug.
    """

    curve: tuple[float, ...]
    random_curve: tuple[float, ...]
    area: float
    random_area: float
    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Faithfulness:
    """How faithful the reasons of a classifier are.

    Attributes:
        deletion: sentences are taken out of the text.
        insertion: sentences are put into an empty text, each in its place.
        n_inserts: that were judged.
        n_short: that were left out: of fewer than `LEAST_SENTENCES` sentences.
        n_random: random orders an insert.
        seed: of the orders and of the intervals.
    """

    deletion: Comparison
    insertion: Comparison
    n_inserts: int
    n_short: int
    n_random: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON holds, with the fractions that the curves are told at."""
        return {"fractions": list(FRACTIONS)} | asdict(self)


def faithfulness(
    classifier: CategoryPredictor,
    inserts: Iterable[DrugInsert],
    *,
    n_random: int = 5,
    seed: int = 0,
    advance: Callable[[int], object] | None = None,
) -> Faithfulness:
    """Measure by deletion and insertion how faithful the weights of sentences are.

    Beside what `explain` costs, each order of an insert's sentences costs 4 * `N_STEPS` texts at
    most, however many sentences there are; what texts have in common is encoded once.

    Args:
        classifier: with categories.
        inserts: that it can classify, of any length.
        n_random: random orders an insert to compare with, 1 or more.
        seed: of the random orders and of the bootstrap.
        advance: called with the number of inserts done, for a progress bar.

    Raises:
        LanguageError: an insert is in a language that the encoder does not know.
        DrugTextError: an insert has no text, none has enough sentences, the classifier has no
            category, or there is no random order.

    Source:
        Deletion and insertion: Petsiuk et al. 2018 (RISE), arXiv:1806.07421; of sentences here,
        not of pixels.
    """
    if n_random < 1:
        raise DrugTextError(f"n_random is {n_random}; 1 or more is needed.")
    rng = np.random.default_rng(seed)
    judged: list[DrugInsert] = []
    found: list[NDArray[np.float64]] = []
    n_short = 0
    for insert in inserts:
        if error := classifier.refusal(insert):
            raise error
        curves = _curves_of(classifier, insert, n_random, rng)
        if curves is None:
            n_short += 1
        else:
            judged.append(insert)
            found.append(curves)
        if advance:
            advance(1)
    if not judged:
        raise DrugTextError(
            f"none of {n_short} inserts has {LEAST_SENTENCES} sentences that are read; give longer"
            " ones."
        )
    groups = drug_groups(judged)
    deletion, insertion = np.stack(found, axis=1)
    return Faithfulness(
        deletion=_comparison(deletion, groups, seed, wanted=-1),
        insertion=_comparison(insertion, groups, seed, wanted=1),
        n_inserts=len(judged),
        n_short=n_short,
        n_random=n_random,
        seed=seed,
    )


def _curves_of(
    classifier: CategoryPredictor, insert: DrugInsert, n_random: int, rng: np.random.Generator
) -> NDArray[np.float64] | None:
    """Return the curves of an insert as `deletion_and_insertion` does; None for a short one."""
    classifier = with_reading_held(classifier, insert)
    read = sentences_read(classifier, insert)
    if len(read) < LEAST_SENTENCES:
        return None
    told = explain(classifier, insert, top_k=1, n_nearest=0)
    answer = classifier.category_ids.index(told.prediction.category_id)
    orders = [told.by_weight, *(rng.permutation(len(read)).tolist() for _ in range(n_random))]

    def probability_without(left_out: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        return probabilities_without(classifier, insert, read, left_out)[:, answer]

    return deletion_and_insertion(probability_without, orders)


def deletion_and_insertion(
    probability_without: Callable[[Sequence[Sequence[int]]], NDArray[np.float64]],
    orders: Sequence[Sequence[int]],
) -> NDArray[np.float64]:
    """Take sentences out of a text, and put them into an empty one, in each of some orders.

    Between two whole numbers of sentences a curve is a straight line, so only those next to one of
    `FRACTIONS` are asked for.

    Args:
        probability_without: of the answer, without the sentences of each of n lists; shape (n,).
        orders: each holds the places of all sentences, the first to go, or to come, first.

    Returns:
        Probabilities at `FRACTIONS`: first deletion, then insertion, shape (2, n_orders,
        N_STEPS + 1).
    """
    n = len(orders[0])
    wanted = [n * step / N_STEPS for step in range(N_STEPS + 1)]
    counts = sorted({int(bound) for at in wanted for bound in (np.floor(at), np.ceil(at))})
    out = [order[:count] for order in orders for count in counts]
    not_yet_in = [order[count:] for order in orders for count in counts]
    rows = probability_without(out + not_yet_in).reshape(-1, len(counts))
    curves = np.stack([np.interp(wanted, counts, row) for row in rows])
    return curves.reshape(2, len(orders), N_STEPS + 1)


def _comparison(
    curves: NDArray[np.float64], groups: Sequence[str], seed: int, *, wanted: int
) -> Comparison:
    """Compare the first order with the others.

    Args:
        curves: shape (n_inserts, 1 + n_random, N_STEPS + 1).
        groups: of the inserts.
        seed: of the bootstrap.
        wanted: 1 where a larger area is better, -1 where a smaller one is.
    """
    ours, random = curves[:, 0], curves[:, 1:].mean(axis=1)
    area, random_area = (np.trapezoid(curve, dx=1 / N_STEPS, axis=1) for curve in (ours, random))
    gain, low, high = grouped_mean(wanted * (area - random_area), groups, seed)
    return Comparison(
        curve=_rounded(ours.mean(axis=0)),
        random_curve=_rounded(random.mean(axis=0)),
        area=round(float(area.mean()), 4),
        random_area=round(float(random_area.mean()), 4),
        gain=round(gain, 4),
        low=round(low, 4),
        high=round(high, 4),
    )


def _rounded(curve: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(p), 4) for p in curve)
