"""What the header and the truth catalogue of an image with added galaxies say is true."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

import radioviz
from radioviz.errors import FieldError
from radioviz.images.reading import read_fits
from radioviz.mock_fields import injection
from radioviz.mock_fields.settings import FieldSettings
from radioviz.ui.pages.generate.field_widgets import binned

COMPACT = {"number": 4, "flux_range": (50, 90), "shares": {"Compact": 1}, "seed": 1}


def header(first: str = "RA---SIN", second: str = "DEC--SIN", **more: object) -> fits.Header:
    out = fits.Header()
    out.update(
        CTYPE1=first, CTYPE2=second, CRVAL1=120.0, CRVAL2=40.0, CRPIX1=100.0, CRPIX2=90.0,
        CDELT1=-2 / 3600, CDELT2=2 / 3600, BMAJ=12 / 3600, BMIN=6 / 3600, BPA=20.0,
        BUNIT="Jy/beam", **more,
    )  # fmt: skip
    return out


def noise(factor: float = 1.0) -> np.ndarray:
    return np.random.default_rng(2).normal(0, 1e-4 * factor, (200, 220)).astype(np.float32)


def written(hdu: fits.PrimaryHDU) -> bytes:
    """An image file, and the same with galaxies added."""
    file, out = io.BytesIO(), io.BytesIO()
    hdu.writeto(file, checksum=True)
    image = read_fits(file.getvalue(), name="seen.fits")
    injection.with_galaxies(image, FieldSettings(**COMPACT))[0].writeto(out)
    return out.getvalue()


def test_the_noise_of_another_unit_is_given_in_that_of_the_pixels() -> None:
    other = header(RMS=0.1, NOISE=0.2)
    other["BUNIT"] = "mJy/beam"
    found = read_fits(written(fits.PrimaryHDU(noise(1000), other)), name="out.fits")
    assert (found.rms, found.bunit) == (pytest.approx(1e-4), "Jy/beam")


@pytest.mark.filterwarnings("error::astropy.utils.exceptions.AstropyUserWarning")
def test_axes_that_are_gone_and_old_checksums_are_left_out() -> None:
    more = header(
        CTYPE3="FREQ", CRVAL3=1.3e9, CRPIX3=1.0, CDELT3=1e6,
        CTYPE4="STOKES", CRVAL4=1.0, CRPIX4=1.0, CDELT4=1.0, PC3_3=1.0,
    )  # fmt: skip
    out = written(fits.PrimaryHDU(noise()[None, None], more))
    with fits.open(io.BytesIO(out), checksum=True) as opened:
        told, shape = WCS(opened[0].header), opened[0].data.shape
    assert told.naxis == 2 and shape == (200, 220)
    plain = WCS(header())
    np.testing.assert_allclose(told.wcs_pix2world(3, 180, 0), plain.wcs_pix2world(3, 180, 0))
    found = read_fits(out, name="out.fits")
    assert found.frequency == pytest.approx(1.3)


def test_positions_on_a_galactic_image_are_equatorial(tmp_path: Path) -> None:
    """Also the beam keeps its angle from the north of the image, and what is found is matched."""
    seen, out = tmp_path / "seen.fits", tmp_path / "out.fits"
    fits.PrimaryHDU(noise(), header("GLON-SIN", "GLAT-SIN")).writeto(seen)
    truth = radioviz.inject_galaxies(seen, out, **COMPACT)
    sky = WCS(header("GLON-SIN", "GLAT-SIN")).pixel_to_world(*truth[["x", "y"]].to_numpy().T - 1)
    there = SkyCoord(truth["ra"].to_numpy() * u.deg, truth["dec"].to_numpy() * u.deg)
    assert there.separation(sky.icrs).arcsec.max() < 0.05
    added = fits.getdata(out).astype(float) - noise()
    y, x = np.indices(added.shape)
    x, y = x - truth["x"][0] + 1, y - truth["y"][0] + 1
    near = np.hypot(x, y) < 12
    second = np.cov(np.stack([x[near], y[near]]), aweights=added[near].clip(0))
    along = np.linalg.eigh(second)[1][:, 1]
    assert np.degrees(np.arctan2(-along[0], along[1])) % 180 == pytest.approx(20, abs=3)
    found = radioviz.find_sources(out)[["ra", "dec", "flux_mjy"]]
    found.loc[len(found)] = (np.nan, np.nan, 5.0)  # a blank row of another finder's
    selected = radioviz.selection_function(truth, found, out)
    assert selected["rate"][selected["of"] == "label"].tolist() == [1.0]
    with pytest.raises(FieldError, match="truth catalogue has no column 'label'"):
        radioviz.selection_function(truth.drop(columns="label"), found, out)


def test_classes_of_a_truth_catalogue_in_fits_are_text(tmp_path: Path) -> None:
    from radioviz.cli.mock_commands import _table

    sky = tmp_path / "sky.fits"
    truth = radioviz.mock_field(sky, width=200, height=200, **COMPACT)
    read = _table(tmp_path / "sky.truth.fits")
    pd.testing.assert_series_equal(read["label"], truth["label"], check_dtype=False)


def test_a_picture_of_a_narrow_image_with_blanks() -> None:
    image = np.arange(64 * 60_000, dtype=np.float32).reshape(64, 60_000)
    image[5, 3] = np.nan
    small = binned(image)
    assert small.shape == (1, 937) and small[0, 0] == image[63, 63]


def test_oblong_pixels_are_refused() -> None:
    """A galaxy would be longer along one axis of them than its truth catalogue says."""
    oblong = header()
    oblong["CDELT2"] *= 1.5
    with pytest.raises(FieldError, match=r"seen.fits has pixels of 2 by 3 arcsec"):
        written(fits.PrimaryHDU(noise(), oblong))


def test_the_part_of_a_flux_that_falls_on_blank_pixels_is_not_on_the_image() -> None:
    data = np.zeros((200, 220), np.float32)
    data[:, 100:] = np.nan
    file = io.BytesIO()
    fits.PrimaryHDU(data, header(RMS=1e-4)).writeto(file)
    image = read_fits(file.getvalue(), name="seen.fits")
    settings = FieldSettings(**{**COMPACT, "number": 60})
    hdu, truth, settings = injection.with_galaxies(image, settings)
    flux = 1000 * np.nansum(hdu.data, dtype=float) / settings.beam_pixels
    assert flux == pytest.approx((truth["flux_mjy"] * truth["in_field"]).sum(), rel=1e-4)
    assert truth.loc[truth["x"] > 99, "in_field"].max() < 0.8
