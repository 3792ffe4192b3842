"""Support embeddings -> category scores; the prototype head: a category is its support's mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .prototypes import category_prototypes, share_with_ancestors

PRIOR_STRENGTH = 0.25
"""Exponent of the number of support inserts in a category's prior; 0 would make all alike."""
NAME_WEIGHT = 1.0
"""Support inserts that a category's name counts as. Chosen on categories of the training split."""
INITIAL_SCALE = 16.0
"""Of the scores in the softmax, until it is calibrated on held-out ingredients."""

_NO_VARIANCE = 1e-12  # below it, unit vectors of one category differ by rounding alone
_BLOCK = 64  # categories scored at once, see `PrototypeHead.scores`


def within_category_whitening(
    embeddings: Tensor, category_ids: Tensor, shrinkage: float = 0.3
) -> Tensor:
    """Learn the projection that evens out how inserts of one category differ from each other.

    Directions in which inserts of the same category vary much (dose form, maker, style) tell
    nothing of the category and are scaled down.

    Args:
        embeddings: shape (n, embedding_dim).
        category_ids: int64, shape (n,).
        shrinkage: share of the identity in the covariance, in (0, 1]; 1 changes nothing.

    Returns:
        Symmetric matrix W, shape (embedding_dim, embedding_dim); whitened = embeddings @ W. The
        identity where inserts of one category do not differ at all.

    Source:
        Within-class covariance normalisation: Hatch, Kajarekar, Stolcke 2006, Interspeech; the
        shrinkage of Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.
    """
    n_categories = int(category_ids.max()) + 1
    sums = embeddings.new_zeros(n_categories, embeddings.shape[1]).double()
    sums.index_add_(0, category_ids, embeddings.double())
    counts = torch.bincount(category_ids, minlength=n_categories).clamp(min=1).unsqueeze(1)
    residuals = embeddings.double() - (sums / counts)[category_ids]
    covariance = residuals.T @ residuals / len(residuals)
    scale = covariance.diagonal().mean()
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    if scale < _NO_VARIANCE:
        return identity.to(embeddings.dtype)
    values, vectors = torch.linalg.eigh((1 - shrinkage) * covariance + shrinkage * scale * identity)
    whitening = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    return (whitening * scale.sqrt()).to(embeddings.dtype)


