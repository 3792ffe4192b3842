"""Reading section by section, until what was read is enough."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from drugtext.windows import Windows


def embed_until(
    windows: Windows,
    n_inserts: int,
    encode: Callable[[list[list[int]]], Tensor],
    is_enough: Callable[[Tensor, list[int]], Tensor],
) -> tuple[Tensor, list[int]]:
    """Embed inserts from as many of their sections as are needed, in reading order.

    Where nothing is ever enough, the embeddings are those of `encoder.pool_windows`.

    Args:
        windows: of the inserts; each has one or more.
        n_inserts: number of inserts.
        encode: token ids of some windows -> their vectors, shape (n_windows, text_dim).
        is_enough: unit vectors of shape (n, text_dim), and the numbers of these inserts -> whether
            each tells enough, bool, shape (n,).

    Returns:
        Unit vectors, shape (n_inserts, text_dim), and the tokens read of each insert.
    """
    stages, numbers = torch.tensor(windows.stages), torch.tensor(windows.insert_numbers)
    weights = torch.tensor(windows.weights)
    last = torch.zeros(n_inserts, dtype=torch.long)
    last.scatter_reduce_(0, numbers, stages, "amax")
    is_read_on = torch.ones(n_inserts, dtype=torch.bool)
    sums, tokens_read = torch.empty(0), [0] * n_inserts
    for stage in range(int(stages.max()) + 1):
        chosen = torch.nonzero((stages == stage) & is_read_on[numbers]).squeeze(1)
        units = nn.functional.normalize(encode([windows.token_ids[n] for n in chosen]), dim=1)
        if not stage:
            sums = units.new_zeros(n_inserts, units.shape[1])
        sums.index_add_(0, numbers[chosen], units * weights[chosen].unsqueeze(1))
        for n in torch.nonzero(is_read_on).squeeze(1).tolist():
            tokens_read[n] += windows.stage_tokens[n][stage]
        is_read_on &= last > stage
        asked = torch.nonzero(is_read_on).squeeze(1)
        if len(asked):
            units = nn.functional.normalize(sums[asked], dim=1)
            is_read_on[asked] = ~is_enough(units, asked.tolist())
        if not is_read_on.any():
            break
    return nn.functional.normalize(sums, dim=1), tokens_read
