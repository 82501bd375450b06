"""Reading one image: what real and broken FITS, PNG and JPEG files become."""

from __future__ import annotations

import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from radioviz.api import confined
from radioviz.errors import ImageError
from radioviz.images.reading import Beam, read_fits, read_image
from tests.data.fits_files import (
    as_bytes,
    cards,
    compressed,
    gzipped,
    noise,
    primary,
    raw_header,
    write,
)


def astropy_data(content: bytes | Path, extension: int = 0) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(io.BytesIO(content) if isinstance(content, bytes) else content) as hdus:
            return np.array(hdus[extension].data)


# -- real files --------------------------------------------------------------------------


def test_real_compressed_cutout(shared_data: Path) -> None:
    path = shared_data / "mirabest_fits" / "100_010.451-009.284_0.0529_0080.60.fits"
    image = read_fits(path)
    assert np.array_equal(image.data, astropy_data(path, 1))
    assert image.data.dtype == np.float32
    assert image.data.dtype.isnative
    assert (image.extension, image.bunit, image.survey) == (1, "Jy/beam", "FIRST")
    assert image.position == pytest.approx((10.4509, -9.28422), abs=1e-7)
    assert image.pixel_scale == pytest.approx(1.8, rel=1e-6)
    assert image.beam == Beam(5.4, 5.4)
    assert image.frequency == 1.4
    assert "CRVAL1  =              10.4509" in image.header
    assert "ZCMPTYPE" not in image.header  # the cards of the image, not of the table around it


