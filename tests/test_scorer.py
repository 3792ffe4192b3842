"""What a head answers: each step against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from heads_by_hand import head_of, unit_vectors

from drugtext.heads import PrototypeHead
from drugtext.memory import MEMORY_WEIGHT, PROTOTYPE_SCALE, SHARPNESS
from drugtext.name_stems import (
    DRUG_NAME_SHARPNESS,
    SAME_NAME_WEIGHT,
    UNLIKE,
    UNTOLD,
    with_names,
)
from drugtext.scorer import DISTANCE_WEIGHT, INITIAL_SCALE, KNOWN_NAME, NEW_NAME, NO_NAME


def test_scores_are_minus_squared_distances():
    head = head_of([[1.0, 0.0], [0.0, 2.0]])
    scores = head.scores(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    torch.testing.assert_close(scores, torch.tensor([[0.0, -5.0], [-1.0, -2.0]]))


def test_logits_scale_the_scores_and_add_the_prior():
    head = head_of([[1.0, 0.0], [0.0, 2.0]], [0.5, -0.5])
    logits = head.logits(torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(logits, torch.tensor([[0.5, -5 * INITIAL_SCALE - 0.5]]))


def test_evidence_is_what_prototypes_and_memory_say_together():
    head = head_of([[1.0, 0.0], [0.0, 1.0]], [0.5, -0.5])
    knows = head.remembering(torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1]))
    asked = torch.tensor([[0.6, 0.8]])
    evidence, prior = knows.evidence(asked)
    # Squared distances to the prototypes, 0.8 and 0.4; cosines to what is remembered, 0.6 and 0.8,
    # of two texts each, which count for half
    for n, (distance, cosine, of) in enumerate([(0.8, 0.6, 0.5), (0.4, 0.8, -0.5)]):
        told = math.exp(-distance * PROTOTYPE_SCALE + of)
        remembered = MEMORY_WEIGHT / 2 * math.exp(SHARPNESS * (cosine - 1))
        assert evidence[0, n].item() == pytest.approx(
            math.log(told + remembered) / INITIAL_SCALE, abs=0.01
        )
    assert prior.tolist() == [0, 0]


def test_familiarity_is_energy_and_nearness_to_the_middle():
    head = head_of([[1.0, 0.0], [0.0, 1.0]])
    asked = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    # Squared distances 0 and 2, 4 and 2
    energy = torch.tensor([[0.0, -2.0], [-4.0, -2.0]]).mul(16).logsumexp(1) / 16
    torch.testing.assert_close(head.familiarity(asked), energy)
    head.centre.copy_(torch.tensor([0.6, 0.0]))  # 0.4 from the one, 1.6 from the other
    farther = DISTANCE_WEIGHT * torch.tensor([0.4, 1.6]).log()
    torch.testing.assert_close(head.familiarity(asked), energy - farther)
    knows = head.remembering(torch.eye(2), torch.tensor([0, 1]))
    energy = (knows.evidence(asked)[0] * 16).logsumexp(1) / 16
    torch.testing.assert_close(knows.familiarity(asked), energy - farther)
    assert PrototypeHead(2, 0).familiarity(asked).tolist() == [-torch.inf] * 2


def test_what_is_answered_with_a_far_category_is_allowed_to_be_far():
    head = head_of([[1.0, 0.0], [0.0, 1.0]])
    asked = torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    before = head.familiarity(asked)
    head.allowances.copy_(torch.tensor([0.0, 0.5]))
    torch.testing.assert_close(head.familiarity(asked), before + torch.tensor([0.0, 0.5]))


def test_a_head_without_categories_has_no_scores():
    assert PrototypeHead(4, 0).scores(unit_vectors(3, 4)).shape == (3, 0)


def test_without_a_text_the_prior_and_the_names_are_left():
    head = PrototypeHead(2, 2, name_dim=2).requires_grad_(False)
    head.log_prior.copy_(torch.tensor([0.5, -0.5]))
    head.scale.fill_(INITIAL_SCALE / 4)
    asked = with_names(unit_vectors(2, 2), torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    assert head.logits_of_names(asked).tolist() == [[0.5, -0.5]] * 2
    knows = head.remembering(with_names(torch.eye(2), torch.eye(2)), torch.tensor([0, 1]))
    told = math.log1p((1 - math.exp(-DRUG_NAME_SHARPNESS)) / (1 + UNTOLD) / UNLIKE)
    told = (told + SAME_NAME_WEIGHT) / 4
    expected = torch.tensor([[0.5, -0.5 + told], [0.5, -0.5]])  # the second goes by no name
    torch.testing.assert_close(knows.logits_of_names(asked), expected, atol=1e-4, rtol=0)
    assert knows.logits_of_names(torch.eye(2)).tolist() == [[0.5, -0.5]] * 2


def test_a_doubt_is_spread_over_siblings():
    head = head_of([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])
    head.scale.fill_(1.0)
    asked = torch.tensor([[0.96, 0.28]])
    before = head.logits(asked)
    head.eval().place(torch.tensor([[0, 1, 0], [0, 1, 2]]))
    torch.testing.assert_close(head.logits(asked), before, rtol=0, atol=0)
    head.doubts.copy_(torch.tensor([[0.0, 0.5], [0.9, 0.9], [0.8, 0.8]]))
    p, q = before.softmax(1)[0], head.logits(asked).softmax(1)[0]
    torch.testing.assert_close(q[1], p[1])
    torch.testing.assert_close(q[0] / (q[0] + q[2]), 0.5 * p[0] / (p[0] + p[2]) + 0.25)


def test_names_that_are_new_and_known_have_doubts_of_their_own():
    known = with_names(torch.eye(2), torch.eye(2))
    names = torch.tensor([[0.6, 0.8], [0.0, 1.0], [0.0, 0.0]])
    asked = with_names(unit_vectors(3, 2), names)
    head = PrototypeHead(2, 2, name_dim=2).eval()
    head.prototypes.data = torch.eye(2)
    assert head.name_kinds(asked).tolist() == [NO_NAME] * 3, "no name is remembered"
    head = head.remembering(known, torch.tensor([0, 1])).eval()
    assert head.name_kinds(asked).tolist() == [NEW_NAME, KNOWN_NAME, NO_NAME]
    assert head.name_kinds(torch.eye(2)).tolist() == [NO_NAME] * 2
    before = head.logits(asked).softmax(1)
    head.doubts.copy_(torch.tensor([[0.2], [0.6], [0.1]]))
    share = torch.tensor([[0.6], [0.1], [0.2]])
    torch.testing.assert_close(head.logits(asked).softmax(1), (1 - share) * before + share / 2)


def test_in_training_a_wrong_answer_has_its_whole_slope():
    head = head_of([[1.0, 0.0], [0.0, 1.0]])
    head.scale.fill_(50.0)
    head.doubts.fill_(0.1)
    head.prototypes.requires_grad_(True)
    asked, wrong = torch.tensor([[1.0, 0.0]]), torch.tensor([1])

    def slope() -> float:
        loss = torch.nn.functional.cross_entropy(head.logits(asked), wrong)
        return float(torch.autograd.grad(loss, head.prototypes)[0].abs().max())

    assert head.training and slope() > 1
    assert head.logits(asked).softmax(1)[0, 1].item() < 1e-9
    head.eval()
    assert head.logits(asked).softmax(1)[0, 1].item() == pytest.approx(0.05) and slope() < 1e-3
