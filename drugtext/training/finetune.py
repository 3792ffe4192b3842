"""LoRA fine-tuning: an encoder's adapter learns to tell the categories of one taxonomy apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate.utils import send_to_device
from torch import Tensor, nn

from drugtext.adapters import Adapter
from drugtext.classifier import DrugClassifier
from drugtext.encoder import embedding_dim_of
from drugtext.errors import CorpusError
from drugtext.training.data import LabelledInserts
from drugtext.training.learner import InsertReader, adapter_to_train
from drugtext.training.loop import optimise
from drugtext.training.plan import LoopPlan
from drugtext.training.proxies import ProxyLoss
from drugtext.training.state import Progress
from drugtext.training.views import InsertViews, WindowBatch

_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class FinetunePlan:
    """How an encoder is fine-tuned.

    Attributes:
        levels: of the tree that are learnt at once, counted from 1 at the root.
        loop: steps, learning rate, seed.
        n_inserts: of a micro-batch.
        batches_a_step: a multiple of the number of processes.
        windows_an_insert: read of each insert at a time.
        window_tokens: of these windows.
        lora: arguments of `peft.LoraConfig` that differ from those of `default_lora`.
    """

    levels: tuple[int, ...]
    loop: LoopPlan
    n_inserts: int = 64
    batches_a_step: int = 1
    windows_an_insert: int = 1
    window_tokens: int = 128
    lora: Mapping[str, Any] = field(default_factory=dict)


class InsertBatch(NamedTuple):
    """Some inserts, tokenized.

    Attributes:
        windows: of the inserts.
        targets: as `ProxyLoss.targets` gives them, shape (n_inserts, n_levels).
    """

    windows: WindowBatch
    targets: Tensor


class ProxyLearner(nn.Module):
    """A reader and the proxies of all categories: some inserts in, their loss out."""

    def __init__(self, reader: InsertReader, proxies: ProxyLoss) -> None:
        super().__init__()
        self.reader, self.proxies = reader, proxies

    def forward(self, batch: InsertBatch) -> Tensor:
        """Return the mean loss over the levels."""
        return self.proxies(self.reader(batch.windows), batch.targets)


def finetune(
    classifier: DrugClassifier,
    data: LabelledInserts,
    plan: FinetunePlan,
    folder: Path,
    *,
    held_out: LabelledInserts | None = None,
    told: Mapping[str, Any] | None = None,
    advance: Callable[[Progress], object] | None = None,
) -> tuple[Adapter, Progress]:
    """Train an adapter to tell categories apart by the cosine to a learnt vector of each.

    The vectors are thrown away: afterwards a classifier's `fit` learns prototypes with the new
    adapter, to which categories can be added.

    Args:
        classifier: gives the encoder, what is read of an insert, and the adapter to train on, if it
            has one; it stays as it is. Training reads shorter windows.
        data: inserts with categories.
        plan: how.
        folder: of states, trackers and run.json; a stopped training goes on from there.
        held_out: inserts of the same categories, on which accuracy is watched.
        told: what makes it this training and no other, for run.json; see `optimise`.
        advance: called after each step, for a progress bar.

    Raises:
        CorpusError: no level has two categories.
    """
    torch.manual_seed(plan.loop.seed)  # of the first weights
    adapted = adapter_to_train(classifier, plan.lora)
    proxies = ProxyLoss(data, plan.levels, embedding_dim_of(classifier.model.encoder))
    if not proxies.levels:
        raise CorpusError(
            f"no level of {list(plan.levels)} has two categories; give other levels, or inserts of"
            " more categories."
        )

    def views_of(inserts: LabelledInserts) -> InsertViews:
        return InsertViews(inserts.forms, classifier, window_tokens=plan.window_tokens)

    views = views_of(data)

    def batches(step: int) -> list[InsertBatch]:
        n_rows = plan.n_inserts * plan.batches_a_step
        rows = rows_of_step(len(data), n_rows, step, plan.loop.seed)
        rng = np.random.default_rng([plan.loop.seed, step])
        return [
            InsertBatch(
                views.draw(part, rng, windows_an_insert=plan.windows_an_insert),
                proxies.targets(part),
            )
            for part in (rows[n : n + plan.n_inserts] for n in range(0, n_rows, plan.n_inserts))
        ]

    progress = optimise(
        ProxyLearner(InsertReader(adapted), proxies),
        batches,
        plan.loop,
        folder,
        evaluate=_Accuracy(held_out, views_of(held_out)) if held_out else None,
        told=dict(told or {}) | {"finetune_plan": asdict(plan)},
        advance=advance,
    )
    return Adapter.of(adapted), progress


def rows_of_step(n_rows: int, n_drawn: int, step: int, seed: int) -> list[int]:
    """Return the rows of a step: all rows are shuffled, and each comes once before one recurs."""
    numbers = np.arange(step * n_drawn, (step + 1) * n_drawn)
    order = {
        epoch: np.random.default_rng([seed, int(epoch)]).permutation(n_rows)
        for epoch in np.unique(numbers // n_rows)
    }
    return [int(order[number // n_rows][number % n_rows]) for number in numbers]


class _Accuracy:
    """The accuracy on held-out inserts, of each at the deepest level that it and proxies have."""

    def __init__(self, data: LabelledInserts, views: InsertViews) -> None:
        self._data, self._views = data, views

    def __call__(self, learner: ProxyLearner) -> float:
        asked: dict[int, list[int]] = {}
        for row, path in enumerate(self._data.paths):
            if reached := [level for level in learner.proxies.levels if level <= len(path)]:
                asked.setdefault(reached[-1], []).append(row)
        right = sum(self._right(learner, level, rows) for level, rows in asked.items())
        return right / max(1, sum(map(len, asked.values())))

    def _right(self, learner: ProxyLearner, level: int, asked: list[int]) -> int:
        truth, right = self._data.at_level(level), 0
        for start in range(0, len(asked), _ROWS_AT_ONCE):
            rows = asked[start : start + _ROWS_AT_ONCE]
            windows = self._views.first(rows, len(self._data.forms) - 1)
            embeddings = learner.reader(send_to_device(windows, learner.proxies.log_scale.device))
            found = learner.proxies.best(embeddings, level)
            right += sum(truth[row] == category for row, category in zip(rows, found, strict=True))
        return right
