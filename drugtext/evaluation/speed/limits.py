"""How fast an encoder runs, against what the machine could do at most."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from drugtext.backends import Backend
from drugtext.openvino_encoder import compiled_by_openvino

_SQUARE = 2048  # rows of the matrices whose product is timed: large enough for the full rate
_LEAST_SECONDS = 2.0

Shares = dict[str, float]
"""What time went into -> its share, most first."""


def matmul_rate(
    dtype: torch.dtype, size: int = _SQUARE, least_seconds: float = _LEAST_SECONDS
) -> float:
    """Return the floating-point operations a second of a matrix product on this machine.

    Args:
        dtype: of the matrices.
        size: of their rows and columns.
        least_seconds: that it is measured for.
    """
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(size, size, generator=generator).to(dtype) for _ in range(2))
    return 2 * size**3 / seconds_of(lambda: torch.mm(a, b), least_seconds)


def product_shapes(config: Any) -> list[tuple[int, int, int]]:
    """Return the matrix products of a layer of an encoder of BERT's shape: rows, columns, times."""
    d, wide = config.hidden_size, config.intermediate_size
    return [(d, d, 4), (d, wide, 1), (wide, d, 1)]


def own_shapes_rate(
    config: Any,
    dtype: torch.dtype,
    n_tokens: int,
    least_seconds: float = _LEAST_SECONDS,
) -> float:
    """Return the operations a second of products of the encoder's own shapes, and of nothing else.

    They are smaller than those of `matmul_rate`, and so no faster: what an encoder reaches of this
    is what it spends on products.

    Args:
        config: of the encoder.
        dtype: of the matrices.
        n_tokens: of a batch, all windows together.
        least_seconds: that each shape is measured for.
    """
    generator = torch.Generator().manual_seed(0)
    operations = seconds = 0.0
    for rows, columns, times in product_shapes(config):
        x, weight = (
            torch.rand(*shape, generator=generator).to(dtype)
            for shape in ((n_tokens, rows), (columns, rows))
        )
        bias = torch.zeros(columns, dtype=dtype)
        work = partial(torch.nn.functional.linear, x, weight, bias)
        seconds += times * seconds_of(work, least_seconds)
        operations += times * 2 * n_tokens * rows * columns
    return operations / seconds


def operator_shares(work: Callable[[], Any]) -> Shares:
    """Return which share of the CPU's time each of torch's operators takes of a work, most first.

    Args:
        work: is done once to warm up, and once more.
    """
    work()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        work()
    return shares({event.key: event.self_cpu_time_total for event in profile.key_averages()})


def openvino_shares(encoder: nn.Module, precision: str, fed: Sequence[Tensor]) -> Shares:
    """Return which share of its time OpenVINO spends on each kind of node, most first.

    Args:
        encoder: on the CPU, in float32.
        precision: of its products.
        fed: ids and mask of a batch; it is done once to warm up, and once more.
    """
    compiled = compiled_by_openvino(encoder, precision, PERF_COUNT=True)
    request = compiled.create_infer_request()
    for _ in range(2):
        request.infer([tensor.numpy() for tensor in fed])
    spent: Counter[str] = Counter()
    for node in request.profiling_info:
        spent[node.node_type] += node.real_time.total_seconds()
    return shares(spent)


def shares(spent: Mapping[str, float]) -> Shares:
    """Return which share of all that was spent each took, most first."""
    total = sum(spent.values())
    return {key: spent[key] / total for key in sorted(spent, key=spent.__getitem__, reverse=True)}


def seconds_of(work: Callable[[], Any], least_seconds: float = _LEAST_SECONDS) -> float:
    """Return the seconds that a work takes, the median of several times after one to warm up.

    Args:
        work: is done again and again.
        least_seconds: that all times together take.
    """
    work()
    times: list[float] = []
    total = 0.0
    while total < least_seconds or len(times) < 3:
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
        total += times[-1]
    return sorted(times)[len(times) // 2]


def flops_a_token(config: Any, n_tokens: int) -> float:
    """Return the floating-point operations that an encoder of BERT's shape needs a token.

    Matrix products alone: those of a layer's four attention matrices and two of its feed-forward
    part, and those of attention itself, which grow with the window.

    Args:
        config: of the encoder: layers, hidden size, intermediate size.
        n_tokens: of a window.

    Source:
        Kaplan et al. 2020, arXiv:2001.08361, table 1 (forward pass).
    """
    d, wide, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    return 2 * layers * (4 * d * d + 2 * d * wide + 2 * n_tokens * d)


def tokens_a_second(
    backend: Backend,
    vocabulary: int,
    n_windows: int,
    n_tokens: int,
    least_seconds: float = _LEAST_SECONDS,
) -> float:
    """Return how many tokens a backend encodes a second, in one batch of full windows.

    Args:
        backend: what runs the encoder.
        vocabulary: ids of tokens are below it.
        n_windows: of the batch.
        n_tokens: of each.
        least_seconds: that it is measured for.
    """
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, vocabulary, (n_windows, n_tokens), generator=generator)
    mask = torch.ones_like(ids)
    return ids.numel() / seconds_of(lambda: backend.encode_windows(ids, mask), least_seconds)
