"""Generate: switches of the generator, real galaxies beside, the blind test, the mock field."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from streamlit.testing.v1 import AppTest

import radioviz
from radioviz.api import confined
from radioviz.api.field_simulation import field_settings
from radioviz.images.known_surveys import Beam
from radioviz.jobs.progress import no_progress
from radioviz.mock_fields import seen_by_search
from radioviz.mock_fields.settings import FieldSettings
from radioviz.ui.in_line import CancelledWork
from radioviz.ui.pages.generate import beside_real, injection_panel, mock_field_panel
from radioviz.ui.pages.generate.batch_lines import injection_script, mock_field_script
from radioviz.ui.pages.generate.beside_real import BlindTest
from radioviz.ui.pages.generate.injection_panel import InjectionState
from radioviz.ui.pages.generate.mock_field_panel import MockFieldState
from tests.mock_fields.test_drawn_pixels import template
from tests.ui.test_pages import html, texts

Open = Callable[..., AppTest]


def test_switches(open_page: Open) -> None:
    app = open_page("generate", model="cvae", n="2", select="0", guide="0")
    assert not app.error
    said = texts(app)
    assert "drafts" not in said and "guided" not in said and "made again, up to 2 times" in said
    before = html(app)
    app.toggle(key="generate_select").set_value(True).run()
    assert "Of 4 drafts the first is kept" in texts(app) and "select" not in app.query_params
    app.toggle(key="generate_correct").set_value(False).run()
    assert app.query_params["correct"] == "0" or app.query_params["correct"] == ["0"]
    assert "made again" not in texts(app) and html(app) != before
    app.selectbox(key="generate_mode").set_value("uniform").run()
    assert not app.error  # nothing is selected from the box, so there are no switches for it
    assert "generate_select" not in [t.key for t in app.toggle]
    assert "generate_select" not in [t.key for t in open_page("generate", model="vae32").toggle]


def test_real_galaxies_beside(open_page: Open, first_catalogue) -> None:
    app = open_page("generate", state={"generate_tab": "Beside real"}, model="cvae", n="3")
    assert not app.error and "Generated, number 2" in texts(app)
    table = first_catalogue.table
    rows = [
        beside_real.matched("FRII", 40.0, set()),
        beside_real.matched("FRI", 90.0, set()),
    ]
    assert table["label"].iloc[rows].tolist() == ["FRII", "FRI"]
    assert (table["split"].iloc[rows] == "test").all()
    np.testing.assert_allclose(table["las"].iloc[rows], [40, 90], rtol=0.1)
    assert beside_real.matched("FRII", 40.0, {rows[0]}) != rows[0]


def test_the_blind_test_keeps_its_score(open_page: Open) -> None:
    state = {"generate_tab": "Beside real", "generate_blind": True}
    app = open_page("generate", state=state, model="cvae", n="2", **{"class": "FRII"})
    assert not app.error
    key = f"{BlindTest.__module__}.BlindTest"
    for number, guess in enumerate((True, True, False), 1):
        held: BlindTest = app.session_state[key]
        assert held.asked is not None and held.made is not None
        assert set(held.made.labels) == {"FRII"} and held.made.request.seed != 0
        side = "left" if held.asked[2] == guess else "right"
        app.button(key=f"generate_blind_{side}").click().run()
        assert ("Right:" if guess else "Wrong:") in texts(app)
        assert app.button(key="generate_blind_left").disabled
        assert app.metric[0].value == f"{min(number, 2)} of {number}"
        app.button(key="generate_blind_next").click().run()
    assert len(app.session_state[key].taken) == 4
    # A reload is another session with the same link.
    link = {"workspace": app.query_params["workspace"], "class": "FRII", "n": "2"}
    again = open_page("generate", state=state, model="cvae", **link)
    assert again.metric[0].value == "2 of 3"
    again.button(key="generate_blind_forget").click().run()
    assert open_page("generate", state=state, model="cvae", **link).metric.len == 0


def test_the_mock_field(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cost before, its picture, plot and files after."""
    written: dict[str, Callable] = {}

    def button(label: str, name: str, write: Callable, **options: object) -> None:
        written[name.rpartition(".")[2] + label[:5]] = write

    monkeypatch.setattr(mock_field_panel, "export_button", button)
    monkeypatch.setattr(FieldSettings, "__init__", small_templates(FieldSettings.__init__))
    app = open_page("generate", state={"generate_tab": "Mock field"}, model="cvae", n="2")
    assert "1,024 x 1,024 pixels, 0.262 square degrees, 105 sources" in texts(app)
    app.number_input(key="field_side").set_value(256).run()
    app.number_input(key="field_density").set_value(1500.0).run()
    app.button(key="field_draw").click().run()
    assert not app.error and 'alt="Mock field"' in html(app)
    held: MockFieldState = app.session_state[f"{MockFieldState.__module__}.MockFieldState"]
    assert len(held.truth) == held.settings.count > 20
    assert held.found.photutils.by_flux["completeness"].max() == 1
    file = io.BytesIO()
    written["zipAll f"](file, no_progress)
    with zipfile.ZipFile(file) as archive:
        names = sorted(archive.namelist())
        data = fits.getdata(io.BytesIO(archive.read("mock-field-seed0.fits")))
    assert [n.removeprefix("mock-field-seed0") for n in names] == [
        ".fits", ".reg", ".truth.fits", ".truth.vot",
    ]  # fmt: skip
    assert data.shape == (256, 256) and data.max() > 0.9 * held.truth["peak_mjy"].max() / 1000
    app.number_input(key="field_side").set_value(8192).run()
    assert app.button(key="field_draw").disabled
    app.selectbox(key="field_survey").set_value("NVSS").run()
    beam = app.number_input(key="field_beam_NVSS")
    assert beam.value == 45.0
    beam.set_value(20.0).run()
    assert "pixels of 10 arcsec or less" in app.error[0].value


