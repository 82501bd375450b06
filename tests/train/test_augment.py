"""Turned, mirrored and shifted batches against what numpy makes of the same images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from radioviz.data.preprocess import PRESETS, STRETCHES, Preprocess
from tests.models.small import galaxies
from train.core.augment import Augment, rescale

NONE = Augment(rotate=False, flip=False, shift=0.0)
CHAIN = Preprocess(field_arcsec=64.0, size=32)


def padded(augment: Augment, chain: Preprocess = CHAIN, n: int = 6) -> torch.Tensor:
    raw = galaxies(n, 96)
    return torch.from_numpy(augment.padded(chain)(raw, 2.0))[:, None]


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("augment", [NONE, Augment(), Augment(zoom=0.2, shift=3.0)])
def test_the_margin_keeps_the_scale_and_covers_every_turn(preset: str, augment: Augment) -> None:
    chain = PRESETS[preset]
    grown = augment.padded(chain)
    assert (grown.size - chain.size) % 2 == 0
    turn = np.sqrt(2) if augment.rotate else 1
    assert grown.size >= chain.size * turn * (1 + augment.zoom) + 2 * augment.shift
    before = chain.field_in_pixels(1.8, 5.4) / chain.size
    assert grown.field_in_pixels(1.8, 5.4) / grown.size == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize("stretch", STRETCHES)
def test_no_augmentation_is_the_chain_itself(stretch: str) -> None:
    chain = dataclasses.replace(CHAIN, stretch=stretch)
    wanted = chain(galaxies(6, 96), 2.0)
    found = NONE(padded(NONE, chain), chain)[:, 0].numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_margins_do_not_change_what_is_seen() -> None:
    wide = Augment(rotate=True, flip=False, shift=4.0)
    images = padded(wide)
    still = dataclasses.replace(wide, rotate=False, shift=0.0)
    found = still(images, CHAIN)[:, 0].numpy()
    np.testing.assert_allclose(found, CHAIN(galaxies(6, 96), 2.0), atol=1e-4)


def test_turned_images_are_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Augment(flip=False, shift=0.0)
    images = padded(turn)
    upright = dataclasses.replace(turn, rotate=False)(images, CHAIN)[:, 0].numpy()
    quarter = torch.full((len(images),), 0.25)
    monkeypatch.setattr(
        torch, "rand", lambda *a, **k: quarter if a == (len(images),) else torch.full(a, 0.5)
    )
    found = turn(images, CHAIN)[:, 0].numpy()
    turned = [np.rot90(upright, k, axes=(1, 2)) for k in (1, 3)]
    assert min(np.abs(found - t).max() for t in turned) < 1e-3


def test_flux_about_the_centre_survives_and_views_differ() -> None:
    augment = Augment()
    torch.manual_seed(0)
    images = padded(augment)
    views = augment(images.repeat(20, 1, 1, 1), CHAIN)[:, 0].reshape(20, 6, 32, 32)
    assert views.amax((-2, -1)).allclose(torch.ones(()))
    assert views.min() >= 0
    fluxes = views.sum((-2, -1))
    assert (fluxes.std(0) / fluxes.mean(0)).max() < 0.2  # only resampling and the peak differ
    assert (views.std(0).amax((-2, -1)) > 0.1).any()


def test_a_seed_determines_the_views() -> None:
    images = padded(Augment())
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        found.append(Augment(zoom=0.1)(images, CHAIN))
    assert torch.equal(*found)


def test_blank_images_stay_blank_and_edges_are_blanked() -> None:
    assert rescale(torch.zeros(2, 1, 8, 8), CHAIN).abs().max() == 0
    chain = dataclasses.replace(CHAIN, size=8, blank_edge=2)
    out = rescale(torch.rand(2, 1, 8, 8), chain)
    assert out[..., :2, :].abs().max() == 0
    assert out[..., 2:-2, 2:-2].max() == 1
