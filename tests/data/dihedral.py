"""The eight ways to turn and mirror an image, and how well two images agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

Turn = Callable[[np.ndarray], np.ndarray]

TURNS: dict[str, Turn] = {
    "as it is": lambda a: a,
    "upside down": lambda a: a[::-1],
    "left to right": lambda a: a[:, ::-1],
    "half turn": lambda a: a[::-1, ::-1],
    "transposed": lambda a: a.T,
    "quarter turn": lambda a: a.T[::-1],
    "quarter turn back": lambda a: a.T[:, ::-1],
    "transposed the other way": lambda a: a.T[::-1, ::-1],
}


def agreement(a: np.ndarray, b: np.ndarray) -> tuple[float, int, int]:
    """Normalised cross-correlation at the best cyclic shift, and that shift (dy, dx) of a."""
    a, b = a - a.mean(), b - b.mean()
    product = np.fft.ifft2(np.fft.fft2(a) * np.conj(np.fft.fft2(b))).real
    at = np.unravel_index(product.argmax(), product.shape)
    dy, dx = ((int(k) + n // 2) % n - n // 2 for k, n in zip(at, product.shape, strict=True))
    return float(product.max() / np.sqrt((a * a).sum() * (b * b).sum())), dy, dx


def overlap(a: np.ndarray, b: np.ndarray, dy: int, dx: int) -> float:
    """Correlation of what two images share when the centre of b lies (dy, dx) from that of a."""
    n = len(a)
    a = a[max(0, dy) : n + min(0, dy), max(0, dx) : n + min(0, dx)]
    b = b[max(0, -dy) : n + min(0, -dy), max(0, -dx) : n + min(0, -dx)]
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / norm) if norm else 0.0


def clipped_cutout(file: Path) -> tuple[np.ndarray, WCS]:
    """Raw cutout with what is below three times its noise taken off, and its WCS."""
    with fits.open(file) as hdus:
        data = np.nan_to_num(hdus[1].data.astype(float))
        wcs = WCS(hdus[1].header)
    noise = 1.4826 * np.median(np.abs(data - np.median(data)))
    return np.clip(data, 3 * noise, None) - 3 * noise, wcs
