"""A tiny training that the tests of the loop run in their own process, and start in others.

As a script: FOLDER [SECONDS]: trains in FOLDER, a step taking so many seconds longer; under
torchrun it goes on with what several processes can do wrong, and writes each process's findings
into FOLDER/process-RANK.json.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from drugtext.errors import TrainingError
from drugtext.training.loop import LoopPlan, optimise

PLAN = LoopPlan(n_steps=12, warmup_steps=3, evaluate_every=4, save_every=3, mixed_precision="no")
N_MICRO_BATCHES = 4


class Tiny(nn.Module):
    """Frozen and trained layers, and dropout, as real modules have them."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.frozen, self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 8), nn.Linear(8, 3)
        for p in self.parameters():
            p.data = torch.randn(p.shape, generator=generator) / 2
        self.frozen.requires_grad_(False)
        self.dropout = nn.Dropout(0.3)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        hidden = self.dropout(torch.tanh(self.first(self.frozen(batch["x"]))))
        return nn.functional.cross_entropy(self.last(hidden), batch["y"])


class Patchy(Tiny):
    """A second head, which not every micro-batch has to do with."""

    def __init__(self) -> None:
        super().__init__()
        self.rare = nn.Linear(6, 3)
        nn.init.constant_(self.rare.weight, 0.1)
        nn.init.zeros_(self.rare.bias)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        loss = super().forward(batch)
        if batch["x"][0, 0] > 0.3:
            loss = loss + nn.functional.cross_entropy(self.rare(batch["x"]), batch["y"])
        return loss


def batches(step: int) -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1000 + step)
    x = torch.randn(N_MICRO_BATCHES, 5, 6, generator=generator)
    y = (x.sum(-1) > 0).long() + (x[..., 0] > 1).long()
    return [{"x": x[n], "y": y[n]} for n in range(N_MICRO_BATCHES)]


def spoilt(step: int) -> list[dict[str, Tensor]]:
    """What the second process gets at step 2 gives no finite loss."""
    given = batches(step)
    if step == 2:
        given[1]["x"] = given[1]["x"] * torch.nan
    return given


def evaluate(module: nn.Module) -> float:
    with torch.no_grad():
        return -float(torch.stack([module(batch) for batch in batches(10_000)]).mean())


def unreadable(_module: nn.Module) -> float:
    raise OSError("the held-out data cannot be read")


def weights(module: nn.Module) -> list[float]:
    return torch.cat([p.detach().flatten() for p in module.parameters()]).tolist()


def told_by(what, *arguments, **options) -> str:
    """Return the text of the error of a training."""
    try:
        optimise(what, *arguments, **options)
    except (TrainingError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def train_in_several(folder: Path) -> None:
    module, patchy = Tiny(), Patchy()
    progress = optimise(module, batches, PLAN, folder / "plain", evaluate=evaluate)
    rare = optimise(patchy, batches, PLAN, folder / "patchy")
    accelerator = Accelerator()
    findings = {
        "losses": progress.losses,
        "scores": list(progress.scores.values()),
        "weights": weights(module),
        "rare_losses": rare.losses,
        "rare_weights": weights(patchy),
        "spoilt": told_by(Tiny(), spoilt, PLAN, folder / "spoilt"),
        "uneven": told_by(Tiny(), lambda step: batches(step)[:3], PLAN, folder / "uneven"),
        "unreadable": told_by(Tiny(), batches, PLAN, folder / "unread", evaluate=unreadable),
        "num_processes": accelerator.num_processes,
    }
    file = folder / f"process-{accelerator.process_index}.json"
    file.write_text(json.dumps(findings))


def main(folder: Path, seconds: float) -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        train_in_several(folder)
        return

    def slow(step: int) -> list[dict[str, Tensor]]:
        time.sleep(seconds)
        return batches(step)

    module = Tiny()
    optimise(module, slow, PLAN, folder, evaluate=evaluate)
    (folder / "weights.json").write_text(json.dumps(weights(module)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
