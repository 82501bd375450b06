"""Queries of Andrianomena & Tang 2023, each one click away: their Figs. 8, 9 and 13.

The paper takes its queries from the test set of MiraBest Confident and does not name them,
so they are chosen here by what the text says of them: a source of large angular extension, a
small one "but bigger than a point source", and the one of lowest likelihood. Where MiraBest
is not at hand, test galaxies of FIRST stand in.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.errors import CatalogueError, RadioVizError
from radioviz.ui import cache
from radioviz.ui.cache import outliers
from radioviz.ui.pages.similar import similar_query
from radioviz.ui.pages.similar.query_state import Pair, Wish

LARGE, SMALL = 90.0, 30.0  # arcsec


EXAMPLES = {
    "fig8": "Fig. 8 · a large source of MiraBest",
    "fig9": "Fig. 9 · a small source of MiraBest",
    "fig13": "Fig. 13 · the source least like FIRST",
}


def source_of(example: str, model: str) -> Pair:
    """The galaxy that stands for an example.

    Raises
    ------
    CatalogueError
        If no test galaxy is at hand.
    """
    known = cache.known_data_sets()
    here = known["mirabest"].is_here and model in cache.atlas_names("mirabest")
    key = "mirabest" if here else "first"
    catalogue = cache.data_set(key)
    table = catalogue.table
    held_out = table["split"].to_numpy() == "test"
    if "mbc" in table:
        held_out &= table["mbc"].to_numpy(dtype=bool)
    if example in ("fig8", "fig9"):
        held_out &= table["label"].to_numpy() == "FRII"  # both have two hot spots
    rows = np.flatnonzero(held_out)
    if not len(rows):
        raise CatalogueError(f"data set '{key}' has no test galaxies to take an example from")
    if example == "fig13":
        values = -_likeness(key, model)[rows]
    else:
        wanted = LARGE if example == "fig8" else SMALL
        las = table["las"].to_numpy(float)[rows]
        values = -np.abs(np.log(np.where(np.isfinite(las) & (las > 0), las, np.inf) / wanted))
    values = np.where(np.isfinite(values), values, -np.inf)
    return key, str(table["source_id"].iat[int(rows[np.argmax(values)])])


def _likeness(key: str, model: str) -> np.ndarray:
    """Log-likelihood of each galaxy, or what stands for it in the Atlas of the model."""
    scored = outliers.outliers(key, model)
    for name in ("log_prob", "knn"):
        if name in scored.values:
            return -scored.oriented(name)
    return -cache.atlas(key, model).scores["knn_distance"].to_numpy(float)


def _take(model: str, key: str) -> None:
    example = st.session_state[key]
    if example not in EXAMPLES:
        return
    try:
        pair = source_of(example, model)
    except RadioVizError as error:
        st.session_state["similar_message"] = str(error)
        return
    similar_query.set_wish(Wish((pair,)))
    st.session_state["similar_measure"] = "cosine"  # the paper's
    if model in cache.atlas_names("first"):
        st.session_state["similar_in"] = ["first"]


def menu(model: str, key: str = "similar_examples") -> None:
    """Menu with one line a figure."""
    st.menu_button(
        "Figures of the paper",
        list(EXAMPLES),
        format_func=EXAMPLES.__getitem__,
        key=key,
        icon=":material/menu_book:",
        on_click=_take,
        args=(model, key),
        help="Queries like those of Andrianomena & Tang 2023, from the test set of MiraBest, "
        "searched in FIRST",
    )
