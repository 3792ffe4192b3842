"""Speed: how operations are counted; ratios are compared, never times."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from drugtext.backends import Backend
from drugtext.evaluation.speed import (
    chunks,
    flops_a_token,
    matmul_rate,
    seconds_of,
    tokens_a_second,
)


def test_operations_of_an_encoder_by_hand():
    config = SimpleNamespace(hidden_size=4, intermediate_size=8, num_hidden_layers=3)
    # A layer: 4 matrices of 4 x 4, 2 of 4 x 8, attention to 5 tokens twice; each entry twice.
    assert flops_a_token(config, 5) == 3 * 2 * (4 * 16 + 2 * 32 + 2 * 5 * 4)


def test_the_median_of_several_times():
    calls = []
    assert seconds_of(lambda: calls.append(1), least_seconds=0) > 0
    assert len(calls) == 4  # one to warm up


def test_rates_are_positive():
    assert matmul_rate(torch.float32, size=16, least_seconds=0) > 0
    backend = Backend("torch", "float32", lambda ids, _: ids.unsqueeze(-1).float(), 1.0)
    assert tokens_a_second(backend, 10, n_windows=2, n_tokens=3, least_seconds=0) > 0


@pytest.mark.parametrize(
    ("n", "expected"), [(0, []), (2, [[0, 1]]), (5, [[0, 1], [2, 3], [4]]), (4, [[0, 1], [2, 3]])]
)
def test_chunks_hold_all_tokens_in_order(n, expected):
    assert chunks(range(n), 2) == expected
