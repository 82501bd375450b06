"""Menus that open views like those of figures of Andrianomena & Tang 2023."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from radioviz.errors import LikelihoodError
from radioviz.ui.cache import outliers


def figure_menu(figures: Mapping[str, str], key: str, help_text: str) -> str | None:
    """Menu with one line for each figure; the figure that was just chosen."""
    return st.menu_button(
        "Figures of Andrianomena & Tang 2023",
        list(figures),
        format_func=figures.__getitem__,
        key=key,
        icon=":material/menu_book:",
        help=help_text,
    )


def least_likely(data_set: str, model: str) -> tuple[str, str]:
    """The galaxy of lowest log-likelihood.

    Raises LikelihoodError, CatalogueError or AtlasError if the data set or its scores are not
    available.
    """
    scored = outliers.outliers(data_set, model)
    values = scored.oriented("log_prob")
    if not np.isfinite(values).any():
        raise LikelihoodError(
            f"no log-likelihood of '{data_set}' is stored; "
            f"python -m train scores --what outliers --data {data_set} computes it"
        )
    return data_set, str(scored.source_ids[int(np.nanargmax(values))])