def test_real_skyview_file_is_read_in_silence(
    shared_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = sorted((shared_data / "mirabest_fits_original").glob("*.fits"))[0]
    image = read_fits(path)  # astropy warns of its cards; warnings are errors in the tests
    assert np.array_equal(image.data, astropy_data(path))
    assert image.data.shape == (300, 300)
    assert any("unprintable" in note for note in image.notes)
    assert image.header.isascii()
    assert "R.H. Becker" in image.header
    assert image.frequency == 1.4
    assert capfd.readouterr() == ("", "")


# -- sources and containers --------------------------------------------------------------


def test_path_bytes_and_streams_give_the_same(tmp_path: Path) -> None:
    content = primary(noise(), cards())
    path = write(tmp_path / "a.fits", content)

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with path.open("rb") as handle:
        images = [
            read_fits(source)
            for source in (path, str(path), content, io.BytesIO(content), handle, Pipe(content))
        ]
        assert not handle.closed
    for image in images:
        assert np.array_equal(image.data, images[0].data)
    assert images[0].file == images[4].file == "a.fits"


@pytest.mark.parametrize("make", [primary, compressed])
def test_gzipped(make: Any) -> None:
    content = make(noise(), cards())
    assert np.array_equal(read_fits(gzipped(content)).data, read_fits(content).data)


@pytest.mark.parametrize("scheme", ["RICE_1", "GZIP_1", "GZIP_2", "NOCOMPRESS"])
@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
def test_tile_compression(scheme: str, dtype: str) -> None:
    image = noise()
    data = (image * 1e6).astype(dtype) if dtype.startswith("i") else image.astype(dtype)
    if dtype.startswith("f"):
        data[3:6, 7:20] = np.nan
    content = compressed(data, cards(), compression_type=scheme)
    expected = astropy_data(content, 1).astype(np.float32)
    assert np.array_equal(read_fits(content).data, expected, equal_nan=True)
    assert np.isnan(expected).sum() == (39 if dtype.startswith("f") else 0)


@pytest.mark.parametrize("scheme", ["HCOMPRESS_1", "PLIO_1"])
def test_unsafe_compression_is_refused_by_name(scheme: str) -> None:
    data = np.abs(noise() * 1e6).astype("i2")
    with pytest.raises(ImageError, match=rf"compressed by {scheme}.*funpack"):
        read_fits(compressed(data, compression_type=scheme))


@pytest.mark.parametrize("bitpix", [8, 16, 32, 64, -32, -64])
def test_scaling_and_blank(bitpix: int) -> None:
    dtype = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}[bitpix]
    stored = np.arange(20 * 30, dtype="f8").reshape(20, 30).astype(dtype)
    lines = [
        "SIMPLE  =                    T",
        f"BITPIX  = {bitpix:20d}",
        "NAXIS   =                    2",
        "NAXIS1  =                   30",
        "NAXIS2  =                   20",
        "BSCALE  =               2.5E-3",
        "BZERO   =                 -0.5",
    ]
    if bitpix > 0:
        lines.append("BLANK   =                    7")
    content = raw_header(*lines) + stored.tobytes().ljust(-(-stored.nbytes // 2880) * 2880, b"\0")
    expected = astropy_data(content).astype(np.float32)
    # astropy scales short integers in single precision.
    assert np.allclose(read_fits(content).data, expected, rtol=1e-6, atol=1e-7, equal_nan=True)
    assert np.isnan(expected).any() == (bitpix > 0)


def test_unsigned_integers() -> None:
    data = np.arange(60000, 62500, dtype="u2").reshape(50, 50)
    assert np.array_equal(read_fits(primary(data)).data, data.astype(np.float32))


# -- axes --------------------------------------------------------------------------------


@pytest.mark.parametrize("leading", [(1,), (1, 1)])
@pytest.mark.parametrize("make", [primary, compressed])
def test_axes_of_length_one_are_dropped_with_a_note(leading: tuple[int, ...], make: Any) -> None:
    data = noise((*leading, 40, 50))

    header = cards((40, 50))
    image = read_fits(make(data, header))
    assert image.data.shape == (40, 50)
    assert any("axes of length 1 dropped" in note for note in image.notes)


def test_frequency_of_a_degenerate_axis() -> None:
    header = cards(CTYPE3="FREQ", CRVAL3=1.4e9, CDELT3=1e6, CRPIX3=1.0, SURVEY=None)
    image = read_fits(primary(noise((1, 100, 100)), header))
    assert image.frequency == 1.4
    assert image.position == pytest.approx((150.0, 35.0), abs=1e-8)


def test_cube_is_refused_with_its_shape() -> None:
    with pytest.raises(ImageError, match=r"cube.fits: a cube of 50 x 40 x 3 pixels.*plane="):
        read_fits(primary(noise((3, 40, 50))), name="cube.fits")


@pytest.mark.parametrize("make", [primary, compressed])
def test_plane_of_a_cube(make: Any) -> None:
    data = noise((2, 1, 3, 40, 50))
    image = read_fits(make(data), plane=(2, 1))
    assert np.array_equal(image.data, read_fits(make(data[1, 0, 2])).data)
    assert "plane 2, 1 of 3 x 2" in image.notes


@pytest.mark.parametrize("plane", [3, -1, (0, 0), (), 10**12])
def test_plane_that_is_not_there(plane: Any) -> None:
    with pytest.raises(ImageError, match="from 0 to 2"):
        read_fits(primary(noise((3, 40, 50))), plane=plane)


def test_sky_axes_that_are_not_the_first() -> None:
    data = noise((40, 50, 3))
    header = {f"{k[:-1]}{int(k[-1]) + 1}" if k[-1] in "12" else k: v for k, v in cards().items()}
    header |= {"CTYPE1": "FREQ", "CRVAL1": 1.4e9, "CDELT1": 1e6}
    image = read_fits(primary(data, header), plane=1)
    assert np.array_equal(image.data, data[:, :, 1])
    assert image.pixel_scale == pytest.approx(1.8, rel=1e-6)


def test_position_velocity_diagram_is_no_sky_image() -> None:
    with pytest.raises(ImageError, match=r"axes RA---TAN, VRAD.*positions on the sky"):
        read_fits(primary(noise(), cards(CTYPE2="VRAD")))


@pytest.mark.parametrize("shape", [(100,), (1, 1), (1, 100), (100, 1)])
def test_shapes_that_are_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="image"):
        read_fits(primary(np.ones(shape, np.float32)))


# -- several HDUs ------------------------------------------------------------------------


def many() -> bytes:
    parts = [fits.ImageHDU(noise((30, 30 + i)), name=f"GAL{i}") for i in range(12)]
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.ones(3))])
    return as_bytes(fits.HDUList([fits.PrimaryHDU(), table, *parts]))


