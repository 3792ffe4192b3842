"""Products in blocks: as a product by itself, and the same to a bit when rows are added."""

from __future__ import annotations

import torch

from drugtext.block_products import block_products


def test_they_are_those_of_a_matrix():
    asked, rows = torch.randn(3, 5), torch.randn(7, 5)
    torch.testing.assert_close(block_products(asked, rows, 4), asked @ rows.T)
    assert block_products(asked, rows[:0], 4).shape == (3, 0)


def test_rows_that_are_added_change_no_bit_of_the_others():
    generator = torch.Generator().manual_seed(0)
    asked, rows = (torch.randn(n, 384, generator=generator) for n in (33, 300))
    whole = block_products(asked, rows, 64)
    for n in (1, 5, 63, 64, 65, 200):
        assert block_products(asked, rows[:n], 64).equal(whole[:, :n])
