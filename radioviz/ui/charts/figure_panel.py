"""At the end of every page: its charts as figures for a paper, and the code that makes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import streamlit as st

from radioviz.jobs.progress import Progress
from radioviz.ui import controls
from radioviz.ui.code.script import Script, call
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.state import page_state

FIGURES = "paper_figures"
_WIDTHS = {"column": "One column (88 mm)", "page": "Whole page (180 mm)"}
_PALETTES = {"screen": "As on the screen", "okabe-ito": "Colour-blind (Okabe & Ito)",
             "grey": "Greys"}  # fmt: skip


@dataclass
class OfferedFigures:
    """The charts of the page, by key: what each shows, and its description."""

    charts: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)


def offer_figure(key: str, alt: str, chart: Mapping[str, Any]) -> None:
    """Offer a chart of this page as a figure; it is kept only while the panel is open."""
    if st.session_state.get(FIGURES):
        page_state(OfferedFigures).charts[key] = (alt, chart)


def draw_figures() -> None:
    """A closed panel: which chart, how, its file, and the lines that draw it."""
    panel = st.expander("Figures for a paper", icon=":material/picture_as_pdf:", key=FIGURES,
                        on_change="rerun")  # fmt: skip
    held = page_state(OfferedFigures)
    charts, held.charts = held.charts, {}
    if not panel.open:
        return
    with panel, controls.show_errors():
        if not charts:
            st.caption("No chart is drawn on this page now. The map has figures of its own.")
            return
        places = st.columns([2.2, 1, 1.3, 1.5, 0.8], vertical_alignment="bottom")
        key = str(places[0].selectbox("Chart", list(charts), key="figure_chart",
                                      format_func=lambda k: charts[k][0]))  # fmt: skip
        kind = str(places[1].selectbox("File", ["pdf", "svg", "png"], key="figure_kind",
                                       format_func=str.upper))  # fmt: skip
        width = str(places[2].selectbox("Width", list(_WIDTHS), format_func=_WIDTHS.__getitem__,
                                        key="figure_width"))  # fmt: skip
        palette = str(places[3].selectbox("Colours", list(_PALETTES), key="figure_palette",
                                          format_func=_PALETTES.__getitem__))  # fmt: skip
        serif = places[4].toggle("Serif", key="figure_serif")
        alt, chart = charts[key]
        name = re.sub(r"[^a-z0-9]+", "-", alt.lower()).strip("-")[:50]

        def write(file: IO[bytes], progress: Progress) -> None:
            from radioviz.export.chart_figure import ChartLook, write_chart

            write_chart(file, chart, kind, ChartLook(width, bool(serif), palette))

        def description() -> str:
            from radioviz.api.chart_files import chart_json

            return chart_json(chart)

        with st.container(horizontal=True):
            export_button(f"Figure ({kind.upper()})", f"{name}.{kind}", write, key="figure_write",
                          type="primary")  # fmt: skip
            export_button("The chart that the lines read (JSON)", f"{name}.json",
                          whole(description), key="figure_json")  # fmt: skip
        script = Script()
        script.line(str(call(
            "radioviz.draw_chart", f"{name}.json", f"{name}.{kind}", width=width,
            serif=True if serif else None, palette=palette if palette != "screen" else "",
        )))  # fmt: skip
        st.code(str(script), language="python", wrap_lines=True)
