"""Queries of Andrianomena & Tang 2023, each one click away: their Figs. 8, 9 and 13.

The paper takes its queries from the test set of MiraBest Confident and does not name them. They
are chosen here by its description: a source of large angular extent, a small one "but bigger than
a point source", and the one of lowest likelihood. Without MiraBest, test galaxies of FIRST are
used. The last example is a source of FIRST that is searched for in NVSS.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.errors import CatalogueError
from radioviz.ui import cache, controls, paper_figures
from radioviz.ui.cache import outliers
from radioviz.ui.pages.similar.query_panel import set_query
from radioviz.ui.pages.similar.similar_search import DEFAULT
from radioviz.ui.pages.similar.state import Pair, SimilarityQuery

SIZES = {"fig8": 90.0, "fig9": 30.0}  # arcsec
EXAMPLES = {
    "fig8": "Fig. 8 · a large source of MiraBest",
    "fig9": "Fig. 9 · a small source of MiraBest",
    "fig13": "Fig. 13 · the source least like FIRST",
    "pair": "One source, two telescopes · of FIRST, in NVSS",
}
PAIR = ("frdeep-first", "frdeep-nvss")


def example_source(example: str, model: str) -> Pair:
    """The galaxy that stands for an example.

    Raises CatalogueError if there is no test galaxy.
    """
    known = cache.known_data_sets()

    def is_here(name: str) -> bool:
        return known[name].is_here and model in cache.atlas_names(name)

    key = "mirabest" if is_here("mirabest") else "first"
    if example == "pair":
        key = PAIR[0]
        lacking = [name for name in PAIR if not is_here(name)]
        if lacking:
            raise CatalogueError(
                f"this example needs data set '{lacking[0]}' and its latents by '{model}'; "
                "fetch it by python -m radioviz.data fetch fr-deep"
            )
    table = cache.data_set(key).table
    held_out = table["split"].to_numpy() == "test"
    if "mbc" in table:
        held_out &= table["mbc"].to_numpy(dtype=bool)
    if example in SIZES:
        held_out &= table["label"].to_numpy() == "FRII"  # both have two hot spots
    rows = np.flatnonzero(held_out)
    if not len(rows):
        raise CatalogueError(f"data set '{key}' has no test galaxies to take an example from")
    if example in SIZES or example == "pair":
        las = table["las"].to_numpy(float)[rows]
        known_las = np.where(np.isfinite(las) & (las > 0), las, np.inf)
        order = -np.abs(np.log(known_las / SIZES.get(example, SIZES["fig8"])))
    else:
        order = _strangeness(key, model)[rows]
    order = np.where(np.isfinite(order), order, -np.inf)
    return key, str(table["source_id"].iat[int(rows[np.argmax(order)])])


def _strangeness(key: str, model: str) -> np.ndarray:
    """-log p of each galaxy, or its distance to neighbours where there is no flow."""
    scored = outliers.outliers(key, model)
    for name in ("log_prob", "knn"):
        if name in scored.values:
            return scored.oriented(name)
    return cache.atlas(key, model).scores["knn_distance"].to_numpy(float)


def similar_figures_menu(model: str) -> None:
    """Menu with one line for each figure."""
    example = paper_figures.figure_menu(
        EXAMPLES,
        "similar_examples",
        "Queries from the test set of MiraBest, searched in FIRST",
    )
    if example is None:
        return
    with controls.show_errors():
        set_query(SimilarityQuery((example_source(example, model),)))
        if example == "pair":
            st.session_state["similar_measure"] = DEFAULT
            st.session_state["similar_in"] = [PAIR[1]]
            st.session_state["similar_separation"] = 0.0  # it is to find itself
            return
        st.session_state["similar_measure"] = "cosine"  # the paper's
        if model in cache.atlas_names("first"):
            st.session_state["similar_in"] = ["first"]
