"""Finding, loading, refusing and writing checkpoints."""

from __future__ import annotations

import json

import pytest

import drugtext
from drugtext import DrugInsert
from drugtext.bundled import bundled_checkpoints
from drugtext.checkpoint import save_head
from drugtext.errors import CheckpointError, EncoderError

INSERT = DrugInsert(name="x", language="en", sections={"indications_and_usage": "relief of pain"})


@pytest.fixture
def saved(tiny_classifier, tmp_path):
    tiny_classifier.fit([INSERT, INSERT], ["a", "b"]).save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def test_the_folder_holds_safetensors_and_no_pickle(saved):
    names = {file.name for file in saved.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


def test_the_card_is_what_the_hub_reads(saved):
    from huggingface_hub import ModelCard

    card = ModelCard.load(saved / "README.md")
    assert card.data.library_name == "transformers"
    assert card.data.license == "apache-2.0"


def test_a_cut_off_file_is_refused(saved):
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="the weights are missing or damaged"):
        drugtext.load(saved)


def test_missing_weights_are_refused(saved):
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="the weights are missing or damaged"):
        drugtext.load(saved)


def test_a_broken_config_is_refused(saved):
    (saved / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        drugtext.load(saved)


def test_a_newer_format_is_refused(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"format_version": 99}))
    with pytest.raises(CheckpointError, match=r"format version 99.*Upgrade it"):
        drugtext.load(saved)


def test_a_reading_plan_of_another_kind_is_refused(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"reading_plan": {"pages": 3}}))
    with pytest.raises(CheckpointError, match=r"reading plan .*'pages': 3.* is not understood"):
        drugtext.load(saved)


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"found no config\.json"):
        drugtext.load(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_refused(saved):
    with pytest.raises(CheckpointError, match="is a file; a checkpoint's folder"):
        drugtext.load(saved / "config.json")


def test_an_unknown_name_is_refused_offline():
    with pytest.raises(CheckpointError, match="is no folder and no bundled checkpoint"):
        drugtext.load("nobody/nothing")


def test_a_head_alone_stands_on_the_encoder_it_names(tiny_encoder_folder, tmp_path):
    plain = drugtext.load(tiny_encoder_folder)
    few = plain.fit([INSERT, INSERT], ["a", "b"])
    save_head(few.model, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
    assert drugtext.load(tmp_path).predict([INSERT]) == few.predict([INSERT])
    few.model.config.encoder_name = ""
    with pytest.raises(EncoderError, match="does not say which encoder"):
        save_head(few.model, tmp_path)


def test_bundled_checkpoints_are_small_and_say_how_good_they_are():
    for folder in bundled_checkpoints().values():
        assert sum(f.stat().st_size for f in folder.rglob("*")) < 10 * 2**20
        config = json.loads((folder / "config.json").read_text())
        assert set(config["measured"]["forms"]) >= {"all, masked", "all, plain"}


def test_the_bundled_checkpoint_knows_the_class_of_a_written_insert():
    insert = DrugInsert(
        name="Examplol",
        language="en",
        sections={
            "indications_and_usage": "Examplol tablets are indicated to lower high blood pressure"
            " and for the long-term treatment of angina pectoris.",
            "mechanism_of_action": "Examplol blocks beta-1 adrenergic receptors selectively and so"
            " slows the heart rate.",
        },
    )
    prediction = drugtext.load().predict([insert], top_k=5)[0]
    assert [c.id for c in prediction.path][:2] == ["C", "C07"]
    assert prediction.in_scope
    assert len(prediction.alternatives) == 5
    for above, below in zip(
        prediction.path_probabilities, prediction.path_probabilities[1:], strict=False
    ):
        assert above >= below
