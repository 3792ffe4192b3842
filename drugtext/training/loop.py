"""The one optimisation loop: batches and a module that gives their loss, in one process or many.

What a step does depends on the seed and its number alone: batches are asked for by number, and
random numbers are seeded anew for each micro-batch. So a run that was killed ends with the weights
of one that was not, and two processes do what one does.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device, set_seed
from torch import Tensor, nn

from drugtext.errors import TrainingError
from drugtext.training.plan import LoopPlan
from drugtext.training.processes import join_processes, on_main
from drugtext.training.run_file import describe_run, write_run
from drugtext.training.state import (
    Progress,
    put_moments,
    put_weights,
    read_state,
    read_weights,
    save_state,
    trained,
)

Batches = Callable[[int], Sequence[Any]]
Evaluate = Callable[[Any], float]

_BATCHES, _EVALUATION, _FIRST_MICRO_BATCH = 0, 1, 2  # what random numbers of a step are for


def optimise(
    module: nn.Module,
    batches: Batches,
    plan: LoopPlan,
    folder: Path,
    *,
    evaluate: Evaluate | None = None,
    told: Mapping[str, Any] | None = None,
    advance: Callable[[Progress], object] | None = None,
) -> Progress:
    """Train the parameters of a module that require a gradient.

    The module is left with the weights of the best step (without `evaluate`, of the last), in eval
    mode. Python's, numpy's and torch's global random numbers are seeded anew all the time.

    Args:
        module: called with a micro-batch, gives its loss, the mean over what is in it.
        batches: number of a step, from 0 -> its micro-batches, all of one size. They are shared
            out among the processes, whose number must divide theirs, and their losses averaged.
            Each process asks for all and takes its own: a sequence may make them when asked.
        plan: how.
        folder: gets the states, run.json and the trackers' files, by the main process alone. A run
            that was stopped, at whatever moment, goes on from the last state in it.
        evaluate: gives the module's score on held-out data, the higher the better; called on the
            main process alone, in eval mode, without gradients.
        told: what else makes it this training and no other, as JSON can have it: data, encoder.
            It is written into run.json; a run is gone on with under the same alone.
        advance: called after each step on the main process, for a progress bar.

    Returns:
        What was done.

    Raises:
        TrainingError: nothing can be trained, a loss or a score is not finite, the micro-batches
            cannot be shared out evenly, the folder holds another training or a damaged state.
    """
    if plan.patience is not None and evaluate is None:
        raise TrainingError("found patience without evaluate; give evaluate, or patience=None.")
    training = _Training(module, plan, folder, dict(told or {}))
    progress = training.progress
    try:
        while progress.step < plan.n_steps and not progress.is_stopped:
            training.make_step(batches)
            is_last = progress.step == plan.n_steps
            if evaluate and (is_last or progress.step % plan.evaluate_every == 0):
                training.look(evaluate)
            is_over = is_last or progress.is_stopped or progress.best_step == progress.step
            if is_over or progress.step % plan.save_every == 0:
                training.save()
            if advance and training.accelerator.is_main_process:
                advance(progress)
        training.put_best()
    finally:
        training.close()
    return progress


class _Training:
    """A module, its optimizer and where it stands, in this process."""

    def __init__(
        self, module: nn.Module, plan: LoopPlan, folder: Path, told: dict[str, Any]
    ) -> None:
        self.module, self.plan, self.folder = module, plan, folder
        if not trained(module):
            raise TrainingError(
                "the module has no parameter that requires a gradient; at least one is needed."
                " Call requires_grad_(True) on what is to be trained."
            )
        self.accelerator = join_processes(folder)
        device = self.accelerator.device
        self.precision = on_main(self.accelerator, lambda: plan.precision_on(device))
        optimizer = torch.optim.AdamW(
            trained(module).values(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self.progress = Progress(
            asdict(plan) | {"mixed_precision": self.precision},
            json.loads(json.dumps(told, default=str)),
        )
        if state := on_main(self.accelerator, lambda: read_state(folder, self.progress)):
            put_weights(module, state.weights)
            put_moments(optimizer, module, state.moments)
            self.progress = state.progress
        self.wrapped, self.optimizer = self.accelerator.prepare(module, optimizer)
        self.optimizer.zero_grad()
        self.run = describe_run(self.accelerator, module, self.precision)
        self.accelerator.init_trackers("trackers")
        if self.accelerator.is_main_process and not self.progress.step:
            write_run(folder, self.run, self.progress)

    def make_step(self, batches: Batches) -> None:
        """Make one optimizer step, over all micro-batches of its number."""
        begun, step = time.perf_counter(), self.progress.step
        rate = self.plan.learning_rate_at(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.module.train()
        loss = float(self.accelerator.reduce(self._gradients(batches, step), "mean"))
        norm = float(
            self.accelerator.clip_grad_norm_(self.module.parameters(), self.plan.max_grad_norm)
        )
        if not (math.isfinite(loss) and math.isfinite(norm)):  # in all processes alike
            raise TrainingError(
                f"step {step} (from 0) has loss {loss} and a gradient of length {norm}; finite ones"
                f" are needed. Lower the learning rate (it was {rate:.2g}), or look at the data of"
                " that step."
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.step += 1
        self.progress.losses.append(loss)
        self.progress.seconds += time.perf_counter() - begun
        measured = {"loss": loss, "learning_rate": rate, "gradient_norm": norm}
        self.accelerator.log(measured, step=self.progress.step)

    def _gradients(self, batches: Batches, step: int) -> Tensor:
        """Add up the gradients of this process's micro-batches, and return their mean loss."""
        n_processes = self.accelerator.num_processes
        self._seed(step, _BATCHES)
        micro_batches = batches(step)
        if not len(micro_batches) or len(micro_batches) % n_processes:
            raise TrainingError(
                f"step {step} (from 0) has {len(micro_batches)} micro-batches for {n_processes}"
                f" processes; a multiple of {n_processes} is needed. Give more micro-batches, or"
                " start fewer processes."
            )
        own = range(self.accelerator.process_index, len(micro_batches), n_processes)
        total = torch.zeros((), device=self.accelerator.device)
        for number in own[:-1]:
            with self.accelerator.no_sync(self.wrapped):
                total += self._loss(micro_batches[number], step, number, len(own))
        return total + self._loss(micro_batches[own[-1]], step, own[-1], len(own))

    def _loss(self, batch: Any, step: int, number: int, n_own: int) -> Tensor:
        self._seed(step, _FIRST_MICRO_BATCH + number)
        device = self.accelerator.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.wrapped(send_to_device(batch, device)).float() / n_own
        loss.backward()  # not accelerate's, which divides once more if its environment says so
        return loss.detach()

    def _seed(self, step: int, purpose: int) -> None:
        mixed = np.random.SeedSequence([self.plan.seed, step, purpose])
        set_seed(int(mixed.generate_state(1)[0]))

    def look(self, evaluate: Evaluate) -> None:
        """Score the module on the held-out data, and see whether to go on."""
        step = self.progress.step
        self._seed(step, _EVALUATION)
        self.module.eval()
        with torch.no_grad():
            score = on_main(self.accelerator, lambda: float(evaluate(self.module)))
        if not math.isfinite(score):
            raise TrainingError(f"the score after {step} steps is {score}; a finite one is needed.")
        self.progress.scores[step] = score
        patience = self.plan.patience
        self.progress.is_stopped = (
            patience is not None and self.progress.looks_since_best >= patience
        )
        self.accelerator.log({"score": score}, step=step)

    def save(self) -> None:
        """Write a state and run.json."""
        if self.accelerator.is_main_process:
            save_state(self.folder, self.module, self.optimizer, self.progress)
            write_run(self.folder, self.run, self.progress)

    def put_best(self) -> None:
        """Give the module the weights of the best step; the last state on disk has the last."""
        best = self.progress.best_step or self.progress.step
        if best != self.progress.step:
            kept = on_main(self.accelerator, lambda: read_weights(self.folder, best))
            put_weights(self.module, kept)
        self.module.eval()
        self.accelerator.wait_for_everyone()  # the main process may still be writing

    def close(self) -> None:
        """End the trackers, and let go of all that would keep the process group alive."""
        for tracker in self.accelerator.trackers:
            tracker.finish()
        del self.wrapped, self.optimizer
        self.accelerator.free_memory()
