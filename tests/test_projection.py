"""What a projection keeps of an embedding: its direction, and by that its distance."""

from __future__ import annotations

import torch
from heads_by_hand import unit_vectors

from drugtext.projection import Projection
from drugtext.whitening import softened


def projection(dim: int, name_dim: int = 0) -> Projection:
    made = Projection(dim, name_dim)
    half = unit_vectors(dim, dim, seed=3)
    made.centre.copy_(0.4 * unit_vectors(1, dim, seed=1)[0])
    made.whitening.copy_(half @ half.T + 0.1 * torch.eye(dim))
    return made.requires_grad_(False)


def test_the_distance_of_an_embedding_is_told_by_its_projection():
    made, embeddings = projection(6), unit_vectors(20, 6)
    made.whitening[0, 1] += 0.3  # nothing leans on its being symmetric
    lengths = ((embeddings - made.centre) @ made.whitening).norm(dim=1)
    torch.testing.assert_close(made.distances(made.project(embeddings)), lengths)
    assert lengths.min() < 0.5 * lengths.max()
    projected = made.project(embeddings).half()
    torch.testing.assert_close(made.half().distances(projected), lengths, atol=0, rtol=0.02)


def test_the_distance_is_that_of_the_projection_it_was_moved_to():
    hard, soft = projection(6), projection(6)
    soft.whitening.copy_(softened(hard.whitening, 0.25))
    embeddings = unit_vectors(20, 6)
    moved = hard.moved(hard.project(embeddings), soft)
    torch.testing.assert_close(moved, soft.project(embeddings), atol=1e-5, rtol=0)
    lengths = ((embeddings - soft.centre) @ soft.whitening).norm(dim=1)
    torch.testing.assert_close(soft.distances(moved), lengths, atol=1e-4, rtol=1e-4)


def test_names_are_at_no_distance():
    made, texts = projection(6, name_dim=3), unit_vectors(5, 6)
    with_names = torch.cat([texts, unit_vectors(5, 3)], dim=1) / 2**0.5
    torch.testing.assert_close(
        made.distances(made.project(with_names)), made.distances(made.project(texts))
    )


def test_a_distance_is_finite_whatever_is_projected():
    made = projection(4)
    made.centre.copy_(torch.tensor([1.0 + 1e-6, 0.0, 0.0, 0.0]))  # all that is known is one text
    asked = torch.cat([torch.zeros(1, 4), unit_vectors(3, 4), made.project(made.centre[None])])
    distances = made.distances(asked)
    assert distances.isfinite().all() and (distances > 0).all()


def test_a_softened_projection_keeps_both_centres():
    one, other = projection(4), Projection(4)
    one.name_centre.copy_(0.3 * unit_vectors(1, 4, seed=2)[0])
    other.soften(one, 1.0)
    texts = unit_vectors(5, 4)
    torch.testing.assert_close(other.project(texts), one.project(texts), atol=1e-5, rtol=0)
    names = other.project_names(texts)
    torch.testing.assert_close(names, one.project_names(texts), atol=1e-5, rtol=0)


def test_names_are_whitened_as_texts_are():
    made = projection(4)
    made.name_centre.copy_(made.centre)
    texts = unit_vectors(5, 4)
    torch.testing.assert_close(made.project_names(texts), made.project(texts))


def test_as_many_texts_as_dimensions_are_enough_for_a_whitening():
    texts, rows = unit_vectors(8, 4), torch.tensor([0, 1] * 4)
    for n, is_learnt in ((3, False), (4, True)):
        made = Projection(4).requires_grad_(False)
        made.learn_projection(texts[:n], rows[:n])
        assert made.whitening.equal(torch.eye(4)) != is_learnt


def test_one_name_is_not_centred_on_itself_and_names_do_without_texts():
    nothing, no_rows = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    made, names = Projection(4).requires_grad_(False), unit_vectors(3, 4)
    made.learn_projection(nothing, no_rows, names[:1])
    assert not made.name_centre.any()
    made.learn_projection(nothing, no_rows, names)
    torch.testing.assert_close(made.name_centre, names.mean(0))
    assert not made.centre.any()
