"""Galaxies that were added to an image as search by likeness and outlier scores see them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from sklearn.preprocessing import normalize

from radioviz.atlas.latent_scores import latent_outlier_scores
from radioviz.encode import Encoder
from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.jobs.progress import Progress, no_progress
from radioviz.metrics.resampling import wilson
from radioviz.outliers.thresholds import percentile_rank
from radioviz.similarity.metric import Whitening

FIRST_RESULTS = 10
"""Results of each search that count."""

MOST_REAL = 500
"""Real sources of the image that added ones are compared with, the brightest."""

_FEW_REAL = 20
_WINDOW = 64.0  # beams: side of the square that an encoder is shown, which chooses its own in it


def recognised(
    image: np.ndarray,
    truth: pd.DataFrame,
    listed: pd.DataFrame,
    beam: Beam,
    pixel: float,
    encoder: Encoder,
    survey: np.ndarray,
    labels: np.ndarray,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """How often a search with found galaxies finds their class, and how strange they seem.

    Each added galaxy that was found is cut out where it was found, encoded, and searched for in a
    survey with labels, as Similar does. Outlier scores rank it among the real sources of the image
    (those that the finder lists away from all added ones).

    Parameters
    ----------
    image : numpy.ndarray
        With the galaxies, ``(ny, nx)``, noise included.
    truth, beam, pixel
        As for :func:`radioviz.mock_fields.recovery.match_sources`; truth with ``label`` and
        ``found``.
    listed : pandas.DataFrame
        What a finder found on the image: ``x``, ``y`` (FITS pixels), ``flux_mjy``, and ``new``:
        what was not there before galaxies were added.
    survey : numpy.ndarray
        Latents of the survey by the same encoder, ``(n, d)``.
    labels : numpy.ndarray
        Class of each, text ``(n,)``, empty where unknown.

    Returns
    -------
    pandas.DataFrame
        One row for each class: ``class``; ``n`` galaxies found; ``same_class``, the share of the
        class among the first ten labelled results, with a 95 % interval ``low``, ``high``;
        ``real``, the same for searches with galaxies of the survey itself; ``by_chance``, the share
        of the class in the survey (NaN where it has none); ``stranger_than_neighbours``,
        ``stranger_than_isolation``: median share of the real sources that are less strange by the
        distance to their 20 nearest, and by an isolation forest of them (NaN with fewer than 20).

    Raises
    ------
    FieldError
        If no galaxy was found, or the survey has no classes.
    """
    added = truth[truth["found"].to_numpy(bool)]
    if not len(added):
        raise FieldError("no added galaxy was found, so that none can be searched for")
    known = labels != ""
    if not known.any():
        raise FieldError("the data set to search in has no classes; choose another")
    places = _found_places(added, listed[listed["new"].to_numpy(bool)], beam, pixel)
    real = _real_places(listed, truth, beam, pixel)
    latents = encoder.encode(
        _seen(encoder, image, np.concatenate([places, real]), beam, pixel), progress=progress
    )
    mine, others = latents[: len(added)], np.arange(len(added), len(latents))
    white = Whitening.of(survey)
    base, classes = normalize(white(survey[known])), labels[known]
    results = _first_results(normalize(white(mine)) @ base.T, classes)
    # Compared with real ones alone: many added galaxies are each other's neighbours.
    strange = latent_outlier_scores(latents, others) if len(others) >= _FEW_REAL else {}
    rows = []
    for label in added["label"].unique():
        own = (added["label"] == label).to_numpy(bool)
        row = {"class": label, "n": int(own.sum())}
        there = np.flatnonzero(classes == label)
        if len(there):
            shares = (results[own] == label).mean(axis=1)
            # As if each galaxy had one answer: few that agree by chance are no certainty.
            row["same_class"] = float(shares.mean())
            row["low"], row["high"] = wilson(float(shares.sum()), len(shares))
            cosines = base[there] @ base.T
            cosines[np.arange(len(there)), there] = -np.inf  # not itself
            row["real"] = float((_first_results(cosines, classes) == label).mean())
            row["by_chance"] = len(there) / len(classes)
        for name, title in (("knn_distance", "neighbours"), ("isolation", "isolation")):
            if name in strange:
                values = strange[name]
                ranks = percentile_rank(values[: len(added)][own], values[others])
                row[f"stranger_than_{title}"] = float(np.median(ranks))
        rows.append(row)
    columns = ["class", "n", "same_class", "low", "high", "real", "by_chance",
               "stranger_than_neighbours", "stranger_than_isolation"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _first_results(cosines: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Classes of the most similar galaxies, text ``(n, FIRST_RESULTS)``."""
    return np.asarray(classes)[np.argsort(-cosines, axis=1)[:, :FIRST_RESULTS]]


def _found_places(added: pd.DataFrame, found: pd.DataFrame, beam: Beam, pixel: float) -> np.ndarray:
    """Pixels (from 0) at which each added galaxy was found: the middle of its found sources."""
    reach = np.maximum(added["las"].to_numpy(float) / 2, beam.fwhm) / pixel
    where = found[["x", "y"]].to_numpy(float) - 1
    centres = added[["x", "y"]].to_numpy(float) - 1
    near = cKDTree(where).query_ball_point(centres, reach)
    flux = np.nan_to_num(found["flux_mjy"].to_numpy(float)).clip(0) + 1e-9
    # A wider radius of a match may have counted sources that lie further away.
    return np.array(
        [
            np.average(where[rows], axis=0, weights=flux[rows]) if rows else centre
            for rows, centre in zip(near, centres, strict=True)
        ]
    )


def _real_places(listed: pd.DataFrame, truth: pd.DataFrame, beam: Beam, pixel: float) -> np.ndarray:
    """Pixels (from 0) of the brightest sources that lie away from all added galaxies."""
    values = listed[["x", "y", "flux_mjy"]].to_numpy(float)
    values = values[np.isfinite(values[:, :2]).all(axis=1)]
    places = values[:, :2] - 1
    if not len(places):
        return np.empty((0, 2))
    # The far lobe of a lopsided one is further from its centroid than half its size.
    reach = (truth["las"].to_numpy(float) + 2 * beam.fwhm) / pixel
    near = cKDTree(places).query_ball_point(truth[["x", "y"]].to_numpy(float) - 1, reach)
    away = np.ones(len(places), bool)
    away[np.concatenate([np.asarray(rows, int) for rows in near])] = False
    order = np.argsort(-np.nan_to_num(values[away, 2]), kind="stable")  # without a flux, last
    return places[away][order[:MOST_REAL]]


def _seen(
    encoder: Encoder, image: np.ndarray, places: np.ndarray, beam: Beam, pixel: float
) -> np.ndarray:
    """What the encoder sees of places of an image, ``(n, size, size)``."""
    side = math.ceil(_WINDOW * beam.fwhm / pixel) // 2 * 2 + 1
    chain = encoder.info.preprocess
    out = []
    for x, y in np.rint(places).astype(int):
        cut = np.full((side, side), np.nan, np.float32)
        top, left = y - side // 2, x - side // 2
        rows = slice(max(0, top), min(image.shape[0], top + side))
        columns = slice(max(0, left), min(image.shape[1], left + side))
        cut[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = image[
            rows, columns
        ]
        out.append(chain(cut[None], pixel, beam=beam.fwhm, raw=True)[0])
    return np.stack(out)
