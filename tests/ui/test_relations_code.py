"""Show as code of the parts of Relations: the map of a property, and power against size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.ui.code import filter_lines
from radioviz.ui.pages.relations import power_panel, property_map_panel
from radioviz.workspace.table_columns import TableColumns
from tests.ui.test_show_code import FILTER, code_of, pixels, run

Open = Callable[..., AppTest]


def test_the_map_of_a_property(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, figure = [], property_map_panel.map_figure

    def noted(found: object, *rest: object) -> object:
        drawn.append(found)
        return figure(found, *rest)

    monkeypatch.setattr(property_map_panel, "map_figure", noted)
    app = open_page(
        "relations", {"show_code": True, "filter_text": FILTER}, encoder="vae2",
        part="Map of a property",
    )  # fmt: skip
    app.text_area(key="filter_text").set_value(FILTER).run()
    pages, scripts = [drawn[-1]], [code_of(app)]
    app.toggle(key="property_map_log_las").set_value(False)
    app.selectbox(key="property_map_plane").set_value("latents").run()
    app.slider(key="property_map_smoothing").set_value(0.08).run()
    pages, scripts = [*pages, drawn[-1]], [*scripts, code_of(app)]
    wanted = ["drawn.x", "drawn.mean[drawn.mean == drawn.mean]", "drawn.width"]
    found = run(*((code, wanted) for code in scripts))
    for page, (x, mean, width) in zip(pages, found, strict=True):
        np.testing.assert_array_equal(pixels(x), page.x)
        np.testing.assert_array_equal(pixels(mean), page.mean[np.isfinite(page.mean)])
        assert width == list(page.width)
    assert np.nanmax(pages[0].mean) < 3 and np.nanmin(pages[1].mean) > 60  # logarithm, or not


def test_one_latent_twice_has_no_map_and_no_code_of_it(open_page: Open) -> None:
    """The page says so; in the next run its slider of the smoothing is gone."""
    state = {"show_code": True, "property_map_plane": "latents", "property_map_y": 0}
    app = open_page("relations", state, encoder="vae2", part="Map of a property")
    app.run()
    assert not app.exception and "both axes are latent 0" in app.error[0].value
    assert "property_map(" not in code_of(app)


def test_power_and_size(open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn, diagram = [], power_panel.diagram

    def noted(*given: object) -> object:
        drawn.append(given)
        return diagram(*given)

    columns, in_view = [], filter_lines.columns_in_view

    def seen(*given: str) -> TableColumns:
        columns.append(in_view(*given))
        return columns[-1]

    monkeypatch.setattr(power_panel, "diagram", noted)
    monkeypatch.setattr(filter_lines, "columns_in_view", seen)
    app = open_page("relations", {"show_code": True}, encoder="vae2", part="Power and size")
    app.text_area(key="filter_text").set_value(FILTER).run()
    app.selectbox(key="fluxes_column").set_value("peak").run()
    app.button(key="fluxes_go").click().run()
    content = filter_lines._csv(columns[-1], [n for n in power_panel.DRAWN if n in columns[-1]])
    (tmp_path / "radioviz-first-columns.csv").write_bytes(content)
    ((size, power),) = run((code_of(app), ["size.tolist()", "power.tolist()"]), folder=tmp_path)
    assert len(size) > 10
    np.testing.assert_allclose(size, drawn[-1][0], rtol=1e-12)
    np.testing.assert_allclose(power, drawn[-1][1], rtol=1e-12)