def test_several_images_are_listed() -> None:
    with pytest.raises(ImageError) as caught:
        read_fits(many(), name="many.fits")
    message = str(caught.value)
    assert "many.fits: holds 12 images: 2 'GAL0' (30 x 30), 3 'GAL1' (31 x 30)" in message
    assert "and 4 more" in message
    assert "extension=" in message


@pytest.mark.parametrize("extension", [3, "3", "GAL1", "gal1"])
def test_extension_by_number_or_name(extension: int | str) -> None:
    image = read_fits(many(), extension=extension)
    assert image.data.shape == (30, 31)
    assert image.extension == 3


@pytest.mark.parametrize("extension", [0, 1, 99, -1, "GAL99", ""])
def test_extension_that_is_no_image(extension: int | str) -> None:
    with pytest.raises(ImageError, match="is not an image of this file; its images are: 2 'GAL0'"):
        read_fits(many(), extension=extension)


def test_table_only_is_refused_as_such() -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.ones(3))])
    with pytest.raises(ImageError, match="holds no image, only a table"):
        read_fits(as_bytes(fits.HDUList([fits.PrimaryHDU(), table])))


def test_tables_are_found_among_images(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.ones(3))])
    content = as_bytes(fits.HDUList([fits.PrimaryHDU(), table]))
    named = {"table": content, "image": primary(noise()), "many": many(), "damaged": b"SIMPLE  ="}
    paths = [write(tmp_path / f"{name}.fits", named[name]) for name in named]
    assert confined.find_fits_tables(paths) == paths[:1]
    huge = content.replace(b"NAXIS   =                    2", b"NAXIS   =           2147483648")
    assert confined.find_fits_tables([write(tmp_path / "huge.fits", huge)]) == []


def test_header_without_data_is_refused() -> None:
    with pytest.raises(ImageError, match=r"holds no image, only headers without data \(NAXIS = 0"):
        read_fits(primary(None))


def test_visibilities_are_refused_as_such() -> None:
    content = raw_header(
        "SIMPLE  =                    T",
        "BITPIX  =                  -32",
        "NAXIS   =                    3",
        "NAXIS1  =                    0",
        "NAXIS2  =                    3",
        "NAXIS3  =                    4",
        "GROUPS  =                    T",
        "PCOUNT  =                    2",
        "GCOUNT  =                   10",
    )
    with pytest.raises(ImageError, match="only random groups"):
        read_fits(content + b"\0" * 2880)


def test_unit_of_the_primary_header_serves_the_extension() -> None:
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(noise())])
    about = {"BUNIT": "mJy/beam", "BMAJ": 0.01, "BMIN": 0.005, "BPA": 20.0, "SURVEY": "MINE"}
    hdus[0].header.update(about)
    image = read_fits(as_bytes(hdus))
    assert image.bunit == "Jy/beam"
    assert image.beam == Beam(36.0, 18.0, 20.0)
    assert image.survey == "MINE"


# -- units, beam, survey -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("Jy/beam", 1.0),
        ("JY/BEAM ", 1.0),
        ("Jy beam-1", 1.0),
        ("beam-1 Jy", 1.0),
        ("Jy/bm", 1.0),
        ("mJy/beam", 1e-3),
        ("MJY/BEAM", 1e-3),
        ("uJy/beam", 1e-6),
        ("UJY/BEAM", 1e-6),
        ("mJy beam^-1", 1e-3),
    ],
)
def test_flux_units_become_jy_per_beam(unit: str, factor: float) -> None:
    data = noise()
    image = read_fits(primary(data, cards(BUNIT=unit)))
    assert image.bunit == "Jy/beam"
    assert np.allclose(image.data, data * factor, rtol=1e-6)


