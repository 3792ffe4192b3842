"""States on disk: what was saved comes back exactly, and nothing half-written or foreign does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from drugtext.errors import TrainingError
from drugtext.training.state import (
    Progress,
    changing,
    put_moments,
    put_weights,
    read_state,
    read_weights,
    save_state,
    trained,
)

PLAN = {"n_steps": 9, "learning_rate": 0.1}


class Counting(nn.Module):
    """Trained, frozen and tied parameters; buffers that are kept, and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3, bias=False)
        self.tied, self.frozen = self.first, nn.Linear(3, 2).requires_grad_(False)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("scratch", torch.zeros(5), persistent=False)

    def forward(self, x):
        return self.scale * self.frozen(self.norm(self.tied(x))).square().mean()


def made(seed: int) -> tuple[Counting, torch.optim.Optimizer]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = Counting()
    return module, torch.optim.AdamW(trained(module).values(), lr=0.1)


def step(module: Counting, optimizer: torch.optim.Optimizer) -> None:
    x = torch.arange(12.0).reshape(4, 3).sin()
    optimizer.zero_grad()
    module(x).backward()
    optimizer.step()


def progress_at(n: int, scores: dict[int, float] | None = None, **fields) -> Progress:
    return Progress(PLAN, step=n, losses=[0.1 / 3] * n, scores=scores or {}, **fields)


def save(folder: Path, n: int, scores: dict[int, float] | None = None) -> Path:
    save_state(folder, *made(n), progress_at(n, scores))
    return folder / f"step-{n:08}"


def steps_on_disk(folder: Path) -> list[int]:
    return sorted(int(file.name.removeprefix("step-")) for file in folder.glob("step-*"))


def test_a_state_comes_back_to_the_last_bit(tmp_path):
    module, optimizer = made(0)
    step(module, optimizer)
    told = {"corpus": ["a", 1.5, None]}
    progress = progress_at(3, {2: 1 / 3, 3: 0.1}, told=told, seconds=0.7, is_stopped=True)
    save_state(tmp_path, module, optimizer, progress)
    state = read_state(tmp_path, Progress(PLAN, told))
    assert state is not None and state.progress == progress

    again, its_optimizer = made(1)
    put_weights(again, state.weights)
    put_moments(its_optimizer, again, state.moments)
    again.frozen.load_state_dict(module.frozen.state_dict())
    for one, other in ((module, optimizer), (again, its_optimizer)):
        step(one, other)
    for name, tensor in module.state_dict().items():
        assert again.state_dict()[name].equal(tensor), name
    assert int(again.norm.num_batches_tracked) == 2


def test_only_what_training_changes_is_kept(tmp_path):
    module, _ = made(0)
    parameters = {"first.weight", "scale", "norm.weight", "norm.bias"}
    buffers = {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
    assert trained(module).keys() == parameters
    assert changing(module).keys() == parameters | buffers
    save(tmp_path, 1)
    assert read_weights(tmp_path, 1).keys() == parameters | buffers


def test_an_empty_folder_holds_no_state(tmp_path):
    assert read_state(tmp_path, Progress(PLAN)) is None
    assert read_state(tmp_path / "not there", Progress(PLAN)) is None


def test_the_last_two_states_and_their_best_ones_are_kept(tmp_path):
    scores: dict[int, float] = {}
    kept = []
    for n, score in enumerate([0.1, 0.5, 0.2, 0.4, 0.7, 0.6, 0.3], start=1):
        scores[n] = score
        save(tmp_path, n, scores)
        kept.append(steps_on_disk(tmp_path))
    assert kept == [[1], [1, 2], [2, 3], [2, 3, 4], [2, 4, 5], [5, 6], [5, 6, 7]]
    weights = read_weights(tmp_path, 5)
    assert weights["first.weight"].equal(made(5)[0].first.weight)


def test_the_best_step_is_the_first_of_the_highest():
    assert Progress(PLAN).best_step is None
    progress = progress_at(8, {2: 0.1, 4: 0.5, 6: 0.5, 8: 0.4})
    assert progress.best_step == 4
    assert [progress.best_until(n) for n in (1, 3, 4, 9)] == [None, 2, 4, 4]
    assert progress.looks_since_best == 2


def test_a_half_written_state_does_not_count(tmp_path):
    save(tmp_path, 1)
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "weights.safetensors").write_bytes(b"half")
    state = read_state(tmp_path, Progress(PLAN))
    assert state is not None and state.progress.step == 1
    save(tmp_path, 2)
    assert steps_on_disk(tmp_path) == [1, 2] and not unfinished.exists()
    assert sorted(file.name for file in (tmp_path / "step-00000002").iterdir()) == [
        "optimizer.safetensors",
        "progress.json",
        "weights.safetensors",
    ]


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "progress.json"])
@pytest.mark.parametrize("is_missing", [True, False])
def test_a_damaged_state_is_named_and_the_one_before_it_is_whole(name, is_missing, tmp_path):
    save(tmp_path, 1)
    state = save(tmp_path, 2)
    content = (state / name).read_bytes()
    (state / name).unlink() if is_missing else (state / name).write_bytes(content[:-9])
    with pytest.raises(TrainingError, match=rf"{name}: missing or damaged .* Delete {state} and"):
        read_state(tmp_path, Progress(PLAN))
    for file in state.iterdir():
        file.unlink()
    state.rmdir()
    before = read_state(tmp_path, Progress(PLAN))
    assert before is not None and before.progress.step == 1


@pytest.mark.parametrize(
    "change", [{"step": 3}, {"losses": []}, {"scores": None}, {"scores": {"a": 1}}, {"more": 1}]
)
def test_progress_that_makes_no_sense_is_damaged(change, tmp_path):
    file = save(tmp_path, 2) / "progress.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(TrainingError, match=r"progress\.json: missing or damaged"):
        read_state(tmp_path, Progress(PLAN))


def test_a_state_of_another_training_is_refused(tmp_path):
    save(tmp_path, 2)
    other = {"n_steps": 9, "seed": 4}
    with pytest.raises(TrainingError) as raised:
        read_state(tmp_path, Progress(other, {"corpus": "b"}))
    assert str(raised.value) == (
        f"{tmp_path}: holds another training, at step 2: learning_rate was 0.1 and is None; seed"
        " was None and is 4; corpus was None and is 'b'. Give another folder, or delete this one"
        " to begin anew."
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.register_parameter("more", nn.Parameter(torch.ones(2))),
        lambda module: module.register_parameter("scale", nn.Parameter(torch.ones(2))),
        lambda module: module.double(),
        lambda module: module.scale.requires_grad_(False),
    ],
    ids=["name", "shape", "type", "frozen"],
)
def test_weights_of_another_module_are_refused(change, tmp_path):
    save(tmp_path, 1)
    module, _ = made(0)
    change(module)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(TrainingError, match=r"holds other weights than are trained now .* such as"):
        put_weights(module, read_weights(tmp_path, 1))
    assert all(tensor.equal(before[name]) for name, tensor in module.state_dict().items())
