"""Outcomes -> figures, each with its number of inserts and its 95 % interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np

from drugtext.evaluation.benchmark.measures import (
    best,
    drop,
    mean_difference,
    mean_over_episodes,
    measure_answers,
    old_and_new,
)
from drugtext.evaluation.benchmark.protocols import (
    ALL,
    NEW_REGULATOR,
    REGULATORS,
    SCOPES,
    is_of,
)
from drugtext.evaluation.benchmark.run import FINISHED, Outcome
from drugtext.evaluation.benchmark.task import OWN, Setting, Trial

Figure = dict[str, Any]
_T = TypeVar("_T")


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
            _row(trial, outcome, own, n, ALL, {"step": n + 1}, seed)
            for n in range(len(trial.tasks))
        ]
    scopes = REGULATORS if trial.setting.protocol == NEW_REGULATOR else SCOPES
    rows = [
        _row(trial, outcome, own, 0, documents, {"documents": documents}, seed)
        for documents in scopes
    ]
    taught = trial.setting.trained_on
    if taught is not None and all(row["metrics"] for row in rows):
        queries, answers = trial.tasks[0].queries, best(outcome.answers[0])
        home = REGULATORS[taught]
        for row in rows:
            if row["documents"] != taught:
                row["metrics"]["drop"] = drop(queries, answers, home, seed)
    return rows


def _row(
    trial: Trial,
    outcome: Outcome,
    own: Outcome | None,
    number: int,
    documents: str,
    told: Mapping[str, Any],
    seed: int,
) -> Figure:
    """Score the answers to one task, those alone that are of these documents."""
    task = trial.tasks[number]
    asked = [n for n, query in enumerate(task.queries) if is_of(query, documents)]
    queries = [task.queries[n] for n in asked]
    row = _base(trial, outcome) | {"step": None, **told}
    row |= {
        "n": len(queries),
        "n_unknown": sum(is_of(example, documents) for example in trial.left_out),
        "n_categories": len(task.lesson.categories),
        "n_tasks": 1,
    }
    if number >= len(outcome.answers) or not queries:
        return row
    ranked = [outcome.answers[number][n] for n in asked]
    answers = best(ranked)
    confidences = outcome.confidences[number]
    row["fit_seconds"] = outcome.fit_seconds[number]
    row["predict_seconds"] = outcome.predict_seconds[number]
    row["metrics"] = measure_answers(
        queries,
        ranked,
        confidences and [confidences[n] for n in asked],
        task.lesson.taxonomy,
        seed,
    )
    if trial.grows:
        new = task.lesson.categories[len(task.lesson.categories) - task.n_new :]
        row["metrics"] |= old_and_new(queries, answers, new, seed)
    if own and number < len(own.answers):
        own_answers = best([own.answers[number][n] for n in asked])
        row["against_drugtext"] = mean_difference(queries, answers, own_answers, seed)
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
    queries, ranked = _joined(task.queries for task in tasks), _joined(outcome.answers)
    given = [confidences for confidences in outcome.confidences if confidences is not None]
    confidences = _joined(given) if len(given) == len(tasks) else None
    taxonomy = trial.tasks[0].lesson.taxonomy
    row["metrics"] = measure_answers(queries, ranked, confidences, taxonomy, seed)
    row["metrics"]["accuracy"] = mean_over_episodes(
        [task.queries for task in tasks], [best(answers) for answers in outcome.answers]
    )
    row["fit_seconds"] = float(np.mean(outcome.fit_seconds))
    row["predict_seconds"] = float(np.mean(outcome.predict_seconds))
    if own and own.status == FINISHED:
        # Episodes draw the same drugs again: what differs for certain is told by drugs instead.
        answers, own_answers = best(ranked), best(_joined(own.answers))
        both = min(len(answers), len(own_answers))
        row["against_drugtext"] = mean_difference(
            queries[:both], answers[:both], own_answers[:both], seed
        )
    return row


def _joined(parts: Iterable[Sequence[_T]]) -> list[_T]:
    return [one for part in parts for one in part]


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
        "wall_seconds": _seconds(outcome),
        "start_rss_mb": outcome.start_rss_mb,
        "peak_rss_mb": outcome.peak_rss_mb,
        "n_held_out": trial.n_held_out,
        "n_tasks_planned": len(trial.tasks) if trial.setting.k is not None else 1,
    }


def _seconds(outcome: Outcome) -> float:
    """Return what a trial took a contestant in all, as it would be without a cache."""
    counted = outcome.prepare_seconds + sum(outcome.fit_seconds) + sum(outcome.predict_seconds)
    return max(outcome.wall_seconds, counted)


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
    answered = [taxonomy.path(answer)[0].id for answer in best(outcome.answers[0])]
    groups = sorted({*true, *answered})
    counts = Counter(zip(true, answered, strict=True))
    return {
        "names": setting.names,
        "documents": setting.documents,
        "groups": groups,
        "counts": [[counts[row, column] for column in groups] for row in groups],
    }
