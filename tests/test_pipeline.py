"""The two transformers pipelines over a saved folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import transformers
from datasets import Dataset
from transformers.pipelines.pt_utils import KeyDataset

from drugtext import Category, DrugInsert, Taxonomy
from drugtext.errors import DrugTextError

PAIN = DrugInsert(name="A", language="en", sections={"indications_and_usage": "relief of pain"})
HEART = DrugInsert(name="B", language="en", sections={"indications_and_usage": "blood pressure"})


@pytest.fixture(scope="module")
def few(tiny_classifier):
    return tiny_classifier.fit([PAIN, HEART], ["pain", "heart"])


@pytest.fixture(scope="module")
def saved(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    few.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def whole(adapted_classifier, tmp_path_factory):
    """The folder of a classifier with all parts: adapter, lexicon, memory, tree."""
    words = ["pain", "fever", "heart", "skin", "cough", "sleep", "asthma", "acid"]
    texts = [f"{a} and {b} of {c}" for a in words for b in words for c in words[:2]]
    inserts = [
        DrugInsert(language="en", sections={"indications_and_usage": text}) for text in texts
    ]
    tree = Taxonomy(
        [Category("all", "All"), *(Category(i, i, "all") for i in ("pain", "heart", "skin"))]
    )
    base = adapted_classifier.with_lexicon(inserts, dim=4)
    known = [n for n, text in enumerate(texts) if text.split()[0] in ("pain", "heart", "skin")]
    categories = [texts[n].split()[0] for n in known]
    folder = tmp_path_factory.mktemp("whole")
    base.fit([inserts[n] for n in known], categories, taxonomy=tree).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def pipe(saved):
    return transformers.pipeline("drug-insert-classification", model=saved)


def test_plain_text_classification(saved):
    pipe = transformers.pipeline("text-classification", model=saved)
    assert pipe("relief of pain")[0]["label"] == "pain"
    scores = pipe("relief of pain", top_k=None)
    assert {s["label"] for s in scores} == {"pain", "heart"}
    assert sum(s["score"] for s in scores) == pytest.approx(1, abs=1e-5)


def test_inserts_are_answered_as_the_classifier_answers(pipe, few):
    assert pipe(PAIN) == few.predict([PAIN])[0].to_dict()
    assert pipe([PAIN, HEART], batch_size=2) == [p.to_dict() for p in few.predict([PAIN, HEART])]
    assert [a["category_id"] for a in pipe(i for i in (HEART, PAIN))] == ["heart", "pain"]
    assert len(pipe(PAIN, top_k=1)["alternatives"]) == 1


@pytest.mark.parametrize("folder", ["saved", "whole"])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_batches_change_no_answer(request, tmp_path, folder, batch_size):
    model = request.getfixturevalue(folder)
    pipe = transformers.pipeline("drug-insert-classification", model=model)
    file = tmp_path / "two.jsonl"
    file.write_text('{"text": "relief of pain"}\n{"text": "blood pressure"}\n')
    inputs = [PAIN, "relief of pain " * 300, str(file), HEART, "lowers blood pressure " * 100]
    found = pipe((given for given in inputs), batch_size=batch_size)
    for answer, expected in zip(found, map(pipe, inputs), strict=True):
        for one, other in zip(
            *(a if isinstance(a, list) else [a] for a in (answer, expected)), strict=True
        ):
            assert one["category_id"] == other["category_id"]
            assert one["tokens_read"] == other["tokens_read"]
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)
            assert [step["id"] for step in one["path"]] == [step["id"] for step in other["path"]]
            assert len(one["path"]) == (2 if folder == "whole" else 1)


@pytest.mark.parametrize("task", ["text-classification", "drug-insert-classification"])
def test_a_column_of_a_data_set_is_read(whole, task):
    texts = ["relief of pain", "lowers blood pressure", "dry skin"] * 2
    rows = KeyDataset(Dataset.from_dict({"text": texts}), "text")
    pipe = transformers.pipeline(task, model=whole)
    name = "label" if task == "text-classification" else "category_id"
    together = [answer[name] for answer in pipe(rows, batch_size=4)]
    alone = [pipe(text) for text in texts]
    assert together == [(a[0] if isinstance(a, list) else a)[name] for a in alone]


def test_a_plain_text_that_is_too_long_is_refused_in_plain_words(saved):
    pipe = transformers.pipeline("text-classification", model=saved)
    long = "relief of pain " * 100
    with pytest.raises(ValueError, match=r"302 tokens, the encoder takes 256.*truncation=True"):
        pipe(long)
    assert pipe(long, truncation=True)[0]["label"] == "pain"
    assert pipe(long, truncation=True, max_length=256)[0]["label"] == "pain"


def test_paths_and_texts_of_any_length(pipe, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("INDICATIONS AND USAGE\nrelief of pain\n")
    assert pipe(str(file))["category_id"] == "pain"
    assert pipe(file)["source"] == str(file)
    long = "relief of pain " * 5000
    assert pipe(long)["category_id"] == "pain"
    assert pipe(long)["tokens_total"] > pipe(long)["tokens_read"]


def test_a_file_of_several_inserts_is_answered_with_a_list(pipe, tmp_path):
    file = tmp_path / "two.jsonl"
    file.write_text('{"text": "relief of pain"}\n{"text": "blood pressure"}\n')
    assert [a["category_id"] for a in pipe(str(file))] == ["pain", "heart"]


def test_an_argument_that_is_none_is_refused(pipe, tmp_path):
    with pytest.raises(TypeError, match="found the argument 'topk'; one of coverage, min_proba"):
        pipe(PAIN, topk=3)
    with pytest.raises(DrugTextError, match="no such file"):
        pipe(str(tmp_path / "my insert.xml"))


def test_a_model_of_a_newer_format_is_refused(saved, tmp_path):
    newer = tmp_path / "newer"
    shutil.copytree(saved, newer)
    config = json.loads((newer / "config.json").read_text())
    (newer / "config.json").write_text(json.dumps(config | {"format_version": 99}))
    with pytest.raises(ValueError, match=r"format version 99.*Install a newer drugtext"):
        transformers.pipeline("text-classification", model=str(newer))


def test_a_file_of_no_insert_is_refused(pipe, tmp_path):
    file = tmp_path / "empty.csv"
    file.write_text("text,category\n")
    with pytest.raises(DrugTextError, match="the table has no row"):
        pipe([PAIN, str(file), HEART])


def test_wrong_input_is_refused(pipe):
    with pytest.raises(DrugTextError, match="top_k is 0"):
        pipe(PAIN, top_k=0)
    with pytest.raises(DrugTextError, match="found int; a DrugInsert, a path or a text"):
        pipe(3)


@pytest.mark.parametrize(
    "order",
    [
        "import drugtext, transformers",
        "import transformers, drugtext",
        "import transformers\nfrom transformers import AutoModel, pipeline\nimport drugtext",
    ],
)
def test_importing_drugtext_registers_in_any_order(saved, order):
    program = (
        f"{order}\nprint(transformers.pipeline('text-classification', model={saved!r})"
        "('relief of pain')[0]['label'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["pain"], done.stderr
