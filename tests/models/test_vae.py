"""The VAEs: their bound, their refusals, the paper's sizes."""

from __future__ import annotations

import pytest
import torch
from torch import distributions as D
from torch import nn

from radioviz.errors import ModelError
from radioviz.models.vae import ConvVAE, DenseVAE
from tests.models.small import SMALL, batch


@pytest.mark.parametrize("network", [ConvVAE(**SMALL["vae"]), DenseVAE(**SMALL["vae-dense"])])
def test_the_bound_is_that_of_torch_distributions(network: ConvVAE | DenseVAE) -> None:
    network.eval()
    x = batch(5, network.size)
    found = network.elbo(x, torch.Generator().manual_seed(4))
    mean, log_variance = network.posterior(x)
    q = D.Normal(mean, (0.5 * log_variance).exp())
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(4))
    logits = network.decode_parameters(q.mean + q.stddev * noise)
    log_likelihood = -nn.BCEWithLogitsLoss(reduction="none")(logits, x).sum((1, 2, 3))
    kl = D.kl_divergence(q, D.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(found.value, log_likelihood - kl)
    torch.testing.assert_close(found.kl.sum(1), kl)


def test_the_networks_of_bastien_2021() -> None:
    network = DenseVAE()
    layers = [m for m in network.encoder if isinstance(m, nn.Linear)]
    widths = [layers[0].in_features, *(m.out_features for m in layers)]
    assert widths == [10000, 4096, 2048, 1024, 512, 256, 2 * 2]
    layers = [m for m in network.decoder if isinstance(m, nn.Linear)]
    widths = [layers[0].in_features, *(m.out_features for m in layers)]
    assert widths == [2, 256, 512, 1024, 2048, 4096, 10000]
    assert sum(isinstance(m, nn.Softplus) for m in network.modules()) == 1
    slopes = {m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.001}
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.2}
    x = batch(2, 100)
    assert network(x).shape == x.shape


def test_wrong_shapes_are_named() -> None:
    network = ConvVAE(**SMALL["vae"])
    with pytest.raises(ModelError, match=r"\(2, 1, 20, 20\).*\(n, 1, 16, 16\)"):
        network.encode(torch.zeros(2, 1, 20, 20))
    with pytest.raises(ModelError, match=r"\(2, 5\).*\(n, 3\)"):
        network.decode(torch.zeros(2, 5))


@pytest.mark.parametrize(
    ("change", "words"), [({"size": 20}, "images of 16"), ({"latent_dim": 0}, "latent_dim is 0")]
)
def test_impossible_sizes_are_refused(change: dict[str, int], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        ConvVAE(**{**SMALL["vae"], **change})
    with pytest.raises(ModelError, match="hidden is empty"):
        DenseVAE(hidden=())


def test_a_wild_step_stays_finite_and_can_return() -> None:
    network = ConvVAE(**SMALL["vae"])
    last = network.encoder[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.bias.fill_(40.0)
    value = network.elbo(batch(2, 16)).value
    assert torch.isfinite(value).all()
    (-value.mean()).backward()
    assert last.bias.grad is not None
    assert last.bias.grad[3:].abs().min() > 0
