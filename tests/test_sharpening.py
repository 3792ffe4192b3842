"""Two powers: one between groups of siblings, one within them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drugtext.sharpening import group_log_probabilities, sharpened

# Siblings: the first and the third; the second is by itself.
GROUPS = torch.tensor([0, 1, 0])
LOGITS = torch.tensor([[0.48, 0.4, 0.12]]).log()


def probabilities(*powers: float) -> torch.Tensor:
    return sharpened(LOGITS, GROUPS, torch.tensor(powers)).double().softmax(1)[0]


def test_a_probability_is_that_of_the_group_times_that_within_it():
    between, within = group_log_probabilities(LOGITS, GROUPS)
    torch.testing.assert_close(between.exp()[0, :2], torch.tensor([0.6, 0.4]).double())
    torch.testing.assert_close(within.exp()[0], torch.tensor([0.8, 1.0, 0.2]).double())


def test_powers_by_hand():
    # Groups 0.6 and 0.4 to the power of 2: 9 to 4. Within, 0.8 and 0.2 to the power of 1/2: 2 to 1.
    expected = torch.tensor([9 / 13 * 2 / 3, 4 / 13, 9 / 13 / 3]).double()
    torch.testing.assert_close(probabilities(2.0, 0.5), expected, rtol=1e-6, atol=0)


def test_one_changes_nothing_not_even_a_bit():
    assert sharpened(LOGITS, GROUPS, torch.ones(2)) is LOGITS
    close = probabilities(1.0, 1.0 + 1e-7)
    torch.testing.assert_close(close, LOGITS.double().softmax(1)[0], rtol=1e-6, atol=0)


def test_far_categories_stay_numbers():
    logits = torch.tensor([[0.0, -2000.0, -1000.0], [-5000.0, -1.0, -4000.0]])
    found = sharpened(logits, GROUPS, torch.tensor([1.5, 0.5])).softmax(1)
    assert found.isfinite().all()
    torch.testing.assert_close(found[:, :2], torch.eye(2))


@given(
    st.lists(st.floats(-20, 20), min_size=5, max_size=5),
    st.floats(0.25, 4),
    st.floats(0.25, 4),
)
def test_order_within_a_group_and_between_groups_is_kept(logits, first, second):
    rows, groups = torch.tensor([logits]), torch.tensor([0, 0, 2, 2, 4])
    before = [part.exp() for part in group_log_probabilities(rows, groups)]
    sharp = sharpened(rows, groups, torch.tensor([first, second]))
    after = [part.exp() for part in group_log_probabilities(sharp, groups)]
    assert after[0].sum().item() == pytest.approx(1)
    for old, new in zip(before, after, strict=True):
        for a in range(5):
            for b in range(5):
                if old[0, a] > old[0, b] + 1e-6 and (old is before[0] or groups[a] == groups[b]):
                    assert new[0, a] >= new[0, b] - 1e-6
