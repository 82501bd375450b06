"""How methods without labels are compared: nothing of the test part may choose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from radioviz.models.two_peak_views import along_the_axis
from train.core.config import TrainError
from train.evaluate.unlabelled import methods, two_peaks
from train.evaluate.unlabelled.problems import stars
from train.evaluate.unlabelled.ugriz import BANDS, stars_and_galaxies, to_unit


def test_areas_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 60)
    scores = np.round(rng.normal(size=(4, 60)) + truth, 1)  # with ties
    expected = [roc_auc_score(truth, row) for row in scores]
    np.testing.assert_allclose(two_peaks.auc(scores, truth), expected, rtol=1e-12)
    assert two_peaks.auc(scores, np.ones(60)).tolist() == [0.5] * 4


def test_validation_alone_chooses_method_epoch_and_orientation() -> None:
    truth = np.array([0, 0, 1, 1])
    good, bad = [0.0, 1.0, 2.0, 3.0], [2.0, 0.0, 3.0, 1.0]
    found = [
        ("a", 10, {"valid": np.array([bad, good]), "test": np.array([good, good])}),
        ("a", 20, {"valid": -np.array([good, good]), "test": np.array([good, bad])}),
        ("b", 10, {"valid": np.array([bad, bad]), "test": np.array([good, good])}),
    ]
    first, second = two_peaks.choose(found, truth)
    assert (first.name, first.epoch, first.valid) == ("a", 20, 1.0)
    assert first.scores["test"].tolist() == [[-x for x in good], [-x for x in bad]]
    assert (second.name, second.valid) == ("b", 0.75)


def test_curves_reach_both_corners() -> None:
    truth = np.array([0, 1, 0, 1])
    found = two_peaks.curve(np.array([[0.1, 0.9, 0.2, 0.8], [0.9, 0.1, 0.8, 0.2]]), truth)
    assert found[:, -1].tolist() == [1.0, 1.0]
    assert found[0, 1] == 1.0
    assert found[1, 10] == 0.0


def test_unknown_problems_are_named() -> None:
    with pytest.raises(TrainError, match="'nvss'; expected one of compact, fr, stars"):
        two_peaks.two_peaks(data="nvss")


def test_an_ensemble_is_its_members() -> None:
    images = torch.rand(40, 2, 8, 8)
    ensemble = methods.Ensemble(
        lambda: methods.TwoPeakVAE(1, dense=True, size=8, hidden=(8,), dropout=0.0, channels=2), 3
    )
    before = ensemble.member(1).encode(images)
    for _ in ensemble.train(methods.elbo_loss("dkl"), images, 3, 1):
        pass
    found = ensemble.read(lambda network, x: network.encode(x), {"all": images})["all"]
    assert found.shape == (3, 40, 1)
    for seed in range(3):
        torch.testing.assert_close(ensemble.member(seed).encode(images), found[seed])
    assert not torch.allclose(before, found[1])
    assert not torch.allclose(found[0], found[1])


def test_every_method_of_the_paper_gives_a_number_an_image_and_seed() -> None:
    generator = torch.Generator().manual_seed(0)
    numbers = {"train": 60, "valid": 9}
    images = {part: torch.rand(n, 2, 8, 8, generator=generator) for part, n in numbers.items()}
    settings = methods.Settings(2, epochs=2, manifold_epochs=1, code_epochs=2, checks=1)
    names = []
    for name, _, scores in methods.every_method(images, settings):
        names.append(name)
        assert {part: x.shape for part, x in scores.items()} == {"train": (2, 60), "valid": (2, 9)}
        assert all(np.isfinite(x).all() for x in scores.values()), name
    terms = ["sc", "dkl", "aw", "pw"]
    assert names == [
        "pca", "v+isomap", "v+t-sne",
        *(n for t in terms for n in (f"vr-{t}", f"vr-{t}+isomap")),
        *(f"a+vr-{t}" for t in terms),
    ]  # fmt: skip


def test_synthetic_stars_and_galaxies() -> None:
    sky, again = stars_and_galaxies(60, 3, 32), stars_and_galaxies(60, 3, 32)
    assert sky.images.shape == (60, len(BANDS), 32, 32)
    assert np.array_equal(sky.images, again.images)
    assert not np.array_equal(sky.images, stars_and_galaxies(60, 4, 32).images)
    assert 15 < sky.galaxy.sum() < 45
    noise = (sky.images - sky.clean).std(axis=(0, 2, 3))
    np.testing.assert_allclose(noise, [2.0, 0.7, 0.7, 1.0, 2.2], rtol=0.02)
    # Share of the flux of r in the central 3x3 pixels: stars are as narrow as the seeing.
    r = sky.clean[:, 2]
    within = r[:, 14:19, 14:19].sum((1, 2)) / r[:, 8:25, 8:25].sum((1, 2))
    assert np.median(within[~sky.galaxy]) > np.median(within[sky.galaxy])
    unit = to_unit(sky.images)
    assert unit.min() == 0
    np.testing.assert_allclose(unit.max(axis=(2, 3)), 1, rtol=1e-6)
    problem = stars(("valid",))
    assert problem.images["valid"].shape == (400, 5, 16, 16)
    assert problem.data.startswith("synthetic")


def galaxy(angle: float, length: float, edges: float, size: int = 64) -> torch.Tensor:
    """A ridge with brighter ends (``edges`` > 1) or a brighter middle, ``(1, 1, size, size)``."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    out = sum(
        height * np.exp(-((u - at * length) ** 2 + v**2) / 8)
        for at, height in ((-1, edges), (-0.5, 1), (0, 1 / edges), (0.5, 1), (1, edges))
    )
    return torch.tensor(out / out.max(), dtype=torch.float32)[None, None]


def test_along_the_axis_only_where_the_light_is_counts() -> None:
    fri, frii = galaxy(0.3, 16, 0.6), galaxy(0.3, 16, 1.6)
    views = along_the_axis(torch.cat([fri, frii, galaxy(2.0, 16, 1.6), galaxy(2.0, 14, 1.6)]))
    assert views.shape == (4, 1, 16, 16)
    torch.testing.assert_close(views[:, :, 2], views[:, :, 9])
    torch.testing.assert_close(views, views.flip(3))
    row = views[:, 0, 0]
    assert row[0, 7:9].mean() > row[0, 2:5].mean()
    assert row[1, 7:9].mean() < row[1, 2:5].mean()
    assert (row[1] - row[2]).abs().mean() < 0.02  # angle
    assert (row[2] - row[3]).abs().mean() < 0.5 * (row[0] - row[1]).abs().mean()  # length
