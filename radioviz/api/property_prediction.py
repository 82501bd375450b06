"""Predict a property of galaxies from their latents, measurements or any columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.api.samples import open_atlas
from radioviz.errors import RelationError
from radioviz.relations.other_survey import Applied, apply_to
from radioviz.relations.prediction import Prediction, predict
from radioviz.relations.question import PropertyQuestion, question

FEWEST_KNOWN = 20
"""Other galaxies whose property is known, below which nothing is said of how right it is."""

# Sizes under other names: they would answer for each other.
_SIZES = {
    "las", "las_error", "las_limit", "las_measured", "las_measured_error", "las_isophotal",
    "linear_size",
}  # fmt: skip


def predict_property(
    galaxies: pd.DataFrame,
    name: str,
    *,
    latents: str = "",
    measured: bool = False,
    columns: Sequence[str] = (),
    log: bool = False,
    others: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Predict a property by gradient boosting, each galaxy by a model that did not see it.

    Parameters
    ----------
    galaxies : pandas.DataFrame
        As :func:`radioviz.select_galaxies` returns them, of one data set.
    name : str
        Column to predict.
    latents : str
        Model whose latents predict; none by default.
    measured : bool
        Whether all measured columns predict (but other forms of the property).
    columns : sequence of str
        Further columns that predict.
    log : bool
        Predict the decimal logarithm.
    others : pandas.DataFrame, optional
        Galaxies of another data set with the same columns: the answer is about these, by the five
        models that learned from ``galaxies``.

    Returns
    -------
    pandas.DataFrame
        ``source_id``, the property, ``upper_limit``, ``predicted``, the ends ``low`` and ``high``
        of the 90 % interval, and ``fold`` (0 to 4). ``attrs`` has ``r2``, ``scatter`` (in dex with
        ``log``) and ``coverage`` of the held-out galaxies, and ``leaks``, sentences about columns
        that nearly give the property away; with ``others`` these are of the others
        whose property is known (NaN for fewer than 20), ``fold`` is -1, and ``shift`` is how well
        the columns alone distinguish the surveys (0.5: not at all, 1: always).

    Raises
    ------
    RelationError
        If the property is text, constant, hardly known, or among its predictors.

    Examples
    --------
    >>> import radioviz
    >>> frii = radioviz.select_galaxies("first", 'label == "FRII"')
    >>> sizes = radioviz.predict_property(frii, "las", latents="vae2", log=True)
    >>> 0.2 < sizes.attrs["r2"] < 0.7, 0.86 < sizes.attrs["coverage"] < 0.94
    (True, True)
    """
    asked = property_question(
        galaxies, name, latents=latents, measured=measured, columns=columns, log=log
    )
    if others is None:
        return prediction_table(galaxies["source_id"].to_numpy(object), predict(asked))
    names, features = _features(others, name, latents, measured, columns)
    if lacking := [n for n in asked.names if n not in names and not n.endswith("_limit")]:
        raise RelationError(f"the others have no numbers in {', '.join(lacking)}; leave it out")
    # Without a column of limits the values of the others are none.
    places = [names.index(n) if n in names else -1 for n in asked.names]
    features = np.hstack([features, np.zeros((len(features), 1), np.float32)])
    known, limit = _target(others, name, log)
    found = apply_to(asked, features[:, places])
    return applied_table(others["source_id"].to_numpy(object), asked, found, known, limit)


def property_question(
    galaxies: pd.DataFrame,
    name: str,
    *,
    latents: str = "",
    measured: bool = False,
    columns: Sequence[str] = (),
    log: bool = False,
) -> PropertyQuestion:
    """The question that :func:`predict_property` answers; its parameters and errors."""
    names, features = _features(galaxies, name, latents, measured, columns)
    group = galaxies["source_id"].to_numpy(object)
    if "same_as" in galaxies:
        first = galaxies["same_as"].to_numpy(object)
        group = np.where(pd.isna(first) | (first == ""), group, first)
    limit = _numbers(galaxies, f"{name}_limit") > 0 if f"{name}_limit" in galaxies else None
    return question(
        name, _numbers(galaxies, name), names, features, log=log, limit=limit,
        group=group.astype(str),
    )  # fmt: skip