@pytest.mark.parametrize("unit", ["K", "MJy/sr", "Jy/pixel", "counts", "MJy/beam", "Jy", "???"])
def test_other_units_are_kept_and_named(unit: str) -> None:
    data = noise()
    image = read_fits(primary(data, cards(BUNIT=unit)))
    assert np.array_equal(image.data, data)
    assert image.bunit == unit
    assert any(f"unit '{unit}' is not Jy/beam" in note for note in image.notes)


def test_no_unit_is_noted() -> None:
    image = read_fits(primary(noise(), cards(BUNIT=None)))
    assert image.bunit == ""
    assert any("no unit (BUNIT)" in note for note in image.notes)


def test_beam_of_the_header_wins_over_that_of_the_survey() -> None:
    image = read_fits(primary(noise(), cards(BMAJ=6.4 / 3600, BMIN=5.4 / 3600, BPA=190.0)))
    assert image.beam is not None
    assert image.beam.major == pytest.approx(6.4)
    assert image.beam.fwhm == pytest.approx((6.4 * 5.4) ** 0.5)
    assert image.beam.pa == pytest.approx(10.0)


def test_beam_of_an_aips_history() -> None:
    header = fits.Header(cards(SURVEY=None))
    header["HISTORY"] = "AIPS   CLEAN BMAJ=  1.2500E-02 BMIN=  1.2500E-02 BPA=   0.00"
    image = read_fits(as_bytes(fits.PrimaryHDU(noise(), header)))
    assert image.beam == Beam(45.0, 45.0)


@pytest.mark.parametrize("value", [-1.0, 0.0, 999.0, "wide"])
def test_placeholder_beams_are_no_beams(value: Any) -> None:
    assert read_fits(primary(noise(), cards(SURVEY=None, BMAJ=value, BMIN=value))).beam is None


# -- WCS that is missing or unusable -----------------------------------------------------


def test_no_wcs_leaves_the_position_open() -> None:
    image = read_image(primary(noise(), {"BUNIT": "Jy/beam"}))
    assert (image.wcs, image.position, image.pixel_scale) == (None, None, None)
    assert "no WCS: position and pixel scale unknown" in image.notes


@pytest.mark.parametrize(
    "changes",
    [
        {"CDELT1": 0.0},
        {"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"},
        {"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN"},
        {"CRVAL2": 1e9},
        {"CUNIT1": "parsec"},
        {"WCSAXES": 99},
        {"PC1_1": 1.0, "PC1_2": 1.0, "PC2_1": 1.0, "PC2_2": 1.0},
        {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"},
    ],
)
def test_unusable_wcs_is_noted_and_the_image_read(changes: dict[str, Any]) -> None:
    data = noise()
    lines = [f"{k:8}= {v!r:>20}" for k, v in cards(**changes).items()]
    start = [
        "SIMPLE  =                    T",
        "BITPIX  =                  -32",
        "NAXIS   =                    2",
        "NAXIS1  =                  100",
        "NAXIS2  =                  100",
    ]
    content = raw_header(*start, *lines) + data.astype(">f4").tobytes()
    image = read_image(content)
    assert np.array_equal(image.data, data)
    assert image.position is None
    assert any("position and pixel scale unknown" in n or "WCSAXES" in n for n in image.notes)


def test_one_unreadable_card_costs_itself_alone() -> None:
    data = noise()
    content = (
        raw_header(
            "SIMPLE  =                    T",
            "BITPIX  =                  -32",
            "NAXIS   =                    2",
            "NAXIS1  =                  100",
            "NAXIS2  =                  100",
            *(f"{k:8}= {v!r:>20}" for k, v in cards().items()),
            "OBSERVER= 'no closing quote",
            "BMAJ    = 1.2.3",
            "bad key = \x01\x02",
        )
        + data.astype(">f4").tobytes()
    )
    image = read_fits(content)
    assert image.position == pytest.approx((150.0, 35.0), abs=1e-8)
    assert image.beam == Beam(5.4, 5.4)


# -- threads -----------------------------------------------------------------------------


def test_threads_read_in_silence(shared_data: Path) -> None:
    paths = sorted((shared_data / "mirabest_fits_original").glob("*.fits")) * 2
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(read_image, paths))
    assert all(a.data.shape == (300, 300) for a in images)
