"""Rank galaxies by an outlier score, and flag the strange ones, as on the Likelihood page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.api.latent_search import listed_rows
from radioviz.api.samples import default_encoder, open_atlas
from radioviz.atlas.scores import read_scores
from radioviz.data.registry import open_data_set
from radioviz.errors import AtlasError, CatalogueError, LikelihoodError, ModelError
from radioviz.models.registry import list_models
from radioviz.outliers.score_table import REFERENCE, Outliers, flow_over, outliers_of
from radioviz.outliers.thresholds import SCORES, calibrated_flows, percentile_rank, threshold_at
from radioviz.words.examples import ExampleSpace
from radioviz.workspace.labels import INTERESTING


def rank_outliers(
    data_set: str | Sequence[str] = "first",
    score: str = "",
    *,
    model: str = "",
    flagged: float = 0.05,
    among: pd.DataFrame | None = None,
    marks: Mapping[tuple[str, str], float] | None = None,
) -> pd.DataFrame:
    """Galaxies by an outlier score, the strangest first.

    Parameters
    ----------
    data_set : str or sequence of str
        Whose galaxies.
    score : str
        ``strangeness``, ``defect``, ``log_prob``, ``given_size``, ``knn``, ``isolation``,
        ``reconstruction``, ``complexity`` or ``rank_average``; by default ``log_prob`` where there
        is one.
    model : str
        Encoder; by default the one that the app opens first.
    flagged : float
        Fraction of ordinary, held-out galaxies that the threshold may flag, 0 to 1.
    among : pandas.DataFrame, optional
        Only the galaxies of this table, such as :func:`select_galaxies` gives.
    marks : mapping, optional
        ``(data_set, source_id)`` to a mark from 0 (of no interest) to 5: the others are then
        ranked by how likely they are to be marked 3 or more, learned from at least two galaxies of
        either side; the marked ones are left out.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``source_id``, ``value`` of the score, ``rank`` (fraction of the galaxies that
        models learned from that are less strange) and ``flagged``; without galaxies whose score is
        unknown, except with ``marks``.

    Raises
    ------
    LikelihoodError
        If there is no such score.
    LabelError
        If too few galaxies are marked 3 or more, or less than 3.
    CatalogueError, ModelError, AtlasError
        If a data set, its scores, or the model cannot be opened.

    Examples
    --------
    >>> import radioviz
    >>> strange = radioviz.rank_outliers("first", "knn", model="simclr")
    >>> len(strange), bool(strange["value"].is_monotonic_decreasing)
    (2158, True)
    """
    keys = [data_set] if isinstance(data_set, str) else list(data_set)
    if not keys:
        raise LikelihoodError("no data set to rank; name at least one")
    model = model or default_encoder()
    every = {key: _outliers(key, model) for key in keys}
    known = list(every[keys[0]].values)
    name = score or ("log_prob" if "log_prob" in known else next(iter(known), ""))
    if name not in known:
        raise LikelihoodError(
            f"{keys[0]} has no score '{name}'; it has {', '.join(known) or 'none'}"
        )
    oriented = SCORES[name].oriented
    base = every[keys[0]]
    with suppress(AtlasError, CatalogueError):
        found = every.get(REFERENCE) or _outliers(REFERENCE, model)
        base = found if name in found.values else base
    values = {key: table.oriented(name) for key, table in every.items()}
    table = pd.DataFrame(
        {
            "data_set": np.repeat(keys, [len(v) for v in values.values()]),
            "source_id": np.concatenate([t.source_ids for t in every.values()]),
            "value": oriented(np.concatenate(list(values.values()))),
        }
    )
    strange = oriented(table["value"].to_numpy())
    table["rank"] = percentile_rank(strange, base.oriented(name)[base.learned()])
    table["flagged"] = strange >= threshold_at(base.oriented(name)[base.held_out()], flagged)
    if marks:
        order = _order_by_marks(keys, model, marks)
    else:
        order = np.argsort(-strange, kind="stable")
        order = order[~np.isnan(strange[order])]
    if among is not None:
        inside = listed_rows(among, {key: open_data_set(key) for key in keys})
        order = order[np.concatenate([inside[key] for key in keys])[order]]
    return table.iloc[order].reset_index(drop=True)


def _outliers(data_set: str, model: str) -> Outliers:
    """Every score of a data set, as the app has it."""
    models = list_models()
    catalogue = morphology.complete(open_data_set(data_set))
    atlas = None
    with suppress(AtlasError, ModelError):
        atlas = open_atlas(data_set, model)
    scores = read_scores(data_set, catalogue=catalogue, models=models)
    flow, preferred = flow_over(models, model), next(iter(calibrated_flows(models)), "")
    found = outliers_of(catalogue, scores, atlas, flow, preferred)
    base = found
    if data_set != REFERENCE:
        with suppress(AtlasError, CatalogueError):
            base = _outliers(REFERENCE, model)
    return found.with_rank_average(base)


def _order_by_marks(
    keys: list[str], model: str, marks: Mapping[tuple[str, str], float]
) -> np.ndarray:
    """Rows that are not marked, the most likely to be interesting first."""
    parts = [(morphology.complete(open_data_set(key)), open_atlas(key, model)) for key in keys]
    sides: tuple[list[int], list[int]] = ([], [])
    start = 0
    for key, (catalogue, _) in zip(keys, parts, strict=True):
        given = {s: mark for (data_set, s), mark in marks.items() if data_set == key}
        for side, wanted in zip(sides, (True, False), strict=True):
            ids = [s for s, mark in given.items() if (mark >= INTERESTING) == wanted]
            side += (catalogue.known_rows_of(ids) + start).tolist()
        start += len(catalogue)
    return ExampleSpace.joined(parts).teach(*sides).ranked([*sides[0], *sides[1]])
