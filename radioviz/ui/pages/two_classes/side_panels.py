"""Histogram with two peaks, threshold, galaxies of either side, and ROC of the Two classes page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.registry import DATA_SETS
from radioviz.outliers.thresholds import bin_counts
from radioviz.ui import controls, detail, galaxies, palette, state, url_state
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import CountSeries, LineSeries
from radioviz.ui.controls import View
from radioviz.ui.gallery import Cell
from radioviz.ui.gallery_tools import Look, paged_gallery
from radioviz.ui.pages.two_classes.side_sample import SideSample, roc, side_sample

Pair = tuple[str, str]

BINS = 60
REACH = 6.0
"""Largest threshold; the peaks of the prior are at -3 and 3."""

_AT = "two_classes_at"
_SIDES = ("#CBD0D6", palette.MISSING_COLOUR)  # greys: colours are those of labels


def no_sides(view: View) -> None:
    """How to compute sides where there are none."""
    st.info(
        "The galaxies of this data set were not put on two sides yet. Compute it, then reload the "
        "page:",
        icon=":material/call_split:",
    )
    shipped = view.data_set in DATA_SETS
    program = "train scores --what sides" if shipped else "radioviz.encode"
    st.code(f"python -m {program} --data {view.data_set}", language="bash", wrap_lines=True)


def choose_threshold(view: View, model: str) -> float:
    """Slider of the threshold, and a share of galaxies to set it by."""
    url_state.linked_number(_AT, "at", -REACH, REACH, 0.0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        threshold = float(
            st.slider(
                "Threshold", -REACH, REACH, step=0.05, key=_AT,
                help="Of the latent coordinate; 0 is half-way between the peaks of the prior.",
            )
        )  # fmt: skip
        with st.popover("By share", icon=":material/percent:", key="two_classes_by_share"):
            share = st.number_input(
                "Galaxies above the threshold [%]", 0.0, 100.0, 50.0, 1.0, key="two_classes_share",
                help="If you know how common the second class is.",
            )  # fmt: skip

            def apply() -> None:
                value = side_sample(view, model, 0.0).value
                at = float(np.quantile(value, 1 - share / 100)) if len(value) else 0.0
                st.session_state[_AT] = min(max(round(at / 0.05) * 0.05, -REACH), REACH)

            st.button("Set", key="two_classes_share_set", on_click=apply)
    return threshold


def draw_histogram(sample: SideSample) -> None:
    """Counts of all galaxies in view, coloured by side, and of each label as a line."""
    low, high = sample.classes
    if not len(sample.value):
        st.info("No galaxy passes the filter.", icon=":material/filter_alt:")
        return
    known = sorted({str(label) for label in sample.labels} - {""})
    parts = {name: sample.value[sample.labels == name] for name in known}
    edges, counts = bin_counts({"all": sample.value, **parts}, BINS, 0.002)
    centres = (edges[:-1] + edges[1:]) / 2
    sides = [_SIDES[int(at > sample.threshold)] for at in centres]
    series = [CountSeries("all galaxies", counts["all"], sides)]
    series += [
        CountSeries(name, counts[name], colour, line="solid")
        for name, colour in zip(known, palette.category_colours(known), strict=True)
    ]
    figure = plotly_charts.histogram(
        edges, series, x_title=f"{low}  ←  latent coordinate  →  {high}", log=False,
        rules={"threshold": sample.threshold},
    )  # fmt: skip
    plotly_charts.draw(figure, "two_classes_histogram", "Histogram of the latent coordinate",
                       height=300)  # fmt: skip
    outside = int(len(sample.value) - counts["all"].sum())
    above = int(sample.above.sum())
    words = f"{len(sample.value) - above:,} {low}, {above:,} {high}"
    words += f"; {outside:,} beyond the plotted range" if outside else ""
    st.caption(
        controls.escape(
            f"{words}. The model saw no labels; a source of neither class is on the side that it "
            "resembles."
        )
    )


def draw_galaxies(view: View, sample: SideSample) -> None:
    """Galaxies of either side, the clearest first."""
    for above, place in zip((False, True), st.columns(2, gap="medium"), strict=True):
        name = sample.classes[int(above)]
        pairs = [(view.data_set, str(s)) for s in sample.furthest_first(above)]
        with place:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                title = controls.escape(name[:1].upper() + name[1:])
                st.markdown(f"**{title}**: {controls.galaxies_text(len(pairs))}")
                if pairs and st.button(
                    "On the map", icon=":material/scatter_plot:", key=f"two_classes_map_{above}"
                ):
                    state.set_brush(pairs, "two classes")
                    st.switch_page(controls.LATENT_MAP)
            if pairs:
                paged_gallery(
                    pairs, view, lambda some, look: _cells(view, some, look),
                    key=f"two_classes_gallery_{above}", label=name, width=104,
                    order="Clearest first", on_open=controls.go_inspect, on_collect=_collect,
                    refresh=["tray", "two_classes"], height=620,
                )  # fmt: skip


def _cells(view: View, pairs: list[Pair], look: Look) -> list[Cell]:
    return galaxies.galaxy_cells(pairs, view.style, size=look.pixels, common=look.common)


def _collect(pair: Pair) -> None:
    detail.toggle_tray(pair)
    st.rerun(["tray", "two_classes"])


def draw_roc(sample: SideSample) -> None:
    """ROC of the galaxies in view that have labels, and how labels fall on the two sides."""
    low, high, rows = sample.labelled()
    truth = np.isin(sample.labels[rows], high)
    found = roc(sample.value[rows], truth, sample.threshold)
    if found is None:
        st.info(
            "No ROC: it takes galaxies in view with labels of both classes "
            f"({' and '.join(sample.classes)}).",
            icon=":material/label_off:",
        )
        return
    value, lowest, highest = found.area
    st.markdown(
        controls.escape(
            f"{' or '.join(high)} against {', '.join(low)}: area {value:.3f} (95 % interval "
            f"{lowest:.3f} to {highest:.3f}), {len(rows):,} labelled galaxies in view. At the "
            f"threshold {found.at[1]:.0%} of the former are found, with {found.at[0]:.0%} of the "
            "latter."
        )
    )
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        curve = LineSeries("ROC", found.false, found.true, colour=palette.OTHERS[0])
        x, y = np.array(found.at)[:, None]
        at = LineSeries("threshold", x, y, colour=palette.SELECTION_COLOUR)
        chance = LineSeries("chance", np.array([0.0, 1.0]), np.array([0.0, 1.0]),
                            colour=palette.MISSING_COLOUR)  # fmt: skip
        figure = plotly_charts.lines(
            [curve, at, chance], x_title=f"share of {', '.join(low)} above the threshold",
            y_title=f"share of {', '.join(high)} above it", floor=0.0,
        )  # fmt: skip
        plotly_charts.draw(figure, "two_classes_roc", "ROC of labelled galaxies", height=380)
    with right:
        table = pd.crosstab(sample.labels, sample.above)
        table = table.reindex(columns=[False, True], fill_value=0)
        table.columns = pd.Index(sample.classes)
        table.index = pd.Index([name or "no label" for name in table.index], name="Label")
        st.dataframe(table.reset_index(), hide_index=True, key="two_classes_labels")
    st.caption(
        "Labels of validation galaxies of FIRST chose method, epoch and which side is which; those "
        "of test galaxies chose nothing. For an unbiased figure of FIRST filter by split."
    )
