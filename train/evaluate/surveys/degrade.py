"""Images as another survey would show them: moved, noisy, or at a wider beam."""

from __future__ import annotations

import numpy as np

from radioviz.sky import FWHM

OFFSET = 17.0
"""Arcsec by which ``offset17`` moves an image."""

NOISE = 0.1
"""Noise of ``noise10`` as a share of the peak."""

BEAM = 3.0
"""Factor by which ``beam3`` widens the beam."""

KINDS = ("as is", "offset17", "noise10", "beam3")


def degrade(
    kind: str, images: np.ndarray, pixel_scale: float, beam: float, seed: int
) -> tuple[np.ndarray, float, bool]:
    """Images as another survey would show them, the beam to state, and whether they are raw.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`. ``offset17``: moved in a random direction; ``noise10``: with noise as
        correlated as the beam; ``beam3``: convolved to the wider beam.
    images : numpy.ndarray
        Shape ``(n, ny, nx)``.
    pixel_scale, beam : float
        Arcsec.
    seed : int
        Of the directions and the noise.

    Returns
    -------
    images : numpy.ndarray
        Float32 of the same shape.
    beam : float
        Arcsec.
    raw : bool
    """
    from scipy import ndimage

    given = np.asarray(images, np.float32)
    draw = np.random.default_rng(seed)
    if kind == "as is":
        return given, beam, False
    out = np.empty_like(given)
    if kind == "offset17":
        angle = draw.uniform(0, 2 * np.pi, len(given))
        step = OFFSET / pixel_scale
        for image, turn, moved in zip(given, angle, out, strict=True):
            moved[:] = ndimage.shift(image, (step * np.sin(turn), step * np.cos(turn)), order=1)
        return out, beam, False
    sigma = beam / FWHM / pixel_scale
    if kind == "noise10":
        for image, noisy in zip(given, out, strict=True):
            noise = ndimage.gaussian_filter(
                draw.standard_normal(image.shape), sigma / np.sqrt(2), mode="wrap"
            )
            noisy[:] = image + NOISE * image.max() * noise / noise.std()
        return out, beam, True
    if kind == "beam3":
        wider = sigma * np.sqrt(BEAM**2 - 1)
        for image, smooth in zip(given, out, strict=True):
            ndimage.gaussian_filter(image, wider, output=smooth)
        return out, beam * BEAM, False
    raise ValueError(f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
