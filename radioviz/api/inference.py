"""Encode images and generate galaxies; both open torch, which takes seconds the first time."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.api.samples import default_encoder, open_data_set
from radioviz.atlas.layouts import REFERENCE
from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import Preprocess
from radioviz.encode import PLANE_BATCH, Encoder, GeneratedGalaxies, GenerationRequest, Generator
from radioviz.errors import ImageError, ModelError
from radioviz.images.dihedral import dihedral_views
from radioviz.images.reading import SkyImage
from radioviz.models.registry import decoders, generators, list_models
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
    box: tuple[int, int, int, int] | None = None,
    extension: int | None = None,
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
    box : (int, int, int, int), optional
        ``left``, ``right``, ``bottom``, ``top`` in pixels: the part to encode; the whole by
        default.
    extension : int, optional
        Number of the image in a FITS file that holds several.

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
    survey, chain = open_data_set(like).catalogue, encoder.info.preprocess
    seen = [
        _as_seen(image, survey, chain, pixel_scale, beam, noisy, box)
        for image in _sky_images(images, extension)
    ]
    if not seen:
        raise ImageError("no image to encode; give at least one")
    return encoder.encode(np.concatenate(seen))


def encode_example(
    image: ImageSource | GeneratedGalaxies,
    model: str,
    *,
    like: str,
    rotated: bool,
    pixel_scale: float | None = None,
    beam: float | None = None,
    noisy: bool | None = None,
    box: tuple[int, int, int, int] | None = None,
    extension: int | None = None,
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """One image as an example of a search; parameters as for :func:`encode_images`.

    Parameters
    ----------
    rotated : bool
        Whether to encode its eight views.

    Returns
    -------
    latents : numpy.ndarray
        Float32, shape ``(1, d)`` or ``(8, d)``.
    position : (float, float) or None
        J2000 position of its middle in degrees, where the file has a WCS.

    Raises
    ------
    ImageError, ModelError, PreprocessError
        As :func:`encode_images`, or if it is not one image.
    """
    encoder = Encoder.load(model)
    chain, place = encoder.info.preprocess, None
    if isinstance(image, GeneratedGalaxies):
        number = len(image)
        # They look like preprocessed images; at equal scale the chain changes nothing.
        seen = chain(image.images, generated_pixel_scale(image), beam=None)
    else:
        found = _sky_images(image, extension)
        number = len(found)
        if number == 1:
            survey = open_data_set(like).catalogue
            seen = _as_seen(found[0], survey, chain, pixel_scale, beam, noisy, box)
            place = query_image.position_of(found[0], _box(box, found[0]))
    if number != 1:
        raise ImageError(f"{number} images as one example; give one of them")
    views = dihedral_views(seen)[0] if rotated else seen
    return encoder.encode(np.ascontiguousarray(views, dtype=np.float32)), place


def generated_pixel_scale(generated: GeneratedGalaxies) -> float:
    """Arcsec per pixel of generated images: that of the training images of FIRST."""
    chain = list_models()[generated.model].preprocess
    return chain.output_scale_arcsec(open_data_set(REFERENCE).info)


def _as_seen(
    image: SkyImage,
    survey: Catalogue,
    chain: Preprocess,
    pixel_scale: float | None,
    beam: float | None,
    noisy: bool | None,
    box: tuple[int, int, int, int] | None,
) -> np.ndarray:
    """An image as the encoder sees it, ``(1, size, size)``."""
    scale = pixel_scale if pixel_scale is not None else image.pixel_scale
    if scale is None:
        raise ImageError(f"{image.file}: unknown pixel scale; give pixel_scale in arcsec")
    fwhm = beam if beam is not None else (image.beam.fwhm if image.beam else None)
    clip = query_image.holds_noise(image) if noisy is None else noisy
    prepared, _ = query_image.prepare_picture(
        image, _box(box, image), pixel_scale=scale, beam=fwhm, noisy=clip,
        survey=survey.info_for(fwhm), chain=chain,
    )  # fmt: skip
    return prepared


def _box(box: tuple[int, int, int, int] | None, image: SkyImage) -> query_image.Box:
    return query_image.Box.whole(image.data) if box is None else query_image.Box(*box)


def _sky_images(
    images: ImageSource | Sequence[ImageSource], extension: int | None = None
) -> list[SkyImage]:
    """Each image as read, files by their name."""
    if isinstance(images, str | PathLike):
        path = Path(fspath(images))
        if kind := special_file(path):
            raise ImageError(f"{path} is {kind}; give a FITS, PNG or JPEG file")
        try:
            return [query_image.read_picture(path.read_bytes(), path.name, extension)]
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error
    if not isinstance(images, np.ndarray):
        return [found for image in images for found in _sky_images(image, extension)]
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
        A class of the model, such as ``FRI``; None draws classes as often as they were learned.
    size : float, optional
        Largest angular size in arcsec; None draws sizes as they are among real galaxies.
    number, seed : int
        How many, and of which sequence.
    model : str
        Decoder; by default the one that the app opens first.
    **options
        ``mode``, ``centre``, ``spread``, ``temperature``, and what is done beyond one draw:
        ``candidates``, ``certainty``, ``guidance``, ``corrections``, as in
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
    named = model or next(iter(generators()), "")
    if not named:
        raise ModelError("no trained model generates; train one: python -m train cvae")
    request = GenerationRequest(n=number, seed=seed, label=label, size=size, **options)
    return Generator.load(named).sample(request)


def decode_latents(
    latents: np.ndarray,
    model: str = "",
    *,
    label: str | None = None,
    size: float | None = None,
    thumbnails: bool = False,
) -> np.ndarray:
    """Images at latent vectors.

    Each is decoded by itself, so that one image comes out the same whichever others are with it.

    Parameters
    ----------
    latents : numpy.ndarray
        Shape ``(n, d)`` or ``(d,)``.
    model : str
        Decoder; by default the one that the app opens first.
    label, size : str, float, optional
        Class, and angular size in arcsec, where the model accepts them; by default those that the
        latent vector holds.
    thumbnails : bool
        Decode in batches, without added detail, as the plane of the page Grid walk does.

    Returns
    -------
    numpy.ndarray
        Float32, shape ``(n, size, size)``, 0..1 of the brightest pixel; north up, east left.
        ``(n, channels, size, size)`` of a model that sees several images of a source.

    Raises
    ------
    ModelError
        If the model cannot decode, or does not accept the shape or a condition.

    Examples
    --------
    >>> import radioviz
    >>> radioviz.decode_latents([[0.0, 0.0], [1.0, -2.0]], "vae2").shape
    (2, 64, 64)
    """
    encoder = Encoder.load(model or next(iter(decoders()), ""))
    z = np.atleast_2d(np.asarray(latents, np.float32))
    given = {"label": label, "size": size}
    conditions = {name: value for name, value in given.items() if value is not None}
    if thumbnails:
        return encoder.decode(z, conditions, batch=PLANE_BATCH, draft=True)
    return encoder.decode(z, conditions, batch=1)


def reconstruct_galaxies(
    data_set: str, galaxies: Sequence[str], model: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Galaxies encoded and decoded again, each as its class where the model has it.

    Parameters
    ----------
    galaxies : sequence of str
        Values of ``source_id``.
    model : str
        Model that encodes and decodes; by default the decoder that the app opens first.

    Returns
    -------
    inputs, reconstructions : numpy.ndarray
        Float32, shape ``(n, size, size)``, or ``(n, channels, size, size)``, 0..1: the galaxies as
        the model sees them, and again.

    Raises
    ------
    CatalogueError, ModelError
        If a galaxy is unknown, or the model cannot encode and decode.

    Examples
    --------
    >>> import radioviz
    >>> seen, again = radioviz.reconstruct_galaxies("first", ["first-0"], "vae32")
    >>> seen.shape == again.shape
    True
    """
    encoder = Encoder.load(model or next(iter(decoders()), ""))
    catalogue = open_data_set(data_set).catalogue
    rows = catalogue.rows_of(list(galaxies))
    inputs = encoder.preprocessed_rows(catalogue, rows)
    labels = catalogue.table["label"].to_numpy(object)[rows]
    made = [encoder.reconstruct_as(i[None], str(c)) for i, c in zip(inputs, labels, strict=True)]
    return inputs, np.concatenate(made) if made else inputs
