"""Which sources of a field a source finder found: completeness and reliability."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.jobs.progress import Progress, no_progress
from radioviz.metrics.resampling import wilson
from radioviz.sky import FWHM

_TILE = 1024  # side of the part of an image that photutils sees at a time
_MARGIN = 128  # pixels around it, so that islands at its edge are whole


def find_sources(
    image: np.ndarray,
    beam: Beam,
    pixel: float,
    *,
    rms: float | None = None,
    threshold: float = 5.0,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """Islands above a threshold, by photutils (Bradley et al.), tile by tile.

    Parameters
    ----------
    image : numpy.ndarray
        Shape ``(ny, nx)``, Jy/beam, possibly memory-mapped; NaN where there is nothing.
    beam : Beam
    pixel : float
        Arcsec.
    rms : float, optional
        Noise [mJy/beam]; by default measured in each tile (median absolute deviation).
    threshold : float
        In units of the noise. An island has at least half a beam area of pixels.

    Returns
    -------
    pandas.DataFrame
        ``x``, ``y`` (FITS pixels), ``flux_mjy`` (sum over the island), ``peak_mjy``.
    """
    from photutils.segmentation import SourceCatalog, detect_sources

    area = 2 * math.pi * beam.major * beam.minor / (FWHM * pixel) ** 2
    least = max(3, round(area / 2))
    parts = []
    height, width = image.shape
    rows = range(0, height, _TILE)
    for done, bottom in enumerate(rows):
        for left in range(0, width, _TILE):
            low, first = max(0, bottom - _MARGIN), max(0, left - _MARGIN)
            tile = np.asarray(
                image[low : bottom + _TILE + _MARGIN, first : left + _TILE + _MARGIN], float
            )
            bad = ~np.isfinite(tile)
            if bad.all():
                continue
            noise = rms / 1000 if rms else 1.4826 * float(np.nanmedian(np.abs(tile)))
            clean = np.where(bad, 0.0, tile)
            if not noise > 0:
                noise = float(np.abs(clean).max()) * 1e-6 or 1.0
            segments = _quietly(detect_sources, clean, threshold * noise, least)
            if segments is None:
                continue
            found = SourceCatalog(clean, segments)
            x, y = found.x_centroid + first, found.y_centroid + low
            inside = (x >= left - 0.5) & (x < left + _TILE - 0.5)
            inside &= (y >= bottom - 0.5) & (y < bottom + _TILE - 0.5)
            parts.append(
                np.column_stack(
                    [x + 1, y + 1, 1000 * found.segment_flux / area, 1000 * found.max_value]
                )[inside]
            )
        progress(done + 1, len(rows), "finding sources")
    table = np.concatenate(parts) if parts else np.empty((0, 4))
    return pd.DataFrame(table, columns=["x", "y", "flux_mjy", "peak_mjy"])


def _quietly(detect: object, *arguments: object) -> object:
    """Detect; None without any island, of which photutils warns."""
    import warnings

    from photutils.utils.exceptions import NoDetectionsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        return detect(*arguments)  # type: ignore[operator]


def match_sources(
    truth: pd.DataFrame,
    found: pd.DataFrame,
    beam: Beam,
    pixel: float,
    radius: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Which true sources were found, and which found ones are true.

    A found source belongs to a true one if it lies within half its size, or within ``radius``
    [arcsec; by default a beam] if that is more: lobes of one galaxy may be found one by one.

    ``truth``: ``x``, ``y`` in FITS pixels, ``las`` in arcsec; ``found``: ``x``, ``y`` in FITS
    pixels. Returns bool, one for each row of ``truth`` and ``found``. Raises FieldError if the
    radius is not above 0.
    """
    if radius is not None and not 0 < radius < math.inf:
        raise FieldError(f"radius is {radius:g} arcsec; expected a number above 0")
    seen, real = np.zeros(len(truth), bool), np.zeros(len(found), bool)
    if not (len(truth) and len(found)):
        return seen, real
    reach = np.maximum(truth["las"].to_numpy(float) / 2, radius or beam.fwhm) / pixel
    near = cKDTree(found[["x", "y"]]).query_ball_point(truth[["x", "y"]].to_numpy(float), reach)
    for row, rows in enumerate(near):
        seen[row] = bool(rows)
        real[rows] = True
    return seen, real


