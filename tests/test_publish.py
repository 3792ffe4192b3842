"""scripts/publish.py: a folder of a classifier or of a corpus becomes a repository on a hub."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hub_cards import faults
from hub_programs import lines, run, save_few
from huggingface_hub import ModelCard

from drugtext.bundled import bundled_checkpoints

PUBLISH = str(Path(__file__).parents[1] / "scripts" / "publish.py")


@pytest.fixture(scope="module")
def few(adapted_classifier, tmp_path_factory) -> str:
    return save_few(adapted_classifier, tmp_path_factory.mktemp("few"))


def test_scripts_publish_a_folder_as_a_model_that_every_door_opens(hub, few, tmp_path):
    told = ["--private", "--dataset", "user/inserts", "--dataset", "user/more"]
    done = run(hub, tmp_path, PUBLISH, few, "user/model", *told)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.address}/user/model/commit/")
    assert "model.safetensors" in hub.repos["user/model"].files
    assert hub.repos["user/model"].is_private
    card = ModelCard(hub.repos["user/model"].files["README.md"].decode())
    assert card.data.datasets == ["user/inserts", "user/more"] and not faults(card.content, "model")

    bundled = tmp_path / "bundled"  # its encoder is not in the folder
    shutil.copytree(bundled_checkpoints()["epc"], bundled)
    done = run(hub, tmp_path, PUBLISH, str(bundled), "user/epc")
    assert done.returncode == 0, done.stderr
    files = hub.repos["user/epc"].files
    assert "head.safetensors" not in files
    assert {"model.safetensors", "tokenizer.json", "known_drugs.json"} <= set(files)

    done = run(hub, tmp_path, PUBLISH, str(tmp_path / "nowhere"), "user/model")
    assert done.returncode == 2 and "found neither config.json nor Parquet files" in done.stderr
    (bundled / "config.json").write_text("{}")
    done = run(hub, tmp_path, PUBLISH, str(bundled), "user/damaged")
    assert done.returncode == 2 and "user/damaged" not in hub.repos


def test_a_corpus_is_published_and_its_splits_are_loaded(hub, tmp_path):
    write = """
import sys
from pathlib import Path
from drugtext.corpus_files import write_corpus
from drugtext.taxonomy import Taxonomy
Path("atc.csv").write_text("code,name\\nN,NERVES\\nN02,ANALGESICS\\nC,HEART\\nC07,BETA BLOCKERS\\n")
with open("inserts.jsonl", "w") as file:
    for n in range(24):
        code, text = (("N02", "relief of pain"), ("C07", "lowers blood pressure"))[n % 2]
        own = " ".join(f"word{n}x{k}" for k in range(20))
        print(
            f'{{"name": "Drug{n}", "language": "en", "ingredients": ["drug{n}ol"],'
            f' "atc": ["{code}"], "sections": {{"indications_and_usage": "{text} {own}"}}}}',
            file=file,
        )
tree = Taxonomy.from_atc(Path("atc.csv"))
write_corpus([Path("inserts.jsonl")], tree, Path("corpus"), command="make")
"""
    done = run(hub, tmp_path, "-c", write)
    assert done.returncode == 0, done.stderr
    corpus = tmp_path / "corpus"
    done = run(hub, tmp_path, PUBLISH, str(corpus), "user/inserts", "--private")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.address}/datasets/user/inserts/commit/")
    assert hub.repos["datasets/user/inserts"].is_private
    (corpus / "validation.parquet").unlink()
    card = (corpus / "README.md").read_text()
    gone = "  - split: validation\n    path: validation.parquet\n"
    assert gone in card
    (corpus / "README.md").write_text(card.replace(gone, ""))
    first = done.stdout.strip().rpartition("/")[2]
    done = run(hub, tmp_path, PUBLISH, str(corpus), "user/inserts")
    assert done.returncode == 0, done.stderr
    load = """
import datasets
for revision in (sys.argv[1], "main"):
    found = datasets.load_dataset("user/inserts", revision=revision)
    print(sorted(found), sum(len(rows) for rows in found.values()), found["test"].column_names)
"""
    both, newest = lines(hub, tmp_path, load, first)
    assert both.startswith("['test', 'train', 'validation'] 24") and "'category_path'" in both
    assert newest.startswith("['test', 'train'] ")
    assert hub.repos["datasets/user/inserts"].is_private
    stranger = "import datasets; datasets.load_dataset('user/inserts')"
    assert run(hub, tmp_path / "b", "-c", stranger, token="").returncode != 0
