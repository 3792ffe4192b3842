"""Data cards are what the hub reads as dataset cards."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

CARDS = sorted((Path(__file__).parents[1] / "data_cards").glob("*.md"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_card_parses_and_says_where_the_data_come_from(path):
    card = DatasetCard.load(path)
    assert card.data.license
    assert card.data.language
    assert "| Origin |" in card.text
    assert "| Terms |" in card.text
    assert "## Known faults" in card.text
