"""The benchmark script on invented inserts: written, resumed, and refused in plain words."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"
CLASSES = {
    "C07A": ("Beta blockers", "slows the heart and lowers high blood pressure"),
    "J01C": ("Penicillins", "treats infections with bacteria of throat and lung"),
    "N02B": ("Analgesics", "is used for relief of pain and fever"),
    "A10B": ("Glucose lowering drugs", "lowers sugar in the blood of people with diabetes"),
    "D07A": ("Corticosteroids", "is a cream for eczema and itching of the skin"),
}
SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "ne",
    "pi",
    "ro",
    "su",
    "ta",
    "ve",
]
OTHERS = [
    "morning",
    "evening",
    "water",
    "doctor",
    "tablet",
    "daily",
    "skin",
    "sleep",
    "stomach",
    "breakfast",
    "glass",
]


def insert(number: int, category: str) -> dict[str, object]:
    syllables = (SYLLABLES[n % 16] for n in (number, number * 7 + 3, number // 16))
    name = f"{''.join(syllables)}{category.lower()[0]}ximol"
    words = " ".join(f"{OTHERS[(number * k) % 11]} {number * 31 + k}" for k in range(1, 25))
    return {
        "name": name.title(),
        "kind": "us_full_label" if number % 3 else "eu_patient_leaflet",
        "language": "en",
        "ingredients": [name],
        "atc": [f"{category}A{number + 1:02}"],
        "epc": [CLASSES[category][0]],
        "sections": {
            "indications_and_usage": f"{name.title()} {CLASSES[category][1]}.",
            "description": f"A tablet. {words} {category}",
        },
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A folder laid out as the script wants it: inserts and taxonomies."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "en").mkdir()
    lines = (json.dumps(insert(n, category)) for category in CLASSES for n in range(48))
    text = "\n".join(lines) + "\n"
    (folder / "en" / "inserts.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    tables = folder / "taxonomies"
    tables.mkdir()
    codes = {}
    for code, (name, _) in CLASSES.items():
        codes |= {code[:1]: f"group {code[0]}", code[:3]: f"part {code[:3]}", code: name}
        codes |= {f"{code}A": name} | {f"{code}A{n:02}": f"drug {n}" for n in range(1, 49)}
    rows = "".join(f"{code},{name}\n" for code, name in codes.items())
    (tables / "atc_en_zh.csv").write_text("code,name\n" + rows)
    rows = "".join(f"{name}\n" for name, _ in CLASSES.values())
    (tables / "ingredient_fda_class.csv").write_text("class_name\n" + rows)
    (tables / "brand_ingredient.csv").write_text("brand,ingredients\nBrand,other\n")
    (tables / "drugbank_vocabulary.csv").write_text("Common name,Synonyms\nOther,Another\n")
    return folder


def run(folder: Path, *arguments: object, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        cwd=folder,
        env=os.environ
        | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "hf"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_a_quick_run_is_written_and_goes_on(data, tmp_path):
    arguments = (data, "--report", "report", "--quick")
    run(tmp_path, *arguments, "--only", "drugtext", "--only", "TF-IDF + SVM")
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert list(results["contestants"]) == ["drugtext", "TF-IDF + SVM"]
    assert results["versions"]["drugtext"] and len(results["data"]["atc"]["sha256"]) == 64
    protocols = {row["protocol"] for row in results["figures"]}
    assert protocols == {"new drug", "new category", "new regulator", "growing taxonomy"}
    drug = [row for row in results["figures"] if row["protocol"] == "new drug"]
    finished = [row for row in drug if row["status"] == "finished"]  # a busy machine does fewer
    assert {row["contestant"] for row in finished} == {"drugtext", "TF-IDF + SVM"}
    asked = [row for row in finished if row["n"]]
    assert {row["contestant"] for row in asked} == {"drugtext", "TF-IDF + SVM"}
    assert all(row["metrics"]["accuracy"]["value"] > 0.8 for row in asked)
    report = (tmp_path / "report" / "README.md").read_text()
    assert "benchmark.py" in report and "--quick" in report
    assert "relief of pain" not in report + json.dumps(results)
    assert (tmp_path / "report" / "cost.png").read_bytes().startswith(b"\x89PNG")

    outcomes = tmp_path / "runs" / "benchmark-quick" / "outcomes.jsonl"
    first = outcomes.read_text().splitlines()
    run(tmp_path, *arguments, "--only", "drugtext", "--only", "zero-shot by name")
    second = outcomes.read_text().splitlines()
    assert second[: len(first)] == first and len(second) > len(first)
    again = json.loads((tmp_path / "report" / "results.json").read_text())
    assert list(again["contestants"]) == ["drugtext", "TF-IDF + SVM", "zero-shot by name"]
    assert {row["contestant"] for row in again["figures"]} == set(again["contestants"])


def test_what_is_wrong_is_said(data, tmp_path):
    told = run(tmp_path, tmp_path / "nowhere", "--report", "report", code=2)
    assert "atc_en_zh.csv" in told and "Traceback" not in told
    told = run(tmp_path, data, "--report", "report", "--quick", "--only", "magic", code=2)
    assert "found no contestant 'magic'; there are 'drugtext'" in told
    assert "Traceback" not in told
