"""Encode images and generate galaxies; both open torch, which takes seconds the first time."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.api.samples import default_encoder, open_data_set
from radioviz.encode import Encoder, GeneratedGalaxies, GenerationRequest, Generator
from radioviz.errors import ImageError, ModelError
from radioviz.images.reading import SkyImage
from radioviz.models.registry import decoders
from radioviz.paths import special_file
from radioviz.similarity import query_image

ImageSource = np.ndarray | str | PathLike[str]


def encode_images(
    images: ImageSource | Sequence[ImageSource],
    model: str = "",
    *,
    like: str = "first",
    pixel_scale: float | None = None,
    beam: float | None = None,
    noisy: bool | None = None,
) -> np.ndarray:
    """Latent vectors of arrays or of FITS, PNG or JPEG files.

    Each image is smoothed to the beam of a data set, clipped, cropped about its centre, resampled
    and normalised, as on the Similar page.

    Parameters
    ----------
    images : array, path, or a sequence of them
        Arrays of shape ``(ny, nx)`` or ``(n, ny, nx)``, north up and east left (axis 0 grows
        to the north, axis 1 to the west).
    model : str
        Encoder; by default the one that the app opens first.
    like : str
        Data set whose beam the images are smoothed to.
    pixel_scale : float, optional
        Arcsec per pixel; needed for arrays and files without a WCS, overrides a header.
    beam : float, optional
        FWHM in arcsec; by default from the header, else that of the data set.
    noisy : bool, optional
        Whether to clip the noise at 3 sigma; by default where negative pixels or a brightness unit
        say that the noise is still in the image.

    Returns
    -------
    numpy.ndarray
        Float32, shape ``(n, d)``.

    Raises
    ------
    ImageError, ModelError, PreprocessError
        If an image cannot be read or has no pixel scale, or the model does not encode.

    Examples
    --------
    >>> import radioviz
    >>> first = radioviz.open_data_set("first")
    >>> radioviz.encode_images(first.image("first-0"), "vae32", pixel_scale=1.8).shape
    (1, 32)
    """
    encoder = Encoder.load(model or default_encoder())
    catalogue = open_data_set(like).catalogue
    seen = []
    for image in _sky_images(images):
        scale = pixel_scale if pixel_scale is not None else image.pixel_scale
        if scale is None:
            raise ImageError(f"{image.file}: unknown pixel scale; give pixel_scale in arcsec")
        fwhm = beam if beam is not None else (image.beam.fwhm if image.beam else None)
        clip = query_image.holds_noise(image) if noisy is None else noisy
        prepared, _ = query_image.prepare_picture(
            image, query_image.Box.whole(image.data), pixel_scale=scale, beam=fwhm, noisy=clip,
            survey=catalogue.info_for(fwhm), chain=encoder.info.preprocess,
        )  # fmt: skip
        seen.append(prepared)
    if not seen:
        raise ImageError("no image to encode; give at least one")
    return encoder.encode(np.concatenate(seen))


def _sky_images(images: ImageSource | Sequence[ImageSource]) -> list[SkyImage]:
    """Each image as read, files by their name."""
    if isinstance(images, str | PathLike):
        path = Path(fspath(images))
        if kind := special_file(path):
            raise ImageError(f"{path} is {kind}; give a FITS, PNG or JPEG file")
        try:
            return [query_image.read_picture(path.read_bytes(), path.name)]
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error
    if not isinstance(images, np.ndarray):
        return [found for image in images for found in _sky_images(image)]
    if images.ndim not in (2, 3):
        raise ImageError(f"images have shape {images.shape}; expected (ny, nx) or (n, ny, nx)")
    stack = images[None] if images.ndim == 2 else images
    return [SkyImage(np.asarray(a, np.float32), f"image {i}") for i, a in enumerate(stack)]


def generate_galaxies(
    label: str | None = None,
    size: float | None = None,
    *,
    number: int = 1,
    seed: int = 0,
    model: str = "",
    **options: Any,
) -> GeneratedGalaxies:
    """New galaxies from a trained decoder; the same request gives the same pixels.

    Parameters
    ----------
    label : str, optional
        ``FRI`` or ``FRII``; None draws classes as often as they were learned.
    size : float, optional
        Largest angular size in arcsec; None draws sizes as they are among real galaxies.
    number, seed : int
        How many, and of which sequence.
    model : str
        Decoder; by default the one that the app opens first.
    **options
        ``mode``, ``centre``, ``spread``, ``temperature``, as in
        :class:`radioviz.encode.GenerationRequest`.

    Returns
    -------
    GeneratedGalaxies
        ``images`` ``(n, size, size)``, ``latents`` ``(n, d)``, ``labels``, ``sizes`` [arcsec].

    Raises
    ------
    ModelError
        If the model cannot do what is requested; the message names what it can.

    Examples
    --------
    >>> import radioviz
    >>> made = radioviz.generate_galaxies("FRII", 60, number=2, seed=1, model="cvae")
    >>> made.images.shape, made.labels
    ((2, 64, 64), ('FRII', 'FRII'))
    """
    named = model or next(iter(decoders()), "")
    if not named:
        raise ModelError("no trained model generates; train one: python -m train cvae")
    request = GenerationRequest(n=number, seed=seed, label=label, size=size, **options)
    return Generator.load(named).sample(request)
