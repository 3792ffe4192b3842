"""Do probabilities mean what they say, sets hold what they promise, and sure answers hold true?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drugtext.evaluation.bootstrap import grouped_bootstrap, grouped_share, ratio
from drugtext.evaluation.metrics import (
    LevelAnswers,
    answers_by_level,
    calibration_with_interval,
    expected_calibration_error,
)
from drugtext.evaluation.scores import ingredient_columns
from drugtext.prediction import deepest_sure, node_probabilities
from drugtext.prediction_sets import KNOWN, levels, prediction_sets
from drugtext.taxonomy import Taxonomy

_N_SIMULATED = 200


class Judged(NamedTuple):
    """Probabilities of inserts whose true category is known.

    Attributes:
        probabilities: shape (n_inserts, n_categories).
        category_ids: of the columns.
        taxonomy: holds them and the true categories.
        true_ids: of each insert.
        groups: of each insert, such as its ingredients.
        kinds: of each insert, as `prediction_sets` takes them, shape (n_inserts,).
    """

    probabilities: NDArray[np.float64]
    category_ids: Sequence[str]
    taxonomy: Taxonomy
    true_ids: Sequence[str]
    groups: Sequence[str]
    kinds: NDArray[np.str_]

    def at(self, places: Sequence[int]) -> Judged:
        """Return some of the inserts."""
        return self._replace(
            probabilities=self.probabilities[places],
            true_ids=[self.true_ids[n] for n in places],
            groups=[self.groups[n] for n in places],
            kinds=self.kinds[places],
        )

    @property
    def is_known_by_name(self) -> NDArray[np.bool_]:
        """Whether the names of each are those of known drugs, shape (n_inserts,)."""
        return np.char.endswith(self.kinds, KNOWN)

    def known_by_name(self) -> Judged:
        """Return those whose names are those of known drugs."""
        return self.at(np.flatnonzero(self.is_known_by_name).tolist())

    def by_level(self) -> dict[int, LevelAnswers]:
        """Return `answers_by_level` of the inserts."""
        return answers_by_level(self.probabilities, self.category_ids, self.taxonomy, self.true_ids)

    def sets(self, held_out: Mapping[str, Any] | None, coverage: float) -> list[list[list[str]]]:
        """Return `prediction_sets` of the inserts."""
        return prediction_sets(
            self.probabilities,
            self.category_ids,
            self.taxonomy,
            held_out or {},
            coverage,
            self.kinds,
        )


def calibration(
    confidences: NDArray, right: NDArray, groups: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Return the expected calibration error, and what chance alone would make of it.

    Args:
        confidences: probability of each answer, shape (n,).
        right: whether it was right, shape (n,).
        groups: of each insert; the interval draws whole ones.
        seed: of what is drawn.

    Returns:
        `ece` with `low` and `high`; `by_chance`: the mean error of as many answers whose
        probabilities are true; `by_chance_alike`: the same where the inserts of a group are right
        or wrong together; `confidence` and `accuracy`, the means; `n`.

    Source:
        The bias of binned estimates: Kumar, Liang, Ma 2019, arXiv:1909.10155, section 3.
    """
    ece, low, high = calibration_with_interval(confidences, right, groups, seed)
    alike = np.unique(np.asarray(groups), return_inverse=True)[1]
    figures = {
        "ece": ece,
        "low": low,
        "high": high,
        "by_chance": _error_by_chance(confidences, np.arange(len(confidences)), seed),
        "by_chance_alike": _error_by_chance(confidences, alike, seed),
        "confidence": float(np.mean(confidences)),
        "accuracy": float(np.mean(right)),
    }
    return {name: round(value, 4) for name, value in figures.items()} | {"n": len(right)}


def _error_by_chance(confidences: NDArray, together: NDArray[np.int64], seed: int) -> float:
    """Return the mean error of answers with true probabilities; those of one number go together."""
    rng, n_numbers = np.random.default_rng(seed), int(together.max()) + 1
    draws = (rng.random(n_numbers)[together] < confidences for _ in range(_N_SIMULATED))
    return float(np.mean([expected_calibration_error(confidences, right) for right in draws]))


