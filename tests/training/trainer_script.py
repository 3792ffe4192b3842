"""The trainers over a tiny encoder; tests run them in their own process, and in one that is killed.

As a script: KIND ENCODER FOLDER STEP: trains in FOLDER, and kills itself after that step.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from tiny_data import data
from torch import Tensor

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.training.contrast import ContrastPlan, adapt_encoder
from drugtext.training.episode_sampler import EpisodePlan
from drugtext.training.finetune import FinetunePlan, finetune
from drugtext.training.loop import LoopPlan
from drugtext.training.meta import MetaPlan, meta_train
from drugtext.training.state import Progress

LOOP = LoopPlan(4, learning_rate=0.02, warmup_steps=1, evaluate_every=3, save_every=2)
"""A stop after step 3 goes on from step 2, one after step 1 from the beginning."""

Advance = Callable[[Progress], object]
Outcome = tuple[Mapping[str, Tensor], Progress]
Train = Callable[[DrugClassifier, Path, Advance | None], Outcome]


def by_episodes(classifier: DrugClassifier, folder: Path, advance: Advance | None) -> Outcome:
    """Meta-train; the head that is trained along is part of what comes out."""
    plan = MetaPlan(EpisodePlan({1: 1.0, 2: 1.0}, n_inserts=16), LOOP, window_tokens=32)
    found = meta_train(classifier, data(), plan, folder, held_out=data(2), advance=advance)
    head = {f"head.{name}": weights for name, weights in found.head.state_dict().items()}
    return {**found.adapter.weights, **head}, found.progress


def by_categories(classifier: DrugClassifier, folder: Path, advance: Advance | None) -> Outcome:
    """Fine-tune."""
    plan = FinetunePlan((1, 2), LOOP, n_inserts=8, batches_a_step=2, window_tokens=32)
    adapter, progress = finetune(
        classifier, data(), plan, folder, held_out=data(2), advance=advance
    )
    return adapter.weights, progress


def by_contrast(classifier: DrugClassifier, folder: Path, advance: Advance | None) -> Outcome:
    """Adapt the encoder, without categories."""
    inserts, plan = data(8), ContrastPlan(LOOP, n_pairs=12, window_tokens=32)
    adapter, progress = adapt_encoder(
        classifier, inserts.forms[1], inserts.substances, plan, folder, advance=advance
    )
    return adapter.weights, progress


TRAINERS: dict[str, Train] = {
    "meta_train": by_episodes,
    "finetune": by_categories,
    "adapt_encoder": by_contrast,
}


def main(kind: str, encoder: str, folder: Path, last_step: int) -> None:
    """Train, and be killed."""
    torch.set_num_threads(1)

    def killed(progress: Progress) -> None:
        if progress.step == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    TRAINERS[kind](drugtext.load(encoder), folder, killed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
