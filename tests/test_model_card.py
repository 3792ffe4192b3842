"""The model card: what the hub reads of it, and that every number in it was measured."""

from __future__ import annotations

import pytest
from huggingface_hub import ModelCard

from drugtext.bundled import bundled_checkpoints
from drugtext.config import DrugTextConfig
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


def test_what_was_measured_stands_in_the_model_index():
    levels = [LEVEL, LEVEL | {"level": 2, "accuracy": 0.6}]
    forms = {
        form: {"levels": levels, "calibration_error": 0.05, "n_inserts": 10}
        for form in ("all, masked", "all, plain")
    }
    card = ModelCard(model_card(config(measured={"forms": forms, "note": ""}), "mit"))
    assert {
        (r.dataset_config, r.dataset_split, r.metric_type, r.metric_value)
        for r in card.data.eval_results
    } == {
        (form, split, "accuracy", value)
        for form in forms
        for split, value in (("level 1", 0.8123), ("level 2", 0.6))
    }
    assert card.data.metrics == ["accuracy"] and card.data.license == "mit"
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
    card = ModelCard.load(folder / "README.md")
    assert card.content == model_card(bundled, "apache-2.0")
    measured = [level for f in bundled.measured["forms"].values() for level in f["levels"]]
    found = sorted(r.metric_value for r in card.data.eval_results)
    assert found == sorted(level["accuracy"] for level in measured)


def test_a_hub_id_is_no_path(tmp_path, monkeypatch):
    assert is_hub_id("user/repo") and not is_hub_id("repo") and not is_hub_id("/a/b")
    (tmp_path / "user" / "repo").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not is_hub_id("user/repo")
