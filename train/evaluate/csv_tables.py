"""Tables of results for the Benchmarks page: CSV files in ``trained/tables``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from radioviz.paths import trained_folder
from radioviz.store.atomic import atomic_file


def table_file(name: str) -> Path:
    """Path of a table."""
    return trained_folder() / "tables" / f"{name}.csv"


def write_table(name: str, table: pd.DataFrame) -> Path:
    """Replace a table, numbers to six digits."""
    path = table_file(name)
    with atomic_file(path) as scratch:
        table.to_csv(scratch, index=False, float_format="%.6g")
    return path


def write_row(name: str, row: Mapping[str, object], keys: Sequence[str]) -> Path:
    """Put a row into a table, replacing the row with the same values in ``keys``."""
    path = table_file(name)
    table = pd.DataFrame([dict(row)])
    if path.exists():
        before = pd.read_csv(path)
        same = pd.Series(True, index=before.index)
        for key in keys:
            same &= before[key].astype(str) == str(row[key])
        if len(before[~same]):
            table = pd.concat([before[~same], table], ignore_index=True)
    return write_table(name, table.sort_values(list(keys), ignore_index=True))
