"""The scripts, run as a user runs them: inserts -> corpus -> checkpoint -> predictions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from huggingface_hub import DatasetCard, ModelCard
from safetensors.torch import load_file, load_model

import drugtext
from drugtext.episode_heads import HEADS
from drugtext.splits import SPLITS, ingredient_key, substances

SCRIPTS = Path(__file__).parents[2] / "scripts"
ATC = {
    "C": "CARDIOVASCULAR SYSTEM",
    "C07": "BETA BLOCKING AGENTS",
    "C07A": "BETA BLOCKING AGENTS",
    "C07AB": "Beta blocking agents, selective",
    "C08": "CALCIUM CHANNEL BLOCKERS",
    "C08C": "SELECTIVE CALCIUM CHANNEL BLOCKERS",
    "C08CA": "Dihydropyridine derivatives",
    "J": "ANTIINFECTIVES FOR SYSTEMIC USE",
    "J01": "ANTIBACTERIALS FOR SYSTEMIC USE",
    "J01C": "PENICILLINS",
    "J01CA": "Penicillins with extended spectrum",
    "N": "NERVOUS SYSTEM",
    "N02": "ANALGESICS",
    "N02B": "OTHER ANALGESICS",
    "N02BE": "Anilides",
    "A": "ALIMENTARY TRACT AND METABOLISM",
    "A10": "DRUGS USED IN DIABETES",
    "A10B": "BLOOD GLUCOSE LOWERING DRUGS",
    "A10BA": "Biguanides",
}
PURPOSES = {
    "C07AB": "slows the heart and treats hypertension; a beta receptor antagonist",
    "C08CA": "lowers blood pressure and treats pain of the heart; blocks calcium",
    "J01CA": "treats infection with bacteria; an acid that inhibits an enzyme of bacteria",
    "N02BE": "is used for relief of pain and fever in adults and children",
    "A10BA": "lowers glucose in diabetes, with less sugar from the liver",
}
# Ingredients in the order of their groups, which are equally large: ten go to train, two each to
# validation and test.
CODES = "C07AB C07AB C08CA C08CA J01CA J01CA N02BE N02BE A10BA A10BA C07AB N02BE J01CA A10BA"
INGREDIENTS = [
    *("aldalol", "bevalol", "cedipine", "dodipine", "ecillin", "focillin", "gupamol"),
    *("hipamol", "ivformin", "jaformin", "kevalol", "lupamol", "mocillin", "noformin"),
]
FILLERS = [
    *("morning", "evening", "water", "doctor", "tablet", "dose", "daily"),
    *("mg", "skin", "cough", "sleep", "stomach", "asthma"),
]


def record(number: int, ingredient: str, code: str) -> dict[str, object]:
    """An insert that shares few runs of words with any other."""
    words = [FILLERS[(number * 5 + k * (number % 4 + 1)) % len(FILLERS)] for k in range(30)]
    own = " ".join(f"{word} {number}{k}" for k, word in enumerate(words))
    salt = ("", " sodium", " maleate")[number % 3]
    return {
        "name": f"{ingredient.title()}{salt} {number} mg",
        "kind": "us_full_label" if number % 2 else "indications",
        "language": "en",
        "ingredients": [ingredient + salt],
        "atc": [f"{code}{number % 9 + 1:02}"],
        "sections": {
            "indications_and_usage": f"{ingredient.title()} {PURPOSES[code]}. {own}.",
            "description": f"Sold as Brand{ingredient}, a tablet of {number} mg.",
        },
    }


def run(script: str, *arguments: object, folder: Path, code: int = 0) -> str:
    """Run a script in a folder of its own; return what it printed, errors included."""
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *map(str, arguments)],
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


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Inserts, ATC codes, brands and synonyms, as the scripts read them."""
    folder = tmp_path_factory.mktemp("scripts")
    records = [
        record(3 * n + k, name, code)
        for n, (name, code) in enumerate(zip(INGREDIENTS, CODES.split(), strict=True))
        for k in range(3)
    ]
    records[1]["ingredients"] = ["aldalolum"]  # tied to aldalol by a synonym alone
    guessed = record(90, "quessalol", "C07AB") | {"atc_source": "keyword_rule"}
    unknown = record(91, "unknownol", "C07AB") | {"atc": []}
    lines = [json.dumps(r) for r in [*records, guessed, unknown]] + ['{"sections": {}}']
    (folder / "inserts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    levels = [f"{code}{n:02},Substance {n} of {code}" for code in PURPOSES for n in range(1, 10)]
    rows = ["code,name", *(f'{code},"{name}"' for code, name in ATC.items()), *levels]
    (folder / "atc.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    brands = [f"Brand{name},{name}" for name in INGREDIENTS]
    text = "\n".join(["brand,ingredients", *brands]) + "\n"
    (folder / "brands.csv").write_text(text, encoding="utf-8")
    text = "Common name,Synonyms\nAldalol,Aldalolum | Aldalole\nBevalol,\n"
    (folder / "synonyms.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def corpus(folder) -> Path:
    build(folder)
    return folder / "runs" / "corpus"


def build(folder: Path) -> str:
    return run(
        *("build_corpus.py", "inserts.jsonl", "--output", "runs/corpus"),
        *("--taxonomy", "atc.csv", "--max-depth", 4),
        *("--aliases", "brands.csv", "--synonyms", "synonyms.csv"),
        folder=folder,
    )


@pytest.fixture(scope="module")
def checkpoint(folder, corpus, tiny_encoder_folder) -> Path:
    train(folder, corpus, tiny_encoder_folder)
    return folder / "runs" / "checkpoint"


def train(folder: Path, corpus: Path, encoder: Path) -> str:
    return run(
        *("train_checkpoint.py", corpus, "--taxonomy", "atc.csv"),
        *("--output", "runs/checkpoint", "--encoder", encoder, "--steps", 1),
        folder=folder,
    )


def test_corpus_is_written_as_parquet_with_a_card(corpus):
    assert set(contents(corpus)) == {"README.md", *(f"{split}.parquet" for split in SPLITS)}
    parts = {split: Dataset.from_parquet(str(corpus / f"{split}.parquet")) for split in SPLITS}
    assert {split: len(part) for split, part in parts.items()} == {
        "train": 30,
        "validation": 6,
        "test": 6,
    }
    for part in parts.values():
        assert all(len(path) == 4 for path in part["category_path"])
        assert set(part["category_id"]) <= set(PURPOSES)
        for row in part.to_list():
            for word in (*row["ingredients"], *(f"brand{i}" for i in row["ingredients"])):
                assert word in row["text"].lower() and word not in row["masked"].lower()
    card = DatasetCard.load(corpus / "README.md")
    assert card.data.language == ["en"]
    assert "build_corpus.py" in card.text and "no category" in card.text
    assert "not readable" in card.text


def test_no_ingredient_stands_in_two_parquet_files(corpus):
    named = {
        split: {
            substance
            for names in Dataset.from_parquet(str(corpus / f"{split}.parquet"))["ingredients"]
            for name in names
            for substance in substances(ingredient_key(name))
        }
        for split in SPLITS
    }
    assert sum(map(len, named.values())) == len(set().union(*named.values())) == len(INGREDIENTS)
    assert set().union(*named.values()) == set(INGREDIENTS)  # no synonym, none guessed


def test_a_second_corpus_is_the_same(folder, corpus):
    before = contents(corpus)
    build(folder)
    assert contents(corpus) == before


def test_a_checkpoint_loads_and_predicts(checkpoint, folder):
    classifier = drugtext.load(checkpoint)
    assert set(classifier.category_ids) == set(PURPOSES)
    errors = []
    inserts = list(drugtext.read_inserts(folder / "inserts.jsonl", on_error=errors.append))
    assert len(errors) == 1
    predictions = classifier.predict(inserts)
    assert len(predictions) == 44
    for prediction in predictions:
        assert prediction.category_id in PURPOSES
        assert prediction.path[0].id == prediction.category_id[0]
        assert prediction.path[-1].name == ATC[prediction.category_id]
    right = [
        insert.categories["atc"][0].startswith(prediction.category_id)
        for insert, prediction in zip(inserts[:42], predictions, strict=False)
    ]
    assert sum(right) > len(right) / 2  # it was trained on them, over an encoder of random weights


def test_a_checkpoint_tells_how_it_was_made(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    assert set(config["measured"]["forms"]) == {
        *("all, masked", "all, plain", "full documents, masked", "full documents, plain")
    }
    assert "6 inserts of 2 ingredients" in config["measured"]["note"]
    assert config["training"]["n_inserts"] == 42
    assert len(config["training"]["corpus_sha256"]) == 64
    assert sum(config["n_support"]) == 42
    card = ModelCard.load(checkpoint / "README.md")
    assert "drugtext" in card.data.tags
    assert "5 categories" in card.text and "Not measured" not in card.text


def test_a_second_training_is_the_same_and_embeds_nothing_new(
    checkpoint, corpus, folder, tiny_encoder_folder
):
    before, kept = contents(checkpoint), windows(corpus)
    assert kept
    tensors = load_file(checkpoint / "head.safetensors")
    train(folder, corpus, tiny_encoder_folder)
    assert windows(corpus) == kept
    assert contents(checkpoint) == before
    again = load_file(checkpoint / "head.safetensors")
    assert all((again[name] == tensor).all() for name, tensor in tensors.items())


def windows(corpus: Path) -> dict[Path, bytes]:
    files = (corpus.parent / "trained").glob("*/*/windows/*")
    return {file: file.read_bytes() for file in files}


def test_inserts_without_categories_are_told_without_a_traceback(folder, tmp_path):
    unknown = record(91, "unknownol", "C07AB") | {"atc": []}
    (tmp_path / "one.jsonl").write_text(json.dumps(unknown) + "\n", encoding="utf-8")
    told = run(
        *("build_corpus.py", "one.jsonl", "--output", "out", "--taxonomy", folder / "atc.csv"),
        folder=tmp_path,
        code=2,
    )
    assert "error: no insert has both an ingredient and one category of 'atc'" in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_ships_adapter_and_lexicon(checkpoint, corpus):
    found = contents(checkpoint)
    assert {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"} <= set(found)
    tensors = load_file(checkpoint / "head.safetensors")
    assert tensors["lexicon.levels"].dtype == torch.int8 and len(tensors["lexicon.token_ids"]) > 20
    run = json.loads((checkpoint / "run.json").read_text(encoding="utf-8"))
    assert run["step"] == 1 and run["working_directory"] == "." and len(run["losses"]) == 1
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    assert run["corpus"]["sha256"] == config["training"]["corpus_sha256"]
    assert sum(run["corpus"]["inserts"].values()) == config["training"]["n_inserts"]
    # One training on the training split, to be measured, and one on all inserts, to be shipped.
    runs = sorted((corpus.parent / "trained").glob("*/*/run.json"))
    assert len(runs) == 2


def test_a_classifier_is_fine_tuned_to_categories_of_ones_own(folder, tiny_encoder_folder):
    support = folder / "support.csv"
    rows = [
        f"{kind}drug{n},treats {what} in adults,{kind}"
        for kind, what in (("heart", "high blood pressure"), ("skin", "eczema"))
        for n in range(20)
    ]
    support.write_text("\n".join(["name,text,category", *rows]) + "\n", encoding="utf-8")
    arguments = ("finetune_lora.py", "support.csv", "--output", "runs/tuned", "--steps", 2)
    printed = run(*arguments, "--model", tiny_encoder_folder, folder=folder)
    assert "2 categories from 40 inserts" in printed
    tuned = drugtext.load(folder / "runs" / "tuned" / "checkpoint")
    assert tuned.category_ids == ["heart", "skin"] and tuned.model.adapter
    again = run(
        *arguments[:-1],
        3,
        "--model",
        folder / "runs" / "tuned" / "checkpoint",
        folder=folder,
        code=2,
    )
    assert "Give another folder" in again


def test_an_adapter_is_meta_trained(folder, corpus, tiny_encoder_folder):
    printed = run(
        *("meta_train.py", corpus, "--taxonomy", "atc.csv", "--output", "runs/meta-adapter"),
        *("--model", tiny_encoder_folder, "--steps", 1, "--hold-out-level", 4),
        *("--hold-out", 0.4),
        folder=folder,
    )
    assert "few-shot accuracy on 2 held-out categories" in printed
    meta = folder / "runs" / "meta-adapter"
    assert (meta / "adapter" / "adapter_model.safetensors").is_file()
    head = HEADS["cosine"](16)
    load_model(head, meta / "head.safetensors")
    assert head.name_weight > 0
    run_json = json.loads((meta / "run.json").read_text(encoding="utf-8"))
    assert len(run_json["told"]["inserts"]) == 64


def test_a_meta_trained_encoder_goes_on_to_a_new_taxonomy(folder):
    start = folder / "runs" / "meta-adapter" / "checkpoint"
    assert drugtext.load(start).category_ids == [] and drugtext.load(start).model.adapter
    support = folder / "shelves.csv"
    rows = [f"drug{n}{s},treats {s} in adults,{s}" for s in ("pain", "cough") for n in range(20)]
    support.write_text("\n".join(["name,text,category", *rows]) + "\n", encoding="utf-8")
    arguments = ("finetune_lora.py", "shelves.csv", "--output", "runs/on", "--steps", 1)
    assert "2 categories from 40 inserts" in run(*arguments, "--model", start, folder=folder)
    before = drugtext.load(start).model.adapter.weights
    after = drugtext.load(folder / "runs" / "on" / "checkpoint").model.adapter.weights
    assert before.keys() == after.keys()
    steps = {name: float((after[name] - weight).abs().max()) for name, weight in before.items()}
    assert 0 < max(steps.values()) < 0.1  # trained on, not anew


def test_an_encoder_is_adapted_without_categories(folder, tiny_encoder_folder):
    printed = run(
        *("adapt_encoder.py", "inserts.jsonl", "--output", "runs/adapted-encoder"),
        *("--model", tiny_encoder_folder, "--steps", 1, "--pairs", 4),
        folder=folder,
    )
    assert "after 1 steps" in printed and "left out" in printed
    again = run(
        *("adapt_encoder.py", "inserts.jsonl", "--output", "runs/other", "--pairs", 999),
        *("--model", tiny_encoder_folder),
        folder=folder,
        code=2,
    )
    assert "999 (n_pairs) are needed" in again
