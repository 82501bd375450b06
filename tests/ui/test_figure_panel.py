"""Figures for a paper, from the charts that a page draws."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from radioviz.export.chart_figure import write_chart
from radioviz.ui.charts import figure_panel, plotly_charts
from radioviz.ui.pages.inspect import galaxy_panels


def test_every_chart_of_a_page_can_be_a_figure(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: dict[str, dict] = {}  # type: ignore[type-arg]

    def offer(key: str, alt: str, chart: dict) -> None:  # type: ignore[type-arg]
        offered[key] = chart

    for module in (plotly_charts, galaxy_panels):
        monkeypatch.setattr(module, "offer_figure", offer)
    open_page("inspect_galaxy", {"contours": True}, data="first", source="first-9")
    open_page("likelihood", data="first")
    app = open_page("relations", data="first", encoder="vae2", part="Map of a property")
    app.multiselect(key="property_map_classes").set_value(["FRI", "FRII"]).run()
    assert {"inspect_image", "property_map", "property_map_rho"} < set(offered)
    for key, chart in offered.items():
        file = io.BytesIO()
        write_chart(file, chart, "svg")
        assert file.getvalue().count(b"<path") > 5, key


def test_the_panel_offers_the_charts_while_it_is_open(open_page: Callable[..., AppTest]) -> None:
    app = open_page("relations", data="first", encoder="vae2", part="Map of a property")
    app.session_state[figure_panel.FIGURES] = True
    app.run()
    assert not app.exception
    chosen = app.selectbox(key="figure_chart")
    assert len(chosen.options) == 2 and any("Correlation of" in o for o in chosen.options)
    app.toggle(key="figure_serif").set_value(True).run()
    assert any("radioviz.draw_chart(" in c.value and "serif=True" in c.value for c in app.code)
