"""The second stage of the CVAE: its loss, its paths, and that images follow from their noise."""

from __future__ import annotations

import math

import pytest
import torch

from radioviz.errors import ModelError
from radioviz.models.cvae import ConvCVAE
from radioviz.models.cvae_refined import RefinedCVAE
from radioviz.models.refiner import DETAIL, Refiner, detail
from tests.models.small import SMALL, batch


def stirred(module: torch.nn.Module) -> torch.nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return module.eval()


@pytest.fixture
def network() -> RefinedCVAE:
    torch.manual_seed(0)
    made = stirred(RefinedCVAE(**SMALL["cvae-refined"]))
    assert isinstance(made, RefinedCVAE)
    return made


def maps_of(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([(0.8 * x).clamp_min(0.01), (x > 0).float() * 0.9], 1)


def test_the_loss_is_that_of_straight_paths() -> None:
    torch.manual_seed(0)
    net = stirred(Refiner(2, channels=[8, 8], embedding=16))
    assert isinstance(net, Refiner)
    x = batch(6, 16)
    maps, given, level = maps_of(x), torch.eye(2).repeat(3, 1), torch.linspace(0, 1, 6)
    found = net.loss(x, given, maps, level, torch.Generator().manual_seed(5))
    source = torch.Generator().manual_seed(5)
    t = torch.sigmoid(torch.randn(6, generator=source))
    noise = torch.randn(x.shape, generator=source)
    goal = DETAIL * (torch.sqrt(x) - torch.sqrt(maps[:, :1]))
    torch.testing.assert_close(detail(x, maps), goal)
    for i in range(6):
        # The slope of the path, by a finite difference along it.
        low, high = (noise[i] + (goal[i] - noise[i]) * (t[i] + e) for e in (-0.01, 0.01))
        slope = (high - low) / 0.02
        one = slice(i, i + 1)
        here = (noise[i] + (goal[i] - noise[i]) * t[i])[None]
        v = net.velocity(here, t[one], given[one], maps[one], level[one])
        wanted = torch.nn.functional.mse_loss(v[0], slope)
        assert found[i].item() == pytest.approx(wanted.item(), rel=1e-3)


def test_drawing_follows_a_known_velocity() -> None:
    """Of dr/dt = -r each Heun step leaves 1 - h + h^2 / 2, the last 1 - h; together 1 / e."""

    class Decay(Refiner):
        def velocity(
            self,
            r: torch.Tensor,
            t: torch.Tensor,
            given: torch.Tensor,
            maps: torch.Tensor,
            level: torch.Tensor,
        ) -> torch.Tensor:
            return -r

    net, x = Decay(2, channels=[8], embedding=8), batch(2, 16)
    maps, noise = maps_of(x), torch.randn(2, 1, 16, 16)
    for steps in (1, 4, 400):
        root = net.draw(noise, torch.zeros(2, 2), maps, 0.3, steps)
        left = (root - maps[:, :1].sqrt()) * DETAIL
        h = 1 / steps
        kept = (1 - h + h * h / 2) ** (steps - 1) * (1 - h)
        torch.testing.assert_close(left, noise * kept, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(left, noise / math.e, atol=0.01, rtol=0.01)


def test_the_mean_the_class_and_the_level_matter() -> None:
    torch.manual_seed(0)
    net = stirred(Refiner(2, channels=[8, 8], embedding=16))
    assert isinstance(net, Refiner)
    x, noise = batch(2, 16), torch.randn(2, 1, 16, 16)
    given = torch.tensor([[1.0, 0], [1, 0]])
    first = net.draw(noise, given, maps_of(x), 0.3, 4)
    assert not torch.equal(first, net.draw(noise, given.flip(1), maps_of(x), 0.3, 4))
    assert not torch.equal(first, net.draw(noise, given, maps_of(x.flip(2)), 0.3, 4))
    assert not torch.equal(first, net.draw(noise, given, maps_of(x), 0.6, 4))
    assert not torch.equal(first, net.draw(noise.flip(2), given, maps_of(x), 0.3, 4))


def test_a_flow_learns_what_the_mean_leaves_open() -> None:
    """Of images that are a galaxy or its mirror image given their mean, both are drawn."""
    torch.manual_seed(0)
    one = batch(1, 16, seed=3)[0]
    either = torch.stack([one, one.flip(2)])
    mean = torch.cat([either.mean(0, keepdim=True), (either.amax(0, keepdim=True) > 0).float()], 1)
    net = Refiner(0, channels=[16, 16], embedding=32)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(250):
        x = either[torch.randint(2, (32,))]
        optimiser.zero_grad()
        loss = net.loss(x, torch.zeros(32, 0), mean.expand(32, -1, -1, -1), torch.zeros(32))
        loss.mean().backward()
        optimiser.step()
    with torch.no_grad():
        noise = torch.randn(64, 1, 16, 16)
        root = net.draw(noise, torch.zeros(64, 0), mean.expand(64, -1, -1, -1), 0.0, 16)
    distance = (root[:, None] - either.sqrt()[None]).square().mean((2, 3, 4))
    apart = (either[0].sqrt() - either[1].sqrt()).square().mean()
    assert (distance.amin(1) < 0.2 * apart).float().mean() > 0.9
    assert 0.2 < (distance[:, 0] < distance[:, 1]).float().mean() < 0.8


def test_the_cvae_is_kept_as_it_is(network: RefinedCVAE) -> None:
    plain = ConvCVAE(**SMALL["cvae"]).eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    x = batch(4, 16)
    assert torch.equal(network.encode(x), plain.encode(x))
    label, size = torch.tensor([0, 1, 0, 1]), torch.full((4,), 20.0)
    noise = torch.randn(4, network.noise_dim)
    drawn = network.draw(noise, 1.0, label, size)
    assert torch.equal(drawn, plain.draw(noise, 1.0, label, size))
    mean = plain.decode(drawn, label, size)
    assert torch.equal(network.draft(drawn, label, size), mean)
    assert not torch.equal(network.decode(drawn, label, size), mean)


def test_images_follow_from_their_noise_and_have_a_clip(network: RefinedCVAE) -> None:
    z, label = torch.randn(4, network.latent_dim), torch.tensor([0, 1, 0, 1])
    size = torch.full((4,), 20.0)
    one, two = torch.randn(2, 4, network.extra_noise)
    first = network.generate(z, one, 1.0, label, size)
    assert torch.equal(first, network.generate(z, one, 1.0, label, size))
    assert not torch.equal(first, network.generate(z, two, 1.0, label, size))
    assert first.amax((1, 2, 3)).tolist() == [1.0] * 4
    assert ((first == 0) | (first > 1 / 256)).all()


def test_a_row_does_not_see_the_others(network: RefinedCVAE) -> None:
    z, size = torch.randn(5, network.latent_dim), torch.full((5,), 20.0)
    whole = network.decode(z, size=size)
    alone = torch.cat([network.decode(z[i : i + 1], size=size[:1]) for i in range(5)])
    # Half precision on CPUs that have it: sums of other batches end in other last bits.
    torch.testing.assert_close(whole, alone, atol=0.02, rtol=0)
    other = torch.cat([z[:2], torch.randn(3, network.latent_dim)])
    torch.testing.assert_close(network.decode(other, size=size)[:2], whole[:2], atol=0, rtol=0)


def test_images_change_smoothly_with_the_latent_vector(network: RefinedCVAE) -> None:
    z = torch.randn(1, network.latent_dim)
    step = 1e-3 * torch.randn(1, network.latent_dim)
    size = torch.full((1,), 20.0)
    near = network.decode(z + step, size=size) - network.decode(z, size=size)
    far = network.decode(torch.randn_like(z), size=size) - network.decode(z, size=size)
    assert near.abs().mean() < 0.2 * far.abs().mean()


def test_a_galaxy_below_the_clip_is_shown_as_the_mean_has_it(network: RefinedCVAE) -> None:
    maps = torch.full((1, 2, 16, 16), -9.0)
    with torch.no_grad():
        network.refiner.last.weight.zero_()
        assert network.refiner.last.bias is not None
        network.refiner.last.bias.fill_(-99.0)
    image = network.refined(maps, torch.zeros(1, 1, 16, 16))
    torch.testing.assert_close(image, maps[:, :1].sigmoid())


def test_a_refiner_without_channels_is_refused() -> None:
    with pytest.raises(ModelError, match="channels is empty"):
        Refiner(2, channels=[])
