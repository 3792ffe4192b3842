"""Points on a plane: near ones stay near, the same seed gives the same, few are told apart, too."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from drugtext.errors import DrugTextError
from drugtext.plane import LEAST_FOR_UMAP, PCA_NAME, UMAP_NAME, choose_layout

rng = np.random.default_rng(0)


def unit_vectors(n: int, dim: int = 16) -> np.ndarray:
    vectors = rng.normal(size=(n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def laid_out(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    _, lay_out = choose_layout(len(vectors), seed)
    return lay_out(vectors)


def test_umap_keeps_groups_together_and_a_seed_gives_the_same_points():
    centres = unit_vectors(2)
    vectors = np.repeat(centres, 12, axis=0) + 0.05 * unit_vectors(24)
    name, _ = choose_layout(len(vectors))
    points = laid_out(vectors)
    assert (name, points.shape, points.dtype) == (UMAP_NAME, (24, 2), np.float64)
    assert (points == laid_out(vectors)).all()
    assert (points != laid_out(vectors, seed=1)).any()
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert (gaps.argmin(1) // 12 == np.arange(24) // 12).all()


@pytest.mark.parametrize("n", [LEAST_FOR_UMAP, LEAST_FOR_UMAP + 1])
def test_the_fewest_and_equal_vectors_can_be_laid_out(n):
    assert np.isfinite(laid_out(unit_vectors(n))).all()
    assert np.isfinite(laid_out(np.repeat(unit_vectors(1), n, axis=0))).all()


@pytest.mark.parametrize("n", [1, 2, 3, LEAST_FOR_UMAP - 1])
def test_few_are_laid_out_by_principal_components(n):
    vectors = unit_vectors(n)
    name, _ = choose_layout(n)
    points = laid_out(vectors)
    assert (name, points.shape) == (PCA_NAME, (n, 2))
    assert np.isfinite(points).all()


def test_principal_components_keep_the_distances_of_three():
    vectors = unit_vectors(3)
    points = laid_out(vectors)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        wanted = np.linalg.norm(vectors[a] - vectors[b])
        assert np.linalg.norm(points[a] - points[b]) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(DrugTextError, match="a whole number up to 4294967295 is needed"):
        choose_layout(3, seed)


def test_without_umap_many_points_are_refused_and_few_are_not():
    code = (
        "import sys; sys.modules['umap'] = None\n"
        "from drugtext.errors import DrugTextError\n"
        "from drugtext.plane import choose_layout\n"
        "print(choose_layout(9)[0])\n"
        "try: choose_layout(10)\n"
        "except DrugTextError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == PCA_NAME
    assert second.startswith("umap-learn is not installed (")
    assert second.endswith("run: pip install 'drugtext[map]'")
