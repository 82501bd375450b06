"""Where one galaxy stands among all: its likelihood, and every other outlier score."""

from __future__ import annotations

import streamlit as st

from radioviz.outliers.thresholds import SCORES, threshold_at
from radioviz.ui import controls, detail
from radioviz.ui.cache import outliers as scores
from radioviz.ui.controls import View
from radioviz.ui.pages.likelihood.likelihood_view import Settings, Shown, picture
from radioviz.ui.pages.likelihood.marking_panel import standing

Pair = tuple[str, str]


def panel(pair: Pair, view: View) -> None:
    """Histogram of log p with the galaxy marked, and its place under each score."""
    table = scores.outliers(pair[0], view.model)
    if not table.values:
        st.info("No outlier score is here yet. This makes them; reload the page afterwards:")
        st.code(f"python -m train scores --what outliers --data {pair[0]}", language="bash")
        return
    name = "log_prob" if "log_prob" in table.values else next(iter(table.values))
    base = scores.reference(view.model, pair[0])
    base = base if name in base.values else table
    settings = Settings(SCORES[name], (pair[0],), True, 0.05)
    threshold = threshold_at(base.oriented(name)[base.held_out()], settings.rate)
    shown = Shown(settings, {pair[0]: table}, base, threshold)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        picture(shown, key="place_histogram", focus=pair)
    with right:
        st.html(detail.facts_html(standing(shown, pair)))
        if st.button("Open in Likelihood", icon=":material/query_stats:", key="place_likelihood"):
            controls.go_likelihood(pair)
