"""Embeddings -> centred, whitened unit vectors, in which categories are told apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .name_stems import name_part, text_part, with_other_text
from .whitening import softened, within_category_whitening

_LEAST = 1e-6  # of a distance: its logarithm is asked for


class Projection(nn.Module):
    """Centres, whitens and normalises what embeddings say of texts; their names stay as they are.

    Args:
        text_dim: of an embedding's text.
        name_dim: of the names behind it; an embedding may lack them, and then goes by none.
    """

    def __init__(self, text_dim: int, name_dim: int = 0) -> None:
        super().__init__()
        self.name_dim = name_dim
        self.centre = nn.Parameter(torch.zeros(text_dim), requires_grad=False)
        self.name_centre = nn.Parameter(torch.zeros(text_dim), requires_grad=False)
        self.whitening = nn.Parameter(torch.eye(text_dim), requires_grad=False)

    @property
    def text_dim(self) -> int:
        """Number of dimensions of an embedding's text."""
        return self.centre.shape[0]

    def text_of(self, vectors: Tensor) -> Tensor:
        """Return what embeddings say of texts: unit vectors, shape (n, text_dim)."""
        return text_part(vectors, self.text_dim)

    def names_of(self, vectors: Tensor) -> Tensor:
        """Return the names in embeddings: unit vectors or zeros, shape (n, name_dim)."""
        return name_part(vectors, self.text_dim)

    def learn_projection(
        self, embeddings: Tensor, category_ids: Tensor, names: Tensor | None = None
    ) -> None:
        """Learn in place from a support set.

        The centre is the mean; the whitening is learnt where there is enough support to tell how
        inserts of one category differ, one a dimension. Names of categories are another kind of
        text than inserts, and have a centre of their own.

        Args:
            embeddings: support set, not projected, shape (n_support, embedding_dim).
            category_ids: int64, shape (n_support,).
            names: of the categories, unit vectors, shape (n_categories, text_dim).
        """
        texts = self.text_of(embeddings)
        if len(category_ids) and category_ids.max() > 0:
            self.centre.copy_(texts.mean(0))
        if names is not None and len(names) > 1:
            self.name_centre.copy_(names.mean(0))
        if len(texts) >= texts.shape[1]:
            self.whitening.copy_(within_category_whitening(texts, category_ids))

    def soften(self, other: Projection, power: float) -> None:
        """Take over what another one learnt, the whitening softened.

        Args:
            other: stays as it is.
            power: of the whitening, in [0, 1]; see `whitening.softened`.
        """
        self.centre.copy_(other.centre)
        self.name_centre.copy_(other.name_centre)
        self.whitening.copy_(softened(other.whitening, power))

    def moved(self, projected: Tensor, other: Projection) -> Tensor:
        """Return what another one with the same centres projects to, for what this one did.

        Args:
            projected: of inserts or of names of categories, shape (n, embedding_dim or text_dim).
            other: with a softened whitening.
        """
        from_one_to_other = torch.linalg.solve(self.whitening, other.whitening)
        text = nn.functional.normalize(self.text_of(projected) @ from_one_to_other, dim=-1)
        return with_other_text(projected, text)

    def distances(self, projected: Tensor) -> Tensor:
        """Return how far inserts lie from the centre, measured by how those of a category differ.

        What is projected has lost its length, and an embedding has the length 1: of all that
        projects to the same, `centre + distance * projected @ inverse(whitening)`, one has it.

        Args:
            projected: of inserts, shape (n, embedding_dim).

        Returns:
            Mahalanobis distances, shape (n,); above 0.

        Source:
            Mahalanobis 1936, "On the generalised distance in statistics".
        """
        texts, whitening = self.text_of(projected).float(), self.whitening.float()
        ways = torch.linalg.solve_ex(whitening, texts, left=False).result
        squares = ways.square().sum(-1).clamp(min=_LEAST)
        along, rest = ways @ self.centre.float(), 1 - self.centre.float().square().sum()
        distances = ((along.square() + squares * rest).clamp(min=0).sqrt() - along) / squares
        return distances.clamp(min=_LEAST)

    def project(self, embeddings: Tensor) -> Tensor:
        """Centre, whiten and normalise; shape kept, (n, embedding_dim)."""
        text = (self.text_of(embeddings) - self.centre) @ self.whitening
        return with_other_text(embeddings, nn.functional.normalize(text, dim=-1))

    def project_names(self, names: Tensor) -> Tensor:
        """Centre names of categories, whiten and normalise; shape kept, (n, text_dim)."""
        return nn.functional.normalize((names - self.name_centre) @ self.whitening, dim=-1)
