"""The columns of a data set by which it is filtered, sorted and plotted, joined row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.atlas.atlas import Atlas
from radioviz.atlas.scores import Scores
from radioviz.data.catalogue import Catalogue, Column
from radioviz.errors import FilterError, SimilarityError
from radioviz.relations.physical_columns import PHYSICAL, physical_columns
from radioviz.similarity import LatentIndex, Whitening, compose_query
from radioviz.similarity.search import scores as latent_similarity
from radioviz.store.mapped import mapped_frame
from radioviz.workspace.table_columns import Similarity, TableColumns

_NOT_COLUMNS = {"wcs_header", "header"}


def data_set_columns(
    catalogue: Catalogue, scores: Scores, atlas: Atlas | None = None
) -> TableColumns:
    """The catalogue's columns, measured ones, and scores, row by row of the catalogue.

    ``scores``: of the data set, that belong to no encoder; ``atlas``: of the data set: its scores
    come too.
    """
    table = catalogue.table
    described = morphology.described(catalogue)
    parts = [table, mapped_frame(scores.of(table["source_id"]))]
    if (physical := physical_columns(table)) is not None:
        parts.append(mapped_frame(physical))
        described |= PHYSICAL
    for name, about in scores.columns.items():
        if name not in table:  # a column of the data set's own comes before a score
            described[str(name)] = Column("float64", about.unit, "", about.description)
    if atlas is not None:
        known, rows = atlas.scores, atlas.rows_of_catalogue(catalogue)
        if not np.array_equal(rows, np.arange(len(known))):
            known = known.take(np.maximum(rows, 0)).reset_index(drop=True)
            known = mapped_frame(known.where(pd.Series(rows >= 0)))
        parts.append(known)
    return TableColumns(_SideBySide(parts, len(table)), described)


class _SideBySide:
    """Columns of several tables of the same rows, the first of each name; nothing is copied."""

    def __init__(self, parts: Sequence[pd.DataFrame], n: int) -> None:
        self._table_of: dict[str, pd.DataFrame] = {}
        for part in parts:
            for name in part.columns:
                if name not in _NOT_COLUMNS:
                    self._table_of.setdefault(str(name), part)
        self.columns, self._n = list(self._table_of), n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, name: str, /) -> pd.Series:
        return self._table_of[name][name]


def likeness(
    index: Callable[[], LatentIndex], whitening: Callable[[], Whitening | None]
) -> Similarity:
    """What ``similar("...")`` of a filter gives: whitened cosine to one galaxy of the data set.

    ``index``, ``whitening``: give the whitened latents of the data set, and the whitening, when
    they are first needed.
    """

    def similar(source_id: str) -> np.ndarray:
        here = index()
        try:
            query = compose_query([here], [(here.data_set, source_id)], whitening=whitening())
        except SimilarityError as error:
            raise FilterError(str(error)) from error
        found = latent_similarity(here, query).astype(np.float64)
        return np.where(np.isfinite(found), found, np.nan)

    return similar
