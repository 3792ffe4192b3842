"""scripts/bench_scale.py: corpora of several sizes are classified, and a stopped run goes on."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_scale.py"


def test_each_corpus_is_measured_once(tmp_path):
    pytest.importorskip("ray", reason="needs pip install '.[scale]'")
    inserts, output = tmp_path / "inserts.jsonl.gz", tmp_path / "speed"
    with gzip.open(inserts, "wt", encoding="utf-8") as file:
        for n in range(3):
            record = {"name": f"Drug{n}", "language": "en", "ingredients": [f"drug{n}"]}
            file.write(json.dumps(record | {"sections": {"description": "Lowers fever."}}) + "\n")

    def rows(*more: str) -> list[dict]:
        command = [sys.executable, SCRIPT, inserts, "--output", output, "--n-inserts", "2"]
        command += ["--n-inserts", "5", "--workers", "1", "--quick", *more]
        subprocess.run([*map(str, command)], check=True, capture_output=True)
        return json.loads((output / "scale.json").read_text(encoding="utf-8"))["rows"]

    found = rows("--go-on")
    assert [(row["n_inserts"], row["workers"], row["quick"]) for row in found] == [
        (2, 1, True),
        (5, 1, True),
    ]
    assert all(row["seconds"] > 0 and row["peak_mb"] > 100 for row in found)
    assert rows("--go-on") == found
    assert "| 5 | 1 | quickly |" in (output / "README.md").read_text(encoding="utf-8")
