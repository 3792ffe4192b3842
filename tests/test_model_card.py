"""The model card: what the hub reads of it, and that every number in it was measured."""

from __future__ import annotations

import json

import pytest
from huggingface_hub import ModelCard
from typer.testing import CliRunner

import drugtext
from drugtext import DrugInsert
from drugtext.bundled import bundled_checkpoints
from drugtext.cli import app
from drugtext.config import DrugTextConfig
from drugtext.evaluation.evaluate import evaluate
from drugtext.manifest import check_manifest
from drugtext.model_card import is_hub_id, model_card

LEVEL = {
    "level": 1,
    "n_inserts": 10,
    "n_unknown": 0,
    "accuracy": 0.8123,
    "low": 0.7,
    "high": 0.9,
    "by_ingredient": 0.75,
    "top_3": 0.95,
    "calibration_error": 0.0456,
    "calibration_low": 0.031,
    "calibration_high": 0.09,
}


def config(**changes: object) -> DrugTextConfig:
    told = {
        "encoder_name": "user/encoder",
        "id2label": {0: "C07A", 1: "C08C", 2: "N02B"},
        "n_support": [3, 2, 4],
        "taxonomy_name": "mine",
        "taxonomy": [
            ["C", "HEART", ""],
            ["C07A", "beta blockers", "C"],
            ["C08C", "calcium channel blockers", "C"],
            ["N", "NERVES", ""],
            ["N02B", "analgesics", "N"],
        ],
        "languages": ["en"],
    }
    return DrugTextConfig(**(told | changes))


def test_calibration_of_each_level_and_false_alarms_stand_in_the_card():
    older = {name: value for name, value in LEVEL.items() if "calibration" not in name}
    forms = {"all, plain": {"levels": [LEVEL, older], "calibration_error": 0.05, "n_inserts": 10}}
    told = config(measured={"forms": forms, "note": ""}, scope_threshold=-1.0)
    card = model_card(told)
    assert "| 0.812 | 0.046 (0.031 to 0.090) |" in card and "| 0.812 | — |" in card
    assert "out of scope" not in card
    told.scope_false_alarms = 0.05
    assert "call 5% of held-out inserts" in model_card(told)
    told.scope_threshold = None
    card = model_card(told)
    assert "`in_scope` is true of any text" in card and "5% of held-out" not in card


def test_what_was_measured_stands_in_the_model_index():
    levels = [LEVEL, LEVEL | {"level": 2, "accuracy": 0.6}]
    forms = {
        form: {"levels": levels, "calibration_error": 0.05, "n_inserts": 10}
        for form in ("all, masked", "all, plain")
    }
    told = config(measured={"forms": forms, "note": ""}, license="mit")
    card = ModelCard(model_card(told))
    assert {
        (r.dataset_config, r.dataset_split, r.metric_type, r.metric_value)
        for r in card.data.eval_results
    } == {
        (form, split, "accuracy", value)
        for form in forms
        for split, value in (("level 1", 0.8123), ("level 2", 0.6))
    }
    assert card.data.metrics == ["accuracy"] and card.data.license == "mit"
    assert card.data.datasets is None, "no data set on a hub has them"
    assert {r.dataset_name for r in card.data.eval_results} == {
        "drug inserts of ingredients not trained on"
    }
    own = config(measured={"forms": forms, "note": "", "dataset": "held-out.jsonl"})
    assert {r.dataset_name for r in ModelCard(model_card(own)).data.eval_results} == {
        "held-out.jsonl"
    }
    assert card.data.base_model == "user/encoder" and card.data.language == ["en"]
    assert "0.812 (0.700 to 0.900)" in card.text


def test_what_was_not_measured_is_not_told():
    card = ModelCard(model_card(config()))
    assert card.data.eval_results is None and card.data.metrics is None
    assert "Not measured." in card.text and "Training:" not in card.text
    assert "LoRA" not in card.text and "Lexicon" not in card.text


def test_parts_of_the_model_are_told():
    told = config(
        has_adapter=True,
        lexicon={"n_tokens": 4000, "dim": 384, "weight": 0.5},
        training={"script": "scripts/x.py", "seed": 3, "versions": {"torch": "2.13"}},
    )
    text = ModelCard(model_card(told)).text
    assert "with a LoRA adapter (in `adapter/`)" in text and "vectors of 4000 word pieces" in text
    assert "- Training: script scripts/x.py, seed 3; with torch 2.13." in text


