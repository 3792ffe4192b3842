"""Pieces of a drug's names, and what each is worth."""

from __future__ import annotations

import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext import DrugInsert
from drugtext.errors import TrainingError
from drugtext.stem_ids import stem_ids, stem_weights


def drug(*ingredients: str, name: str = "") -> DrugInsert:
    return DrugInsert(name=name, ingredients=ingredients, sections={"description": "A tablet."})


def number(piece: str) -> int:
    return zlib.crc32(piece.encode())


def test_pieces_of_a_short_name_are_all_told():
    expected = ["^ab", "abx", "bx$", "^abx", "abx$", "^abx$"]
    assert stem_ids(drug("abx")) == sorted(map(number, expected))


def test_salts_case_and_brands_tell_nothing():
    plain = stem_ids(drug("metoprolol"))
    assert stem_ids(drug("Metoprolol Succinate", name="Toprol")) == plain
    assert stem_ids(drug(name="metoprolol tartrate")) == plain
    assert number("lol$") in plain and number("rolol") in plain


def test_a_chinese_name_has_its_stem():
    assert number("沙坦$") in set(stem_ids(drug("厄贝沙坦"))) & set(stem_ids(drug("缬沙坦")))


def test_an_insert_without_a_name_has_no_piece():
    assert stem_ids(drug()) == []


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=30))
def test_any_name_gives_rising_numbers_of_32_bits(ingredients, name):
    found = stem_ids(drug(*ingredients, name=name))
    assert found == sorted(set(found)) and all(0 <= piece < 2**32 for piece in found)


def test_a_piece_is_worth_more_where_fewer_drugs_have_it():
    weights = stem_weights([drug("atenolol"), drug("nadolol"), drug("ramipril"), drug("nadolol")])
    assert weights[number("olol$")] == pytest.approx(math.log(3 / 2))  # drugs count, not inserts
    assert number("pril$") not in weights  # of one drug alone
    assert [*weights] == sorted(weights)


def test_an_insert_without_a_name_is_no_drug_that_a_piece_is_rare_among():
    named = [drug("atenolol"), drug("nadolol"), drug("ramipril")]
    assert stem_weights([*named, drug(), drug()]) == stem_weights(named)


def test_a_piece_of_all_drugs_tells_none_of_them_apart():
    weights = stem_weights([drug("atenolol"), drug("nadolol"), drug("sotalol"), drug("betalol")])
    assert number("lol$") not in weights and number("alol$") in weights
    with pytest.raises(TrainingError, match="no two of which share a piece that others lack"):
        stem_weights([drug("abx"), drug("abxz")])


def test_what_stands_behind_300_characters_of_a_name_is_left_out():
    long = "x" * 296
    assert number("olol$") in stem_ids(drug(f"{long}olol"))
    assert stem_ids(drug(f"{long}olol" + "pril" * 10_000)) == stem_ids(drug(f"{long}olol"))


def test_drugs_that_share_nothing_are_refused():
    with pytest.raises(
        TrainingError,
        match="found 2 drugs with names, no two of which share",
    ):
        stem_weights([drug("abcdef"), drug("uvwxyz")])
