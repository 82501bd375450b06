"""The conditional VAEs: their bounds, their conditions, the frame, the learned prior."""

from __future__ import annotations

import math

import pytest
import torch
from torch import distributions as D
from torch import nn

from radioviz.errors import ModelError
from radioviz.models.cvae import ConvCVAE, image_of, smooth
from radioviz.models.cvae_dense import DenseCVAE
from radioviz.models.frames import axis_angle, from_frame, to_frame
from radioviz.models.latent_prior import LatentPrior
from tests.models.small import SMALL, batch


@pytest.fixture
def network() -> ConvCVAE:
    torch.manual_seed(0)
    made = ConvCVAE(**SMALL["cvae"]).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made


def bar(angle: float, size: int = 33, longer: float = 0.0) -> torch.Tensor:
    """A line through the middle at an angle, its positive end longer, ``(1, 1, size, size)``."""
    v, u = torch.meshgrid(*2 * [torch.arange(size) - (size - 1) / 2], indexing="ij")
    along = u * math.cos(angle) + v * math.sin(angle)
    across = -u * math.sin(angle) + v * math.cos(angle)
    far = torch.where(along > 0, 4.0 + longer, 4.0)
    return torch.exp(-((along / far) ** 2) - (across / 1.5) ** 2)[None, None]


def test_the_bound_is_that_of_torch_distributions(network: ConvCVAE) -> None:
    x, label = batch(5, 16), torch.tensor([0, 1, 1, -1, 0])
    size = torch.tensor([5.0, 12, 33, 60, 20])
    found = network.elbo(x, torch.Generator().manual_seed(4), label, size)
    frame, _ = network.framed(x)
    features = network.body(frame)
    mean, log_variance = network.posterior(features, label)
    q = D.Normal(mean, (0.5 * log_variance).exp())
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(4))
    rest = torch.zeros(5, 3)
    z = torch.cat([q.mean + q.stddev * noise, rest], 1)
    bright, above = network.frame_maps(z, label, size).chunk(2, 1)
    p = D.Bernoulli(logits=bright)
    grey = frame * p.log_prob(torch.ones(())) + (1 - frame) * p.log_prob(torch.zeros(()))
    clip = D.Bernoulli(logits=above).log_prob((frame > 1 / 255).float())
    wanted = (grey + network.clip_weight * clip).sum((1, 2, 3))
    kl = D.kl_divergence(q, D.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(found.kl.sum(1), kl)
    torch.testing.assert_close(found.value, wanted - kl, rtol=1e-4, atol=1e-2)


def test_conditions_matter_and_twins_share_the_latent_vector(network: ConvCVAE) -> None:
    z = torch.randn(3, network.latent_dim)
    ask = {"label": torch.zeros(3, dtype=torch.long), "size": torch.full((3,), 20.0)}
    first = network.decode(z, **ask)
    assert not torch.equal(first, network.decode(z, **{**ask, "label": ask["label"] + 1}))
    assert not torch.equal(first, network.decode(z, **{**ask, "size": ask["size"] * 2}))
    z[:, network.shape_dim] = 2 * network.scaled(torch.tensor(20.0))
    torch.testing.assert_close(network.decode(z, label=ask["label"]), first, atol=1e-4, rtol=1e-3)


def test_sizes_and_directions_are_what_the_latent_vector_says(network: ConvCVAE) -> None:
    sizes = torch.tensor([5.0, 17.0, 60.0])
    torch.testing.assert_close(network.unscaled(network.scaled(sizes)), sizes)
    x = torch.cat([bar(a, 16, 3.0) for a in (0.3, 2.0, -1.2)])
    z = network.encode(x)
    torch.testing.assert_close(
        network.direction(z),
        axis_angle(x).remainder(2 * math.pi)
        - 2 * math.pi * (axis_angle(x).remainder(2 * math.pi) > math.pi),
    )
    torch.testing.assert_close(network.encode(x[:, :, :, :].clone()), z)


def test_drawn_sizes_follow_the_quantiles(network: ConvCVAE) -> None:
    network.size_quantiles[1] = torch.linspace(10, 20, 33)
    u = torch.tensor([0.0, 0.25, 0.5, 1.0])
    found = network.draw_size(u, torch.ones(4, dtype=torch.long))
    torch.testing.assert_close(found, torch.tensor([10, 12.5, 15, 20]), rtol=1e-3, atol=0)
    plain = network.draw_size(u, torch.zeros(4, dtype=torch.long))
    torch.testing.assert_close(plain[[0, 3]], torch.tensor([5.0, 60.0]))


def test_generated_images_are_clipped_and_noise_decides(network: ConvCVAE) -> None:
    z = torch.randn(4, network.latent_dim)
    label, size = torch.tensor([0, 1, 0, 1]), torch.full((4,), 20.0)
    noise = torch.randn(2, 4, network.extra_noise)
    one, two = (network.generate(z, n, 1.0, label, size) for n in noise)
    assert one.shape == (4, 1, 16, 16) and not torch.equal(one, two)
    for image in (one, two):
        assert image.amax((1, 2, 3)).tolist() == [1.0] * 4
        assert ((image == 0) | (image > 1 / 256)).all()


def test_a_pixel_is_above_the_clip_as_often_as_the_decoder_says() -> None:
    maps = torch.zeros(300, 2, 16, 16)
    maps[:, 0], maps[:, 1] = -3.0, -1.0
    generator = torch.Generator().manual_seed(0)
    noise = smooth(torch.randn(300, 1, 22, 22, generator=generator))
    assert noise.shape == (300, 1, 16, 16)
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    beside = (noise[..., 1:] * noise[..., :-1]).mean().item()
    assert beside == pytest.approx(math.exp(-1 / (4 * (2 / 2.3548) ** 2)), abs=0.03)
    share = (image_of(maps, noise) > 0).float().mean().item()
    assert share == pytest.approx(torch.sigmoid(torch.tensor(-1.0)).item(), abs=0.01)
    # Without noise nothing is likelier than not, and the brightness itself is given.
    assert torch.equal(image_of(maps), maps[:, :1].sigmoid())


@pytest.mark.parametrize("angle", [0.0, 0.7, 1.6, 3.0, -2.2])
def test_the_frame_lays_the_longer_tail_to_the_right(angle: float) -> None:
    x = bar(angle, longer=4.0)
    found = axis_angle(x)
    assert math.cos(found.item() - angle) == pytest.approx(1, abs=0.01)
    frame = to_frame(x, found, 33, 41)
    wanted = bar(0.0, 41, 4.0)[:, :, 4:37]
    torch.testing.assert_close(frame, wanted, atol=0.06, rtol=0)
    torch.testing.assert_close(from_frame(frame, found, 33), x, atol=0.06, rtol=0)


def test_a_blank_image_has_a_frame() -> None:
    x = torch.zeros(2, 1, 16, 16)
    assert torch.isfinite(axis_angle(x)).all()
    assert torch.isfinite(ConvCVAE(**SMALL["cvae"]).encode(x)).all()


def test_the_prior_learns_a_distribution_and_its_condition() -> None:
    torch.manual_seed(0)
    prior = LatentPrior(2, 1, width=32, blocks=1, dropout=0.0)
    optimiser = torch.optim.Adam(prior.parameters(), 3e-3)
    for _ in range(400):
        condition = (torch.rand(256, 1) > 0.5).float()
        z = torch.cat([3 * condition, -condition], 1) + 0.3 * torch.randn(256, 2)
        optimiser.zero_grad()
        prior.loss(z, condition).mean().backward()
        optimiser.step()
    with torch.no_grad():
        for value in (0.0, 1.0):
            drawn = prior.eval().draw(torch.randn(500, 2), torch.full((500, 1), value))
            torch.testing.assert_close(
                drawn.mean(0), torch.tensor([3 * value, -value]), atol=0.3, rtol=0
            )
            assert 0.15 < drawn.std(0).mean() < 0.6
        cool = prior.draw(0.1 * torch.randn(500, 2), torch.zeros(500, 1))
        assert cool.std(0).mean() < 0.15
        stressed = prior.draw(torch.randn(500, 2), torch.ones(500, 1), guidance=1.5)
        assert stressed.mean(0)[0] > 2.8


def test_the_conditional_networks_of_bastien_2021() -> None:
    network = DenseCVAE(latent_dim=32)
    layers = [m for m in network.encoder if isinstance(m, nn.Linear)]
    widths = [layers[0].in_features, *(m.out_features for m in layers)]
    assert widths == [10000 + 2, 4096, 2048, 1024, 512, 256, 2 * 32]
    layers = [m for m in network.decoder if isinstance(m, nn.Linear)]
    widths = [layers[0].in_features, *(m.out_features for m in layers)]
    assert widths == [32 + 2, 256, 512, 1024, 2048, 4096, 10000]
    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.2}


