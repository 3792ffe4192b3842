"""New category: the categories themselves are unseen, and a few inserts of each must do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drugtext.episodes import disjoint_ingredients, draw_episodes
from drugtext.evaluation.benchmark.protocols import FULL, INDICATED, is_of
from drugtext.evaluation.benchmark.records import NAMES, Corpus, Names, Record
from drugtext.evaluation.benchmark.task import Lesson, Setting, Task, Training, Trial
from drugtext.splits import SPLITS, repeats

NEW_CATEGORY = "new category"
SPLIT_LEVEL = 3
"""At which categories are parted; deeper ones follow, so that no level knows what another asks."""
FRACTIONS = (0.45, 0.15, 0.4)
"""Of the categories in meta-training, validation and test."""
SHOTS = {INDICATED: (0, 1, 3, 5, 10), FULL: (0, 1, 3, 5)}
"""Documents -> support inserts a category; few have ten ingredients in full documents."""
COMMON_SHOTS = 5
"""Up to so many support inserts the same categories are asked, so that figures compare."""
N_QUERY = 1
"""Query ingredients a category and episode."""


@dataclass(frozen=True)
class CategorySplit:
    """The records of each part, disjoint in category and in ingredient, no text repeated.

    Attributes:
        corpus: it was made of.
        parts: "train", "validation", "test" -> records.
        training: those of the first part.
    """

    corpus: Corpus
    parts: dict[str, list[Record]]
    training: Training


def split_categories(corpus: Corpus, seed: int) -> CategorySplit:
    """Part the categories of `SPLIT_LEVEL`, and drop what would tie the parts together.

    Categories that can be asked in the same settings are dealt together, so that each part gets its
    share of them. Records that do not say what the drug is for are left out: nobody teaches by
    contraindications alone. A record whose substance stands in a later part too is dropped.

    Args:
        corpus: whose own splits by ingredient do not matter here.
        seed: of the shuffle.
    """
    deep = [
        record
        for record in corpus.records
        if len(record.path) >= SPLIT_LEVEL and is_of(record, INDICATED)
    ]
    for names in NAMES:  # texts may be alike in one form only
        again = repeats([record.inserts[names].text for record in deep])
        deep = [record for record, repeated in zip(deep, again, strict=True) if not repeated]
    members: dict[str, list[Record]] = defaultdict(list)
    for record in deep:
        members[record.path[SPLIT_LEVEL - 1]].append(record)
    alike: dict[tuple[bool, ...], list[str]] = defaultdict(list)
    for category in sorted(members):
        alike[_askable(members[category])].append(category)
    rng, split_of = np.random.default_rng(seed), {}
    for _, group in sorted(alike.items()):
        bounds = np.cumsum(FRACTIONS) * len(group)
        for place, n in enumerate(rng.permutation(len(group))):
            split_of[group[n]] = SPLITS[int(np.searchsorted(bounds, place + 0.5))]
    parts: dict[str, list[Record]] = {}
    taken: set[str] = set()
    for split in reversed(SPLITS):
        dealt = [record for record in deep if split_of[record.path[SPLIT_LEVEL - 1]] == split]
        parts[split] = [record for record in dealt if taken.isdisjoint(record.substances)]
        taken |= {substance for record in dealt for substance in record.substances}
    return CategorySplit(corpus, parts, Training(parts[SPLITS[0]]))


def new_category(
    split: CategorySplit,
    names: Names,
    level: int,
    documents: str,
    k_shot: int,
    n_episodes: int,
    seed: int,
    part: str = "test",
) -> Trial | None:
    """Ask all categories of a part at once, after `k_shot` inserts of each.

    All that can be asked: those that have ingredients enough for `COMMON_SHOTS` inserts, or for
    `k_shot` if that is more, and for the queries.

    Args:
        split: of the categories.
        names: form of the texts.
        level: of the categories, `SPLIT_LEVEL` or deeper.
        documents: a key of `SHOTS`: which inserts are taught and asked.
        k_shot: support inserts a category, each of another ingredient; 0 for its name alone.
        n_episodes: how often support and queries are drawn.
        seed: of the draws.
        part: whose categories are asked; "validation" to choose by.

    Returns:
        The trial; None where fewer than two of its categories have enough ingredients.
    """
    pool = _pool(split.parts[part], level, documents)
    asked = {c: records for c, records in pool.items() if _can_ask(records, k_shot)}
    if len(asked) < 2:
        return None
    rows = [record for category in sorted(asked) for record in asked[category]]
    episodes = draw_episodes(
        [record.path[level - 1] for record in rows],
        [record.substances for record in rows],
        n_way=len(asked),
        k_shot=k_shot,
        n_query=N_QUERY,
        n_episodes=n_episodes,
        seed=seed,
    )
    examples = [record.example(names, level) for record in rows]
    taxonomy = split.corpus.taxonomy
    tasks = [
        Task(
            Lesson(taxonomy, episode.categories, [examples[n] for n in episode.support]),
            [examples[n] for n in episode.queries],
        )
        for episode in episodes
    ]
    # Full documents or not: the more to prepare on, the better.
    background, validation = (
        [r.example(names, level) for r in split.parts[other] if len(r.path) >= level]
        for other in SPLITS[:2]
    )
    if part == SPLITS[1]:  # what is asked calibrates nothing
        validation = []
    setting = Setting(NEW_CATEGORY, taxonomy.name, level, names, documents, k=k_shot)
    return Trial(
        setting, tasks, background, validation, n_held_out=len(pool), training=split.training
    )


def _pool(records: Sequence[Record], level: int, documents: str) -> dict[str, list[Record]]:
    """Return the records of these documents by their category."""
    pool: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if len(record.path) >= level and is_of(record, documents):
            pool[record.path[level - 1]].append(record)
    return pool


def _askable(records: Sequence[Record]) -> tuple[bool, ...]:
    """Tell for the split level and the one below, and for all `SHOTS`, whether it can be asked."""
    return tuple(
        any(_can_ask(below, k_shot) for below in _pool(records, level, documents).values())
        for level in (SPLIT_LEVEL, SPLIT_LEVEL + 1)
        for documents, shots in SHOTS.items()
        for k_shot in shots
    )


def _can_ask(records: Sequence[Record], k_shot: int) -> bool:
    """Tell whether there are ingredients enough for the support and the queries."""
    needed = max(k_shot, COMMON_SHOTS) + N_QUERY
    return disjoint_ingredients(record.substances for record in records) >= needed
