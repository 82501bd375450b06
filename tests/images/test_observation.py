"""What headers say of an observation, however they say it: beam, frequency, unit, noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from radioviz.errors import ImageError
from radioviz.images.known_surveys import known_survey
from radioviz.images.observation import brightness_unit
from radioviz.images.reading import SkyImage, read_fits, summarise_fits
from tests.data.fits_files import as_bytes, cards, primary

SHAPE = (100, 100)  # of 1.8 arcsec: 180 arcsec
AIPS = "AIPS   CLEAN BMAJ=  1.3889E-03 BMIN=  1.3889E-03 BPA=   0.00"


def noise(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(4).normal(size=shape).astype(np.float32)


def seen(history: tuple[str, ...] = (), **changes: Any) -> SkyImage:
    header = fits.Header()
    for key, value in cards(SHAPE, **{"SURVEY": None, **changes}).items():
        header[key] = value
    for line in history:
        header["HISTORY"] = line
    return read_fits(as_bytes(fits.PrimaryHDU(noise(), header)))


# -- beams ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "beam"),
    [
        ((AIPS,), (5.0, 5.0, 0)),
        ((AIPS, "CONVL BMAJ=  6.0000 BMIN=  6.0000 BPA=   0.0/Output beam"), (6, 6, 0)),
        ((AIPS, "CONVL BMAJ=  45.0000 BMIN=  45.0000 BPA=   0.0/Output beam"), (45, 45, 0)),
        (("CONVL BMAJ=  12.5 BMIN=  9.25 BPA=   -30.0",), (12.5, 9.25, 150)),
        (("IMAGR BMAJ=  0.0 BMIN=  0.0 BPA=  0.0", AIPS), (5.0, 5.0, 0)),
        (("IMAGR BMAJ=  7.0 BMIN=  7.0",), (7, 7, 0)),
        (("IMAGR BMAJ=  7.0 BMIN=  6.0",), (7, 6, math.nan)),
        (
            ("AIPS   CLEAN BMAJ=  2.5000E-03 BMIN=  1.2500E-03 BPA=  85.00", "FLATN"),
            (9.0, 4.5, 85),
        ),
    ],
)
def test_the_last_beam_of_a_history_in_its_own_unit(
    history: tuple[str, ...], beam: tuple[float, float, float]
) -> None:
    found = seen(history).beam
    assert found is not None
    assert (found.major, found.minor, found.pa) == pytest.approx(beam, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("value", [2.5, 6.0, 25.0, 45.0])
def test_a_beam_in_arcsec_is_told_by_the_size_of_the_image(value: float) -> None:
    image = seen(BMAJ=value, BMIN=value, BPA=10.0)
    assert image.beam is not None
    assert (image.beam.major, image.beam.minor, image.beam.pa) == (value, value, 10.0)
    assert any("taken as arcsec" in note for note in image.notes)


@pytest.mark.parametrize("value", [0.06, 0.5, 200.0, 999.0, -6.0])
def test_a_beam_wider_than_the_image_is_none(value: float) -> None:
    image = seen(BMAJ=value, BMIN=value)
    assert image.beam is None
    assert value < 0 or any("wider than the image" in note for note in image.notes)


def test_a_comment_may_say_that_a_beam_is_in_arcsec() -> None:
    image = seen(BMAJ=(3.0, "[arcsec] restoring beam"), BMIN=(2.0, "[arcsec]"))
    assert image.beam is not None and (image.beam.major, image.beam.minor) == (3.0, 2.0)
    plain = seen(BMAJ=(5.4 / 3600, "[deg] beam FWHM, 5.4 arcsec"))
    assert plain.beam is not None and plain.beam.major == pytest.approx(5.4)
    assert not any("beam" in note for note in plain.notes)


def test_a_wide_beam_of_a_wide_image_stays() -> None:
    steps = {"CDELT1": -0.05, "CDELT2": 0.05}  # five degrees in all
    found = seen(BMAJ=0.5, BMIN=0.25, **steps).beam
    assert found is not None and (found.major, found.minor) == (1800.0, 900.0)


# -- frequencies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "ghz"),
    [
        ({"CTYPE3": "FREQ", "CRVAL3": 1.0e9, "CRPIX3": -99.0, "CDELT3": 1e6, "CUNIT3": "Hz"}, 1.1),
        ({"CTYPE3": "FREQ", "CRVAL3": 1400.0, "CRPIX3": 1.0, "CDELT3": 1.0, "CUNIT3": "MHz"}, 1.4),
        ({"CTYPE3": "FREQ", "CRVAL3": 1.5, "CRPIX3": 3.0, "CDELT3": 0.1, "CUNIT3": "GHz"}, 1.3),
        ({"CTYPE3": "FREQ", "CRVAL3": 8.4e8, "CDELT3": 2e7}, 0.84),
        ({"CTYPE3": "FREQ-LSR", "CRVAL3": 1.42e9, "CRPIX3": 0.0, "CDELT3": -5e6}, 1.415),
        ({"CTYPE3": "SPECLNMF", "CRVAL3": 1.28e9, "CRPIX3": 1.0, "CDELT3": 1.0}, 1.28),
        ({"OBSFREQ": (1400.0, "[MHz] centre")}, 1.4),
        ({"OBSFREQ": 944.0}, 0.944),
        ({"RESTFRQ": 1.420405752e9}, 1.420405752),
        ({"FREQ": (3.0, "GHz")}, 3.0),
    ],
)
def test_frequency_of_the_plane_in_its_unit(axis: dict[str, Any], ghz: float) -> None:
    data = noise((1, *SHAPE)) if "CTYPE3" in axis else noise()
    header = fits.Header()
    header.update(cards(SHAPE, SURVEY=None, **axis))
    assert read_fits(as_bytes(fits.PrimaryHDU(data, header))).frequency == pytest.approx(ghz)


def test_each_channel_of_a_cube_has_its_frequency() -> None:
    axis = {"CTYPE3": "FREQ", "CRVAL3": 1.0e9, "CRPIX3": 2.0, "CDELT3": 5e7, "CUNIT3": "Hz"}
    content = primary(noise((4, *SHAPE)), cards(SHAPE, **axis))
    for plane, ghz in ((0, 0.95), ("1.1 GHz", 1.1), ("1050 MHz", 1.05)):
        assert read_fits(content, plane=plane).frequency == pytest.approx(ghz)
    with pytest.raises(ImageError, match=r"expected 0\.95 GHz, 1 GHz, 1\.05 GHz, 1\.1 GHz, or a"):
        read_fits(content, plane="2 GHz")


# -- units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("JY/B", 1), ("Jansky/beam", 1), ("1e-3 Jy/beam", 1e-3), ("Jy beam^{-1}", 1),
        ("10-3 Jy/beam", 1e-3), ("10**-6 Jy/beam", 1e-6), ("milliJy/beam", 1e-3),
        ("microjanskys per beam", 1e-6), ("Jy/(beam)", 1), ("JY/BM", 1), ("mJy.beam**-1", 1e-3),
        ("BEAM-1 JY", 1), ("MJY/BEAM", 1e-3), ("µJy·beam⁻¹", 1e-6), ("2.5 mJy/beam", 2.5e-3),
    ],
)  # fmt: skip
def test_spellings_of_flux_per_beam(unit: str, factor: float) -> None:
    assert brightness_unit(unit)[:2] == (pytest.approx(factor), "Jy/beam")


@pytest.mark.parametrize("unit", ["K", "MJy/beam", "Jy/pixel", "Jy", "JY/BOX", "beam", "1e-3 K"])
def test_other_units_stay_what_they_are(unit: str) -> None:
    assert brightness_unit(unit)[:2] == (1.0, unit)


def test_a_given_unit_overrules_that_of_the_header() -> None:
    content = primary(noise(), cards(SHAPE, BUNIT="JY/BEAM"))
    for unit, factor in (("mJy/beam", 1e-3), ("Jy/beam", 1.0), ("", 1.0)):
        image = read_fits(content, bunit=unit)
        np.testing.assert_allclose(image.data, noise() * np.float32(factor), rtol=1e-6)
        assert image.bunit == ("Jy/beam" if unit else "")
        assert any("in the header" in note for note in image.notes)


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("DEGREES", 1), ("degree", 1), ("arcsec", 3600), ("ARCSEC", 3600), ("arcmin", 60),
        ("rad", np.pi / 180), ("RADIANS", np.pi / 180),
    ],
)  # fmt: skip
def test_axes_in_other_units_than_degrees(unit: str, size: float) -> None:
    plain = cards(SHAPE)
    scaled = {k: plain[k] * size for k in ("CRVAL1", "CRVAL2", "CDELT1", "CDELT2")}
    content = primary(noise(), {**plain, **scaled, "CUNIT1": unit, "CUNIT2": unit})
    image = read_fits(content)
    assert image.position == pytest.approx((150.0, 35.0), abs=1e-4)
    assert image.pixel_scale == pytest.approx(1.8)
    assert summarise_fits(content).pixel_scale == pytest.approx(1.8)


# -- noise and primary beam ----------------------------------------------------------------------


def test_noise_is_in_the_unit_of_the_pixels() -> None:
    assert seen(RMS=2e-4).rms == pytest.approx(2e-4)
    assert seen(ACTNOISE=0.15, BUNIT="mJy/beam").rms == pytest.approx(1.5e-4)
    assert seen(NOISE=0.0).rms is None and seen().rms is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"PBCOR": True}, "corrected"),
        ({"PBCOR": "F"}, "uncorrected"),
        ({"FILNAM14": "pbcor"}, "corrected"),
        ({"history": ("impbcor(imagename='a.image')",)}, "corrected"),
        ({}, ""),
    ],
)
def test_primary_beam(said: dict[str, Any], expected: str) -> None:
    assert seen(**said).primary_beam == expected


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ghz", "beam"),
    [
        ("RACS-low", 0.8875, None), ("RACS_MID", 1.3675, None), ("ASKAP RACS-high", 1.6555, None),
        ("RACS DR1 low", 0.8875, None), ("RACS", None, None), ("VLA FIRST (1.4 GHz)", 1.4, 5.4),
        ("NVSS", 1.4, 45.0), ("LoTSS DR2", 0.144, 6.0), ("VLASS Quick Look", 3.0, 2.5),
        ("VLASS1.1", 3.0, 2.5), ("EMU", 0.9435, 15.0), ("MGCLS", 1.28, None),
    ],
)  # fmt: skip
def test_what_a_name_implies(name: str, ghz: float | None, beam: float | None) -> None:
    known = known_survey(name)
    assert known is not None and known.frequency == ghz
    found = known.beam_at(30.0)
    assert (found.fwhm if found else None) == beam


@pytest.mark.parametrize("name", ["", "MINE", "FIRST and NVSS", "emulated", "Firsthand"])
def test_names_that_imply_nothing(name: str) -> None:
    assert known_survey(name) is None


@pytest.mark.parametrize(
    ("name", "dec", "major", "minor"),
    [
        ("SUMSS", -30.0, 90.0, 45.0), ("SUMSS 843 MHz", -90.0, 45.0, 45.0),
        ("WENSS", 30.0, 108.0, 54.0), ("TGSS ADR1", 50.0, 25.0, 25.0),
        ("TGSS ADR1", -41.0, 50.0, 25.0),
    ],
)  # fmt: skip
def test_beams_that_grow_towards_the_horizon(
    name: str, dec: float, major: float, minor: float
) -> None:
    known = known_survey(name)
    assert known is not None and known.beam_at(None) is None
    found = known.beam_at(dec)
    assert found is not None
    assert (found.major, found.minor, found.pa) == pytest.approx((major, minor, 0.0))
    image = read_fits(primary(noise(), cards(SHAPE, SURVEY=name, CRVAL2=dec)))
    assert image.beam is not None and image.beam.major == pytest.approx(major, rel=1e-3)
