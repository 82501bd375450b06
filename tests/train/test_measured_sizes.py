"""Fitting the scale of sizes to sources whose sizes are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.skies import sky
from train.core.config import TrainError
from train.evaluate import measured_sizes as evaluation


@pytest.fixture(scope="module")
def sources() -> tuple[np.ndarray, np.ndarray]:
    """Ninety sources with lobes of 9 arcsec and unrelated neighbours; separation of the lobes."""
    rng = np.random.default_rng(0)
    sizes, images = rng.uniform(8, 120, 90), []
    for i, size in enumerate(sizes):
        angle, peak = rng.uniform(0, 2 * np.pi), 10 ** rng.uniform(1.5, 2.5)
        east, north = size / 2 * np.sin(angle), size / 2 * np.cos(angle)
        lobes = [(east, north, peak), (-east, -north, peak * rng.uniform(0.5, 1))]
        others = [(*rng.choice([-1, 1], 2) * rng.uniform(75, 125, 2), 15.0) for _ in range(3)]
        image = sky(lobes, sigma=0, fwhm=10.5) + sky([(0, 0, peak / 4), *others], seed=i)
        images.append(image)
    return np.stack(images), sizes


def test_each_fold_is_measured_by_what_was_fitted_to_the_others(sources) -> None:
    images, truth = sources
    found = evaluation.find_all(images, raw=True)
    folds = np.arange(len(truth)) % 3
    sizes, within, doubtful, fits = evaluation.cross_validated(found, truth, folds)
    assert len(fits) == 3 and (sizes > 0).all()
    isophotes = evaluation.size_parts(found)[:, 0]
    assert np.median(isophotes / truth) > 1.08
    assert np.median(sizes / truth) == pytest.approx(1, abs=0.04)
    assert within[~doubtful].mean() > 0.5
    # What a fold is measured by does not depend on its own sizes.
    other = truth.copy()
    other[folds == 0] *= 3
    again, *_ = evaluation.cross_validated(found, other, folds)
    np.testing.assert_array_equal(again[folds == 0], sizes[folds == 0])


def test_sources_of_one_strip_of_the_sky_are_in_one_fold() -> None:
    ra = np.array([150.02, 150.07, 150.12, 359.99, 0.01])
    folds = evaluation.fold_of(ra)
    assert folds[0] == folds[1]
    many = evaluation.fold_of(np.linspace(0, 359.99, 36000))
    assert set(many) == set(range(evaluation.FOLDS))
    assert np.bincount(many).min() > 6500
    assert not np.array_equal(many, evaluation.fold_of(np.linspace(0, 359.99, 36000), seed=1))


def test_agreement_is_the_median_in_bins_of_the_catalogue() -> None:
    truth = np.repeat([10.0, 30.0, 200.0], 40)
    sizes = truth * np.repeat([1.4, 1.0, 0.75], 40)
    found = evaluation.agreement(sizes, truth)
    assert {name: (round(v[0], 3), n) for name, (v, n) in found.items()} == {
        "0_15": (1.4, 40), "25_40": (1.0, 40), "above_150": (0.75, 40),
    }  # fmt: skip


def test_a_folder_without_cutouts_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=f"{tmp_path.name} holds no raw MiraBest cutouts"):
        evaluation.read_raw(tmp_path)