def calibration_by_level(judged: Judged, seed: int = 0) -> list[dict[str, Any]]:
    """Return `calibration` of each level, from the roots down."""
    return [
        {"level": number}
        | calibration(confidences, right, [judged.groups[n] for n in places], seed)
        for number, (confidences, right, places) in judged.by_level().items()
    ]


class Covered(NamedTuple):
    """What the sets of a level are to inserts that are judged there.

    Attributes:
        inside: whether each holds the true category, shape (n,).
        sizes: categories in each, shape (n,).
        groups: of each insert.
    """

    inside: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    groups: list[str]


def covered_by_level(judged: Judged, sets: Sequence[Sequence[Sequence[str]]]) -> dict[int, Covered]:
    """Return what sets as `prediction_sets` returns them are to inserts, by level from the roots.

    Args:
        judged: the inserts.
        sets: of each.
    """
    paths = [[step.id for step in judged.taxonomy.path(i)] for i in judged.true_ids]
    found = {}
    for level in levels(judged.probabilities, judged.category_ids, judged.taxonomy):
        number, truth = level.number, level.true_nodes(paths)
        found[number] = Covered(
            np.array([node in sets[n][number - 1] for n, node in truth.items()]),
            np.array([len(sets[n][number - 1]) for n in truth]),
            [judged.groups[n] for n in truth],
        )
    return found


def coverage(covered: Covered, seed: int = 0) -> dict[str, Any]:
    """Return how often sets hold the true category, with the interval, and how large they are.

    Args:
        covered: of one insert or more.
        seed: of the interval.

    Returns:
        `covered` of inserts; `drugs_covered`, the mean over groups of the share of their inserts,
        which is what sets are calibrated for: drugs of many inserts weigh no more than others.
    """
    inside, sizes, groups = covered
    share, low, high = grouped_share(inside, groups, seed)
    figures = {"covered": share, "low": low, "high": high}
    of_drugs = grouped_bootstrap(ingredient_columns(inside, groups), groups, ratio, seed)
    ends = ("", "_low", "_high")
    figures |= {f"drugs_covered{end}": one for end, one in zip(ends, of_drugs, strict=True)}
    return {name: round(value, 4) for name, value in figures.items()} | {
        "mean_size": round(float(np.mean(sizes)), 2),
        "median_size": float(np.median(sizes)),
        "n": len(inside),
    }


def coverage_by_level(
    judged: Judged, sets: Sequence[Sequence[Sequence[str]]], asked: float, seed: int = 0
) -> list[dict[str, Any]]:
    """Return `coverage` of each level, from the roots down.

    Args:
        judged: the inserts.
        sets: of each, as `prediction_sets` returns them.
        asked: the coverage that they were made for.
        seed: of the intervals.
    """
    return [
        {"asked": asked, "level": number} | coverage(covered, seed)
        for number, covered in covered_by_level(judged, sets).items()
    ]


def back_off(judged: Judged, least: float, seed: int = 0) -> dict[str, Any]:
    """Return how deep answers go that are so probable, and how often they are right.

    Args:
        judged: the inserts.
        least: probability that is asked for.
        seed: of the interval.
    """
    nodes = node_probabilities(judged.probabilities, judged.category_ids, judged.taxonomy)
    right, groups, depths = [], [], []
    for n, true_id in enumerate(judged.true_ids):
        told = {node: float(column[n]) for node, column in nodes.items()}
        found = deepest_sure(told, judged.taxonomy, least)
        depths.append(len(judged.taxonomy.path(found[0].id)) if found else 0)
        if found:
            path = {step.id for step in judged.taxonomy.path(true_id)}
            right.append(found[0].id in path)
            groups.append(judged.groups[n])
    figures = {"asked": least, "n": len(depths), "n_answered": len(right)}
    figures["mean_depth"] = round(float(np.mean(depths)), 2)
    if right:
        accuracy, low, high = grouped_share(right, groups, seed)
        figures |= {"right": round(accuracy, 4), "low": round(low, 4), "high": round(high, 4)}
    return figures
