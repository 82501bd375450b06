"""Columns of a matched catalogue, packed: unpacked one by one, a row for each galaxy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from radioviz.store.identifiers import Identifiers


class JoinedTable:
    """The Parquet table of a match, a row for each galaxy of a data set.

    Only the columns that are asked for are unpacked. Galaxies that were not matched, because they
    came later or did not pass the filter then, have no value in any column.

    ``payload``: Parquet with ``source_id`` and the joined columns, a row for each pair and for each
    galaxy without one; the pairs of a galaxy follow each other, the nearest first. ``known``: those
    of the data set.
    """

    def __init__(self, payload: bytes, known: Identifiers) -> None:
        self._file = pq.ParquetFile(pa.BufferReader(payload))
        self.columns = [c for c in self._file.schema_arrow.names if c != "source_id"]
        ids = self.unpacked("source_id").to_numpy(object)
        rows = known.rows_of(ids)
        first = ~pd.Series(ids).duplicated().to_numpy() & (rows >= 0)
        self._from, self._to, self._n = np.flatnonzero(first), rows[first], len(known)

    def __len__(self) -> int:
        return self._n

    def unpacked(self, name: str) -> pd.Series:
        """A column as it is stored, a cell for each pair and each galaxy without one."""
        return self._file.read(columns=[name]).column(0).to_pandas()

    def of(self, row: int) -> dict[str, Any]:
        """Cells of one galaxy by column, those without a value left out."""
        at = np.flatnonzero(self._to == row)
        if not len(at):
            return {}
        cells: dict[str, Any] = self._file.read().slice(int(self._from[at[0]]), 1).to_pylist()[0]
        known = {n: v for n, v in cells.items() if v is not None and v == v and v != ""}
        return {n: known[n] for n in self.columns if n in known}

    def __getitem__(self, name: str, /) -> pd.Series:
        cells = self.unpacked(name)
        if cells.dtype.kind == "f":
            values = np.full(self._n, np.nan)
            values[self._to] = cells.to_numpy()[self._from]
            return pd.Series(values)
        texts = np.full(self._n, None, dtype=object)
        texts[self._to] = cells.to_numpy(object)[self._from]
        return pd.Series(texts, dtype=object)
