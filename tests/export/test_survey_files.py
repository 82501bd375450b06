"""Files as a survey serves them, through a Catalogue and out again."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.export import Group
from radioviz.images.quiet import quiet
from tests.export.written import fits_bytes

# The rounding of positions in the file names is 0.001 deg; the header has the true ones.
_WCS_KEYWORDS = (
    "WCSAXES",
    "CTYPE",
    "CRVAL",
    "CRPIX",
    "CDELT",
    "CUNIT",
    "PC",
    "CD",
    "CROTA",
    "RADESYS",
    "EQUINOX",
)


def _read(path: Path) -> tuple[np.ndarray, fits.Header]:
    with quiet(), fits.open(path) as hdus:
        hdu = next(h for h in hdus if h.is_image and h.header["NAXIS"] == 2)
        return np.array(hdu.data), hdu.header.copy()


@pytest.mark.parametrize("folder", ["mirabest_fits", "mirabest_fits_original"])
def test_wcs_and_pixels_survive(
    shared_data: Path, tmp_path: Path, fitsverify: Callable[[Path], None], folder: str
) -> None:
    paths = sorted((shared_data / folder).glob("*.fits"))[:12]
    images, headers = zip(*map(_read, paths), strict=True)
    kept = [
        fits.Header([c for c in h.cards if c.keyword.startswith(_WCS_KEYWORDS)]).tostring("\n")
        for h in headers
    ]
    table = pd.DataFrame({"source_id": [p.stem for p in paths], "wcs_header": kept})
    table["ra"] = [h["CRVAL1"] for h in headers]
    table["dec"] = [h["CRVAL2"] for h in headers]
    info = SurveyInfo("mine", "Mine", 1.8, 5.4, bunit=str(headers[0]["BUNIT"]), raw=True)
    catalogue = Catalogue(info, complete_columns(table), np.stack(images))
    path = tmp_path / "out.fits"
    path.write_bytes(fits_bytes(Group(catalogue, np.arange(len(paths)))))
    fitsverify(path)
    with fits.open(io.BytesIO(path.read_bytes())) as hdus:
        for hdu, image, header in zip(hdus[1:-1], images, headers, strict=True):
            np.testing.assert_array_equal(hdu.data, image)  # NaN included
            assert hdu.header["BUNIT"] == "Jy/beam"
            ny, nx = image.shape
            x, y = np.meshgrid([0, nx / 3, nx - 1], [0, ny / 2, ny - 1])
            with quiet():
                there = WCS(header).celestial.pixel_to_world(x, y)
            here = WCS(hdu.header).pixel_to_world(x, y)
            assert here.separation(there.transform_to(here.frame)).arcsec.max() < 1e-3


def test_same_source_lies_at_the_same_place_in_two_exports(
    shared_data: Path, first: Catalogue
) -> None:
    """Grey-level images that were cut around a position agree with calibrated files of it.

    The brightest pixel of a FIRST cutout with its survey's WCS, and that of the grey image of
    the same source under the WCS that RadioViz gives it, are one place on the sky.
    """
    paths = sorted((shared_data / "mirabest_fits").glob("*.fits"))
    centres = np.array([[float(v) for v in _position(p.stem)] for p in paths])
    table = first.table
    apart = []
    for row in range(0, len(first), 7):
        ra, dec = table["ra"].iat[row], table["dec"].iat[row]
        offset = np.hypot((centres[:, 0] - ra) * np.cos(np.radians(dec)), centres[:, 1] - dec)
        if offset.min() > 3 / 3600:
            continue
        image, header = _read(paths[int(offset.argmin())])
        with fits.open(io.BytesIO(fits_bytes(Group(first, np.array([row]))))) as hdus:
            mine, wcs = hdus[1].data, WCS(hdus[1].header)
        # The two images show fields of different size; only their common middle is compared.
        edge = (mine.shape[0] - image.shape[0]) // 2 + 30
        middle = np.zeros(mine.shape, bool)
        middle[edge:-edge, edge:-edge] = True
        y, x = np.unravel_index(np.argmax(np.where(middle, mine, 0)), mine.shape)
        inner = np.zeros(image.shape, bool)
        inner[30:-30, 30:-30] = True
        y2, x2 = np.unravel_index(np.argmax(np.where(inner, np.nan_to_num(image), -1)), image.shape)
        with quiet():
            there = WCS(header).celestial.pixel_to_world(x2, y2)
        here = wcs.pixel_to_world(x, y)
        apart.append(here.separation(there.transform_to(here.frame)).arcsec)
        if len(apart) == 40:
            break
    assert len(apart) >= 20
    # Ties of saturated 8-bit pixels move single sources; a wrong axis would move them all.
    assert np.median(apart) < 1.8


def _position(stem: str) -> tuple[str, str]:
    _, place, *_ = stem.split("_")
    cut = max(place.rfind("+"), place.rfind("-"))
    return place[:cut], place[cut:]
