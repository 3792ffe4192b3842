"""How an encoder is made ready: an adapter learnt in episodes, a lexicon and stems of names."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from drugtext.classifier import DrugClassifier
from drugtext.encoder import weights_sha256
from drugtext.errors import TrainingError
from drugtext.fingerprint import code_sha256
from drugtext.training.data import LabelledInserts
from drugtext.training.meta import ATC_PLAN, MetaPlan, meta_train, plan_for
from drugtext.training.state import Progress
from drugtext.window_cache import WindowCache


class TrainedEncoder(NamedTuple):
    """What came out.

    Attributes:
        classifier: without categories, with adapter, lexicon and stems of names.
        folder: of the training.
        seconds: that it took, or would take again.
        windows: what its encoder gave, kept in that folder; the classifier uses it.
    """

    classifier: DrugClassifier
    folder: Path
    seconds: float
    windows: WindowCache


def train_encoder(
    classifier: DrugClassifier,
    data: LabelledInserts,
    folder: Path,
    *,
    plan: MetaPlan = ATC_PLAN,
    advance: Callable[[Progress], object] | None = None,
) -> TrainedEncoder:
    """Learn adapter, lexicon and stems of names from inserts, and from nothing else.

    Args:
        classifier: gives the encoder; it stays as it is.
        data: forms as they are printed, the masked one last. Names stay out of the lexicon: those
            of known drugs tell nothing of a new one.
        folder: of trainings, each in a folder named by code, encoder and inserts; a training that
            stands there already is taken, and a stopped one goes on.
        plan: of meta-training; another one needs another folder.
        advance: called after each step, for a progress bar.
    """
    begun = time.perf_counter()
    made_of = {
        "encoder": weights_sha256(classifier.model.encoder),
        "inserts": data.sha256,
        "reading": json.dumps([classifier.model.config.prefix, classifier.reading_plan.to_dict()]),
    }
    name = hashlib.sha256("".join(made_of.values()).encode()).hexdigest()[:16]
    own = folder / code_sha256(__name__)[:8] / name
    fitting = plan_for(data, plan)
    trained = meta_train(classifier, data, fitting, own, told=made_of, advance=advance)
    lexicon_begun = time.perf_counter()
    ready = classifier.with_adapter(trained.adapter).with_lexicon(data.forms[-1])
    with suppress(TrainingError):  # where no two drugs share a piece of their names, none are read
        ready = ready.with_name_stems(data.forms[0])
    ready.window_cache = windows = WindowCache(ready.model.encoder, own / "windows")
    ended = time.perf_counter()
    before = max(trained.progress.seconds, lexicon_begun - begun)  # it may have been trained before
    return TrainedEncoder(ready, own, before + ended - lexicon_begun, windows)
