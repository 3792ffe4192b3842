"""Outcomes -> figures, each with its number of inserts and its 95 % interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.evaluation.benchmark.protocols import NEW_REGULATOR, REGULATORS, SCOPES
from drugtext.evaluation.benchmark.records import Example
from drugtext.evaluation.benchmark.run import FINISHED, Outcome
from drugtext.evaluation.benchmark.task import NO_ANSWER, OWN, Setting, Task, Trial
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

Figure = dict[str, Any]
Metric = dict[str, float | None]


def figures(
    trials: Sequence[Trial], done: Mapping[tuple[Setting, str], Outcome], seed: int
) -> list[Figure]:
    """Score every outcome.

    Args:
        trials: that were run.
        done: setting and contestant -> outcome.
        seed: of the run, and of the bootstrap.

    Returns:
        One mapping a number-bearing row: what results.json holds under "figures".
    """
    found = []
    for trial in trials:
        own = done.get((trial.setting, OWN))
        for (setting, name), outcome in done.items():
            if setting == trial.setting:
                rival = own if name != OWN else None
                found += [row | {"seed": seed} for row in _rows(trial, outcome, rival, seed)]
    return found


def _rows(trial: Trial, outcome: Outcome, own: Outcome | None, seed: int) -> list[Figure]:
    if trial.setting.k is not None:
        return [_episodes_row(trial, outcome, own, seed)]
    if trial.grows:
        return [
            _row(trial, outcome, own, n, _of_kinds(None), {"step": n + 1}, seed)
            for n in range(len(trial.tasks))
        ]
    scopes = REGULATORS if trial.setting.protocol == NEW_REGULATOR else SCOPES
    rows = [
        _row(trial, outcome, own, 0, _of_kinds(kinds), {"documents": documents}, seed)
        for documents, kinds in scopes.items()
    ]
    if all(row["metrics"] for row in rows):
        for row in rows:
            if row["trained_on"] not in (None, row["documents"]):
                row["metrics"]["drop"] = _drop(trial, outcome, seed)
    return rows


def _drop(trial: Trial, outcome: Outcome, seed: int) -> Metric:
    """Tell how far accuracy falls from the regulator that taught to the other one."""
    queries = trial.tasks[0].queries
    right = _right(queries, outcome.answers[0])
    home = np.array([query.kind in REGULATORS[str(trial.setting.trained_on)] for query in queries])
    columns = np.stack([right * home, home, right * ~home, ~home], axis=1)
    return _metric(*grouped_bootstrap(columns, _groups(queries), _difference, seed))


def _difference(sums: NDArray) -> NDArray:
    return ratio(sums[:, :2]) - ratio(sums[:, 2:])


def _of_kinds(kinds: Sequence[str] | None) -> Callable[[Example], bool]:
    return lambda example: kinds is None or example.kind in kinds


def _row(
    trial: Trial,
    outcome: Outcome,
    own: Outcome | None,
    number: int,
    in_scope: Callable[[Example], bool],
    told: Mapping[str, Any],
    seed: int,
) -> Figure:
    """Score the answers to one task, those in scope alone."""
    task = trial.tasks[number]
    asked = [n for n, query in enumerate(task.queries) if in_scope(query)]
    queries = [task.queries[n] for n in asked]
    row = _base(trial, outcome) | {"step": None, **told}
    row |= {
        "n": len(queries),
        "n_unknown": sum(map(in_scope, trial.left_out)),
        "n_categories": len(task.lesson.categories),
        "n_tasks": 1,
    }
    if number >= len(outcome.answers) or not queries:
        return row
    answers = [outcome.answers[number][n] for n in asked]
    confidences = outcome.confidences[number]
    row["fit_seconds"] = outcome.fit_seconds[number]
    row["predict_seconds"] = outcome.predict_seconds[number]
    row["metrics"] = _metrics(
        queries,
        answers,
        confidences and [confidences[n] for n in asked],
        task.lesson.taxonomy,
        seed,
    )
    groups = _groups(queries)
    right = _right(queries, answers)
    if trial.grows:
        row["metrics"] |= _old_and_new(task, right, groups, seed)
    if own and number < len(own.answers):
        difference = right - _right(queries, [own.answers[number][n] for n in asked])
        row["against_drugtext"] = _metric(*grouped_mean(difference, groups, seed))
    return row


def _episodes_row(trial: Trial, outcome: Outcome, own: Outcome | None, seed: int) -> Figure:
    """Score all episodes together: the mean over them, and the interval of that mean."""
    tasks = trial.tasks[: len(outcome.answers)]
    row = _base(trial, outcome) | {
        "step": None,
        "n": sum(len(task.queries) for task in tasks),
        "n_unknown": 0,
        "n_categories": len(trial.tasks[0].lesson.categories),
        "n_tasks": len(tasks),
    }
    if outcome.status != FINISHED:
        return row
    queries = [query for task in tasks for query in task.queries]
    answers = [answer for task in outcome.answers for answer in task]
    given = [confidences for confidences in outcome.confidences if confidences is not None]
    confidences = [c for task in given for c in task] if len(given) == len(tasks) else None
    taxonomy = trial.tasks[0].lesson.taxonomy
    row["metrics"] = _metrics(queries, answers, confidences, taxonomy, seed)
    row["metrics"]["accuracy"] = _metric(*few_shot_accuracy(_accuracies(tasks, outcome)))
    row["fit_seconds"] = float(np.mean(outcome.fit_seconds))
    row["predict_seconds"] = float(np.mean(outcome.predict_seconds))
    if own and own.status == FINISHED:
        # Episodes draw the same drugs again: what differs for certain is told by drugs instead.
        both = [task for task, _ in zip(tasks, own.answers, strict=False)]
        difference = np.concatenate(
            [
                _right(task.queries, answered) - _right(task.queries, own_answered)
                for task, answered, own_answered in zip(
                    both, outcome.answers, own.answers, strict=False
                )
            ]
        )
        groups = _groups([query for task in both for query in task.queries])
        row["against_drugtext"] = _metric(*grouped_mean(difference, groups, seed))
    return row


def _base(trial: Trial, outcome: Outcome) -> Figure:
    return asdict(trial.setting) | {
        "contestant": outcome.contestant,
        "status": outcome.status,
        "reason": outcome.reason,
        "metrics": {},
        "against_drugtext": None,
        "prepare_seconds": outcome.prepare_seconds,
        "fit_seconds": None,
        "predict_seconds": None,
        "wall_seconds": outcome.wall_seconds,
        "start_rss_mb": outcome.start_rss_mb,
        "peak_rss_mb": outcome.peak_rss_mb,
        "n_held_out": trial.n_held_out,
        "n_tasks_planned": len(trial.tasks) if trial.setting.k is not None else 1,
    }


def _accuracies(tasks: Sequence[Task], outcome: Outcome) -> NDArray:
    pairs = zip(tasks, outcome.answers, strict=False)
    return np.array([_right(task.queries, answers).mean() for task, answers in pairs])


def _right(queries: Sequence[Example], answers: Sequence[str]) -> NDArray:
    pairs = zip(queries, answers, strict=True)
    return np.array([query.category == answer for query, answer in pairs], dtype=float)


def _metrics(
    queries: Sequence[Example],
    answers: Sequence[str],
    confidences: Sequence[float] | None,
    taxonomy: Taxonomy,
    seed: int,
) -> dict[str, Metric]:
    groups = _groups(queries)
    truth = [query.category for query in queries]
    right = _right(queries, answers)
    share = ingredient_columns(right, [query.ingredient for query in queries])
    paths = [
        [[step.id for step in taxonomy.path(c)] if c != NO_ANSWER else [] for c in ids]
        for ids in (answers, truth)
    ]

    def bootstrap(columns: NDArray, statistic: Callable[[NDArray], NDArray]) -> Metric:
        return _metric(*grouped_bootstrap(columns, groups, statistic, seed))

    found = {
        "accuracy": _metric(*grouped_mean(right, groups, seed)),
        "by_ingredient": bootstrap(share, ratio),
        "macro_f1": bootstrap(f1_columns(answers, truth), mean_f1),
        "hierarchical_precision": bootstrap(path_columns(*paths), _precision),
    }
    if confidences is not None:
        columns = confidence_columns(np.array(confidences), right)
        found["calibration_error"] = bootstrap(columns, calibration_gap)
    return found


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


def _old_and_new(task: Task, right: NDArray, groups: Sequence[str], seed: int) -> dict[str, Metric]:
    """Score apart the categories that were there before the last step, and those of that step."""
    new = set(task.lesson.categories[len(task.lesson.categories) - task.n_new :])
    is_new = np.array([query.category in new for query in task.queries])
    found = {}
    for name, chosen in (("accuracy_old", ~is_new), ("accuracy_new", is_new)):
        if chosen.any():
            kept = [group for group, keep in zip(groups, chosen, strict=True) if keep]
            metric = _metric(*grouped_mean(right[chosen], kept, seed))
            found[name] = metric | {"n": int(chosen.sum())}
    return found


def confusion(
    trials: Sequence[Trial], done: Mapping[tuple[Setting, str], Outcome], setting: Setting
) -> dict[str, Any] | None:
    """Count how drugtext's answers fall into the roots of the tree: rows true, columns answered."""
    trial = next((trial for trial in trials if trial.setting == setting), None)
    outcome = done.get((setting, OWN))
    if trial is None or outcome is None or outcome.status != FINISHED:
        return None
    task = trial.tasks[0]
    taxonomy = task.lesson.taxonomy
    true = [taxonomy.path(query.category)[0].id for query in task.queries]
    answered = [taxonomy.path(answer)[0].id for answer in outcome.answers[0]]
    groups = sorted({*true, *answered})
    counts = Counter(zip(true, answered, strict=True))
    return {
        "names": setting.names,
        "documents": setting.documents,
        "groups": groups,
        "counts": [[counts[row, column] for column in groups] for row in groups],
    }
