"""Outlier scores of a data set in one table, shared by all sessions."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd

from radioviz.errors import AtlasError, CatalogueError
from radioviz.outliers.score_table import IN_ATLAS, REFERENCE, Outliers, flow_over, outliers_of
from radioviz.outliers.thresholds import SCORES, calibrated_flows, column
from radioviz.paths import trained_folder
from radioviz.ui.cache.data_sets import (
    atlas_if_any,
    atlas_version,
    data_set,
    galaxy_scores,
    models,
    scores_version,
)
from radioviz.ui.cache.shared import shared

GENERATED = "generated"
"""Key of the scores of generated images, which are not a data set."""


def flow_of(model: str | None) -> str:
    """The flow over an encoder's latents, or any flow where that has none; empty without."""
    return flow_over(models(), model)


def _outliers_key(data_set_key: str, model: str | None) -> tuple[object, ...]:
    opened = atlas_version(data_set_key, model) if model else ()
    return *scores_version(data_set_key), *opened, flow_of(model)


@shared(_outliers_key, entries=32)
def outliers(data_set_key: str, model: str | None) -> Outliers:
    """Every outlier score of a data set.

    ``model``: encoder in view: its flow and its Atlas give the scores. Raises CatalogueError or
    AtlasError if the data set is missing, or its scores are damaged.
    """
    preferred = next(iter(calibrated_flows(models())), "")
    found = outliers_of(
        data_set(data_set_key),
        galaxy_scores(data_set_key),
        atlas_if_any(data_set_key, model),
        flow_of(model),
        preferred,
    )
    base = found
    if data_set_key != REFERENCE:
        with suppress(AtlasError, CatalogueError):
            base = outliers(REFERENCE, model)
    return found.with_rank_average(base)


def reference(model: str | None, fallback: str) -> Outliers:
    """Scores of the data set that strangeness is measured against: FIRST, if it is here."""
    try:
        return outliers(REFERENCE, model)
    except (AtlasError, CatalogueError):
        return outliers(fallback, model)


def generated_scores(flow: str) -> pd.DataFrame:
    """Scores of generated images that a flow alone gives: by name, ``n`` rows; may be empty."""
    from radioviz.atlas.scores import read_scores

    if not flow:
        return pd.DataFrame()
    folder = trained_folder() / "atlas"  # they come with the models, not from the user
    table = read_scores(GENERATED, models=models(), folder=folder).table
    names = [name for name in SCORES if name not in IN_ATLAS and column(name, flow) in table]
    named = {column(name, flow): name for name in names}
    return table[list(named)].rename(columns=named)
