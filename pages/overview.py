"""Overview: installed data sets, abilities of the models, and links to the pages."""

from __future__ import annotations

import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.errors import RadioVizError
from radioviz.ui import cache, controls, in_line, sidebar
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.pages.overview import overview_view
from radioviz.ui.pages.overview.state import OverviewState
from radioviz.ui.state import page_state

DOORS = (
    (
        controls.LATENT_MAP,
        "Latent map",
        ":material/scatter_plot:",
        "All galaxies, arranged by an encoder. Lasso a region, see its pictures, export FITS.",
    ),
    (
        controls.TABLE,
        "Table",
        ":material/table:",
        "All columns of a data set: sort, filter, histograms, scatter plots, crossmatch.",
    ),
    (
        "pages/relations.py",
        "Relations",
        ":material/function:",
        "Predict a property from latents, map it over them; luminosity and linear size.",
    ),
    (
        controls.INSPECT,
        "Inspect",
        ":material/center_focus_strong:",
        "One galaxy: contours, measurements, neighbours in latent space, NED and SIMBAD.",
    ),
    (
        controls.SIMILAR,
        "Similar",
        ":material/image_search:",
        "Galaxies like one you name, upload or generate, and how unusual the match is.",
    ),
    (
        controls.LIKELIHOOD,
        "Likelihood",
        ":material/query_stats:",
        "The strangest galaxies by several outlier scores, thresholds, and your marks.",
    ),
    (
        "pages/two_classes.py",
        "Two classes",
        ":material/call_split:",
        "Compact or extended, FRI or FRII: separated without labels, with a threshold you set.",
    ),
    (
        controls.GRID_WALK,
        "Grid walk",
        ":material/grid_view:",
        "A plane of latent space, decoded; walk on it from galaxy to galaxy.",
    ),
    (
        controls.GENERATE,
        "Generate",
        ":material/auto_awesome:",
        "New FRI and FRII galaxies by class, angular size and seed, each checked.",
    ),
    (
        controls.BENCHMARKS,
        "Benchmarks",
        ":material/speed:",
        "How good the models are, with intervals and the command that measures it again.",
    ),
    (
        controls.YOUR_DATA,
        "Your data",
        ":material/upload:",
        "Import images, tables, cubes, mosaics, or positions to fetch cutouts for.",
    ),
)


def doors() -> None:
    """A card for each page."""
    for first in range(0, len(DOORS), 4):
        row = DOORS[first : first + 4]
        for place, (page, title, icon, text) in zip(st.columns(4), row, strict=False):
            with place.container(border=True, height="stretch"):
                st.page_link(page, label=f"**{title}**", icon=icon)
                st.caption(text)


def main() -> None:
    view = sidebar.draw_sidebar()
    held = page_state(OverviewState)
    opened, held.opened = held.opened, None
    if opened is not None:
        controls.go_inspect(opened)
    view.publish()
    st.title("RadioViz")
    st.markdown(
        "Explore the latent space of radio galaxies: real survey images, trained models, and "
        "exports that DS9 and TOPCAT open."
    )
    doors()
    with controls.show_errors():
        overview_view.example_galaxies(controls.open_with_progress(view.data_set), view.style)
    st.subheader("Data sets")
    catalogues: dict[str, Catalogue] = {}
    absent: dict[str, RadioVizError] = {}
    left, right = st.columns([1.15, 1], gap="medium")
    with left, in_line.place():
        for key in cache.known_data_sets():
            try:
                catalogues[key] = controls.open_with_progress(key)
            except RadioVizError as error:
                absent[key] = error
            else:
                overview_view.data_set_card(catalogues[key])
        if absent:
            overview_view.missing_data_sets(absent)
        overview_view.one_map(view)
    with right, controls.show_errors():
        overview_view.sky_coverage(catalogues)
    st.subheader("Models")
    with controls.show_errors():
        overview_view.model_cards()
    draw_code(view, lambda: overview_view.overview_script(view.data_set))


main()
