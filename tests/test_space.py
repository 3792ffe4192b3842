"""The files of a Space: its card is read by the hub, and its program serves the page."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hub_server import Repo, hub_settings, running_hub
from huggingface_hub import SpaceCard
from serving import free_port, serving

import drugtext

SPACE = Path(__file__).parents[1] / "space"
WHEEL = f"drugtext-{drugtext.__version__}-py3-none-any.whl"


@pytest.fixture
def gradio():
    return pytest.importorskip("gradio", reason="the page needs the extra: pip install '.[app]'")


@pytest.fixture
def hub(tiny_classifier, tmp_path):
    """A hub that has a private checkpoint."""
    insert = drugtext.DrugInsert(sections={"text": "relief of pain"})
    tiny_classifier.fit([insert], ["my private shelf"]).save_pretrained(tmp_path / "few")
    files = {f.name: f.read_bytes() for f in (tmp_path / "few").iterdir() if f.is_file()}
    with running_hub() as running:
        running.repos["user/shelf"] = Repo(is_private=True)
        running.repos["user/shelf"].commit(files)
        yield running


def test_the_card_names_the_program_and_the_version_of_gradio(gradio):
    card = SpaceCard.load(SPACE / "README.md").data
    assert (card.sdk, card.app_file, card.license) == ("gradio", "app.py", "apache-2.0")
    assert card.sdk_version == gradio.__version__


def test_what_is_uploaded_and_installed_is_this_version_and_torch_for_a_cpu():
    written = (SPACE / "requirements.txt").read_text().splitlines()
    index, wheel = (line for line in written if not line.startswith("#"))
    assert index == "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert wheel == f"./{WHEEL}[app]"
    told = (SPACE / "README.md").read_text()
    named = {*re.findall(r"`([\w.-]+\.(?:py|txt|md|whl))`", told)}
    assert named == {file.name for file in SPACE.iterdir() if file.is_file()} | {WHEEL}


def test_the_program_makes_the_page(gradio):
    assert isinstance(runpy.run_path(str(SPACE / "app.py"))["demo"], gradio.Blocks)


@pytest.mark.usefixtures("gradio")
def test_with_a_token_it_serves_the_private_checkpoint_that_the_variable_names(hub, tmp_path):
    port = free_port()
    space = {
        "DRUGTEXT_MODEL": "user/shelf",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
    }
    settings = hub_settings(hub, tmp_path / "home") | space
    with serving([str(SPACE / "app.py")], port, settings) as served:
        assert "my private shelf" in httpx.get(served.url).text
    done = subprocess.run(
        [sys.executable, str(SPACE / "app.py")],
        capture_output=True,
        text=True,
        env=os.environ | settings | hub_settings(hub, tmp_path / "other", token="hf_wrong"),
        check=False,
    )
    assert done.returncode == 1 and "the hub shows no 'user/shelf'" in done.stderr
