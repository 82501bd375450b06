"""The right side of the Similar page: the search, its results, and how unusual they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.catalogue import LABELS, Column
from radioviz.ui import cache, controls, detail, galaxies, gallery, state, tray, url_state
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import CountSeries
from radioviz.ui.controls import View
from radioviz.ui.pages.similar import query_state as query
from radioviz.ui.pages.similar import similar_query
from radioviz.ui.pages.similar.query_state import Pair, Wish
from radioviz.ui.pages.similar.similar_search import (
    DEFAULT,
    NEIGHBOURHOOD,
    NO_CLASS,
    NUMBERS,
    Outcome,
    Settings,
)
from radioviz.ui.palette import MISSING_COLOUR, OTHERS, SELECTION_COLOUR
from radioviz.ui.state import Selection

BINS = 60
MEASURES = {
    "whitened": "Whitened cosine",
    "cosine": "Cosine",
    NEIGHBOURHOOD: "Neighbourhood",
    "classes": "Class-aware cosine",
}
COLUMNS = {
    "query_chance": Column(
        "float64", "", "stat.probability", "Share of unrelated galaxies that score as high"
    ),
    "query_separation": Column(
        "float64", "arcsec", "pos.angDistance", "Great-circle distance from the nearest example"
    ),
}


# -- settings -------------------------------------------------------------------------------


def choose(view: View, place: str = "similar") -> Settings:
    """The widgets above query and results."""
    known = cache.known_data_sets()
    options = [k for k in known if view.model in cache.atlas_names(k)]
    if st.session_state.get("similar_in_of") != view.data_set:
        # Another data set in the sidebar is searched, until told otherwise.
        if "similar_in_of" in st.session_state:
            st.session_state["similar_in"] = [view.data_set]
        st.session_state["similar_in_of"] = view.data_set
    url_state.linked_choices("similar_in", "in", options, [view.data_set])
    url_state.linked_choice("similar_measure", "measure", list(MEASURES), DEFAULT)
    url_state.linked_toggle("similar_rotated", "turned")
    columns = st.columns([2.1, 1.6, 1.15, 1.35, 0.75], vertical_alignment="bottom")
    with columns[0]:
        similar_query.choose_kind()
    targets = columns[1].multiselect(
        "Search in", options, format_func=controls.data_set_title, key="similar_in",
        placeholder="Choose a data set",
    )  # fmt: skip
    measure = columns[2].selectbox(
        "Similarity", list(MEASURES), format_func=MEASURES.__getitem__, key="similar_measure",
        help="Cosine of the angle between latent vectors, as in Andrianomena & Tang 2023. "
        "Whitened: about the mean of the data set, with its main axes held back. "
        "Neighbourhood: "
        "whitened, and what is near to what is near the query counts as near to it. Class-aware: "
        "along the axes that part the labelled classes of FIRST's training galaxies.",
    )  # fmt: skip
    # Some encoders average over the eight views themselves.
    built_in = bool(cache.models()[str(view.model)].architecture.get("dihedral"))
    rotated = columns[3].toggle(
        "Any orientation", key="similar_always" if built_in else "similar_rotated",
        value=built_in, disabled=built_in,
        help="This encoder sees no orientation: turned or mirrored, a galaxy is the same to it."
        if built_in else
        "Compares the best of eight views of the query, turned by 90° and mirrored. "
        "Otherwise results tend to share its inclination. Has to encode the views: the first "
        "search opens the encoder.",
    )  # fmt: skip
    with columns[4].popover("More", icon=":material/tune:", key=f"{place}_more", width="stretch"):
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
    return Settings(
        tuple(str(t) for t in targets),
        str(measure),
        bool(rotated) and not built_in,
        int(number or NUMBERS[0]),
        float(separation),
        tuple(str(label) for label in labels),
    )


# -- what was found -------------------------------------------------------------------------


def verdict(outcome: Outcome, view: View, settings: Settings, single: bool) -> tuple[str, bool]:
    """How unusual the best match is, in a sentence; True where nothing similar seems to exist."""
    if not len(outcome.table):
        return "", False
    best = outcome.table.iloc[0]
    if best["data_set"] not in outcome.nulls:
        return (
            "Ranked along neighbourhoods: the best scores 1. Whether anything is similar at all is "
            "told by the cosines.",
            False,
        )
    null = outcome.nulls[best["data_set"]]
    title = controls.data_set_title(best["data_set"])
    chance = float(best["chance"])
    text = (
        f"Best match {best['score']:.3f}: {_one_in(chance, null.unrelated.trials)} unrelated pairs "
        f"of {title} score as high."
    )
    if not single:
        return text, False
    usual = float(null.best.chance(float(best["score"])))
    if usual >= 0.98:
        return (
            f"{text} But {usual:.0%} of its galaxies find a better match than this: nothing here "
            "is much like the query.",
            True,
        )
    return f"{text} {usual:.0%} of its galaxies find a match as good as this among the others.", (
        False
    )


def _one_in(chance: float, trials: int) -> str:
    if chance * trials <= 1.5:
        return f"fewer than 1 in {trials:,}"
    return f"1 in {1 / chance:,.0f}" if chance < 0.1 else f"{chance:.0%} of"


def cells(outcome: Outcome, view: View) -> list[gallery.Cell]:
    """Pictures of the results: score and name, then class, angular size, separation."""
    apart = dict(zip(outcome.pairs, outcome.table["separation"].to_numpy(float), strict=True))
    score = dict(zip(outcome.pairs, outcome.table["score"].to_numpy(float), strict=True))
    several = outcome.table["data_set"].nunique() > 1
    made = []
    for cell in galaxies.galaxy_cells(outcome.pairs, view.style):
        parts = [cell.note, query.separation_text(apart[cell.pair])]
        parts += [controls.data_set_title(cell.pair[0])] if several else []
        name = f"{score[cell.pair]:.3f} {cell.name}"
        note = " · ".join(p for p in parts if p)
        made.append(dataclasses.replace(cell, name=name, note=note))
    return made


def numbers(outcome: Outcome) -> Mapping[Pair, Mapping[str, float]]:
    """Score, chance and separation of each result, for exports."""
    return {
        pair: {"similarity": score, "query_chance": chance, "query_separation": separation}
        for pair, score, chance, separation in _rows(outcome)
    }


def _rows(outcome: Outcome) -> Iterator[tuple[Pair, float, float, float]]:
    """Galaxy, score, chance and separation in arcsec of each result."""
    table = outcome.table
    columns = [table[c].to_numpy(float).tolist() for c in ("score", "chance", "separation")]
    yield from zip(outcome.pairs, *columns, strict=True)


def as_table(outcome: Outcome) -> pd.DataFrame:
    """Results as a table for reading."""
    lines = []
    for pair, score, chance, separation in _rows(outcome):
        catalogue, at = galaxies.row_of(pair)
        source = catalogue.table.iloc[at]
        lines.append(
            {
                "Score": score,
                "Chance": chance,
                "Name": galaxies.name_of(catalogue.table, at),
                "Class": source["label"],
                "Size [″]": float(source["las"]),
                "Redshift": float(source["redshift"]),
                "Separation [°]": separation / 3600,
                "Data set": catalogue.info.title,
                "Identifier": pair[1],
            }
        )
    return pd.DataFrame(lines)


def score_histogram(outcome: Outcome, settings: Settings) -> None:
    """Scores of everything that was compared, and what unrelated galaxies would score."""
    every = np.concatenate([s[np.isfinite(s)] for s in outcome.every.values()])
    if not len(every):
        return
    nulls = [null.unrelated.quantiles for null in outcome.nulls.values()]
    edges = np.histogram_bin_edges(np.concatenate([every, *nulls]), BINS)
    shown = outcome.table["score"].to_numpy(float)
    lowest = shown[-1] if len(shown) else np.inf
    colour = [SELECTION_COLOUR if edge > lowest else MISSING_COLOUR for edge in edges[1:]]
    samples = [CountSeries("galaxies", np.histogram(every, edges)[0], colour)]
    if outcome.nulls:
        expected = np.zeros(BINS)
        for key, null in outcome.nulls.items():
            expected += np.isfinite(outcome.every[key]).sum() * null.unrelated.density(edges)
        samples.append(CountSeries("unrelated galaxies", expected, OTHERS[1], line="solid"))
    best = {f"best {shown[0]:.3f}": float(shown[0])} if len(shown) else None
    title = f"{MEASURES[settings.measure]}: {len(every):,} galaxies and the query"
    chart = plotly_charts.histogram(edges, samples, x_title=title, rules=best)
    plotly_charts.draw(chart, "similar_histogram", title, height=230)


def _to_map(pairs: list[Pair]) -> None:
    state.set_brush(pairs, "similar")
    st.session_state["similar_leave"] = True


def _collect_all(pairs: list[Pair]) -> None:
    state.tray().update(pairs)


def results(view: View, outcome: Outcome, settings: Settings, single: bool) -> None:
    """Buttons, verdict, histogram, gallery."""
    if not len(outcome.table):
        nothing(outcome, settings)
        return
    model = str(view.model)
    chosen = Selection(outcome.pairs)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(f"{len(outcome.pairs):,} most similar", width="content")
        st.button(
            "All to tray", icon=":material/add:", key="similar_to_tray",
            on_click=_collect_all, args=(outcome.pairs,),
        )  # fmt: skip
        st.button(
            "On the map", icon=":material/scatter_plot:", key="similar_to_map",
            on_click=_to_map, args=(outcome.pairs,),
        )  # fmt: skip
        with st.popover("Export", icon=":material/download:", key="similar_export"):
            tray.export_buttons(
                chosen, model, key="similar_as", note="similar to the query",
                scores=numbers(outcome), columns=COLUMNS,
            )  # fmt: skip
        table = st.toggle("Table", key="similar_table", persist_state="session")
    text, nothing_similar = verdict(outcome, view, settings, single)
    (st.warning if nothing_similar else st.caption)(controls.escape(text))
    score_histogram(outcome, settings)
    if table:
        st.dataframe(
            as_table(outcome), hide_index=True, key="similar_dataframe",
            column_config={
                "Score": st.column_config.NumberColumn(format="%.4f"),
                "Chance": st.column_config.NumberColumn(format="%.2e"),
                "Size [″]": st.column_config.NumberColumn(format="%.1f"),
                "Redshift": st.column_config.NumberColumn(format="%.4f"),
                "Separation [°]": st.column_config.NumberColumn(format="%.4f"),
            },
        )  # fmt: skip
        return
    gallery.gallery(
        cells(outcome, view),
        key="similar_gallery",
        label="Most similar galaxies, best first",
        width=118,
        in_tray=state.tray().__contains__,
        focus=state.focus(),
        on_open=similar_query.look_at,
        on_collect=detail.toggle_tray,
    )


def nothing(outcome: Outcome, settings: Settings) -> None:
    """Why there is no result, and what would give one."""
    compared = sum(int(np.isfinite(s).sum()) for s in outcome.every.values())
    reasons = []
    if settings.labels:
        reasons.append(f"of class {', '.join(settings.labels)}")
    if settings.separation > 0:
        reasons.append(f"further than {settings.separation:g}″ from every example")
    st.info(
        controls.escape(
            f"No galaxy is left: {compared:,} were compared, and none is "
            f"{' and '.join(reasons) or 'anything but an example'}. Open More and widen the "
            "choice, or search in another data set."
        ),
        icon=":material/filter_alt_off:",
    )


def opened(view: View, pair: Pair) -> None:
    """The galaxy that was opened, and what can be done with it."""
    catalogue, row = galaxies.row_of(pair)
    st.html(detail.galaxy_heading(catalogue, row))
    st.html(detail.galaxy_picture(catalogue, row, view.style))
    now = similar_query.wish()
    st.button(
        "Search from this", icon=":material/search:", type="primary", key="similar_again",
        on_click=similar_query.set_wish, args=(Wish((pair,)),), width="stretch",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Like", icon=":material/thumb_up:", key="similar_more_like",
            help="Also look for galaxies like this one", disabled=pair in now.like,
            on_click=_add, args=(now.with_like(pair),),
        )  # fmt: skip
        st.button(
            "Unlike", icon=":material/thumb_down:", key="similar_less_like",
            help="Move away from galaxies like this one", disabled=pair in now.unlike,
            on_click=_add, args=(now.with_unlike(pair),),
        )  # fmt: skip
        detail.tray_button(pair, key="similar_tray")
        if st.button("Inspect", icon=":material/center_focus_strong:", key="similar_inspect"):
            controls.go_inspect(pair)
    detail.show_position(catalogue, row)
    st.html(detail.facts_html(detail.short_facts(catalogue, row)))


def _add(wanted: Wish) -> None:
    st.session_state["similar_wish"] = wanted
