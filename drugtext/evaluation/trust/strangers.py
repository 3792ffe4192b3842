"""What is in no known category: drugs of other categories, and texts that are no inserts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.records import Names
from drugtext.evaluation.bootstrap import grouped_share
from drugtext.evaluation.trust.far_texts import far_texts
from drugtext.evaluation.trust.scope import (
    Told,
    compare_scores,
    compare_scores_over_draws,
    scope_scores,
)
from drugtext.evaluation.trust.subjects import FORMS, KnownCategories, NewCategories, projected
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.record import insert_from_record
from drugtext.taxonomy import deepest_known
from drugtext.training.fitting import fit_chosen
from drugtext.training.listed_drugs import unmet, with_names_of
from drugtext.training.recipe import held_back

N_DRAWS = 10
"""Of the categories that are left out, of each level."""
SHARE = 0.2
"""Of the categories that are left out in each draw."""
_ALARMS = ("false_alarms", "false_alarms_low", "false_alarms_high")


def far(known: KnownCategories, names: Names, seed: int = 0) -> dict[str, Any]:
    """Tell test drugs from texts that are no inserts.

    Returns:
        `scores`: AUROC of each of `SCORES` over the texts that were read; `n_texts`, and of them
        `n_refused` for their language; of the rest the share called out of scope, in all and of
        each kind, and of the refused ones, were they read, `refused_called_out`; of the test drugs
        that share, `false_alarms`, with its interval.
    """
    classifier, texts = known.classifier, far_texts()
    inserts = [insert_from_record({"text": told.text}, told.kind) for told in texts]
    kept = [n for n, insert in enumerate(inserts) if classifier.refusal(insert) is None]
    outside = classifier.embed([inserts[n] for n in kept])
    inside = known.embeddings(names)
    head = classifier.model.head
    groups = ([record.ingredient for record in known.records], [str(n) for n in kept])
    in_others = _embedded_anyhow(
        classifier, [insert for n, insert in enumerate(inserts) if n not in kept]
    )
    called_out = ~classifier.in_scope(outside)
    alarms = grouped_share(~classifier.in_scope(inside), groups[0], seed)
    by_kind = defaultdict(list)
    for n, is_out in zip(kept, called_out, strict=True):
        by_kind[texts[n].kind].append(bool(is_out))
    return {
        "names": names,
        "scores": compare_scores(
            scope_scores(head, inside), scope_scores(head, outside), groups, seed
        ),
        "n_texts": len(texts),
        "n_refused": len(texts) - len(kept),
        "called_out": round(float(called_out.mean()), 4),
        "called_out_by_kind": {kind: round(float(np.mean(v)), 4) for kind, v in by_kind.items()},
        "refused_called_out": round(float((~classifier.in_scope(in_others)).mean()), 4),
        **dict(zip(_ALARMS, (round(share, 4) for share in alarms), strict=True)),
        "n_inside": len(inside),
    }


def _embedded_anyhow(classifier: DrugClassifier, inserts: Sequence[DrugInsert]) -> NDArray:
    """Embed inserts in whatever language they are."""
    config = classifier.model.config
    known, config.languages = config.languages, []
    try:
        return classifier.embed(inserts)
    finally:
        config.languages = known


def near(
    known: KnownCategories, names: Names, level: int, seed: int = 0, n_draws: int = N_DRAWS
) -> dict[str, Any]:
    """Tell test drugs of known categories from those of categories that the head was not taught.

    Some categories of a level are left out with all below them, several times. The encoder met
    other drugs of these categories; `near_few_shot` judges categories that it never met.
    """
    rng = np.random.default_rng(seed)
    records = known.records
    reaching = [n for n, record in enumerate(records) if len(record.path) >= level]
    categories = sorted({records[n].path[level - 1] for n in reaching})
    drawn = (
        set(rng.choice(categories, round(SHARE * len(categories)), replace=False))
        for _ in range(n_draws)
    )
    groups = [records[n].ingredient for n in reaching]
    found, caught = list[Told](), []
    for left_out in drawn:
        classifier = without_categories(known, left_out, level)
        asked = known.splits["test"].embeddings[FORMS[names]][reaching]
        embeddings = projected(classifier, asked)
        is_new = np.array([records[n].path[level - 1] in left_out for n in reaching])
        found.append(Told(scope_scores(classifier.model.head, embeddings), ~is_new, groups))
        classifier.model.config.scope_threshold = known.classifier.model.config.scope_threshold
        caught.append(float((~classifier.in_scope(embeddings[is_new])).mean()))
    return {
        "names": names,
        "level": level,
        "n_draws": n_draws,
        "n_inserts": len(reaching),
        "scores": compare_scores_over_draws(found, seed),
        "called_out": round(float(np.mean(caught)), 4),
    }


def without_categories(known: KnownCategories, left_out: set[str], level: int) -> DrugClassifier:
    """Teach the training split again, without some categories of a level, and names as before."""
    train, ids = known.splits["train"], set(known.classifier.category_ids)
    taught = [
        deepest_known(path, ids) if left_out.isdisjoint(path[:level]) else None
        for path in train.rows["category_path"]
    ]
    fitted = fit_chosen(known.reader.classifier, [train], taught, known.corpus.taxonomy)
    rest = [drug for drug in known.drugs if left_out.isdisjoint(drug.path)]
    return with_names_of(fitted, unmet(rest, held_back(known.splits)))


def near_few_shot(
    new: NewCategories, base: DrugClassifier, names: Names, k_shot: int, seed: int = 0
) -> dict[str, Any] | None:
    """Learn half of some categories that the encoder never met; tell queries of both halves apart.

    Returns:
        AUROC of each score, the mean over episodes, with `n_inside` and `n_outside` queries of all
        episodes; None where the data have no such episodes.
    """
    trial = new.trial(names, k_shot)
    if trial is None:
        return None
    rng = np.random.default_rng(seed)
    found = list[Told]()
    counts = {"n_inside": 0, "n_outside": 0}
    for task in trial.tasks:
        order = rng.permutation(len(task.lesson.categories))
        half = {task.lesson.categories[n] for n in order[: len(order) // 2]}
        support = [example for example in task.lesson.support if example.category in half]
        classifier = new.fit(base, support)
        asked = new.embed(classifier, task.queries)
        is_known = np.array([query.category in half for query in task.queries])
        drugs = [query.ingredient for query in task.queries]
        found.append(Told(scope_scores(classifier.model.head, asked), is_known, drugs))
        counts["n_inside"] += int(is_known.sum())
        counts["n_outside"] += int((~is_known).sum())
    return {
        "names": names,
        "k": k_shot,
        "n_way": len(trial.tasks[0].lesson.categories) // 2,
        "n_episodes": len(trial.tasks),
        "scores": {
            name: told | counts for name, told in compare_scores_over_draws(found, seed).items()
        },
    }