def small_templates(made: Callable) -> Callable:
    """Settings with few generated galaxies, whatever they are."""

    def init(self: FieldSettings, *arguments: object, **options: object) -> None:
        made(self, *arguments, **{**options, "templates": 24})

    return init


def test_show_as_code_makes_the_same_field(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FieldSettings(
        width=256, beam=Beam(8.0, 6.0, 10.0), density=30.0, shares={"FRI": 1.0, "Compact": 3.0},
        sizes=(5.0, 150.0), cluster_members=4.0, model="cvae",
    )  # fmt: skip
    asked: list[object] = []
    monkeypatch.setattr(radioviz, "mock_field", lambda path, **o: asked.append((path, o)))
    monkeypatch.setattr(radioviz, "find_sources", lambda path: path)
    monkeypatch.setattr(radioviz, "field_recovery", lambda *given: asked.append(given))
    exec(str(mock_field_script(settings)), {})
    (path, options), (_, found, field) = asked
    assert field_settings(**options) == settings and path == found == field == "field.fits"
    asked.clear()
    population = dataclasses.replace(settings, width=1024, beam=FieldSettings().beam)
    monkeypatch.setattr(radioviz, "inject_galaxies", lambda *p, **o: asked.append((*p, o)))
    for name in ("field_recovery", "selection_function", "search_recovery"):
        monkeypatch.setattr(radioviz, name, lambda *g, n=name, **o: asked.append((n, g[2], o)))
    exec(str(injection_script("mine.fits", None, population, searched=True)), {})
    (source, path, options), *tables = asked
    assert (source, path) == ("mine.fits", "more.fits") and field_settings(**options) == population
    assert not {"width", "beam", "pixel", "rms"} & set(options)  # those of the image
    assert [t[0] for t in tables] == ["field_recovery", "selection_function", "search_recovery"]
    assert {t[1] for t in tables} == {"more.fits"} and tables[2][2] == {"before": "mine.fits"}


def test_galaxies_go_into_an_image_of_the_readers(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(injection_panel.cache, "templates", lambda *given: template())
    sky = tmp_path / "sky.fits"
    beam = {"width": 256, "height": 256, "number": 0, "seed": 4}
    radioviz.mock_field(sky, **beam)
    state = {"generate_tab": "Mock field", "field_into": mock_field_panel.OWN}
    app = open_page("generate", state=state, model="cvae", n="2")
    app.file_uploader(key="inject_file").upload("sky.fits", sky.read_bytes())
    app.number_input(key="inject_number").set_value(30)
    app.number_input(key="field_share_FRI").set_value(0.0).run()
    assert not app.error and "with added galaxies" not in html(app)
    app.button(key="inject_go").click().run()
    assert not app.error and "sky.fits with added galaxies" in html(app)
    held = app.session_state[f"{InjectionState.__module__}.InjectionState"]
    shown = held.found.photutils
    assert f"30 galaxies added; {int(shown.truth['found'].sum())} found" in texts(app)
    assert set(shown.truth["label"]) == {"FRII", "Compact"} and held.settings.width == 256
    assert shown.selection["n"][shown.selection["of"] == "label"].sum() == 30
    # What was found is searched for; nothing is looked for in the image again.
    given: list[tuple] = []
    table = pd.DataFrame({"class": ["FRII"], "n": [3], "same_class": [0.3], "isolation": [np.nan]})
    with monkeypatch.context() as patched:
        patched.delattr(confined, "galaxies_found")
        patched.setattr(seen_by_search, "recognised", lambda *g: given.append(g) or table)
        app.button(key="inject_search").click().run()
    assert not app.error and given[0][0].shape == (256, 256) and given[0][2] is shown.listed
    assert "need 20 or more sources" in texts(app)
    assert app.dataframe[-1].value.to_dict("records") == [
        {"class": "FRII", "n": 3, "same_class": 30.0}
    ]
    # The catalogue of another finder, which found every third.
    listed = shown.truth[["ra", "dec", "flux_mjy"]][::3]
    app.file_uploader(key="inject_catalogue").upload("mine.csv", listed.to_csv().encode()).run()
    app.number_input(key="inject_radius_5.4").set_value(3.0).run()
    app.button(key="inject_match").click().run()
    other = held.found.other
    assert not app.error and len(other.listed) <= 10 and other.truth["found"][::3].mean() > 0.8
    assert f"30 galaxies added; {int(other.truth['found'].sum())} found" in texts(app)
    assert "mine.csv. Completeness: galaxies with a found source within 3″" in texts(app)
    elsewhere = listed.assign(dec=-listed["dec"]).to_csv().encode()
    app.file_uploader(key="inject_catalogue").upload("south.csv", elsewhere).run()
    app.button(key="inject_match").click().run()
    assert "none of its 10 positions lies on the image" in app.error[0].value
    assert "photutils, islands above 5σ" in texts(app)
    # Cancelled once, it begins again where it is asked for again.
    app.session_state[f"{CancelledWork.__module__}.CancelledWork"].works.add(held.of)
    held.settings = None
    app.button(key="inject_go").click().run()
    assert "sky.fits with added galaxies" in html(app)
    app.file_uploader(key="inject_file").upload("words.fits", b"SIMPLE = no").run()
    app.button(key="inject_go").click().run()
    assert "words.fits" in app.error[0].value


@pytest.mark.parametrize("beam", [0.004, 5.4, 1020.0])
def test_every_beam_is_a_radius(beam: float) -> None:
    """Of very long baselines, and of single dishes."""

    def page(beam: float) -> None:
        import streamlit as st

        from radioviz.ui.pages.generate import field_widgets

        found = field_widgets._choose_finder("x", beam)
        st.text(repr(found and found.radius))

    app = AppTest.from_function(page, kwargs={"beam": beam}, default_timeout=200).run()
    app.file_uploader(key="x_catalogue").upload("mine.csv", b"ra,dec").run()
    assert not app.exception and app.text[0].value == repr(beam)


def test_the_guidance_of_a_flow_is_a_slider() -> None:
    def page() -> None:
        import streamlit as st

        from radioviz.data.preprocess import Preprocess
        from radioviz.models.artefact import ModelInfo
        from radioviz.ui.pages.generate import generate_controls

        name = st.selectbox("Model", ["tiny", "strong"])
        own = {"tiny": 2.5, "strong": 8.0}[name]
        info = ModelInfo(
            name=name, title="Tiny", kind="galaxy-flow", latent_dim=3, preprocess=Preprocess(),
            capabilities=("decode", "class"),
            training={"config": {"guidance": own, "class_guidance": {"FRII": 0.5}}},
            architecture={"classes": ["FRI", "FRII"]},
        )  # fmt: skip
        st.text(repr(generate_controls._choices(info, "prior")))

    app = AppTest.from_function(page, default_timeout=200).run()
    slider = app.slider(key="generate_guidance_tiny")
    assert slider.value == 2.5 and app.text[0].value == "{}"
    assert "2.5 (parts of what is above 1 that classes take, FRII 0.5)" in slider.help
    slider.set_value(4.0).run()
    assert app.text[0].value == "{'guidance': 4.0}" and not app.toggle
    # Another model begins with its own, however strong.
    app.selectbox[0].set_value("strong").run()
    assert app.slider[0].value == 8.0 and app.text[0].value == "{}"
