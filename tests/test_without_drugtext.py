"""A saved folder where drugtext is not installed: code travels with it, and nothing else is needed.

The environment is a real one, of the packages that transformers and torch require.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from environments import make_environment

import drugtext
from drugtext import DrugInsert

TEXTS = {"pain": "relief of pain", "heart": "lowers blood pressure"}


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """The Python of an environment with transformers, torch and what they require."""
    return make_environment(tmp_path_factory.mktemp("environment"), {"transformers", "torch"})


@pytest.fixture(scope="module")
def saved(tiny_classifier, tmp_path_factory) -> Path:
    """A classifier with an encoder, a lexicon, pieces of names and a head."""
    folder = tmp_path_factory.mktemp("saved")
    inserts = [
        DrugInsert(ingredients=(name,), language="en", sections={"indications_and_usage": text})
        for name, text in zip(("ibuprofen", "atenolol"), TEXTS.values(), strict=True)
    ]
    others = [DrugInsert(ingredients=(name,), sections={}) for name in ("ketoprofen", "metoprolol")]
    base = tiny_classifier.with_lexicon(inserts * 3).with_name_stems(inserts + others)
    few = base.fit(inserts, list(TEXTS))
    assert few.model.head.named is not None
    few.save_pretrained(folder)
    return folder


def run(python: Path, code: str, home: Path) -> subprocess.CompletedProcess[str]:
    settings = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [str(python), "-c", code],
        capture_output=True,
        text=True,
        env=settings,
        cwd=home,
        check=False,
    )


def test_a_pipeline_opens_it_with_the_code_that_travels(python, saved, tmp_path):
    code = f"""
import importlib.util, transformers
assert not any(importlib.util.find_spec(name) for name in ("drugtext", "peft", "scipy"))
pipe = transformers.pipeline("text-classification", model={str(saved)!r}, trust_remote_code=True)
for text in {list(TEXTS.values())!r}:
    print([(a["label"], round(a["score"], 4)) for a in pipe(text, top_k=None)])
"""
    done = run(python, code, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    import transformers

    pipe = transformers.pipeline("text-classification", model=str(saved))
    expected = [
        [(a["label"], round(a["score"], 4)) for a in pipe(text, top_k=None)]
        for text in TEXTS.values()
    ]
    assert done.stdout.splitlines() == [str(answers) for answers in expected]
    assert [answers[0][0] for answers in expected] == list(TEXTS)


def test_it_is_saved_again_with_its_code(python, saved, tmp_path):
    code = f"""
import transformers
model = transformers.AutoModelForSequenceClassification.from_pretrained(
    {str(saved)!r}, trust_remote_code=True)
model.save_pretrained("again")
transformers.AutoTokenizer.from_pretrained({str(saved)!r}).save_pretrained("again")
"""
    done = run(python, code, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {p.name for p in saved.glob("*.py")} == {
        p.name for p in (tmp_path / "again").glob("*.py")
    }
    inserts = [DrugInsert(language="en", sections={"indications_and_usage": TEXTS["heart"]})]
    assert drugtext.load(tmp_path / "again").predict(inserts) == drugtext.load(saved).predict(
        inserts
    )


def test_without_trust_its_code_is_not_run(python, saved, tmp_path):
    code = f"""
import transformers
transformers.pipeline("text-classification", model={str(saved)!r}, trust_remote_code=False)
"""
    done = run(python, code, tmp_path)
    assert done.returncode != 0 and "trust_remote_code=True" in done.stderr


def test_where_drugtext_is_installed_its_own_code_is_run(saved):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(saved, trust_remote_code=True)
    assert type(model) is drugtext.DrugTextModel
