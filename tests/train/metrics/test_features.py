"""Sets of features compared: closed forms, floors, and what each figure is meant to notice."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torchmetrics")
pytest.importorskip("prdc")

from train.metrics.features import kernel_distance, kid, prdc

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(400, 8))
SAME = RNG.normal(size=(400, 8))


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased MMD^2 of Gretton et al. 2012, Eq. 3, written out."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    n = len(x)
    own = sum(kernel(s[i], s[j]) for s in (x, y) for i in range(n) for j in range(n) if i != j) / (
        n * (n - 1)
    )
    cross = sum(kernel(a, b) for a in x for b in y) / n**2
    return own - 2 * cross


def test_kernel_distance_is_its_definition() -> None:
    x, y = REAL[:12], SAME[:12] + 0.5
    assert kernel_distance(x, y) == pytest.approx(by_definition(x, y), rel=1e-9)


def test_kernel_distance_of_sets_of_other_lengths() -> None:
    same = kernel_distance(REAL[:300], SAME[:100])
    assert abs(same) < 0.15
    assert kernel_distance(REAL[:300], SAME[:100] + 1) > 1


def test_kid_of_one_distribution_is_its_floor() -> None:
    found = kid(REAL, SAME, draws=100)
    assert abs(found.sigmas) < 3
    assert abs(found.floor) < 3 * found.floor_error


def test_kid_notices_a_shift_and_lost_variety() -> None:
    assert kid(REAL, SAME + 0.5, draws=50).sigmas > 5
    assert kid(REAL, SAME * 0.3, draws=50).sigmas > 5


def test_prdc_of_one_distribution() -> None:
    found = prdc(REAL, SAME)
    assert found.precision > 0.8 and found.recall > 0.8
    assert found.density == pytest.approx(1, abs=0.15)
    # 1 - 2^-k of the real images have a generated one within their k-th neighbour.
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.03)


def test_a_single_mode_is_dense_but_covers_little() -> None:
    found = prdc(REAL, REAL[:1] * 0.1 + SAME * 0.05)
    assert found.coverage < 0.3 and found.recall < 0.1


def test_far_away_is_neither() -> None:
    found = prdc(REAL, SAME + 20)
    assert tuple(found) == (0, 0, 0, 0)


def test_too_many_features_are_refused() -> None:
    with pytest.raises(ValueError, match="512 features; expected 64 or fewer"):
        kid(np.zeros((10, 512)), np.zeros((10, 512)))
    with pytest.raises(ValueError, match=r"shapes \(400, 8\) and \(10, 7\)"):
        prdc(REAL, np.zeros((10, 7)))
