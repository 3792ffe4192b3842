"""Answers to the queries of a trial -> metrics, each a value with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from drugtext.evaluation.benchmark.records import Example
from drugtext.evaluation.benchmark.task import NO_ANSWER
from drugtext.evaluation.bootstrap import grouped_bootstrap, grouped_mean, ratio
from drugtext.evaluation.metrics import calibration_gap, confidence_columns
from drugtext.evaluation.scores import (
    f1_columns,
    few_shot_accuracy,
    ingredient_columns,
    mean_f1,
    path_columns,
)
from drugtext.splits import ingredient_groups
from drugtext.taxonomy import Taxonomy

Metric = dict[str, float | None]
"""`value`, `low` and `high`; None where there is no interval."""


def best(ranked: Sequence[Sequence[str]]) -> list[str]:
    """Return the first of each list of answers; `NO_ANSWER` for an empty one."""
    return [answers[0] if answers else NO_ANSWER for answers in ranked]


def measure_answers(
    queries: Sequence[Example],
    ranked: Sequence[Sequence[str]],
    confidences: Sequence[float] | None,
    taxonomy: Taxonomy,
    seed: int,
) -> dict[str, Metric]:
    """Measure the answers to some queries.

    Args:
        queries: one or more.
        ranked: category ids a query, the best first; none for no answer.
        confidences: the probability of the best; None where there is none.
        taxonomy: holds answers and true categories.
        seed: of the bootstrap.

    Returns:
        Accuracy, top_3 (the true one is among the first three), by_ingredient, macro_f1,
        hierarchical_precision, and calibration_error where there are confidences.
    """
    answers = best(ranked)
    groups = _groups(queries)
    truth = [query.category for query in queries]
    right = right_answers(queries, answers)
    share = ingredient_columns(right, [query.ingredient for query in queries])
    paths = [
        [[step.id for step in taxonomy.path(c)] if c != NO_ANSWER else [] for c in ids]
        for ids in (answers, truth)
    ]

    def bootstrap(columns: NDArray, statistic: Callable[[NDArray], NDArray]) -> Metric:
        return _metric(*grouped_bootstrap(columns, groups, statistic, seed))

    found = {
        "accuracy": _metric(*grouped_mean(right, groups, seed)),
        "top_3": _metric(*grouped_mean(_among_first(queries, ranked), groups, seed)),
        "by_ingredient": bootstrap(share, ratio),
        "macro_f1": bootstrap(f1_columns(answers, truth), mean_f1),
        "hierarchical_precision": bootstrap(path_columns(*paths), _precision),
    }
    if confidences is not None:
        columns = confidence_columns(np.array(confidences), right)
        found["calibration_error"] = bootstrap(columns, calibration_gap)
    return found


def mean_difference(
    queries: Sequence[Example], answers: Sequence[str], others: Sequence[str], seed: int
) -> Metric:
    """Tell how much more often `answers` are right than `others`, query by query."""
    difference = right_answers(queries, answers) - right_answers(queries, others)
    return _metric(*grouped_mean(difference, _groups(queries), seed))


def mean_over_episodes(
    queries: Sequence[Sequence[Example]], answers: Sequence[Sequence[str]]
) -> Metric:
    """Average the accuracies of episodes; queries and answers are one list an episode."""
    pairs = zip(queries, answers, strict=True)
    return _metric(*few_shot_accuracy(np.array([right_answers(q, a).mean() for q, a in pairs])))


def drop(
    queries: Sequence[Example], answers: Sequence[str], home: Collection[str], seed: int
) -> Metric:
    """Tell how far accuracy falls from queries whose kind is at home to the others.

    Args:
        queries: some of both.
        answers: a category id a query.
        home: kinds of record.
        seed: of the bootstrap.
    """
    right = right_answers(queries, answers)
    is_home = np.array([query.kind in home for query in queries])
    columns = np.stack([right * is_home, is_home, right * ~is_home, ~is_home], axis=1)
    return _metric(*grouped_bootstrap(columns, _groups(queries), _difference, seed))


def _difference(sums: NDArray) -> NDArray:
    return ratio(sums[:, :2]) - ratio(sums[:, 2:])


def old_and_new(
    queries: Sequence[Example], answers: Sequence[str], new: Collection[str], seed: int
) -> dict[str, Metric]:
    """Measure accuracy apart on categories that are new and on those that were there before."""
    right = right_answers(queries, answers)
    is_new = np.array([query.category in new for query in queries])
    found = {}
    for name, chosen in (("accuracy_old", ~is_new), ("accuracy_new", is_new)):
        if chosen.any():
            asked = [query for query, keep in zip(queries, chosen, strict=True) if keep]
            metric = _metric(*grouped_mean(right[chosen], _groups(asked), seed))
            found[name] = metric | {"n": len(asked)}
    return found


def right_answers(queries: Sequence[Example], answers: Sequence[str]) -> NDArray:
    """Return 1 for each query that is answered right and 0 for the others, shape (n,)."""
    pairs = zip(queries, answers, strict=True)
    return np.array([query.category == answer for query, answer in pairs], dtype=float)


def _among_first(queries: Sequence[Example], ranked: Sequence[Sequence[str]]) -> NDArray:
    """Return 1 for each query whose category is among its answers and 0 for the others: (n,)."""
    pairs = zip(queries, ranked, strict=True)
    return np.array([query.category in answers for query, answers in pairs], dtype=float)


def _groups(queries: Sequence[Example]) -> list[str]:
    """Return what intervals are drawn by: inserts that share a substance stand or fall together."""
    return list(map(str, ingredient_groups([sorted(query.substances) for query in queries])))


def _precision(sums: NDArray) -> NDArray:
    return sums[:, 0] / np.maximum(sums[:, 1], 1)


def _metric(value: float, low: float, high: float) -> Metric:
    rounded = [round(float(number), 4) for number in (value, low, high)]
    return {
        name: None if np.isnan(number) else number
        for name, number in zip(("value", "low", "high"), rounded, strict=True)
    }
