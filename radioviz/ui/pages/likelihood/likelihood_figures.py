"""Views of Andrianomena & Tang 2023, each one click away: their Figs. 11, 12 and 13.

Fig. 11 is the histogram of log p of every survey with generated images as a line, Fig. 12 the
galaxies of MiraBest that are least likely, Fig. 13 what is similar to the first of them.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.errors import LikelihoodError, RadioVizError
from radioviz.ui import cache, controls
from radioviz.ui.cache import outliers
from radioviz.ui.controls import View

FIGURES = {
    "fig11": "Fig. 11 · log-likelihood, a survey a colour",
    "fig12": "Fig. 12 · the least likely of MiraBest",
    "fig13": "Fig. 13 · what is similar to the first of them",
}
SURVEYS = ("first", "mirabest", "frdeep-nvss")


def _take(model: str, key: str) -> None:
    figure = st.session_state[key]
    if figure not in FIGURES:
        return
    here = [k for k, state in cache.known_data_sets().items() if k in SURVEYS and state.is_here]
    lists = here if figure == "fig11" or "mirabest" not in here else ["mirabest"]
    if not lists:
        st.session_state["likelihood_message"] = "none of the surveys of this figure is here"
        return
    if figure == "fig13":
        try:
            st.session_state["likelihood_search"] = least_likely(lists[0], model)
        except RadioVizError as error:
            st.session_state["likelihood_message"] = str(error)
        return
    st.session_state["likelihood_in"] = lists
    st.session_state["likelihood_score"] = "log_prob"
    st.session_state["likelihood_list"] = "strangest"
    st.session_state["likelihood_range"] = None
    st.session_state.pop("likelihood_page", None)


def least_likely(data_set: str, model: str) -> tuple[str, str]:
    """The galaxy of lowest log-likelihood.

    Raises
    ------
    LikelihoodError, CatalogueError, AtlasError
        If the data set or its scores are not at hand.
    """
    scored = outliers.outliers(data_set, model)
    values = scored.oriented("log_prob")
    if not np.isfinite(values).any():
        raise LikelihoodError(
            f"no log-likelihood of '{data_set}' is here; "
            f"python -m train scores --what outliers --data {data_set} makes it"
        )
    return data_set, str(scored.source_ids[int(np.nanargmax(values))])


def menu(view: View, key: str = "likelihood_figures") -> None:
    """Menu with one line a figure; goes to the Similar page for the last."""
    pair = st.session_state.pop("likelihood_search", None)
    if pair is not None:
        if view.model in cache.atlas_names("first"):
            st.session_state["similar_in"] = ["first"]
            st.session_state["similar_in_of"] = view.data_set
        controls.go_similar(pair)
    st.menu_button(
        "Figures of the paper",
        list(FIGURES),
        format_func=FIGURES.__getitem__,
        key=key,
        icon=":material/menu_book:",
        on_click=_take,
        args=(str(view.model), key),
        help="Views like those of Andrianomena & Tang 2023: log p of each survey, the least "
        "likely galaxies, and what FIRST has that is like them",
    )
    message = st.session_state.pop("likelihood_message", None)
    if message:
        st.warning(controls.escape(message))
