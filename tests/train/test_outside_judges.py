"""Judges from outside, on samples whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from radioviz.data.preprocess import Preprocess
from tests.models.small import galaxies
from train.core.config import RunConfig
from train.evaluate import outside_judges
from train.evaluate.outside_judges import are_clouds, to_native, two_sample_auc, without_sky


def scattered(number: int, bright: float = 1.0) -> np.ndarray:
    """Islands of 3x3 pixels on a ring of radius 15 pixels; the first is ``bright``."""
    image = np.zeros((64, 64), np.float32)
    for k in range(number):
        y, x = np.rint(31.5 + 15 * np.array([np.sin(k), np.cos(k)])).astype(int)
        image[y - 1 : y + 2, x - 1 : x + 2] = bright if k == 0 else 1.0
    return image / image.max()


def test_clouds_are_many_islands_of_which_none_is_the_source() -> None:
    images = np.stack([scattered(6), scattered(5), scattered(6, 20.0), scattered(6)])
    small = 2.7 * 20  # arcsec, within which there is none of them
    sizes = np.array([100.0, 100.0, 100.0, small])
    assert are_clouds(images, sizes, 2.7).tolist() == [True, False, False, False]


def test_images_come_back_to_survey_pixels() -> None:
    image = np.zeros((1, 64, 64), np.float32)
    image[0, 32, 20], image[0, 32, 44] = 1.0, 0.5
    out = to_native(image, Preprocess())
    assert out.shape == (1, 150, 150) and out.max() == 1
    peaks = np.sort(np.argsort(out[0].max(0))[-6:])
    # 24 pixels of 2.7 arcsec are 36 of 1.8.
    assert peaks[-3:].mean() - peaks[:3].mean() == pytest.approx(36, abs=1)
    assert not out[:, :27].any() and not out[:, :, 123:].any()


def test_a_network_parts_blurred_from_sharp_and_not_equal_ones() -> None:
    sharp = galaxies(60, 32, 1)
    blurred = np.stack([ndimage.gaussian_filter(x, 1.5) for x in galaxies(60, 32, 2)])
    assert two_sample_auc(sharp, blurred, 0, epochs=12) > 0.9
    assert two_sample_auc(sharp, galaxies(60, 32, 3), 0, epochs=12) < 0.75


def test_noise_islands_are_left_out() -> None:
    image = galaxies(1, 64)
    noisy = image.copy()
    noisy[0, 2, 2:5] = 0.3
    np.testing.assert_array_equal(without_sky(noisy), image)


def test_the_flow_learns_from_no_source_of_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    from train.core import data
    from train.methods import task_of

    seen: dict[str, object] = {}

    def load(config: RunConfig, training: object, aside: object) -> None:
        seen["aside"] = aside

    monkeypatch.setattr(data, "load", load)
    task_of("flow", "galaxy-flow-0").load()
    names = pd.DataFrame({"source_id": ["first-1000", "first-0", "nobody"]})
    recorded = outside_judges.judge_rows("first", names)
    np.testing.assert_array_equal(seen["aside"]("first", names), recorded)  # type: ignore[operator]
    assert recorded[0] and not recorded[2]
