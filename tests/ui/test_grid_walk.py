"""Grid walk, headless: on the shipped two-dimensional decoder and the FIRST galaxies."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from streamlit.testing.v1 import AppTest

from radioviz.atlas import latent_plane
from radioviz.data.catalogue import Catalogue
from radioviz.encode import Encoder
from radioviz.jobs.work_queue import WorkQueue
from radioviz.ui import cache, in_line
from radioviz.ui.controls import View
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.pages.grid_walk import grid_path, grid_plane
from radioviz.ui.pages.grid_walk.state import GridWalkState, Walk
from tests.ui import shelf
from tests.ui.test_pages import html, texts

Open = Callable[..., AppTest]


def held(app: AppTest) -> GridWalkState:
    """What the session remembers of the page."""
    found: GridWalkState = app.session_state[f"{GridWalkState.__module__}.GridWalkState"]
    return found


def pick(app: AppTest, **value: Any) -> AppTest:
    """Put what the browser sends of the plane into the session."""
    if "index" in value:
        value["seen"] = held(app).dots[0]
    app.session_state["walk_plane"] = {"pick": value}
    # The callback of a component is not called by AppTest: do what it does.
    from radioviz.ui.pages.grid_walk import plane_component

    event = plane_component.read_event(value, *held(app).dots)
    assert event is not None
    if event.place is not None:
        app.session_state["walk_a"], app.session_state["walk_b"] = event.place
    held(app).galaxy = event.galaxy
    return app.run()


def test_it_opens_on_the_two_dimensional_decoder(open_page: Open) -> None:
    app = open_page("grid_walk")
    assert not app.error
    assert app.selectbox(key="walk_decoder").value == "vae2"
    assert "Decoded at \\(0, 0\\)" in texts(app) or "Decoded at (0, 0)" in texts(app)
    page = html(app)
    assert "SYNTHETIC" in page
    assert "Angular size" in page
    assert "FRII" in page  # legend of the dots
    assert app.query_params["decoder"] == "vae2"


def test_a_cell_and_a_galaxy_are_looked_at(open_page: Open, first: Catalogue) -> None:
    app = open_page("grid_walk")
    app = pick(app, kind="cell", a=-1.2, b=0.8)
    assert "(−1.2, 0.8)" in texts(app).replace("\\", "")
    assert app.slider(key="walk_a").value == pytest.approx(-1.2)
    pairs = held(app).dots[1]
    app = pick(app, kind="galaxy", index=17)
    catalogue_row = int(first.rows_of([pairs[17][1]])[0])
    assert str(first.table["name"].iat[catalogue_row]) in html(app)
    z = cache.located("first", "vae2").atlas.latents[catalogue_row]
    assert app.slider(key="walk_a").value == pytest.approx(float(z[0]), abs=1e-5)
    assert app.query_params["galaxy"] == "/".join(pairs[17])
    # The slider leads away from it.
    app.slider(key="walk_a").set_value(0.5).run()
    assert "galaxy" not in app.query_params
    assert not app.error


def test_a_link_opens_the_same_walk(open_page: Open) -> None:
    app = open_page(
        "grid_walk", galaxy="first/first-100", reach="2", step="0.5", overlay="las", colour="las"
    )
    assert not app.error
    assert held(app).galaxy == ("first", "first-100")
    assert app.number_input(key="walk_reach").value == 2
    assert app.selectbox(key="walk_overlay").value == "las"


@pytest.mark.parametrize(
    "query",
    [
        {"reach": "many", "step": "-"},
        {"galaxy": "nowhere/none"},
        {"galaxy": "first/none"},
        {"decoder": "none", "show": "none,,", "classes": "<b>", "a": "nan", "b": "1e99"},
    ],
)
def test_a_damaged_link_opens_the_page_all_the_same(open_page: Open, query: dict[str, str]) -> None:
    app = open_page("grid_walk", **query)
    assert app.selectbox(key="walk_decoder").value == "vae2"
    assert not app.error


def test_too_many_cells_are_refused_with_what_would_do(open_page: Open) -> None:
    app = open_page("grid_walk", reach="8", step="0.1")
    assert "161 cells" in texts(app)
    assert "step of at least 0.4" in texts(app)


def test_a_path_between_two_places(open_page: Open) -> None:
    app = open_page("grid_walk", state={"walk_tab": "Path"})
    assert "straight line" in texts(app)
    app.button(key="walk_from").click().run()
    app.slider(key="walk_b").set_value(2.0).run()
    app.button(key="walk_to").click().run()
    assert held(app).ends[1] == (0.0, 2.0)
    assert "2 apart in latent space" in texts(app)
    assert "image/gif" in html(app)
    app.button(key="walk_clear_path").click().run()
    assert held(app).ends == [None, None]


def test_a_path_waits_in_line(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page("grid_walk", state={"walk_tab": "Path"})
    app.button(key="walk_from").click().run()
    app.button(key="walk_to").click().run()
    assert "image/gif" in html(app)
    monkeypatch.setattr(in_line, "QUEUE", WorkQueue(total=0))
    app.slider(key="walk_frames").set_value(17).run()
    assert "try again in a few minutes" in app.error[0].value
    assert "image/gif" not in html(app)


def test_path_between_two_galaxies_of_the_tray(open_page: Open) -> None:
    from radioviz.ui.state import Selection

    chosen = Selection([("first", "first-3"), ("first", "first-9")])
    app = open_page("grid_walk", state={"walk_tab": "Path", "tray": chosen})
    app.button(key="walk_path_tray").click().run()
    assert "first-3" in texts(app).replace("\\", "")
    assert not app.error


def test_what_the_axes_mean(open_page: Open) -> None:
    app = open_page("grid_walk", state={"walk_tab": "What the axes mean"})
    page = html(app)
    assert "Class Compact" in page
    assert "cos 2 PA" in page
    assert "mainly traces" in texts(app)


def test_classes_that_it_never_saw_can_be_shown(open_page: Open) -> None:
    app = open_page("grid_walk", classes="Compact")
    assert len(held(app).dots[1]) < 500
    app.multiselect(key="walk_data").set_value([]).run()
    assert held(app).dots[1] == []
    assert "Choose a data set above" in texts(app)
    assert not app.error


def test_every_other_decoder_has_a_plane(open_page: Open) -> None:
    app = open_page("grid_walk", decoder="vae32")
    assert not app.error
    assert app.selectbox(key="walk_by").value == "pca"
    assert "of the variance" in " ".join(s.label for s in app.slider)
    app.selectbox(key="walk_by").select("axes").run()
    assert not app.error
    assert app.selectbox(key="walk_ax_axes").value != app.selectbox(key="walk_ay_axes").value
    # The plane can be put through a galaxy.
    app = pick(app, kind="galaxy", index=5)
    app.button(key="walk_through").click().run()
    assert not app.error
    assert app.selectbox(key="walk_rest").value == "galaxy"


def test_a_conditional_decoder_is_asked_for_class_and_size(
    open_page: Open, empty_shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RADIOVIZ_TRAINED")
    shelf.fill(empty_shelf)
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(empty_shelf))
    app = open_page("grid_walk", **{"class": "FRII", "size": "60", "sized": "1"})
    assert not app.error
    assert app.selectbox(key="walk_label").value == "FRII"
    assert app.slider(key="walk_size").value == 60
    assert "no classifier installed" in html(app)
    assert "has encoded no data set yet" in app.multiselect(key="walk_data").placeholder


def walk_of(model: str = "vae2", **conditions: Any) -> Walk:
    info = cache.models()[model]
    plane = latent_plane.axes_plane(np.zeros(info.latent_dim), 0, 1)
    return Walk(info, plane, conditions, {"first": cache.located("first", model)})


def test_an_exported_cell_is_decoded_again_bit_for_bit(first: Catalogue) -> None:
    walk = walk_of()
    file, steps = io.BytesIO(), list[int]()
    grid_path.plane_fits(walk, file, lambda done, *_: steps.append(done))
    assert len(steps) == -(-(walk.plane.side**2) // cache.DECODED)  # others get a turn in between
    with fits.open(io.BytesIO(file.getvalue())) as hdus:
        assert len([h for h in hdus if h.is_image]) == 441
        for number in (0, 137, 440):
            header = hdus[number].header
            assert header["SIMULAT"] is True
            assert "CRVAL1" not in header
            assert "RA_OBJ" not in header
            table = hdus["SIMULATED"].data
            z = np.asarray(table["latent"][number], np.float32)
            np.testing.assert_allclose(z, walk.plane.grid()[number])
            again = Encoder.load(header["MODEL"])
            assert again.info.weights_sha256 == header["MODELSHA"]
            image = again.decode(z[None], batch=1)[0]
            np.testing.assert_array_equal(hdus[number].data.astype(np.float32), image)


def test_the_picture_of_the_plane_is_marked(first: Catalogue) -> None:
    from PIL import Image

    picture = grid_path.plane_picture(walk_of(), View("first", "vae2", ImageStyle()))
    with Image.open(io.BytesIO(picture)) as png:
        assert png.size == (21 * 64, 21 * 64 + 44)
        foot = np.array(png.convert("L"))[-44:]
    assert foot.min() < 60  # the line of words below
    assert foot.max() == 255


def test_dots_are_where_the_galaxies_encode(first: Catalogue) -> None:
    walk = walk_of()
    choice = next(
        c
        for c in grid_plane.colouring.colour_choices(
            first.table, walk.layers["first"].atlas.scores, 0
        )
        if c.key == "label"
    )
    dots, colour, outside, left_out = grid_plane.dots_of(walk, choice)
    assert len(dots) + outside == len(first)
    assert left_out == 0
    assert colour is not None
    atlas = walk.layers["first"].atlas
    for at in (0, 500, len(dots) - 1):
        row = int(atlas.rows_of([dots.pairs[at][1]])[0])
        np.testing.assert_allclose(dots.places[at], atlas.latents[row], rtol=1e-6)
        label = first.table["label"].iat[row]
        assert (
            dots.palette[dots.codes[at]] == grid_plane._codes(colour)[1][colour.names.index(label)]
        )
        assert str(first.table["name"].iat[row]) in dots.text[at]


def test_threads_decode_the_same_bits(first: Catalogue) -> None:
    from concurrent.futures import ThreadPoolExecutor

    z = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
    alone = cache.decoded("vae2", z, {})
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: cache.decoded("vae2", z, {}), range(8)))
    for images in together:
        np.testing.assert_array_equal(images, alone)


def test_a_path_is_forgotten_with_its_decoder(open_page: Open) -> None:
    app = open_page("grid_walk", decoder="vae2", a="0.4", b="-0.8")
    app.button(key="walk_from").click().run()
    held = app.session_state["radioviz.ui.pages.grid_walk.state.GridWalkState"]
    assert held.ends[0] == pytest.approx((0.4, -0.8))
    app.selectbox(key="walk_decoder").set_value("vae32").run()
    assert held.ends == [None, None] and not app.exception
