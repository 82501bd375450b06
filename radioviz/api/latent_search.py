"""Find galaxies like one of a data set, like one at a position, or like an image."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz.api.inference import encode_images
from radioviz.api.samples import GalaxySample, open_atlas, open_data_set
from radioviz.atlas.layouts import REFERENCE
from radioviz.errors import AtlasError, SelectionError, SimilarityError
from radioviz.similarity import LatentIndex, NullDistribution, Whitening, compose_query, search

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

MEASURES = ("whitened", "cosine")
"""Cosine similarity of whitened latents, as on the Similar page, or of latents as they are."""


def find_similar(
    data_set: str = "first",
    *,
    galaxy: str | Sequence[str] = (),
    position: SkyCoord | str | tuple[float, float] | None = None,
    image: np.ndarray | str | PathLike[str] | None = None,
    unlike: str | Sequence[str] = (),
    model: str = "",
    measure: str = "whitened",
    number: int = 20,
    radius: float = 30.0,
    pixel_scale: float | None = None,
    beam: float | None = None,
) -> pd.DataFrame:
    """The galaxies most similar to the examples, best first.

    Parameters
    ----------
    data_set : str
        Where to search.
    galaxy, unlike : str or sequence of str
        ``source_id`` of galaxies that results should, or should not, resemble.
    position : SkyCoord, str or (float, float), optional
        The galaxy nearest to it is an example: J2000, sexagesimal text or degrees.
    image : numpy.ndarray or path, optional
        An image as example: an array ``(ny, nx)``, or a FITS, PNG or JPEG file.
    model : str
        Encoder; by default the one that the app opens first.
    measure : str
        One of :data:`MEASURES`.
    number : int
        How many results.
    radius : float
        Largest distance of a galaxy from ``position``, arcsec.
    pixel_scale, beam : float, optional
        Of ``image``, arcsec; by default from its header.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``row``, ``source_id``, ``score`` (cosine, at most 1), ``chance`` (fraction
        of unrelated pairs that score as high) and ``separation`` from the nearest example, arcsec.

    Raises
    ------
    RadioVizError
        If no example is given, or a data set, galaxy, position, image or model is unknown.

    Examples
    --------
    >>> import radioviz
    >>> found = radioviz.find_similar("first", galaxy="first-0", model="vae32", number=3)
    >>> len(found), bool(found["score"].is_monotonic_decreasing)
    (3, True)
    """
    if measure not in MEASURES:
        raise SimilarityError(f"measure is '{measure}'; expected one of {', '.join(MEASURES)}")
    sample = open_data_set(data_set)
    atlas = open_atlas(data_set, model)
    index = LatentIndex.of(sample.catalogue, atlas)
    whitening = None
    if measure == "whitened":
        try:
            reference = open_atlas(REFERENCE, atlas.model)
        except AtlasError:
            reference = atlas
        whitening = Whitening.of(reference.latents)
        index = whitening.index(index)
    examples = [galaxy] if isinstance(galaxy, str) else list(galaxy)
    if position is not None:
        examples.append(nearest_galaxy(sample, position, radius))
    latent = None
    if image is not None:
        latent = encode_images(
            image, atlas.model, like=data_set, pixel_scale=pixel_scale, beam=beam
        )
    counter = [unlike] if isinstance(unlike, str) else unlike
    sides = [[(data_set, source_id) for source_id in ids] for ids in (examples, counter)]
    query = compose_query([index], *sides, image=latent, whitening=whitening)
    positives = len(query.positives)
    negatives = 0 if query.negatives is None else len(query.negatives)
    null = NullDistribution.of(index, positives=positives, negatives=negatives)
    return search([index], query, number, nulls={data_set: null})


def nearest_galaxy(
    sample: GalaxySample, position: SkyCoord | str | tuple[float, float], radius: float = 30.0
) -> str:
    """``source_id`` of the galaxy nearest to a position.

    Parameters
    ----------
    position : SkyCoord, str or (float, float)
        J2000: an astropy position, sexagesimal text or degrees.
    radius : float
        Largest distance, arcsec.

    Raises
    ------
    SelectionError
        If it is not a position, or no galaxy is that near.

    Examples
    --------
    >>> import radioviz
    >>> radioviz.nearest_galaxy(radioviz.open_data_set("first"), "07:47:08.4 +17:17:27")
    'first-0'
    """
    where = _sky_position(position)
    apart = np.asarray(where.separation(sample.positions).arcsec)
    here = where.to_string("hmsdms", precision=1)
    if not np.isfinite(apart).any():
        raise SelectionError(f"{sample.info.title} has no sky positions; name a galaxy instead")
    row = int(np.nanargmin(apart))
    source_id = str(sample.table["source_id"].iat[row])
    if apart[row] > radius:
        raise SelectionError(
            f"no galaxy of {sample.info.title} within {radius:g} arcsec of {here}; the nearest is "
            f"{source_id}, {apart[row]:,.0f} arcsec away"
        )
    return source_id


def _sky_position(position: SkyCoord | str | tuple[float, float]) -> SkyCoord:
    """A position as astropy's SkyCoord (ICRS)."""
    from astropy.coordinates import SkyCoord

    if isinstance(position, SkyCoord):
        return position.icrs
    text = position if isinstance(position, str) else "{} {}".format(*position)
    sexagesimal = any(mark in text for mark in ":hms")
    try:
        return SkyCoord(text, unit=("hourangle" if sexagesimal else "deg", "deg"))
    except (ValueError, TypeError) as error:
        raise SelectionError(
            f"'{text}' is not a position ({error}); write 07:47:08.4 +17:17:27 or 116.785 17.291"
        ) from error
