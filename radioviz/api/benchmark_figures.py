"""The recorded figures of the Benchmarks page, and the tables that they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from radioviz.errors import AtlasError
from radioviz.paths import trained_folder

PLAIN = ("value", "low", "high", "n", "split", "seeds", "command", "commit", "machine", "why")


def benchmarks() -> pd.DataFrame:
    """Every recorded figure: value, interval, galaxies, split, and the command that measures it.

    Returns
    -------
    pandas.DataFrame
        Indexed by the name of the figure.

    Raises
    ------
    AtlasError
        If the file is damaged.

    Examples
    --------
    >>> import radioviz
    >>> figures = radioviz.benchmarks()
    >>> list(figures.columns[:5])
    ['value', 'low', 'high', 'n', 'split']
    """
    return figure_frame(read_figures())


def benchmark_table(name: str) -> pd.DataFrame:
    """A table of the Benchmarks page: ``table2``, ``fig7``, ``generators``, ``ood``, ...

    Raises
    ------
    AtlasError
        If it was not made yet, or is damaged.

    Examples
    --------
    >>> import radioviz
    >>> len(radioviz.benchmark_table("table2")) > 0
    True
    """
    found = read_figure_table(name)
    if found is None:
        known = ", ".join(sorted(path.stem for path in figure_table_path("x").parent.glob("*.csv")))
        raise AtlasError(f"no table '{name[:60]}'; there are {known or 'none'}")
    return found


def figures_path() -> Path:
    """The file of the figures."""
    return trained_folder() / "benchmarks.json"


def figure_table_path(name: str) -> Path:
    """The file of a table."""
    return trained_folder() / "tables" / f"{name}.csv"


def read_figures() -> dict[str, dict[str, Any]]:
    """All recorded figures by name; empty where there are none.

    Raises
    ------
    AtlasError
        If the file is damaged.
    """
    path = figures_path()
    if not path.exists():
        return {}
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path} cannot be read ({error}); restore it") from error
    if not isinstance(figures, dict) or not all(isinstance(v, dict) for v in figures.values()):
        raise AtlasError(f"{path} does not hold figures by name; restore it")
    return figures


def read_figure_table(name: str) -> pd.DataFrame | None:
    """Table ``trained/tables/<name>.csv``; None where it was not made yet.

    Raises
    ------
    AtlasError
        If the file is damaged.
    """
    path = figure_table_path(name)
    if not path.exists():
        return None
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise AtlasError(f"{path} cannot be read ({error}); build it again") from error


def figure_frame(figures: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Figures as a table, one row each, indexed by name."""
    rows = [{key: entry.get(key) for key in PLAIN} for entry in figures.values()]
    table = pd.DataFrame(rows, index=pd.Index(list(figures), name="figure"), columns=list(PLAIN))
    table["seeds"] = [", ".join(map(str, seeds or ())) for seeds in table["seeds"]]
    return table