class PrototypeHead(nn.Module):
    """Scores an embedding by its distance to each category's prototype.

    Embeddings are first centred, whitened and brought to unit length: `project`.

    Args:
        embedding_dim: of the encoder.
        n_categories: rows of `prototypes`; 0 before the first fit.

    Source:
        Snell et al. 2017, arXiv:1703.05175, equation 2, with a learnt scale and a prior.
    """

    def __init__(self, embedding_dim: int, n_categories: int) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.zeros(embedding_dim), requires_grad=False)
        self.name_centre = nn.Parameter(torch.zeros(embedding_dim), requires_grad=False)
        self.whitening = nn.Parameter(torch.eye(embedding_dim), requires_grad=False)
        self.prototypes = nn.Parameter(torch.zeros(n_categories, embedding_dim))
        self.log_prior = nn.Parameter(torch.zeros(n_categories), requires_grad=False)
        self.scale = nn.Parameter(torch.tensor(INITIAL_SCALE), requires_grad=False)

    def with_projection(
        self, embeddings: Tensor, category_ids: Tensor, names: Tensor | None = None
    ) -> PrototypeHead:
        """Return a head without categories whose projection is learnt from a support set.

        The centre is the mean; the whitening is learnt where there is enough support to tell how
        inserts of one category differ, one a dimension. Names are another kind of text than
        inserts, and have a centre of their own.

        Args:
            embeddings: support set, unit vectors, not projected, shape (n_support, embedding_dim).
            category_ids: int64, shape (n_support,).
            names: of the categories, unit vectors, shape (n_categories, embedding_dim).
        """
        head = PrototypeHead(self.centre.shape[0], 0)
        if len(category_ids) and category_ids.max() > 0:
            head.centre.copy_(embeddings.mean(0))
        if names is not None and len(names) > 1:
            head.name_centre.copy_(names.mean(0))
        if len(embeddings) >= embeddings.shape[1]:
            head.whitening.copy_(within_category_whitening(embeddings, category_ids))
        return head

    def fitted(
        self,
        embeddings: Tensor,
        category_ids: Tensor,
        ancestors: Sequence[Sequence[str]],
        names: Tensor | None = None,
        name_weights: Tensor | None = None,
    ) -> PrototypeHead:
        """Return a new head over the categories of a support set; this one stays as it is.

        Args:
            embeddings: support set, projected, shape (n_support, embedding_dim).
            category_ids: int64 in [0, n_categories), shape (n_support,).
            ancestors: of each category, ids of the ancestors, nearest first.
            names: of each category, projected, shape (n_categories, embedding_dim).
            name_weights: support inserts that each name counts as, shape (n_categories,);
                `NAME_WEIGHT` each if left out.

        Raises:
            ValueError: a category has neither support nor a name that counts.
        """
        n_categories = len(ancestors)
        counts = torch.bincount(category_ids, minlength=n_categories)
        if names is None:
            weights = counts
            prototypes = category_prototypes(embeddings, category_ids, n_categories)
        else:
            if name_weights is None:
                name_weights = torch.full((n_categories,), NAME_WEIGHT)
            weights = counts + name_weights
            if not weights.all():
                raise ValueError("a category has neither support nor a name; give it one of them.")
            sums = (names * name_weights.unsqueeze(1)).index_add(0, category_ids, embeddings)
            prototypes = sums / weights.unsqueeze(1)
        log_counts = counts.clamp(min=1).to(prototypes.dtype).log()
        return self._with_categories(
            share_with_ancestors(prototypes, weights, ancestors),
            PRIOR_STRENGTH * (log_counts - log_counts.mean()),
        )

    def with_category(self, embeddings: Tensor, name: Tensor | None = None) -> PrototypeHead:
        """Return a new head with one category more, behind the others, which do not change.

        Args:
            embeddings: its support, projected, shape (n_support, embedding_dim).
            name: its name, projected, shape (1, embedding_dim).
        """
        total, weight = embeddings.sum(0, keepdim=True), float(len(embeddings))
        if name is not None:
            total, weight = total + NAME_WEIGHT * name, weight + NAME_WEIGHT
        prior = self.log_prior.mean().nan_to_num().reshape(1)  # as likely as the others are
        return self._with_categories(
            torch.cat([self.prototypes, (total / weight).to(self.prototypes.device)]),
            torch.cat([self.log_prior, prior]),
        )

    def _with_categories(self, prototypes: Tensor, log_prior: Tensor) -> PrototypeHead:
        head = PrototypeHead(prototypes.shape[1], len(prototypes))
        state = self.state_dict() | {"prototypes": prototypes, "log_prior": log_prior}
        head.load_state_dict(state)
        return head

    @property
    def is_bare(self) -> bool:
        """True before anything was learnt: no category, no projection."""
        return len(self.prototypes) == 0 and not self.centre.any()

    def project(self, embeddings: Tensor) -> Tensor:
        """Centre, whiten and normalise; shape kept, (n, embedding_dim)."""
        return nn.functional.normalize((embeddings - self.centre) @ self.whitening, dim=-1)

    def project_names(self, names: Tensor) -> Tensor:
        """Centre names of categories, whiten and normalise; shape kept, (n, embedding_dim)."""
        return nn.functional.normalize((names - self.name_centre) @ self.whitening, dim=-1)

    def scores(self, projected: Tensor) -> Tensor:
        """Return minus the squared distance to each prototype, shape (n, n_categories).

        Categories are scored in blocks of one size, so that a category's scores stay the same to
        the last bit when another is added: a matrix product of another shape may round otherwise.
        """
        padding = (0, 0, 0, -len(self.prototypes) % _BLOCK)
        blocks = nn.functional.pad(self.prototypes, padding).split(_BLOCK)
        products = torch.cat([projected @ block.T for block in blocks], dim=-1)
        products = products[..., : len(self.prototypes)]
        squares = self.prototypes.square().sum(-1)
        return 2 * products - squares - projected.square().sum(-1, keepdim=True)

    def nearness(self, projected: Tensor) -> Tensor:
        """Return the cosine to the nearest prototype, (n,): how much in scope an insert is."""
        prototypes = nn.functional.normalize(self.prototypes, dim=-1)
        return (projected @ prototypes.T).max(dim=-1).values

    def logits(self, projected: Tensor) -> Tensor:
        """Return logits, calibrated so that their softmax is a probability: (n, n_categories)."""
        return self.scores(projected) * self.scale + self.log_prior

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the logits of embeddings that are not yet projected: (n, n_categories)."""
        return self.logits(self.project(embeddings))
