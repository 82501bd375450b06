"""Each likelihood and the KL term against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch import distributions as D

from radioviz.errors import ModelError
from radioviz.models.likelihoods import LIKELIHOODS, SIGMA_FLOOR, likelihood
from radioviz.models.vae import kl_divergence
from tests.models.small import batch

X = batch(6, 16)


def parameters(channels: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(6, channels, 16, 16, generator=generator)


def test_bernoulli() -> None:
    p = parameters(1)
    binary = (X > 0.5).float()
    wanted = D.Bernoulli(logits=p).log_prob(binary).sum((1, 2, 3))
    torch.testing.assert_close(likelihood("bernoulli").log_prob(p, binary), wanted)
    # Grey levels: the expectation over binary pixels that are 1 with that probability.
    ones, zeros = (
        D.Bernoulli(logits=p).log_prob(torch.ones(())),
        D.Bernoulli(logits=-p).log_prob(torch.ones(())),
    )
    wanted = (X * ones + (1 - X) * zeros).sum((1, 2, 3))
    torch.testing.assert_close(likelihood("bernoulli").log_prob(p, X), wanted)


def test_continuous_bernoulli() -> None:
    p = parameters(1).double()
    reference = D.ContinuousBernoulli(logits=p)
    found = likelihood("continuous-bernoulli")
    wanted = reference.log_prob(X.double()).sum((1, 2, 3))
    torch.testing.assert_close(found.log_prob(p, X.double()), wanted, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(found.mean(p), reference.mean, rtol=1e-4, atol=1e-4)


def test_continuous_bernoulli_integrates_to_one_at_extremes() -> None:
    e = torch.tensor([-300.0, -30.0, -1e-3, 0.0, 1e-3, 0.02, 30.0]).double()
    x = torch.linspace(0, 1, 200_001).double()
    found = likelihood("continuous-bernoulli")
    for value in e.reshape(-1, 1, 1, 1):
        p = value[None].expand(len(x), 1, 1, 1)
        density = found.log_prob(p, x[:, None, None, None]).exp()
        assert torch.trapezoid(density, x).item() == pytest.approx(1, abs=1e-3)
        mean = torch.trapezoid(density * x, x).item()
        assert found.mean(value[None]).item() == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize(("name", "family"), [("gaussian", D.Normal), ("laplace", D.Laplace)])
def test_one_scale(name: str, family: type[D.Distribution]) -> None:
    p = parameters(1)
    found = likelihood(name)
    scale = SIGMA_FLOOR + torch.exp(torch.tensor(-2.5))
    wanted = family(p.sigmoid(), scale).log_prob(X).sum((1, 2, 3))  # type: ignore[call-arg]
    torch.testing.assert_close(found.log_prob(p, X), wanted)


def test_a_scale_a_pixel() -> None:
    p = parameters(2)
    sigma = SIGMA_FLOOR + torch.nn.functional.softplus(p[:, 1:])
    wanted = D.Normal(p[:, :1].sigmoid(), sigma).log_prob(X).sum((1, 2, 3))
    torch.testing.assert_close(likelihood("gaussian-pixel").log_prob(p, X), wanted)


@pytest.mark.parametrize("name", sorted(LIKELIHOODS))
def test_the_true_image_is_likelier_than_an_empty_one(name: str) -> None:
    found = likelihood(name)
    start = torch.tensor(found.start()).reshape(1, -1, 1, 1).expand(6, -1, 16, 16)
    assert found.mean(start).mean().item() == pytest.approx(0.02, abs=0.01)
    if name == "continuous-bernoulli":
        return  # its parameter is no logit; the integral above covers it
    sharp = torch.cat([torch.logit(X, eps=1e-3), start[:, 1:]], 1)
    assert (found.log_prob(sharp, X) > found.log_prob(start, X)).all()


def test_kl() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 7, 5, generator=generator).double()
    q = D.Normal(mean, (0.5 * log_variance).exp())
    wanted = D.kl_divergence(q, D.Normal(torch.zeros(()).double(), torch.ones(()).double()))
    torch.testing.assert_close(kl_divergence(mean, log_variance), wanted)


def test_an_unknown_likelihood_is_refused() -> None:
    with pytest.raises(ModelError, match="'poisson' is unknown; there are bernoulli"):
        likelihood("poisson")
