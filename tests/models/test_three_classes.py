"""Masks and a model with two peaks together."""

from __future__ import annotations

import pytest
import torch

from radioviz.errors import ModelError
from radioviz.models.three_classes import three_classes
from radioviz.models.two_peak_vae import TwoPeakVAE


def model_that_knows_size(channels: int = 2) -> TwoPeakVAE:
    """A model whose first coordinate is the flux of the last channel over 20, less 1."""
    model = TwoPeakVAE(size=16, dense=True, hidden=(4,), dropout=0.0, channels=channels).eval()
    with torch.no_grad():
        for weight in model.encoder.parameters():
            weight.zero_()
        first, last = model.encoder[1], model.encoder[-1]
        first.weight[0, -256:] = 1.0
        last.weight[0, 0], last.bias[0] = 1 / 20, -1.0
    return model


def test_each_island_is_judged_alone() -> None:
    images = torch.zeros(2, 2, 40, 48)
    images[0, :, 2:5, 2:5] = 7.0  # 9 pixels, at the corner
    images[0, :, 20:26, 30:36] = 3.0  # 36 pixels
    images[1, 1, 30:40, 0:3] = 1.0  # 30 pixels, at the edge
    images[1, 0, 30:40, 0:3] = 2.0  # twice as bright in the other channel: 15 in units of the peak
    masks = images[:, 1] > 0
    found = three_classes(masks, images, model_that_knows_size())
    assert found.dtype == torch.uint8
    assert torch.equal(found > 0, masks)
    assert found[0, 3, 3] == 1
    assert found[0, 22, 32] == 2
    assert found[1, 35, 1] == 1
    # Brightness does not count, nor do the neighbours of an island.
    images[0] *= 100
    assert torch.equal(three_classes(masks, images, model_that_knows_size()), found)
    assert not three_classes(torch.zeros_like(masks), images, model_that_knows_size()).any()


def test_masks_of_another_size_are_named() -> None:
    with pytest.raises(ModelError, match=r"\(1, 8, 8\).*\(1, 2, 16, 16\)"):
        three_classes(
            torch.zeros(1, 8, 8, dtype=torch.bool),
            torch.zeros(1, 2, 16, 16),
            model_that_knows_size(),
        )
