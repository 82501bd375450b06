"""Fixed train, valid and test splits, recorded in ``radioviz/data/splits/<key>.csv``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).with_name("splits")


def recorded(key: str) -> pd.DataFrame | None:
    """Recorded split of a data set, None when it has none.

    Returns
    -------
    pandas.DataFrame
        ``source_id``, ``split``, ``reason`` and what else was found out about the rows.
    """
    path = FOLDER / f"{key}.csv"
    return pd.read_csv(path, comment="#", keep_default_na=False) if path.exists() else None


def fingerprint(key: str) -> str:
    """Eight hex digits that change with the recorded split, ``unsplit`` without one."""
    path = FOLDER / f"{key}.csv"
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8] if path.exists() else "unsplit"


def attach(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Table with the recorded ``split``, ``split_reason`` and other recorded columns.

    A row that the record does not know is ``excluded``: nothing may be trained on it
    before it has been compared with the test sources.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``source_id``; any ``split`` in it is replaced.
    """
    record = recorded(key)
    if record is None:
        return table.assign(split="", split_reason="no recorded split")
    record = record.rename(columns={"reason": "split_reason"}).set_index("source_id")
    found = record.reindex(table["source_id"])
    unknown = found["split"].isna().to_numpy()
    out = table.copy()
    for name in record.columns:
        out[name] = found[name].to_numpy()
    out.loc[unknown, "split"] = "excluded"
    out.loc[unknown, "split_reason"] = "not in the recorded split"
    return out
