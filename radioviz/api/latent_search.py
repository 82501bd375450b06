"""Find galaxies like one of a data set, like one at a position, or like an image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from radioviz.api.inference import encode_example
from radioviz.api.samples import GalaxySample, open_atlas, open_data_set
from radioviz.atlas.atlas import Atlas
from radioviz.atlas.layouts import REFERENCE
from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import REPEAT_ARCSEC
from radioviz.encode import Encoder, GeneratedGalaxies
from radioviz.encode.matched_beam import matched_latents, mean_matched
from radioviz.encode.source_alone import latents_alone
from radioviz.errors import AtlasError, SelectionError, SimilarityError
from radioviz.models.registry import list_models
from radioviz.similarity import (
    LatentIndex,
    Neighbourhood,
    NullDistribution,
    Whitening,
    compose_query,
    search,
)
from radioviz.similarity.query_image import wider_beam
from radioviz.similarity.spaces import (
    MAX_NULL,
    MEASURES,
    NEIGHBOURHOOD,
    comparable_scores,
    diffused_scores,
    fitted_whitening,
    prepared_index,
    sampled_rows,
    space_of,
)

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

Galaxies = str | Sequence[str | tuple[str, str]]
"""One ``source_id``, or several; those of another data set as ``(data_set, source_id)``."""


def find_similar(
    data_set: str | Sequence[str] = "first",
    *,
    galaxy: Galaxies = (),
    position: SkyCoord | str | tuple[float, float] | None = None,
    image: np.ndarray | str | PathLike[str] | GeneratedGalaxies | None = None,
    unlike: Galaxies = (),
    model: str = "",
    measure: str = "whitened",
    number: int = 20,
    radius: float = 30.0,
    separation: float | None = None,
    rotated: bool = False,
    alone: bool = False,
    among: pd.DataFrame | None = None,
    **reading: Any,
) -> pd.DataFrame:
    """The galaxies most similar to the examples, best first.

    Examples, repeats of them, and galaxies near them on the sky are no results.

    Parameters
    ----------
    data_set : str or sequence of str
        Where to search.
    galaxy, unlike : str or sequence of str or (str, str)
        ``source_id`` of galaxies that results should, or should not, resemble; those of another
        data set than the first one as ``(data_set, source_id)``.
    position : SkyCoord, str or (float, float), optional
        The galaxy nearest to it is an example: J2000, sexagesimal text or degrees.
    image : numpy.ndarray, path or GeneratedGalaxies, optional
        An image as example: an array ``(ny, nx)``, a FITS, PNG or JPEG file, or one generated
        galaxy.
    model : str
        Encoder; by default the one that the app opens first.
    measure : str
        One of ``whitened``, ``cosine``, ``neighbourhood``, ``classes``, as on the Similar page.
    number : int
        How many results.
    radius : float
        Largest distance of a galaxy from ``position``, arcsec.
    separation : float, optional
        Least distance of a result from every example on the sky, arcsec; by default 10 from
        galaxies, and none from an image with a WCS, which then finds itself.
    rotated : bool
        Whether the best of eight views of each example counts, rotated and mirrored.
    alone : bool
        Whether examples are encoded without the pixels that are held to be of other sources; those
        that are smoothed to the beam of another survey keep them.
    among : pandas.DataFrame, optional
        Results are among the galaxies of this table, such as :func:`select_galaxies` gives; those
        of a data set that it does not name are no results.
    **reading
        ``pixel_scale``, ``beam``, ``noisy``, ``box``, ``extension`` of ``image``, as for
        :func:`encode_images`.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``row``, ``source_id``, ``score`` (cosine, at most 1), ``chance`` (fraction
        of unrelated pairs that score as high; NaN for examples of a survey of a sharper beam) and
        ``separation`` from the nearest example, arcsec.

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
    targets = [data_set] if isinstance(data_set, str) else list(data_set)
    if not targets:
        raise SimilarityError("no data set to search in; name at least one")
    like, counter = _pairs(galaxy, targets[0]), _pairs(unlike, targets[0])
    if position is not None:
        like.append((targets[0], nearest_galaxy(open_data_set(targets[0]), position, radius)))
    space = space_of(measure)
    wanted = dict.fromkeys([*targets, *(key for key, _ in (*like, *counter))])
    catalogues = {key: open_data_set(key).catalogue for key in wanted}
    atlases = {key: open_atlas(key, model) for key in wanted}
    name = atlases[targets[0]].model
    apart = REPEAT_ARCSEC if separation is None else separation
    searched = catalogues[targets[0]]
    one_image = len(targets) == 1 and not list_models()[name].channels
    sharper = {key for key in wanted if one_image and wider_beam(catalogues[key], searched)}
    whitening = _whitening(name, atlases[targets[0]], space, bool(sharper)) if space else None
    indexes = {
        key: prepared_index(
            LatentIndex.of(catalogues[key], atlas),
            whitening,
            space,
            atlas.folder / ("own" if sharper else "search"),
        )
        for key, atlas in atlases.items()
    }
    latent = place = views = None
    if image is not None:
        latent, place = encode_example(image, name, like=targets[0], rotated=rotated, **reading)
        place = None if separation is None else place
    if rotated or alone or sharper:
        views = _views([*like, *counter], targets[0], sharper, catalogues, atlases, rotated, alone)
    query = compose_query(
        list(indexes.values()), like, counter, image=latent, position=place, views=views,
        whitening=whitening,
    )  # fmt: skip
    values: dict[str, np.ndarray] = {}
    nulls: dict[str, NullDistribution] = {}
    if measure == NEIGHBOURHOOD:
        every = {key: comparable_scores(indexes[key], query, apart) for key in targets}
        values = diffused_scores(
            every, {key: Neighbourhood.of_index(indexes[key]) for key in targets}
        )
    else:
        sides = [len(query.positives), 0 if query.negatives is None else len(query.negatives)]
        for key in targets if not sharper else ():
            nulls[key] = _null(indexes[key], catalogues[key], sides, whitening, name, rotated)
    return search(
        [indexes[key] for key in targets], query, number, separation_arcsec=apart,
        where=None if among is None else listed_rows(among, {k: catalogues[k] for k in targets}),
        nulls=nulls, values=values,
    )  # fmt: skip


