"""Reading one image: what real and broken FITS, PNG and JPEG files become."""

from __future__ import annotations

import io
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from radioviz.data.images import Beam, SkyImage, read_fits, read_image, read_png_jpeg
from radioviz.errors import ImageError
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
    with pytest.raises(ImageError, match="from 0 below 3"):
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
    with pytest.raises(ImageError, match="is no image of this file; its images are: 2 'GAL0'"):
        read_fits(many(), extension=extension)


def test_table_only_is_refused_as_such() -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.ones(3))])
    with pytest.raises(ImageError, match="holds no image, only a table"):
        read_fits(as_bytes(fits.HDUList([fits.PrimaryHDU(), table])))


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
    hdus[0].header.update({"BUNIT": "mJy/beam", "BMAJ": 0.01, "BMIN": 0.005, "SURVEY": "MINE"})
    image = read_fits(as_bytes(hdus))
    assert image.bunit == "Jy/beam"
    assert image.beam == Beam(36.0, 18.0)
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


# -- bad files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"hello", "is not a FITS file: it begins with b'hello'"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 99, "is not a FITS file: it is a PNG image"),
        (b"\xff\xd8\xff\xe0", "it is a JPEG image"),
        (b"PK\x03\x04....", "it is a ZIP archive"),
        (b"<html>404</html>", "HTML or XML file, perhaps the error page of a server"),
        (b"\0" * 5760, "is not a FITS file"),
        (b"\x1f\x8b", "gzip stream is damaged"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "gzip stream is damaged"),
        (b"SIMPLE  =                    T".ljust(80), "cut short within the header of HDU 0"),
    ],
)
def test_what_is_no_fits_file(content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=rf"^x\.fits: .*{message}"):
        read_fits(content, name="x.fits")


@pytest.mark.parametrize("keep", [10, 2879, 2880, 2881, 30_000, 42_879])
@pytest.mark.parametrize("packed", [False, True])
def test_truncated(keep: int, packed: bool) -> None:
    content = primary(noise(), cards())  # 2880 + 40000 bytes of data, padded to 43200
    content = (
        gzipped(content)[: keep * len(gzipped(content)) // 43200] if packed else content[:keep]
    )
    with pytest.raises(ImageError, match=r"cut short|not a FITS file"):
        read_fits(content)


def test_missing_padding_alone_does_no_harm() -> None:
    content = primary(noise(), cards())
    assert np.array_equal(read_fits(content[:42_880]).data, noise())


def test_image_before_a_truncated_extension_is_read() -> None:
    hdus = fits.HDUList([fits.PrimaryHDU(noise()), fits.ImageHDU(noise(seed=1))])
    content = as_bytes(hdus)[:-20_000]
    assert np.array_equal(read_fits(content, extension=0).data, noise())
    with pytest.raises(ImageError, match=r"cut short: HDU 1 .* declares 40,000 bytes"):
        read_fits(content, extension=1)


def test_trailing_bytes_are_noted() -> None:
    image = read_fits(primary(noise(), cards()) + b"junk" * 1000)
    assert any("what follows the last HDU" in note for note in image.notes)


def header_of(*axes: int, bitpix: int = -32) -> bytes:
    lengths = [f"NAXIS{i:<3}= {n:20d}" for i, n in enumerate(axes, 1)]
    return raw_header(
        "SIMPLE  =                    T",
        f"BITPIX  = {bitpix:20d}",
        f"NAXIS   = {len(axes):20d}",
        *lengths,
    )


def peak_memory(content: bytes, message: str, **options: Any) -> int:
    import tracemalloc

    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=message):
            read_fits(content, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "axes", [(100_000, 100_000), (2**62, 2**62), (10**19, 2), (2, 2, 10**15), (300,) * 99]
)
def test_huge_declared_sizes_cost_no_memory(axes: tuple[int, ...]) -> None:
    content = header_of(*axes) + b"\0" * 5760
    assert peak_memory(content, "cut short|cube|not an integer") < 1_000_000
    assert peak_memory(gzipped(content), "cut short|cube|at most|declares|integer") < 2_000_000


