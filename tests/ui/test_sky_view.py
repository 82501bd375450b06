"""The sky viewer on Inspect and beside the map: what is drawn, and what a selection there does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.morphology import noise_of
from radioviz.ui import sky_layers, sky_view, state
from radioviz.ui.image import contours
from radioviz.ui.pages.latent_map import sky_beside
from radioviz.ui.sky_view import SkyScene, draw_viewer
from radioviz.ui.state import Selection

Open = Callable[..., AppTest]


class Drawn:
    """Stands in the place of the browser: keeps what was sent, and answers as it does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: dict[str, bytes] = {}
        self.data: dict[str, Any] = {}
        self.picked: Callable[[], None] = lambda: None
        monkeypatch.setattr(sky_view, "serve", self._serve)
        monkeypatch.setattr(sky_view, "viewer_script", lambda: None)
        monkeypatch.setattr(sky_view, "viewer_is_here", lambda key: True)
        monkeypatch.setattr(sky_beside, "viewer_is_here", lambda key: True)
        monkeypatch.setattr(sky_view, "register_component", lambda name, module: self._draw)

    def _serve(self, data: bytes, mimetype: str, digest: str, place: str) -> str:
        self.files[digest] = data
        return digest

    def _draw(self, key: str, data: dict[str, Any], on_pick_change: Callable[[], None]) -> None:
        self.data, self.picked = data, on_pick_change

    def read(self, name: str) -> Any:
        return json.loads(self.files[self.data[name]])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    return Drawn(monkeypatch)


def test_the_map_shows_its_selection_and_focus_on_the_sky(
    open_page: Open, first: Catalogue, drawn: Drawn
) -> None:
    brush = Selection([("first", "first-7"), ("first", "first-12")])
    app = open_page(
        "latent_map", {"brush": brush, "focus": ("first", "first-3")}, data="first", beside="sky"
    )
    sources = drawn.read("sources")
    assert len(sources) == len(first) and sources[7][2] == "first-7"
    np.testing.assert_allclose(
        [s[:2] for s in sources], first.table[["ra", "dec"]].to_numpy(), atol=1e-7
    )
    assert [sources[i][2] for i in drawn.data["chosen"]] == ["first-7", "first-12"]
    assert drawn.data["focus"] == "first-3" and drawn.data["target"] == sources[3][:2]
    assert "/" in drawn.data["hips"]  # the image of the galaxy in focus, without a network
    (solid,) = [part for part in drawn.read("lines") if not part["dash"]]
    middle = np.concatenate(solid["lines"]).mean(axis=0)
    assert np.hypot(*(middle - sources[3][:2])) < 0.05
    app.multiselect(key="map_sky_coverages").set_value([sky_layers.SELECTION]).run()
    said = next(c.value for c in app.caption if "2 galaxies cover" in c.value)
    area = float(said.split("cover ")[1].split(" square")[0])
    assert area == pytest.approx(2 * 0.15**2, rel=0.05)  # of two fields of 9 arcmin
    assert drawn.files[drawn.data["coverages"][0]["moc"]].startswith(b"SIMPLE  =")


def test_a_selection_on_the_sky_is_that_of_every_page(
    monkeypatch: pytest.MonkeyPatch, drawn: Drawn
) -> None:
    held: dict[str, Any] = {}
    monkeypatch.setattr(state.st, "session_state", held)
    ids = ["a", "b", "c"]
    scene = SkyScene("mine", ids, np.array([[1.0, 2], [3, 4], [5, 6]]), (1.0, 2.0), 1.0)
    draw_viewer(scene, "here")
    held["here"] = {"pick": {"kind": "select", "ids": ["c", "a", "of another sky"]}}
    drawn.picked()
    assert list(state.brush()) == [("mine", "c"), ("mine", "a")]
    draw_viewer(scene, "here")
    assert drawn.data["chosen"] == [2, 0]
    held["here"] = {"pick": {"kind": "click", "id": "b"}}
    drawn.picked()
    assert state.focus() == ("mine", "b") and len(state.brush()) == 2


def test_of_many_galaxies_the_selected_are_all_drawn(
    first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sky_beside, "MOST", 50)
    monkeypatch.setattr(state, "brush", lambda: Selection(("first", f"first-{i}") for i in (9, 5)))
    monkeypatch.setattr(state, "focus", lambda: ("first", "first-700"))
    rows = np.arange(0, len(first), 1)[3:]
    shown = sky_beside.drawn_rows(rows, "first")
    ids = first.ids_of(shown)
    assert len(set(shown)) == 50 and {"first-9", "first-5", "first-700"} <= set(ids)
    assert shown.min() >= 3
    np.testing.assert_array_equal(np.sort(sky_beside.drawn_rows(rows[:40], "first")), rows[:40])


