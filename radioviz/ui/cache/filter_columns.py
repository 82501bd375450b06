"""Columns of a data set for filters, tables and charts, and the rows that a filter keeps."""

from __future__ import annotations

import numpy as np

from radioviz.similarity.spaces import WHITENED
from radioviz.ui.cache.data_sets import (
    atlas_if_any,
    atlas_version,
    data_set,
    data_set_version,
    galaxy_scores,
    scores_version,
)
from radioviz.ui.cache.searching import latent_index, whitening
from radioviz.ui.cache.shared import shared
from radioviz.workspace.data_set_columns import data_set_columns, likeness
from radioviz.workspace.evaluation import matching_rows
from radioviz.workspace.table_columns import TableColumns


def _version(data_set_key: str, model: str | None) -> tuple[object, ...]:
    opened = atlas_version(data_set_key, model) if model else ()
    return *data_set_version(data_set_key), *scores_version(data_set_key), *opened


@shared(_version, entries=8)
def filter_columns(data_set_key: str, model: str | None) -> TableColumns:
    """See :func:`radioviz.workspace.data_set_columns.data_set_columns`.

    ``model``: encoder in view: scores of its Atlas come too, if it has one. Raises CatalogueError
    or AtlasError if the data set is missing, or its scores are damaged.
    """
    opened = atlas_if_any(data_set_key, model)
    columns = data_set_columns(data_set(data_set_key), galaxy_scores(data_set_key), opened)
    if opened is not None:
        columns.similarity = likeness(
            lambda: latent_index(data_set_key, str(model), WHITENED),
            lambda: whitening(str(model), data_set_key, WHITENED),
        )
    return columns


@shared(lambda key, model, text: (*_version(key, model), text), entries=64)
def rows_that_pass(data_set_key: str, model: str | None, text: str) -> np.ndarray:
    """Mask of the rows of a catalogue that a filter keeps, shape ``(n,)``.

    Raises FilterError if the filter cannot be read, or names a column that this data set lacks.
    """
    return matching_rows(text, filter_columns(data_set_key, model))
