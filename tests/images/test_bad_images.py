"""Files that are broken, hostile or no images: refused by name, at a bounded cost."""

from __future__ import annotations

import io
import os
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radioviz.errors import ImageError
from radioviz.images.hdus import open_source
from radioviz.images.reading import read_fits, read_image, read_png_jpeg
from radioviz.jobs.reader_process import read_confined
from radioviz.jobs.sandbox import Limits
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
    assert any("bytes after the last HDU" in note for note in image.notes)


def header_of(*axes: int, bitpix: int = -32) -> bytes:
    lengths = [f"NAXIS{i:<3}= {n:20d}" for i, n in enumerate(axes, 1)]
    return raw_header(
        "SIMPLE  =                    T",
        f"BITPIX  = {bitpix:20d}",
        f"NAXIS   = {len(axes):20d}",
        *lengths,
    )


def peak_memory(content: bytes, message: str, **options: Any) -> int:
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
    assert peak_memory(content, "cut short|cube|at most") < 1_000_000
    assert peak_memory(gzipped(content), "cut short|cube|at most") < 2_000_000


def test_image_above_the_limit() -> None:
    content = primary(np.ones((300, 400), np.float32))
    with pytest.raises(ImageError, match=r"400 x 300 pixels; at most 100,000 are read.*max_pixels"):
        read_fits(content, max_pixels=100_000)


