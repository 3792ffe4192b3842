"""The lexicon: tokens weighted and put together as worked out by hand, kept as whole numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from drugtext.errors import TrainingError
from drugtext.lexicon import LEXICON_WEIGHT, Lexicon
from drugtext.lexicon_learning import learn_lexicon
from drugtext.windows import Windows


def read(*inserts: list[list[int]]) -> Windows:
    """Windows of equal weight, as token ids."""
    windows = [(n, ids) for n, parts in enumerate(inserts) for ids in parts]
    numbers = [n for n, _ in windows]
    ids = [ids for _, ids in windows]
    return Windows(
        ids, [1.0] * len(ids), numbers, [""] * len(ids), [[1]] * len(inserts), [1] * len(inserts)
    )


HEART, SKIN = [[7, 8, 7, 20]], [[5, 6, 20]]
MANY = [HEART, SKIN, HEART, SKIN, HEART, SKIN, [[7, 99]]]


def of(lexicon: Lexicon, *windows: list[int]) -> torch.Tensor:
    """Vectors of windows, of unit length."""
    longest = max(map(len, windows))
    ids = torch.tensor([[*w, *[5] * (longest - len(w))] for w in windows])
    mask = torch.tensor([[1] * len(w) + [0] * (longest - len(w)) for w in windows])
    return lexicon(ids, mask) / lexicon.weight


def test_vectors_are_sums_over_different_tokens():
    lexicon = Lexicon(3, 2, weight=1.0)
    lexicon.token_ids.copy_(torch.tensor([2, 4, 9]))
    lexicon.levels.copy_(torch.tensor([[3, 0], [0, 8], [100, 0]], dtype=torch.int8))
    lexicon.scales.copy_(torch.tensor([1.0, 0.5, 0.01]))
    found = of(lexicon, [4, 2, 4], [9, 3, 11, 0], [1, 10])
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.0, 0.0]]))


def test_a_vector_is_as_long_as_its_weight():
    lexicon = Lexicon(2, 2, weight=0.25)
    lexicon.levels.copy_(torch.eye(2) * 4)
    lexicon.scales.fill_(1.0)
    found = lexicon(torch.tensor([[0, 1], [0, 0]]), torch.ones(2, 2))
    torch.testing.assert_close(found.norm(dim=1), torch.tensor([0.25, 0.25]))


def test_padding_counts_for_nothing():
    lexicon = learn_lexicon([read(*MANY)], dim=2)
    torch.testing.assert_close(of(lexicon, [7, 8], [7, 8, 20, 6, 5])[:1], of(lexicon, [8, 7]))


def test_what_stands_together_is_near():
    lexicon = learn_lexicon([read(*MANY)], dim=2)
    assert lexicon.token_ids.tolist() == [5, 6, 7, 8, 20]  # 99 stands in one insert only
    seven, eight, five, heart = of(lexicon, [7], [8], [5], [7, 8, 20])
    assert seven @ eight > 0.9 > 0.5 > seven @ five
    assert heart @ eight > heart @ five


def test_a_token_weighs_as_it_is_rare():
    # Inserts of one token each: the one axis that is left is the commoner token.
    lexicon = learn_lexicon([read([[1]], [[1]], [[2]], [[2]], [[2]])])
    lengths = (lexicon.levels.float() * lexicon.scales.unsqueeze(1)).norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([0.0, math.log(6 / 4) + 1]))


def axis(lexicon: Lexicon) -> torch.Tensor:
    """The only figure of each token's vector."""
    return (lexicon.levels.float() * lexicon.scales.unsqueeze(1)).flatten().abs()


def test_each_window_counts_by_its_weight_and_not_by_its_length():
    # In all inserts alike: a window of one token that counts thrice, and one of four tokens
    windows = replace(read(*[[[1], [2, 3, 4, 5, 5]]] * 3), weights=[3.0, 1.0] * 3)
    expected = torch.tensor([3.0, 0.5, 0.5, 0.5, 0.5]) / math.sqrt(10)
    torch.testing.assert_close(axis(learn_lexicon([windows], dim=1)), expected)


def test_each_insert_counts_as_much_as_any_other():
    lexicon = learn_lexicon([read(*[[[1], [1], [1]]] * 2, *[[[2]]] * 3)])
    assert axis(lexicon).tolist() == pytest.approx([0, math.log(6 / 4) + 1], abs=1e-6)


def test_a_rare_token_weighs_more_in_its_insert_too():
    rare = math.log(4 / 3) + 1  # in two of three inserts; the other token is in all
    lexicon = learn_lexicon([read([[1, 2]], [[1, 2]], [[1]])])
    square = 1 + rare**2
    # The main axis of (1, rare) / root of the square, twice, and (1, 0)
    angle = math.atan2(4 * rare / square, 1 + 2 / square - 2 * rare**2 / square) / 2
    expected = [math.cos(angle), rare * math.sin(angle)]
    assert axis(lexicon).tolist() == pytest.approx(expected, abs=1e-5)


def test_tokens_that_stand_in_most_inserts_are_kept():
    assert learn_lexicon([read(*MANY)], n_tokens=3).token_ids.tolist() == [5, 7, 20]
    thrice = [[5, 9], [9], [9]]  # in one insert
    assert learn_lexicon([read(thrice, *MANY)]).token_ids.tolist() == [5, 6, 7, 8, 20]


def test_the_same_inserts_give_the_same_lexicon_whatever_was_drawn_before():
    rng = np.random.default_rng(0)
    inserts = [[rng.integers(0, 60, 12).tolist()] for _ in range(80)]
    learnt = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        learnt.append(learn_lexicon([read(*inserts)], dim=5))
        after = torch.rand(1)
        torch.manual_seed(seed)
        assert after.equal(torch.rand(1)), "no random number is taken from others"
    assert learnt[0].levels.equal(learnt[1].levels) and learnt[0].scales.equal(learnt[1].scales)


def test_parts_are_one_corpus():
    whole = learn_lexicon([read(*MANY)], dim=2)
    parts = learn_lexicon([read(*MANY[:3]), read(*MANY[3:])], dim=2)
    assert parts.token_ids.equal(whole.token_ids) and parts.levels.equal(whole.levels)


def test_a_byte_a_figure_is_enough():
    rng = np.random.default_rng(0)
    inserts = [[rng.integers(0, 60, 12).tolist()] for _ in range(80)]
    lexicon = learn_lexicon([read(*inserts)], dim=20)
    assert lexicon.levels.dtype == torch.int8 and lexicon.levels.abs().max() == 127
    assert lexicon.arguments == {"n_tokens": 60, "dim": 20, "weight": LEXICON_WEIGHT}
    exact = torch.randn(5, 20, generator=torch.Generator().manual_seed(0))
    rounded = (exact / exact.abs().amax(1, keepdim=True) * 127).round()
    assert torch.cosine_similarity(exact, rounded).min() > 0.999


@pytest.mark.parametrize("inserts", [[], [HEART], [[[1]], [[2]], [[3]]]])
def test_too_little_is_refused(inserts):
    with pytest.raises(TrainingError, match=r"found \d+ inserts and \d+ tokens that stand in two"):
        learn_lexicon([read(*inserts)])
