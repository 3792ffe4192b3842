"""scripts/fuzz.py: what it says where atheris is absent, and that it counts where it is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drugtext import DrugInsert

SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz.py"


def run(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "100"} | settings,
        check=False,
    )


def test_help_teaches():
    done = run("--help")
    assert done.returncode == 0
    assert "python scripts/fuzz.py taxonomy --minutes 5 --output runs/fuzz\n" in done.stdout


def test_without_atheris_it_says_how_to_install_it(tmp_path):
    code = f"""
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "atheris" else find(name)
sys.argv = ["fuzz.py", "reader"]
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stderr == ("fuzz: atheris is not installed; run: pip install 'drugtext[fuzz]'\n")


def test_an_unknown_format_is_refused(tmp_path):
    pytest.importorskip("atheris", reason="needs atheris: pip install '.[fuzz]'")
    done = run("taxonomy", "--format", "owl", "--output", tmp_path)
    assert done.returncode == 2 and "found the format 'owl'; one of csv, atc" in done.stderr


def test_it_tries_inputs_and_keeps_those_that_reach_new_lines(tmp_path):
    pytest.importorskip("atheris", reason="needs atheris: pip install '.[fuzz]'")
    figures = tmp_path / "fuzz.json"
    figures.write_text(json.dumps([{"target": "taxonomy"}, {"target": "reader"}]))
    done = run("taxonomy", "--minutes", "0.04", "--output", tmp_path, "--figures", figures)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.fullmatch(r"taxonomy: tried ([\d,]+) inputs, 0 escaped\n", done.stdout)
    tried = int(found[1].replace(",", "")) if found else 0
    assert tried > 10
    told = {"target": "taxonomy", "minutes": 0.04, "tried": tried, "escaped": []}
    assert json.loads(figures.read_text()) == [{"target": "reader"}, told]
    assert len([*(tmp_path / "taxonomy" / "corpus").iterdir()]) > 4


def test_files_of_a_checkpoint_are_changed(tiny_classifier, tmp_path):
    pytest.importorskip("atheris", reason="needs atheris: pip install '.[fuzz]'")
    texts = ("relief of pain", "lowers blood pressure")
    inserts = [DrugInsert(language="en", sections={"indications_and_usage": t}) for t in texts]
    checkpoint = tmp_path / "checkpoint"
    tiny_classifier.fit(inserts, ["pain", "heart"]).save_pretrained(checkpoint)
    done = run("checkpoint", "--of", checkpoint, "--minutes", "0.1", "--output", tmp_path / "found")
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.fullmatch(r"checkpoint: tried ([\d,]+) inputs, 0 escaped\n", done.stdout)
    assert found and int(found[1].replace(",", "")) > 5
    changed = {
        path.read_bytes().split(b"\n")[0]
        for path in (tmp_path / "found" / "checkpoint" / "corpus").iterdir()
    }
    assert b"config.json" in changed
    assert "with --of FOLDER" in run("checkpoint", "--output", tmp_path).stderr
    nothing = run("checkpoint", "--of", tmp_path / "no", "--output", tmp_path)
    assert nothing.returncode == 2 and "is no checkpoint with a manifest" in nothing.stderr
