"""Figures and tables of ``trained/``, read again when their files change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from radioviz.errors import AtlasError
from radioviz.paths import trained_folder


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def benchmarks() -> dict[str, dict[str, Any]]:
    """All recorded figures by name; empty where there are none.

    Raises
    ------
    AtlasError
        If the file is damaged.
    """
    path = trained_folder() / "benchmarks.json"
    return _benchmarks(path, _stamp(path))


@st.cache_data(show_spinner=False, max_entries=4)
def _benchmarks(path: Path, stamp: int) -> dict[str, dict[str, Any]]:
    if not stamp:
        return {}
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path} cannot be read ({error}); restore it") from error
    if not isinstance(figures, dict) or not all(isinstance(v, dict) for v in figures.values()):
        raise AtlasError(f"{path} does not hold figures by name; restore it")
    return figures


def figure_table(name: str) -> pd.DataFrame | None:
    """Table ``trained/tables/<name>.csv``; None where it was not made yet.

    Raises
    ------
    AtlasError
        If the file is damaged.
    """
    path = trained_folder() / "tables" / f"{name}.csv"
    return _table(path, _stamp(path))


@st.cache_data(show_spinner=False, max_entries=32)
def _table(path: Path, stamp: int) -> pd.DataFrame | None:
    if not stamp:
        return None
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path} cannot be read ({error}); make it anew") from error
