"""Galaxies of a sharp survey, searched for in a survey of a wider beam."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radioviz.data.catalogue import Catalogue
from radioviz.encode import Encoder
from radioviz.encode.matched_beam import matched_latents, mean_matched
from radioviz.models.registry import encoders
from radioviz.similarity.query_image import beam_of, wider_beam
from radioviz.sky import FWHM

BEAM = 20.0
ROWS = np.arange(0, 2000, 25)


@pytest.fixture(scope="module")
def wide(first_catalogue: Catalogue) -> Catalogue:
    """The same sky at a beam of 20 arcsec."""
    info = first_catalogue.info
    sigma = np.sqrt(BEAM**2 - float(info.beam or 0) ** 2) / FWHM / info.pixel_scale
    images = np.array(first_catalogue.images, np.float32)
    images[ROWS] = [gaussian_filter(images[row], sigma) for row in ROWS]
    table = first_catalogue.table.assign(beam_major=BEAM, beam_minor=BEAM)
    return Catalogue(dataclasses.replace(info, key="wide", beam=BEAM), table, images)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(next(iter(encoders())))


def found(asked: np.ndarray, gallery: np.ndarray) -> float:
    """Share of queries that are nearest to themselves."""
    a, b = (x - x.mean(axis=0) for x in (asked, gallery))
    cosine = a @ b.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    return float(np.mean(cosine.argmax(axis=1) == np.arange(len(asked))))


def test_smoothed_galaxies_are_where_the_wide_survey_has_them(
    first_catalogue: Catalogue, wide: Catalogue, encoder: Encoder
) -> None:
    gallery = encoder.encode_catalogue(wide, ROWS)
    plain = encoder.encode_catalogue(first_catalogue, ROWS)
    beam = wider_beam(first_catalogue, wide)
    assert beam == BEAM
    matched = matched_latents(encoder, first_catalogue, ROWS, beam)
    assert matched.shape == (len(ROWS), 1, encoder.info.latent_dim)
    assert np.abs(matched[:, 0] - gallery).max() < 0.02 * np.abs(gallery).max()
    assert found(matched[:, 0], gallery) > 0.97 > 0.8 > found(plain, gallery)
    views = matched_latents(encoder, first_catalogue, ROWS[:2], beam, rotated=True)
    assert views.shape[:2] == (2, 8)


def test_mean_is_of_the_smoothed_survey(first_catalogue: Catalogue, encoder: Encoder) -> None:
    mean = mean_matched(encoder, first_catalogue, BEAM)
    some = matched_latents(encoder, first_catalogue, ROWS, BEAM)[:, 0]
    sharp = encoder.encode_catalogue(first_catalogue, ROWS).mean(axis=0)
    spread = some.std(axis=0) / np.sqrt(len(ROWS))
    varied = spread > 0
    spread[~varied] = 1
    assert varied.sum() > 200
    off, of_sharp = (
        np.median((np.abs(mean - x) / spread)[varied]) for x in (some.mean(axis=0), sharp)
    )
    assert off < 1
    assert of_sharp > 1.5 * off


def test_only_a_wider_and_known_beam_counts(first_catalogue: Catalogue, wide: Catalogue) -> None:
    own = beam_of(first_catalogue)
    assert own == pytest.approx(first_catalogue.info.beam)
    assert wider_beam(wide, first_catalogue) is None
    assert wider_beam(wide, wide) is None
    unknown = dataclasses.replace(
        wide, table=wide.table.assign(beam_major=np.nan, beam_minor=np.nan)
    )
    assert beam_of(unknown) is None
    assert wider_beam(first_catalogue, unknown) is None
    assert wider_beam(unknown, wide) is None
