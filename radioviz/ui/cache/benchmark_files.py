"""Figures and tables of ``trained/``, read again when their files change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from radioviz.errors import AtlasError
from radioviz.paths import trained_folder
from radioviz.ui.cache.data_sets import modified
from radioviz.ui.cache.shared import shared


def _read_json(path: Path) -> dict[str, dict[str, Any]]:
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path} cannot be read ({error}); restore it") from error
    if not isinstance(figures, dict) or not all(isinstance(v, dict) for v in figures.values()):
        raise AtlasError(f"{path} does not hold figures by name; restore it")
    return figures


def _figures() -> Path:
    return trained_folder() / "benchmarks.json"


def _table(name: str) -> Path:
    return trained_folder() / "tables" / f"{name}.csv"


@shared(lambda: (str(_figures()), modified(_figures())), entries=4, copies=True)
def benchmarks() -> dict[str, dict[str, Any]]:
    """All recorded figures by name; empty where there are none.

    Raises
    ------
    AtlasError
        If the file is damaged.
    """
    return _read_json(_figures()) if _figures().exists() else {}


@shared(lambda name: (str(_table(name)), modified(_table(name))), entries=32, copies=True)
def figure_table(name: str) -> pd.DataFrame | None:
    """Table ``trained/tables/<name>.csv``; None where it was not made yet.

    Raises
    ------
    AtlasError
        If the file is damaged.
    """
    path = _table(name)
    if not path.exists():
        return None
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path} cannot be read ({error}); build it again") from error
