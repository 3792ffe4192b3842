"""Who takes part: one small class each, with `fit` and `predict`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import drugtext
from drugtext.evaluation.benchmark.cached_embedder import CachedEmbedder, Embed
from drugtext.evaluation.benchmark.contestants.frozen import (
    FrozenPrototypes,
    FrozenRegression,
    ZeroShot,
)
from drugtext.evaluation.benchmark.contestants.names import NameDictionary
from drugtext.evaluation.benchmark.contestants.own import DrugText, DrugTextTree, Untrained
from drugtext.evaluation.benchmark.contestants.reading import AS_PEERS_READ
from drugtext.evaluation.benchmark.contestants.setfit_trained import BoundedSetFit, SetFit
from drugtext.evaluation.benchmark.contestants.tfidf import TfidfPrototypes, TfidfSvm
from drugtext.evaluation.benchmark.contestants.tfidf_frozen import TfidfFrozenSvm
from drugtext.evaluation.benchmark.readers import (
    TRAINED_FOLDER,
    FewShotBases,
    Reader,
    TrainedReaders,
)
from drugtext.evaluation.benchmark.tables import UNTRAINED, WHOLE_TREE
from drugtext.evaluation.benchmark.task import OWN, Contestant
from drugtext.reading_plan import ReadingPlan
from drugtext.training.meta import ATC_PLAN
from drugtext.window_cache import WindowCache

TRAINED = (OWN, WHOLE_TREE)
"""Names of the contestants whose encoder is trained before the trials."""


@dataclass(frozen=True)
class Encoder:
    """The encoder that several contestants share.

    Attributes:
        embed: its embeddings, each section read as it is printed.
        untrained: read as drugtext reads by default.
        trained: trial -> the same, trained on what the trial gives for that.
        bases: what its contestants learn new categories beside.
    """

    embed: Embed
    untrained: Reader
    trained: TrainedReaders
    bases: FewShotBases = field(default_factory=FewShotBases)


def make_encoder(
    encoder: str, run: Path, n_steps: int
) -> tuple[Encoder, list[CachedEmbedder], WindowCache]:
    """Load an encoder, once for each way of reading; what it gives is kept in the folder of a run.

    Args:
        encoder: folder or hub id.
        run: where vectors and trainings are kept.
        n_steps: of each training.

    Returns:
        The encoder, what embeds with it, as peers read and by default, and the vectors kept.
    """
    cache = WindowCache(drugtext.load(encoder).model.encoder, run / "windows")
    embedders = []
    for plan in (AS_PEERS_READ, ReadingPlan()):
        classifier = drugtext.load(encoder)
        classifier.reading_plan = plan
        embedders.append(CachedEmbedder(classifier, cache))
    untrained = Reader(classifier, embedders[1])
    trained = TrainedReaders(untrained, run / TRAINED_FOLDER, ATC_PLAN.lasting(n_steps))
    return Encoder(embedders[0], untrained, trained), embedders, cache


def contestants(encoder: Encoder, seed: int) -> dict[str, Callable[[], Contestant]]:
    """Return what makes each contestant anew for a trial, in the order of the report.

    Args:
        encoder: that drugtext and the frozen contestants stand on.
        seed: of those that draw at random.
    """
    return {
        OWN: lambda: DrugText(encoder.trained, encoder.bases),
        WHOLE_TREE: lambda: DrugTextTree(encoder.trained, encoder.bases),
        UNTRAINED: lambda: Untrained(lambda _: encoder.untrained, encoder.bases),
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
