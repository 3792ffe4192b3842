"""The loop: killed or not, in one process or two, it does the same; and what it refuses."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path

import loop_script
import pytest
import torch
from loop_script import PLAN, Patchy, Tiny, batches, evaluate, weights
from rich.console import Console
from torch import nn

from drugtext.errors import TrainingError
from drugtext.fingerprint import code_sha256
from drugtext.training import run_file
from drugtext.training.bar import training_bar
from drugtext.training.loop import LoopPlan, optimise
from drugtext.training.state import Progress, read_state

SCRIPT = Path(loop_script.__file__)
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


pytestmark = pytest.mark.usefixtures("one_thread")


class Slope(nn.Module):
    """A loss whose gradient is always the micro-batch."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(values))

    def forward(self, batch):
        return (self.weight * batch).sum()


class StoppedError(Exception):
    """What stops a run that no one kills."""


def stopping_at(stop: int):
    def give(step: int):
        if step == stop:
            raise StoppedError
        return batches(step)

    return give


def outcome(folder: Path, plan: LoopPlan = PLAN, give=batches, **options):
    """Train a new module, and return all that must be the same when it is done again."""
    module = Tiny()
    progress = optimise(module, give, plan, folder, evaluate=evaluate, **options)
    return weights(module), progress.losses, progress.scores


def start(folder: Path, seconds: float) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, str(seconds)], env=os.environ | ONE_THREAD
    )


def kill_after(state: str, folder: Path) -> None:
    """Start a slow run, and kill it once a state is on disk."""
    process = start(folder, 0.3)
    deadline = time.monotonic() + 60
    while not (folder / state).exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_run_killed_twice_ends_with_the_weights_of_one_that_was_not(tmp_path):
    kill_after("step-00000003", tmp_path / "killed")
    kill_after("step-00000008", tmp_path / "killed")
    assert not (tmp_path / "killed" / "step-00000012").exists()
    assert start(tmp_path / "killed", 0).wait() == 0
    expected, losses, scores = outcome(tmp_path / "whole")
    assert json.loads((tmp_path / "killed" / "weights.json").read_text()) == expected
    run = json.loads((tmp_path / "killed" / "run.json").read_text())
    assert run["losses"] == losses
    assert run["scores"] == {str(step): score for step, score in scores.items()}


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_a_run_stopped_at_any_step_ends_the_same(precision, tmp_path):
    plan = replace(PLAN, mixed_precision=precision, n_steps=7)
    expected = outcome(tmp_path / "whole", plan)
    for stop in range(plan.n_steps):
        with pytest.raises(StoppedError):
            outcome(tmp_path / str(stop), plan, stopping_at(stop))
        torch.manual_seed(99)
        assert outcome(tmp_path / str(stop), plan) == expected


