"""Cards on a hub: it takes all that drugtext writes, and what people add to them stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_cards import faults
from hub_programs import PUSH, lines, run, save_few
from huggingface_hub import ModelCard

from drugtext.bundled import bundled_checkpoints

PROJECT = Path(__file__).parents[1]
SENTENCE = "It was checked by two pharmacists."
BAD = """---
license: my-own
language: [english]
pipeline_tag: drug-guessing
metrics: [goodness]
base_model: /home/me/encoder
model-index:
- name: it
  results:
  - task: {type: text-classification}
    metrics: [{type: accuracy, value: 1.0}]
---
"""


@pytest.fixture(scope="module")
def few(adapted_classifier, tmp_path_factory) -> Path:
    return Path(save_few(adapted_classifier, tmp_path_factory.mktemp("few")))


def edit(folder: Path, old: str, new: str) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert old in card
    (folder / "README.md").write_text(card.replace(old, new, 1), encoding="utf-8")


def test_the_hub_takes_every_card_and_refuses_a_bad_one(hub, few, tmp_path):
    (tmp_path / "bad.md").write_text(BAD)
    cards = {
        "ModelCard": [
            few / "README.md",
            *(f / "README.md" for f in bundled_checkpoints().values()),
        ],
        "DatasetCard": sorted((PROJECT / "data_cards").glob("*.md")),
        "SpaceCard": [PROJECT / "space" / "README.md"],
    }
    code = """
import sys, huggingface_hub
kind, n = None, 0
for word in sys.argv[1:]:
    if word.endswith("Card"):
        kind = getattr(huggingface_hub, word)
    else:
        kind.load(word, ignore_metadata_errors=True).validate()
        n += 1
print(n)
try:
    huggingface_hub.ModelCard(open("bad.md").read(), ignore_metadata_errors=True).validate()
except ValueError as error:
    print(error)
"""
    words = [str(word) for kind, paths in cards.items() for word in (kind, *paths)]
    done = run(hub, tmp_path, "-c", code, *words)
    assert done.returncode == 0, done.stderr[-3000:]
    n, *refused = done.stdout.splitlines()
    assert int(n) == len(words) - len(cards)
    # huggingface_hub itself drops a broken model-index where errors are ignored.
    for name in ("license", "language[0]", "pipeline_tag", "metrics[0]", "base_model"):
        assert any(line.startswith(f'- Error: "{name}"') for line in refused), (name, refused)
    assert '"model-index[0].results[0].dataset.type" is required' in faults(BAD, "model")


def test_a_card_that_the_hub_does_not_take_is_told(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1])
tried(lambda: few.push_to_hub("user/repo", license="all mine"))
few.push_to_hub("user/repo", license="mit")
print(drugtext.load("user/repo").model.config.license)
"""
    refused, license_id = lines(hub, tmp_path, code, str(few))
    assert refused.startswith("refused: user/repo: the hub takes none of it (Invalid metadata in")
    assert '"license" must be one of' in refused
    assert license_id == "mit"
    card = ModelCard(hub.repos["user/repo"].files["README.md"].decode())
    assert card.data.license == "mit" and card.data.library_name == "transformers"


def test_what_people_wrote_into_a_card_stays(hub, few, tmp_path):
    code = """
few = drugtext.load(sys.argv[1])
few.save_pretrained("folder")
print(few.push_to_hub("user/repo"))
"""
    lines(hub, tmp_path, code, str(few))
    folder = tmp_path / "folder"
    edit(folder, "kept. -->\n", f"kept. -->\n\n## Checked\n\n{SENTENCE}\n")
    edit(folder, "\n---\n", "\nlicense: cc-by-4.0\nthumbnail: https://example.org/a.png\n---\n")

    lines(hub, tmp_path, 'drugtext.load("folder").push_to_hub("user/repo")')
    repo = hub.repos["user/repo"]
    card = ModelCard(repo.files["README.md"].decode())
    assert card.content.count(SENTENCE) == card.content.count("# Drug insert classifier") == 1
    assert (card.data.license, card.data.thumbnail) == ("cc-by-4.0", "https://example.org/a.png")
    assert 'drugtext.load("user/repo")' in card.text

    # Somebody writes into the card on the hub; a classifier without words of its own is pushed.
    for license_id in ("cc-by-4.0", "mit"):
        edited = card.content.replace(SENTENCE, "Checked once more.")
        edited = edited.replace("license: cc-by-4.0", f"license: {license_id}")
        repo.commit({**repo.files, "README.md": edited.encode()})
        lines(hub, tmp_path, PUSH, str(few))
        card = ModelCard(repo.files["README.md"].decode())
        assert "Checked once more." in card.text and card.data.license == license_id
    lines(hub, tmp_path, 'drugtext.load(sys.argv[1]).push_to_hub("user/repo", license="isc")',
          str(few))  # fmt: skip
    card = ModelCard(repo.files["README.md"].decode())
    assert "Checked once more." in card.text and card.data.license == "isc"


def test_the_examples_of_a_card_run(hub, few, tiny_encoder_folder, tmp_path):
    encoder = {path.name: path.read_bytes() for path in tiny_encoder_folder.iterdir()}
    code = """
import re, shutil
from huggingface_hub import HfApi
HfApi().create_repo("user/encoder")
HfApi().upload_folder(repo_id="user/encoder", folder_path=sys.argv[2])
few = drugtext.load(sys.argv[1])
few.model.config.encoder_name = "user/encoder"
few.push_to_hub("user/repo")
shutil.copy(sys.argv[3], "insert.xml")
"""
    sample = PROJECT / "samples" / "metoral-spl.xml"
    lines(hub, tmp_path, code, str(few), str(tiny_encoder_folder), str(sample))
    assert set(encoder) <= set(hub.repos["user/encoder"].files)
    card = ModelCard(hub.repos["user/repo"].files["README.md"].decode())
    assert card.data.base_model == "user/encoder"
    blocks = [part.partition("```")[0] for part in card.text.split("```python\n")[1:]]
    assert len(blocks) == 3
    assert "trust_remote_code=True" in blocks[1] and "peft" in blocks[2]
    found = lines(hub, tmp_path, "\n".join([*blocks, "print(encoder.peft_config['default'].r)"]))
    assert found[0].split()[0] in ("pain", "heart") and "label" in found[1] and found[2] == "2"
