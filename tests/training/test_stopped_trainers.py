"""The trainers themselves, stopped and killed: they end with the weights of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
import trainer_script
from trainer_script import LOOP, TRAINERS, Outcome

from drugtext.training.state import Progress

SCRIPT = Path(trainer_script.__file__)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def whole(tiny_classifier, tmp_path_factory):
    """Name of a trainer -> what comes out when nothing stops it."""
    return cache(lambda name: TRAINERS[name](tiny_classifier, tmp_path_factory.mktemp(name), None))


class StoppedError(Exception):
    """What stops a training that no one kills."""


def stop_after(last_step: int):
    def advance(progress: Progress) -> None:
        if progress.step == last_step:
            raise StoppedError

    return advance


def states(folder: Path) -> list[int]:
    return sorted(int(state.name.removeprefix("step-")) for state in folder.glob("step-*"))


def assert_same(found: Outcome, expected: Outcome) -> None:
    (weights, progress), (whole_weights, whole_progress) = found, expected
    assert weights.keys() == whole_weights.keys()
    unlike = [n for n, tensor in weights.items() if not torch.equal(tensor, whole_weights[n])]
    assert not unlike
    assert progress.losses == whole_progress.losses and len(progress.losses) == LOOP.n_steps
    assert progress.scores == whole_progress.scores


@pytest.mark.parametrize("last_step", [2, 3])
@pytest.mark.parametrize("name", TRAINERS)
def test_a_training_that_was_stopped_ends_the_same(
    name, last_step, whole, tiny_classifier, tmp_path
):
    with pytest.raises(StoppedError):
        TRAINERS[name](tiny_classifier, tmp_path, stop_after(last_step))
    assert states(tmp_path)[-1] in (last_step, last_step - 1)
    torch.manual_seed(99)
    steps: list[int] = []
    found = TRAINERS[name](tiny_classifier, tmp_path, lambda progress: steps.append(progress.step))
    assert 0 < len(steps) < LOOP.n_steps, "it went on, and did not begin anew"
    assert_same(found, whole(name))


@pytest.mark.parametrize("name", TRAINERS)
def test_training_moves_the_weights(name, whole):
    """Else weights that are left alone would pass for weights that were brought back."""
    weights, progress = whole(name)
    assert all(tensor.any() for key, tensor in weights.items() if "lora_B" in key)
    assert len(set(progress.losses)) == LOOP.n_steps


def test_a_meta_training_that_was_killed_ends_the_same(
    whole, tiny_classifier, tiny_encoder_folder, tmp_path
):
    done = subprocess.run(
        [sys.executable, SCRIPT, "meta_train", tiny_encoder_folder, tmp_path, "3"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert states(tmp_path)[-1] < LOOP.n_steps
    assert_same(TRAINERS["meta_train"](tiny_classifier, tmp_path, None), whole("meta_train"))
