"""Columns of a data set for filters, tables and charts, and the rows that a filter keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.data.catalogue import COLUMNS, Column
from radioviz.errors import AtlasError, ModelError
from radioviz.ui.cache.data_sets import (
    atlas,
    atlas_version,
    data_set,
    data_set_version,
    galaxy_scores,
    scores_version,
)
from radioviz.ui.cache.shared import shared
from radioviz.workspace.evaluation import matching_rows
from radioviz.workspace.table_columns import TableColumns

_NOT_COLUMNS = {"wcs_header", "header"}


def _version(data_set_key: str, model: str | None) -> tuple[object, ...]:
    opened = atlas_version(data_set_key, model) if model else ()
    return *data_set_version(data_set_key), *scores_version(data_set_key), *opened


@shared(_version, entries=8)
def filter_columns(data_set_key: str, model: str | None) -> TableColumns:
    """The catalogue's columns, measured ones, and scores, row by row of the catalogue.

    Parameters
    ----------
    model : str, optional
        Encoder in view: scores of its Atlas come too, if it has one.

    Raises
    ------
    CatalogueError, AtlasError
        If the data set is missing, or its scores are damaged.
    """
    from radioviz import morphology

    table = data_set(data_set_key).table
    ids = table["source_id"].to_numpy(object)
    described: dict[str, Column] = {**COLUMNS, **morphology.MEASURED}
    parts = [table[[c for c in table.columns if c not in _NOT_COLUMNS]]]
    own = galaxy_scores(data_set_key)
    parts.append(own.of(ids))
    for name, about in own.columns.items():
        described[str(name)] = Column("float64", about.unit, "", about.description)
    if model:
        try:
            opened = atlas(data_set_key, model)
        except (AtlasError, ModelError):
            pass
        else:
            rows = opened.rows_of(list(ids))
            known = opened.scores.take(np.maximum(rows, 0)).reset_index(drop=True)
            parts.append(known.where(pd.Series(rows >= 0)))
    joined = pd.concat([p.reset_index(drop=True) for p in parts], axis=1)
    return TableColumns(joined.loc[:, ~joined.columns.duplicated()], described)


@shared(lambda key, model, text: (*_version(key, model), text), entries=64)
def rows_that_pass(data_set_key: str, model: str | None, text: str) -> np.ndarray:
    """Mask of the rows of a catalogue that a filter keeps, shape ``(n,)``.

    Raises
    ------
    FilterError
        If the filter cannot be read, or names a column that this data set lacks.
    """
    return matching_rows(text, filter_columns(data_set_key, model))
