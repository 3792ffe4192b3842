"""What privacy costs and buys: figures worked out by hand, and an attack that can succeed."""

from __future__ import annotations

from math import exp, inf

import numpy as np
import pytest
import torch

from drugtext.errors import CorpusError, DrugTextError
from drugtext.evaluation.trust.membership import (
    auc,
    closeness,
    crossed_interval,
    likelihood_ratios,
    membership_attack,
    true_positives,
)
from drugtext.evaluation.trust.privacy import (
    EPSILONS,
    Support,
    accuracy_by_epsilon,
    attack_by_epsilon,
    attack_on,
    auc_bound,
    best_attack,
    true_positive_bound,
)
from drugtext.heads import PrototypeHead

N_CATEGORIES, N_DRUGS, DIM = 5, 8, 24


@pytest.fixture(scope="module")
def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings of drugs around the centres of categories, and their rows."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(N_CATEGORIES).repeat_interleave(2 * N_DRUGS)
    centres = torch.randn(N_CATEGORIES, DIM, generator=generator)
    around = centres[rows] + torch.randn(len(rows), DIM, generator=generator)
    return torch.nn.functional.normalize(around, dim=1), rows


@pytest.fixture(scope="module")
def support(drawn) -> Support:
    embeddings, rows = (part[::2] for part in drawn)
    head = PrototypeHead(DIM, 0).with_projection(embeddings, rows)
    head.centre.fill_(1e-3)  # known before: the support's own would tell of it
    return Support(head, embeddings, rows, [f"d{n}" for n in range(len(rows))], [[]] * N_CATEGORIES)


class TestBounds:
    def test_true_positives_by_hand(self):
        bound = true_positive_bound(1.0, 1e-5, [0.0, 0.01, 0.9, 1.0])
        expected = [1e-5, exp(1) * 0.01 + 1e-5, 1 - exp(-1) * (0.1 - 1e-5), 1.0]
        np.testing.assert_allclose(bound, expected)
        assert true_positive_bound(inf, 1e-5, 0.01) == 1.0

    def test_area_by_hand(self):
        # without delta, two straight lines that meet at 1 / (1 + e): the area is e / (1 + e)
        assert auc_bound(1.0, 0.0) == pytest.approx(exp(1) / (1 + exp(1)), abs=1e-4)
        assert auc_bound(1e-9, 0.0) == pytest.approx(0.5, abs=1e-4)

    def test_no_attack_on_the_mechanism_passes_the_bound(self):
        for epsilon in EPSILONS:
            area, found = best_attack(epsilon, 1e-5)
            assert 0.5 < area <= auc_bound(epsilon, 1e-5) + 1e-6
            assert 0.01 < found <= true_positive_bound(epsilon, 1e-5, 0.01)


class TestScores:
    def test_area_and_true_positives_by_hand(self):
        scores, members = np.array([3.0, 1.0, 2.0, 0.0, 1.0]), np.array([1, 1, 0, 0, 0], dtype=bool)
        assert auc(scores, members) == pytest.approx((3 + 1.5) / 6)
        assert true_positives(scores, members) == 0.5
        assert true_positives(np.append(scores, 9.0), np.append(members, False)) == 0.0

    def test_one_percent_of_the_others_pass(self):
        scores = np.concatenate([np.arange(1000.0), [989.5, 988.5]])
        members = np.arange(1002) >= 1000
        assert (scores[~members] > 989).sum() == 10 and true_positives(scores, members) == 0.5

    def test_what_tells_nothing_gives_chance(self):
        rng = np.random.default_rng(0)
        told, members = rng.normal(size=(40, 300)), rng.random((40, 300)) < 0.5
        assert auc(likelihood_ratios(told, members), members) == pytest.approx(0.5, abs=0.02)

    def test_a_known_shift_is_used_almost_wholly(self):
        rng = np.random.default_rng(0)
        members = rng.random((60, 300)) < 0.5
        # each drug has a level of its own, which the other trials tell
        told = rng.normal(size=(60, 300)) + 50 * rng.normal(size=300) + 1.0 * members
        assert auc(told, members) < 0.55
        assert auc(likelihood_ratios(told, members), members) == pytest.approx(0.76, abs=0.02)

    def test_closeness_is_of_the_own_category(self):
        head = PrototypeHead(2, 0).fitted(torch.eye(2), torch.arange(2), [[], []])
        rows = torch.tensor([0, 1])
        queries = torch.tensor([[0.6, 0.8], [0.6, 0.8]])
        np.testing.assert_allclose(closeness(head, queries, rows), [0.6, 0.8], rtol=1e-6)
        remembering = head.remembering(queries[:1], torch.tensor([0]))
        np.testing.assert_allclose(closeness(remembering, queries, rows), [1.0, -1.0], atol=0.01)


