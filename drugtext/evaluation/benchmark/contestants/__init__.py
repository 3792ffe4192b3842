"""Who takes part: one small class each, with `fit` and `predict`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drugtext.evaluation.benchmark.cached_embedder import Embed
from drugtext.evaluation.benchmark.contestants.frozen import (
    FrozenPrototypes,
    FrozenRegression,
    ZeroShot,
)
from drugtext.evaluation.benchmark.contestants.names import NameDictionary
from drugtext.evaluation.benchmark.contestants.own import DrugText, DrugTextTree, Untrained
from drugtext.evaluation.benchmark.contestants.setfit_trained import BoundedSetFit, SetFit
from drugtext.evaluation.benchmark.contestants.tfidf import TfidfPrototypes, TfidfSvm
from drugtext.evaluation.benchmark.contestants.tfidf_frozen import TfidfFrozenSvm
from drugtext.evaluation.benchmark.readers import Reader, TrainedReaders
from drugtext.evaluation.benchmark.tables import UNTRAINED, WHOLE_TREE
from drugtext.evaluation.benchmark.task import OWN, Contestant

TRAINED = (OWN, WHOLE_TREE)
"""Names of the contestants whose encoder is trained before the trials."""


@dataclass(frozen=True)
class Encoder:
    """The encoder that several contestants share.

    Attributes:
        embed: its embeddings, each section read as it is printed.
        untrained: read as drugtext reads by default.
        trained: trial -> the same, trained on what the trial gives for that.
    """

    embed: Embed
    untrained: Reader
    trained: TrainedReaders


def contestants(encoder: Encoder, seed: int) -> dict[str, Callable[[], Contestant]]:
    """Return what makes each contestant anew for a trial, in the order of the report.

    Args:
        encoder: that drugtext and the frozen contestants stand on.
        seed: of those that draw at random.
    """
    return {
        OWN: lambda: DrugText(encoder.trained),
        WHOLE_TREE: lambda: DrugTextTree(encoder.trained),
        UNTRAINED: lambda: Untrained(lambda _: encoder.untrained),
        "TF-IDF + SVM": TfidfSvm,
        "TF-IDF + embeddings + SVM": lambda: TfidfFrozenSvm(encoder.embed),
        "TF-IDF + prototypes": TfidfPrototypes,
        "frozen + regression": lambda: FrozenRegression(encoder.embed),
        "frozen + prototypes": lambda: FrozenPrototypes(encoder.embed),
        "zero-shot by name": lambda: ZeroShot(encoder.embed),
        "name dictionary": NameDictionary,
        "SetFit (bounded)": lambda: BoundedSetFit(seed),
        "SetFit (defaults)": lambda: SetFit(seed),
    }
