"""Domain adaptation without categories: two windows that belong together are told from others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from drugtext.adapters import Adapter, default_lora, with_new_adapter
from drugtext.classifier import DrugClassifier
from drugtext.errors import CorpusError
from drugtext.inserts.insert import DrugInsert
from drugtext.training.learner import InsertReader
from drugtext.training.loop import optimise
from drugtext.training.plan import LoopPlan
from drugtext.training.state import Progress
from drugtext.training.views import InsertViews, WindowBatch

_SCALE = 20.0  # of cosines: a temperature of 0.05


@dataclass(frozen=True)
class ContrastPlan:
    """How an encoder meets its domain.

    Attributes:
        loop: steps, learning rate, seed.
        n_pairs: of a micro-batch, each of another ingredient.
        batches_a_step: a multiple of the number of processes.
        same_insert_share: of pairs that are two windows of one insert; the others are of two
            inserts of one ingredient, where there are two.
        window_tokens: of the windows.
        lora: arguments of `peft.LoraConfig` that differ from those of `default_lora`.
    """

    loop: LoopPlan
    n_pairs: int = 48
    batches_a_step: int = 1
    same_insert_share: float = 0.5
    window_tokens: int = 128
    lora: Mapping[str, Any] = field(default_factory=dict)


class PairBatch(NamedTuple):
    """Pairs of windows: row n of the one belongs to row n of the other, and to no other row."""

    ones: WindowBatch
    others: WindowBatch


class PairLearner(nn.Module):
    """A reader: pairs in, the loss of finding each window's partner among all out.

    Source:
        van den Oord et al. 2018, arXiv:1807.03748, equation 4; in both directions: Radford et al.
        2021, arXiv:2103.00020, figure 3.
    """

    def __init__(self, reader: InsertReader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, batch: PairBatch) -> Tensor:
        """Return the mean loss of the pairs."""
        cosines = self.reader(batch.ones) @ self.reader(batch.others).T
        partners = torch.arange(len(cosines), device=cosines.device)
        loss = nn.functional.cross_entropy
        return (loss(_SCALE * cosines, partners) + loss(_SCALE * cosines.T, partners)) / 2


def adapt_encoder(
    classifier: DrugClassifier,
    inserts: Sequence[DrugInsert],
    ingredients: Sequence[frozenset[str]],
    plan: ContrastPlan,
    folder: Path,
    *,
    told: Mapping[str, Any] | None = None,
    advance: Callable[[Progress], object] | None = None,
) -> tuple[Adapter, Progress]:
    """Train an adapter on inserts without categories.

    Args:
        classifier: gives the raw encoder and which sections are read; it stays as it is.
        inserts: any; with their names masked, or the names alone would tell what belongs together.
        ingredients: of each.
        plan: how.
        folder: of states, trackers and run.json; a stopped training goes on from there.
        told: what makes it this training and no other, for run.json; see `optimise`.
        advance: called after each step, for a progress bar.

    Raises:
        CorpusError: there are fewer ingredients than pairs in a batch.
    """
    torch.manual_seed(plan.loop.seed)  # of the first weights
    adapted = with_new_adapter(classifier.raw_encoder, default_lora(**plan.lora))
    batches = pair_batches(classifier, inserts, ingredients, plan)
    progress = optimise(
        PairLearner(InsertReader(adapted)),
        batches,
        plan.loop,
        folder,
        told=dict(told or {}) | {"contrast_plan": asdict(plan)},
        advance=advance,
    )
    return Adapter.of(adapted), progress


def pair_batches(
    classifier: DrugClassifier,
    inserts: Sequence[DrugInsert],
    ingredients: Sequence[frozenset[str]],
    plan: ContrastPlan,
) -> Callable[[int], list[PairBatch]]:
    """Cut inserts into windows, and return what gives the pairs of a step, by its number.

    Args:
        classifier: gives the tokenizer and which sections are read.
        inserts: as for `adapt_encoder`.
        ingredients: of each.
        plan: how.

    Raises:
        CorpusError: there are fewer ingredients than pairs in a batch.
    """
    members: dict[frozenset[str], list[int]] = defaultdict(list)
    for row, names in enumerate(ingredients):
        members[names].append(row)
    groups = [members[names] for names in sorted(members, key=sorted)]
    if len(groups) < plan.n_pairs:
        raise CorpusError(
            f"found {len(groups)} ingredients; {plan.n_pairs} (n_pairs) are needed. Give more"
            " inserts, or lower n_pairs."
        )
    views = InsertViews([inserts], classifier, window_tokens=plan.window_tokens)

    def draw(step: int, number: int) -> PairBatch:
        rng = np.random.default_rng([plan.loop.seed, step, number])
        pairs = []
        for n in rng.choice(len(groups), plan.n_pairs, replace=False):
            rows = groups[n]
            is_one = len(rows) == 1 or rng.random() < plan.same_insert_share
            pairs.append(rng.choice(rows, 1).repeat(2) if is_one else rng.choice(rows, 2, False))
        return PairBatch(*views.draw_pairs([(int(a), int(b)) for a, b in pairs], rng))

    return lambda step: [draw(step, n) for n in range(plan.batches_a_step)]
