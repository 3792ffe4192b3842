"""Gaussian noise that makes a sum differentially private: how much of it, and how it is drawn.

The proof is of real numbers, and floating-point numbers are not: the last bits of a noisy figure
can tell more than the proof allows (Mironov 2012, doi:10.1145/2382196.2382264; of Gaussian noise,
Jin et al. 2022, arXiv:2112.05307). Every figure's noise is made of four draws, see
`gaussian_noise`, which makes the attacks that are known hard, and is no proof.
"""

from __future__ import annotations

import math
import os
from functools import lru_cache

import numpy as np
import torch
from scipy.special import log_ndtr, ndtri
from torch import Tensor

from drugtext.errors import DrugTextError


def gaussian_delta(epsilon: float, sigma: float, sensitivity: float) -> float:
    """Return the least delta for which Gaussian noise is (epsilon, delta)-private.

    Args:
        epsilon: 0 or more.
        sigma: standard deviation of the noise, above 0.
        sensitivity: Euclidean norm of the greatest change between neighbours; √n times that of one
            release for n of them (Dong, Roth, Su 2022, arXiv:1905.02383, corollary 3.3).

    Source:
        Balle and Wang 2018, arXiv:1805.06530, theorem 8.
    """
    half, shift = sensitivity / (2 * sigma), epsilon * sigma / sensitivity
    here, there = log_ndtr(half - shift), epsilon + log_ndtr(-half - shift)
    return float(-np.exp(here) * np.expm1(min(there - here, 0.0)))  # by logarithms: no digits lost


@lru_cache(maxsize=64)
def gaussian_sigma(epsilon: float, delta: float, sensitivity: float) -> float:
    """Return the least standard deviation of Gaussian noise that is (epsilon, delta)-private.

    Args:
        epsilon: above 0; unlike in the classical bound, 1 and more will do.
        delta: in (0, 1).
        sensitivity: as `gaussian_delta` takes it.

    Raises:
        DrugTextError: epsilon or delta is not such a number.

    Source:
        Balle and Wang 2018, arXiv:1805.06530, theorem 8: delta falls as sigma grows, so that sigma
        is found by halving, as in algorithm 1.
    """
    if not 0 < epsilon < math.inf:
        raise DrugTextError(f"found epsilon {epsilon}; a finite number above 0 is needed, say 8.")
    if not 0 < delta < 1:
        raise DrugTextError(f"found delta {delta}; a number between 0 and 1 is needed, say 1e-5.")
    low = high = sensitivity
    while gaussian_delta(epsilon, high, sensitivity) > delta:
        high *= 2
    while gaussian_delta(epsilon, low, sensitivity) <= delta:
        low /= 2
    while high / low > 1 + 1e-12:
        middle = math.sqrt(low * high)
        if gaussian_delta(epsilon, middle, sensitivity) > delta:
            low = middle
        else:
            high = middle
    return high  # never too little


def gaussian_noise(
    shape: tuple[int, ...], sigma: float, generator: torch.Generator | None = None
) -> Tensor:
    """Draw noise that nobody can draw again.

    Args:
        shape: of the noise.
        sigma: its standard deviation.
        generator: for tests and measurements. What it draws is not private: torch keeps 32 bits of
            a seed, and whoever tries them all takes the noise off again. Left out, every bit is of
            the operating system's cryptographic generator, `os.urandom`.

    Returns:
        float64. Each figure is half the sum of four draws, so that the bits of one do not show.

    Source:
        Holohan and Braghin 2021, arXiv:2107.10138.
    """
    draws = (_normal(shape, generator) for _ in range(4))
    return sigma / 2 * sum(draws, torch.zeros(shape, dtype=torch.double))


def _normal(shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    if generator is not None:
        return torch.randn(shape, generator=generator, dtype=torch.double)
    bits = np.frombuffer(os.urandom(8 * math.prod(shape)), dtype=np.uint64) >> np.uint64(12)
    return torch.from_numpy(ndtri((bits + 0.5) * 2.0**-52)).reshape(shape)  # never of 0, nor of 1
