"""What the heads of episodes have in common: symmetries, names, training, saving, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from episode_tasks import DIM, N_WAY, random_head, separable_episode, unit_vectors, with_values
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from drugtext.episode_heads import HEADS, EuclideanPrototypes

every_head = pytest.mark.parametrize("name", HEADS)


@every_head
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), counts=st.lists(st.integers(0, 12), min_size=2, max_size=5))
def test_order_of_categories_support_and_queries_is_nothing(name, seed, counts):
    n_way, rows = len(counts), torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    vectors = unit_vectors(len(rows) + n_way + 7, seed=seed).double()
    support, names, queries = vectors.split([len(rows), n_way, 7])
    head = random_head(name, seed=seed).double()
    logits = head(support, rows, queries, n_way, names)
    generator = torch.Generator().manual_seed(seed)
    of_category, of_support, of_query = (
        torch.randperm(n, generator=generator) for n in (n_way, len(rows), 7)
    )
    renamed = of_category.argsort()[rows[of_support]]
    again = head(support[of_support], renamed, queries[of_query], n_way, names[of_category])
    torch.testing.assert_close(again, logits[of_query][:, of_category])
    assert logits.shape == (7, n_way) and logits.isfinite().all()


@every_head
def test_a_name_is_a_support_insert_of_its_weight(name):
    support, rows, queries, _, names = separable_episode(3)
    head = with_values(random_head(name), log_name_weight=0.0)
    more, more_rows = torch.cat([support, names]), torch.cat([rows, torch.arange(N_WAY)])
    named = head(support, rows, queries, N_WAY, names)
    torch.testing.assert_close(named, head(more, more_rows, queries, N_WAY))
    if name != "propagation":  # where two inserts are two nodes of the graph
        head = with_values(head, log_name_weight=math.log(2))
        more, more_rows = torch.cat([more, names]), torch.cat([more_rows, torch.arange(N_WAY)])
        named = head(support, rows, queries, N_WAY, names)
        torch.testing.assert_close(named, head(more, more_rows, queries, N_WAY))


@every_head
def test_repeated_support_is_answered_alike(name):
    support, rows, queries, truth, _ = separable_episode(1)
    logits = HEADS[name](DIM)(support.repeat(9, 1), rows.repeat(9), queries, N_WAY)
    assert logits.argmax(1).equal(truth)
    if name in ("euclidean", "cosine", "attention"):
        torch.testing.assert_close(logits, HEADS[name](DIM)(support, rows, queries, N_WAY))


@every_head
def test_names_alone_and_uneven_support_and_a_single_query(name):
    support, rows, queries, truth, names = separable_episode(5)
    head = HEADS[name](DIM)
    assert head(support[:0], rows[:0], queries, N_WAY, names).argmax(1).equal(truth)
    uneven = torch.tensor([0, 1, 2, 3, 6])  # one, two and two; then one, three and three
    for kept in (uneven, torch.tensor([0, 1, 2, 4, 5, 7, 8])):
        logits = head(support[kept], rows[kept], queries, N_WAY)
        assert logits.argmax(1).equal(truth)
    one = torch.cat([head(support, rows, q, N_WAY) for q in queries.split(1)])
    assert one.argmax(1).equal(truth)
    assert head(support, rows, queries[:0], N_WAY).shape == (0, N_WAY)


@every_head
def test_the_loss_of_episodes_falls(name):
    head = with_values(random_head(name)).requires_grad_()
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)

    def loss(seed: int) -> torch.Tensor:
        support, rows, queries, truth, names = separable_episode(seed, k_shot=seed % 3)
        return cross_entropy(head(support, rows, queries, N_WAY, names), truth)

    unseen = range(1000, 1012)
    before = sum(loss(seed).item() for seed in unseen)
    for seed in range(40):
        optimizer.zero_grad()
        loss(seed).backward()
        optimizer.step()
    assert sum(loss(seed).item() for seed in unseen) < 0.8 * before


@every_head
def test_gradients_are_those_of_finite_differences(name):
    head = random_head(name, dim=4).double()
    support, queries, names = unit_vectors(9, 4).double().split([4, 2, 3])
    rows, keys = torch.tensor([0, 0, 1, 2]), list(dict(head.named_parameters()))

    def logits(support, queries, names, *values):
        arguments = (support, rows, queries, N_WAY, names)
        return functional_call(head, dict(zip(keys, values, strict=True)), arguments)

    values = [p.detach() for p in head.parameters()]
    inputs = [t.clone().requires_grad_() for t in (support, queries, names, *values)]
    assert torch.autograd.gradcheck(logits, inputs)


@every_head
@pytest.mark.parametrize("extreme", [-36.0, 12.0])
def test_extreme_parameters_and_equal_inserts_stay_finite(name, extreme):
    head = HEADS[name](DIM)
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.ndim == 0 and parameter is not head.log_scale:
                parameter.fill_(extreme)
    vectors = torch.cat([unit_vectors(20), unit_vectors(1).expand(30, -1), -unit_vectors(20)])
    vectors = vectors.clone().requires_grad_()
    logits = head(vectors[:40], torch.arange(40) % N_WAY, vectors, N_WAY, -vectors[:N_WAY])
    equal = head(vectors[20:26], torch.arange(6) % N_WAY, vectors, N_WAY)
    logits = torch.cat([logits, equal])
    cross_entropy(logits, torch.arange(140) % N_WAY).backward()
    gradients = [vectors.grad, *(p.grad for p in head.parameters())]
    assert logits.isfinite().all() and all(g.isfinite().all() for g in gradients if g is not None)


@every_head
def test_a_head_is_saved_and_loaded(name, tmp_path):
    support, rows, queries, _, names = separable_episode(2)
    head, other = random_head(name), HEADS[name](DIM)
    save_file(head.state_dict(), tmp_path / "head.safetensors")
    other.load_state_dict(load_file(tmp_path / "head.safetensors"))
    episode = (support, rows, queries, N_WAY, names)
    assert other(*episode).equal(head(*episode))


def test_the_weight_of_names_is_positive_and_learnt():
    support, rows, queries, truth, names = separable_episode(2)
    for name in HEADS:
        head = random_head(name)
        cross_entropy(head(support, rows, queries, N_WAY, names), truth).backward()
        assert head.name_weight > 0 and head.log_name_weight.grad.abs() > 0


def test_what_does_not_fit_is_refused():
    head, support = EuclideanPrototypes(4), unit_vectors(3, 4)
    queries, rows = unit_vectors(2, 4), torch.tensor([0, 2, 2])
    with pytest.raises(ValueError, match=r"categories \[1, 3\] have no support; .* or a name"):
        head(support, rows, queries, 4)
    with pytest.raises(ValueError, match=r"categories \[0, 1\] have no support"):
        head(support[:0], rows[:0], queries, 2)
    with pytest.raises(ValueError, match=r"rows run from 0 to 2; 0 to 1 \(n_way - 1\) are needed"):
        head(support, rows, queries, 2)
    with pytest.raises(ValueError, match=r"rows run from -1 to 1; 0 to 2"):
        head(support, rows - 1, queries, 3, support)
    with pytest.raises(ValueError, match=r"support has the shape \(3, 4\); \(2, 4\) is needed"):
        head(support, rows[:2], queries, 3)
    with pytest.raises(ValueError, match=r"queries has the shape \(2, 5\); \(2, 4\) is needed"):
        head(support, rows, unit_vectors(2, 5), 3, support)
    with pytest.raises(ValueError, match=r"names has the shape \(2, 4\); \(3, 4\) is needed"):
        head(support, rows, queries, 3, support[:2])