def test_gzip_bomb_behind_the_image_is_inflated_as_far_as_the_bound() -> None:
    bomb = gzipped(header_of(50, 50) + b"\0" * 10_080 + b"\0" * 200_000_000)
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    image = read_fits(bomb, max_pixels=10_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.data.shape == (50, 50)
    assert any("bytes of the gzip stream are inflated" in note for note in image.notes)
    assert peak < 50_000_000


def test_gzip_bomb_that_declares_its_size() -> None:
    bomb = gzipped(header_of(7000, 7000, bitpix=8) + b"\0" * 49_000_000)
    assert peak_memory(bomb, "at most 1,000,000 are read", max_pixels=1_000_000) < 50_000_000


def test_gzip_stream_that_is_longer_than_the_bound() -> None:
    content = gzipped(as_bytes(fits.HDUList([fits.PrimaryHDU(noise()), fits.ImageHDU(noise())])))
    with open_source(content, limit=60_000) as file:
        assert len(file.data(file.hdus[0])) == 40_000
        with pytest.raises(ImageError, match="only 60,000 bytes of the gzip stream are inflated"):
            file.data(file.hdus[1])


def test_pixels_that_no_group_holds() -> None:
    """GCOUNT = 0: no data, whatever the axes say."""
    content = raw_header(
        "SIMPLE  =                    T",
        "BITPIX  =                  -32",
        "NAXIS   =                    2",
        "NAXIS1  =                    8",
        "NAXIS2  =                    8",
        "GCOUNT  =                    0",
    )
    with pytest.raises(ImageError, match="HDU 0: GCOUNT = 0, but it declares 64 pixels"):
        read_fits(content + b"\0" * 2880)


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
    assert peak_memory(bomb, "holds no image, only a table", max_pixels=10_000) < 50_000_000


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
    assert peak_memory(content, r"cannot be decoded \(cannot reshape") < 1_000_000_000
    with pytest.raises(ImageError, match="cannot be decoded"):
        read_confined(
            "radioviz.images.reading:read_fits", content, limits=Limits(memory=200_000_000)
        )


@pytest.mark.parametrize("value", ["99999999999999999", "-1", "'x'"])
def test_claimed_number_of_table_fields_is_bounded(value: str) -> None:
    """astropy would loop over as many fields as the header claims."""
    content = bytearray(compressed(noise(), cards()))
    at = content.index(b"TFIELDS =")
    content[at : at + 80] = f"TFIELDS = {value}".encode().ljust(80)
    with pytest.raises(ImageError, match=r"TFIELDS = .* expected 1 to 99"):
        read_fits(bytes(content))


@pytest.mark.parametrize("seed", ["0", "-1", "10001", "9223372036854775807", "'x'"])
def test_seed_of_the_dithering_is_bounded(seed: str) -> None:
    """astropy's decoder would read memory out of bounds, and crash."""
    content = bytearray(compressed(noise(), cards(), quantize_method=2))
    at = content.index(b"ZDITHER0=")
    content[at : at + 80] = f"ZDITHER0= {seed}".encode().ljust(80)
    with pytest.raises(ImageError, match=r"ZDITHER0 = .* expected 1 to 10000"):
        read_fits(bytes(content))


@pytest.mark.parametrize("order", [11_073, -1])
def test_orders_of_distortion_are_bounded(order: int) -> None:
    """astropy makes a matrix of so many terms squared."""
    header = cards((24, 24)) | {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"}
    header |= {"A_ORDER": order, "B_ORDER": 2, "A_2_0": 1e-7, "B_0_2": 1e-7}
    image = read_fits(primary(noise((24, 24)), header))
    assert image.wcs is None
    assert f"A_ORDER = {order}, SIP allows 9" in " ".join(image.notes)


def test_all_nan_is_refused() -> None:
    with pytest.raises(ImageError, match=r"all 10,000 pixels are NaN.*outside the survey"):
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
        (
            [
                "BITPIX  =                  -32",
                "NAXIS   =                    2",
                "NAXIS1  =                   40",
                "NAXIS2  =                   40",
                "NAXIS1  =                   20",
            ],
            "NAXIS1 is in the header twice, as '40' and '20'",
        ),
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


# -- fuzzing -----------------------------------------------------------------------------

_BASES = (
    primary(noise((24, 24)), cards((24, 24))),
    compressed(noise((24, 24)), cards((24, 24))),
    compressed((noise((24, 24)) * 1e6).astype("i2"), cards((24, 24)), compression_type="GZIP_2"),
    gzipped(primary(noise((1, 1, 24, 24)), cards((24, 24), CTYPE3="FREQ", CTYPE4="STOKES"))),
)
_KEYS = st.sampled_from(
    re.findall(
        r"\w+",
        """
        BITPIX NAXIS NAXIS1 NAXIS2 NAXIS3 PCOUNT GCOUNT GROUPS XTENSION BSCALE BZERO BLANK BUNIT
        BMAJ CTYPE1 CTYPE2 CRVAL1 CRVAL2 CRPIX1 CDELT1 CDELT2 CROTA2 CD1_1 PC1_2 PV2_1 CUNIT1
        LONPOLE EQUINOX RADESYS WCSAXES RESTFRQ ZIMAGE ZNAXIS ZNAXIS1 ZTILE1 ZTILE2 ZBITPIX
        ZCMPTYPE ZNAME1 ZVAL1 ZVAL2 ZQUANTIZ ZBLANK TFIELDS TFORM1 TTYPE1 TTYPE2 THEAP TNULL1
        """,
    )
)
_VALUES = st.one_of(
    st.sampled_from(
        ["T", "F", "", "NaN", "1e308", "-1", "0", "'RICE_1'", "'GLON-AIT'", "'1PB(0)'"]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.integers(-3, 70).map(str),
    st.floats().map(str),
    st.text(max_size=40).map(repr),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    base=st.sampled_from(_BASES),
    edits=st.lists(st.tuples(_KEYS, _VALUES), max_size=4),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=3))),
    keep=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_any_damage_gives_an_image_or_an_image_error(
    base: bytes, edits: list[tuple[str, str]], flips: list[tuple[float, bytes]], keep: float
) -> None:
    """Whatever the bytes: no other exception, no warning, no array of another kind."""
    content = bytearray(base)
    for key, value in edits:
        card = f"{key:8}= {value:>20}".encode("latin-1", "replace").ljust(80)[:80]
        found = content.find(f"{key:8}=".encode())
        at = found if found >= 0 and found % 80 == 0 else 80 * 5
        content[at : at + 80] = card
    for where, what in flips:
        at = int(where * len(content))
        content[at : at + len(what)] = what
    try:
        image = read_image(bytes(content[: int(keep * len(content))]), max_pixels=100_000)
    except ImageError as error:
        assert str(error).startswith("the data: ")
    else:
        assert image.data.dtype == np.float32
        assert image.data.ndim == 2
        assert np.isfinite(image.data).any()
        assert (image.position is None) == (image.wcs is None) == (image.pixel_scale is None)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=6000))
def test_random_bytes(content: bytes) -> None:
    with pytest.raises(ImageError):
        read_image(content)
    with pytest.raises(ImageError):
        read_image(b"SIMPLE  =                    T".ljust(80) + content, max_pixels=100_000)
    with pytest.raises(ImageError):
        read_png_jpeg(b"\x89PNG\r\n\x1a\n" + content)
