"""How much noise makes a sum private, and how it is drawn."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm

from drugtext.errors import DrugTextError
from drugtext.gaussian_mechanism import gaussian_delta, gaussian_noise, gaussian_sigma
from drugtext.private_sums import SENSITIVITY


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


class TestSigma:
    @pytest.mark.parametrize("epsilon", [0.01, 0.5, 1.0, 4.0, 16.0, 100.0])
    @pytest.mark.parametrize("delta", [1e-9, 1e-5, 0.1])
    @pytest.mark.parametrize("sensitivity", [1.0, SENSITIVITY])
    def test_it_is_the_least_that_keeps_the_inequality(self, epsilon, delta, sensitivity):
        def exact(sigma):  # theorem 8 word for word
            first = norm.cdf(sensitivity / (2 * sigma) - epsilon * sigma / sensitivity)
            second = norm.logcdf(-sensitivity / (2 * sigma) - epsilon * sigma / sensitivity)
            return first - math.exp(epsilon + second)

        sigma = gaussian_sigma(epsilon, delta, sensitivity)
        assert exact(sigma) <= delta * (1 + 1e-6)
        assert gaussian_delta(epsilon, sigma, sensitivity) <= delta, "never too little"
        assert exact(sigma * 0.999) > delta
        assert gaussian_delta(epsilon, sigma, sensitivity) == pytest.approx(exact(sigma), rel=1e-5)

    def test_published_value(self):
        # of the code beside the paper, which also beats the classical bound
        sigma = gaussian_sigma(1.0, 1e-5, 1.0)
        assert sigma == pytest.approx(3.730632, rel=1e-6)
        assert sigma < math.sqrt(2 * math.log(1.25e5))

    def test_no_epsilon_is_half_a_total_variation(self):
        # epsilon 0: delta is the total variation of two normal distributions
        apart = 2 * norm.cdf(1 / (2 * 3.0)) - 1
        assert gaussian_delta(0.0, 3.0, 1.0) == pytest.approx(apart)

    def test_more_privacy_takes_more_noise(self):
        by_epsilon = [gaussian_sigma(e, 1e-5, 1.0) for e in (0.5, 1, 2, 4, 8, 16)]
        by_delta = [gaussian_sigma(1.0, d, 1.0) for d in (1e-9, 1e-7, 1e-5, 1e-3)]
        assert by_epsilon == sorted(by_epsilon, reverse=True)
        assert by_delta == sorted(by_delta, reverse=True)
        assert gaussian_sigma(1.0, 1e-5, 3.0) == pytest.approx(3 * gaussian_sigma(1.0, 1e-5, 1.0))

    @pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan])
    def test_wrong_epsilon(self, epsilon):
        with pytest.raises(DrugTextError, match=r"found epsilon .*; a finite number above 0"):
            gaussian_sigma(epsilon, 1e-5, 1.0)

    @pytest.mark.parametrize("delta", [0.0, 1.0, -1e-5, math.nan])
    def test_wrong_delta(self, delta):
        with pytest.raises(DrugTextError, match=r"found delta .*; a number between 0 and 1"):
            gaussian_sigma(1.0, delta, 1.0)


class TestNoise:
    @pytest.mark.parametrize("generator", [None, seeded()])
    def test_it_is_normal_with_the_stated_deviation(self, generator):
        noise = gaussian_noise((400, 250), 3.0, generator).flatten()
        assert noise.dtype == torch.double
        assert noise.mean().item() == pytest.approx(0, abs=5 * 3 / math.sqrt(1e5))
        assert noise.std().item() == pytest.approx(3.0, rel=5 / math.sqrt(2e5))
        for at in (-2.0, -0.5, 1.0, 2.5):
            share = (noise < 3 * at).double().mean().item()
            assert share == pytest.approx(norm.cdf(at), abs=5 * 0.5 / math.sqrt(1e5))

    def test_without_a_generator_it_comes_once(self):
        torch.manual_seed(0)
        first = gaussian_noise((3, 2), 1.0)
        torch.manual_seed(0)
        assert not gaussian_noise((3, 2), 1.0).equal(first)
        assert gaussian_noise((3, 2), 1.0, seeded()).equal(gaussian_noise((3, 2), 1.0, seeded()))

    def test_every_figure_is_of_four_draws(self):
        generator = seeded()
        draws = [torch.randn(3, 2, generator=generator, dtype=torch.double) for _ in range(4)]
        expected = 3.0 * torch.stack(draws).sum(0) / 2
        torch.testing.assert_close(gaussian_noise((3, 2), 3.0, seeded()), expected)
