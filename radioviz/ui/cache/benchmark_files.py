"""Figures and tables of ``trained/``, read again when their files change."""

from __future__ import annotations

from typing import Any

import pandas as pd

from radioviz.api.benchmark_figures import (
    figure_table_path,
    figures_path,
    read_figure_table,
    read_figures,
)
from radioviz.ui.cache.data_sets import modified
from radioviz.ui.cache.shared import shared


@shared(lambda: (str(figures_path()), modified(figures_path())), entries=4, copies=True)
def benchmarks() -> dict[str, dict[str, Any]]:
    """See :func:`radioviz.api.benchmark_figures.read_figures`."""
    return read_figures()


@shared(
    lambda name: (str(figure_table_path(name)), modified(figure_table_path(name))),
    entries=32,
    copies=True,
)
def figure_table(name: str) -> pd.DataFrame | None:
    """See :func:`radioviz.api.benchmark_figures.read_figure_table`."""
    return read_figure_table(name)
