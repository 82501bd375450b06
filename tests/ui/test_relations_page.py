"""Relations: a question through the page gives what the library gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.atlas.atlas import open_atlas
from radioviz.data.catalogue import Catalogue, Column
from radioviz.relations.importance import Importance
from radioviz.relations.prediction import predict
from radioviz.relations.question import question
from radioviz.ui.pages.relations.power_panel import flux_names, millijanskys
from radioviz.ui.pages.relations.relation_question import RelationState
from radioviz.ui.pages.relations.relation_survey import SurveyState, groups_of
from radioviz.workspace.table_columns import TableColumns


@pytest.fixture
def asked(open_page: Callable[..., AppTest]) -> AppTest:
    """The page after Predict: sizes from the plane of the VAE, of FRII galaxies."""
    app = open_page("relations", data="first", encoder="vae2")
    assert "press Predict" in app.info[0].value
    app.text_area(key="filter_text").set_value('label == "FRII"').run()
    app.button(key="relation_predict").click().run()
    assert not app.exception
    return app


def numbers(app: AppTest) -> pd.DataFrame:
    app.session_state["relation_tabs"] = "Numbers"
    app.run()
    return next(d.value for d in app.dataframe if "predicted" in d.value)


def test_the_page_asks_what_the_library_is_asked(asked: AppTest, first: Catalogue) -> None:
    table = numbers(asked)
    frii = first.table[first.table["label"] == "FRII"]
    assert table["source_id"].tolist() == frii["source_id"].tolist()
    atlas = open_atlas("first", "vae2")
    latents = np.asarray(atlas.latents[atlas.rows_of(frii["source_id"].tolist())], np.float32)
    first_of = frii["same_as"].where(frii["same_as"] != "", frii["source_id"])
    wanted = predict(
        question(
            "las", table["las"].to_numpy(), ["z0", "z1"], latents, log=True,
            limit=table["upper_limit"].to_numpy(), group=first_of.to_numpy(str),
        )
    )  # fmt: skip
    assert np.log10(table["predicted"].to_numpy()) == pytest.approx(wanted.predicted, abs=1e-6)
    assert table["upper_limit"].any()
    assert asked.metric[0].value == f"{wanted.r2:.3f}"
    assert asked.metric[2].value == f"{wanted.coverage:.1%}"
    inside = (table["las"] >= table["low"]) & (table["las"] <= table["high"])
    assert inside[~table["upper_limit"]].mean() == pytest.approx(wanted.coverage)


def test_a_formula_of_the_plane(asked: AppTest) -> None:
    asked.session_state["relation_tabs"] = "Formula"
    asked.run()
    asked.button(key="relation_formula_go").click().run()
    assert not asked.exception
    assert asked.code[-1].value.startswith("log10(las) = ")
    assert "on held-out folds" in " ".join(m.value for m in asked.markdown)


def test_text_is_refused_in_words(open_page: Callable[..., AppTest]) -> None:
    app = open_page("relations", data="first", encoder="vae2")
    app.selectbox(key="relation_property").set_value("label").run()
    app.button(key="relation_predict").click().run()
    assert not app.exception
    assert "'label' is text" in app.error[0].value


def test_nothing_to_predict_from(open_page: Callable[..., AppTest]) -> None:
    app = open_page("relations", data="first", encoder="vae2")
    app.multiselect(key="relation_predictors").set_value([]).run()
    app.button(key="relation_predict").click().run()
    assert "no column to predict las from" in app.error[0].value


def test_a_size_is_not_predicted_by_itself(open_page: Callable[..., AppTest]) -> None:
    app = open_page("relations", data="first", encoder="vae2")
    app.multiselect(key="relation_more").set_value(["las_measured"]).run()
    app.button(key="relation_predict").click().run()
    assert not app.exception
    assert "equals las for 61% of the galaxies" in app.error[0].value


def test_what_is_lost_without_a_group(asked: AppTest) -> None:
    asked.session_state["relation_tabs"] = "What matters"
    asked.run()
    assert any("one group alone" in c.value for c in asked.caption)  # two latents
    asked.button(key="relation_matters").click().run()
    asked.button(key="relation_drop").click().run()
    assert not asked.exception
    (dropped,) = page_of(asked, SurveyState).dropped
    first = page_of(asked, RelationState).importances[0]
    assert dropped.name == first.name
    assert dropped.low < dropped.loss < dropped.high
    asked_r2 = float(asked.metric[0].value)
    assert dropped.r2 == pytest.approx(asked_r2 - dropped.loss, abs=2e-3)


def page_of(app: AppTest, cls: type) -> Any:
    return app.session_state[f"{cls.__module__}.{cls.__qualname__}"]


def test_columns_are_grouped_by_what_they_are_about() -> None:
    names = ("z0", "z1", "snr", "peak", "axis_ratio", "redshift")
    ranked = [Importance(n, 1.0 - i / 10, 0.0, 0.0, 0.0) for i, n in enumerate(names)]
    found = groups_of(names, ranked)
    assert found["all latents"] == ["z0", "z1"] and found["brightness"] == ["snr", "peak"]
    assert found["redshift"] == ["redshift"] and found["the 3 most important"] == [*names[:3]]
    assert "the 10 most important" not in found  # nothing would be left


def test_fluxes_of_a_column_are_read_in_its_unit(open_page: Callable[..., AppTest]) -> None:
    units = {"ra": "deg", "bare": "", "s_jy": "Jy", "s_ujy": "uJy", "peak": "mJy/beam",
             "log_s": "[mJy]", "odd": "no unit"}  # fmt: skip
    columns = TableColumns(
        pd.DataFrame({name: [1.5, np.nan] for name in units}),
        {name: Column("float64", unit, "", name) for name, unit in units.items()},
    )
    assert flux_names(columns) == ["s_jy", "s_ujy", "log_s", "bare"]
    found = [millijanskys(columns, name) for name in flux_names(columns)]
    assert [values[0] for values in found] == pytest.approx([1500, 1.5e-3, 10**1.5, 1.5])
    assert all(np.isnan(values[1]) for values in found)
    app = open_page("relations", data="first", part="Power and size")
    app.selectbox(key="spectra_way").set_value("A column of fluxes").run()
    assert not app.exception and not app.error
    offered = app.selectbox(key="spectra_column").options
    assert offered[0] == "flux [mJy]" and not any(o.startswith(("ra ", "las ")) for o in offered)
