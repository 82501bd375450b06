"""Calibration of probabilities whose truth was drawn from them."""

from __future__ import annotations

import numpy as np
import pytest

from train.metrics.calibration import (
    best_temperature,
    calibration_error,
    negative_log_likelihood,
    softmax,
)

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=2, size=(20000, 2))
TRUTH = (RNG.random(20000) < softmax(LOGITS)[:, 1]).astype(int)


def test_softmax() -> None:
    np.testing.assert_allclose(softmax(np.array([[0.0, np.log(3)]])), [[0.25, 0.75]])
    np.testing.assert_allclose(softmax(np.array([[1000.0, 0.0]])), [[1, 0]])


def test_negative_log_likelihood() -> None:
    p = np.array([[0.5, 0.5], [0.25, 0.75]])
    assert negative_log_likelihood(p, np.array([0, 1])) == pytest.approx(
        -(np.log(0.5) + np.log(0.75)) / 2
    )


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_temperature_undoes_what_was_done(factor: float) -> None:
    assert best_temperature(LOGITS * factor, TRUTH) == pytest.approx(factor, rel=0.05)


def test_calibration_error() -> None:
    assert calibration_error(softmax(LOGITS), TRUTH) < 0.015
    assert calibration_error(softmax(LOGITS * 4), TRUTH) > 0.05
    # Always sure, right in three of four cases.
    sure = np.tile([1.0, 0.0], (400, 1))
    assert calibration_error(sure, np.repeat([0, 0, 0, 1], 100)) == pytest.approx(0.25)
    assert calibration_error(sure, np.zeros(400, int)) == 0
