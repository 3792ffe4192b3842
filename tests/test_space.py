"""The files of a Space: its card is read by the hub, and its program makes the page."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard

import drugtext

SPACE = Path(__file__).parents[1] / "space"


def test_the_card_names_the_program_and_the_version_of_gradio():
    gradio = pytest.importorskip("gradio", reason="the page needs the extra: pip install '.[app]'")
    card = SpaceCard.load(SPACE / "README.md").data
    assert (card.sdk, card.app_file, card.license) == ("gradio", "app.py", "apache-2.0")
    assert card.sdk_version == gradio.__version__
    wheel = f"./drugtext-{drugtext.__version__}-py3-none-any.whl[app]"
    assert (SPACE / "requirements.txt").read_text().split() == [wheel]


def test_the_program_makes_the_page():
    gradio = pytest.importorskip("gradio", reason="the page needs the extra: pip install '.[app]'")
    assert isinstance(runpy.run_path(str(SPACE / "app.py"))["demo"], gradio.Blocks)
