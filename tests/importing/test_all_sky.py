"""Edges of the sky: mosaics around all of it, right ascension at 0 and 360, poles, names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.errors import SelectionError
from radioviz.export.groups import Group
from radioviz.export.regions import ds9_regions
from radioviz.images.reading import read_fits
from radioviz.importing import Source, import_survey
from radioviz.importing.positions import read_positions
from radioviz.sky import j2000_name
from radioviz.ui.coordinates import degrees, ned_url, parse_position, sexagesimal


def sky(path: Path, wcs: WCS, shape: tuple[int, int], at: list[tuple[float, float]]) -> None:
    """A mosaic with a source of 2.1 pixels sigma at each pixel (x, y), seen around its turn."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    data = np.zeros(shape, np.float32)
    for px, py in at:
        for turn in (-shape[1], 0, shape[1]):
            data += np.exp(-((x - px - turn) ** 2 + (y - py) ** 2) / 2 / 2.1**2).astype("f4")
    header = wcs.to_header()
    header["BUNIT"] = "Jy/beam"
    fits.PrimaryHDU(data, header).writeto(path)


def cylinder(kind: str, crval: float, crpix: float, step: float = -0.4) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{kind}", f"DEC--{kind}"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [crval, 0.0], [crpix, 75.5], [step, 0.4]
    return wcs


def cut(tmp_path: Path, positions: list[tuple[float, float]], scale: float, pixels: int = 40):
    table = pd.DataFrame(positions, columns=["ra", "dec"])
    table.insert(0, "name", [f"S{i}" for i in range(len(table))])
    table.to_csv(tmp_path / "list.csv", index=False)
    answers = {"key": "sky", "survey": "unknown", "pixels": pixels, "pixel_scale": scale}
    return import_survey(Source(tmp_path / "sky.fits", tmp_path / "list.csv"), answers)


def peaks(catalogue) -> list[tuple[int, int]]:
    images = [catalogue.image(row) for row in range(len(catalogue))]
    return [tuple(map(int, np.unravel_index(np.nanargmax(i), i.shape))) for i in images]


@pytest.mark.parametrize(
    ("crval", "crpix", "step"),
    [(180.0, 1.0, -0.4), (0.0, 900.5, -0.4), (0.0, 450.5, -0.4), (90.0, 1500.0, -0.4),
     (266.0, -20.0, 0.4)],
)  # fmt: skip
def test_every_source_of_a_mosaic_of_the_whole_sky(
    tmp_path: Path, crval: float, crpix: float, step: float
) -> None:
    at = [(850.0, 75.0), (750.0, 100.0), (150.0, 60.0), (50.0, 75.0), (0.0, 75.0), (899.0, 40.0)]
    sky(tmp_path / "sky.fits", cylinder("CAR", crval, crpix, step), (150, 900), at)
    # CAR is linear by its definition.
    positions = [((crval + (x + 1 - crpix) * step) % 360, (y + 1 - 75.5) * 0.4) for x, y in at]
    result = cut(tmp_path, positions, 1440)
    assert result.read == 6, result.report["reason"].tolist()
    catalogue = result.catalogue
    for row, peak in enumerate(peaks(catalogue)):
        assert max(abs(np.array(peak) - 19.5)) <= 1, (row, peak)
        assert np.isfinite(catalogue.image(row)).mean() > 0.99
        assert np.nanmax(catalogue.image(row)) > 0.85


def test_other_cylinders_and_halves_of_the_sky(tmp_path: Path) -> None:
    wcs = cylinder("CEA", 300.0, 1.0)
    at = [(30.0, 75.0), (560.0, 90.0)]
    sky(tmp_path / "sky.fits", wcs, (150, 600), at)
    latitude = np.degrees(np.arcsin(np.radians((np.array([76.0, 91.0]) - 75.5) * 0.4)))
    longitude = (300.0 + (np.array([31.0, 561.0]) - 1) * -0.4) % 360
    positions = [*zip(longitude, latitude, strict=True), (20.0, 0.0)]
    result = cut(tmp_path, positions, 1440)
    assert result.report["status"].tolist() == ["read", "read", "refused"]
    assert "outside the mosaic" in result.report["reason"][2]
    assert all(max(abs(np.array(p) - 19.5)) <= 1 for p in peaks(result.catalogue))


