"""The scores of each head of episodes, against numbers worked out by hand."""

from __future__ import annotations

import math

import torch
from episode_tasks import DIM, N_WAY, random_head, separable_episode, unit_vectors, with_values

from drugtext.episode_heads import (
    AttentionPrototypes,
    CosinePrototypes,
    EuclideanPrototypes,
    LabelPropagation,
    RidgeRegression,
)
from drugtext.episode_heads.propagation import neighbours
from drugtext.prototypes import category_prototypes
from drugtext.scorer import INITIAL_SCALE

AXES = torch.eye(2)
QUERY = torch.tensor([[0.6, 0.8]])
ROWS = torch.tensor([0, 1])


def test_euclidean_scores_are_minus_squared_distances_to_means():
    head = with_values(EuclideanPrototypes(2))
    support = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 1.0]])
    logits = head(support, torch.tensor([0, 0, 0, 1]), QUERY, 2)
    torch.testing.assert_close(logits, torch.tensor([[-((0.6 - 1 / 3) ** 2) - 0.64, -0.4]]))
    scaled = EuclideanPrototypes(2)(support, torch.tensor([0, 0, 0, 1]), QUERY, 2)
    torch.testing.assert_close(scaled.detach(), INITIAL_SCALE * logits)


def test_cosine_scores_are_cosines_to_means():
    head = with_values(CosinePrototypes(2), log_scale=math.log(2))
    support = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    logits = head(support, torch.tensor([0, 0, 1]), QUERY, 2)
    torch.testing.assert_close(logits, torch.tensor([[2 * 1.6 / math.sqrt(3.2), 1.6]]))


def test_support_that_cancels_out_has_no_steep_slope():
    support = torch.cat([AXES, -AXES]).requires_grad_()
    CosinePrototypes(2)(support, ROWS.repeat(2), QUERY, 2).sum().backward()
    assert support.grad.abs().max() < 1e6


def test_prototypes_are_those_of_the_other_head():
    support, rows, queries, _, _ = separable_episode(0)
    prototypes = category_prototypes(support, rows, N_WAY)
    logits = with_values(EuclideanPrototypes(DIM))(support, rows, queries, N_WAY)
    torch.testing.assert_close(logits, -torch.cdist(queries, prototypes).square())


