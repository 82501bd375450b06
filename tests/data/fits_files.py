"""Small FITS files for the tests of the readers."""

from __future__ import annotations

import gzip
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

CENTRE = SkyCoord(150.0, 35.0, unit=u.deg, frame="fk5")
SCALE = 1.8  # arcsec per pixel
EAST, NORTH = 36.0, 54.0  # arcsec: where the source of `sky_image` is, seen from CENTRE

FIRST_CARDS: dict[str, Any] = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": 35.0,
    "CDELT1": -SCALE / 3600,
    "CDELT2": SCALE / 3600,
    "RADESYS": "FK5",
    "EQUINOX": 2000.0,
    "SURVEY": "FIRST",
    "BUNIT": "JY/BEAM",
}


def cards(shape: tuple[int, int] = (100, 100), **changes: Any) -> dict[str, Any]:
    """Cards of a plain FIRST cutout centred on CENTRE; a change to None takes a card out."""
    out = {**FIRST_CARDS, "CRPIX1": (shape[1] + 1) / 2, "CRPIX2": (shape[0] + 1) / 2, **changes}
    return {k: v for k, v in out.items() if v is not None}


def source_position() -> SkyCoord:
    """Sky position of the source of :func:`sky_image`."""
    return CENTRE.spherical_offsets_by(EAST * u.arcsec, NORTH * u.arcsec)


def sky_image(header: dict[str, Any], shape: tuple[int, int], fwhm: float = 9.0) -> np.ndarray:
    """A round source of 1 Jy/beam, ``fwhm`` arcsec wide on the sky, drawn through the WCS."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(fits.Header(header)).celestial
        y, x = np.indices(shape)
        at = wcs.pixel_to_world(x, y)
    apart = at.separation(source_position().transform_to(at.frame)).arcsec
    return np.exp(-4 * np.log(2) * (apart / fwhm) ** 2).astype(np.float32)


def noise(shape: tuple[int, ...] = (100, 100), seed: int = 0) -> np.ndarray:
    """Noise of 0.15 mJy/beam with a source of 5 mJy/beam in the middle."""
    image = np.random.default_rng(seed).normal(0, 1.5e-4, shape).astype(np.float32)
    image[..., shape[-2] // 2, shape[-1] // 2] += 5e-3
    return image


def as_bytes(hdus: fits.HDUList | fits.PrimaryHDU) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hdus.writeto(out)
    return out.getvalue()


def primary(data: np.ndarray | None, header: dict[str, Any] | None = None) -> bytes:
    """A file with the image in its primary HDU."""
    return as_bytes(fits.PrimaryHDU(data, fits.Header(header or {})))


def compressed(data: np.ndarray, header: dict[str, Any] | None = None, **how: Any) -> bytes:
    """A file with one tile-compressed image in extension 1."""
    image = fits.CompImageHDU(data, fits.Header(header or {}), **how)
    return as_bytes(fits.HDUList([fits.PrimaryHDU(), image]))


def raw_header(*lines: str) -> bytes:
    """A header block from card texts as they are, END and padding added."""
    text = b"".join(line.encode("latin-1").ljust(80)[:80] for line in (*lines, "END"))
    return text.ljust(-(-len(text) // 2880) * 2880)


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