def test_a_few_categories_are_listed_and_many_counted():
    few = ModelCard(model_card(config())).text
    assert "- `C07A` beta blockers\n- `C08C` calcium channel blockers\n- `N02B` analgesics" in few
    ids = [f"C{n:02}" for n in range(40)]
    many = config(
        id2label=dict(enumerate(ids)),
        n_support=[1] * 40,
        taxonomy=[["C", "HEART", ""], *([i, f"kind {i}", "C"] for i in ids)],
    )
    assert "- `C` HEART: 40\n" in ModelCard(model_card(many)).text
    flat = config(
        id2label=dict(enumerate(ids)), n_support=[1] * 40, taxonomy=[[i, i, ""] for i in ids]
    )
    assert "40 categories; `config.json` lists them." in ModelCard(model_card(flat)).text


@pytest.mark.parametrize("name", bundled_checkpoints())
def test_the_bundled_cards_say_what_their_configurations_say(name):
    folder = bundled_checkpoints()[name]
    bundled = DrugTextConfig.from_pretrained(folder)
    bundled.license = "apache-2.0"
    card = ModelCard.load(folder / "README.md")
    assert card.content == model_card(bundled)
    measured = [level for f in bundled.measured["forms"].values() for level in f["levels"]]
    found = sorted(r.metric_value for r in card.data.eval_results)
    assert found == sorted(level["accuracy"] for level in measured)


def test_a_hub_id_is_no_path(tmp_path, monkeypatch):
    assert is_hub_id("user/repo") and not is_hub_id("repo") and not is_hub_id("/a/b")
    (tmp_path / "user" / "repo").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not is_hub_id("user/repo")


def test_ways_to_use_it_are_told_where_they_are_open():
    plain = ModelCard(model_card(config())).text
    assert "revision=" in plain and "trust_remote_code" not in plain and "peft" not in plain
    whole = config(has_adapter=True, auto_map={"AutoConfig": "config.DrugTextConfig"})
    text = ModelCard(model_card(whole, place="me/mine")).text
    assert "trust_remote_code=True" in text and 'model="me/mine"' in text
    assert 'PeftModel.from_pretrained(raw, "me/mine", subfolder="adapter")' in text
    assert 'AutoModel.from_pretrained("user/encoder")' in text


@pytest.fixture
def saved(tiny_classifier, tmp_path):
    inserts = [DrugInsert(language="en", sections={"indications_and_usage": "relief of pain"})]
    tiny_classifier.fit(inserts, ["pain"]).save_pretrained(tmp_path / "saved")
    (tmp_path / "held-out.jsonl").write_text('{"text": "relief of pain", "category": "pain"}\n')
    return tmp_path / "saved"


def judged(*arguments: object):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--backend", "torch"])


def test_what_was_just_measured_is_written_into_a_classifiers_own_card(saved, tmp_path):
    with (saved / "README.md").open("a") as card:
        card.write("\nMine.\n")
    weights = (saved / "model.safetensors").read_bytes()
    data = tmp_path / "held-out.jsonl"
    done = judged(data, "--model", saved)
    assert done.exit_code == 0, done.output
    assert "Not measured." in (saved / "README.md").read_text(), "nobody asked for it"

    done = judged(data, "--model", saved, "--write-card", "--json")
    assert done.exit_code == 0, done.output
    check_manifest(saved)
    card = ModelCard.load(saved / "README.md")
    (result,) = card.data.eval_results
    level = json.loads(done.stdout)["levels"][0]
    assert (result.metric_value, result.dataset_name) == (level["accuracy"], "held-out.jsonl")
    assert "1 inserts; 0 could not be read." in card.text and card.text.endswith("\nMine.\n")
    assert (saved / "model.safetensors").read_bytes() == weights
    again = drugtext.load(saved)
    figures = again.model.config.measured["forms"]["given, as given"]
    assert figures == json.loads(done.stdout)

    insert = DrugInsert(language="en", sections={"indications_and_usage": "relief of pain"})
    assert evaluate(again, [insert], ["pain"]) == figures  # in Python, the same
    again.record(figures, dataset="others", note="Twice.")
    again.save_pretrained(saved)
    assert "Twice." in (saved / "README.md").read_text()
    more = again.add_category("more", [insert])
    more.save_pretrained(saved)
    assert "Not measured." in (saved / "README.md").read_text(), "figures are of other categories"


@pytest.mark.parametrize("model", [[], ["--model", "epc"], ["--model", "user/repo"]])
@pytest.mark.usefixtures("saved")
def test_a_card_that_is_not_ones_own_is_not_written(tmp_path, model):
    done = judged(tmp_path / "held-out.jsonl", *model, "--write-card")
    assert done.exit_code == 2 and "no folder of yours with a config.json" in done.output
