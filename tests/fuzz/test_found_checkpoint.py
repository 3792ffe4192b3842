"""What fuzzing found in the loading of checkpoints, and what is said of it now."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

import drugtext
from drugtext import DrugInsert
from drugtext.checkpoint_writing import save_head
from drugtext.errors import CheckpointError, EncoderError
from drugtext.evaluation.trust.checkpoint_faults import seal

INSERT = DrugInsert(name="x", language="en", sections={"indications_and_usage": "relief of pain"})
DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def few(tiny_classifier):
    return tiny_classifier.fit([INSERT, INSERT], ["a", "b"])


@pytest.fixture
def saved(few, tmp_path) -> Path:
    few.save_pretrained(tmp_path / "saved", with_known_drugs=True)
    return tmp_path / "saved"


def changed(folder: Path, **fields: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | fields))
    seal(folder)


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "known_drugs.json"])
def test_json_without_end(saved, name):
    (saved / name).write_text(DEEP)
    if name != "manifest.json":
        seal(saved)
    with pytest.raises(CheckpointError, match=r"cannot be read|is damaged"):
        drugtext.load(saved)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"dtype": []}, "list index out of range"),
        ({"quantization_config": {"quant_method": "awq"}}, "gptqmodel"),
        ({"attn_implementation": "user/kernel"}, "'user/kernel' is code on a hub; none is fetched"),
        ({"prefix": None}, "prefix is None; a text is needed"),
        ({"prefix": "\ud800"}, "surrogates not allowed"),
    ],
    ids=str,
)
def test_fields_that_made_transformers_raise_another_kind_of_error(saved, fields, reason):
    changed(saved, **fields)
    with pytest.raises(CheckpointError, match=reason):
        drugtext.load(saved)


@pytest.mark.parametrize("field", [{"model_max_length": "x"}, {"unk_token": None}], ids=str)
def test_tokenizers_that_failed_at_the_first_text(saved, field):
    file = saved / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | field))
    seal(saved)
    with pytest.raises(EncoderError, match="cannot be loaded"):
        drugtext.load(saved)


@pytest.mark.parametrize("limit", [float("nan"), -1, 0, 2])
def test_tokenizers_that_take_no_token(saved, limit):
    file = saved / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_max_length": limit}))
    seal(saved)
    with pytest.raises(CheckpointError, match=f"model_max_length is {limit}; a number of tokens"):
        drugtext.load(saved)


@pytest.mark.parametrize("name", ["head.prototypes", "head.memory.scales"])
def test_weights_that_are_no_numbers_were_answered_with(saved, name):
    weights = load_file(saved / "model.safetensors")
    weights[name].view(-1)[1] = float("nan")
    save_file(weights, saved / "model.safetensors", {"format": "pt"})
    seal(saved)
    with pytest.raises(CheckpointError, match=f"{name} holds what is no number"):
        drugtext.load(saved)


def test_windows_longer_than_the_encoder_failed_at_the_first_long_text(saved, few):
    file = saved / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_max_length": 10**30}))
    tokens = {"section_tokens": [["indications_and_usage", 5000]], "window_tokens": 5000}
    changed(saved, reading_plan=few.reading_plan.to_dict() | tokens)
    loaded = drugtext.load(saved)
    assert loaded.reading_plan.window_tokens == few.model.n_positions < 5000
    long = DrugInsert(language="en", sections={"indications_and_usage": "pain relief " * 3000})
    assert loaded.predict([long])[0].tokens_read > few.model.n_positions


def test_a_manifest_that_transformers_left_behind_is_told(few, saved, caplog):
    few.model.save_pretrained(saved)
    assert drugtext.load(saved).category_ids == ["a", "b"]
    assert "are not those of manifest.json and are not checked" in caplog.text


def test_an_encoder_whose_vocabulary_is_lost_read_every_word_as_unknown(
    tiny_encoder_folder, tmp_path
):
    folder = shutil.copytree(tiny_encoder_folder, tmp_path / "encoder")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EncoderError, match="its tokenizer has no vocabulary"):
        drugtext.load(folder)


def test_a_file_that_the_manifest_does_not_name_was_loaded(few, saved, tmp_path):
    save_head(few.model, tmp_path / "head")
    shutil.copy(tmp_path / "head" / "head.safetensors", saved)
    with pytest.raises(CheckpointError, match=r"head\.safetensors: was added, manifest\.json"):
        drugtext.load(saved)
    (saved / "head.safetensors").unlink()
    (saved / "mine.json").write_text("{}")  # nothing reads it
    assert drugtext.load(saved).category_ids == ["a", "b"]
    (saved / "manifest.json").write_text('{"sha256": {}}')
    with pytest.raises(CheckpointError, match=r"manifest\.json does not name it"):
        drugtext.load(saved)


def test_files_of_the_tokenizer_before_do_not_stay(few, saved):
    for name in ("vocab.txt", "special_tokens_map.json"):
        (saved / name).write_text("")
    few.save_pretrained(saved)
    assert drugtext.load(saved).category_ids == ["a", "b"]
    assert not (saved / "vocab.txt").exists()


@pytest.mark.parametrize("name", ["a\0b", "\ud800"], ids=["zero byte", "half character"])
def test_a_manifest_of_names_that_no_file_can_have(saved, name):
    (saved / "manifest.json").write_text(json.dumps({"sha256": {name: "0"}}))
    with pytest.raises(CheckpointError, match="is missing"):
        drugtext.load(saved)


def test_a_folder_in_the_place_of_the_manifest_was_taken_for_none(saved):
    (saved / "manifest.json").unlink()
    (saved / "manifest.json").mkdir()
    with pytest.raises(CheckpointError, match="cannot be read"):
        drugtext.load(saved)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_a_file_was_waited_for(saved):
    (saved / "model.safetensors").unlink()
    os.mkfifo(saved / "model.safetensors")
    with pytest.raises(CheckpointError, match="it is no regular file"):
        drugtext.load(saved)


def test_another_kind_of_model_was_loaded_without_a_look_at_the_manifest(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config["encoder_config"]))
    with pytest.raises(CheckpointError, match=r"config\.json: is damaged or was changed"):
        drugtext.load(saved)


def test_a_name_that_is_too_long_for_a_file():
    with pytest.raises(CheckpointError, match="is no folder and no bundled checkpoint"):
        drugtext.load("x" * 5000)


def test_a_special_token_by_another_name_is_one_that_the_encoder_does_not_know(saved):
    file = saved / "tokenizer_config.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(told | {"sep_token": "[SE@]"}), encoding="utf-8")
    seal(saved)
    with pytest.raises(CheckpointError, match=r"and the encoder knows .* tokens, numbered from 0"):
        drugtext.load(saved)