def test_image_above_the_limit() -> None:
    content = primary(np.ones((300, 400), np.float32))
    with pytest.raises(ImageError, match=r"400 x 300 pixels; at most 100,000 are read.*max_pixels"):
        read_fits(content, max_pixels=100_000)


def test_gzip_bomb_behind_the_image_is_not_inflated() -> None:
    bomb = gzipped(header_of(50, 50) + b"\0" * 10_080 + b"\0" * 200_000_000)
    assert len(bomb) < 1_000_000
    import tracemalloc

    tracemalloc.start()
    image = read_fits(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.data.shape == (50, 50)
    assert peak < 8_000_000


def test_gzip_bomb_that_declares_its_size_is_refused_before_it_is_inflated() -> None:
    bomb = gzipped(header_of(7000, 7000, bitpix=8) + b"\0" * 49_000_000)
    assert peak_memory(bomb, "at most 1,000,000 are read", max_pixels=1_000_000) < 4_000_000


def test_gzip_bomb_in_a_table_before_the_image() -> None:
    table = raw_header(
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        "NAXIS1  =             10000000",
        "NAXIS2  =                   40",
        "PCOUNT  =                    0",
        "GCOUNT  =                    1",
        "TFIELDS =                    0",
    )
    bomb = gzipped(header_of() + table + b"\0" * 400_000_000)
    assert peak_memory(bomb, "holds no image, only a table", max_pixels=10_000) < 4_000_000


def test_gzip_bomb_inside_a_compressed_tile() -> None:
    good = compressed(np.ones((40, 40), "i4"), compression_type="GZIP_1", tile_shape=(40, 40))
    hdus = fits.open(io.BytesIO(good), disable_image_compression=True)
    bomb = np.frombuffer(gzipped(b"\0" * 300_000_000), np.uint8)
    rows = np.empty(1, dtype=object)
    rows[0] = bomb
    column = fits.Column("COMPRESSED_DATA", f"1PB({len(bomb)})", array=rows)
    table = fits.BinTableHDU.from_columns([column])
    for key, value in hdus[1].header.items():
        if key.startswith("Z"):
            table.header[key] = value
    hdus.close()
    content = as_bytes(fits.HDUList([fits.PrimaryHDU(), table]))
    assert peak_memory(content, "tile inflates to more than 12,800 bytes") < 8_000_000


def test_all_nan_is_refused() -> None:
    with pytest.raises(ImageError, match=r"all 10,000 pixels are NaN.*outside of the survey"):
        read_fits(primary(np.full((100, 100), np.nan, np.float32), cards()))


def test_infinities_become_nan() -> None:
    data = noise()
    data[0, 0], data[1, 1] = np.inf, -np.inf
    image = read_fits(primary(data, cards()))
    assert np.isnan(image.data[[0, 1], [0, 1]]).all()
    assert any("2 infinite pixel(s)" in note for note in image.notes)


def test_constant_image_is_noted() -> None:
    image = read_fits(primary(np.zeros((30, 30), np.float32), cards((30, 30))))
    assert "all pixels have the same value, 0" in image.notes


def test_values_beyond_float32() -> None:
    data = noise().astype("f8")
    data[2, 2] = 1e300
    assert np.isnan(read_fits(primary(data)).data[2, 2])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["BITPIX  =                    7", "NAXIS   =                    0"], "BITPIX = 7; FITS"),
        (["NAXIS   =                    2"], "BITPIX is missing"),
        (["BITPIX  =                  -32"], "NAXIS is missing"),
        (["BITPIX  =                  -32", "NAXIS   =                 1000"], "0 to 999"),
        (["BITPIX  =                  -32", "NAXIS   =                    2"], "NAXIS1 is missing"),
        (
            ["BITPIX  =                  -32", "NAXIS   =                    1", "NAXIS1  = -5"],
            "negative axis",
        ),
        (
            [
                "BITPIX  =                  -32",
                "NAXIS   =                    1",
                "NAXIS1  = 'many'",
            ],
            "'many' is not an integer",
        ),
    ],
)
def test_damaged_headers(lines: list[str], message: str) -> None:
    content = raw_header("SIMPLE  =                    T", *lines) + b"\0" * 2880
    with pytest.raises(ImageError, match=message):
        read_fits(content)


