"""The whole path from files to answers: how fast, and where its seconds go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drugtext.classifier import DrugClassifier
from drugtext.encoder import length_sorted_batches
from drugtext.evaluation.speed.limits import flops_a_token
from drugtext.inserts.batches import batches
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts
from drugtext.prediction import Wanted

_N_PASSES = 3
STAGES = ("parse the files", "cut into windows", "encode", "compare and answer")


def inserts_of(parts: Sequence[Path], n_inserts: int) -> Iterator[DrugInsert]:
    """Yield the first inserts of some files, and pass over what cannot be read."""
    return islice(read_inserts([*parts], on_error=lambda _: None), n_inserts)


def whole_path(classifier: DrugClassifier, parts: Sequence[Path], n_inserts: int) -> dict[str, Any]:
    """Parse, read and classify inserts as users do, and return what it took.

    Returns:
        Inserts a second, the median of several passes, and that of each, slowest first; tokens read
        and held by an insert; the share of the time that the cores were at work; the answers.
    """
    [*classifier.stream(inserts_of(parts, 4), on_error=lambda *_: None)]  # to warm up
    seconds, busy = [], []
    for _ in range(_N_PASSES):
        begun, worked = time.perf_counter(), time.process_time()
        inserts = inserts_of(parts, n_inserts)
        predictions = [*classifier.stream(inserts, on_error=lambda *_: None)]
        seconds.append(time.perf_counter() - begun)
        busy.append((time.process_time() - worked) / seconds[-1] / torch.get_num_threads())
    rates = sorted(len(predictions) / one for one in seconds)
    return {
        "backend": str(classifier.backend),
        "n": len(predictions),
        "inserts_a_second": rates[_N_PASSES // 2],
        "passes": rates,
        "cores_busy": sorted(busy)[_N_PASSES // 2],
        "tokens_read": float(np.mean([p.tokens_read for p in predictions])),
        "tokens_total": float(np.mean([p.tokens_total for p in predictions])),
        "answers": [p.category_id for p in predictions],
    }


def stages(classifier: DrugClassifier, parts: Sequence[Path], n_inserts: int) -> dict[str, Any]:
    """Do what `whole_path` does one stage after the other, and return the seconds of each.

    Returns:
        seconds: of each of `STAGES`.
        padding: tokens that were encoded, padding included, for each that was not padding.
        flops: of the encoder's matrix products, without what padding costs.
    """
    seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        seconds[stage] += time.perf_counter() - begun

    with timed(STAGES[0]):
        inserts = [*inserts_of(parts, n_inserts)]
    readable = [insert for insert in inserts if not classifier.refusal(insert)]
    padded = held = flops = 0.0
    for batch in batches(readable):
        with timed(STAGES[1]):
            windows = classifier.windows(batch)
        with timed(STAGES[2]):
            vectors = classifier.vectors(windows.token_ids)
        with timed(STAGES[3]):
            [*classifier.answers(batch, windows, Wanted(3), _already(vectors))]
        lengths = [len(ids) for ids in windows.token_ids]
        config = classifier.model.config.encoder
        for numbers in length_sorted_batches(windows.token_ids):
            padded += len(numbers) * max(lengths[n] for n in numbers)
        held += sum(lengths)
        flops += sum(length * flops_a_token(config, length) for length in lengths)
    return {"seconds": seconds, "padding": padded / held, "flops": flops, "tokens": int(held)}


def _already(vectors: Tensor) -> Callable[[list[list[int]]], Tensor]:
    def encode(_: list[list[int]]) -> Tensor:
        return vectors

    return encode


def typical_batch(classifier: DrugClassifier, inserts: Sequence[DrugInsert]) -> list[Tensor]:
    """Return ids and mask of one batch of full windows, of the inserts' own text."""
    longest = classifier.reading_plan.window_tokens
    token_ids = classifier.windows(inserts).token_ids
    full = [ids for ids in token_ids if len(ids) == longest] or token_ids[:1]
    ids = torch.tensor(full)
    return [ids, torch.ones_like(ids)]
