"""The encoder without its pooler, and its token vectors averaged as worked out by hand."""

from __future__ import annotations

import subprocess
import sys

import torch
from transformers import BertConfig

from drugtext.bare_encoder import build_encoder, mean_pool, without_pooler


def test_an_encoder_is_built_from_its_configuration():
    config = BertConfig(
        vocab_size=10,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    encoder = build_encoder(config)
    assert encoder.pooler is None
    assert without_pooler(encoder) is encoder
    plain = torch.nn.Linear(2, 2)
    assert without_pooler(plain) is plain


def test_mean_pool_leaves_padding_out():
    hidden = torch.tensor(
        [[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]], [[5.0, 6.0], [9.0, 9.0], [9.0, 9.0]]]
    )
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert mean_pool(hidden, mask).tolist() == [[2.0, 3.0], [5.0, 6.0]]


def test_mean_pool_of_nothing_is_zero_and_of_halves_is_float32():
    pooled = mean_pool(
        torch.ones(1, 2, 3, dtype=torch.float16), torch.zeros(1, 2, dtype=torch.int64)
    )
    assert pooled.tolist() == [[0.0, 0.0, 0.0]]
    assert pooled.dtype == torch.float32


def test_it_is_imported_before_transformers():
    done = subprocess.run([sys.executable, "-c", "import drugtext.bare_encoder"], check=False)
    assert done.returncode == 0
