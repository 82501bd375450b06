"""Frechet distance against its closed form, and its floor between equals."""

from __future__ import annotations

import numpy as np
import pytest

from train.core.config import TrainError
from train.evaluate.representation.shift import distances, frechet


def test_of_gaussians_with_known_moments() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, (200_000, 3)) * [1.0, 2.0, 3.0]
    b = rng.normal(0, 1, (200_000, 3)) * [2.0, 2.0, 1.0] + [1.0, 0.0, -2.0]
    # Diagonal covariances: |m|^2 plus squared differences of the standard deviations.
    assert frechet(a, b) == pytest.approx(5 + 1 + 0 + 4, rel=0.02)
    assert frechet(a, a) == pytest.approx(0, abs=1e-8)
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-6)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert frechet(a @ turn, b @ turn) == pytest.approx(frechet(a, b), rel=1e-6)


def test_equals_are_at_their_floor_and_others_above_it() -> None:
    rng = np.random.default_rng(1)
    one, two, far = (rng.normal(m, 1, (400, 6)) for m in (0, 0, 1.5))
    found = distances({"one": one, "two": two, "far": far}).set_index(["a", "b"])
    same, other = found.loc[("one", "two")], found.loc[("one", "far")]
    assert same["distance"] == pytest.approx(same["floor"], rel=0.5)
    assert other["distance"] > 10 * other["floor"]
    assert other["n"] == 200


def test_too_few_galaxies_are_refused() -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(TrainError, match="7 galaxies each are too few for 16"):
        distances({"a": rng.normal(size=(15, 20)), "b": rng.normal(size=(400, 20))})
