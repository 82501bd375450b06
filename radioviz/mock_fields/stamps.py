"""A generated galaxy on the pixels of a field: scaled, rotated, convolved, at a given position."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radioviz.sky import FWHM

_REACH = 4.5
"""Standard deviations of a beam after which nothing is drawn: 4e-5 of the peak."""


@dataclass(frozen=True, eq=False)
class Stamp:
    """Pixels of one source, and where they lie."""

    values: np.ndarray  # float32 ``(ny, nx)``, sum 1
    # row, column: of its first pixel, in the field; they may lie outside of it
    row: int
    column: int


def beam_stamp(x: float, y: float, beam: np.ndarray) -> Stamp:
    """An unresolved source at pixel position x, y, with a beam of covariance [pixels^2]."""
    half = math.ceil(_REACH * math.sqrt(np.linalg.eigvalsh(beam)[-1])) + 1
    column, row = round(x) - half, round(y) - half
    at = np.stack(np.meshgrid(np.arange(2 * half + 1) + column - x,
                              np.arange(2 * half + 1) + row - y))  # fmt: skip
    inside = np.einsum("iyx,ij,jyx->yx", at, np.linalg.inv(beam), at)
    values = np.exp(-0.5 * inside)
    return Stamp((values / values.sum()).astype(np.float32), row, column)


def galaxy_stamp(
    x: float,
    y: float,
    template: np.ndarray,
    *,
    scale: float,
    angle: float,
    mirror: bool,
    own_beam: float,
    beam: np.ndarray,
) -> Stamp:
    """A template whose centroid is at pixel position x, y.

    Parameters
    ----------
    template : numpy.ndarray
        Shape ``(size, size)``, zero where there is no galaxy.
    scale : float
        Pixels of the field per pixel of the template.
    angle : float
        Radians by which it is rotated, x to y.
    mirror : bool
        Whether its columns are reversed first.
    own_beam : float
        FWHM of the beam in the template, in pixels of the template.
    beam : numpy.ndarray
        Covariance of the beam of the field [pixels^2]. The template is convolved with what its own
        beam lacks of it; in a direction in which its beam is wider it keeps its own.
    """
    image = np.asarray(template, float)[:, ::-1] if mirror else np.asarray(template, float)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    lacking = turn.T @ beam @ turn / scale**2 - np.eye(2) * (own_beam / FWHM) ** 2
    values, axes = np.linalg.eigh(lacking)
    lacking = axes @ np.diag(np.clip(values, 0, None)) @ axes.T
    sigma = math.sqrt(max(0.0, values[-1]))
    pad = math.ceil(_REACH * sigma) + 2
    image = _convolved(np.pad(image, pad), lacking)
    rows, columns = np.indices(image.shape)
    total = image.sum()
    cy, cx = (image * rows).sum() / total, (image * columns).sum() / total
    bright = image > 1e-4 * image.max()
    reach = math.sqrt(float(((rows - cy) ** 2 + (columns - cx) ** 2)[bright].max())) + 2
    half = math.ceil(reach * scale) + 1
    column, row = round(x) - half, round(y) - half
    u, v = np.meshgrid(np.arange(2 * half + 1) + column - x, np.arange(2 * half + 1) + row - y)
    spline = ndimage.spline_filter(image)
    shift = np.zeros(2)
    for _ in range(2):  # the second time at the centroid that the pixels of the field have
        p = (turn[0, 0] * (u + shift[0]) + turn[1, 0] * (v + shift[1])) / scale
        q = (turn[0, 1] * (u + shift[0]) + turn[1, 1] * (v + shift[1])) / scale
        drawn = ndimage.map_coordinates(spline, [cy + q, cx + p], prefilter=False)
        drawn = np.clip(drawn, 0, None)  # a spline undershoots at the edge of a galaxy
        drawn /= drawn.sum()
        shift += (drawn * u).sum(), (drawn * v).sum()
    return Stamp(drawn.astype(np.float32), row, column)


def _convolved(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """An image convolved with a Gaussian of covariance [pixels^2], which may be of any width."""
    ky = np.fft.fftfreq(image.shape[0])[:, None]
    kx = np.fft.rfftfreq(image.shape[1])[None]
    power = kernel[0, 0] * kx**2 + 2 * kernel[0, 1] * kx * ky + kernel[1, 1] * ky**2
    seen = np.fft.rfft2(image) * np.exp(-2 * np.pi**2 * power)
    return np.fft.irfft2(seen, image.shape)
