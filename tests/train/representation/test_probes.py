"""Linear and nearest-neighbour probes, baselines, size: on codes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.small import galaxies
from train.evaluate.representation import codes, probes, size_regression


def test_the_probe_that_fits_is_chosen() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = rng.normal(size=(80, 20)) + 4 * y[:, None] * (np.arange(20) == 3)
    for kind in ("knn5", "linear"):
        described, model, inner = probes.choose(kind, x, y, repeats=1)
        assert described
        assert inner > 0.85
        assert (model.fit(x[:60], y[:60]).predict(x[60:]) == y[60:]).mean() > 0.8


def test_more_labels_teach_more() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    x = rng.normal(size=(300, 10)) + 1.2 * y[:, None] * (np.arange(10) < 3)
    found = probes.label_efficiency(x[:200], y[:200], x[200:], y[200:])
    assert [row["labels"] for row in found] == [25, 50, 100, 145, 200]
    assert found[-1]["value"] > found[0]["value"]
    for row in found:
        assert row["low"] <= row["value"] <= row["high"]


def test_log_polar_amplitudes_do_not_depend_on_turns_or_parity() -> None:
    images = galaxies(6, 64)
    amplitudes = codes.log_polar_amplitudes(images)
    turned = codes.log_polar_amplitudes(np.rot90(images, axes=(1, 2)))
    mirrored = codes.log_polar_amplitudes(images[:, :, ::-1])
    scale = amplitudes.max()
    np.testing.assert_allclose(turned, amplitudes, atol=0.02 * scale)
    np.testing.assert_allclose(mirrored, amplitudes, atol=0.02 * scale)
    assert np.abs(amplitudes[0] - amplitudes[1]).max() > 0.1 * scale


def test_pixels_are_the_pixels() -> None:
    images = galaxies(3, 16)
    assert np.array_equal(codes.pixels(images).reshape(3, 16, 16), images)


def test_share_of_the_variance() -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    assert size_regression.r2(truth, truth) == 1.0
    assert size_regression.r2(np.full(4, 2.5), truth) == pytest.approx(0.0)
