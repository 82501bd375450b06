"""PNG and JPEG pictures as images."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radioviz.errors import ImageError
from radioviz.images.reading import SkyImage, read_image, read_png_jpeg
from radioviz.morphology.measuring import measure
from tests.data.fits_files import (
    cards,
    noise,
    primary,
)


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


def double_on_black() -> np.ndarray:
    """Two points of three pixels FWHM, of 250 and 200 grey levels, 40 pixels apart."""
    y, x = np.indices((128, 128))
    parts = [
        peak * np.exp(-4 * np.log(2) * ((x - at) ** 2 + (y - 60) ** 2) / 9)
        for at, peak in ((40, 250), (80, 200))
    ]
    return np.sum(parts, axis=0).astype(np.uint8)


@pytest.mark.parametrize("quality", [60, 75, 90, 95])
def test_errors_of_compression_are_not_emission(quality: int) -> None:
    """Rings of a few grey levels had made a source several times as long."""
    levels = double_on_black()
    image = read_png_jpeg(picture(levels, "JPEG", quality=quality))
    assert (image.data[levels[::-1] == 0] == 0).mean() > 0.998
    bright = levels[::-1] > 60
    assert np.abs(image.data - levels[::-1])[bright].max() < 25
    assert any("JPEG on a black sky" in n for n in image.notes)
    found = measure(image.data[None].astype(np.uint8), 1.8, 5.4)
    assert found["las_measured"][0] == pytest.approx(72, rel=0.05)
    noisy = (levels + 20 + np.random.default_rng(0).normal(0, 4, levels.shape)).clip(0, 255)
    seen = read_png_jpeg(picture(noisy.astype(np.uint8), "JPEG", quality=quality))
    assert not any("JPEG" in n for n in seen.notes)


def test_a_negative_is_inverted() -> None:
    levels = double_on_black()
    image = read_png_jpeg(picture(255 - levels))
    assert np.array_equal(image.data, levels[::-1])
    assert any("inverted" in n for n in image.notes)
    full = np.where(np.hypot(*(np.indices((128, 128)) - 64)) < 60, 255, 0).astype(np.uint8)
    assert np.array_equal(read_png_jpeg(picture(full)).data, full[::-1])


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


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_pictures_read_in_strips_are_as_if_read_at_once(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    whole = Image.fromarray(rng.integers(0, 255, (23, 31, 4), dtype=np.uint8), "RGBA")
    picture = whole.convert("RGB").convert("P") if mode == "P" else whole.convert(mode)
    kept = io.BytesIO()
    picture.save(kept, "PNG", **({"transparency": 3} if mode == "P" else {}))
    at_once = read_png_jpeg(kept.getvalue())
    monkeypatch.setattr("radioviz.images.picture_levels._STRIP", 100)
    in_strips = read_png_jpeg(kept.getvalue())
    np.testing.assert_array_equal(in_strips.data, at_once.data)
    assert in_strips.notes == at_once.notes
    if mode != "P":
        black = Image.new("RGBA", whole.size, (0, 0, 0, 255))
        black.alpha_composite(picture.convert("RGBA"))
        grey = np.asarray((black if "A" in mode else picture).convert("L"), np.float32)
        np.testing.assert_array_equal(at_once.data, grey[::-1])


def test_a_chunk_is_asked_for_no_more_than_the_file_has() -> None:
    """Pillow would have Python make room for the four gigabytes that a chunk claims."""

    class Asked(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1) -> bytes:
            self.most = max(self.most, size or 0)
            return super().read(size)

    content = bytearray(picture(np.eye(70, dtype=bool)))
    where = content.index(b"IDAT")
    content[where - 4 : where] = b"\xff\xff\xff\xf0"
    file = Asked(bytes(content))
    assert read_png_jpeg(file, name="x.png").data.shape == (70, 70)
    assert file.most <= max(len(content), 1 << 20)
