"""Pixels of sources from hypercolumns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from radioviz.errors import ModelError
from radioviz.models.hypercolumns import KINDS, HypercolumnNet
from train.evaluate.unlabelled import masks
from train.evaluate.unlabelled.radio_fields import RadioFields, beam_noise, radio_fields

KIND = pytest.mark.parametrize("kind", KINDS)


@KIND
def test_the_score_is_a_sum_over_the_hypercolumn(kind: str) -> None:
    torch.manual_seed(0)
    network = HypercolumnNet(kind, channels=3, width=4).eval()
    x = torch.randn(5, 3, 16, 20)
    network.group(x, pixels=500)
    columns = network.hypercolumns(x)
    assert columns.shape == (5, 3 + 4 + 8 + 16, 16, 20)
    normal = (columns.movedim(1, -1) - network.middle) / network.spread
    torch.testing.assert_close(network.score(x), normal @ network.direction, atol=1e-4, rtol=1e-4)
    found = network.masks(x)
    assert found.shape == (5, 16, 20)
    assert 0 < found.float().mean() < 1


@KIND
def test_every_weight_learns(kind: str) -> None:
    torch.manual_seed(0)
    network = HypercolumnNet(kind, width=4)
    network.loss(torch.randn(4, 1, 16, 16)).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and weight.grad.abs().max() > 0, name


def test_residual_connections_keep_what_the_code_loses() -> None:
    torch.manual_seed(0)
    plain, residual = HypercolumnNet("ae").eval(), HypercolumnNet("residual").eval()
    residual.load_state_dict(plain.state_dict())
    with torch.no_grad():
        for network in (plain, residual):
            network.wide.weight.zero_()  # nothing of the code goes on
    one, other = torch.randn(2, 1, 1, 16, 16)
    assert torch.equal(plain.hypercolumns(one), plain.hypercolumns(other))
    assert not torch.allclose(residual.hypercolumns(one), residual.hypercolumns(other))


def test_shapes_that_do_not_fit_are_named() -> None:
    network = HypercolumnNet(channels=5)
    with pytest.raises(ModelError, match=r"\(1, 1, 16, 16\).*\(n, 5, ny, nx\)"):
        network.masks(torch.zeros(1, 1, 16, 16))
    with pytest.raises(ModelError, match="multiples of 4"):
        network.masks(torch.zeros(1, 5, 18, 16))
    with pytest.raises(ModelError, match="'unet'"):
        HypercolumnNet("unet")


def test_synthetic_fields() -> None:
    fields = radio_fields(30, 1, 32)
    again = radio_fields(30, 1, 32)
    assert np.array_equal(fields.noisy, again.noisy)
    assert (fields.noisy - fields.clean).std() == pytest.approx(1, rel=0.05)
    noise = beam_noise(np.random.default_rng(0), (4, 64, 64))
    neighbours = (noise[:, :, 1:] * noise[:, :, :-1]).mean()
    assert 0.7 < neighbours < 0.95  # correlated over a beam of 3 pixels
    assert ((fields.source > 0) <= (fields.clean > 0.5)).all()


def two_sources() -> RadioFields:
    """A bright and a faint source far apart, and sky."""
    source = np.zeros((1, 32, 32), np.int16)
    source[0, 4:12, 4:12], source[0, 20:28, 20:28] = 1, 2
    clean = np.where(source == 1, 50.0, np.where(source == 2, 6.0, 0.0)).astype(np.float32)
    return RadioFields(clean, clean, source, [np.array([50.0, 6.0])])


def test_what_masks_found_is_counted() -> None:
    fields = two_sources()
    none = {"merged": 0, "false_per_field": 0}
    perfect = masks.means(masks.count(fields.source, fields))
    assert perfect == {"iou_bright": 1, "iou_islands": 1, "faint_found": 1, **none}
    half = np.zeros((1, 32, 32), int)
    half[0, 4:8, 4:12], half[0, 0:2, 30:32] = 1, 2
    assert masks.means(masks.count(half, fields)) == {
        "iou_bright": 0.5, "iou_islands": 0.5, "faint_found": 0, "merged": 0, "false_per_field": 1,
    }  # fmt: skip
    bridge = (fields.source > 0).astype(int)
    bridge[0, np.arange(8, 24), np.arange(8, 24)] = 1
    joined = masks.means(masks.count(bridge, fields))
    assert joined["merged"] == 1
    assert joined["iou_bright"] < 0.5
    lobes = np.where(fields.source == 1, np.arange(32) // 8 + 3, 0)  # parts of one source
    assert masks.means(masks.count(lobes, fields))["iou_bright"] == 1
    assert masks.overlaps(half > 0, half > 0).tolist() == [1.0]
    assert masks.overlaps(half > 0, half == 0).tolist() == [0.0]


def test_sources_that_touch_are_parted_at_the_saddle() -> None:
    y, x = np.mgrid[:32, :32]
    image = sum(p * np.exp(-((x - at) ** 2 + (y - 16) ** 2) / 18) for p, at in ((40, 9), (25, 21)))
    image = np.stack([image, np.zeros((32, 32))])
    found = masks.parted(image > 1, image)
    assert found[0].max() == 2 and not found[1].any()
    assert found[0, 16, 9] != found[0, 16, 21]
    saddle = 9 + int(np.argmin(image[0, 16, 9:22]))
    assert len(set(found[0, 16, 9:saddle])) == len(set(found[0, 16, saddle + 1 : 22])) == 1
    assert np.array_equal(found > 0, image > 1)
    flat = np.minimum(image, 20)  # one plateau: nothing to part
    one = masks.parted(flat[:1] > 1, np.where(flat[:1] > 1, 20.0, 0.0))
    assert one.max() == 1


def test_photutils_finds_bright_sources_in_noise() -> None:
    fields = radio_fields(6, 2)
    counted = masks.count(masks.photutils(fields.noisy)["3"], fields)
    assert counted.iou.mean() > 0.5
    nothing = masks.photutils(np.zeros((2, 16, 16), np.float32))
    assert not any(m.any() for m in nothing.values())


@pytest.mark.slow
def test_sources_come_out_without_labels() -> None:
    known = radio_fields(60, 5)
    network = masks.learn("ae", known, steps=60)
    network.group(torch.from_numpy(known.noisy)[:, None], layers=1)
    fields = radio_fields(20, 6)
    found = masks.by_score(network, fields.noisy)
    best = max(masks.count(m, fields).iou.mean() for m in found.values())
    assert best > 0.5
