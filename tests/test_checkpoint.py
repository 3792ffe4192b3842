"""Finding, loading, refusing and writing checkpoints."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import drugtext
from drugtext import DrugInsert
from drugtext.adapters import Adapter, default_lora, with_new_adapter
from drugtext.bundled import bundled_checkpoints
from drugtext.checkpoint import checkpoint_folder
from drugtext.checkpoint_writing import save_head
from drugtext.classifier import DrugClassifier
from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import CheckpointError, EncoderError
from drugtext.manifest import check_manifest
from drugtext.reading_plan import ReadingPlan

INSERT = DrugInsert(name="x", language="en", sections={"indications_and_usage": "relief of pain"})


@pytest.fixture
def saved(tiny_classifier, tmp_path):
    """A saved folder without its manifest: what that would find is refused without it, too."""
    tiny_classifier.fit([INSERT, INSERT], ["a", "b"]).save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "manifest.json").unlink()
    return tmp_path / "saved"


def test_the_folder_holds_safetensors_and_no_pickle(saved):
    names = {file.name for file in saved.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]


@pytest.mark.parametrize("whole", [True, False], ids=["whole folder", "head alone"])
def test_adapter_and_lexicon_survive_a_round_trip(tiny_classifier, tmp_path, whole):
    torch.manual_seed(0)
    adapted = with_new_adapter(tiny_classifier.model.encoder, default_lora(init_lora_weights=False))
    words = ["pain", "fever", "heart", "skin", "cough", "sleep", "lung", "vein"]
    told = [f"{a} and {b} of {c}" for a in words for b in words for c in words[:2]]
    inserts = [replace(INSERT, sections={"indications_and_usage": text}) for text in told]
    base = tiny_classifier.with_adapter(Adapter.of(adapted)).with_lexicon(inserts, dim=4)
    fitted = base.fit(inserts[:8], list("abcdabcd"))
    config = fitted.model.config
    assert config.embedding_dim == config.encoder.hidden_size + 4
    assert not (fitted.embed(inserts[:2])[:, :4] == tiny_classifier.embed(inserts[:2])[:, :4]).any()
    if whole:
        fitted.save_pretrained(tmp_path / "saved")
    else:
        save_head(fitted.model, tmp_path / "saved")
    again = drugtext.load(tmp_path / "saved")
    found, expected = again.embed(inserts[:3]), fitted.embed(inserts[:3])
    if whole:
        assert (found == expected).all()
        assert again.predict(inserts[:3]) == fitted.predict(inserts[:3])
    else:  # written in half precision
        assert (found * expected).sum(1) == pytest.approx([1, 1, 1], abs=1e-3)
        told = [c.probabilities(c.embed(inserts)) for c in (again, fitted)]
        assert abs(told[0] - told[1]).max() < 0.05


def test_the_card_is_what_the_hub_reads(saved):
    from huggingface_hub import ModelCard

    card = ModelCard.load(saved / "README.md")
    assert card.data.library_name == "transformers"
    assert card.data.license is None, "nobody said"
    assert card.data.base_model is None, "a folder of this machine is no hub id"


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
    with pytest.raises(CheckpointError, match=r"format version 99.*Install a newer"):
        drugtext.load(saved)


def test_an_older_format_is_refused(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"format_version": 3}))
    with pytest.raises(CheckpointError, match=r"format version 3, .*Learn its categories again"):
        drugtext.load(saved)


def test_a_reading_plan_of_another_kind_is_refused(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"reading_plan": {"pages": 3}}))
    with pytest.raises(CheckpointError, match=r"reading plan is not understood .*pages"):
        drugtext.load(saved)


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"found no config\.json"):
        drugtext.load(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_refused(saved):
    with pytest.raises(CheckpointError, match="is a file; a checkpoint's folder"):
        drugtext.load(saved / "config.json")


def test_a_folder_without_a_name_is_refused(tiny_classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="found the folder ''; a name is needed"):
        tiny_classifier.save_pretrained("")
    assert not any(tmp_path.iterdir())


def test_what_is_offline_is_not_pushed(tiny_classifier):
    with pytest.raises(CheckpointError, match="nobody/nothing: the upload failed"):
        tiny_classifier.push_to_hub("nobody/nothing")


def test_an_unknown_name_is_refused_offline():
    with pytest.raises(CheckpointError, match="is no folder and no bundled checkpoint"):
        drugtext.load("nobody/nothing")


def test_a_folder_called_as_a_bundled_checkpoint_is_not_mistaken(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "epc").mkdir()
    assert checkpoint_folder("epc") == bundled_checkpoints()["epc"], "no checkpoint's folder"
    shutil.copytree(saved, tmp_path / "atc")
    with pytest.raises(CheckpointError, match="'atc' is a bundled checkpoint and a folder here"):
        drugtext.load("atc")
    assert checkpoint_folder(None) == bundled_checkpoints()["atc"], "nothing was named"
    assert drugtext.load(Path("atc").absolute()).category_ids == drugtext.load(saved).category_ids
    with pytest.raises(CheckpointError, match="'' is no folder"):
        drugtext.load("")


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


def test_weights_that_are_missing_from_the_file_are_not_made_up(saved):
    from safetensors.torch import load_file, save_file

    weights = load_file(saved / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("head.")}
    save_file(kept, saved / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"weights are missing or damaged .*head\."):
        drugtext.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": "x"},
        {"taxonomy": [["a", "a"]]},
        {"taxonomy": []},
        {"id2label": {}},
        {"reading_plan": 3},
        {"encoder_config": 3},
        {"few_shot": {"scale": "3"}},
        {"few_shot": {"scale": None}},
        {"few_shot": {"growth": 10**400}},
        {"few_shot": {"strangeness": {"1": [0.5]}}},
        {"few_shot": {"strangeness": [0.5]}, "strangeness": {"1": 3}},
        {"strangeness": {"1": "0.5"}},
        {"strangeness": {"1": ["0.5", "0.6"]}},
        {"strangeness": {"short": 1}},
        {"strangeness": {"short": {"long": [0.5]}}},
        {"strangeness": {"1": 3}},
        {"strangeness": {"narrow": {"1": [0.5]}}},
        {"scope_threshold": "0.5"},
        {"scope_false_alarms": "5%"},
        {"few_shot": {"softening": 2}},
        {"n_known": 99},
        {"n_levels": 2},
        {"n_levels": 10**9},
    ],
)
def test_a_tampered_config_is_refused(saved, change):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(CheckpointError):
        drugtext.load(saved)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda head: head.doubts.fill_(2), "the head's doubts are not from 0 to 1"),
        (lambda head: head.memory.rows.fill_(7), "the head names a category that is not there"),
        (lambda head: head.nodes.fill_(-1), "the head names a category that is not there"),
        (lambda head: head.nodes.copy_(head.nodes.flip(1)), "the head's tree is not that of the"),
    ],
)
def test_a_head_that_does_not_fit_its_categories_is_refused(tiny_classifier, damage, told):
    few = tiny_classifier.fit([INSERT, INSERT], ["a", "b"])
    with torch.no_grad():
        damage(few.model.head)
    with pytest.raises(CheckpointError, match=told):
        DrugClassifier(few.model, few.tokenizer)


def test_a_package_without_checkpoints_says_so(tmp_path):
    shutil.copytree(
        Path(drugtext.__file__).parent,
        tmp_path / "drugtext",
        ignore=shutil.ignore_patterns("checkpoints", "__pycache__"),
    )
    code = "import drugtext\ntry: drugtext.load()\nexcept drugtext.DrugTextError as e: print(e)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert "the bundled checkpoint 'atc' is missing; reinstall drugtext." in done.stdout


def test_a_saved_folder_keeps_the_plan_it_was_made_with(saved):
    config = json.loads((saved / "config.json").read_text())
    plan = ReadingPlan.from_dict(config["reading_plan"])
    assert list(plan.section_tokens) == list(ReadingPlan().section_tokens)
    assert plan.section_weights == ReadingPlan().section_weights
    assert plan.once_tokens == ReadingPlan().once_tokens is not None
    other = plan.to_dict() | {"section_tokens": [["warnings", 9], ["description", 8]]}
    (saved / "config.json").write_text(json.dumps(config | {"reading_plan": other}))
    again = drugtext.load(saved).reading_plan
    assert list(again.section_tokens.items()) == [("warnings", 9), ("description", 8)]
    assert again.once_tokens == ReadingPlan().once_tokens
    older = {name: value for name, value in other.items() if name != "once_tokens"}
    (saved / "config.json").write_text(json.dumps(config | {"reading_plan": older}))
    assert drugtext.load(saved).reading_plan.once_tokens is None, "it reads all twice, as it did"


def test_the_windows_of_a_plan_are_no_longer_than_the_encoder_allows(tiny_classifier):
    other = copy.copy(tiny_classifier)
    longest = tiny_classifier.reading_plan.window_tokens
    other.reading_plan = ReadingPlan(window_tokens=10 * longest)
    assert other.reading_plan.window_tokens == longest
    other.reading_plan = ReadingPlan(window_tokens=longest - 1)
    assert other.reading_plan.window_tokens == longest - 1


def test_no_path_of_this_machine_is_saved(saved, tiny_encoder_folder):
    for file in ("config.json", "README.md"):
        assert str(tiny_encoder_folder) not in (saved / file).read_text()


@pytest.mark.parametrize("lexicon", [{"dim": 4}, {"n_tokens": "x", "dim": 4}, {"words": 3}])
def test_a_lexicon_of_another_kind_is_refused(saved, lexicon):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"lexicon": lexicon}))
    with pytest.raises(CheckpointError, match="missing or damaged"):
        drugtext.load(saved)


def test_an_adapter_that_is_lost_is_missed(saved):
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"has_adapter": True}))
    with pytest.raises(CheckpointError, match="adapter: cannot be put on the encoder"):
        drugtext.load(saved)


def test_a_whole_classifier_takes_the_place_of_a_head(tiny_classifier, tmp_path):
    save_head(tiny_classifier.fit([INSERT], ["old"]).model, tmp_path / "same")
    tiny_classifier.fit([INSERT], ["new"]).save_pretrained(tmp_path / "same")
    assert drugtext.load(tmp_path / "same").category_ids == ["new"]


def test_a_revision_of_what_is_here_is_refused(saved):
    for name in (saved, "atc"):
        with pytest.raises(CheckpointError, match="has no revision 'v9'"):
            drugtext.load(name, revision="v9")


def test_the_license_is_that_of_what_it_was_learnt_over(tmp_path):
    for name in ("atc", DEFAULT_ENCODER):
        learnt = drugtext.load(name).fit([INSERT], ["pain"])
        assert learnt.model.config.license == "apache-2.0"
    save_head(learnt.model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["license"] == "apache-2.0"


def test_what_transformers_saved_over_a_head_is_what_is_loaded(tiny_classifier, tmp_path):
    save_head(tiny_classifier.fit([INSERT], ["old"]).model, tmp_path)
    new = tiny_classifier.fit([INSERT], ["new"])
    new.model.save_pretrained(tmp_path)
    new.tokenizer.save_pretrained(tmp_path)
    again = drugtext.load(tmp_path)
    assert again.category_ids == ["new"] and again.predict([INSERT]) == new.predict([INSERT])
    again.save_pretrained(tmp_path)
    check_manifest(tmp_path)
    assert not json.loads((tmp_path / "config.json").read_text()).get("saved_by_transformers")


def test_the_table_of_the_docs_names_every_file_of_a_folder(adapted_classifier, tmp_path):
    few = adapted_classifier.fit([INSERT], ["pain"])
    few.save_pretrained(tmp_path, with_known_drugs=True)
    page = (Path(__file__).parents[1] / "docs" / "publish.md").read_text(encoding="utf-8")
    table = page.partition("## What is in the folder")[2].partition("\n\nAll weights")[0]
    named = {
        name
        for row in table.splitlines()[4:]
        for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
    there = {f"{p.name}/" if p.is_dir() else p.name for p in tmp_path.iterdir()}
    code = {name for name in there if name.endswith(".py")}
    assert named == (there - code) | {"model.py"} and named & code
