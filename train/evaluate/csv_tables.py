"""Tables of figures for the Benchmarks page: CSV files in ``trained/tables``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from radioviz.paths import trained_folder


def table_file(name: str) -> Path:
    """Where a table is."""
    return trained_folder() / "tables" / f"{name}.csv"


def write_table(name: str, table: pd.DataFrame) -> Path:
    """Replace a table, numbers to six digits."""
    path = table_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".csv", delete=False) as file:
        table.to_csv(file, index=False, float_format="%.6g")
    os.chmod(file.name, 0o644)  # noqa: PTH101
    return Path(file.name).replace(path)


def write_row(name: str, row: Mapping[str, object], keys: Sequence[str]) -> Path:
    """Put a row into a table, in place of the one that has the same values in ``keys``."""
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
