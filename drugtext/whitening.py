"""Evens out how inserts of one category differ from each other."""

from __future__ import annotations

import torch
from torch import Tensor

_NO_VARIANCE = 1e-12  # below it, unit vectors of one category differ by rounding alone


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


def softened(whitening: Tensor, power: float) -> Tensor:
    """Return a whitening between none and the whole of it.

    Args:
        whitening: symmetric, positive definite, shape (embedding_dim, embedding_dim).
        power: 1 leaves it as it is, 0 gives the identity.
    """
    values, vectors = torch.linalg.eigh(whitening.double())
    return (vectors @ torch.diag(values**power) @ vectors.T).to(whitening.dtype)
