"""Search for the same source by its image."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from train.splits import duplicates
from train.splits.duplicates import Match


def galaxy(seed: int, side: int = 150, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A core and two lobes of chance places and sizes, uint8."""
    generator = np.random.default_rng(seed)
    half = side // 2
    y, x = np.mgrid[-half : side - half, -half : side - half].astype(float)
    image = np.zeros((side, side))
    for _ in range(4):
        dy, dx = generator.uniform(-30, 30, 2)
        width = generator.uniform(2, 7)
        bright = generator.uniform(0.3, 1.0)
        far = (y - dy - shift[0]) ** 2 + (x - dx - shift[1]) ** 2
        image += bright * np.exp(-far / (2 * width**2))
    return image / image.max()


def as_uint8(image: np.ndarray, clip: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return (255 * scale * np.clip(image - clip, 0, None)).astype(np.uint8)


@pytest.mark.parametrize("shift", [(0, 0), (1, -1), (-4, 3)])
@pytest.mark.parametrize("clip", [0.0, 0.03, 0.08])
def test_sees_past_clipping_scale_and_shift(shift: tuple[int, int], clip: float) -> None:
    a = as_uint8(galaxy(3), clip)
    b = as_uint8(galaxy(3, 300, shift), 0.02, 0.6)
    assert duplicates.fine_score(a, b) > 0.93
    assert duplicates.coarse_scores(a[None], b[None])[0, 0] > 0.93
    other = as_uint8(galaxy(4, 300))
    assert duplicates.fine_score(a, other) < 0.8


def test_the_same_image_scores_one_and_an_empty_one_nothing() -> None:
    a = as_uint8(galaxy(3))
    assert duplicates.fine_score(a, a) == pytest.approx(1.0, abs=1e-5)
    empty = np.zeros_like(a)
    assert duplicates.fine_score(empty, a) == 0.0
    assert duplicates.fine_score(a, empty) == 0.0
    assert duplicates.coarse_scores(empty[None], a[None])[0, 0] == pytest.approx(0.0)


def test_fine_score_is_a_correlation_coefficient() -> None:
    a, b = as_uint8(galaxy(5)), as_uint8(galaxy(6))
    root_a, root_b = np.sqrt(a.astype(float)), np.sqrt(b.astype(float))
    expected = max(
        np.corrcoef(
            root_a[15:135, 15:135].ravel(), root_b[15 + dy : 135 + dy, 15 + dx : 135 + dx].ravel()
        )[0, 1]
        for dy in range(-4, 5)
        for dx in range(-4, 5)
    )
    assert duplicates.fine_score(a, b) == pytest.approx(expected, abs=1e-5)


def test_search_finds_by_image_and_by_order() -> None:
    """Twelve references along right ascension; one query is a point and known by its place."""
    ra, dec = np.arange(12.0) * 5 + 100, np.zeros(12)
    reference = np.stack([as_uint8(galaxy(k, 300)) for k in range(12)])
    point = np.zeros((300, 300), np.uint8)
    y, x = np.mgrid[-150:150, -150:150]
    point[:] = 200 * np.exp(-(y**2 + x**2) / 8)
    reference[[2, 7]] = point  # two compact sources that look the same
    query = np.stack([as_uint8(galaxy(k, 150), 0.03) for k in (0, 1, 3, 6, 8)])
    query = np.concatenate([query, point[None, 75:225, 75:225], np.zeros((1, 150, 150), np.uint8)])
    lists = np.array(["a"] * 7)
    numbers = np.array([1, 2, 4, 7, 9, 8, 10])
    found = duplicates.search(query, lists, numbers, [reference[:5], reference[5:]], ra, dec)
    assert [match.row for match in found] == [0, 1, 3, 6, 8, 7, -1]
    assert [match.method for match in found] == ["image"] * 5 + ["image and order", ""]
    assert set(found[6].candidates) == {8, 9, 10, 11}  # empty: everything in its place


def test_one_source_is_claimed_once_by_a_catalogue() -> None:
    matches = [
        Match(5, 0.97, 0.90, "image and order"),
        Match(5, 0.99, 0.95, "image and order", (6,)),
        Match(5, 0.98, 0.95, "image and order"),
        Match(5, 0.91, 0.80, "image"),
    ]
    lists = np.array(["config-fr1", "config-fr2", "fricat", "fricat"])
    out = duplicates._one_claim_each(matches, lists)
    assert [match.row for match in out] == [-1, 5, -1, 5]
    assert out[0].candidates == (5,)
    assert out[1] is matches[1]


@pytest.mark.parametrize(
    ("score", "runner_up", "in_order", "expected"),
    [
        (0.95, 0.85, False, True),
        (0.95, 0.92, False, False),
        (0.95, 0.92, True, True),
        (0.70, 0.40, False, True),
        (0.70, 0.55, False, False),
        (0.70, 0.55, True, True),
        (0.55, 0.20, True, False),
        (0.45, 0.10, False, False),
    ],
)
def test_accepted(score: float, runner_up: float, in_order: bool, expected: bool) -> None:
    assert duplicates.is_same_source(score, runner_up, in_order) == expected


def test_place_in_a_list_with_several_parts() -> None:
    lists = np.array(["a", "a", "a", "a", "b"])
    numbers = np.array([1, 3, 5, 4, 2])
    found_ra = np.array([100.0, 300.0, 20.0, np.nan, 180.0])
    sure = np.array([True, True, True, False, True])
    ra = np.array([50.0, 150.0, 310.0, 10.0, 20.0, 300.0])

    def place(k: int) -> list[int]:
        rows = duplicates.between_neighbours(k, lists, numbers, sure, found_ra, ra)
        return rows.tolist()

    assert place(3) == [2, 3, 4, 5]  # between 300 and 20 deg: through nought
    assert place(1) == [1, 2, 3, 4, 5]
    sure[1] = False
    assert place(4) == [0, 1, 2, 3, 4, 5]  # alone in its list


def test_smoothed_is_what_the_nvss_beam_makes_of_a_point() -> None:
    point = np.zeros((1, 150, 150), np.uint8)
    y, x = np.mgrid[-75:75, -75:75] + 0.5
    sigma = 5.4 / 1.8 / np.sqrt(8 * np.log(2))
    point[0] = np.round(250 * np.exp(-(y**2 + x**2) / (2 * sigma**2)))
    seen = duplicates.smoothed(point)[0]
    assert np.unravel_index(seen.argmax(), seen.shape) == (8, 8)
    # At 15 arcsec from the centre of a beam of 45: exp(-4 ln 2 / 9).
    assert seen[8, 9] / seen[8, 8] == pytest.approx(np.exp(-4 * np.log(2) / 9), abs=0.02)


def test_nvss_candidates_hold_the_true_source(
    frdeep_nvss: Catalogue, first_catalogue: Catalogue
) -> None:
    """Of NVSS images whose source is known, nearly all have it among the candidates."""
    table = frdeep_nvss.table
    known = np.flatnonzero(table["matched_id"].str.startswith("first"))[::10]
    seen = duplicates.smoothed(first_catalogue.images[:, 25:275, 25:275])
    ra = first_catalogue.table["ra"].to_numpy()
    held = 0
    for row in known:
        true = first_catalogue.rows_of([table["matched_id"][row]])[0]
        within = np.flatnonzero(np.abs(ra - ra[true]) < 1.0)
        held += true in duplicates.smoothed_candidates(frdeep_nvss.images[row], seen, within)
    assert held > 0.85 * len(known)
    assert duplicates.smoothed_candidates(frdeep_nvss.images[0], seen, np.zeros(0, int)) == ()
