"""Fixed train, valid and test splits, recorded in ``radioviz/data/splits/<key>.csv``.

``python -m train splits`` writes them; this module reads them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError

FOLDER = Path(__file__).with_name("splits")
_TEXTS = ("source_id", "file", "split", "reason", "matched_id", "match_method")


def recorded(key: str) -> pd.DataFrame | None:
    """Recorded split of a data set, None if it has none.

    Returns the columns ``source_id``, ``split``, ``reason`` and other recorded columns.
    """
    path = FOLDER / f"{key}.csv"
    if not path.exists():
        return None
    table = pd.read_csv(path, comment="#", dtype=dict.fromkeys(_TEXTS, "str"))
    texts = [name for name in _TEXTS if name in table.columns]
    return table.fillna(dict.fromkeys(texts, ""))


def fingerprint(key: str) -> str:
    """Eight hex digits that change with the recorded split, ``unsplit`` without one."""
    path = FOLDER / f"{key}.csv"
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8] if path.exists() else "unsplit"


def attach_splits(table: pd.DataFrame, key: str) -> pd.DataFrame:
    """Table with the recorded ``split``, ``split_reason`` and other recorded columns.

    A row that is not recorded is ``excluded`` from training, because it has not been compared
    with the test sources.

    ``table``: with ``source_id``; any ``split`` in it is replaced.
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


def write_by_file(key: str, table: pd.DataFrame, command: str, folder: Path = FOLDER) -> None:
    """Record the split of each image of a survey that users import: ``file`` and ``split``."""
    with (folder / f"{key}.csv").open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# Made by: {command}. Rules: train/splits/surveys.py\n")
        table[["file", "split"]].to_csv(file, index=False, lineterminator="\n")


def recorded_by_file(table: pd.DataFrame, key: str) -> np.ndarray | None:
    """Recorded split of each row of an imported survey, by the name of its image.

    Parameters
    ----------
    table : pandas.DataFrame
        Of the survey, with the column ``file`` that an import of images gives it.
    key : str
        Under which it was imported.

    Returns
    -------
    numpy.ndarray or None
        Shape ``(n,)``, ``excluded`` for an image that is not in the record. None where no split
        is recorded for this key, or the survey is evidently another one: less than half of its
        images are in the record.
    """
    record = recorded(key)
    if record is None or "file" not in record or "file" not in table:
        return None
    found = record.set_index("file")["split"].reindex(table["file"])
    if found.notna().mean() < 0.5:
        return None
    return found.fillna("excluded").to_numpy(dtype=object)


def near_test(ra: np.ndarray, dec: np.ndarray, radius_arcsec: float = 60.0) -> np.ndarray:
    """True for positions near a test source of any data set with a recorded split.

    For data sets without a recorded split, which must not train on these sources.

    ``ra``, ``dec``: degrees, shape ``(n,)``; NaN is never near. Returns booleans, shape ``(n,)``.
    Raises CatalogueError if the recorded test positions are missing.
    """
    from radioviz.data.matching import close_pairs

    tests = recorded("test-positions")
    if tests is None:
        raise CatalogueError(
            f"{FOLDER / 'test-positions.csv'} is missing, so that sources near the test sources "
            "cannot be excluded; reinstall RadioViz"
        )
    i, _, _ = close_pairs(
        ra, dec, tests["ra"].to_numpy(), tests["dec"].to_numpy(), radius_arcsec=radius_arcsec
    )
    out = np.zeros(len(ra), dtype=bool)
    out[i] = True
    return out
