"""Outlier scores of a data set in one table, shared by all sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.errors import AtlasError, CatalogueError, LikelihoodError, ModelError
from radioviz.outliers.thresholds import SCORES, calibrated_flows, column, rank_average
from radioviz.paths import trained_folder

REFERENCE = "first"
GENERATED = "generated"
"""Key of the scores of generated images, which are no data set."""

# What an Atlas itself holds, where no flow has left scores.
_OF_ATLAS = {
    "knn": "knn_distance",
    "isolation": "isolation",
    "reconstruction": "reconstruction_error",
}


@dataclass(frozen=True, eq=False)
class Outliers:
    """How strange the galaxies of a data set are.

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
        """Values of a score, higher is stranger; NaN where there is none."""
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
    from radioviz.ui import cache

    found = calibrated_flows(cache.models())
    for name, info in found.items():
        if info.training.get("config", {}).get("encoder") == model:
            return name
    return next(iter(found), "")


def outliers(data_set: str, model: str | None) -> Outliers:
    """Every outlier score of a data set.

    Parameters
    ----------
    model : str, optional
        Encoder in view: its flow, else its Atlas, gives the scores.

    Raises
    ------
    CatalogueError, AtlasError
        If the data set is not here, or its scores are damaged.
    """
    from radioviz.atlas.scores import META, scores_folder
    from radioviz.ui import cache

    catalogue = cache.data_set(data_set)
    marker = scores_folder(data_set) / META
    stamp = marker.stat().st_mtime_ns if marker.exists() else 0
    weights = cache.models().get(model or "")
    known = tuple((n, i.weights_sha256) for n, i in cache.models().items())
    of_model = weights.weights_sha256 if weights else ""
    return _outliers(
        data_set, catalogue.digest, str(model or ""), of_model, flow_of(model), stamp, known
    )


@st.cache_resource(show_spinner=False, max_entries=32)
def _outliers(
    data_set: str,
    digest: str,
    model: str,
    weights: str,
    flow: str,
    stamp: int,
    known: tuple[tuple[str, str], ...],
) -> Outliers:
    from radioviz.atlas.scores import read_scores
    from radioviz.ui import cache

    catalogue = cache.data_set(data_set)
    table = catalogue.table
    ids = table["source_id"].to_numpy(object)
    stored = read_scores(data_set, catalogue=catalogue, models=cache.models())
    values: dict[str, np.ndarray] = {}
    if flow:
        own = stored.of(ids)
        # Scores that this flow lacks are those of the preferred flow.
        preferred = next(iter(calibrated_flows(cache.models())))
        for name, of in ((n, f) for f in dict.fromkeys((flow, preferred)) for n in SCORES):
            if column(name, of) in own and name not in values:
                values[name] = own[column(name, of)].to_numpy(float)
    if model:
        values |= {k: v for k, v in _of_atlas(data_set, model, ids).items() if k not in values}
    if "complexity" in table and table["complexity"].notna().any():
        values["complexity"] = table["complexity"].to_numpy(float)
    size = table["las"].to_numpy(float)
    if "las_measured" in table:  # one kind of size for every galaxy that is compared
        size = table["las_measured"].to_numpy(float)
    found = Outliers(
        data_set,
        flow if "log_prob" in values else "",
        ids,
        {k: values[k] for k in SCORES if k in values},
        table["split"].to_numpy(str),
        size,
    )
    averaged = _averaged(found, model)
    return found if averaged is None else averaged


def _of_atlas(data_set: str, model: str, ids: np.ndarray) -> dict[str, np.ndarray]:
    from radioviz.ui import cache

    try:
        atlas = cache.atlas(data_set, model)
    except (AtlasError, ModelError):
        return {}
    rows = atlas.rows_of(list(ids))
    out = {}
    for name, stored in _OF_ATLAS.items():
        if stored in atlas.scores:
            column_of = atlas.scores[stored].to_numpy(float)
            out[name] = np.where(rows >= 0, column_of[np.maximum(rows, 0)], np.nan)
    return out


def _averaged(found: Outliers, model: str) -> Outliers | None:
    """With the rank average of all scores but the combined one, ranked among the reference."""
    single = {
        k: found.oriented(k) for k in found.values if k not in ("strangeness", "rank_average")
    }
    base = found
    if found.data_set != REFERENCE:
        try:
            base = outliers(REFERENCE, model)
        except (AtlasError, CatalogueError):
            base = found
    single = {k: v for k, v in single.items() if k in base.values}
    learned = base.learned()
    reference = {k: base.oriented(k)[learned] for k in single}
    try:
        average = rank_average(single, reference)
    except LikelihoodError:
        return None
    values = {**found.values, "rank_average": average}
    return Outliers(found.data_set, found.flow, found.source_ids, values, found.split, found.size)


def reference(model: str | None, fallback: str) -> Outliers:
    """Scores of the data set that strangeness is measured against: FIRST, if it is here."""
    try:
        return outliers(REFERENCE, model)
    except (AtlasError, CatalogueError):
        return outliers(fallback, model)


def generated_scores(flow: str) -> pd.DataFrame:
    """Scores of generated images under a flow: columns by name, ``n`` rows; may be empty."""
    from radioviz.atlas.scores import read_scores
    from radioviz.ui import cache

    if not flow:
        return pd.DataFrame()
    folder = trained_folder() / "atlas"  # they come with the models, not from the user
    table = read_scores(GENERATED, models=cache.models(), folder=folder).table
    named = {column(name, flow): name for name in SCORES if column(name, flow) in table}
    return table[list(named)].rename(columns=named)
