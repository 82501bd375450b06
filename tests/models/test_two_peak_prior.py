"""The terms of the prior with two peaks, against other ways to compute them."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from scipy import integrate, stats

from radioviz.errors import ModelError
from radioviz.models import two_peak_prior as prior

Case = tuple[float, float, float, float]

CORNERS: list[Case] = [
    (mu, sigma, m, s)
    for m, s in [(0.0, 0.01), (0.0, 5.0), (10.0, 0.01), (10.0, 5.0)]
    for mu, sigma in [(0.0, 0.01), (9.0, 4.0)]
]


def cases(n: int, narrowest: float = 0.01) -> list[Case]:
    """Mean, sigma, m, s over m 0..10 and s 0.01..5."""
    rng = np.random.default_rng(5)
    widths = 10 ** rng.uniform(math.log10(narrowest), math.log10(5), (2, n))
    rows = [rng.uniform(-12, 12, n), widths[0], rng.uniform(0, 10, n), widths[1]]
    return [tuple(map(float, row)) for row in zip(*rows, strict=True)]  # type: ignore[misc]


def value(term: Callable[..., torch.Tensor], case: Case, dtype: torch.dtype) -> float:
    mu, sigma = (torch.tensor([x], dtype=dtype) for x in case[:2])
    return term(mu, sigma, *case[2:]).item()


def double(term: Callable[..., torch.Tensor], case: Case) -> float:
    return value(term, case, torch.float64)


def by_mpmath(case: Case) -> mpmath.mpf:
    """The divergence to 30 digits, from the densities."""
    with mpmath.workdps(30):
        mu, sigma, m, s = map(mpmath.mpf, case)

        def integrand(z: mpmath.mpf) -> mpmath.mpf:
            x = mu + sigma * z
            far, near = sorted([-(((x - p) / s) ** 2) / 2 for p in (-m, m)])
            log_q = near + mpmath.log1p(mpmath.exp(far - near)) - mpmath.log(2 * s)
            return mpmath.npdf(z) * (-z * z / 2 - mpmath.log(sigma) - log_q)

        # The density of the prior bends where x = 0, over s^2 / 2 m.
        middle, bend = -mu / sigma, s * s / (2 * m * sigma) if m else mpmath.mpf(1)
        ends = [middle + k * bend for k in (-60, -20, -5, -1, 0, 1, 5, 20, 60)]
        points = sorted({*(p for p in ends if abs(p) < 14), *map(mpmath.mpf, (-14, -7, -3, 0, 3))})
        return mpmath.quad(integrand, [*points, 14])


@pytest.mark.parametrize("case", CORNERS + cases(16))
def test_the_exact_divergence_agrees_with_30_digits(case: Case) -> None:
    assert abs(mpmath.mpf(double(prior.divergence, case)) - by_mpmath(case)) < 1e-6


@pytest.mark.parametrize(
    "case", [(0.7, 0.6, 2.0, 1.0), (-3.0, 0.3, 3.0, 0.5), (0.0, 2.0, 5.0, 2.0)]
)
def test_the_exact_divergence_agrees_with_ten_million_draws(case: Case) -> None:
    mu, sigma, m, s = case
    x = np.random.default_rng(1).normal(mu, sigma, 10_000_000)
    ratio = -(((x - mu) / sigma) ** 2) / 2 - math.log(sigma) + math.log(2 * s)
    ratio -= np.logaddexp(-(((x - m) / s) ** 2) / 2, -(((x + m) / s) ** 2) / 2)
    error = ratio.std() / math.sqrt(len(x))
    assert error < 1.5e-3
    assert abs(ratio.mean() - double(prior.divergence, case)) < 4 * error


def test_single_precision_is_enough_to_train() -> None:
    for case in cases(200, narrowest=0.1):
        exact = double(prior.divergence, case)
        single = value(prior.divergence, case, torch.float32)
        assert single == pytest.approx(exact, rel=1e-5, abs=1e-4)


def test_the_gradient_is_that_of_the_value() -> None:
    for mu, sigma, m, s in cases(50, narrowest=0.1):
        given = [torch.tensor([x], dtype=torch.float64, requires_grad=True) for x in (mu, sigma)]
        assert torch.autograd.gradcheck(
            lambda a, b, m=m, s=s: prior.divergence(a, b, m, s), given, rtol=1e-3, atol=1e-4
        )


def test_the_scaling_bound_is_the_mean_over_the_peaks_and_above_the_divergence() -> None:
    for case in CORNERS + cases(200):
        mu, sigma, m, s = case
        peaks = [
            math.log(s / sigma) + (sigma**2 + (mu - p) ** 2) / (2 * s * s) - 0.5 for p in (-m, m)
        ]
        found = double(prior.scaling_bound, case)
        assert found == pytest.approx(sum(peaks) / 2, rel=1e-12)
        assert found >= double(prior.divergence, case) - 1e-9 * abs(found)


def test_the_gradient_of_the_scaling_bound_knows_one_peak_only() -> None:
    mean = torch.linspace(-4, 4, 9, requires_grad=True)
    prior.scaling_bound(mean, torch.ones(9), 3.0, 0.5).sum().backward()
    torch.testing.assert_close(mean.grad, mean.detach() / 0.25)  # of N(0, s^2): mean / s^2
    other = torch.tensor([-3.0, -1.0, 1.0, 3.0], requires_grad=True)
    prior.divergence(other, torch.ones(4), 3.0, 1.0).sum().backward()
    assert other.grad is not None
    assert (other.grad.sign() == torch.tensor([-1.0, 1.0, -1.0, 1.0])).tolist()[1:3] == [True] * 2


def test_the_approximation_and_where_it_fails() -> None:
    for case in CORNERS + cases(300):
        _, sigma, m, s = case
        excess = double(prior.approximate_divergence, case) - double(prior.divergence, case)
        tanh = 0.0449 * m * sigma / (s * s)
        assert -tanh - 1e-6 <= excess <= math.log(2) + tanh + 1e-6
    # Separate peaks and a posterior at one of them: 0.1 nats, by the tanh.
    good = (3.0, 1.0, 3.0, 1.0)
    excess = double(prior.approximate_divergence, good) - double(prior.divergence, good)
    assert 0.05 < excess < 0.1
    # One peak: too large by log 2. Narrow peaks and a broad posterior: wrong by thousands of nats.
    one = (0.4, 1.0, 0.0, 1.0)
    assert double(prior.approximate_divergence, one) - double(prior.divergence, one) == (
        pytest.approx(math.log(2), abs=1e-12)
    )
    narrow = (10.0, 5.0, 10.0, 0.01)
    assert (
        abs(double(prior.approximate_divergence, narrow) - double(prior.divergence, narrow)) > 1e3
    )


def test_the_divergence_is_even_and_the_printed_gamma_is_not() -> None:
    mu, sigma, m, s = 0.8, 0.7, 2.0, 1.0

    def printed(mean: float) -> float:
        exponential = sigma * math.exp(-(mean**2) / (2 * sigma**2))
        erfc = math.erfc(mean / (math.sqrt(2) * sigma))
        gamma = -2 * m * (-exponential + math.sqrt(math.pi / 2) * mean * erfc) / s**2
        beta = -((m - mean) ** 2 + sigma**2 - s**2) / (2 * s**2)
        return math.log(2 * s / sigma) - beta - gamma

    for term in (prior.divergence, prior.approximate_divergence):
        assert double(term, (mu, sigma, m, s)) == double(term, (-mu, sigma, m, s))
    exact = double(prior.divergence, (mu, sigma, m, s))
    assert abs(printed(mu) - printed(-mu)) > 1
    assert abs(printed(-mu) - exact) > 1


def test_bounded_mean_is_least_at_the_peaks() -> None:
    mean = torch.tensor([-3.0, -1.0, 0.0, 2.0, 3.0])
    found = prior.bounded_mean(mean, torch.full((5,), 0.5), 3.0, 0.5)
    assert found.tolist() == [0.0, 2.0, 3.0, 1.0, 0.0]
    wider = prior.bounded_mean(torch.tensor([3.0]), torch.tensor([0.75]), 3.0, 0.5)
    assert wider.tolist() == [0.25]


@pytest.mark.parametrize(
    "case", [(0.7, 0.6, 2.0, 1.0), (-3.0, 0.1, 3.0, 0.5), (1.0, 4.0, 9.0, 2.0)]
)
def test_the_distance_of_densities_agrees_with_an_integral(case: Case) -> None:
    mu, sigma, m, s = case

    def squared(x: float) -> float:
        q = (stats.norm.pdf(x, -m, s) + stats.norm.pdf(x, m, s)) / 2
        return float((stats.norm.pdf(x, mu, sigma) - q) ** 2)

    found, _ = integrate.quad(squared, -60, 60, points=[mu, -m, m], limit=2000, epsabs=1e-13)
    assert double(prior.density_distance, case) == pytest.approx(math.sqrt(found), rel=1e-8)


def test_pseudo_wasserstein_adds_the_distance_of_the_means() -> None:
    mean, sigma = torch.tensor([[-3.0], [1.0]]), torch.ones(2, 1)
    found = prior.pseudo_wasserstein(mean, sigma, 3.0, 1.0)
    expected = 1.0 + prior.density_distance(mean, sigma, 3.0, 1.0)
    torch.testing.assert_close(found, expected)
    # Its minimum over one galaxy's mean, those of the others balancing it, is at a peak.
    grid = torch.linspace(-6, 6, 241)[:, None]
    least = prior.density_distance(grid, torch.ones_like(grid), 3.0, 1.0).argmin()
    assert abs(grid[least].item()) == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize(
    ("term", "m", "s", "named"),
    [
        ("kl", 3, 1, "'kl'"),
        ("dkl", -1, 1, "-1"),
        ("dkl", 3, 0, "width 0"),
        ("pw", math.inf, 1, "inf"),
    ],
)
def test_a_prior_that_is_none(term: str, m: float, s: float, named: str) -> None:
    with pytest.raises(ModelError, match=named):
        prior.check_prior(term, m, s)
