"""Batches: all inserts in their order, fewer at once where they are long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.errors import DrugTextError
from drugtext.inserts.batches import CHARACTERS_A_BATCH, FIRST_BATCH, batches, check_is_list
from drugtext.inserts.insert import DrugInsert


def insert(n_characters: int) -> DrugInsert:
    return DrugInsert(sections={"description": "x" * n_characters})


@given(st.integers(0, 70), st.integers(1, 40))
def test_every_insert_comes_once_and_in_order(n, size):
    inserts = [insert(1) for _ in range(n)]
    found = list(batches(iter(inserts), size))
    assert [one for batch in found for one in batch] == inserts
    full = [min(size, FIRST_BATCH * 2**n) for n in range(len(found))]
    assert [*map(len, found[:-1])] == full[:-1]
    assert all(0 < len(batch) <= most for batch, most in zip(found, full, strict=True))


def test_long_inserts_are_fewer_at_once():
    half = insert(CHARACTERS_A_BATCH // 2 + 1)
    assert [len(batch) for batch in batches([half] * 5, 4)] == [2, 2, 1]


@pytest.mark.parametrize("alone", ["relief of pain", insert(1)], ids=["text", "insert"])
def test_one_by_itself_is_refused(alone):
    with pytest.raises(DrugTextError, match=r"a list of DrugInsert is needed: \[insert\]"):
        check_is_list(alone)
    with pytest.raises(DrugTextError, match="found one"):
        next(batches(alone))
