"""Private heads: the noise, what it is added to, and an attacker who tries to see through it."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from drugtext.errors import DrugTextError
from drugtext.gaussian_mechanism import gaussian_sigma
from drugtext.heads import PRIOR_STRENGTH, PrototypeHead
from drugtext.private import NAME_SHARE, PROTOTYPE_SQUARE, denoised_means, private_head
from drugtext.private_sums import (
    COUNT_WEIGHT,
    REPLACEMENT_SENSITIVITY,
    SENSITIVITY,
    PrivateSums,
    joint_statistic,
    private_sums,
)
from drugtext.prototypes import ingredient_means, share_with_ancestors


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def unit_vectors(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(n, dim, generator=seeded(seed)), dim=1)


def learnt_head(dim: int) -> PrototypeHead:
    """A head with a projection and a memory, as a checkpoint has them."""
    embeddings, rows = unit_vectors(3 * dim, dim, seed=9), torch.arange(3 * dim) % 2
    head = PrototypeHead(dim, 0).with_projection(embeddings, rows)
    head = head.fitted(head.project(embeddings), rows, [[], []])
    head.scale.fill_(20.0)
    return head.remembering(head.project(embeddings), rows)


@st.composite
def supports(draw):
    """Inserts of a few drugs, some of several inserts, some in several categories, long vectors."""
    n, n_categories = draw(st.integers(1, 14)), draw(st.integers(1, 4))
    rows = draw(st.lists(st.integers(0, n_categories - 1), min_size=n, max_size=n))
    drugs = draw(st.lists(st.sampled_from("abcd"), min_size=n, max_size=n))
    length = draw(st.sampled_from([0.0, 0.3, 1.0, 50.0]))
    vectors = length * unit_vectors(n, 3, seed=draw(st.integers(0, 99)))
    if draw(st.booleans()):  # those of one direction add up
        vectors = vectors[:1].repeat(n, 1)
    return vectors, torch.tensor(rows), drugs, n_categories


def test_sums_and_counts_have_their_noise():
    vectors, rows = unit_vectors(2, 99), torch.tensor([0, 1])
    exact = joint_statistic(vectors, rows, "ab", 900)
    told = private_sums(vectors, rows, "ab", 900, epsilon=2.0, delta=1e-6, generator=seeded())
    assert told.sigma == gaussian_sigma(2.0, 1e-6, SENSITIVITY)
    assert (told.sums - exact[:, :-1]).std().item() == pytest.approx(told.sigma, rel=0.02)
    counts = (told.counts - exact[:, -1] / COUNT_WEIGHT).std().item()
    assert counts == pytest.approx(told.sigma / COUNT_WEIGHT, rel=0.12)


class TestSensitivity:
    @settings(max_examples=200, deadline=None)
    @given(supports(), st.sampled_from("abcd"))
    def test_a_drug_less_moves_no_more_than_it_may(self, support, drug):
        vectors, rows, drugs, n_categories = support
        left = [n for n, other in enumerate(drugs) if other != drug]
        whole = joint_statistic(*support)
        without = joint_statistic(vectors[left], rows[left], [drugs[n] for n in left], n_categories)
        assert (whole - without).norm().item() <= SENSITIVITY + 1e-9

    @settings(max_examples=100, deadline=None)
    @given(supports(), supports())
    def test_a_drug_replaced_moves_no_more_than_it_may(self, one, other):
        one, other = (joint_statistic(s[0], s[1], ["x"] * len(s[1]), 4) for s in (one, other))
        assert (one - other).norm().item() <= REPLACEMENT_SENSITIVITY + 1e-9

    def test_it_is_reached(self):
        vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        for rows in ([0, 0], [0, 1]):
            moved = joint_statistic(vectors, torch.tensor(rows), ["a", "a"], 2).norm().item()
            assert moved == pytest.approx(SENSITIVITY)
        two = [joint_statistic(v * vectors[:1], torch.tensor([0]), "a", 1) for v in (1, -1)]
        assert (two[0] - two[1]).norm().item() == pytest.approx(REPLACEMENT_SENSITIVITY)

    def test_it_is_worked_out_by_hand(self):
        vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 5.0], [0.6, 0.8]])
        told = joint_statistic(vectors, torch.tensor([0, 1, 1, 1]), ["a", "a", "b", "b"], 3)
        half, both = math.sqrt(0.5), torch.nn.functional.normalize(vectors[2] + vectors[3], dim=0)
        expected = torch.tensor(
            [
                [half, 0, half * COUNT_WEIGHT],
                [both[0], half + both[1], (1 + half) * COUNT_WEIGHT],
                [0, 0, 0],
            ]
        )
        torch.testing.assert_close(told, expected.double(), atol=1e-6, rtol=0)

    def test_an_embedding_that_is_no_number_is_refused(self):
        with pytest.raises(ValueError, match="not finite; no noise would hide it"):
            joint_statistic(torch.tensor([[math.nan, 1.0]]), torch.tensor([0]), "a", 1)


class TestHead:
    def test_without_a_projection_it_is_refused(self):
        with pytest.raises(DrugTextError, match=r"no projection yet.*needs a checkpoint"):
            private_head(
                PrototypeHead(2, 0), torch.eye(2), torch.arange(2), "ab", [[]] * 2, epsilon=1
            )

    def test_with_little_noise_it_is_the_one_that_is_not_private(self):
        head, vectors, rows = learnt_head(8), unit_vectors(30, 8), torch.arange(30) % 3
        drugs, names = [n // 2 for n in range(0, 60, 2)], unit_vectors(3, 8, seed=5)
        ancestors = [["A1", "A"], ["A1", "A"], ["A"]]
        told = private_head(head, vectors, rows, drugs, ancestors, names, epsilon=1e9)
        expected = head.fitted(*ingredient_means(vectors, rows, drugs), ancestors, names)
        for (name, found), (_, other) in zip(
            told.head.named_parameters(), expected.named_parameters(), strict=True
        ):
            torch.testing.assert_close(found, other, atol=1e-3, rtol=1e-3, msg=name)
        assert told.n_support == [10, 10, 10]

    def test_larger_categories_are_as_much_more_likely_and_weigh_more_in_the_tree(self):
        head, vectors = learnt_head(8), unit_vectors(12, 8)
        rows, drugs = torch.tensor([0] * 8 + [1] * 3 + [2]), range(12)
        names, ancestors = unit_vectors(3, 8, seed=5), [["A1", "A"], ["A1", "A"], ["A"]]
        told = private_head(head, vectors, rows, drugs, ancestors, names, epsilon=1e9)
        expected = head.fitted(vectors, rows, ancestors, names)
        torch.testing.assert_close(told.head.log_prior, expected.log_prior, atol=1e-3, rtol=0)
        torch.testing.assert_close(told.head.prototypes, expected.prototypes, atol=1e-3, rtol=0)
        assert told.n_support == [8, 3, 1]

    def test_nothing_but_what_was_released_goes_into_it(self):
        head, vectors, rows = learnt_head(8), unit_vectors(30, 8), torch.arange(30) % 3
        names, weights = unit_vectors(3, 8, seed=5), torch.tensor([1.0, 0.0, 1.0])
        support = (vectors, rows, range(30))
        told = private_head(
            *(head, *support, [["A"]] * 3, names, weights), epsilon=0.2, generator=seeded()
        )
        released = private_sums(*support, 3, epsilon=0.2, generator=seeded())
        counts = released.counts.clamp(min=1)
        assert (counts - 10).abs().max() > 3
        means = denoised_means(released, names, weights)
        shared = share_with_ancestors(means, counts + weights, [["A"]] * 3)
        torch.testing.assert_close(told.head.prototypes, shared.float())
        prior = PRIOR_STRENGTH * (counts.log() - counts.log().mean())
        torch.testing.assert_close(told.head.log_prior, prior.float())
        assert told.n_support == counts.round().tolist()

    def test_with_much_noise_the_names_are_left(self):
        noisy = PrivateSums(1e3 * torch.ones(2, 4), torch.tensor([-50.0, 900.0]), 1e6)
        names, weights = unit_vectors(2, 4), torch.tensor([1.0, 0.0])
        expected = NAME_SHARE * names * weights.unsqueeze(1)
        found = denoised_means(noisy, names, weights)
        torch.testing.assert_close(found, expected, check_dtype=False)

    def test_noise_is_weighed_against_what_prototypes_are_like(self):
        noisy = PrivateSums(torch.tensor([[2.0, 0.0]]), torch.tensor([3.0]), 0.8)
        names = torch.tensor([[0.0, 1.0]])
        spread, noise = PROTOTYPE_SQUARE / 2, (0.8 / 4) ** 2
        known = spread / (spread + noise)
        expected = [[known * 0.5, NAME_SHARE + known * (0.25 - NAME_SHARE)]]
        found = denoised_means(noisy, names, torch.ones(1))
        torch.testing.assert_close(found, torch.tensor(expected), check_dtype=False)

    def test_a_number_of_drugs_below_one_counts_as_one(self):
        names, sums = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
        below, one = (
            denoised_means(PrivateSums(sums, torch.tensor([n]), 0.1), names, torch.ones(1))
            for n in (-0.9, 1.0)
        )
        assert below.equal(one) and below[0, 0] > 0

    def test_numbers_of_drugs_are_noisy_and_whole(self):
        told = private_head(
            *(learnt_head(30), torch.eye(30), torch.arange(30), range(30), [[]] * 30), epsilon=0.01
        )
        assert all(type(n) is int and n >= 1 for n in told.n_support)
        assert told.n_support != [1] * 30

    def test_it_has_no_memory_and_leaves_the_other_head_alone(self):
        head = learnt_head(4)
        before = {name: tensor.clone() for name, tensor in head.state_dict().items()}
        told = private_head(
            head, torch.eye(4), torch.tensor([0, 0, 1, 2]), "abcd", [[]] * 4, epsilon=4
        )
        assert told.head.memory is None and len(told.head.prototypes) == 4  # one has no support
        assert told.head.scale == 20.0 and told.head.whitening.equal(head.whitening)
        assert all(head.state_dict()[name].equal(tensor) for name, tensor in before.items())
        assert told.head.logits(unit_vectors(5, 4)).isfinite().all()

    def test_it_says_what_is_promised(self):
        told = private_head(
            *(learnt_head(4), torch.eye(4), torch.arange(4), range(4), [[]] * 4),
            **{"epsilon": 4, "delta": 1e-6},
        )
        stated = json.loads(json.dumps(told.statement))
        assert stated["epsilon"] == 4.0 and stated["delta"] == 1e-6
        assert stated["sigma"] == gaussian_sigma(4, 1e-6, SENSITIVITY)
        assert "one drug" in stated["unit"] and "Gaussian" in stated["mechanism"]


class TestAudit:
    """The best attacker there is knows all but one drug, and whether that one is in."""

    EPSILON, DELTA, N = 1.0, 1e-5, 4000

    def told(self, noise_share: float) -> tuple[torch.Tensor, torch.Tensor]:
        """What the attacker computes, in units of the noise, without the drug and with it."""
        vectors, rows, drugs = unit_vectors(5, 3), torch.tensor([0, 0, 1, 0, 1]), "abctt"
        exact = [joint_statistic(vectors[:n], rows[:n], drugs[:n], 2) for n in (3, 5)]
        towards = exact[1] - exact[0]
        assert towards.norm().item() == pytest.approx(SENSITIVITY)
        generator, worlds = seeded(), []
        for n in (3, 5):
            seen = []
            for _ in range(self.N):
                told = private_sums(
                    *(vectors[:n], rows[:n], drugs[:n], 2),
                    **{"epsilon": self.EPSILON, "delta": self.DELTA, "generator": generator},
                )
                joint = torch.cat([told.sums, COUNT_WEIGHT * told.counts.unsqueeze(1)], dim=1)
                joint = exact[n == 5] + noise_share * (joint - exact[n == 5])
                seen.append(((joint - exact[0]) * towards).sum() / towards.norm() / told.sigma)
            worlds.append(torch.stack(seen))
        return worlds[0], worlds[1]

    def broken(self, without: torch.Tensor, given: torch.Tensor) -> bool:
        """Whether the counts can no longer be of a mechanism that keeps its promise."""

        def least(count):
            return beta.ppf(1e-6, count, self.N - count + 1) if count else 0.0

        found = False
        for threshold in torch.linspace(-2, 2, 17):
            for one, other in (
                (given > threshold, without > threshold),
                (without <= threshold, given <= threshold),
            ):
                most = 1 - least(int((~other).sum()))
                found |= least(int(one.sum())) > math.exp(self.EPSILON) * most + self.DELTA
        return found

    def test_the_promise_is_kept_and_the_attack_is_as_good_as_theory_says(self):
        without, given = self.told(1.0)
        assert not self.broken(without, given)
        apart = SENSITIVITY / gaussian_sigma(self.EPSILON, self.DELTA, SENSITIVITY)
        assert (given.mean() - without.mean()).item() == pytest.approx(
            apart, abs=5 * math.sqrt(2 / self.N)
        )
        assert without.std().item() == pytest.approx(1.0, abs=5 / math.sqrt(2 * self.N))

    @pytest.mark.parametrize("noise_share", [0.0, 0.25])
    def test_less_noise_is_caught(self, noise_share):
        assert self.broken(*self.told(noise_share))