class TestInterval:
    def test_groups_and_rows_are_drawn(self):
        table = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
        found = crossed_interval(lambda picked: table[picked].mean(), 2, ["a", "a", "b"])
        assert found.value == pytest.approx(1 / 3) and (found.low, found.high) == (0.0, 1.0)
        other = table.T.copy()
        rows = crossed_interval(lambda picked: other[picked].mean(), 3, ["a", "b"])
        assert rows.low < rows.value < rows.high

    def test_what_does_not_vary_has_none(self):
        found = crossed_interval(lambda picked: np.ones((2, 2))[picked].mean(), 2, ["a", "b"])
        assert found == (1.0, 1.0, 1.0)


class TestAttack:
    def test_memory_and_prototypes_tell_members_and_noise_hides_them(self, support):
        remembering = attack_on(support, inf, 24, has_memory=True)
        exact = attack_on(support, inf, 24)
        assert remembering.auc.value > 0.99 and remembering.true_positives.value > 0.95
        assert exact.auc.value > 0.9 and exact.true_positives.value > 0.3
        hidden, half_hidden = (a.attack for a in attack_by_epsilon(support, [0.5, 16.0], 24))
        assert hidden.auc.value == pytest.approx(0.5, abs=0.07)
        assert hidden.auc.value < half_hidden.auc.value < exact.auc.value

    def test_private_figures_stay_below_what_is_possible(self, support):
        for found in attack_by_epsilon(support, [1.0, 8.0], 24):
            assert found.attack.auc.low <= found.best[0] <= found.bound[0]
            assert found.attack.true_positives.low <= found.best[1] <= found.bound[1]

    def test_drugs_that_are_always_in_are_refused(self):
        head = PrototypeHead(2, 0).fitted(torch.eye(2), torch.arange(2), [[], []])
        with pytest.raises(CorpusError, match="found 2 drugs in 2 categories, and none that was"):
            membership_attack(lambda *_: head, np.eye(2), [0, 1], ["a", "b"], 4)

    def test_a_drug_is_in_with_all_its_inserts(self, support):
        drugs = [f"d{n // 2}" for n in range(len(support.rows))]
        seen = []

        def release(members, _):
            seen.append(members)
            return support.learn(inf, 0, members)

        membership_attack(release, support.embeddings, support.rows, drugs, 6)
        members = np.stack(seen)
        assert (members[:, ::2] == members[:, 1::2]).all()
        shares = members.reshape(6, N_CATEGORIES, N_DRUGS).mean(axis=2)
        assert (shares == 0.5).all()


def test_noise_costs_accuracy(support, drawn):
    queries, rows = (part[1::2] for part in drawn)
    drugs = [f"q{n}" for n in range(len(rows))]
    found = accuracy_by_epsilon(support, queries, rows, drugs, [0.5, 16.0, inf], 3)
    assert [point.epsilon for point in found] == [0.5, 16.0, inf]
    least, some, exact = (point.accuracy.value for point in found)
    assert least < some <= exact + 0.05 and exact > 0.7
    assert all(point.accuracy.low <= point.accuracy.value <= point.accuracy.high for point in found)


def test_a_private_head_has_no_memory(support):
    with pytest.raises(DrugTextError, match="a private head has no memory"):
        support.learn(1.0, has_memory=True)
