"""Masks in files: on the pixels and the sky positions of the sources that they outline."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import ExportError
from radioviz.export import Group, mask_regions, write_masks
from radioviz.export.source_masks import mask_image, outlines
from radioviz.morphology.measuring import extent_of

SCALE = 1.8


def catalogue(positions: bool = True) -> Catalogue:
    """Two noisy images: a point, and a point with a far, brighter one that is another source."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:90, :100]
    images = rng.normal(0, 1e-4, (2, 90, 100))
    sigma = 3 / 2.3548
    for i, (px, py, peak) in enumerate([(49.5, 44.5, 0.01), (49.5, 44.5, 0.004)]):
        images[i] += peak * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2))
    images[1] += 0.01 * np.exp(-((x - 85) ** 2 + (y - 80) ** 2) / (2 * sigma**2))
    table = pd.DataFrame({"source_id": ["a", "b"]})
    if positions:
        table = table.assign(ra=[150.0, 359.9999], dec=[30.0, -20.0], name=["A{}", "B"])
    info = SurveyInfo("t", "T", SCALE, beam=5.4, bunit="Jy/beam", raw=True)
    return Catalogue(info, complete_columns(table), images.astype(np.float32))


def test_masks_as_fits_lie_on_their_source() -> None:
    one = catalogue()
    file = io.BytesIO()
    write_masks(file, Group(one, np.array([1, 0])))
    with fits.open(io.BytesIO(file.getvalue())) as hdus:
        hdus.verify("exception")
        names = list(hdus["SOURCES"].data["image_hdu"])
        assert names == ["B", "A"]
        for row, name in ((1, "B"), (0, "A")):
            mask = hdus[name].data
            assert mask.dtype == np.uint8 and mask.shape == (90, 100)
            assert "BUNIT" not in hdus[name].header
            expected = extent_of(one, row)
            assert np.array_equal(mask == 1, expected.mask)
            assert np.array_equal(mask == 2, expected.others)
            ny, nx = np.nonzero(mask == 1)
            ra, dec = WCS(hdus[name].header).all_pix2world(nx.mean(), ny.mean(), 0)
            assert abs(dec - one.table["dec"][row]) * 3600 < 1
            off = (ra - one.table["ra"][row] + 180) % 360 - 180
            assert abs(off * 3600 * np.cos(np.radians(dec))) < 1
        assert (hdus["B"].data == 2).sum() > 5
        assert not (hdus["A"].data == 2).any()


def test_polygons_enclose_the_pixels_of_the_source() -> None:
    one = catalogue()
    text = mask_regions(Group(one, np.array([0, 1])))
    assert "text={A()}" in text
    polygons = re.findall(r"polygon\(([^)]*)\) # (.*)", text)
    assert [more for _, more in polygons] == ["text={A()}", "text={B}", "dash=1"]
    for row, (points, _) in ((0, polygons[0]), (1, polygons[1])):
        ra, dec = np.array([float(v) for v in points.split(",")]).reshape(-1, 2).T
        assert ((ra >= 0) & (ra < 360)).all()
        x, y = one.wcs(row).all_world2pix(ra, dec, 0)
        area = abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
        assert area == pytest.approx((mask_image(one, row) == 1).sum(), rel=0.15)
        assert x.mean() == pytest.approx(49.5, abs=0.3)
        assert y.mean() == pytest.approx(44.5, abs=0.3)


def test_holes_are_not_drawn() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:7, 2:7] = True
    mask[4, 4] = False
    ((x, y),) = outlines(mask)
    assert (x.min(), x.max(), y.min(), y.max()) == (1.5, 6.5, 1.5, 6.5)
    mask[:] = False
    mask[0, 0] = True  # at a corner of the image
    ((x, y),) = outlines(mask)
    assert (x.min(), x.max()) == (-0.5, 0.5)


def test_without_positions() -> None:
    one = catalogue(positions=False)
    file = io.BytesIO()
    write_masks(file, Group(one, np.array([0])))
    with fits.open(io.BytesIO(file.getvalue())) as hdus:
        assert hdus["A"].header["CTYPE1"] == "XOFFSET"
    with pytest.raises(ExportError, match="export the masks as FITS"):
        mask_regions(Group(one, np.array([0])))
