"""The manifest: damage and change are refused, an interrupted write leaves the old folder whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import drugtext
from drugtext import DrugInsert
from drugtext.errors import CheckpointError
from drugtext.manifest import check_manifest
from drugtext.whole_folder import replacing

INSERT = DrugInsert(language="en", sections={"indications_and_usage": "relief of pain"})


def write(folder: Path, **files: str) -> None:
    with replacing(folder) as new:
        for name, text in files.items():
            path = new / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def saved(tiny_classifier, tmp_path):
    tiny_classifier.fit([INSERT], ["pain"]).save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_each_file_that_was_changed_or_cut_off_or_lost_is_refused(saved, name):
    whole = (saved / name).read_bytes()
    (saved / name).write_bytes(whole.replace(b"a", b"b", 1))
    with pytest.raises(CheckpointError, match=r"damaged|changed|cannot be read"):
        drugtext.load(saved)
    (saved / name).write_bytes(whole[:-1])
    with pytest.raises(CheckpointError, match=r"damaged|changed|cannot be read"):
        drugtext.load(saved)
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=r"is missing|found no config\.json"):
        drugtext.load(saved)


def test_card_and_code_may_be_edited(saved):
    (saved / "README.md").write_text("mine")
    (saved / "model.py").unlink()
    assert drugtext.load(saved).category_ids == ["pain"]


def test_the_error_says_what_to_do(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"scope_threshold": 0.5}))
    with pytest.raises(CheckpointError, match=r"deletes manifest\.json"):
        drugtext.load(saved)
    (saved / "manifest.json").unlink()
    assert drugtext.load(saved).model.config.scope_threshold == 0.5


@pytest.mark.parametrize("text", ["no", "[]", '{"sha256": 3}', '{"sha256": {"../x": "0"}}'])
def test_a_damaged_manifest_is_refused(saved, text):
    (saved / "manifest.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"manifest\.json: (cannot be read|names)"):
        drugtext.load(saved)


def test_a_write_that_is_interrupted_leaves_what_stood_there(tmp_path):
    write(tmp_path, a="1", adapter__c="2")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path) as new:
        (new / "a").write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a").read_text() == "1"
    check_manifest(tmp_path)
    assert names(tmp_path) == {"a", "adapter/c", "manifest.json"}, "nothing else is left"


def test_what_the_new_one_has_not_is_deleted_and_what_is_not_ours_stays(tmp_path):
    folder = tmp_path / "checkpoint"
    old = {"known_drugs.json": "1", "head.safetensors": "2", "adapter__adapter_config.json": "3"}
    for manifest in (True, False):  # of a checkpoint from before there were manifests, too
        write(folder, **old, **{"config.json": '{"model_type": "drugtext"}'})
        if not manifest:
            (folder / "manifest.json").unlink()
        (folder / "mine.txt").write_text("mine")
        write(folder, **{"config.json": "[]"})
        assert names(folder) == {"config.json", "manifest.json", "mine.txt"}
        assert not (folder / "adapter").exists()
        check_manifest(folder)


def test_files_of_something_else_are_not_overwritten(tiny_classifier, tmp_path):
    (tmp_path / "config.py").write_text("mine")
    with pytest.raises(CheckpointError, match=r"holds config\.py and is no checkpoint's folder"):
        tiny_classifier.fit([INSERT], ["pain"]).save_pretrained(tmp_path)
    assert names(tmp_path) == {"config.py"}


def test_files_of_another_program_that_are_called_alike_are_not_overwritten(tmp_path):
    others = {"manifest.json": '{"name": "a page"}', "config.json": '{"model_type": "bert"}'}
    for name, text in {**others, "tokenizer_mine.json": "{}", "vocab.csv": "a"}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=r"holds config\.json and is no checkpoint's folder"):
        write(tmp_path, **{"config.json": "[]"})
    assert {name: (tmp_path / name).read_text() for name in others} == others
    assert names(tmp_path) == {*others, "tokenizer_mine.json", "vocab.csv"}


def test_a_folder_that_is_mixed_is_refused(tmp_path):
    folder = tmp_path / "checkpoint"
    write(folder, a="1", b="2")
    (folder / "a").write_text("of the next one")
    with pytest.raises(CheckpointError, match="a: is damaged or was changed"):
        check_manifest(folder)
