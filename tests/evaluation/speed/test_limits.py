"""Speed: how operations are counted; ratios are compared, never times."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from drugtext.backends import Backend
from drugtext.evaluation.speed.limits import (
    flops_a_token,
    matmul_rate,
    openvino_shares,
    operator_shares,
    own_shapes_rate,
    product_shapes,
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
    backend = Backend("torch", "float32", lambda ids, _: ids.float(), 1.0)
    assert tokens_a_second(backend, 10, n_windows=2, n_tokens=3, least_seconds=0) > 0


def test_the_products_of_a_layer_are_those_that_are_counted():
    config = SimpleNamespace(hidden_size=4, intermediate_size=8, num_hidden_layers=1)
    products = sum(2 * times * rows * columns for rows, columns, times in product_shapes(config))
    assert products == flops_a_token(config, 0)
    assert own_shapes_rate(config, torch.float32, n_tokens=3, least_seconds=0) > 0


def test_shares_of_operators_add_up_and_the_largest_is_first():
    a = torch.rand(300, 300)
    shares = operator_shares(lambda: [torch.mm(a, a), torch.relu(a)])
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert {"aten::mm", "aten::clamp_min"} <= set(shares) or "aten::relu" in shares


def test_shares_of_what_openvino_does_add_up(tiny_classifier):
    pytest.importorskip("openvino", reason="needs pip install 'drugtext[openvino]'")
    fed = [torch.ones(2, 8, dtype=torch.int64)] * 2
    found = openvino_shares(tiny_classifier.model.encoder, "float32", fed)
    assert sum(found.values()) == pytest.approx(1) and "FullyConnected" in found
