"""A doubt at each level of the tree: hand-computed, and what must hold for all."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drugtext.doubt import doubted, tree_nodes

# Siblings: the first and the third; the second is by itself.
NODES = torch.tensor([[0, 1, 0], [0, 1, 2]])
LOGITS = torch.tensor([[0.48, 0.4, 0.12]]).log()


def probabilities(*doubts: float) -> torch.Tensor:
    return doubted(LOGITS, NODES, torch.tensor(doubts)).double().softmax(1)[0]


def test_nodes_are_numbered_by_the_first_category_below_them():
    paths = [["C", "C07", "C07AB"], ["C", "C08"], ["C", "C07", "C07A"], ["B", "B01", "B01A"]]
    assert tree_nodes(paths).tolist() == [[0, 0, 0, 3], [0, 1, 0, 3], [0, 1, 2, 3]]
    assert tree_nodes([["a"], ["b"]]).tolist() == [[0, 1]]
    assert tree_nodes([]).shape == (1, 0)


def test_doubts_by_hand():
    # Above, 0.6 and 0.4 become 0.9 * 0.6 + 0.1 / 2 and the rest; below the first, of two,
    # 0.8 becomes 0.8 * 0.8 + 0.2 / 2; one that is alone keeps all.
    first, second = 0.59, 0.41
    expected = torch.tensor([first * 0.74, second, first * 0.26]).double()
    torch.testing.assert_close(probabilities(0.1, 0.2), expected, rtol=1e-6, atol=0)


def test_without_doubts_nothing_changes():
    torch.testing.assert_close(probabilities(0.0, 0.0), LOGITS.double().softmax(1)[0])


def test_of_nothing_but_doubt_all_that_stand_at_a_place_are_alike():
    torch.testing.assert_close(probabilities(1.0, 1.0), torch.tensor([0.25, 0.5, 0.25]).double())


def test_several_below_one_last_node_share_it_as_before():
    found = doubted(LOGITS, NODES[:1], torch.tensor([1.0])).softmax(1)[0]
    torch.testing.assert_close(found, torch.tensor([0.4, 0.5, 0.1]))


def test_far_categories_stay_numbers():
    logits = torch.tensor([[0.0, -2000.0, -1000.0], [-5000.0, -1.0, -4000.0]])
    found = doubted(logits, NODES, torch.tensor([0.0, 0.5])).softmax(1)
    assert found.isfinite().all()
    torch.testing.assert_close(found[:, 1], torch.tensor([0.0, 1.0]))
    some = doubted(logits, NODES, torch.tensor([0.1, 0.0])).softmax(1)
    torch.testing.assert_close(some[:, 1], torch.tensor([0.05, 0.95]))


@given(
    st.lists(st.floats(-20, 20), min_size=6, max_size=6),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_order_at_each_place_is_kept_and_all_sums_to_one(logits, doubts):
    rows = torch.tensor([logits])
    nodes = torch.tensor([[0, 0, 0, 3, 3, 0], [0, 0, 2, 3, 4, 2], [0, 1, 2, 3, 4, 5]])
    before = rows.double().softmax(1)
    after = doubted(rows.double(), nodes, torch.tensor(doubts)).exp()
    assert after.sum().item() == pytest.approx(1)
    above = torch.zeros_like(nodes[0])
    for level in nodes:
        old, new = (p[0].new_zeros(6).index_add(0, level, p[0])[level] for p in (before, after))
        for a in range(6):
            for b in range(6):
                if above[a] == above[b] and old[a] > old[b]:
                    assert new[a] >= new[b] - 1e-12
        above = level
