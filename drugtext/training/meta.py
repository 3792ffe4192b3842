"""Meta-training: an encoder's adapter and a head learn, in episodes, to learn categories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from drugtext.adapters import Adapter
from drugtext.classifier import DrugClassifier
from drugtext.encoder import embedding_dim_of
from drugtext.episode_heads import HEADS, EpisodeHead
from drugtext.training.data import LabelledInserts
from drugtext.training.episode_sampler import EpisodePlan, EpisodeSampler
from drugtext.training.few_shot import FewShotScore
from drugtext.training.learner import EpisodeLearner, InsertReader, adapter_to_train
from drugtext.training.loop import optimise
from drugtext.training.plan import LoopPlan
from drugtext.training.proxies import ProxyLoss
from drugtext.training.state import Progress
from drugtext.training.views import InsertViews


@dataclass(frozen=True)
class MetaPlan:
    """How an encoder is meta-trained.

    Attributes:
        episodes: what they are like.
        loop: steps, learning rate, seed.
        head: a key of `HEADS`.
        proxy_weight: of the loss over all categories at once, beside the episodes'; 0 for none.
        episodes_a_step: a multiple of the number of processes.
        window_tokens: of the windows that are trained on.
        lora: arguments of `peft.LoraConfig` that differ from those of `default_lora`.
    """

    episodes: EpisodePlan
    loop: LoopPlan
    head: str = "cosine"
    proxy_weight: float = 0.5
    episodes_a_step: int = 1
    window_tokens: int = 128
    lora: Mapping[str, Any] = field(default_factory=dict)

    def lasting(self, n_steps: int) -> MetaPlan:
        """Return this plan with another number of steps."""
        return replace(self, loop=replace(self.loop, n_steps=n_steps))


ATC_PLAN = MetaPlan(
    EpisodePlan({2: 0.5, 3: 1.0, 4: 1.0}, most_shots=3, hard_share=0.3),
    LoopPlan(n_steps=100, learning_rate=3e-4, warmup_steps=5),
    proxy_weight=0.2,
)
"""Of the ATC tree, chosen on categories held out of the training split: with a learning rate of
1e-3 and heavier proxies few-shot accuracy falls again after 30 steps."""


def plan_for(data: LabelledInserts, plan: MetaPlan = ATC_PLAN) -> MetaPlan:
    """Return a plan with those of its levels that a taxonomy has; its roots where it has none.

    Args:
        data: to be trained on.
        plan: whose levels may be deeper than the taxonomy.
    """
    depth = max(map(len, data.paths))
    levels = {n: share for n, share in plan.episodes.levels.items() if n <= depth} or {1: 1.0}
    return replace(plan, episodes=replace(plan.episodes, levels=levels))


@dataclass(frozen=True)
class MetaTrained:
    """What came out.

    Attributes:
        adapter: for the encoder that was given.
        head: as it was trained along.
        progress: losses and scores.
    """

    adapter: Adapter
    head: EpisodeHead
    progress: Progress


def meta_train(
    classifier: DrugClassifier,
    data: LabelledInserts,
    plan: MetaPlan,
    folder: Path,
    *,
    held_out: LabelledInserts | None = None,
    asked_levels: Sequence[int] | None = None,
    told: Mapping[str, Any] | None = None,
    advance: Callable[[Progress], object] | None = None,
) -> MetaTrained:
    """Train an adapter and a head in episodes.

    Args:
        classifier: gives the encoder, what is read of an insert, and the adapter to train on, if it
            has one; it stays as it is. Training reads shorter windows.
        data: inserts of known categories, several printed forms of each.
        plan: how.
        folder: of states, trackers and run.json; a stopped training goes on from there.
        held_out: inserts of other categories, on which few-shot accuracy is watched: the best
            weights are kept.
        asked_levels: of those categories; the plan's if left out. Above the level at which
            categories were held out, those of `data` may recur.
        told: what makes it this training and no other, for run.json; see `optimise`.
        advance: called after each step, for a progress bar.
    """
    torch.manual_seed(plan.loop.seed)  # of the first weights
    adapted = adapter_to_train(classifier, plan.lora)
    dim, levels = embedding_dim_of(classifier.model.encoder), list(plan.episodes.levels)

    def views(inserts: LabelledInserts) -> InsertViews:
        return InsertViews(inserts.forms, classifier, window_tokens=plan.window_tokens)

    learner = EpisodeLearner(
        InsertReader(adapted),
        HEADS[plan.head](dim),
        ProxyLoss(data, levels, dim) if plan.proxy_weight else None,
        plan.proxy_weight,
    )
    sampler = EpisodeSampler(data, plan.episodes, views(data), plan.loop.seed)
    progress = optimise(
        learner,
        lambda step: [sampler.draw(step, n) for n in range(plan.episodes_a_step)],
        plan.loop,
        folder,
        evaluate=(
            FewShotScore(held_out, views(held_out), asked_levels or levels) if held_out else None
        ),
        told=dict(told or {}) | {"meta_plan": asdict(plan)},
        advance=advance,
    )
    return MetaTrained(Adapter.of(adapted), learner.head, progress)
