"""The Hugging Face Hub, over real HTTP, against one in this process: up, down, and what goes wrong.

Each program runs in a process of its own, as huggingface_hub reads its settings once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import TOKEN, Hub, hub_settings, running_hub

PUBLISH = Path(__file__).parents[1] / "scripts" / "publish.py"
START = """
import sys, drugtext
from drugtext.errors import DrugTextError
inserts = [
    drugtext.DrugInsert(language="en", sections={"indications_and_usage": text})
    for text in ("relief of pain", "lowers blood pressure")
]
def tried(what):
    try:
        print(what())
    except DrugTextError as error:
        print("refused:", error)
"""


@pytest.fixture
def hub():
    with running_hub() as running:
        yield running


@pytest.fixture(scope="module")
def few(adapted_classifier, tmp_path_factory) -> str:
    """The folder of a classifier with an adapter, saved."""
    import drugtext

    folder = tmp_path_factory.mktemp("few")
    inserts = [
        drugtext.DrugInsert(language="en", sections={"indications_and_usage": text})
        for text in ("relief of pain", "lowers blood pressure")
    ]
    adapted_classifier.fit(inserts, ["pain", "heart"]).save_pretrained(folder)
    return str(folder)


def run(hub: Hub, home: Path, *call: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *call],
        capture_output=True,
        text=True,
        env=os.environ | hub_settings(hub, home, token) | {"COLUMNS": "300"},
        cwd=home,
        check=False,
    )


def lines(hub: Hub, home: Path, code: str, *arguments: str, token: str = TOKEN) -> list[str]:
    done = run(hub, home, "-c", START + code, *arguments, token=token)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_pushed_and_loaded_by_id_it_answers_the_same(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1])
print(few.push_to_hub("user/repo", private=True))
again = drugtext.DrugClassifier.from_pretrained("user/repo")
print(again.predict(inserts) == few.predict(inserts), again.category_ids)
import transformers
pipe = transformers.pipeline("text-classification", model="user/repo")
print(pipe("relief of pain")[0]["label"])
pipe = transformers.pipeline("drug-insert-classification", model="user/repo")
print(pipe(inserts[1])["category_id"])
"""
    found = lines(hub, tmp_path, code, few)
    assert found[0].startswith(f"{hub.address}/user/repo/commit/")
    assert found[1:] == ["True ['pain', 'heart']", "pain", "heart"]
    repo = hub.repos["user/repo"]
    assert repo.is_private
    assert {
        "README.md",
        "config.json",
        "model.py",
        "model.safetensors",
        "tokenizer.json",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
    } <= set(repo.files)
    assert hub.blobs, "the weights go by LFS"


def test_a_revision_stays_what_it_was(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1])
first = few.push_to_hub("user/repo").rpartition("/")[2]
few.add_category("more", inserts[:1]).push_to_hub("user/repo")
print(drugtext.load("user/repo").category_ids)
print(drugtext.load("user/repo", revision=first).category_ids)
tried(lambda: drugtext.load("user/repo", revision="never"))
"""
    found = lines(hub, tmp_path, code, few)
    assert found[:2] == ["['pain', 'heart', 'more']", "['pain', 'heart']"]
    assert found[2].startswith("refused: 'user/repo' is no folder and no bundled checkpoint")
    assert "no hub answers for 'user/repo' at revision 'never'" in found[2]


def test_a_push_over_a_push_leaves_nothing_of_the_first(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1]).fit(inserts, ["pain", "heart"])
few.push_to_hub("user/repo", with_known_drugs=True)
print(len(drugtext.load("user/repo").drug_names))
more = few.add_category("more", inserts[:1])
more.push_to_hub("user/repo")
again = drugtext.load("user/repo")
print(again.drug_names, again.predict(inserts) == more.predict(inserts))
"""
    assert lines(hub, tmp_path, code, few) == ["2", "None True"]
    assert "known_drugs.json" not in hub.repos["user/repo"].files


