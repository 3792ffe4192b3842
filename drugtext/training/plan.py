"""How a module is trained: steps, learning rate, precision, seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from drugtext.backends import has_bfloat16
from drugtext.errors import TrainingError


@dataclass(frozen=True)
class LoopPlan:
    """How a module is trained.

    Attributes:
        n_steps: optimizer steps.
        learning_rate: the highest: it rises evenly to it, then falls towards 0 as half a cosine.
        warmup_steps: before the highest learning rate.
        weight_decay: AdamW's.
        max_grad_norm: gradients longer than this are shortened to it.
        evaluate_every: steps between two looks at the held-out data; the last step has one, too.
        patience: looks in a row without a better score that end it early; None for never.
        save_every: steps between two states on disk; a better score and the end have one, too.
        mixed_precision: of the forward pass: "bf16", "no", or "auto": bf16 where that is faster.
        seed: of all random numbers.
    """

    n_steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 10
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    evaluate_every: int = 20
    patience: int | None = None
    save_every: int = 10
    mixed_precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        steps = [self.n_steps, self.evaluate_every, self.save_every]
        steps += [] if self.patience is None else [self.patience]
        needed = {
            "n_steps, evaluate_every, save_every and patience of 1 or more": min(steps) >= 1,
            "a learning_rate above 0": 0 < self.learning_rate < math.inf,
            "a max_grad_norm above 0": 0 < self.max_grad_norm < math.inf,
            "warmup_steps, weight_decay and seed of 0 or more": (
                min(self.warmup_steps, self.weight_decay, self.seed) >= 0
            ),
            'a mixed_precision of "auto", "bf16" or "no"': (
                self.mixed_precision in ("auto", "bf16", "no")
            ),
        }
        if missing := [what for what, is_met in needed.items() if not is_met]:
            raise TrainingError(f"found {self}; needed: {'; '.join(missing)}.")

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / (self.warmup_steps + 1)
        done = (step - self.warmup_steps) / max(1, self.n_steps - self.warmup_steps)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def precision_on(self, device: torch.device) -> str:
        """Return "bf16" or "no": "auto" is bf16 where the device itself multiplies in it."""
        if self.mixed_precision != "auto":
            return self.mixed_precision
        if device.type == "cuda":
            is_fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            is_fast = device.type == "cpu" and has_bfloat16()
        return "bf16" if is_fast else "no"
