"""What two views of a galaxy may differ in."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from radioviz.data.preprocess import Preprocess
from tests.models.small import batch
from train.core.augment import Augment, rescale
from train.methods.views import CLIP, Views, smooth

CHAIN = Preprocess(size=32)
PLAIN = Views(rotate=False, flip=False, shift=0.0, zoom=0.0)
STILL = dataclasses.replace(PLAIN, blur=0.0, noise=0.0, contrast=0.0)


def test_without_anything_to_change_a_view_is_the_image() -> None:
    x = batch(6, 32)
    torch.testing.assert_close(STILL(x, CHAIN), rescale(x, CHAIN), atol=1e-5, rtol=0)


def test_views_are_images_of_the_chain() -> None:
    torch.manual_seed(0)
    views = Views(brightness=0.2)
    x = batch(16, views.padded(CHAIN).size)
    y = views(x, CHAIN)
    assert y.shape == (16, 1, 32, 32)
    assert y.min() >= 0 and y.max() <= 1
    assert torch.isfinite(y).all()
    assert not torch.equal(y, views(x, CHAIN))


def test_a_seed_determines_the_views() -> None:
    x = batch(4, Views().padded(CHAIN).size)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(Views()(x, CHAIN))
    assert torch.equal(found[0], found[1])


def test_smoothing_widens_a_beam_in_quadrature() -> None:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    sigma = 2.0
    image = torch.exp(-((x - 32) ** 2 + (y - 32) ** 2) / (2 * sigma**2))[None, None]
    to_fwhm = math.sqrt(8 * math.log(2))
    out = smooth(image, torch.full((1, 1, 1, 1), 3.0 * to_fwhm))
    wide = math.sqrt(sigma**2 + 9)
    expected = sigma**2 / wide**2 * torch.exp(-((x - 32) ** 2 + (y - 32) ** 2) / (2 * wide**2))
    torch.testing.assert_close(out[0, 0], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(out.sum(), image.sum(), rtol=1e-4, atol=0)


def test_each_image_has_its_own_beam() -> None:
    x = batch(3, 32)
    out = smooth(x, torch.tensor([0.0, 2.0, 6.0]).reshape(3, 1, 1, 1))
    torch.testing.assert_close(out[0], x[0], atol=1e-5, rtol=0)
    assert out[1].amax() > out[2].amax()


def test_noise_leaves_what_is_brighter_than_the_clip() -> None:
    torch.manual_seed(0)
    noisy = dataclasses.replace(STILL, noise=0.1, noise_share=1.0)
    y = noisy(torch.zeros(4, 1, 32, 32) + batch(4, 32), CHAIN)
    shown = y[y > 0]
    # The faintest drawn noise is a thirtieth of the largest.
    assert shown.min() > 0.5 * CLIP * 0.1 / 30
    assert (y == 0).float().mean() > 0.5


def test_contrast_keeps_peak_and_zero() -> None:
    torch.manual_seed(0)
    x = batch(8, 32)
    y = dataclasses.replace(STILL, contrast=1.0)(x, CHAIN)
    torch.testing.assert_close(y.amax((1, 2, 3)), torch.ones(8))
    assert torch.equal(y == 0, rescale(x, CHAIN) == 0)
    assert not torch.allclose(y, rescale(x, CHAIN))


def test_brightness_is_cut_at_one() -> None:
    torch.manual_seed(1)
    y = dataclasses.replace(STILL, brightness=0.5)(batch(32, 32), CHAIN)
    peaks = y.amax((1, 2, 3))
    assert peaks.max() == pytest.approx(1.0)
    assert peaks.min() < 0.8


def test_views_need_the_margin_of_the_turns() -> None:
    assert Views().padded(CHAIN) == Augment(shift=2.0, zoom=0.1).padded(CHAIN)
