"""Outlier scores of a data set in one table, shared by all sessions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from radioviz.errors import AtlasError, CatalogueError, LikelihoodError, ModelError
from radioviz.outliers.thresholds import SCORES, calibrated_flows, column, rank_average
from radioviz.paths import trained_folder
from radioviz.ui.cache.data_sets import (
    atlas,
    atlas_version,
    data_set,
    galaxy_scores,
    models,
    scores_version,
)
from radioviz.ui.cache.shared import shared

REFERENCE = "first"
GENERATED = "generated"
"""Key of the scores of generated images, which are not a data set."""

# What an Atlas itself holds, where no flow has left scores.
_IN_ATLAS = {
    "knn": "knn_distance",
    "isolation": "isolation",
    "reconstruction": "reconstruction_error",
}


@dataclass(frozen=True, eq=False)
class Outliers:
    """Outlier scores of the galaxies of a data set.

    Attributes
    ----------
    data_set : str
    flow : str
        The flow that gave log p; empty where none did.
    source_ids : numpy.ndarray
        Shape ``(n,)``, the order of the catalogue.
    values : dict
        Name of a score (:data:`radioviz.outliers.thresholds.SCORES`) to float64 of shape ``(n,)``.
    split : numpy.ndarray
        ``train``, ``valid``, ``test``, ``excluded`` or empty.
    size : numpy.ndarray
        Angular size in arcsec, NaN where unknown.
    """

    data_set: str
    flow: str
    source_ids: np.ndarray
    values: Mapping[str, np.ndarray]
    split: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.source_ids)

    def oriented(self, score: str) -> np.ndarray:
        """Values of a score, higher for outliers; NaN where unknown."""
        if score not in self.values:
            return np.full(len(self), np.nan)
        return SCORES[score].oriented(self.values[score])

    def held_out(self) -> np.ndarray:
        """Mask of galaxies that nothing was trained on; all, where there are no splits."""
        held = np.isin(self.split, ("valid", "test"))
        return held if held.any() else np.ones(len(self), dtype=bool)

    def learned(self) -> np.ndarray:
        """Mask of galaxies that models learned from; all, where there are no splits."""
        train = self.split == "train"
        return train if train.any() else np.ones(len(self), dtype=bool)


def flow_of(model: str | None) -> str:
    """The flow over an encoder's latents, or any flow where that has none; empty without."""
    found = calibrated_flows(models())
    for name, info in found.items():
        if info.training.get("config", {}).get("encoder") == model:
            return name
    return next(iter(found), "")


def _outliers_key(data_set_key: str, model: str | None) -> tuple[object, ...]:
    opened = atlas_version(data_set_key, model) if model else ()
    return *scores_version(data_set_key), *opened, flow_of(model)


@shared(_outliers_key, entries=32)
def outliers(data_set_key: str, model: str | None) -> Outliers:
    """Every outlier score of a data set.

    Parameters
    ----------
    model : str, optional
        Encoder in view: its flow, else its Atlas, gives the scores.

    Raises
    ------
    CatalogueError, AtlasError
        If the data set is missing, or its scores are damaged.
    """
    catalogue, flow = data_set(data_set_key), flow_of(model)
    table = catalogue.table
    ids = table["source_id"].to_numpy(object)
    values: dict[str, np.ndarray] = {}
    if flow:
        own = galaxy_scores(data_set_key).of(ids)
        # Scores that this flow lacks are those of the preferred flow.
        preferred = next(iter(calibrated_flows(models())))
        for name, of in ((n, f) for f in dict.fromkeys((flow, preferred)) for n in SCORES):
            if column(name, of) in own and name not in values:
                values[name] = own[column(name, of)].to_numpy(float)
    if model:
        values = _scores_of_atlas(data_set_key, model, ids) | values
    if "complexity" in table and table["complexity"].notna().any():
        values["complexity"] = table["complexity"].to_numpy(float)
    # One kind of size for all galaxies that are compared.
    size = table["las_isophotal" if "las_isophotal" in table else "las"].to_numpy(float)
    found = Outliers(
        data_set_key,
        flow if "log_prob" in values else "",
        ids,
        {k: values[k] for k in SCORES if k in values},
        table["split"].to_numpy(str),
        size,
    )
    return _with_rank_average(found, model)


def _scores_of_atlas(data_set_key: str, model: str, ids: np.ndarray) -> dict[str, np.ndarray]:
    try:
        opened = atlas(data_set_key, model)
    except (AtlasError, ModelError):
        return {}
    rows = opened.rows_of(list(ids))
    out = {}
    for name, stored in _IN_ATLAS.items():
        if stored in opened.scores:
            column_of = opened.scores[stored].to_numpy(float)
            out[name] = np.where(rows >= 0, column_of[np.maximum(rows, 0)], np.nan)
    return out


def _with_rank_average(found: Outliers, model: str | None) -> Outliers:
    """Add the rank average of all scores but the combined one, ranked among the reference."""
    base = found
    if found.data_set != REFERENCE:
        with suppress(AtlasError, CatalogueError):
            base = outliers(REFERENCE, model)
    names = [k for k in found.values if k in base.values and k != "strangeness"]
    learned = base.learned()
    try:
        average = rank_average(
            {k: found.oriented(k) for k in names}, {k: base.oriented(k)[learned] for k in names}
        )
    except LikelihoodError:
        return found
    return replace(found, values={**found.values, "rank_average": average})


def reference(model: str | None, fallback: str) -> Outliers:
    """Scores of the data set that strangeness is measured against: FIRST, if it is here."""
    try:
        return outliers(REFERENCE, model)
    except (AtlasError, CatalogueError):
        return outliers(fallback, model)


def generated_scores(flow: str) -> pd.DataFrame:
    """Scores of generated images under a flow: columns by name, ``n`` rows; may be empty."""
    from radioviz.atlas.scores import read_scores

    if not flow:
        return pd.DataFrame()
    folder = trained_folder() / "atlas"  # they come with the models, not from the user
    table = read_scores(GENERATED, models=models(), folder=folder).table
    named = {column(name, flow): name for name in SCORES if column(name, flow) in table}
    return table[list(named)].rename(columns=named)
