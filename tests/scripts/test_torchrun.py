"""The README's line for several processes: two of them do with the real script what one does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from shell_lines import SCRIPTS, run_script

import drugtext

OPTIONS = ["--batches-a-step", "2", "--steps", "2", "--learning-rate", "0.02"]
"""Two micro-batches a step, one a process: the same global batch."""


@pytest.fixture(autouse=True)
def shelves(tmp_path, monkeypatch) -> None:
    """A support set in a folder of its own, which both trainings name alike.

    Its inserts fill more than both micro-batches of a step, which so differ.
    """
    kinds = {"heart": "high blood pressure", "skin": "eczema", "pain": "pain and fever"}
    rows = [
        f"{kind}drug{n},treats {what},{kind}" for kind, what in kinds.items() for n in range(60)
    ]
    text = "\n".join(["name,text,category", *rows]) + "\n"
    (tmp_path / "shelves.csv").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_two_processes_fine_tune_as_one_does(tiny_encoder_folder):
    words = ["scripts/finetune_lora.py", "shelves.csv", "--model", str(tiny_encoder_folder)]
    words += OPTIONS
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={port}"]
    script = str(SCRIPTS / "finetune_lora.py")
    done = subprocess.run(
        [sys.executable, *launch, script, *words[1:], "--output", "two"],
        env=os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("3 categories from 180 inserts") == 1, "the main process alone tells"
    one = run_script(["python", *words, "--output", "one"])
    assert one.exit_code == 0, one.output

    two_run, one_run = (json.loads(Path(name, "run.json").read_text()) for name in ("two", "one"))
    assert (two_run["num_processes"], one_run["num_processes"]) == (2, 1)
    assert two_run["plan"] == one_run["plan"] and two_run["told"] == one_run["told"]
    first, second = two_run["losses"]
    assert abs(first - second) > 0.1, "steps differ by far more than the processes may"
    assert two_run["losses"] == pytest.approx(one_run["losses"], abs=1e-4)
    assert drugtext.load("two/checkpoint").category_ids == ["heart", "skin", "pain"]
