"""The memory: how near an insert is to the support, as worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from drugtext.heads import PrototypeHead
from drugtext.memory import MEMORY_WEIGHT, PROTOTYPE_SCALE, SHARPNESS, Memory
from drugtext.prototypes import ALIKE, alike_means
from drugtext.scorer import INITIAL_SCALE

ACROSS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])


def test_embeddings_are_kept_in_a_byte_a_figure():
    memory = Memory.of(ACROSS, torch.tensor([0, 1, 1]))
    assert memory.levels.dtype == torch.int8 and len(memory) == 3
    cosines = memory.cosines(torch.tensor([[0.0, 1.0]]))
    torch.testing.assert_close(cosines, torch.tensor([[0.0, 1.0, 0.8]]), atol=0.005, rtol=0)


def test_affinities_are_mean_weights_and_a_text_alone_says_nothing():
    memory = Memory.of(ACROSS[[0, 1, 2, 1]], torch.tensor([0, 1, 1, 1]))
    found = memory.affinities(torch.tensor([[0.0, 1.0]]), 3)[0].tolist()
    near = memory.cosines(torch.tensor([[0.0, 1.0]]))[0].tolist()
    mean = sum(math.exp(SHARPNESS * (cosine - 1)) for cosine in near[1:]) / 3
    assert found[1] == pytest.approx(math.log(mean * 2 / 3), rel=1e-4)
    assert found[0] == found[2] == -math.inf


def test_a_category_of_one_text_is_learnt_from_as_others_are():
    memory = Memory.of(ACROSS, torch.tensor([0, 1, 1]))
    asked = torch.tensor([[0.6, 0.8]], requires_grad=True)
    told = torch.tensor([[0.0, 0.0]])
    torch.logaddexp(told, memory.affinities(asked, 2)).sum().backward()
    assert asked.grad.isfinite().all() and asked.grad.any()


def test_more_is_put_behind_and_changes_nothing_of_the_others():
    generator = torch.Generator().manual_seed(0)
    known = torch.nn.functional.normalize(torch.randn(300, 8, generator=generator), dim=1)
    rows = torch.arange(300) % 7
    asked = torch.nn.functional.normalize(torch.randn(5, 8, generator=generator), dim=1)
    memory = Memory.of(known, rows)
    more = memory.with_more(known[:3], torch.tensor([7, 7, 7]))
    assert len(more) == 303 and len(memory) == 300
    assert more.affinities(asked, 8)[:, :7].equal(memory.affinities(asked, 7))


def test_what_both_say_of_a_category_is_added_up():
    head = PrototypeHead(2, 2)
    head.prototypes.data.copy_(torch.tensor([[1.0, 0.0], [0.6, 0.8]]))
    head.log_prior.data.copy_(torch.tensor([0.1, -0.1]))
    asked = torch.tensor([[0.8, 0.6]])
    both = head.remembering(ACROSS, torch.tensor([0, 1, 1]))
    told = (head.scores(asked) * PROTOTYPE_SCALE + head.log_prior).exp()
    remembered = MEMORY_WEIGHT * both.memory.affinities(asked, 2).exp()
    torch.testing.assert_close(both.logits(asked), (told + remembered).log())
    both.scale.data.fill_(2 * INITIAL_SCALE)  # calibration sharpens the whole
    torch.testing.assert_close(both.logits(asked), 2 * (told + remembered).log())
    assert head.memory is None


def test_a_category_that_nothing_is_remembered_of_has_its_prototype():
    head = PrototypeHead(2, 2)
    head.prototypes.data.copy_(torch.tensor([[1.0, 0.0], [0.6, 0.8]]))
    some = head.remembering(ACROSS[[0, 0]], torch.tensor([0, 0]))
    expected = head.scores(ACROSS)[:, 1] * PROTOTYPE_SCALE
    torch.testing.assert_close(some.logits(ACROSS)[:, 1], expected)
    assert (some.logits(ACROSS)[:, 0] > head.scores(ACROSS)[:, 0] * PROTOTYPE_SCALE).all()


def test_a_category_more_is_remembered_and_the_others_keep_their_scores():
    head = PrototypeHead(2, 2).remembering(ACROSS, torch.tensor([0, 1, 1]))
    more = head.with_category(torch.tensor([[-1.0, 0.0]]))
    assert more.memory.rows.tolist() == [0, 1, 1, 2] and len(head.memory) == 3
    assert more.logits(ACROSS)[:, :2].equal(head.logits(ACROSS))
    known = torch.tensor([[-1.0, 0.0], [0.0, -1.0]])
    assert len(head.with_category(known[:1], known=known).memory) == 5
    assert PrototypeHead(2, 1).with_category(known).memory is None


def test_inserts_of_a_drug_that_are_alike_count_as_one():
    near = torch.nn.functional.normalize(torch.tensor([[1.0, 0.1]]), dim=1)
    embeddings = torch.cat([ACROSS[:1], near, ACROSS[1:2], ACROSS[:1], ACROSS[:1]])
    rows = torch.tensor([0, 0, 0, 0, 1])
    means, categories, first = alike_means(embeddings, rows, ["a", "a", "a", "b", "a"])
    assert first == [0, 2, 3, 4] and categories.tolist() == [0, 0, 0, 1]
    both = torch.nn.functional.normalize(ACROSS[0] + near[0], dim=0)
    torch.testing.assert_close(means[0], both)
    assert float(ACROSS[0] @ near[0]) > ALIKE > float(ACROSS[0] @ ACROSS[1])
    apart = torch.nn.functional.normalize(torch.randn(3000, 64), dim=1)  # one drug, no two alike
    assert len(alike_means(apart, torch.zeros(3000).long(), ["a"] * 3000)[2]) == 3000
    assert alike_means(torch.zeros(0, 2), torch.zeros(0).long(), [])[2] == []


def test_an_insert_is_alike_if_the_mean_of_those_before_it_is():
    def first(*degrees: float, drugs: str = "aaaa") -> list[int]:
        angles = torch.tensor(degrees).deg2rad()
        inserts = torch.stack([angles.cos(), angles.sin()], dim=1)
        rows = torch.zeros(len(inserts), dtype=torch.long)
        return alike_means(inserts, rows, drugs[: len(inserts)])[2]

    assert first(0, 40, 60) == [0]  # 40 from the mean at 20, where the cosine is 0.77
    assert first(0, 40, 80) == [0, 2]  # 60 from it, and both together are no longer than one
    assert first(0, 90, 80, 75) == [0, 1]
    assert first(0, 90, 90, drugs="aba") == [0, 1, 2]  # in the order of appearance


def test_an_insert_joins_those_that_it_is_most_like():
    angles = torch.tensor([0.0, 80.0, 45.0]).deg2rad()  # alike 0 too, and more so 80
    inserts = torch.stack([angles.cos(), angles.sin()], dim=1)
    means, _, _ = alike_means(inserts, torch.zeros(3, dtype=torch.long), "aaa")
    both = torch.nn.functional.normalize(inserts[1] + inserts[2], dim=0)
    torch.testing.assert_close(means, torch.stack([inserts[0], both]))


def test_what_is_the_same_is_held_once_in_each_category():
    twice = Memory.of(ACROSS[[0, 0, 1, 0]], torch.tensor([0, 0, 0, 1]))
    held = twice.without_repeats()
    assert held.rows.tolist() == [0, 0, 1]
    assert held.levels.tolist() == twice.levels[[0, 2, 3]].tolist()