def _features(
    galaxies: pd.DataFrame, name: str, latents: str, measured: bool, columns: Sequence[str]
) -> tuple[list[str], np.ndarray]:
    """Names ``d`` and values ``(n, d)`` of the columns that predict."""
    parts: list[np.ndarray] = []
    names: list[str] = []
    if latents:
        keys = pd.unique(galaxies["data_set"])
        if len(keys) != 1:
            raise RelationError(
                f"the galaxies are of {len(keys)} data sets; latents of one are compared"
            )
        atlas = open_atlas(str(keys[0]), latents)
        at = atlas.rows_of(galaxies["source_id"].tolist())
        values = np.asarray(atlas.latents[np.maximum(at, 0)], np.float32)
        values[at < 0] = np.nan
        parts.append(values)
        names += [f"z{i}" for i in range(values.shape[1])]
    chosen = [*columns]
    if measured:
        barred = _SIZES if name in _SIZES else {name}
        known = [n for n in morphology.MEASURED if n in galaxies and n not in barred]
        chosen += [n for n in known if pd.api.types.is_numeric_dtype(galaxies[n].dtype)]
    # An upper limit is another thing than a measured value: the trees see which it is.
    limits = (f"{c}_limit" for c in [*chosen] if f"{c}_limit" in galaxies and c != name)
    chosen += [n for n in limits if (_numbers(galaxies, n) > 0).any()]
    for column in dict.fromkeys(chosen):
        names.append(column)
        parts.append(_numbers(galaxies, column).astype(np.float32)[:, None])
    values = np.hstack(parts) if parts else np.empty((len(galaxies), 0), np.float32)
    return names, values


def _target(galaxies: pd.DataFrame, name: str, log: bool) -> tuple[np.ndarray, np.ndarray]:
    """The property of other galaxies as far as it is known, and which are upper limits."""
    values, limit = np.full(len(galaxies), np.nan), np.zeros(len(galaxies), bool)
    if name in galaxies:
        values = _numbers(galaxies, name)
        if f"{name}_limit" in galaxies:
            limit = _numbers(galaxies, f"{name}_limit") > 0
    if log:
        values = np.log10(np.where(values > 0, values, np.nan))
    return values, limit


def applied_table(
    source_ids: np.ndarray,
    asked: PropertyQuestion,
    found: Applied,
    known: np.ndarray,
    limit: np.ndarray,
) -> pd.DataFrame:
    """A prediction for other galaxies; the table of :func:`predict_property`.

    Parameters
    ----------
    known, limit : numpy.ndarray
        Their own values, ``(n,)``, in the units of the question, and which are upper limits.
    """
    own = replace(asked, target=known, limit=limit, features=np.empty((len(known), 0)), names=(),
                  fold=np.full(len(known), -1))  # fmt: skip
    made = Prediction(own, found.predicted, found.low, found.high)
    table = prediction_table(source_ids, made, known=int(own.known.sum()) >= FEWEST_KNOWN)
    table.attrs["shift"] = found.shift
    return table


def _numbers(galaxies: pd.DataFrame, name: str) -> np.ndarray:
    if name not in galaxies:
        raise RelationError(f"the galaxies have no column '{name}'")
    column = galaxies[name]
    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    if not numeric and not pd.api.types.is_bool_dtype(column.dtype):
        raise RelationError(f"'{name}' is text; choose a property that is a number")
    return column.to_numpy(dtype=float, na_value=np.nan)


def prediction_table(
    source_ids: np.ndarray, found: Prediction, *, known: bool = True
) -> pd.DataFrame:
    """A prediction galaxy by galaxy, in the units of the property.

    Its figures of merit are NaN unless the property is ``known`` for enough galaxies.
    """
    asked = found.question

    def plain(values: np.ndarray) -> np.ndarray:
        return np.asarray(10**values if asked.log else values)

    table = pd.DataFrame(
        {
            "source_id": source_ids,
            asked.name: plain(asked.target),
            "upper_limit": asked.limit,
            "predicted": plain(found.predicted),
            "low": plain(found.low),
            "high": plain(found.high),
            "fold": asked.fold,
        }
    )
    nothing = float("nan")
    table.attrs = {
        "r2": found.r2 if known else nothing,
        "scatter": found.scatter if known else nothing,
        "coverage": found.coverage if known else nothing,
        "leaks": list(asked.leaks),
    }
    return table
