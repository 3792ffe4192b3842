"""Where a training stands, on disk: what a killed run goes on from. Tensors and JSON, no pickle.

A state is a folder `step-00000120`: the weights, the optimizer's moments, and what was measured so
far. The weights of the best step are those of its state, which is kept.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from drugtext.errors import TrainingError

_KEPT = 2  # of the last states: one that is found to be damaged leaves another to go back to
_WEIGHTS, _MOMENTS, _PROGRESS = "weights.safetensors", "optimizer.safetensors", "progress.json"
_UNFINISHED = "unfinished"
_ANEW = "Give another folder, or delete this one to begin anew."


@dataclass
class Progress:
    """What a training has done so far.

    Attributes:
        plan: what it was asked to do, as JSON has it.
        told: what else makes it this training and no other: its data, its encoder.
        step: optimizer steps done.
        losses: of each step.
        scores: step -> score on the held-out data, the higher the better.
        seconds: spent on steps, those of stopped runs included.
        is_stopped: ended early, as nothing got better.
    """

    plan: dict[str, Any]
    told: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    losses: list[float] = field(default_factory=list)
    scores: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    is_stopped: bool = False

    @property
    def best_step(self) -> int | None:
        """The step of the highest score, the first of several; None before the first score."""
        return self.best_until(self.step)

    def best_until(self, step: int) -> int | None:
        """Return what `best_step` was when this step had been done."""
        until = {n: score for n, score in self.scores.items() if n <= step}
        return max(until, key=lambda n: (until[n], -n), default=None)

    @property
    def looks_since_best(self) -> int:
        """How often the held-out data was looked at after the best step."""
        return sum(step > (self.best_step or 0) for step in self.scores)


@dataclass(frozen=True)
class State:
    """What was read back of a training.

    Attributes:
        progress: what it has done.
        weights: name -> tensor, as `changing` names them.
        moments: "field/name of the parameter" -> tensor, of the optimizer.
    """

    progress: Progress
    weights: dict[str, Tensor]
    moments: dict[str, Tensor]


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that require a gradient, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def changing(module: nn.Module) -> dict[str, Tensor]:
    """Return what a training may change, by name: trained parameters and persistent buffers."""
    persistent = module.state_dict().keys()
    buffers = {name: b for name, b in module.named_buffers() if name in persistent}
    return {name: tensor.detach() for name, tensor in {**trained(module), **buffers}.items()}


def put_weights(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy weights into a module that trains the same parameters.

    Raises:
        TrainingError: these are other weights than the module trains.
    """
    own = {name: (tuple(t.shape), t.dtype) for name, t in changing(module).items()}
    found = {name: (tuple(t.shape), t.dtype) for name, t in weights.items()}
    if own != found:
        unlike = sorted(n for n in {**own, **found} if own.get(n) != found.get(n))
        raise TrainingError(
            f"the state on disk holds other weights than are trained now ({len(unlike)} differ in"
            f" name, shape or type, such as {unlike[0]!r}). {_ANEW}"
        )
    for name, tensor in changing(module).items():
        tensor.copy_(weights[name])


def put_moments(
    optimizer: torch.optim.Optimizer, module: nn.Module, moments: Mapping[str, Tensor]
) -> None:
    """Give an optimizer over the module's trained parameters the moments of a state."""
    numbers = {name: n for n, name in enumerate(trained(module))}
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in moments.items():
        of, _, name = key.partition("/")
        state.setdefault(numbers[name], {})[of] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def save_state(
    folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write a state; one whose writing was cut off is never taken for a whole one.

    Args:
        folder: of all states; those that are no longer needed are removed.
        module: whose `changing` tensors are kept.
        optimizer: over the module's trained parameters, in their order.
        progress: at this step.
    """
    unfinished = folder / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    names = list(trained(module))
    moments = {
        f"{of}/{names[n]}": tensor
        for n, fields in optimizer.state_dict()["state"].items()
        for of, tensor in fields.items()
    }
    _write(changing(module), unfinished / _WEIGHTS)
    _write(moments, unfinished / _MOMENTS)
    text = json.dumps(asdict(progress), allow_nan=False)
    (unfinished / _PROGRESS).write_text(text, encoding="utf-8")
    unfinished.rename(_state(folder, progress.step))
    last = [int(state.name.partition("-")[2]) for state in _states(folder)[-_KEPT:]]
    needed = {_state(folder, step or 0) for n in last for step in (n, progress.best_until(n))}
    for old in _states(folder):
        if old not in needed:
            old.rename(unfinished)  # a state that is being removed is no longer a state
            shutil.rmtree(unfinished)


def read_state(folder: Path, fresh: Progress) -> State | None:
    """Read the last state of a training; None where there is none yet.

    Args:
        folder: that `save_state` wrote into.
        fresh: this training before its first step.

    Raises:
        TrainingError: the state is damaged, or belongs to another training.
    """
    states = _states(folder)
    if not states:
        return None
    file = states[-1] / _PROGRESS
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        fields["scores"] = {int(step): score for step, score in fields["scores"].items()}
        progress = Progress(**fields)
        if _state(folder, progress.step) != states[-1] or len(progress.losses) != progress.step:
            raise ValueError(f"{len(progress.losses)} losses, {progress.step} steps")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(file, error) from error
    _check_same(folder, progress, fresh)
    return State(progress, read_weights(folder, progress.step), _read(states[-1] / _MOMENTS))


def read_weights(folder: Path, step: int) -> dict[str, Tensor]:
    """Read the weights of a step whose state was kept.

    Raises:
        TrainingError: they are missing or damaged.
    """
    return _read(_state(folder, step) / _WEIGHTS)


def _check_same(folder: Path, found: Progress, fresh: Progress) -> None:
    unlike = [*_unlike(found.plan, fresh.plan), *_unlike(found.told, fresh.told)]
    if unlike:
        raise TrainingError(
            f"{folder}: holds another training, at step {found.step}: {'; '.join(unlike)}. {_ANEW}"
        )


def _unlike(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in {**then, **now}:
        was, is_now = then.get(name), now.get(name)
        if isinstance(was, Mapping) and isinstance(is_now, Mapping):
            yield from _unlike(was, is_now)
        elif was != is_now:
            yield f"{name} was {was!r} and is {is_now!r}"


def _state(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08}"


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-" + 8 * "[0-9]"))


def _write(tensors: Mapping[str, Tensor], file: Path) -> None:
    save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, file)


def _read(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> TrainingError:
    return TrainingError(
        f"{file}: missing or damaged ({error}). Delete {file.parent} and the states of later steps"
        " to go back to the one before."
    )