def test_the_view_holds_all_galaxies_across_0_h() -> None:
    places = np.array([[359.0, 10.0], [1.0, 10.0], [0.0, 12.0]])
    (ra, dec), field = sky_beside.view_of(places)
    assert abs((ra + 180) % 360 - 180) < 0.01 and dec == pytest.approx(10.67, abs=0.02)
    assert 2.4 < field < 5
    assert sky_beside.view_of(np.array([[0.0, 0], [180, 0], [90, 0], [270, 0]]))[1] == 360


def test_contours_of_another_survey_are_of_the_image_that_shows_the_place(
    first: Catalogue,
) -> None:
    here = first.table[["ra", "dec"]].to_numpy(float)
    assert sky_layers.nearest_image(first, (here[5, 0], here[5, 1] + 0.01)) == 5
    assert sky_layers.nearest_image(first, (here[5, 0], -60.0)) is None


def test_contours_of_two_surveys_lie_on_each_other(
    first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a survey whose images are centred elsewhere, as those of another telescope are."""
    moved = np.roll(np.asarray(first.images[3]), (-40, 25), (0, 1))
    scale = first.info_of(3).pixel_scale / 3600
    dec = first.table["image_dec"].iat[3] + 40 * scale  # rows go up, columns to the west
    ra = first.table["image_ra"].iat[3] + 25 * scale / np.cos(np.radians(dec))
    table = first.table.iloc[[3]].assign(image_dec=dec, image_ra=ra)
    other = dataclasses.replace(first, table=table, images=moved[None], folder=None)
    monkeypatch.setattr(sky_layers.controls, "data_set_title", lambda key: key)
    monkeypatch.setattr(sky_layers.cache, "available_data_sets", lambda: {"first": 0, "twin": 0})
    monkeypatch.setattr(sky_layers.controls, "open_with_progress", lambda key: other)
    chosen = lambda *args, **named: [sky_layers.THIS, "twin"]  # noqa: E731
    monkeypatch.setattr(sky_layers.st, "multiselect", chosen)
    noise = noise_of(first, 3)
    monkeypatch.setattr(contours, "noise_of", lambda catalogue, row: noise)
    place = (float(first.table["ra"].iat[3]), float(first.table["dec"].iat[3]))
    lines = sky_layers.choose_contours(first, 3, place)
    assert [part.name for part in lines] == [sky_layers.THIS, "twin first-3"]
    here, there = (max(part.lines, key=len) for part in lines)
    assert here.mean(axis=0) == pytest.approx(there.mean(axis=0), abs=0.1 * scale)


def test_inspect_offers_contours_and_coverage(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, drawn: Drawn
) -> None:
    from radioviz.ui.pages.inspect import sky_panel

    monkeypatch.setattr(sky_panel, "viewer_is_here", lambda key: True)
    app = open_page("inspect_galaxy", data="first", source="first-3", tab="Sky")
    assert drawn.data["focus"] == "first-3" and drawn.data["hips"]
    app.selectbox(key="sky_background").set_value("NVSS 1.4 GHz").run()
    assert drawn.data["survey"] == "CDS/P/NVSS" and not drawn.data["hips"]
    assert drawn.data["lines"]
    app.slider(key="sky_opacity").set_value(60).run()
    assert drawn.data["hips"] and drawn.data["opacity"] == 0.6
    app.multiselect(key="sky_contours").set_value([]).run()
    assert not drawn.data["lines"]
    monkeypatch.setenv("RADIOVIZ_MOCSERVER", "http://127.0.0.1:9/")
    app.multiselect(key="sky_coverages").set_value(["VLASS 3 GHz"]).run()
    assert any("needed for the footprint of VLASS 3 GHz" in i.value for i in app.info)
    assert not app.exception


def test_levels_that_cannot_be_read_are_named_beside_the_map(open_page: Any, drawn: Drawn) -> None:
    app = open_page(
        "latent_map", {"focus": ("first", "first-7"), "contour_levels": "three"}, beside="sky"
    )
    assert not app.error
    assert any("contour level 'three'" in c.value.replace("\\", "") for c in app.caption)
    assert drawn.data["focus"] == "first-7" and not drawn.data["lines"]
    assert drawn.data["dataSet"] == "first"
