"""Push and load by id, over real HTTP, against a hub in this process."""

from __future__ import annotations

import os
import subprocess
import sys

from hub_server import TOKEN, running_hub

PUSH = """
import sys, drugtext
clf = drugtext.load(sys.argv[1])
inserts = [
    drugtext.DrugInsert(language="en", sections={"indications_and_usage": text})
    for text in ("relief of pain", "lowers blood pressure")
]
few = clf.fit(inserts, ["pain", "heart"])
try:
    print(few.push_to_hub("user/repo"))
    again = drugtext.load("user/repo")
    print(again.predict(inserts) == few.predict(inserts), again.category_ids)
    drugtext.load("user/nothing")
except drugtext.DrugTextError as error:
    print("refused:", error)
"""


def run(hub, encoder, home, token=TOKEN):
    settings = {
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": token,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(home),
    }
    done = subprocess.run(
        [sys.executable, "-c", PUSH, str(encoder)],
        capture_output=True,
        text=True,
        env=os.environ | settings,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_pushed_and_loaded_by_id_it_answers_the_same(tiny_encoder_folder, tmp_path):
    with running_hub() as hub:
        lines = run(hub, tiny_encoder_folder, tmp_path)
        assert lines[0].startswith(f"{hub.address}/user/repo/commit/")
        assert lines[1] == "True ['pain', 'heart']"
        assert lines[2].startswith("refused: 'user/nothing' is no folder and no bundled checkpoint")
        names = set(hub.repos["user/repo"])
        assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= names
        assert hub.blobs, "the weights go by LFS"


def test_a_wrong_token_is_refused_in_plain_words(tiny_encoder_folder, tmp_path):
    with running_hub() as hub:
        lines = run(hub, tiny_encoder_folder, tmp_path, token="hf_wrong")
        assert lines[0].startswith("refused: user/repo: the upload failed")
        assert hub.repos == {}