def test_header_without_end() -> None:
    content = b"SIMPLE  =                    T".ljust(80) + b"COMMENT ".ljust(80) * 40_000
    with pytest.raises(ImageError, match="no END within"):
        read_fits(content)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "locked", "nul"])
def test_paths_that_cannot_be_read(kind: str, tmp_path: Path) -> None:
    path: Path | str = tmp_path / "x.fits"
    if kind == "folder":
        (tmp_path / "x.fits").mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "locked":
        write(tmp_path / "x.fits", primary(noise())).chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read any file")
    elif kind == "nul":
        path = "x.fits\0y"
    with pytest.raises(ImageError, match=r"x\.fits"):
        read_fits(path)


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


# -- pictures ----------------------------------------------------------------------------


def picture(array: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **options)
    return out.getvalue()


def ramp() -> np.ndarray:
    return np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)


def test_png_has_its_lowest_line_first() -> None:
    levels = (ramp() % 251).astype(np.uint8)
    image = read_png_jpeg(picture(levels), name="a.png")
    assert np.array_equal(image.data, levels[::-1])
    assert image.data.dtype == np.float32
    assert (image.wcs, image.bunit, image.header) == (None, "", "")


def test_png_of_16_bits() -> None:
    assert np.array_equal(read_png_jpeg(picture(ramp())).data, ramp()[::-1])


def test_colour_becomes_luminance_with_a_note() -> None:
    colour = np.zeros((20, 30, 3), np.uint8)
    colour[:10, :, 0] = 200
    image = read_png_jpeg(picture(colour))
    assert any("colour converted to luminance" in n for n in image.notes)
    assert image.data.max() == pytest.approx(0.299 * 200, abs=1)


def test_grey_stored_as_colour_and_transparency() -> None:
    grey = np.repeat((ramp() % 251).astype(np.uint8)[..., None], 4, axis=2)
    grey[..., 3] = 255
    image = read_png_jpeg(picture(grey))
    assert np.allclose(image.data, grey[::-1, :, 0], atol=1)
    assert not any("colour" in n for n in image.notes)
    grey[..., 3] = 0
    assert any("same value, 0" in n for n in read_png_jpeg(picture(grey)).notes)


def test_jpeg_and_dispatch_by_content() -> None:
    levels = (ramp() % 251).astype(np.uint8)
    image = read_image(picture(levels, "JPEG", quality=95), name="misnamed.fits")
    assert np.abs(image.data - levels[::-1]).mean() < 10
    assert isinstance(read_image(primary(noise(), cards())), SkyImage)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"GIF89a" + b"0" * 50, "neither a PNG nor a JPEG"),
        (picture(ramp())[:150], "damaged"),
        (picture(np.zeros((1, 50), np.uint8)), "50 x 1 pixels is not an image"),
        (picture(np.zeros((400, 400), np.uint8)), "400 x 400 pixels; at most 100,000"),
    ],
)
def test_bad_pictures(content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"^p.png: .*{message}"):
        read_png_jpeg(content, name="p.png", max_pixels=100_000)


def test_picture_bomb_is_refused_before_it_is_decoded() -> None:
    import struct
    import zlib

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 10**6))
    )
    with pytest.raises(ImageError):
        read_png_jpeg(bomb)


# -- threads -----------------------------------------------------------------------------


def test_threads_read_in_silence(shared_data: Path) -> None:
    paths = sorted((shared_data / "mirabest_fits_original").glob("*.fits")) * 2
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(read_image, paths))
    assert all(a.data.shape == (300, 300) for a in images)