def test_the_dense_bound_is_that_of_torch_distributions() -> None:
    network = DenseCVAE(**SMALL["cvae-dense"]).eval()
    x, label = batch(5, 12), torch.tensor([0, 1, 1, 0, -1])
    found = network.elbo(x, torch.Generator().manual_seed(4), label)
    mean, log_variance = network.posterior(x, label)
    q = D.Normal(mean, (0.5 * log_variance).exp())
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(4))
    logits = network.decode_parameters(q.mean + q.stddev * noise, label)
    log_likelihood = -nn.BCEWithLogitsLoss(reduction="none")(logits, x).sum((1, 2, 3))
    kl = D.kl_divergence(q, D.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(found.value, log_likelihood - kl)
    assert not torch.equal(network.encode(x, label), network.encode(x))
    z = torch.randn(2, 2)
    twins = [network.decode(z, torch.full((2,), k)) for k in (0, 1)]
    assert not torch.equal(*twins)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 18}, "4 times k"),
        ({"latent_dim": 3}, "latent_dim is 3; expected 4 or more"),
        ({"classes": []}, "classes is empty"),
        ({"size_range": [9.0, 5.0]}, "size_range"),
    ],
)
def test_impossible_arguments_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        ConvCVAE(**{**SMALL["cvae"], **change})


def test_wrong_shapes_are_named(network: ConvCVAE) -> None:
    with pytest.raises(ModelError, match=r"\(2, 1, 20, 20\).*\(n, 1, 16, 16\)"):
        network.encode(torch.zeros(2, 1, 20, 20))
    with pytest.raises(ModelError, match=r"\(2, 5\).*\(n, 6\)"):
        network.decode(torch.zeros(2, 5))
    with pytest.raises(ModelError, match="give a size"):
        network.draw(torch.zeros(2, network.noise_dim))
    dense = DenseCVAE(**SMALL["cvae-dense"])
    with pytest.raises(ModelError, match=r"\(2, 1, 20, 20\).*\(n, 1, 12, 12\)"):
        dense.encode(torch.zeros(2, 1, 20, 20))
    with pytest.raises(ModelError, match=r"\(2, 5\).*\(n, 2\)"):
        dense.decode(torch.zeros(2, 5))
