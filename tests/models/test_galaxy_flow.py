"""The flow from noise to galaxies: its paths, its loss, its sky, and what it is told."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from radioviz.models.galaxy_flow import (
    CLIP,
    NOISIEST,
    Ask,
    GalaxyFlow,
    brightness,
    scaled_snr,
    stretch,
    unscaled_snr,
)
from radioviz.models.registry import build
from tests.models.small import batch

ARGUMENTS = {"size": 16, "network": {"channels": [8, 8], "embedding": 16}}


@pytest.fixture
def flow() -> GalaxyFlow:
    torch.manual_seed(0)
    made = build("galaxy-flow", ARGUMENTS)
    assert isinstance(made, GalaxyFlow)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return made.eval()


def ask(n: int) -> Ask:
    return Ask(torch.arange(n) % 4, torch.full((n,), 20.0), torch.zeros(n), torch.full((n,), 50.0))


def test_paths_of_normal_data_are_those_of_the_formula(flow, monkeypatch) -> None:
    """Of data N(0, s^2) a path is proportional to sqrt(sigma^2 + s^2), up and down."""
    s = 0.7
    monkeypatch.setattr(
        flow, "denoise", lambda x, sigma, given, maps: x * s**2 / (s**2 + sigma[0] ** 2)
    )
    start = NOISIEST * torch.randn(2, 1, 16, 16)
    sigmas = flow.sigmas(40)
    end = flow.follow(start, ask(2), sigmas, 1.0)
    factor = math.sqrt((sigmas[-1] ** 2 + s**2) / (NOISIEST**2 + s**2))
    torch.testing.assert_close(end, factor * start, rtol=0.02, atol=1e-3)
    back = flow.follow(end, ask(2), sigmas[::-1], 1.0)
    torch.testing.assert_close(back, start, rtol=0.03, atol=0.05)


def test_new_noise_keeps_the_spread_of_normal_data(flow, monkeypatch) -> None:
    s = 0.7
    monkeypatch.setattr(
        flow, "denoise", lambda x, sigma, given, maps: x * s**2 / (s**2 + sigma[0] ** 2)
    )
    torch.manual_seed(1)
    start, noise = NOISIEST * torch.randn(8, 1, 16, 16), torch.randn(8, 60, 16, 16)
    ends = [flow.follow(start, ask(8), flow.sigmas(60), 1.0, x) for x in (noise, -noise)]
    for end in ends:
        assert end.std().item() == pytest.approx(s, rel=0.08)
    # What is new decides, and no longer the start.
    likeness = torch.corrcoef(torch.stack([ends[0].flatten(), ends[1].flatten()]))[0, 1]
    assert likeness < -0.8


def test_guidance_goes_beyond_what_is_known_without_the_class(flow, monkeypatch) -> None:
    """With x = 1 for the class and 0 without, guidance 2 leads to 2, by half a share to 1.5.

    Below 1, where the class counts less than was learned, no share is taken. Above the noise where
    shapes are decided, and below it, nothing is guided.
    """

    def denoise(x, sigma, given, maps):
        return given[:, :4].sum(1)[:, None, None, None].expand_as(x)

    def found(first: float, last: float, strength: float) -> list[float]:
        levels = np.geomspace(first, last, 9)
        end = flow.follow(torch.zeros(2, 1, 16, 16), ask(2), levels, strength)
        return (end.mean(dim=(1, 2, 3)) / (1 - last / first)).tolist()

    monkeypatch.setattr(flow, "denoise", denoise)
    flow.class_guidance[1] = 0.5
    for strength in (1.0, 2.0):
        assert found(3.0, 0.2, strength) == pytest.approx([strength, (1 + strength) / 2], rel=1e-3)
    for strength in (0.0, 0.5):
        assert found(3.0, 0.2, strength) == pytest.approx([strength] * 2, abs=1e-3)
    for first, last in ((40.0, 3.1), (0.19, 0.008)):
        assert found(first, last, 2.0) == pytest.approx([1.0] * 2, rel=1e-3)


def test_the_loss_of_a_perfect_network_is_zero_and_of_none_is_not(flow, monkeypatch) -> None:
    x = batch(4, 16)
    source = torch.Generator().manual_seed(3)
    before = flow.loss(x, ask(4), source)
    assert (before > 0).all()
    monkeypatch.setattr(flow, "denoise", lambda noisy, *_: stretch(x))
    assert flow.loss(x, ask(4)).max() == 0


def test_stretch_and_signal_to_noise_have_inverses() -> None:
    x = torch.tensor([0.0, 0.004, 0.1, 1.0])
    torch.testing.assert_close(brightness(stretch(x)), x, atol=1e-6, rtol=1e-4)
    # A plume of a hundredth of the peak is a tenth as bright as the peak when stretched.
    assert stretch(torch.tensor(0.01)) / stretch(torch.tensor(1.0)) > 0.1
    snr = torch.tensor([5.0, 60.0, 900.0])
    torch.testing.assert_close(unscaled_snr(scaled_snr(snr)), snr)


def test_places_show_the_ends_of_a_source(flow) -> None:
    """27 arcsec are 10 pixels: the ends are 5 pixels from the middle, along the axis."""
    angle = torch.tensor([0.0, math.pi / 2])
    both = Ask(None, torch.full((2,), 27.0), angle, torch.full((2,), 50.0))
    ends = flow.places(both)[:, 2]
    across, up = ends[0], ends[1]
    torch.testing.assert_close(across, up.T)
    row, column = divmod(int(across.argmax()), 8)
    assert row in (3, 4)
    assert abs((column - 3.5) * 2) == pytest.approx(5, abs=1)


def test_the_sky_is_noise_above_the_clip_beside_the_source(flow) -> None:
    n, side = 400, flow.native + 10
    source = torch.zeros(n, 1, 16, 16)
    source[:, :, 7:9, 7:9] = 1.0
    white = torch.randn(n, 1, side, side, generator=torch.Generator().manual_seed(0))
    snr = torch.full((n,), 50.0)
    shifted = torch.arange(n) % 2 == 0
    made = flow.with_sky(source, white, snr, shifted)
    torch.testing.assert_close(made[:, :, 5:11, 5:11], source[:, :, 5:11, 5:11])
    sky = made.clone()
    sky[:, :, 5:11, 5:11] = 0
    # Of normal noise 0.135 % of the pixels are above 3 sigma, by 3.28 sigma in the mean.
    total = sky.sum((1, 2, 3)) / (256 - 36) / 1.35e-3
    assert total[~shifted].mean().item() == pytest.approx(3.28 / 50, rel=0.25)
    assert total[shifted].mean().item() == pytest.approx((3.28 - CLIP) / (50 - CLIP), rel=0.35)


def test_images_follow_from_their_numbers_and_not_from_their_neighbours(flow) -> None:
    z, noise = torch.randn(3, 3), torch.randn(3, flow.extra_noise)
    label, size = torch.tensor([0, 1, 2]), torch.tensor([20.0, 30.0, 40.0])
    made = flow.generate(z, noise, 1.0, label, size)
    assert made.shape == (3, 1, 16, 16)
    assert made.amax((1, 2, 3)).max() <= 1
    one = flow.generate(z[1:2], noise[1:2], 1.0, label[1:2], size[1:2])
    torch.testing.assert_close(one, made[1:2], atol=1e-4, rtol=1e-3)
    other = flow.generate(z, noise, 1.0, torch.tensor([1, 1, 1]), size)
    assert not torch.allclose(other[0], made[0])


def test_sizes_that_nobody_asked_for_are_drawn_on_the_device_of_the_model(flow) -> None:
    other = flow.to("meta")  # stands for a GPU: tensors of two devices do not mix
    z = other.draw(torch.randn(4, 3, device="meta"))
    assert z.shape == (4, 3) and z.device.type == "meta"