def test_the_middle_of_an_image_beyond_half_a_turn_has_a_position(tmp_path: Path) -> None:
    sky(tmp_path / "sky.fits", cylinder("CAR", 0.0, 900.5), (150, 900), [(449.5, 74.5)])
    image = read_fits(tmp_path / "sky.fits")
    assert image.position == pytest.approx((180.0, 0.0), abs=0.01)
    assert image.pixel_scale == pytest.approx(1440, rel=1e-4)


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.9995, 12.0), (0.0004, -45.0)])
def test_right_ascension_at_zero(tmp_path: Path, ra: float, dec: float) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cunit = ["RA---TAN", "DEC--TAN"], ["deg", "deg"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [0.0, dec], [101, 101], [-2 / 3600, 2 / 3600]
    x, y = wcs.wcs_world2pix([[ra, dec], [ra - 0.04, dec + 0.04]], 0).T
    sky(tmp_path / "sky.fits", wcs, (201, 201), list(zip(x, y, strict=True)))
    result = cut(tmp_path, [(ra % 360, dec), ((ra - 0.04) % 360, dec + 0.04)], 2)
    assert result.read == 2
    assert all(max(abs(np.array(p) - 19.5)) <= 1 for p in peaks(result.catalogue))


@pytest.mark.parametrize("dec", [90.0, 89.9999, -90.0, -89.99])
def test_sources_at_the_poles(tmp_path: Path, dec: float) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cunit = ["RA---TAN", "DEC--TAN"], ["deg", "deg"]
    pole = 90.0 if dec > 0 else -90.0
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [30.0, pole], [101, 101], [-2 / 3600, 2 / 3600]
    positions = [(123.0, dec), (303.0, dec)]
    x, y = wcs.wcs_world2pix(positions, 0).T
    sky(tmp_path / "sky.fits", wcs, (201, 201), list(zip(x, y, strict=True)))
    result = cut(tmp_path, positions, 2)
    assert result.read == 2, result.report["reason"].tolist()
    assert max(abs(np.array(peaks(result.catalogue)[0]) - 19.5)) <= 1
    assert result.catalogue.wcs(0).wcs_world2pix([[123.0, dec]], 0)[0] == pytest.approx(
        [19.5, 19.5]
    )


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (-1e-9, 2.0, "J000000.0+020000"), (359.99999999, 0.0, "J000000.0+000000"),
        (360.0, -1.0, "J000000.0-010000"), (720.0, 1.0, "J000000.0+010000"),
        (89.9999999999, 12.9999999999, "J060000.0+130000"),
        (359.999, 0.0, "J235959.7+000000"), (14.9999, -0.5, "J005959.9-003000"),
        (10.0, 90.0, "J004000.0+900000"), (10.0, -90.0, "J004000.0-900000"),
    ],
)  # fmt: skip
def test_names_have_no_24_hours_and_no_60_seconds(ra: float, dec: float, name: str) -> None:
    assert j2000_name(np.array([ra]), np.array([dec]))[0] == name


@pytest.mark.parametrize(
    ("ra", "dec", "text", "decimal"),
    [
        (359.9999999, 0.0, "00:00:00.00 +00:00:00.0", "0.00000 +0.00000"),
        (-1e-12, -1e-9, "00:00:00.00 -00:00:00.0", "0.00000 +0.00000"),
        (14.99999999, 29.99999999, "01:00:00.00 +30:00:00.0", "15.00000 +30.00000"),
        (359.99, -0.0001, "23:59:57.60 -00:00:00.4", "359.99000 -0.00010"),
    ],
)
def test_positions_in_words(ra: float, dec: float, text: str, decimal: str) -> None:
    assert sexagesimal(ra, dec) == text
    assert degrees(ra, dec) == decimal
    assert "360" not in ned_url(ra, dec)


def test_regions_have_no_360_degrees(tmp_path: Path) -> None:
    wcs = cylinder("CAR", 0.0, 450.5)
    sky(tmp_path / "sky.fits", wcs, (150, 900), [(449.5, 74.5)])
    catalogue = cut(tmp_path, [(359.99999999, 0.0)], 1440).catalogue
    assert "circle(0.0000000,0.0000000," in ds9_regions(Group(catalogue, np.array([0])))


def test_24_hours_and_60_seconds_of_other_catalogues_are_read(tmp_path: Path) -> None:
    """Names and positions that were rounded without a carry."""
    assert parse_position("J240000.0+020000") == (0.0, 2.0)
    assert parse_position("J235960.0-005960") == pytest.approx((0.0, -1.0))
    with pytest.raises(SelectionError):
        parse_position("J240001.0+020000")
    ra = pd.Series(["24:00:00.0", "05:59:60.0", "05:60:00.0", "05:61:00.0"])
    found = read_positions(ra, pd.Series(["+02:00:00", "-00:59:60", "+00:00:00", "+00:00:00"]))
    assert found.ra[:3] == pytest.approx([0.0, 90.0, 90.0])
    assert found.dec[:2] == pytest.approx([2.0, -1.0])
    assert list(found.problems) == [3]