def _pairs(galaxies: Galaxies, data_set: str) -> list[tuple[str, str]]:
    """Galaxies with their data sets."""
    listed = [galaxies] if isinstance(galaxies, str) else list(galaxies)
    return [(data_set, one) if isinstance(one, str) else (one[0], one[1]) for one in listed]


def _views(
    examples: list[tuple[str, str]],
    target: str,
    sharper: set[str],
    catalogues: dict[str, Catalogue],
    atlases: dict[str, Atlas],
    rotated: bool,
    alone: bool,
) -> dict[tuple[str, str], np.ndarray]:
    """Latents ``(r, d)`` of examples; of sharper surveys, as the one searched would show them."""
    encoder = Encoder.load(atlases[target].model)
    apart = {}
    if sharper:
        mean = LatentIndex.of(catalogues[target], atlases[target]).mean
        for key in sharper:
            beam = wider_beam(catalogues[key], catalogues[target]) or 0.0
            apart[key] = (beam, mean - mean_matched(encoder, catalogues[key], beam))
    views = {}
    for key, source_id in examples:
        row = catalogues[key].rows_of([source_id])
        if key in sharper:
            beam, step = apart[key]
            views[key, source_id] = (
                step + matched_latents(encoder, catalogues[key], row, beam, rotated)[0]
            )
        elif alone:
            views[key, source_id] = latents_alone(encoder, catalogues[key], row, rotated)[0]
        elif rotated:
            views[key, source_id] = encoder.encode_views(catalogues[key], row)[0]
        else:
            views[key, source_id] = np.asarray(atlases[key].latents[row], np.float32)
    return views


def _whitening(model: str, otherwise: Atlas, space: str, own: bool) -> Whitening:
    """As the Similar page has it: of FIRST, or of the data set searched where FIRST has none.

    ``own``: of the data set searched, for examples of a sharper survey.
    """
    atlas = otherwise
    with suppress(AtlasError):
        atlas = otherwise if own else open_atlas(REFERENCE, model)
    return fitted_whitening(atlas.latents, open_data_set(atlas.data_set).table, space)


def _null(
    index: LatentIndex,
    catalogue: Catalogue,
    sides: list[int],
    whitening: Whitening | None,
    model: str,
    rotated: bool,
) -> NullDistribution:
    """Scores of unrelated galaxies for a query of so many examples and counter-examples."""
    most = [min(n, MAX_NULL) for n in sides]
    if not rotated:
        return NullDistribution.of(index, positives=most[0], negatives=most[1])
    rows = sampled_rows(index)
    views = Encoder.load(model).encode_views(catalogue, rows)
    if whitening is not None:
        views = whitening(views)
    return NullDistribution.of_views(index, rows, views, positives=most[0], negatives=most[1])


def listed_rows(among: pd.DataFrame, catalogues: dict[str, Catalogue]) -> dict[str, np.ndarray]:
    """Masks ``(n,)`` of the rows of each data set that a table names.

    Raises
    ------
    SelectionError
        If the table has no column ``source_id``.
    """
    if "source_id" not in among:
        raise SelectionError(f"among has columns {', '.join(among.columns)}; expected source_id")
    masks = {}
    for key, catalogue in catalogues.items():
        mine = among[among["data_set"] == key] if "data_set" in among else among
        masks[key] = np.zeros(len(catalogue), dtype=bool)
        masks[key][catalogue.known_rows_of(mine["source_id"].tolist())] = True
    return masks


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
    text = position if isinstance(position, str) else "{:.10f} {:.10f}".format(*position)
    # Two numbers are degrees; parts apart by spaces, and names, begin with hours.
    degrees = re.fullmatch(r"[-+]?[\d.]+\s+[-+]?[\d.]+", text.strip())
    try:
        return SkyCoord(text, unit=("deg" if degrees else "hourangle", "deg"))
    except (ValueError, TypeError) as error:
        raise SelectionError(
            f"'{text}' is not a position ({error}); write 07:47:08.4 +17:17:27 or 116.785 17.291"
        ) from error