def test_two_processes_do_what_one_does(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = ["torch.distributed.run", "--nproc_per_node=2", f"--master_port={port}"]
    # The plan alone says how gradients are added up, and in which precision.
    said = {"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "3", "ACCELERATE_MIXED_PRECISION": "bf16"}
    subprocess.run(
        [sys.executable, "-m", *launch, SCRIPT, tmp_path],
        env=os.environ | ONE_THREAD | said | {"ACCELERATE_USE_CPU": "true"},
        check=True,
        stderr=subprocess.DEVNULL,
    )
    first, second = (json.loads((tmp_path / f"process-{n}.json").read_text()) for n in (0, 1))
    assert first["num_processes"] == second["num_processes"] == 2
    run = json.loads((tmp_path / "plain" / "run.json").read_text())
    assert (run["num_processes"], run["precision"]) == (2, "no")
    for name in ("losses", "scores", "weights", "rare_losses", "rare_weights"):
        assert first[name] == second[name]

    module, patchy = Tiny(), Patchy()
    one = optimise(module, batches, PLAN, tmp_path / "one", evaluate=evaluate)
    rare = optimise(patchy, batches, PLAN, tmp_path / "rare")
    near = {"rel": 1e-5, "abs": 1e-6}
    assert first["losses"] == pytest.approx(one.losses, **near)
    assert first["scores"] == pytest.approx(list(one.scores.values()), **near)
    assert first["weights"] == pytest.approx(weights(module), **near)
    assert first["rare_losses"] == pytest.approx(rare.losses, **near)
    assert first["rare_weights"] == pytest.approx(weights(patchy), **near)

    assert first["spoilt"] == second["spoilt"]
    assert first["spoilt"].startswith("TrainingError: step 2 (from 0) has loss nan")
    assert first["uneven"] == second["uneven"]
    assert "step 0 (from 0) has 3 micro-batches for 2 processes; a multiple" in first["uneven"]
    assert first["unreadable"] == "OSError: the held-out data cannot be read"
    assert second["unreadable"].endswith(
        "as the main process did: the held-out data cannot be read"
    )


def test_processes_that_accelerate_does_not_join_are_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path],
        env=os.environ | ONE_THREAD | {"WORLD_SIZE": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 processes were started, but accelerate sees 1" in done.stderr
    assert "Set ACCELERATE_USE_CPU=true" in done.stderr
    assert not list(tmp_path.iterdir())


def test_micro_batches_add_up_to_one_batch(tmp_path):
    def whole(step: int):
        given = batches(step)
        return [{name: torch.cat([batch[name] for batch in given]) for name in ("x", "y")}]

    small, large = Tiny(), Tiny()
    small.dropout.p = large.dropout.p = 0.0
    parts = optimise(small, batches, PLAN, tmp_path / "parts")
    at_once = optimise(large, whole, PLAN, tmp_path / "whole")
    assert parts.losses == pytest.approx(at_once.losses, rel=1e-6)
    assert weights(small) == pytest.approx(weights(large), abs=1e-6)


def test_each_micro_batch_has_random_numbers_of_its_own(tmp_path):
    seen = []

    class Drawing(Slope):
        def forward(self, batch):
            seen.append(torch.rand(()).item())
            return super().forward(batch)

    plan = LoopPlan(n_steps=3)
    for seed in (0, 0, 2**40):
        given = lambda step: [torch.ones(1)] * 2  # noqa: ARG005, E731
        optimise(Drawing(1.0), given, replace(plan, seed=seed), tmp_path / str(len(seen)))
    assert len(set(seen[:6])) == 6
    assert seen[:6] == seen[6:12]
    assert not set(seen[:6]) & set(seen[12:])


def test_what_batches_draw_depends_on_their_step_alone(tmp_path):
    def drawn(folder: Path, seed: int, stop: int | None = None) -> list[float]:
        torch.manual_seed(seed)
        seen = []

        def give(step: int) -> list[torch.Tensor]:
            if step == stop:
                raise StoppedError
            seen.append(torch.rand(()).item())
            return [torch.ones(1)] * 2

        try:
            optimise(Slope(1.0), give, LoopPlan(n_steps=4, save_every=1), folder)
        except StoppedError:
            return seen + drawn(folder, seed + 1)
        return seen

    whole = drawn(tmp_path / "whole", 1)
    assert len(set(whole)) == 4
    assert drawn(tmp_path / "stopped", 3, stop=2) == whole


def test_the_learning_rate_rises_and_falls():
    plan = LoopPlan(n_steps=7, learning_rate=0.4, warmup_steps=3)
    half = math.sqrt(0.5)
    expected = [0.1, 0.2, 0.3, 0.4, 0.2 * (1 + half), 0.2, 0.2 * (1 - half)]
    assert [plan.learning_rate_at(step) for step in range(7)] == pytest.approx(expected)
    assert LoopPlan(n_steps=2, learning_rate=0.4, warmup_steps=0).learning_rate_at(0) == 0.4


def test_steps_follow_the_schedule_and_weights_decay(tmp_path):
    """Under a constant gradient, AdamW steps by the learning rate against the gradient's sign."""
    plan = LoopPlan(n_steps=6, learning_rate=0.1, warmup_steps=2, weight_decay=0.5)
    module, expected = Slope(1.0, -2.0), torch.tensor([1.0, -2.0])
    optimise(module, lambda _: [torch.tensor([3.0, -0.1])], plan, tmp_path)
    for step in range(6):
        rate = plan.learning_rate_at(step)
        expected = expected * (1 - rate * 0.5) - rate * torch.tensor([1.0, -1.0])
    torch.testing.assert_close(module.weight.detach(), expected)


@pytest.mark.parametrize(("longest", "gradient"), [(1.0, [0.6, 0.8]), (10.0, [3.0, 4.0])])
def test_long_gradients_are_shortened(longest, gradient, tmp_path):
    plan = LoopPlan(n_steps=1, max_grad_norm=longest)
    progress = optimise(Slope(0.0, 0.0), lambda _: [torch.tensor([3.0, 4.0])], plan, tmp_path)
    state = read_state(tmp_path, progress)
    assert state is not None
    moment = torch.tensor(gradient) * 0.1  # AdamW's first one, after one step
    torch.testing.assert_close(state.moments["exp_avg/weight"], moment, rtol=1e-5, atol=0)


def test_training_ends_early_with_the_best_weights(tmp_path):
    given = iter([0.1, 0.5, 0.4, 0.5])
    seen = []

    def look(module):
        seen.append(weights(module))
        return next(given)

    plan = LoopPlan(n_steps=50, evaluate_every=2, patience=2, save_every=3)
    module = Slope(1.0)
    progress = optimise(module, lambda _: [torch.ones(1)], plan, tmp_path, evaluate=look)
    assert progress.scores == {2: 0.1, 4: 0.5, 6: 0.4, 8: 0.5}
    assert (progress.step, progress.best_step, progress.is_stopped) == (8, 4, True)
    assert weights(module) == seen[1] != seen[3]
    assert not module.training

    again = Slope(1.0)  # the run is over: neither a batch nor a look is asked for
    assert optimise(again, stopping_at(8), plan, tmp_path, evaluate=look).step == 8
    assert weights(again) == seen[1]


def test_what_early_stopping_has_seen_outlives_a_stop(tmp_path):
    given = iter([0.5, 0.4, 0.3])
    plan = LoopPlan(n_steps=50, evaluate_every=2, patience=2, save_every=1)

    def give(step: int):
        if step == 5 and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            raise StoppedError
        return [torch.ones(1)]

    with pytest.raises(StoppedError):
        optimise(Slope(1.0), give, plan, tmp_path, evaluate=lambda _: next(given))
    progress = optimise(Slope(1.0), give, plan, tmp_path, evaluate=lambda _: next(given))
    assert (progress.step, progress.best_step) == (6, 2)


def test_a_look_changes_nothing(tmp_path):
    seen = []

    def look(module):
        seen.append((module.training, torch.is_grad_enabled(), torch.rand(()).item()))
        return 0.0

    plan = replace(PLAN, evaluate_every=1)
    looked_at, alone = Tiny(), Tiny()
    with_looks = optimise(looked_at, batches, plan, tmp_path / "looks", evaluate=look)
    without = optimise(alone, batches, plan, tmp_path / "none")
    assert with_looks.losses == without.losses
    assert {(training, grad) for training, grad, _ in seen} == {(False, False)}
    assert len({drawn for *_, drawn in seen}) == PLAN.n_steps
    assert weights(alone) != weights(looked_at)  # all looks were as good: the first is the best
    assert not alone.training and not looked_at.training

    drawn = [number for *_, number in seen]  # as in several processes, where each has fewer
    optimise(Tiny(), lambda n: batches(n)[:2], plan, tmp_path / "few", evaluate=look)
    assert [number for *_, number in seen[PLAN.n_steps :]] == drawn


def test_bf16_is_of_the_forward_pass_alone(tmp_path):
    seen = []

    class Watched(Tiny):
        def forward(self, batch):
            seen.append(self.first(batch["x"]).dtype)
            return super().forward(batch)

    for precision in ("bf16", "no"):  # one after the other in one process
        module = Watched()
        forward = module.forward.__func__
        plan = replace(PLAN, mixed_precision=precision, n_steps=1)
        optimise(module, batches, plan, tmp_path / precision)
        assert {p.dtype for p in module.parameters()} == {torch.float32}
        assert module.forward.__func__ is forward
    assert seen == [torch.bfloat16] * 4 + [torch.float32] * 4


def test_auto_precision_follows_the_processor():
    has = torch.cpu.get_capabilities()
    expected = "bf16" if has.get("avx512_bf16") or has.get("amx_bf16") else "no"
    assert LoopPlan(n_steps=1).precision_on(torch.device("cpu")) == expected
    assert LoopPlan(n_steps=1).precision_on(torch.device("meta")) == "no"
    for wanted in ("no", "bf16"):
        plan = LoopPlan(n_steps=1, mixed_precision=wanted)
        assert plan.precision_on(torch.device("cpu")) == wanted


def test_run_json_says_how_to_repeat_it(tmp_path):
    told = {"corpus": tmp_path / "corpus", "inserts": 12}
    expected, losses, scores = outcome(tmp_path, replace(PLAN, patience=9), told=told)
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["losses"] == losses and run["scores"] == {str(n): s for n, s in scores.items()}
    assert run["told"] == {"corpus": str(tmp_path / "corpus"), "inserts": 12}
    assert run["plan"] == {
        "n_steps": 12,
        "learning_rate": 1e-3,
        "warmup_steps": 3,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "evaluate_every": 4,
        "patience": 9,
        "save_every": 3,
        "mixed_precision": "no",
        "seed": 0,
    }
    assert run["libraries"]["torch"] == torch.__version__
    code = sorted(file.stem for file in Path(run_file.__file__).parent.glob("*.py"))
    assert run["code_sha256"] == code_sha256(*(f"drugtext.training.{one}" for one in code))
    assert "pytest" in run["command"] and run["working_directory"] == str(Path.cwd())
    assert (run["num_processes"], run["device"], run["precision"]) == (1, "cpu", "no")
    assert run["n_parameters"] == len(expected) == 6 * 7 + 7 * 8 + 9 * 3
    assert run["n_trainable_parameters"] == 7 * 8 + 9 * 3
    assert run["best_step"] == max(scores, key=scores.__getitem__)
    assert run["best_score"] == max(scores.values())
    assert run["peak_rss_mb"] > 50 and run["seconds_a_step"] > 0 and run["threads"] == 1
    assert not list(tmp_path.glob("*unfinished*"))


def test_tensorboard_gets_losses_and_scores(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _, losses, scores = outcome(tmp_path)
    found = events.EventAccumulator(str(tmp_path / "trackers"))
    found.Reload()
    assert [e.value for e in found.Scalars("loss")] == pytest.approx(losses)
    assert [e.step for e in found.Scalars("score")] == list(scores)
    rates = [PLAN.learning_rate_at(step) for step in range(PLAN.n_steps)]
    assert [e.value for e in found.Scalars("learning_rate")] == pytest.approx(rates)
    assert min(e.value for e in found.Scalars("gradient_norm")) > 0


def test_the_bar_shows_step_loss_and_best_score(tmp_path):
    screen = Console(file=StringIO(), force_terminal=True, width=120)
    with training_bar(screen) as advance:
        assert not screen.file.getvalue()  # a process that is told nothing shows nothing
        _, losses, scores = outcome(tmp_path, advance=advance)
    shown = screen.file.getvalue()
    assert "12/12" in shown and "left" in shown and f"loss {losses[-1]:.4f}" in shown
    assert f"best score {max(scores.values()):.4f} at step" in shown
    with training_bar(screen) as advance:
        advance(Progress({"n_steps": 4}, step=1, losses=[2.0]))
        assert "best" not in screen.file.getvalue().removeprefix(shown)
    pipe = Console(file=StringIO(), force_terminal=False, width=120)
    with training_bar(pipe) as advance:
        for step in range(1, 13):
            advance(Progress({"n_steps": 40}, step=step, losses=[2.0]))
        assert pipe.file.getvalue() == "step 10/40, loss 2.0000\n"


def test_losses_and_gradients_that_are_not_finite_stop_it(tmp_path):
    plan = replace(PLAN, n_steps=5, save_every=1)
    with pytest.raises(
        TrainingError, match=r"step 2 \(from 0\) has loss nan .* Lower the learning"
    ):
        optimise(Tiny(), loop_script.spoilt, plan, tmp_path)
    assert sorted(file.name for file in tmp_path.glob("step-*"))[-1] == "step-00000002"
    assert outcome(tmp_path, plan) == outcome(tmp_path / "whole", plan)

    class Edge(Slope):
        def forward(self, batch):
            return (self.weight * batch).sum().sqrt()

    with pytest.raises(TrainingError, match=r"loss 0\.0 and a gradient of length inf"):
        optimise(Edge(0.0), lambda _: [torch.ones(1)], plan, tmp_path / "edge")


def test_a_score_that_is_not_finite_stops_it(tmp_path):
    with pytest.raises(TrainingError, match="score after 4 steps is nan; a finite one is needed"):
        optimise(Tiny(), batches, PLAN, tmp_path, evaluate=lambda _: math.nan)


def test_what_cannot_be_trained_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no parameter that requires a gradient"):
        optimise(Tiny().requires_grad_(False), batches, PLAN, tmp_path)
    with pytest.raises(TrainingError, match="found patience without evaluate"):
        optimise(Tiny(), batches, replace(PLAN, patience=2), tmp_path)
    with pytest.raises(TrainingError, match="has 0 micro-batches for 1 processes"):
        optimise(Tiny(), lambda _: [], PLAN, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "needed"),
    [
        ({"n_steps": 0}, "n_steps, evaluate_every, save_every and patience of 1 or more"),
        ({"patience": 0}, "patience of 1 or more"),
        ({"learning_rate": 0.0}, "a learning_rate above 0"),
        ({"learning_rate": math.nan}, "a learning_rate above 0"),
        ({"max_grad_norm": 0.0}, "a max_grad_norm above 0"),
        ({"seed": -1}, "warmup_steps, weight_decay and seed of 0 or more"),
        ({"mixed_precision": "fp16"}, 'a mixed_precision of "auto", "bf16" or "no"'),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong, needed):
    name, value = next(iter(wrong.items()))
    with pytest.raises(TrainingError, match=f"{name}={value!r}.*; needed: .*{needed}"):
        replace(PLAN, **wrong)


def test_another_training_is_not_gone_on_with(tmp_path):
    outcome(tmp_path, told={"corpus": "a"})
    begin_anew = "Give another folder, or delete this one to begin anew"
    with pytest.raises(TrainingError, match=f"learning_rate was 0.001 and is 0.1. {begin_anew}"):
        outcome(tmp_path, replace(PLAN, learning_rate=0.1), told={"corpus": "a"})
    with pytest.raises(TrainingError, match=f"at step 12: corpus was 'a' and is 'b'. {begin_anew}"):
        outcome(tmp_path, told={"corpus": "b"})
    with pytest.raises(TrainingError, match="holds other weights than are trained now"):
        optimise(Patchy(), batches, PLAN, tmp_path, told={"corpus": "a"}, evaluate=evaluate)
