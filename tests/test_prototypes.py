"""Means of support: by category, by drug, and shared with the tree; worked out by hand."""

from __future__ import annotations

import pytest
import torch

from drugtext.prototypes import (
    ANCESTOR_SHARES,
    category_prototypes,
    ingredient_means,
    names_tell,
    share_with_ancestors,
)


def test_prototypes_are_means():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 3.0], [4.0, 4.0]])
    prototypes = category_prototypes(embeddings, torch.tensor([1, 0, 0, 1]), 2)
    assert prototypes.tolist() == [[0.0, 2.0], [2.5, 2.0]]


def test_a_category_without_support_is_refused():
    with pytest.raises(ValueError, match=r"categories \[0, 2\] have no support; each needs one"):
        category_prototypes(torch.ones(2, 3), torch.tensor([1, 1]), 3)


def test_a_drug_counts_once_in_each_category():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.6, 0.8], [0.8, 0.6]])
    rows = torch.tensor([1, 0, 1, 1, 1])
    means, categories = ingredient_means(embeddings, rows, ["a", "a", "b", "a", "b"])
    unit = torch.nn.functional.normalize
    expected = torch.stack(
        [embeddings[0] + embeddings[3], embeddings[1], embeddings[2] + embeddings[4]]
    )
    torch.testing.assert_close(means, unit(expected, dim=1))
    assert categories.tolist() == [1, 0, 1]


def test_drugs_that_all_differ_stay_as_they_are():
    embeddings, rows = torch.eye(3), torch.tensor([0, 1, 1])
    means, categories = ingredient_means(embeddings, rows, ["a", "b", 2])
    assert means is embeddings and categories is rows
    assert len(ingredient_means(embeddings[:0], rows[:0], [])[0]) == 0


def test_prototypes_move_towards_their_ancestors():
    prototypes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    ancestors = [["H1", "H"], ["H1", "H"], ["H"]]
    shared = share_with_ancestors(prototypes, torch.tensor([3, 1, 4]), ancestors)
    parent, root = torch.tensor([0.75, 0.25]), torch.tensor([3 / 8, -3 / 8])
    first, second = ANCESTOR_SHARES[:2]
    expected = [
        prototypes[0] * (1 - first - second) + parent * first + root * second,
        prototypes[1] * (1 - first - second) + parent * first + root * second,
        prototypes[2] * (1 - first) + root * first,
    ]
    torch.testing.assert_close(shared, torch.stack(expected))


def test_no_more_ancestors_count_than_have_a_share():
    prototypes = torch.tensor([[1.0], [5.0]])
    ancestors = [["d", "c", "b", "a"], ["a"]]
    shared = share_with_ancestors(prototypes, torch.tensor([1, 1]), ancestors)
    torch.testing.assert_close(shared[0], torch.tensor([1.0]))


def test_a_flat_taxonomy_leaves_prototypes_alone():
    prototypes = torch.eye(4)[:3]
    assert share_with_ancestors(prototypes, torch.ones(3), [[], [], []]).equal(prototypes)


def test_names_tell_only_where_they_beat_chance_by_two_standard_errors():
    names, rows = torch.eye(4), torch.tensor([0, 1, 2, 3])
    assert names_tell(torch.eye(4), rows, names)
    assert not names_tell(torch.eye(4)[[0, 0, 0, 0]], rows, names)  # one of four is chance
    assert not names_tell(torch.zeros(0, 4), rows[:0], names)


@pytest.mark.parametrize(("n_right", "tell"), [(7, False), (8, True)])
def test_names_that_are_right_more_often_by_chance_do_not_tell(n_right, tell):
    # Of 16, a quarter by chance: two standard errors are 0.217, so 0.467 is the limit
    names, rows = torch.eye(4), torch.arange(4).repeat(4)
    nearest = torch.where(torch.arange(16) < n_right, rows, (rows + 1) % 4)
    assert names_tell(names[nearest], rows, names) == tell


def test_four_inserts_of_two_categories_are_too_few_for_names_to_tell():
    rows = torch.tensor([0, 1, 0, 1])  # a half by chance, and a half is two standard errors
    assert not names_tell(torch.eye(2)[rows], rows, torch.eye(2))
