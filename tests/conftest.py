"""Fixtures that all tests share, and which skips are failures: see `NEVER_SKIPPED`."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub, which reads it once
os.environ["DRUGTEXT_BACKEND"] = "torch"  # others first write a file for each encoder
os.environ["DRUGTEXT_CACHE"] = str(Path(__file__).parents[1] / ".pytest_cache" / "drugtext")

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hub_server import Hub
    from playwright.sync_api import Browser
    from transformers import PreTrainedTokenizerBase

    from drugtext.classifier import DrugClassifier

NEVER_SKIPPED = os.environ.get("DRUGTEXT_NEVER_SKIPPED")
"""Pattern: a test that is skipped for a reason with it fails. CI has what it names."""
TINY_WORDS = """
a an and are as by for from in is it not of on or take tell that the this to use used with
medicine drug tablet tablets solution injection dose daily mg ml patient patients doctor
treatment treats lowers blood pressure heart pain fever infection bacteria bacterial diabetes
glucose sugar cough skin eczema asthma stomach acid sleep hypertension adults children
receptor blocks inhibits enzyme beta agonist antagonist indicated relief query :
"""
TINY_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;()/%-#?!'"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a skip that is none here."""
    report = yield
    if NEVER_SKIPPED and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if re.search(NEVER_SKIPPED, reason):
            report.outcome = "failed"
            report.longrepr = f"{reason}: not to be skipped here (DRUGTEXT_NEVER_SKIPPED)"
    return report


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inserts: DRUGTEXT_DATA, else ../shared/data; skips where it is absent."""
    project = Path(__file__).parents[1]
    folder = Path(os.environ.get("DRUGTEXT_DATA") or project.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real inserts: {folder} is absent; set DRUGTEXT_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded BERT of 16 dimensions and a WordPiece tokenizer: every English text has tokens.

    Words of `TINY_WORDS` are one token each, others one token a letter.
    """
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny-encoder")
    words = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *TINY_WORDS.split()])
    words |= dict.fromkeys([*TINY_LETTERS, *(f"##{letter}" for letter in TINY_LETTERS)])
    vocabulary = {word: n for n, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=256,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_classifier(tiny_encoder_folder: Path) -> DrugClassifier:
    """A classifier without categories over the tiny encoder, ready for `fit`."""
    import drugtext

    return drugtext.load(tiny_encoder_folder)


@pytest.fixture(scope="session")
def adapted_classifier(
    tiny_encoder_folder: Path, tiny_classifier: DrugClassifier
) -> DrugClassifier:
    """The same over an encoder with a seeded adapter."""
    import torch

    from drugtext.adapters import Adapter, default_lora, with_new_adapter
    from drugtext.encoder import load_encoder

    lora = default_lora(r=2, init_lora_weights=False)  # random; others change nothing at first
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = with_new_adapter(load_encoder(tiny_encoder_folder), lora)
    return tiny_classifier.with_adapter(Adapter.of(encoder))


@pytest.fixture(scope="session")
def real_tokenizer() -> PreTrainedTokenizerBase:
    """The tokenizer of the default encoder."""
    from drugtext.encoder import load_tokenizer

    return load_tokenizer()


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hugging Face Hub in this process, empty."""
    from hub_server import running_hub

    with running_hub() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium; without one its tests are skipped."""
    from browser import running_chromium

    with running_chromium() as chromium:
        yield chromium
