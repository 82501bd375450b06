"""The columns of a data set by which it is filtered, sorted and plotted, joined row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.atlas.atlas import Atlas
from radioviz.atlas.scores import Scores
from radioviz.data.catalogue import COLUMNS, Catalogue, Column
from radioviz.relations.physical_columns import PHYSICAL, physical_columns
from radioviz.workspace.table_columns import TableColumns

_NOT_COLUMNS = {"wcs_header", "header"}


def data_set_columns(
    catalogue: Catalogue, scores: Scores, atlas: Atlas | None = None
) -> TableColumns:
    """The catalogue's columns, measured ones, and scores, row by row of the catalogue.

    Parameters
    ----------
    scores : Scores
        Of the data set, that belong to no encoder.
    atlas : Atlas, optional
        Of the data set: its scores come too.
    """
    table = catalogue.table
    ids = table["source_id"].to_numpy(object)
    described: dict[str, Column] = {**COLUMNS, **morphology.MEASURED}
    parts = [table[[c for c in table.columns if c not in _NOT_COLUMNS]], scores.of(ids)]
    if (physical := physical_columns(table)) is not None:
        parts.append(physical)
        described |= PHYSICAL
    for name, about in scores.columns.items():
        described[str(name)] = Column("float64", about.unit, "", about.description)
    if atlas is not None:
        rows = atlas.rows_of(list(ids))
        known = atlas.scores.take(np.maximum(rows, 0)).reset_index(drop=True)
        parts.append(known.where(pd.Series(rows >= 0)))
    joined = pd.concat([p.reset_index(drop=True) for p in parts], axis=1)
    return TableColumns(joined.loc[:, ~joined.columns.duplicated()], described)