def test_a_name_counts_as_so_many_inserts():
    head = with_values(EuclideanPrototypes(2), log_name_weight=math.log(3))
    logits = head(AXES, ROWS, torch.zeros(1, 2), 2, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    torch.testing.assert_close(logits, torch.tensor([[-(1 + 9) / 16, -1.0]]))


def test_untrained_attention_leaves_prototypes_alone():
    support, rows, queries, _, names = separable_episode(0)
    episode = (support, rows, queries, N_WAY, names)
    assert AttentionPrototypes(DIM)(*episode).equal(EuclideanPrototypes(DIM)(*episode))


def test_attention_adds_what_prototypes_see_of_each_other():
    projections = ("query.weight", "key.weight", "value.weight", "output.weight")
    head = with_values(AttentionPrototypes(2), **dict.fromkeys(projections, AXES))
    # the norm gives (1, -1) and (-1, 1); their products, divided by the root of 2, are ±root of 2
    seen = 2 * torch.sigmoid(torch.tensor(2 * math.sqrt(2))) - 1
    adapted = torch.stack([torch.stack([1 + seen, -seen]), torch.stack([-seen, 1 + seen])])
    expected = -(QUERY - adapted).square().sum(1)
    torch.testing.assert_close(head(AXES, ROWS, QUERY, 2)[0], expected, atol=1e-3, rtol=0)


def test_ridge_regression_with_and_without_a_bias():
    flat = with_values(RidgeRegression(2), bias=0.0)
    torch.testing.assert_close(flat(AXES, ROWS, QUERY, 2), QUERY / 2)
    # the Gram matrix of (1, 0, 1), (0, 1, 1) plus the identity is [[3, 1], [1, 3]]
    head = with_values(RidgeRegression(2))
    torch.testing.assert_close(head(AXES, ROWS, QUERY, 2), torch.tensor([[3.0, 3.8]]) / 8)


def test_both_forms_of_ridge_regression_agree():
    head = random_head("ridge").double()
    for n_support in (DIM - 2, DIM + 1, DIM + 2, 30):
        support, queries = unit_vectors(n_support).double(), unit_vectors(4, seed=1).double()
        rows = torch.arange(n_support) % N_WAY
        x = torch.cat([support, head.bias.expand(n_support, 1)], 1)
        q = torch.cat([queries, head.bias.expand(4, 1)], 1)
        targets = torch.nn.functional.one_hot(rows, N_WAY).double()
        gram = x @ x.T + head.log_ridge.exp() * torch.eye(n_support).double()
        expected = q @ x.T @ gram.inverse() @ targets * head.log_scale.exp()
        torch.testing.assert_close(head(support, rows, queries, N_WAY), expected)


def test_propagation_over_three_nodes():
    # squared distances 2, 0, 2 -> similarities 1/2, 1, 1/2; degrees 3/2, 1, 3/2; alpha 1/2
    head = with_values(
        LabelPropagation(2),
        log_length=-0.5 * math.log(math.log(2)),
        alpha_logit=-math.log(0.99 / 0.5 - 1),
    )
    logits = head(AXES, ROWS, AXES[:1], 2)
    a, b = 0.25 / math.sqrt(1.5), 1 / 3  # alpha S: support to support, support 0 to the query
    reached = torch.tensor([[b + a * a, a + a * b]])  # cofactors of I - alpha S
    torch.testing.assert_close(logits, reached / reached.sum())


def test_queries_carry_a_category_to_each_other():
    angles = torch.tensor([0.0, 2.0, 1.05])  # the query is a little nearer to the second
    support_0, support_1, query = torch.stack([angles.cos(), angles.sin()], 1).split(1)
    chain = torch.linspace(0.1, 1.0, 10)
    bridge = torch.stack([chain.cos(), chain.sin()], 1)
    head = with_values(LabelPropagation(2), log_length=math.log(0.2), alpha_logit=5.0)
    support = torch.cat([support_0, support_1])
    assert head(support, ROWS, query, 2).argmax() == 1
    assert head(support, ROWS, torch.cat([query, bridge]), 2)[0].argmax() == 0


def test_no_query_is_out_of_reach_of_the_support():
    generator = torch.Generator().manual_seed(0)
    angles = torch.cat([torch.full((40,), 0.0), torch.full((40,), 2.2), torch.full((40,), 1.3)])
    angles = angles + 0.01 * torch.randn(120, generator=generator)  # three crowds
    vectors, rows = torch.stack([angles.cos(), angles.sin()], 1), torch.arange(80) // 40
    logits = LabelPropagation(2)(vectors[:80], rows, vectors[80:], 2)
    assert (logits.argmax(1) == 1).all() and logits.diff().abs().min() > 1


def test_every_category_spreads_the_same_mass():
    nodes = torch.eye(4)  # all equally far from each other
    logits = with_values(LabelPropagation(4))(nodes[:3], torch.tensor([0, 0, 1]), nodes[3:], 2)
    torch.testing.assert_close(logits, torch.tensor([[0.5, 0.5]]))


def test_nodes_are_tied_to_the_nearest():
    places = torch.arange(60.0)
    tied = neighbours((places[:, None] - places).square(), 60)
    middle, first = tied[30].nonzero().flatten(), tied[0].nonzero().flatten()
    assert middle.tolist() == [*range(20, 30), *range(31, 41)]
    assert first.tolist() == list(range(1, 21))
    assert tied[5].nonzero().flatten().tolist() == [*range(0, 5), *range(6, 21)]
    assert tied.equal(tied.T) and not tied.diagonal().any()
    places[50:] += 100
    tied = neighbours((places[:, None] - places).square(), 20)
    assert tied[59].nonzero().flatten().tolist() == [19, *range(39, 59)]
