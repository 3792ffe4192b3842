"""results.json: the figures of a run, and all that is needed to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drugtext.evaluation.benchmark.plan import HEADLINE_LEVEL
from drugtext.evaluation.benchmark.protocols import ALL, NEW_DRUG
from drugtext.evaluation.benchmark.records import Corpus
from drugtext.evaluation.benchmark.run import Outcomes
from drugtext.evaluation.benchmark.score import confusion, figures
from drugtext.evaluation.benchmark.task import Contestant, Setting, Trial
from drugtext.evaluation.machine import machine
from drugtext.fingerprint import code_sha256

INTERVALS = {
    "accuracy of new category": "95 %, Student's t over episodes",
    "all others": "95 %, bootstrap of 1,000 draws over ingredients that share no substance",
}


def make_results(
    trials: Sequence[Trial],
    outcomes: Outcomes,
    contestants: Mapping[str, Contestant],
    corpora: Mapping[str, Corpus],
    *,
    made_with: Mapping[str, str],
    command: str,
    quick: bool,
    seed: int,
    embedding_seconds: float,
) -> dict[str, Any]:
    """Put together what results.json holds.

    Args:
        trials: that were run.
        outcomes: of them.
        contestants: name -> one of its kind, for its description.
        corpora: taxonomy name -> corpus.
        made_with: versions, as `versions` gives them.
        command: that repeats the run.
        quick: whether it was the quick run.
        seed: of all that was drawn.
        embedding_seconds: that embeddings and trainings of encoders took, which trials share.
    """
    headline = Setting(NEW_DRUG, "atc", HEADLINE_LEVEL, "masked", ALL)
    return {
        "command": command,
        "quick": quick,
        "seed": seed,
        "wall_seconds": embedding_seconds
        + sum(outcome.wall_seconds for outcome in outcomes.done.values()),
        "versions": dict(made_with),
        "machine": machine(),
        "data": {
            name: {"sha256": corpus.sha256, "splits": corpus.counts()}
            for name, corpus in corpora.items()
        },
        "code": code_sha256(
            Outcomes.__module__,
            *(type(contestant).__module__ for contestant in contestants.values()),
        ),
        "intervals": INTERVALS,
        "contestants": {name: contestant.description for name, contestant in contestants.items()},
        "figures": figures(trials, outcomes.done, seed),
        "confusion": confusion(trials, outcomes.done, headline),
    }
