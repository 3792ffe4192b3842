"""What people write into a card that drugtext wrote, and how it is kept when that is written anew.

Theirs is what stands outside two marks, and each field at the top that says something else than
drugtext wrote there; the first mark tells what that was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from huggingface_hub import RepoCard
from huggingface_hub.utils import yaml_dump

CARD = "README.md"
_BEGIN = "<!-- drugtext begins. What follows is written anew; what you write above is kept. {} -->"
_END = "<!-- drugtext ends. What you write below is kept. -->"
_BLOCK = re.compile(
    r"\s*<!-- drugtext begins\.[^{>]*(\{[^>]*\})? -->.*<!-- drugtext ends\.[^>]*-->\s*", re.DOTALL
)
_FIGURES = ("metrics", "model-index")
"""Fields that are measured, never typed in."""


class OwnWords(NamedTuple):
    """What people wrote into a card.

    Attributes:
        metadata: fields that drugtext did not fill, or filled otherwise.
        above: text above what drugtext wrote.
        below: text below it.
        license: that the card names, whoever wrote it there.
    """

    metadata: Mapping[str, Any] = MappingProxyType({})
    above: str = ""
    below: str = ""
    license: str | None = None

    def or_else(self, other: OwnWords) -> OwnWords:
        """Return these words, and those of another card where there are none."""
        return OwnWords(
            metadata={**other.metadata, **self.metadata},
            above=self.above or other.above,
            below=self.below or other.below,
            license=self.license or other.license,
        )

    def with_field(self, field: str, value: Any) -> OwnWords:
        """Return these words with a field of the metadata."""
        return self._replace(metadata={**self.metadata, field: value})

    def without(self, field: str) -> OwnWords:
        """Return these words without a field of the metadata."""
        return self._replace(metadata={k: v for k, v in self.metadata.items() if k != field})


NO_WORDS = OwnWords()


def read_card(folder: Path) -> str:
    """Return the text of a folder's card; nothing where there is none."""
    try:
        return (folder / CARD).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def own_words(card: str) -> OwnWords:
    """Return what people wrote into a card; all of one that drugtext did not write."""
    metadata, text = _parsed(card)
    above, below, filled = text, "", {}
    if block := _BLOCK.search(text):
        above, below, filled = text[: block.start()], text[block.end() :], _filled(block[1])
    own = {k: v for k, v in metadata.items() if k not in _FIGURES and filled.get(k) != v}
    named = metadata.get("license")
    license = named if isinstance(named, str) else None
    return OwnWords(own, above.strip(), below.strip(), license)


def card_with(
    words: OwnWords, body: str, fields: Mapping[str, Any], figures: Mapping[str, Any]
) -> str:
    """Write a card.

    Args:
        words: of people, to be kept.
        body: what drugtext has to say.
        fields: how it fills the fields at the top.
        figures: what it measured, in the fields for that.
    """
    top = yaml_dump({**fields, **words.metadata, **figures}, sort_keys=False).strip()
    begin = _BEGIN.format(json.dumps(dict(fields)).replace(">", "\\u003e"))
    parts = [f"---\n{top}\n---", words.above, begin, body, _END, words.below]
    return "\n\n".join(filter(None, parts)) + "\n"


def _parsed(card: str) -> tuple[dict[str, Any], str]:
    """Return a card's fields and its text; a card whose fields cannot be read is text alone."""
    if not card.lstrip().startswith("---"):
        return {}, card
    try:
        parsed = RepoCard(card)
    except Exception:  # of YAML, which is no dependency of ours
        return {}, card
    return parsed.data.to_dict(), parsed.text


def _filled(told: str | None) -> dict[str, Any]:
    """Read from the mark what drugtext filled fields with."""
    try:
        return dict(json.loads(told or "{}"))
    except ValueError:  # somebody edited it
        return {}
