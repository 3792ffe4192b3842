"""A worker: which model it loads, how it reads, and when it refuses."""

from __future__ import annotations

import json
from dataclasses import asdict

import pyarrow.parquet as pq
import pytest
import torch

from drugtext.inserts.insert import DrugInsert
from drugtext.scale.parts import plan_parts
from drugtext.scale.worker import Worker, found_by_workers, model_sha256


@pytest.fixture(scope="module")
def classifier(tiny_classifier):
    words = ["pain", "fever", "heart"]
    inserts = [DrugInsert(sections={"indications_and_usage": word}) for word in words]
    return tiny_classifier.fit(inserts, words)


def test_a_worker_reads_quickly_and_takes_its_cores_as_it_is_told_to(classifier, tmp_path):
    sections = {"indications_and_usage": "pain", "description": "fever for the heart"}
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": 1, "sections": sections}) + "\n")
    (part,) = plan_parts([str(tmp_path / "a.jsonl")])
    model = str(tmp_path / "model")
    classifier.save_pretrained(model)
    n_read, n_threads = [], torch.get_num_threads()
    for quick, own_threads in ((False, n_threads + 1), (True, n_threads)):
        worker = Worker(model, model_sha256(model), "torch", quick, 1, "id", own_threads)
        assert torch.get_num_threads() == own_threads
        task = {"name": f"{quick}.parquet", "part": json.dumps(asdict(part))}
        assert worker({**task, "output": str(tmp_path)})["n_rows"] == 1
        (row,) = pq.read_table(tmp_path / f"{quick}.parquet").to_pylist()
        n_read.append(row["tokens_read"])
    assert n_read == [5, 1]


def test_a_worker_refuses_a_model_that_has_changed(classifier, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "pain"}\n')
    (part,) = plan_parts([str(tmp_path / "a.jsonl")])
    model = str(tmp_path / "model")
    classifier.save_pretrained(model)
    worker = Worker(model, "of another", "torch", False, 1, "id", torch.get_num_threads())
    done = worker({"name": "0.parquet", "part": json.dumps(asdict(part)), "output": str(tmp_path)})
    assert done["n_rows"] == 0 and "is another model than when the run began" in done["error"]
    assert not (tmp_path / "0.parquet").exists()


def test_workers_find_a_folder_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "atc"):
        (tmp_path / name).mkdir()
    assert found_by_workers("mine") == str(tmp_path / "mine")
    (tmp_path / "mine" / "current").write_text("3")  # a registry
    assert found_by_workers("mine") == str(tmp_path / "mine" / "versions" / "0003")
    for name in (None, "atc", "user/repo"):  # the bundled one comes first, as for `load`
        assert found_by_workers(name) == name


def test_a_model_is_told_by_what_it_holds(classifier, tmp_path):
    classifier.save_pretrained(tmp_path)
    first = model_sha256(str(tmp_path))
    assert model_sha256(str(tmp_path)) == first != model_sha256(None)
    (tmp_path / "config.json").write_text((tmp_path / "config.json").read_text() + " ")
    assert model_sha256(str(tmp_path)) != first
