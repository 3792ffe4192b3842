"""Who takes part: one small class each, with `fit` and `predict`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drugtext.classifier import DrugClassifier
from drugtext.evaluation.benchmark.cached_embedder import Embed
from drugtext.evaluation.benchmark.contestants.frozen import (
    FrozenPrototypes,
    FrozenRegression,
    ZeroShot,
)
from drugtext.evaluation.benchmark.contestants.names import NameDictionary
from drugtext.evaluation.benchmark.contestants.own import DrugText, DrugTextTree
from drugtext.evaluation.benchmark.contestants.setfit_trained import BoundedSetFit, SetFit
from drugtext.evaluation.benchmark.contestants.tfidf import TfidfPrototypes, TfidfSvm
from drugtext.evaluation.benchmark.task import OWN, Contestant


@dataclass(frozen=True)
class Encoder:
    """The encoder that several contestants share.

    Attributes:
        classifier: without categories.
        embed: its embeddings, each section read as it is printed.
        embed_twice: each section read with and without the insert's own names.
    """

    classifier: DrugClassifier
    embed: Embed
    embed_twice: Embed


def contestants(encoder: Encoder, seed: int) -> dict[str, Callable[[], Contestant]]:
    """Return what makes each contestant anew for a trial, in the order of the report.

    Args:
        encoder: that drugtext and the frozen contestants stand on.
        seed: of those that draw at random.
    """
    return {
        OWN: lambda: DrugText(encoder.classifier, encoder.embed_twice),
        "drugtext, whole tree": lambda: DrugTextTree(encoder.classifier, encoder.embed_twice),
        "TF-IDF + SVM": TfidfSvm,
        "TF-IDF + prototypes": TfidfPrototypes,
        "frozen + regression": lambda: FrozenRegression(encoder.embed),
        "frozen + prototypes": lambda: FrozenPrototypes(encoder.embed),
        "zero-shot by name": lambda: ZeroShot(encoder.embed),
        "name dictionary": NameDictionary,
        "SetFit (bounded)": lambda: BoundedSetFit(seed),
        "SetFit (defaults)": lambda: SetFit(seed),
    }
