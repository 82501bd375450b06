"""Networks with the prior of two peaks: one and more channels, classes without labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from radioviz.errors import ModelError
from radioviz.models.registry import build
from radioviz.models.two_peak_prior import TERMS, divergence
from radioviz.models.two_peak_vae import HierarchicalVAE, TwoPeaks, TwoPeakVAE
from tests.models.small import SMALL, batch

KIND = pytest.mark.parametrize("kind", ["vae-two-peaks", "vae-hierarchy"])


@KIND
@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli", "gaussian-pixel"])
def test_five_channels(kind: str, term: str, likelihood: str) -> None:
    torch.manual_seed(0)
    model = build(kind, SMALL[kind] | {"channels": 5, "term": term, "likelihood": likelihood})
    assert isinstance(model, TwoPeaks)
    x = torch.cat([batch(4, 16, seed) for seed in range(5)], 1)
    z = model.eval().encode(x)
    assert z.shape == (4, 2)
    assert model.decode(z).shape == x.shape
    assert model.side(x).tolist() == z[:, 0].tolist()
    terms = model.train().elbo(x)
    assert terms.cost.shape == terms.kl.shape == (4, 2)
    (terms.cost.mean() - terms.log_likelihood.mean()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@KIND
def test_channels_matter_and_a_wrong_number_is_refused(kind: str) -> None:
    model = build(kind, SMALL[kind] | {"channels": 3}).eval()
    x = torch.cat([batch(2, 16, seed) for seed in range(3)], 1)
    assert not torch.allclose(model.encode(x), model.encode(x.flip(1)))
    with pytest.raises(ModelError, match=r"\(2, 1, 16, 16\).*\(n, 3, 16, 16\)"):
        model.encode(x[:, :1])
    with pytest.raises(ModelError, match="channels is 0"):
        build(kind, SMALL[kind] | {"channels": 0})


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian-pixel"])
def test_dense_networks(likelihood: str) -> None:
    dense = {"dense": True, "size": 12, "hidden": [32, 16], "channels": 3, "likelihood": likelihood}
    x = torch.rand(4, 3, 12, 12)
    for kind, more in (("vae-two-peaks", {}), ("vae-hierarchy", {"codes": 6})):
        model = build(kind, dense | more).eval()
        assert model(x).shape == x.shape
        assert torch.isfinite(model.elbo(x).value).all()


def test_the_paper_size_of_64_and_five_bands() -> None:
    model = HierarchicalVAE(latent_dim=1, codes=30, channels=5, width=8)
    x = torch.rand(2, 5, 64, 64)
    assert model.codes(x).shape == (2, 30)
    assert model(x).shape == x.shape


@pytest.mark.parametrize("term", TERMS)
def test_the_bound_has_the_exact_divergence_and_training_the_term(term: str) -> None:
    torch.manual_seed(0)
    model = TwoPeakVAE(latent_dim=2, size=16, width=8, multipliers=[1, 2], term=term, peak=2.0)
    x = batch(6, 16)
    mean, log_variance = model.posterior(x)
    sigma = (0.5 * log_variance).exp()
    terms = model.elbo(x)
    torch.testing.assert_close(terms.kl[:, 0], divergence(mean, sigma, 2.0, 1.0)[:, 0])
    torch.testing.assert_close(terms.cost[:, 0], TERMS[term](mean, sigma, 2.0, 1.0)[:, 0])
    torch.testing.assert_close(terms.cost[:, 1], terms.kl[:, 1])


def test_the_bounded_mean_stays_between_the_peaks() -> None:
    model = TwoPeakVAE(size=16, width=8, multipliers=[1, 2], term="aw", peak=2.0)
    with torch.no_grad():
        model.encoder[-1].bias += 50.0
    assert model.encode(batch(3, 16)).tolist() == [[2.0]] * 3


def test_the_autoencoder_learns_nothing_from_the_vae_over_its_codes() -> None:
    torch.manual_seed(0)
    model = HierarchicalVAE(size=16, width=8, multipliers=[1, 2], codes=4)
    terms = model.code_elbo(model.norm(model.codes(batch(8, 16)).detach()))
    (terms.cost.mean() - terms.log_likelihood.mean()).backward()
    assert model.encoder[-1].weight.grad is None
    assert model.narrow[0].weight.grad is not None
    codes = model.norm(model.codes(batch(64, 16)))
    torch.testing.assert_close(codes.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    spread = model.codes(batch(64, 16)).var(0, unbiased=False)
    expected = spread / (spread + model.norm.eps)
    torch.testing.assert_close(codes.var(0, unbiased=False), expected, atol=1e-3, rtol=0)


def test_classes_come_apart_without_labels() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    two = rng.random(800) < 0.4
    codes = rng.normal(0, 0.5, (800, 4)) + np.where(two[:, None], 1.0, -1.0) * [1, 0.5, -1, 0]
    normal = torch.tensor((codes - codes.mean(0)) / codes.std(0), dtype=torch.float32)
    model = HierarchicalVAE(size=16, width=8, multipliers=[1, 2], codes=4, narrowing=(16,))
    learning = [p for part in (model.narrow, model.widen) for p in part.parameters()]
    optimiser = torch.optim.Adam([*learning, model.log_sigma], 1e-2)
    for step in range(300):
        terms = model.code_elbo(normal[:600])
        optimiser.zero_grad()
        (min(1, step / 100) * terms.cost.sum(1) - terms.log_likelihood).mean().backward()
        optimiser.step()
    mean, _ = model.bounded_posterior(model.narrow(normal[600:]))
    side = mean[:, 0].detach().numpy() > 0
    assert max((side == two[600:]).mean(), (side != two[600:]).mean()) > 0.97
    assert np.abs(np.abs(mean.detach().numpy()).mean() - model.peak) < 1  # at the peaks
