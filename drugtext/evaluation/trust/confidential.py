"""Privacy on real inserts: categories that the checkpoint never met are the confidential ones."""

from __future__ import annotations

import random
from collections import defaultdict
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.new_category import SPLIT_LEVEL
from drugtext.evaluation.benchmark.records import Record
from drugtext.evaluation.few_shot_calibration import few_shot_projection
from drugtext.evaluation.trust.membership import N_TRIALS, Attack, Interval
from drugtext.evaluation.trust.privacy import (
    Support,
    accuracy_by_epsilon,
    accuracy_of,
    attack_by_epsilon,
    attack_on,
)
from drugtext.evaluation.trust.subjects import NewCategories

LEAST_DRUGS = 6
"""Of a category; a quarter of them are asked, and the others taught."""
WITH_MEMORY = "without noise, with the memory"


def privacy(
    new: NewCategories, base: DrugClassifier, seed: int = 0, n_trials: int = N_TRIALS
) -> dict[str, Any]:
    """Learn test categories with each epsilon, ask other drugs of them, and attack the heads.

    Args:
        new: gives the test categories.
        base: of the training categories; projection and calibration are its own, so they are
            public.
        seed: of which drugs are asked.
        n_trials: of each attack, two or more.

    Returns:
        `rows`, one an epsilon (None: without noise) and one with the memory: accuracy, the area
        under the curve and the share of members found at 1 % false positives of the attack, each
        with its interval, and both as the best attack there can be has them; and counts.
    """
    taught, asked = _parted(new.records("test"), seed)
    order = sorted({record.path[SPLIT_LEVEL - 1] for record in taught})
    head, names = few_shot_projection(base.model.head, base.embed_names(order, new.taxonomy))

    def embed(records: list[Record]) -> Tensor:
        vectors = new.reader.embed([record.inserts["plain"] for record in records])
        with torch.no_grad():
            return head.text_of(head.project(torch.as_tensor(vectors)))

    support = Support(
        head,
        embed(taught),
        torch.tensor([order.index(record.path[SPLIT_LEVEL - 1]) for record in taught]),
        [record.ingredient for record in taught],
        [[step.id for step in new.taxonomy.path(category)[-2::-1]] for category in order],
        torch.stack([names[category] for category in order]),
    )
    queries = embed(asked).numpy()
    true_rows = np.array([order.index(record.path[SPLIT_LEVEL - 1]) for record in asked])
    drugs = [record.ingredient for record in asked]
    accuracies = accuracy_by_epsilon(support, queries, true_rows, drugs)
    attacks = attack_by_epsilon(support, n_trials=n_trials)
    rows: list[dict[str, Any]] = []
    for cost, gain in zip(accuracies, attacks, strict=True):
        told: dict[str, Any] = {"epsilon": None if cost.epsilon == inf else cost.epsilon}
        best = {"best_auc": round(gain.best[0], 4), "best_found": round(gain.best[1], 4)}
        rows.append(told | {"how": "prototypes"} | _told(cost.accuracy, gain.attack) | best)
    remembering = support.learn(inf, has_memory=True)
    rows.append(
        {"epsilon": None, "how": WITH_MEMORY, "best_auc": 1.0, "best_found": 1.0}
        | _told(
            accuracy_of([remembering], queries, true_rows, drugs),
            attack_on(support, inf, n_trials, has_memory=True),
        )
    )
    return {
        "rows": rows,
        "delta": support.delta,
        "n_categories": len(order),
        "n_drugs": len({record.ingredient for record in taught}),
        "n_support": len(taught),
        "n_asked": len(asked),
    }


def _told(accuracy: Interval, attack: Attack) -> dict[str, float]:
    told = {"accuracy": accuracy, "attack_auc": attack.auc, "found": attack.true_positives}
    return {
        name + end: round(value, 4)
        for name, figure in told.items()
        for end, value in zip(("", "_low", "_high"), figure, strict=True)
    }


def _parted(records: list[Record], seed: int) -> tuple[list[Record], list[Record]]:
    """Part the drugs of each category that has enough of them: what is taught, what is asked."""
    drugs: dict[str, set[str]] = defaultdict(set)
    for record in records:
        drugs[record.path[SPLIT_LEVEL - 1]].add(record.ingredient)
    rng, is_asked = random.Random(seed), set()  # noqa: S311 - a sample, no secret
    for category in sorted(drugs):
        names = sorted(drugs[category])
        if len(names) >= LEAST_DRUGS:
            is_asked |= {(category, name) for name in rng.sample(names, len(names) // 4)}
    kept = [r for r in records if len(drugs[r.path[SPLIT_LEVEL - 1]]) >= LEAST_DRUGS]
    sides: tuple[list[Record], list[Record]] = ([], [])
    for record in kept:
        sides[(record.path[SPLIT_LEVEL - 1], record.ingredient) in is_asked].append(record)
    return sides
