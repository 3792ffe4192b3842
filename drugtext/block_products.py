"""Products with rows of which more may come: those of the earlier ones stay the same to a bit."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def block_products(asked: Tensor, rows: Tensor, block_size: int) -> Tensor:
    """Return the product of each vector with each row, in blocks of one size.

    A matrix product of another shape may round otherwise.

    Args:
        asked: shape (n, dim).
        rows: shape (n_rows, dim).
        block_size: rows multiplied at once; those that are missing are taken for zeros.

    Returns:
        Shape (n, n_rows).
    """
    blocks = nn.functional.pad(rows, (0, 0, 0, -len(rows) % block_size)).split(block_size)
    return torch.cat([asked @ block.T for block in blocks], dim=-1)[..., : len(rows)]
