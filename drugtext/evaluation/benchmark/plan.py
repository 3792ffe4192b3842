"""Which trials the full run and the quick run make, the headline settings first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drugtext.evaluation.benchmark.new_category import (
    NEW_CATEGORY,
    SHOTS,
    new_category,
    split_categories,
)
from drugtext.evaluation.benchmark.protocols import (
    GROWING,
    NEW_DRUG,
    NEW_REGULATOR,
    REGULATORS,
    growing_taxonomy,
    new_drug,
    new_regulator,
    shrunk,
)
from drugtext.evaluation.benchmark.records import NAMES, Corpus, Names
from drugtext.evaluation.benchmark.task import Trial

HEADLINE_LEVEL = 3


@dataclass(frozen=True)
class Plan:
    """How much a run does.

    Attributes:
        levels: of the ATC tree, headline first.
        names: forms of the texts.
        shots: most support inserts a category; fewer are tried, too.
        n_episodes: of each setting of "new category".
        minutes: protocol -> the most that a contestant may spend on it in all.
        one_in: so many inserts one is read.
        n_categories: that the corpora are shrunk to; None for all.
    """

    levels: tuple[int, ...] = (3, 1, 2, 4)
    names: tuple[Names, ...] = NAMES
    shots: int = 10
    n_episodes: int = 30
    minutes: Mapping[str, float] = field(
        default_factory=lambda: {NEW_DRUG: 6, NEW_CATEGORY: 18, NEW_REGULATOR: 2, GROWING: 2}
    )
    one_in: int = 1
    n_categories: int | None = None


FULL_RUN = Plan()
QUICK_RUN = Plan(
    levels=(3, 1),
    names=("masked",),
    shots=5,
    n_episodes=20,
    minutes={NEW_DRUG: 0.05, NEW_CATEGORY: 0.1, NEW_REGULATOR: 0.03, GROWING: 0.03},
    one_in=3,
    n_categories=8,
)


def make_trials(atc: Corpus, epc: Corpus, plan: Plan, seed: int) -> list[Trial]:
    """Deal the corpora out into the trials of a run; those that cannot be asked are left out.

    Args:
        atc: the ATC corpus.
        epc: the corpus of FDA pharmacologic classes.
        plan: how much to do.
        seed: of all that is drawn.
    """
    if plan.n_categories is not None:
        atc = shrunk(atc, HEADLINE_LEVEL, plan.n_categories)
        epc = shrunk(epc, 1, plan.n_categories)
    trials = [
        *(new_drug(atc, names, level) for level in plan.levels for names in plan.names),
        *(new_drug(epc, names, 1) for names in plan.names),
        *_new_categories(atc, plan, seed),
        *(
            new_regulator(atc, names, level, trained_on)
            for level in plan.levels
            for names in plan.names
            for trained_on in REGULATORS
        ),
        *(growing_taxonomy(atc, names, HEADLINE_LEVEL, seed) for names in plan.names),
    ]
    return [trial for trial in trials if any(task.queries for task in trial.tasks)]


def _new_categories(atc: Corpus, plan: Plan, seed: int) -> Iterator[Trial]:
    split = split_categories(atc, seed)
    for names in plan.names:
        for level in (HEADLINE_LEVEL, HEADLINE_LEVEL + 1):
            if level > max(plan.levels):
                continue
            for documents, shots in SHOTS.items():
                for k_shot in shots:
                    trial = k_shot <= plan.shots and new_category(
                        split, names, level, documents, k_shot, plan.n_episodes, seed
                    )
                    if trial:
                        yield trial
