"""The prototype head: each step against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from heads_by_hand import head_of, unit_vectors
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drugtext.heads import PRIOR_STRENGTH, PrototypeHead
from drugtext.name_stems import with_names
from drugtext.scorer import DISTANCE_WEIGHT
from drugtext.whitening import within_category_whitening


def test_whitening_of_a_known_covariance():
    # residuals (±2, 0) and (0, ±1) in two categories: covariance diag(2, 0.5), mean 1.25
    embeddings = torch.tensor([[12.0, 5], [8.0, 5], [-3.0, 1], [-3.0, -1]])
    ids = torch.tensor([0, 0, 1, 1])
    s = 0.2
    scaled = [1.25 / ((1 - s) * variance + s * 1.25) for variance in (2.0, 0.5)]
    expected = torch.diag(torch.tensor(scaled).sqrt())
    torch.testing.assert_close(within_category_whitening(embeddings, ids, s), expected)


def test_whitening_evens_out_every_direction():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(4, 4, generator=generator)
    embeddings = torch.randn(400, 4, generator=generator) @ mixing
    whitening = within_category_whitening(embeddings, torch.zeros(400, dtype=torch.int64), 1e-9)
    white = (embeddings - embeddings.mean(0)) @ whitening
    covariance = white.T @ white / 400
    torch.testing.assert_close(covariance, torch.eye(4) * covariance[0, 0], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(whitening, whitening.T)


def test_full_shrinkage_changes_nothing():
    embeddings = unit_vectors(20, 3)
    ids = torch.arange(20) % 2
    torch.testing.assert_close(within_category_whitening(embeddings, ids, 1.0), torch.eye(3))


def test_inserts_that_do_not_differ_give_no_whitening():
    embeddings = unit_vectors(5, 3)
    assert within_category_whitening(embeddings, torch.arange(5)).equal(torch.eye(3))
    thrice = within_category_whitening(embeddings.repeat(3, 1), torch.arange(5).repeat(3))
    assert thrice.equal(torch.eye(3))


def test_projection_centres_whitens_and_normalises():
    head = head_of([[1.0, 0.0]])
    state = {"centre": torch.tensor([1.0, 1.0]), "whitening": torch.diag(torch.tensor([3.0, 4.0]))}
    head.load_state_dict(head.state_dict() | state)
    projected = head.project(torch.tensor([[2.0, 2.0], [1.0, 5.0]]))
    torch.testing.assert_close(projected, torch.tensor([[0.6, 0.8], [0.0, 1.0]]))
    torch.testing.assert_close(head(torch.tensor([[2.0, 2.0]])), head.logits(projected[:1]))


def test_fitted_has_prototypes_and_a_prior_of_the_counts():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    bare = PrototypeHead(2, 0)
    head = bare.fitted(embeddings, torch.tensor([0, 1, 1, 1, 1]), [[], []])
    assert head.prototypes.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    gap = PRIOR_STRENGTH * math.log(4)
    torch.testing.assert_close(head.log_prior.detach(), torch.tensor([-gap / 2, gap / 2]))
    assert bare.is_bare and not head.is_bare


def test_a_projection_is_learnt_from_enough_support():
    embeddings = unit_vectors(8, 4) + 1
    ids = torch.tensor([0, 1] * 4)
    head = PrototypeHead(4, 0).with_projection(embeddings, ids)
    torch.testing.assert_close(head.centre.detach(), embeddings.mean(0))
    torch.testing.assert_close(head.whitening.detach(), within_category_whitening(embeddings, ids))
    assert len(head.prototypes) == 0 and not head.is_bare
    few = PrototypeHead(4, 0).with_projection(embeddings[:3], ids[:3])
    assert few.whitening.equal(torch.eye(4)) and few.centre.any()


def test_one_category_is_not_centred_on_itself():
    head = PrototypeHead(4, 0).with_projection(
        unit_vectors(3, 4), torch.zeros(3, dtype=torch.int64)
    )
    assert not head.centre.any()


def test_an_added_category_is_the_mean_of_its_support():
    head = head_of([[1.0, 0.0], [0.0, 1.0]], [0.5, -0.1])
    more = head.with_category(torch.tensor([[0.0, -1.0], [-1.0, 0.0]]))
    assert more.prototypes.tolist() == [[1.0, 0.0], [0.0, 1.0], [-0.5, -0.5]]
    torch.testing.assert_close(more.log_prior.detach(), torch.tensor([0.5, -0.1, 0.2]))
    assert len(head.prototypes) == 2
    first = PrototypeHead(2, 0).with_category(torch.tensor([[3.0, 4.0]]))
    assert first.prototypes.tolist() == [[3.0, 4.0]] and first.log_prior.tolist() == [0.0]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 130), st.integers(1, 5), st.sampled_from([16, 384]))
@example(63, 1, 384)
@example(64, 3, 384)
@example(128, 3, 16)
def test_scores_stay_the_same_to_the_last_bit_when_a_category_is_added(n_categories, n, dim):
    head = PrototypeHead(dim, n_categories).requires_grad_(False)
    head.prototypes.copy_(unit_vectors(n_categories, dim))
    queries = unit_vectors(n, dim, seed=1)
    more = head.with_category(unit_vectors(2, dim, seed=2)).requires_grad_(False)
    assert more.scores(queries)[:, :n_categories].equal(head.scores(queries))
    assert more.logits(queries)[:, :n_categories].equal(head.logits(queries))


@pytest.mark.parametrize("n_categories", [2, 63, 64, 130, 427])
@pytest.mark.parametrize("n", [1, 7, 40])
def test_what_texts_and_names_say_stays_the_same_to_the_last_bit_too(n_categories, n):
    rows = torch.arange(n_categories).repeat_interleave(3)
    support = with_names(unit_vectors(len(rows), 48), unit_vectors(len(rows), 16, seed=1))
    head = PrototypeHead(48, 0, name_dim=16).fitted(support, rows, [[]] * n_categories)
    head = head.remembering(support, rows).requires_grad_(False)
    new = with_names(unit_vectors(2, 48, seed=2), unit_vectors(2, 16, seed=3))
    asked = with_names(unit_vectors(n, 48, seed=4), unit_vectors(n, 16, seed=5))
    more = head.with_category(new).with_category(new[:1])
    before, after = head.evidence(asked)[0], more.evidence(asked)[0]
    assert after[:, :n_categories].equal(before)


class TestNames:
    def test_a_name_counts_as_one_support_insert(self):
        support = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        names = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
        head = PrototypeHead(2, 0).fitted(support, torch.tensor([0, 0, 1]), [[], []], names)
        expected = torch.tensor([[2 / 3, 1 / 3], [0.0, 1.0]])
        torch.testing.assert_close(head.prototypes.detach(), expected)

    def test_a_weight_of_zero_leaves_a_name_out(self):
        support, rows = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
        names, weights = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.zeros(2)
        head = PrototypeHead(2, 0).fitted(support, rows, [[], []], names, weights)
        torch.testing.assert_close(head.prototypes.detach(), support)

    def test_names_alone_do_and_nothing_at_all_is_refused(self):
        nothing, rows = torch.zeros(0, 2), torch.zeros(0, dtype=torch.long)
        names = torch.eye(2)
        head = PrototypeHead(2, 0).fitted(nothing, rows, [[], []], names)
        torch.testing.assert_close(head.prototypes.detach(), names)
        assert head.log_prior.tolist() == [0.0, 0.0]
        with pytest.raises(ValueError, match="neither support nor a name"):
            PrototypeHead(2, 0).fitted(nothing, rows, [[], []], names, torch.zeros(2))

    def test_names_have_a_centre_of_their_own(self):
        support, rows = torch.eye(2), torch.tensor([0, 1])
        head = PrototypeHead(2, 0).with_projection(
            support, rows, torch.tensor([[1.0, 0.0], [0.0, 0.0]])
        )
        assert head.name_centre.tolist() == [0.5, 0.0] and head.centre.tolist() == [0.5, 0.5]
        assert head.project_names(torch.tensor([[1.5, 0.0]])).tolist() == [[1.0, 0.0]]

    def test_a_category_is_added_with_its_name(self):
        head = PrototypeHead(2, 0).fitted(torch.eye(2), torch.tensor([0, 1]), [[], []])
        more = head.with_category(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
        assert more.prototypes[2].tolist() == [0.5, 0.5]


def test_doubts_follow_every_change_but_a_new_fit():
    head = head_of([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6], [0.6, 0.8]])
    assert head.nodes.tolist() == [[0, 1, 2, 3]] and head.doubts.tolist() == [[0.0]] * 3
    head.doubts.copy_(torch.tensor([[0.25], [0.5], [0.0]]))
    deeper = [[0.25, 0.25], [0.5, 0.5], [0.0, 0.0]]
    head.place(torch.tensor([[0, 1, 0, 1], [0, 1, 2, 3]]))
    assert head.doubts.tolist() == deeper, "a level more is as doubtful"
    assert head.remembering(torch.eye(2), torch.tensor([0, 1])).doubts.tolist() == deeper
    more = head.with_category(torch.tensor([[0.6, -0.8]]))
    deeper[2] = deeper[1]  # a name that is known may be of the new category
    assert more.nodes.shape == (2, 5) and more.doubts.tolist() == deeper
    fewer, _ = more.regrouped([[1], [2], [3, 0]], [1] * 5)
    assert fewer.nodes.shape == (2, 3) and fewer.doubts.tolist() == deeper
    fewer.place(torch.tensor([[0, 1, 2]]))
    assert fewer.doubts.tolist() == [[0.25], [0.5], [0.5]], "a level less, a doubt less"
    assert (
        head.fitted(torch.eye(2), torch.tensor([0, 1]), [[], []]).doubts.tolist()
        == [[0.0, 0.0]] * 3
    )


def test_a_category_that_lies_farther_out_is_allowed_to_and_others_are_not():
    head = head_of([[1.0, 0.0], [0.0, 1.0]])
    head.centre.copy_(torch.tensor([0.6, 0.0]))
    known = torch.tensor([[1.0, 0.0], [1.0, 0.0]])  # 0.4 from the centre
    head = head.remembering(known, torch.tensor([0, 1]))
    more = head.with_category(torch.tensor([[-1.0, 0.0]]))  # 1.6
    allowed = DISTANCE_WEIGHT * math.log(1.6 / 0.4)
    torch.testing.assert_close(more.allowances, torch.tensor([0.0, 0.0, allowed]))
    as_near = more.with_category(known[:1])
    torch.testing.assert_close(as_near.allowances[:3], more.allowances)
    assert as_near.allowances[3] == 0
    merged, _ = as_near.regrouped([[1], [0, 2]], [1] * 4)
    torch.testing.assert_close(merged.allowances, torch.tensor([0.0, allowed]))
    assert not merged.fitted(torch.eye(2), torch.tensor([0, 1]), [[], []]).allowances.any()
    assert head_of([[1.0, 0.0]]).with_category(known).allowances.tolist() == [0.0, 0.0]


def test_merged_categories_are_weighed_by_their_support():
    head = head_of([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], [0.5, -0.1, 0.2])
    merged, _ = head.regrouped([[1, 0], [2]], [3, 1, 5])
    torch.testing.assert_close(merged.prototypes, torch.tensor([[0.75, 0.25], [0.6, 0.8]]))
    grown = PRIOR_STRENGTH * math.log(4 / 3)  # as if the larger one had all of the support
    torch.testing.assert_close(merged.log_prior, torch.tensor([0.5 + grown, 0.2]))
    by_name, _ = head.regrouped([[0, 1]], [0, 0, 1])  # neither has support
    torch.testing.assert_close(by_name.prototypes, torch.tensor([[0.5, 0.5]]))


def test_a_name_that_merged_categories_share_is_remembered_once():
    support = with_names(torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    head = PrototypeHead(2, 2, name_dim=2).remembering(support, torch.tensor([0, 1]))
    merged, kept = head.regrouped([[0, 1]], [1, 1])
    assert kept == [0, 1] and len(merged.memory) == 2
    assert len(head.named) == 2 and len(merged.named) == 1


def whitening_head(seed: int = 0, dim: int = 6) -> PrototypeHead:
    generator = torch.Generator().manual_seed(seed)
    head = PrototypeHead(dim, 0)
    square = torch.randn(dim, dim, generator=generator)
    head.whitening.data.copy_(square @ square.T + torch.eye(dim))
    head.centre.data.copy_(torch.randn(dim, generator=generator) / 9)
    return head


def test_a_softened_whitening_is_a_power_of_it():
    head = whitening_head()
    half = head.softened(0.5).whitening
    torch.testing.assert_close(half @ half, head.whitening.data, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(head.softened(0.0).whitening, torch.eye(6), rtol=0, atol=1e-5)
    torch.testing.assert_close(head.softened(1.0).whitening, head.whitening, rtol=1e-4, atol=1e-4)
    assert head.softened(0.5).centre.equal(head.centre)


def test_a_softened_head_trusts_the_same_embeddings_more_than_others():
    head = whitening_head()
    head.certainty.data.copy_(torch.randn(6, generator=torch.Generator().manual_seed(1)))
    embeddings = torch.randn(50, 6, generator=torch.Generator().manual_seed(2))
    other = head.softened(0.25)
    whole, soft = (one.trust(one.project(embeddings)).log() for one in (head, other))
    assert ((whole > 0) == (soft > 0)).all()
    assert soft.std().item() == pytest.approx(whole.std().item(), rel=0.3)


def test_what_one_head_projected_is_moved_to_another():
    head = whitening_head()
    other, embeddings = head.softened(0.25), torch.randn(5, 6)
    moved = head.moved(head.project(embeddings), other)
    torch.testing.assert_close(moved, other.project(embeddings), rtol=1e-4, atol=1e-5)
