"""The right side of the Similar page: settings, results, and how unusual they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.catalogue import LABELS, Column
from radioviz.similarity.query_image import beam_of
from radioviz.similarity.spaces import NEIGHBOURHOOD
from radioviz.ui import (
    cache,
    controls,
    detail,
    galaxies,
    gallery,
    gallery_tools,
    state,
    tray,
    url_state,
)
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import CountSeries
from radioviz.ui.controls import View
from radioviz.ui.gallery_tools import Look
from radioviz.ui.pages.similar import query_panel
from radioviz.ui.pages.similar.galaxy_lookup import separation_text
from radioviz.ui.pages.similar.similar_search import (
    DEFAULT,
    NO_CLASS,
    NUMBERS,
    SearchResult,
    SearchSettings,
)
from radioviz.ui.pages.similar.state import Pair, SimilarityQuery, SimilarState
from radioviz.ui.palette import MISSING_COLOUR, OTHERS, SELECTION_COLOUR
from radioviz.ui.state import Selection, page_state

BINS = 60
MEASURES = {
    "whitened": "Whitened cosine",
    "cosine": "Cosine",
    NEIGHBOURHOOD: "Neighbourhood",
    "classes": "Class-aware cosine",
}
_MEASURE_HELP = """
- **Whitened cosine**: of the angle between latent vectors about the mean of the data set, with
  their main axes scaled down
