"""FITS files: what the checkers, astropy and the sky say of them."""

from __future__ import annotations

import datetime as dt
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import ExportError
from radioviz.export import Group, write_cube, write_fits
from radioviz.export.cards import ImageHeaders, card, image_bytes
from radioviz.images.quiet import quiet
from tests.export.written import cube_bytes, fits_bytes, fits_table_bytes

CREATED = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)


def test_independent_checker_finds_nothing(
    groups: list[Group], first: Catalogue, tmp_path: Path, fitsverify: Callable[[Path], None]
) -> None:
    products = {
        "hostile": fits_bytes(groups, note="a note with “quotes” & <b>"),
        "table": fits_table_bytes(groups),
        "cube": cube_bytes(groups[:1]),
        "greys": cube_bytes(groups[1]),
        "first": fits_bytes(Group(first, np.arange(30))),
    }
    for name, payload in products.items():
        path = tmp_path / f"{name}.fits"
        path.write_bytes(payload)
        fitsverify(path)


def test_astropy_reads_back_every_image_and_row(groups: list[Group]) -> None:
    payload = fits_bytes(groups, note="lassoed", created=CREATED)
    with fits.open(io.BytesIO(payload)) as hdus:
        hdus.verify("exception")
        assert hdus[0].header["ORIGIN"] == "RadioViz"
        assert hdus[0].header["DATE"] == "2024-05-06T07:08:09"
        assert "lassoed" in str(hdus[0].header["HISTORY"])
        table = Table.read(hdus["SOURCES"])
        assert len(table) == sum(len(g) for g in groups) == len(hdus) - 2
        assert len({n.upper() for n in table["image_hdu"]}) == len(table)
        row = 0
        for group in groups:
            for number in group.rows:
                image = hdus[str(table["image_hdu"][row])].data
                expected = group.catalogue.images[number]
                assert image.dtype.kind == expected.dtype.kind
                assert image.dtype.itemsize == expected.dtype.itemsize
                np.testing.assert_array_equal(image, expected)
                row += 1


def test_table_has_units_ucds_scores_and_latents(groups: list[Group]) -> None:
    with fits.open(io.BytesIO(fits_table_bytes(groups))) as hdus:
        header = hdus["SOURCES"].header
        table = Table.read(hdus["SOURCES"])
    place = {header[f"TTYPE{i}"]: i for i in range(1, header["TFIELDS"] + 1)}
    assert str(table["ra"].unit) == "deg"
    assert str(table["las"].unit) == "arcsec"
    assert str(table["flux"].unit) == "mJy"
    assert header[f"TUCD{place['ra']}"] == "pos.eq.ra;meta.main"
    assert header[f"TUCD{place['source_id']}"] == "meta.id;meta.main"
    assert header[f"TCOMM{place['dec']}"] == "Declination, J2000"
    n = len(groups[0])
    np.testing.assert_array_equal(table["log_prob"][:n], groups[0].scores["log_prob"])
    assert np.isnan(np.ma.filled(table["log_prob"][n:], np.nan)).all()
    np.testing.assert_array_equal(table["las_2"][:n], np.arange(n))  # a score named as a column
    np.testing.assert_allclose(table["latent_vae8"][:n], groups[0].latents, rtol=1e-6)
    assert np.isnan(np.ma.filled(table["latent_vae8"][n:], np.nan)).all()
    np.testing.assert_allclose(table["latent_simclr"][n:], groups[1].latents, rtol=1e-6)
    assert "wcs_header" not in table.colnames
    assert "weights SHA-256 " + "ab" * 32 in str(header["HISTORY"]).replace("\n", "")


def test_one_model_makes_one_latent_column(first: Catalogue) -> None:
    latents = np.arange(6, dtype=np.float32).reshape(3, 2)
    table = Table.read(io.BytesIO(fits_table_bytes(Group(first, np.arange(3), None, latents, "m"))))
    np.testing.assert_array_equal(table["latent"], latents)