def by_flux(
    truth: pd.DataFrame,
    found: pd.DataFrame,
    beam: Beam,
    pixel: float,
    radius: float | None = None,
    bins: int = 10,
) -> pd.DataFrame:
    """Completeness and reliability against flux, with 95 % intervals (Wilson).

    Parameters
    ----------
    truth, found, beam, pixel, radius
        As for :func:`match_sources`, with ``flux_mjy``.
    bins : int
        Equal steps of the logarithm of the flux.

    Returns
    -------
    pandas.DataFrame
        One row for each bin: ``flux_low``, ``flux_high`` [mJy]; ``true``, ``completeness``,
        ``completeness_low``, ``completeness_high``; ``chance``, the completeness of the truth
        mirrored in the image; ``found``, ``reliability``, ``reliability_low``,
        ``reliability_high``. NaN where a bin is empty.

    Raises
    ------
    FieldError
        If there is no true source.
    """
    if not len(truth):
        raise FieldError("the truth catalogue has no source")
    seen, real = match_sources(truth, found, beam, pixel, radius)
    mirrored = truth.assign(x=truth["x"].max() + truth["x"].min() - truth["x"])
    chance, _ = match_sources(mirrored, found, beam, pixel, radius)
    true, measured = truth["flux_mjy"].to_numpy(float), found["flux_mjy"].to_numpy(float)
    every = np.concatenate([true, measured[measured > 0]])
    edges = np.geomspace(every.min(), every.max() * (1 + 1e-9), bins + 1)
    one = rates(true, seen, edges)
    two = rates(measured, real, edges)
    return pd.DataFrame(
        {
            "flux_low": edges[:-1],
            "flux_high": edges[1:],
            "true": one["n"],
            "completeness": one["rate"],
            "completeness_low": one["low"],
            "completeness_high": one["high"],
            "chance": rates(true, chance, edges)["rate"],
            "found": two["n"],
            "reliability": two["rate"],
            "reliability_low": two["low"],
            "reliability_high": two["high"],
        }
    )


def rates(values: np.ndarray, right: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
    """Share of ``right`` in bins of ``values``: ``n``, ``rate``, ``low``, ``high`` (Wilson)."""
    place = np.searchsorted(edges, values, "right") - 1
    rows = []
    for k in range(len(edges) - 1):
        mine = right[place == k]
        n, hits = len(mine), int(mine.sum())
        rows.append((n, hits / n, *wilson(hits, n)) if n else (0, np.nan, np.nan, np.nan))
    return pd.DataFrame(rows, columns=["n", "rate", "low", "high"])


def selection_function(truth: pd.DataFrame, seen: np.ndarray) -> pd.DataFrame:
    """Share of true sources that were found, in flux, size and class.

    Returns the columns ``of`` (``flux_mjy``, ``las`` or ``label``), ``from``, ``to`` or ``class``,
    ``n``, ``rate``, ``low``, ``high``.
    """
    parts = []
    for column, steps in (("flux_mjy", 6), ("las", 4)):
        values = truth[column].to_numpy(float)
        kept = values > 0
        if not kept.any():
            continue
        edges = np.geomspace(values[kept].min(), values[kept].max() * (1 + 1e-9), steps + 1)
        part = rates(values[kept], seen[kept], edges)
        part["of"], part["class"] = column, ""
        part["from"], part["to"] = edges[:-1], edges[1:]
        parts.append(part)
    for label in truth["label"].unique():
        mine = (truth["label"] == label).to_numpy(bool)
        n, hits = int(mine.sum()), int(seen[mine].sum())
        low, high = wilson(hits, n)
        row = {"n": n, "rate": hits / n, "low": low, "high": high, "of": "label"}
        parts.append(pd.DataFrame([{**row, "from": np.nan, "to": np.nan, "class": label}]))
    columns = ["of", "from", "to", "class", "n", "rate", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]