- **Cosine**: of the angle between latent vectors, as in Andrianomena & Tang 2023
- **Neighbourhood**: whitened, and neighbours of neighbours of the query count as near it
- **Class-aware cosine**: along the axes that separate the labelled classes of FIRST
"""
COLUMNS = {
    "query_chance": Column(
        "float64", "", "stat.probability", "Share of unrelated galaxies that score as high"
    ),
    "query_separation": Column(
        "float64", "arcsec", "pos.angDistance", "Great-circle distance from the nearest example"
    ),
}
_FORMATS = {
    "Score": "%.4f",
    "Chance": "%.2e",
    "Size [″]": "%.1f",
    "Redshift": "%.4f",
    "Separation [°]": "%.4f",
}


def search_settings(view: View) -> SearchSettings:
    """The widgets above query and results."""
    options = [k for k in cache.available_data_sets() if view.model in cache.atlas_names(k)]
    held = page_state(SimilarState)
    if held.data_set != view.data_set:
        # A data set newly chosen in the sidebar is searched until the reader changes it.
        if held.data_set:
            st.session_state["similar_in"] = [view.data_set]
        held.data_set = view.data_set
    url_state.linked_choices("similar_in", "in", options, [view.data_set])
    url_state.linked_choice("similar_measure", "measure", list(MEASURES), DEFAULT)
    url_state.linked_toggle("similar_rotated", "turned")
    url_state.linked_toggle("similar_alone", "alone")
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    columns = [row.container(width=width) for width in (275, 180, 145, 170, 112)]
    with columns[0]:
        query_panel.choose_kind()
    targets = columns[1].multiselect(
        "Search in", options, format_func=controls.data_set_title, key="similar_in",
        placeholder="Choose a data set",
    )  # fmt: skip
    measure = columns[2].selectbox(
        "Similarity", list(MEASURES), format_func=MEASURES.__getitem__, key="similar_measure",
        help=_MEASURE_HELP,
    )  # fmt: skip
    # Some encoders average over the eight views themselves.
    info = cache.models()[str(view.model)]
    built_in = bool(info.architecture.get("dihedral"))
    rotated = columns[3].toggle(
        "Any orientation", key="similar_always" if built_in else "similar_rotated",
        value=built_in, disabled=built_in,
        help="Orientation does not matter to this encoder: rotated or mirrored images of a galaxy "
        "have the same latents."
        if built_in else
        "Compares the best of eight views of the query, rotated by 90° and mirrored. Otherwise "
        "results tend to share its position angle. Has to encode the views: the first search "
        "loads the encoder.",
    )  # fmt: skip
    with columns[4].popover("More", icon=":material/tune:", key="similar_more", width="stretch"):
        number = st.segmented_control(
            "Results", NUMBERS, default=NUMBERS[0], required=True, key="similar_number",
            persist_state="session",
        )  # fmt: skip
        separation = st.number_input(
            "Leave out within [″]", 0.0, 36_000.0, 10.0, step=10.0, format="%g",
            key="similar_separation", persist_state="session",
            help="Great-circle distance from any example. Entries of one source lie within 10″.",
        )  # fmt: skip
        labels = st.multiselect(
            "Only classes", [*LABELS, NO_CLASS], key="similar_labels", persist_state="session",
            placeholder="All",
        )  # fmt: skip
        masked = info.outside != "keep"
        alone = st.toggle(
            "Unrelated emission removed", value=masked, disabled=masked or bool(info.channels),
            key="similar_always_alone" if masked else "similar_alone",
            help="This encoder leaves out other sources of an image anyway."
            if masked else
            "Encodes the examples without emission of other sources, as Inspect masks it. "
            "On average it changes little: for validation galaxies of FIRST, 72 % of the first ten "
            "results have the class of the query with SimCLR either way, and 66 instead of 65 % "
            "with VAE 32. It helps where a bright neighbour is what the results have in common.",
        )  # fmt: skip
    return SearchSettings(
        tuple(targets),
        str(measure),
        bool(rotated) and not built_in,
        int(number or NUMBERS[0]),
        float(separation),
        tuple(labels),
        bool(alone) and not masked and not info.channels,
    )


# -- results ------------------------------------------------------------------------------------


def match_verdict(result: SearchResult, single: bool) -> tuple[str, bool]:
    """How unusual the best match is, in a sentence; True where nothing similar seems to exist.

    ``single``: whether the query is one galaxy or one picture.
    """
    best = result.table.iloc[0]
    null = result.nulls.get(best["data_set"])
    if result.smoothed:
        return (
            f"Best match {best['score']:.3f}. No chance is given: two images of one galaxy by two "
            "telescopes score lower than galaxies of one survey.",
            False,
        )
    if null is None:
        return (
            "Ranked along neighbourhoods: the best match scores 1. Choose one of the cosines to "
            "see whether anything is similar at all.",
            False,
        )
    title = controls.data_set_title(best["data_set"])
    chance, trials = float(best["chance"]), null.unrelated.trials
    percent = f"{100 * chance:.2g} %" if chance * trials > 1.5 else f"< {100 / trials:.1g} %"
    text = (
        f"Best match {best['score']:.3f}; chance of a random pair of {title} scoring this high: "
        f"{percent}."
    )
    if not single:
        return text, False
    usual = float(null.best.chance(float(best["score"])))
    text += f" {usual:.0%} of its galaxies have a match at least this good among the others"
    if usual >= 0.98:
        return f"{text}: nothing here resembles the query.", True
    return f"{text}.", False


def result_cells(
    result: SearchResult, view: View, pairs: list[Pair], look: Look
) -> list[gallery.Cell]:
    """Pictures of the results: score and name, then class, angular size, separation."""
    found = {pair: numbers for pair, *numbers in _numbers(result)}
    several = result.table["data_set"].nunique() > 1
    made = []
    cells = galaxies.galaxy_cells(pairs, view.style, size=look.pixels, common=look.common)
    for cell in cells:
        score, _, separation = found[cell.pair]
        parts = [cell.note, separation_text(separation)]
        parts += [controls.data_set_title(cell.pair[0])] if several else []
        note = " · ".join(p for p in parts if p)
        made.append(dataclasses.replace(cell, name=f"{score:.3f} {cell.name}", note=note))
    return made


def _numbers(result: SearchResult) -> Iterator[tuple[Pair, float, float, float]]:
    """Galaxy, score, chance and separation in arcsec of each result."""
    columns = [result.table[c].to_numpy(float).tolist() for c in ("score", "chance", "separation")]
    yield from zip(result.pairs, *columns, strict=True)


def export_numbers(result: SearchResult) -> Mapping[Pair, Mapping[str, float]]:
    """Score, chance and separation of each result, for exports."""
    names = ("similarity", "query_chance", "query_separation")
    return {pair: dict(zip(names, found, strict=True)) for pair, *found in _numbers(result)}


def result_table(result: SearchResult) -> pd.DataFrame:
    """Results as a table for reading."""
    lines = []
    for pair, score, chance, separation in _numbers(result):
        catalogue, at = galaxies.row_of(pair)
        source = catalogue.table.iloc[at]
        lines.append(
            {
                "Score": score,
                "Chance": chance,
                "Name": galaxies.name_of(catalogue.table, at),
                "Class": source["label"],
                "Size [″]": float(source["las"]),
                "Upper limit": bool(source.get("las_limit", False)),
                "Redshift": float(source["redshift"]),
                "Separation [°]": separation / 3600,
                "Data set": catalogue.info.title,
                "Identifier": pair[1],
            }
        )
    return pd.DataFrame(lines)


def draw_scores(result: SearchResult, settings: SearchSettings) -> None:
    """Scores of everything that was compared, and what unrelated galaxies would score."""
    every = np.concatenate([s[np.isfinite(s)] for s in result.every.values()])
    if not len(every):
        return
    nulls = [null.unrelated.quantiles for null in result.nulls.values()]
    edges = np.histogram_bin_edges(np.concatenate([every, *nulls]), BINS)
    shown = result.table["score"].to_numpy(float)
    colour = [SELECTION_COLOUR if edge > shown[-1] else MISSING_COLOUR for edge in edges[1:]]
    samples = [CountSeries("galaxies", np.histogram(every, edges)[0], colour)]
    if result.nulls:
        expected = np.zeros(BINS)
        for key, null in result.nulls.items():
            expected += np.isfinite(result.every[key]).sum() * null.unrelated.density(edges)
        samples.append(CountSeries("unrelated galaxies", expected, OTHERS[1], line="solid"))
    best = {f"best {shown[0]:.3f}": float(shown[0])}
    title = f"{MEASURES[settings.measure]}: {len(every):,} galaxies and the query"
    chart = plotly_charts.histogram(edges, samples, x_title=title, rules=best)
    plotly_charts.draw(chart, "similar_histogram", title, height=230)


def draw_results(view: View, result: SearchResult, settings: SearchSettings, single: bool) -> None:
    """Buttons, verdict, histogram, gallery or table."""
    if not len(result.table):
        explain_empty(result, settings)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(f"{len(result.pairs):,} most similar", width="content")
        st.button(
            "All to tray", icon=":material/add:", key="similar_to_tray",
            on_click=_collect, args=(result.pairs,),
        )  # fmt: skip
        if st.button("On the map", icon=":material/scatter_plot:", key="similar_to_map"):
            state.set_brush(result.pairs, "similar")
            st.switch_page(controls.LATENT_MAP)
        with st.popover("Export", icon=":material/download:", key="similar_export"):
            tray.export_buttons(
                Selection(result.pairs), str(view.model), key="similar_as",
                note="similar to the query", scores=export_numbers(result), columns=COLUMNS,
            )  # fmt: skip
        table = st.toggle("Table", key="similar_table", persist_state="session")
    text, nothing_similar = match_verdict(result, single)
    if result.smoothed:
        text += " " + _smoothed_text(result, settings)
    (st.warning if nothing_similar else st.caption)(controls.escape(text))
    draw_scores(result, settings)
    if table:
        formats = {c: st.column_config.NumberColumn(format=f) for c, f in _FORMATS.items()}
        st.dataframe(
            result_table(result), hide_index=True, key="similar_dataframe", column_config=formats
        )
        return
    gallery_tools.paged_gallery(
        result.pairs, view, lambda pairs, look: result_cells(result, view, pairs, look),
        key="similar_gallery", label="Most similar galaxies", width=118, order="Best first",
        on_open=query_panel.open_galaxy, on_collect=detail.toggle_tray,
    )  # fmt: skip


def _smoothed_text(result: SearchResult, settings: SearchSettings) -> str:
    """What was done to examples of sharper surveys."""
    searched = cache.data_set(settings.targets[0])
    names = " and ".join(controls.data_set_title(key) for key in sorted(result.smoothed))
    return (
        f"Examples of {names} were smoothed to the {beam_of(searched):.3g}″ beam of "
        f"{searched.info.title}, and compared about the mean of each survey"
        f"{', unrelated emission included' if settings.alone else ''}."
    )


def _collect(pairs: list[Pair]) -> None:
    state.tray().update(pairs)


def explain_empty(result: SearchResult, settings: SearchSettings) -> None:
    """Why there is no result, and what would give one."""
    compared = sum(int(np.isfinite(s).sum()) for s in result.every.values())
    reasons = []
    if settings.labels:
        reasons.append(f"of class {', '.join(settings.labels)}")
    if settings.separation > 0:
        reasons.append(f"farther than {settings.separation:g}″ from every example")
    st.info(
        controls.escape(
            f"No galaxy is left: of {compared:,} compared, none is "
            f"{' and '.join(reasons) or 'other than an example'}. Open More and widen the "
            "choice, or search in another data set."
        ),
        icon=":material/filter_alt_off:",
    )


def draw_opened(view: View, pair: Pair) -> None:
    """The galaxy that was opened, and how to continue the search from it."""
    catalogue, row = galaxies.row_of(pair)
    st.html(detail.galaxy_heading(catalogue, row))
    st.html(detail.galaxy_picture(catalogue, row, view.style))
    query = query_panel.current_query()
    st.button(
        "Search from this", icon=":material/search:", type="primary", key="similar_again",
        on_click=query_panel.set_query, args=(SimilarityQuery((pair,)),), width="stretch",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Like", icon=":material/thumb_up:", key="similar_more_like",
            help="Also search for galaxies like this one", disabled=pair in query.like,
            on_click=query_panel.set_examples, args=(query.with_like(pair),),
        )  # fmt: skip
        st.button(
            "Unlike", icon=":material/thumb_down:", key="similar_less_like",
            help="Move away from galaxies like this one", disabled=pair in query.unlike,
            on_click=query_panel.set_examples, args=(query.with_unlike(pair),),
        )  # fmt: skip
        detail.tray_button(pair, key="similar_tray")
        if st.button("Inspect", icon=":material/center_focus_strong:", key="similar_inspect"):
            controls.go_inspect(pair)
    detail.show_position(catalogue, row)
    st.html(detail.facts_html(detail.short_facts(catalogue, row)))