def _corners(catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    ny, nx = catalogue.images.shape[1:]
    x, y = np.meshgrid([0, nx / 2, nx - 1], [0, ny / 3, ny - 1])
    return x.ravel(), y.ravel()


def _agree(header: fits.Header, catalogue: Catalogue, row: int) -> None:
    """Corners and middle of an exported image lie where the catalogue's WCS puts them."""
    x, y = _corners(catalogue)
    here = WCS(header).pixel_to_world(x, y)
    with quiet():
        there = catalogue.wcs(row).pixel_to_world(x, y)
    assert here.separation(there.transform_to(here.frame)).arcsec.max() < 1e-3
    back_x, back_y = WCS(header).world_to_pixel(here)
    assert np.hypot(back_x - x, back_y - y).max() * catalogue.info.pixel_scale < 1e-3


def test_wcs_is_the_catalogues_own(groups: list[Group]) -> None:
    group = groups[0]
    with fits.open(io.BytesIO(fits_bytes(group))) as hdus:
        for hdu, row in zip(hdus[1:-1], group.rows, strict=True):
            if group.catalogue.table["source_id"].iat[row].strip():
                _agree(hdu.header, group.catalogue, int(row))
            else:
                assert not WCS(hdu.header).has_celestial


def test_wcs_of_first(first: Catalogue) -> None:
    rows = np.arange(0, len(first), 97)
    with fits.open(io.BytesIO(fits_bytes(Group(first, rows)))) as hdus:
        for hdu, row in zip(hdus[1:-1], rows, strict=True):
            _agree(hdu.header, first, int(row))
            assert hdu.header["RADESYS"] == "FK5"
            assert hdu.header["EQUINOX"] == 2000.0
            scale = hdu.header["PIXSCALE"]
            assert scale == 1.8
            assert hdu.header["BMAJ"] * 3600 == pytest.approx(5.4)
            assert "BUNIT" not in hdu.header  # grey levels have none
            assert "uncalibrated" in str(hdu.header["COMMENT"])
            assert "University of California" in str(hdu.header["HISTORY"]).replace("\n", " ")


@settings(max_examples=60, deadline=None)
@given(
    ra=st.floats(0, 359.999999),
    dec=st.floats(-89.99, 89.99),
    scale=st.floats(0.01, 60),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_wcs_round_trip_anywhere(
    ra: float, dec: float, scale: float, shape: tuple[int, int]
) -> None:
    table = complete_columns(pd.DataFrame({"source_id": ["a"], "ra": [ra], "dec": [dec]}))
    catalogue = Catalogue(SurveyInfo("s", "s", scale), table, np.zeros((1, *shape), np.float32))
    with fits.open(io.BytesIO(fits_bytes(Group(catalogue, np.array([0]))))) as hdus:
        _agree(hdus[1].header, catalogue, 0)


def test_source_without_position_has_linear_axes_only(greys: Catalogue) -> None:
    with fits.open(io.BytesIO(fits_bytes(Group(greys, np.array([1]))))) as hdus:
        header = hdus[1].header
    wcs = WCS(header)
    assert not wcs.has_celestial
    assert header["CDELT1"] == 15.0
    assert header["CUNIT1"] == "arcsec"
    assert header["PIXSCALE"] == 15.0
    assert not {"RA_OBJ", "RADESYS", "BMAJ", "BUNIT"} & set(header)
    ny, nx = header["NAXIS2"], header["NAXIS1"]
    scale = greys.info.pixel_scale
    centre = wcs.pixel_to_world_values((nx - 1) / 2, (ny - 1) / 2)
    np.testing.assert_allclose(centre, 0.0, atol=1e-9)
    beside = wcs.pixel_to_world_values((nx - 1) / 2 + 1, (ny - 1) / 2 + 2)
    np.testing.assert_allclose(beside, (scale, 2 * scale))
    assert [header["CTYPE1"], header["CTYPE2"]] == ["XOFFSET", "YOFFSET"]


def test_unit_is_spelled_as_the_standard_has_it(hostile: Catalogue) -> None:
    with fits.open(io.BytesIO(fits_bytes(Group(hostile, np.array([2]))))) as hdus:
        assert hdus[1].header["BUNIT"] == "Jy/beam"
        assert hdus[1].header["OBSFREQ"] == 1.4e9


def test_same_input_and_time_give_the_same_bytes(groups: list[Group]) -> None:
    assert fits_bytes(groups, created=CREATED) == fits_bytes(groups, created=CREATED)


class _Pipe(io.RawIOBase):
    """A destination that can only be written to, and that keeps nothing."""

    def __init__(self) -> None:
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.bytes += len(data)
        return len(data)


@pytest.mark.parametrize("write", [write_fits, write_cube])
def test_large_selections_stream(first: Catalogue, write: Callable[..., None]) -> None:
    group = Group(first, np.arange(600))
    write(_Pipe(), Group(first, np.arange(2)))  # imports are not what is measured
    pipe = _Pipe()
    tracemalloc.start()
    try:
        write(pipe, group)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pipe.bytes > 600 * 90_000
    assert peak < 0.2 * pipe.bytes


def test_image_planes_are_the_rows(groups: list[Group]) -> None:
    group = groups[0]
    with fits.open(io.BytesIO(cube_bytes(group))) as hdus:
        np.testing.assert_array_equal(hdus[0].data, group.catalogue.images[group.rows])
        assert hdus[0].header["BUNIT"] == "Jy/beam"
        table = Table.read(hdus["SOURCES"])
        np.testing.assert_array_equal(table["image_plane"], np.arange(len(group)) + 1)
        assert not WCS(hdus[0].header).has_celestial


def test_cube_of_two_image_sizes_is_refused(groups: list[Group]) -> None:
    with pytest.raises(ExportError, match=r"hostile 50x40, greys 30x30.*multi-extension"):
        cube_bytes(groups)


def test_nothing_selected(first: Catalogue) -> None:
    with pytest.raises(ExportError, match="selection is empty"):
        fits_bytes([])
    with pytest.raises(ExportError, match="selection is empty"):
        fits_bytes([Group(first, np.array([], dtype=int))])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": np.array([0, 5])}, "has no row 5; it has rows 0 to 4"),
        ({"rows": np.array([-1])}, "has no row -1"),
        ({"rows": np.array([0.5])}, "expected one axis of whole numbers"),
        ({"rows": np.ones(3, bool)}, r"mask of shape \(3,\); expected \(5,\)"),
        ({"rows": np.arange(2), "scores": pd.DataFrame({"a": [1]})}, "1 rows of scores for 2"),
        ({"rows": np.arange(2), "latents": np.zeros((3, 2))}, r"expected \(2, d\)"),
        ({"rows": np.arange(2), "latents": np.zeros(2)}, r"latents of shape \(2,\)"),
    ],
)
def test_groups_that_do_not_fit_are_refused(
    greys: Catalogue, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        Group(greys, **options)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8", "b1"])
def test_every_pixel_type_keeps_its_values(dtype: str) -> None:
    image = np.array([[0, 1], [1, 0]]).astype(dtype)
    data, bitpix = image_bytes(image)
    kind = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}[bitpix]
    assert len(data) % 2880 == 0
    np.testing.assert_array_equal(
        np.frombuffer(data, kind, count=4).reshape(2, 2).astype(float), image.astype(float)
    )


@settings(max_examples=200)
@given(st.text(), st.text())
def test_any_text_fits_one_card(value: str, comment: str) -> None:
    image = card("OBJECT", value, comment)
    assert len(image) == 80
    assert image.isascii()
    assert image.isprintable()
    assert isinstance(fits.Card.fromstring(image).value, str)


def test_header_of_a_group_is_made_of_whole_cards(hostile: Catalogue) -> None:
    headers = ImageHeaders(Group(hostile, np.array([0])))
    for row in range(len(hostile)):
        assert len(headers.cards(row)) % 80 == 0
