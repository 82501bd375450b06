"""Rotation and frame of an image in every spelling that wcslib or an observatory knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import FK4, FK5, SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.images.headers import Header
from radioviz.images.reading import read_image
from radioviz.importing.image_choice import ImageChoice
from radioviz.importing.mosaic import Mosaic
from radioviz.sky import celestial_frame, frame_name, to_j2000

ANGLE = np.radians(25.0)
TURN = ((np.cos(ANGLE), -np.sin(ANGLE)), (np.sin(ANGLE), np.cos(ANGLE)))


def _cards(**more: object) -> dict[str, object]:
    return {
        "CTYPE1": "RA---TAN", "CRVAL1": 150.0, "CRPIX1": 56.0, "CDELT1": -1.5 / 3600,
        "CTYPE2": "DEC--TAN", "CRVAL2": 30.0, "CRPIX2": 61.0, "CDELT2": 1.5 / 3600,
        "BUNIT": "Jy/beam", **more,
    }  # fmt: skip


def _image(path, cards, at=(40, 45)):
    y, x = np.mgrid[:121, :111]
    hdu = fits.PrimaryHDU(np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 9).astype("f4"))
    for key, value in cards.items():
        if value is not None:
            hdu.header[key] = value
    hdu.writeto(path, overwrite=True)
    return read_image(path)


def _peak(image) -> SkyCoord:
    y, x = np.unravel_index(np.nanargmax(image.data), image.data.shape)
    return SkyCoord(*image.wcs.pixel_to_world_values(x, y), unit="deg")


@pytest.mark.parametrize(
    "spelling", ["PC{i}_{j}", "PC0{i}_0{j}", "PC00{i}00{j}", "PC{i}_0{j}", "PC0{i}_{j}"]
)
def test_rotation_by_pc(tmp_path, spelling):
    matrix = {spelling.format(i=i + 1, j=j + 1): TURN[i][j] for i in (0, 1) for j in (0, 1)}
    image = _image(tmp_path / "a.fits", _cards(**matrix))
    wanted = WCS(_header(_cards(PC1_1=TURN[0][0], PC1_2=TURN[0][1], PC2_1=TURN[1][0],
                                PC2_2=TURN[1][1]))).pixel_to_world(40, 45)  # fmt: skip
    assert _peak(image).separation(SkyCoord(wanted.ra, wanted.dec)).arcsec < 1.6
    assert any("-25.0 degrees" in note for note in image.notes)


@pytest.mark.parametrize("spelling", ["CD{i}_{j}", "CD0{i}_0{j}", "CD00{i}00{j}"])
def test_rotation_by_cd(tmp_path, spelling):
    scale = np.array([-1.5, 1.5]) / 3600
    matrix = {
        spelling.format(i=i + 1, j=j + 1): scale[i] * TURN[i][j] for i in (0, 1) for j in (0, 1)
    }
    image = _image(tmp_path / "a.fits", _cards(CDELT1=None, CDELT2=None, **matrix))
    assert any("-25.0 degrees" in note for note in image.notes)
    assert image.pixel_scale == pytest.approx(1.5, rel=1e-6)


def _header(cards) -> fits.Header:
    header = fits.Header()
    for key, value in cards.items():
        header[key] = value
    return header


@pytest.mark.parametrize(
    ("cards", "frame"),
    [
        ({"EQUINOX": "B1950.0"}, FK4(equinox="B1950")),
        ({"EQUINOX": "B1950"}, FK4(equinox="B1950")),
        ({"EPOCH": "B1950"}, FK4(equinox="B1950")),
        ({"EPOCH": 1950.0}, FK4(equinox="B1950")),
        ({"EQUINOX": "1950.0"}, FK4(equinox="B1950")),
        ({"RADECSYS": "fk4"}, FK4(equinox="B1950")),
        ({"RADESYS": "B1950"}, FK4(equinox="B1950")),
        ({"RADESYS": "FK5", "EQUINOX": "J1975.0"}, FK5(equinox="J1975")),
        ({"EQUINOX": "J2000.0"}, FK5(equinox="J2000")),
        ({"RADESYS": "J2000"}, FK5(equinox="J2000")),
        ({"RADESYS": "FK5"}, FK5(equinox="J2000")),
    ],
)
def test_equinox_as_text(tmp_path, cards, frame):
    image = _image(tmp_path / "a.fits", _cards(CRPIX1=56.0, CRPIX2=61.0, **cards))
    right = SkyCoord(150 * u.deg, 30 * u.deg, frame=frame).icrs
    assert SkyCoord(*image.position, unit="deg").separation(right).arcsec < 0.05


def test_galactic_image(tmp_path):
    image = _image(tmp_path / "a.fits", _cards(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN"))
    right = SkyCoord(150 * u.deg, 30 * u.deg, frame="galactic").icrs
    assert SkyCoord(*image.position, unit="deg").separation(right).arcsec < 0.05


@pytest.mark.parametrize(
    ("system", "equinox", "name"),
    [("eq_FK4", "", "FK4 B1950"), ("FK4", "1900", "FK4 B1900"), ("", "1950", "FK4 B1950"),
     ("", "1984.5", "FK5 J1984.5"), ("eq_FK5", "J1975", "FK5 J1975"), ("GALACTIC", "", "Galactic"),
     ("SUPER_GALACTIC", "", "Supergalactic"), ("ecl_FK5", "", "ecliptic J2000"),
     ("icrs", "", "ICRS")],
)  # fmt: skip
def test_names_of_frames(system, equinox, name):
    assert frame_name(celestial_frame(system, equinox)) == name


def test_frames_that_are_no_sky():
    assert celestial_frame("geo_app") is None
    assert celestial_frame("AZ_EL") is None
    assert celestial_frame("") is None


def test_missing_positions_stay_missing():
    lon, lat = to_j2000(np.array([187.7, np.nan]), np.array([12.5, np.nan]), FK4(equinox="B1950"))
    np.testing.assert_allclose([lon[0], lat[0]], [188.33215, 12.22434], atol=1e-5)
    assert np.isnan([lon[1], lat[1]]).all()


def test_long_texts_are_whole(tmp_path):
    """Text of several cards: the first card ends with ``&``, the others begin with CONTINUE."""
    long = "A survey whose name is told in full by the header of this image, over three cards " * 2
    header = fits.Header()
    header["SURVEY"] = long.strip()
    header["OBJECT"] = "M 87"
    header["ORIGIN"] = "It's a name with quotes and a comment that goes with it in the header here"
    read = Header("".join(str(c) for c in header.cards).encode("ascii"))
    assert read.string("SURVEY") == long.strip()
    assert read.string("OBJECT") == "M 87"
    assert read.string("ORIGIN") == header["ORIGIN"]
    loose = Header(b"OBJECT  = 'M 87'".ljust(80) + b"CONTINUE  'more'".ljust(80))
    assert read.string("OBJECT") == loose.string("OBJECT")


@pytest.mark.parametrize("kind", ["image", "mosaic"])
@pytest.mark.parametrize(
    ("frame", "axes"),
    [("galactic", ("GLON-TAN", "GLAT-TAN")), ("fk4", ("RA---TAN", "DEC--TAN"))],
)
def test_the_angle_of_the_beam_is_from_the_north_of_j2000(
    tmp_path: Path, kind: str, frame: str, axes: tuple[str, str]
) -> None:
    """An image in another frame has its beam from the north of that frame."""
    centre = SkyCoord(120.0, -35.0, unit="deg", frame=frame)
    header = fits.Header({"CTYPE1": axes[0], "CTYPE2": axes[1], "CRVAL1": 120.0, "CRVAL2": -35.0,
                          "CRPIX1": 30.5, "CRPIX2": 30.5, "CDELT1": -2 / 3600, "CDELT2": 2 / 3600,
                          "BUNIT": "Jy/beam", "BMAJ": 9 / 3600, "BMIN": 5 / 3600,
                          "BPA": 30.0})  # fmt: skip
    if frame == "fk4":
        header["RADESYS"], header["EQUINOX"] = "FK4", 1950.0
    path = tmp_path / "a.fits"
    data = np.random.default_rng(0).normal(size=(60, 60)).astype(np.float32)
    fits.PrimaryHDU(data, header).writeto(path)
    end = centre.directional_offset_by(30 * u.deg, 20 * u.arcsec)
    wanted = float(centre.icrs.position_angle(end.icrs).deg) % 180
    if kind == "image":
        beam = read_image(path).beam
        assert beam is not None
        found = beam.pa
    else:
        found = Mosaic(path, ImageChoice()).cells["beam_pa"]
    assert found == pytest.approx(wanted, abs=0.05)
    assert abs(found - 30) > 0.25  # the old value