def test_the_adapter_alone_is_put_on_the_raw_encoder_by_peft(
    hub, few, tiny_encoder_folder, tmp_path
):
    code = """
import torch, transformers, peft
few = drugtext.load(sys.argv[1])
few.push_to_hub("user/repo")
raw = transformers.AutoModel.from_pretrained(sys.argv[2])
told = few.tokenizer(["relief of pain"], return_tensors="pt")
before = raw(**told).last_hidden_state
model = peft.PeftModel.from_pretrained(raw, "user/repo", subfolder="adapter").eval()
merged = few.model.encoder(**told).last_hidden_state
print(torch.allclose(model(**told).last_hidden_state, merged, atol=1e-5))
print(model.peft_config["default"].r)
"""
    assert lines(hub, tmp_path, code, few, str(tiny_encoder_folder)) == ["True", "2"]


def test_who_may_not_is_refused_in_plain_words(hub, few, tmp_path):
    push = 'tried(lambda: drugtext.load(sys.argv[1]).push_to_hub("user/repo", private=True))'
    refused = lines(hub, tmp_path, push, few, token="hf_wrong")
    assert refused[0].startswith("refused: user/repo: the upload failed")
    assert "hf auth login" in refused[0] and hub.repos == {}

    lines(hub, tmp_path, push, few)
    load = 'tried(lambda: drugtext.load("user/repo"))'
    assert lines(hub, tmp_path / "a", load, token="hf_wrong")[0].startswith("refused: 'user/repo'")
    assert lines(hub, tmp_path / "b", load)[0].startswith("DrugClassifier(2 categories")


def test_what_is_missing_or_too_new_is_refused(hub, few, tmp_path):
    code = """
tried(lambda: drugtext.load("user/nothing"))
few = drugtext.load(sys.argv[1])
few.model.config.format_version = 99
few.push_to_hub("user/newer")
tried(lambda: drugtext.load("user/newer"))
"""
    nothing, newer = lines(hub, tmp_path, code, few)
    assert nothing.startswith("refused: 'user/nothing' is no folder and no bundled checkpoint")
    assert "format version 99, this drugtext reads up to 2" in newer
    assert "pip install --upgrade drugtext" in newer


def test_a_download_that_broke_off_goes_on(hub, few, tmp_path):
    lines(hub, tmp_path, 'drugtext.load(sys.argv[1]).push_to_hub("user/repo")', few)
    hub.breaks = 2
    load = """
clf = drugtext.load("user/repo")
print(clf.predict(inserts) == drugtext.load(sys.argv[1]).predict(inserts))
"""
    assert lines(hub, tmp_path / "new", load, few) == ["True"]
    assert hub.breaks == 0


def test_a_hub_that_is_gone_is_told(hub, few, tmp_path):
    lines(hub, tmp_path, 'drugtext.load(sys.argv[1]).push_to_hub("user/repo")', few)
    hub.breaks = 1000
    refused = lines(hub, tmp_path / "new", 'tried(lambda: drugtext.load("user/repo"))')
    assert refused[0].startswith("refused: 'user/repo' is no folder and no bundled checkpoint")


def test_scripts_publish_models_and_data_sets(hub, few, tmp_path):
    from datasets import Dataset

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for split, n in (("train", 3), ("test", 2)):
        rows = Dataset.from_dict({"text": [f"{split} {i}" for i in range(n)]})
        rows.to_parquet(corpus / f"{split}.parquet")
    card = "---\npretty_name: mine\n---\n# Mine\n"
    (corpus / "README.md").write_text(card)
    done = run(hub, tmp_path, str(PUBLISH), str(corpus), "user/inserts", "--private")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.address}/datasets/user/inserts/commit/")
    code = """
import datasets
found = datasets.load_dataset("user/inserts")
print({split: rows["text"][:] for split, rows in found.items()})
"""
    assert lines(hub, tmp_path, code) == [
        "{'train': ['train 0', 'train 1', 'train 2'], 'test': ['test 0', 'test 1']}"
    ]
    done = run(hub, tmp_path, str(PUBLISH), few, "user/model")
    assert done.returncode == 0 and "model.safetensors" in hub.repos["user/model"].files

    done = run(hub, tmp_path, str(PUBLISH), str(tmp_path / "nowhere"), "user/model")
    assert done.returncode == 2 and "found neither config.json nor Parquet files" in done.stderr
