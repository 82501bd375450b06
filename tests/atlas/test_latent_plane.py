"""Planes through latent spaces: cells, feet of perpendiculars, contours."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.atlas import latent_plane
from radioviz.atlas.latent_plane import axes_plane, contour, path, pca_plane
from radioviz.errors import SelectionError
from radioviz.neighbours import nearest_to


def test_the_default_plane_is_that_of_the_paper() -> None:
    plane = axes_plane(np.zeros(2), 0, 1)
    assert plane.side == 21
    np.testing.assert_allclose(plane.values, np.arange(-4, 4.01, 0.4), atol=1e-12)
    grid = plane.grid()
    assert grid.shape == (441, 2)
    assert grid.dtype == np.float32
    # The first coordinate runs fastest, and both rise.
    np.testing.assert_allclose(grid[0], [-4, -4])
    np.testing.assert_allclose(grid[1], [-3.6, -4], atol=1e-6)
    np.testing.assert_allclose(grid[-1], [4, 4])
    np.testing.assert_allclose(grid[220], [0, 0])


@pytest.mark.parametrize(
    ("reach", "step", "side"), [(4.0, 0.4, 21), (4.0, 0.3, 27), (1.0, 1.0, 3), (2.0, 0.1, 41)]
)
def test_steps_are_symmetric_about_zero(reach: float, step: float, side: int) -> None:
    values = axes_plane(np.zeros(2), 0, 1, reach, step).values
    assert len(values) == side
    np.testing.assert_allclose(values, -values[::-1])
    assert np.abs(values).max() <= reach + 1e-9


@pytest.mark.parametrize(
    ("reach", "step", "said"),
    [
        (4.0, 0.05, "at most 41"),
        (4.0, 0.0, "no cells"),
        (1.0, 2.0, "no cells"),
        (np.inf, 1.0, "no cells"),
    ],
)
def test_impossible_planes_are_refused(reach: float, step: float, said: str) -> None:
    with pytest.raises(SelectionError, match=said):
        axes_plane(np.zeros(2), 0, 1, reach, step)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (-1, 2)])
def test_axes_that_span_no_plane_are_refused(first: int, second: int) -> None:
    with pytest.raises(SelectionError, match="span no plane"):
        axes_plane(np.zeros(5), first, second)


def test_other_values_stay_where_they_rest() -> None:
    rest = np.array([1.0, 2.0, 3.0, 4.0])
    plane = axes_plane(rest, 1, 3)
    z = plane.at(0.5, -0.25)[0]
    np.testing.assert_allclose(z, [1.0, 0.5, 3.0, -0.25])
    # A galaxy that the plane goes through lies at its own values, at no distance.
    places, off = plane.place(rest[None])
    np.testing.assert_allclose(places[0], [2.0, 4.0])
    np.testing.assert_allclose(off, 0, atol=1e-7)


def test_the_foot_of_the_perpendicular_is_the_nearest_point_of_the_plane() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(200, 8)) * np.linspace(3, 0.2, 8)
    plane = pca_plane(latents)
    away = rng.normal(size=(20, 8))
    places, off = plane.place(away)
    for z, (a, b), distance in zip(away, places.astype(float), off, strict=True):
        assert np.linalg.norm(plane.at(a, b)[0] - z) == pytest.approx(distance, rel=1e-4)
        for da, db in ((0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1)):
            assert np.linalg.norm(plane.at(a + da, b + db)[0] - z) > distance


def test_principal_axes_are_those_of_sklearn_in_standard_deviations() -> None:
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(1)
    latents = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5))
    plane = pca_plane(latents)
    places, _ = plane.place(latents)
    np.testing.assert_allclose(places.std(axis=0, ddof=1), 1, rtol=1e-5)
    expected = PCA(2).fit(latents)
    theirs = expected.transform(latents) / np.sqrt(expected.explained_variance_)
    for i in range(2):
        assert abs(np.corrcoef(theirs[:, i], places[:, i])[0, 1]) == pytest.approx(1, abs=1e-6)
    assert f"{expected.explained_variance_ratio_[0]:.0%}" in plane.titles[0]


def test_a_principal_plane_can_go_through_a_galaxy() -> None:
    latents = np.random.default_rng(2).normal(size=(50, 6))
    plane = pca_plane(latents, rest=latents[7])
    _, off = plane.place(latents)
    assert off[7] == pytest.approx(0, abs=1e-5)
    assert off[8] > 0.1


@pytest.mark.parametrize("latents", [np.zeros((2, 4)), np.ones((30, 4))])
def test_galaxies_that_span_no_plane_are_refused(latents: np.ndarray) -> None:
    with pytest.raises(SelectionError):
        pca_plane(latents)


def test_digest_differs_between_planes() -> None:
    planes = [
        axes_plane(np.zeros(3), 0, 1),
        axes_plane(np.zeros(3), 1, 0),
        axes_plane(np.ones(3), 0, 1),
        axes_plane(np.zeros(3), 0, 1, 4.0, 0.5),
    ]
    assert len({p.digest for p in planes}) == 4
    assert axes_plane(np.zeros(3), 0, 1).digest == planes[0].digest


def test_a_path_is_straight_and_even() -> None:
    line = path(np.array([0.0, 0.0]), np.array([3.0, -6.0]), 4)
    np.testing.assert_allclose(line, [[0, 0], [1, -2], [2, -4], [3, -6]])
    with pytest.raises(SelectionError, match="two or more"):
        path(np.zeros(2), np.ones(2), 1)


def test_nearest_are_nearest() -> None:
    latents = np.random.default_rng(3).normal(size=(100, 4)).astype(np.float32)
    z = np.zeros(4, np.float32)
    rows, distances = nearest_to(z, latents, 5)
    every = np.linalg.norm(latents, axis=1)
    np.testing.assert_array_equal(rows, np.argsort(every)[:5])
    np.testing.assert_allclose(distances, np.sort(every)[:5], rtol=1e-6)
    assert len(nearest_to(z, latents[:2], 5)[0]) == 2
    assert len(nearest_to(z, latents[:0], 5)[0]) == 0


def test_contours_lie_where_the_field_has_their_value() -> None:
    y, x = np.mgrid[:30, :40].astype(float)
    field = np.hypot(x - 18.3, y - 14.1)
    segments = contour(field, 9.0)
    assert len(segments) > 30
    radius = np.hypot(segments[..., 0] - 18.3, segments[..., 1] - 14.1)
    np.testing.assert_allclose(radius, 9.0, atol=0.03)
    # A closed line: every end is the start or end of another segment too.
    ends = np.round(segments.reshape(-1, 2), 6)
    _, counts = np.unique(ends, axis=0, return_counts=True)
    assert (counts == 2).all()


def test_contours_leave_out_what_is_unknown() -> None:
    field = np.tile(np.arange(6.0), (6, 1))
    assert len(contour(field, 2.5)) == 5
    field[3, 3] = np.nan
    assert len(contour(field, 2.5)) == 3
    assert len(contour(np.full((4, 4), np.nan), 1.0)) == 0
    assert len(contour(field, 99.0)) == 0


def test_a_saddle_is_two_lines() -> None:
    field = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert contour(field, 0.5).shape == (2, 2, 2)


def test_reach_and_step_of_the_paper() -> None:
    assert (latent_plane.REACH, latent_plane.STEP) == (4.0, 0.4)
