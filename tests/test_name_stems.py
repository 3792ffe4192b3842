"""Names beside the text: vectors of names, how they are joined to texts, and what they say."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from drugtext.heads import PrototypeHead
from drugtext.name_stems import (
    DRUG_NAME_SHARE,
    DRUG_NAME_SHARPNESS,
    SAME_NAME_WEIGHT,
    UNLIKE,
    UNTOLD,
    NameStems,
    name_evidence,
    name_part,
    remembered_names,
    text_part,
    with_names,
    with_other_text,
)

E1, E2 = [1.0, 0, 0, 0], [0.0, 1, 0, 0]


def units(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_pieces_are_summed_with_their_signs_and_unknown_ones_count_for_nothing():
    # 8 is even: + at (8 >> 1) % 4 = 0; 3 is odd: - at 1; 7 is not known
    stems = NameStems.of({3: 3.0, 8: 4.0})
    stems.dim = 4
    found = stems([[3, 7, 8], [], [7], [8]])
    torch.testing.assert_close(
        found, torch.tensor([[0.8, -0.6, 0, 0], [0.0] * 4, [0.0] * 4, [1.0, 0, 0, 0]])
    )


def test_texts_and_names_come_apart_again():
    text, names = units(3, 5), units(3, 4)
    names[1] = 0.0
    both = with_names(text, names)
    torch.testing.assert_close(both.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(text_part(both, 5), text)
    torch.testing.assert_close(name_part(both, 5), names)
    assert both[0, 5:].square().sum() == pytest.approx(DRUG_NAME_SHARE)
    other = units(3, 5, seed=1)
    moved = with_other_text(both, other)
    torch.testing.assert_close(text_part(moved, 5), other)
    torch.testing.assert_close(name_part(moved, 5), names)


def test_a_name_of_a_category_is_remembered_once():
    names = torch.tensor([E1, E1, E2, [0.0] * 4, E1])
    memory = remembered_names(names, torch.tensor([0, 0, 0, 1, 2]))
    assert memory.rows.tolist() == [0, 0, 2]
    assert remembered_names(names[3:4], torch.tensor([1])) is None


def test_evidence_of_names_by_hand():
    memory = remembered_names(torch.tensor([E1, E2, E2]), torch.tensor([0, 0, 1]))
    asked = torch.tensor([E1, [0.0] * 4, [0.0, 0, 1, 0]])
    found = name_evidence(memory, asked, 3)
    same = (1 - math.exp(-DRUG_NAME_SHARPNESS)) / (2 + UNTOLD) / UNLIKE  # two of category 0
    known = math.log1p(same) + SAME_NAME_WEIGHT
    assert found[0].tolist() == pytest.approx([known, 0, 0], abs=1e-5)
    assert not found[1:].any()  # no name, and one like none
    both = name_evidence(memory, torch.tensor([E2]), 3)[0]
    one_of_two, one = ((1 - math.exp(-DRUG_NAME_SHARPNESS)) / (n + UNTOLD) for n in (2, 1))
    expected = [math.log1p(p / UNLIKE) + SAME_NAME_WEIGHT for p in (one_of_two, one)]
    assert both.tolist() == pytest.approx([*expected, 0], abs=1e-5)


def named_head(n_categories: int = 2) -> tuple[PrototypeHead, torch.Tensor]:
    texts = units(2, 6).repeat(2, 1)  # alike in both categories
    support = with_names(texts, torch.tensor([E1, E1, E2, E2]))
    rows = torch.tensor([0, 0, 1, 1])
    head = PrototypeHead(6, 0, name_dim=4)
    fitted = head.fitted(support, rows, [[]] * n_categories).remembering(support, rows)
    return fitted.requires_grad_(False), support


def test_a_name_decides_where_the_text_does_not():
    head, support = named_head()
    text = normalize(head.text_of(support).mean(0, keepdim=True), dim=1)
    for row, name in enumerate((E1, E2)):
        assert head.logits(with_names(text, torch.tensor([name]))).argmax() == row
        nameless = with_names(text, torch.zeros(1, 4))
        torch.testing.assert_close(head.logits(nameless), head.logits(text))


def test_names_of_a_new_category_leave_the_others_as_they_were():
    head, _ = named_head()
    asked = with_names(units(5, 6, seed=2), units(5, 4, seed=3))
    new = with_names(units(2, 6, seed=4), units(2, 4, seed=5))
    more = head.with_category(new)
    assert torch.equal(more.evidence(asked)[0][:, :2], head.evidence(asked)[0])
    assert more.named.rows.tolist() == [0, 1, 2, 2]
    back, _ = more.regrouped([[0], [1]], [2, 2, 2])
    assert torch.equal(back.logits(asked), head.logits(asked))
    without, _ = more.regrouped([[2]], [2, 2, 2])
    assert without.named.rows.tolist() == [0, 0]


def test_names_come_with_a_category_where_no_other_has_any():
    texts, rows = units(4, 6), torch.tensor([0, 0, 1, 1])
    nameless = with_names(texts, torch.zeros(4, 4))
    head = PrototypeHead(6, 0, name_dim=4).fitted(nameless, rows, [[], []])
    head = head.remembering(nameless, rows)
    assert head.named is None
    more = head.with_category(with_names(units(1, 6, seed=1), torch.tensor([E1])))
    assert more.named.rows.tolist() == [2]
