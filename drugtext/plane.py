"""Unit vectors -> points on a plane, so that near ones stay near."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drugtext.errors import DrugTextError

UMAP_NAME = "UMAP"
PCA_NAME = "principal components"
LEAST_FOR_UMAP = 10
"""Points below which neighbourhoods say nothing that the two main directions do not."""

_N_NEIGHBORS = 15  # UMAP's own default
_MIN_DIST = 0.5  # more than its default: the marks of one group are seen apart
_LARGEST_SEED = 2**32 - 1  # what numpy takes


Layout = Callable[[NDArray], NDArray[np.float64]]
"""Unit vectors, shape (n, embedding_dim) -> points on a plane, shape (n, 2)."""


def choose_layout(n_points: int, seed: int = 0) -> tuple[str, Layout]:
    """Choose what puts vectors on a plane: UMAP, or principal components where they are few.

    Args:
        n_points: how many vectors there will be.
        seed: the same one gives the same points, on the same machine and versions.

    Returns:
        Name of the method, and the method.

    Raises:
        DrugTextError: umap-learn is needed and not installed, or the seed is not one.

    Source:
        McInnes, Healy, Melville 2018, arXiv:1802.03426.
    """
    if not isinstance(seed, int) or not 0 <= seed <= _LARGEST_SEED:
        raise DrugTextError(f"seed is {seed!r}; a whole number up to {_LARGEST_SEED} is needed.")
    if n_points < LEAST_FOR_UMAP:
        return PCA_NAME, principal_components
    try:
        from umap import UMAP
    except ImportError as error:
        raise DrugTextError(
            f"umap-learn is not installed ({error}); run: pip install 'drugtext[map]'"
        ) from error
    reducer = UMAP(
        n_neighbors=min(_N_NEIGHBORS, n_points - 1),
        min_dist=_MIN_DIST,
        metric="cosine",
        random_state=seed,
        n_jobs=1,  # a seed allows no more
    )

    def lay_out(vectors: NDArray) -> NDArray[np.float64]:
        with warnings.catch_warnings():  # of how it begins: nothing that a user could act on
            warnings.simplefilter("ignore")
            return np.asarray(reducer.fit_transform(vectors), dtype=np.float64)

    return UMAP_NAME, lay_out


def principal_components(vectors: NDArray) -> NDArray[np.float64]:
    """Project vectors onto the two directions in which they differ most.

    Args:
        vectors: shape (n, embedding_dim); one or more.

    Returns:
        Points around the origin, shape (n, 2); a coordinate is 0 where there is no such direction.
    """
    centred = np.asarray(vectors, dtype=np.float64)
    centred = centred - centred.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = left[:, :2] * sizes[:2]
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
