"""The four questions of the benchmark, dealt out of a corpus; every one disjoint in ingredient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from drugtext.corpus import EU_LEAFLETS, FULL_DOCUMENTS, US_LABELS, WITH_INDICATIONS
from drugtext.evaluation.benchmark.records import Corpus, Example, Names, Record
from drugtext.evaluation.benchmark.task import Lesson, Setting, Task, Training, Trial

NEW_DRUG, NEW_REGULATOR, GROWING = "new drug", "new regulator", "growing taxonomy"
FULL, INDICATED, ALL = "full documents", "with indications", "all"
SCOPES = {FULL: FULL_DOCUMENTS, INDICATED: WITH_INDICATIONS, ALL: None}
"""Which inserts -> the kinds of record; None for every kind."""
REGULATORS = {"US labels": US_LABELS, "EU leaflets": EU_LEAFLETS}
"""Whose documents -> the kinds of record."""
STEP = 10
"""Categories that arrive together as a taxonomy grows."""


def is_of(record: Record | Example, documents: str) -> bool:
    """Tell whether a record is one that a key of `SCOPES` or `REGULATORS` means."""
    kinds = {**SCOPES, **REGULATORS}[documents]
    return kinds is None or record.kind in kinds


def new_drug(corpus: Corpus, names: Names, level: int) -> Trial:
    """All categories known, the ingredients unseen: train on one split, ask the test split.

    Args:
        corpus: with its splits.
        names: form of the texts.
        level: of the categories, counted from 1 at the roots.
    """
    setting = Setting(NEW_DRUG, corpus.taxonomy.name, level, names, ALL)
    return _split_trial(setting, corpus, names, taught=ALL, asked=ALL)


def new_regulator(corpus: Corpus, names: Names, level: int, trained_on: str) -> Trial:
    """Learn from one regulator's full documents, and be asked those of both.

    Args:
        corpus: with its splits.
        names: form of the texts.
        level: of the categories, counted from 1 at the roots.
        trained_on: one of `REGULATORS`.
    """
    setting = Setting(NEW_REGULATOR, corpus.taxonomy.name, level, names, FULL, trained_on)
    return _split_trial(setting, corpus, names, taught=trained_on, asked=FULL)


def growing_taxonomy(corpus: Corpus, names: Names, level: int, seed: int) -> Trial:
    """Let categories arrive `STEP` at a time, and ask all that have arrived after each step.

    An encoder may be trained on the categories of the first step, and on those that never arrive.

    Args:
        corpus: with its splits.
        names: form of the texts.
        level: of the categories, counted from 1 at the roots.
        seed: of the order in which they arrive: those that both splits hold.
    """
    support = _by_category(_examples(corpus.splits["train"], names, level))
    queries = _by_category(_examples(corpus.splits["test"], names, level))
    both = sorted(support.keys() & queries.keys())
    order = [both[n] for n in np.random.default_rng(seed).permutation(len(both))]
    tasks = []
    for end in range(STEP, len(order) + STEP, STEP):
        arrived = order[:end]
        lesson = Lesson(corpus.taxonomy, tuple(arrived), [e for c in arrived for e in support[c]])
        asked = [e for c in arrived for e in queries[c]]
        tasks.append(Task(lesson, asked, n_new=len(arrived) - (end - STEP)))
    later = {*order[STEP:]}
    training = [record for record in corpus.splits["train"] if later.isdisjoint(record.path)]
    setting = Setting(GROWING, corpus.taxonomy.name, level, names, ALL)
    return Trial(setting, tasks, grows=True, training=Training(training))


def _split_trial(
    setting: Setting,
    corpus: Corpus,
    names: Names,
    *,
    taught: str,
    asked: str,
) -> Trial:
    """Teach the train split and ask the test split, each restricted to what `is_of` knows."""

    def examples(split: str, documents: str) -> list[Example]:
        records = (record for record in corpus.splits[split] if is_of(record, documents))
        return _examples(records, names, setting.level)

    support = examples("train", taught)
    categories = sorted({example.category for example in support})
    lesson = Lesson(corpus.taxonomy, tuple(categories), support)
    held_out, test = examples("validation", taught), examples("test", asked)
    known = set(categories)
    return Trial(
        setting,
        [Task(lesson, [e for e in test if e.category in known])],
        validation=[e for e in held_out if e.category in known],
        left_out=[e for e in test if e.category not in known],
        training=_training(corpus, taught),
    )


@lru_cache(maxsize=8)
def _training(corpus: Corpus, documents: str) -> Training:
    """Return the records that are taught, one object for all levels and forms."""
    return Training([record for record in corpus.splits["train"] if is_of(record, documents)])


def _examples(records: Iterable[Record], names: Names, level: int) -> list[Example]:
    return [record.example(names, level) for record in records if len(record.path) >= level]


def _by_category(examples: Iterable[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        found[example.category].append(example)
    return found


def shrunk(corpus: Corpus, level: int, n_categories: int) -> Corpus:
    """Return a small corpus for a quick run: the categories of most ingredients, one insert each.

    Args:
        corpus: the whole one.
        level: at which categories are counted.
        n_categories: how many stay.
    """
    reaching = {
        split: [record for record in records if len(record.path) >= level]
        for split, records in corpus.splits.items()
    }
    every = {(r.path[level - 1], r.ingredient) for records in reaching.values() for r in records}
    counts = Counter(category for category, _ in sorted(every))
    kept = {category for category, _ in counts.most_common(n_categories)}
    splits = {
        split: _one_an_ingredient(r for r in records if r.path[level - 1] in kept)
        for split, records in reaching.items()
    }
    return Corpus(corpus.taxonomy, splits, corpus.sha256)


def _one_an_ingredient(records: Iterable[Record]) -> list[Record]:
    """Keep one record an ingredient, a full document where there is one."""
    chosen: dict[str, Record] = {}
    for record in records:
        held = chosen.get(record.ingredient)
        if held is None or (record.kind in FULL_DOCUMENTS and held.kind not in FULL_DOCUMENTS):
            chosen[record.ingredient] = record
    return list(chosen.values())
