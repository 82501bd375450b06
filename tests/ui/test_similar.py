"""The Similar page, headless, on the real FIRST galaxies and the shipped encoders."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError
from radioviz.jobs import reader_process
from radioviz.similarity import Query, query_image, search
from radioviz.ui import cache
from radioviz.ui.pages.similar import similar_examples
from radioviz.ui.pages.similar.similar_lines import similar_script
from radioviz.ui.pages.similar.similar_search import SearchSettings
from radioviz.ui.pages.similar.state import SimilarityQuery, SimilarState
from radioviz.ui.palette import SELECTION_COLOUR
from radioviz.ui.state import Selection
from tests.similarity.test_query_image import blob, fits_bytes, png_bytes, wcs_cards
from tests.ui.conftest import REPOSITORY, session_of
from tests.ui.test_pages import html, texts

Open = Callable[..., AppTest]


STATE = f"{SimilarState.__module__}.{SimilarState.__qualname__}"


def query_of(app: AppTest) -> SimilarityQuery:
    held: SimilarState = app.session_state[STATE]
    return held.query


def test_empty_page_says_what_to_do(open_page: Open) -> None:
    app = open_page("similar")
    assert not app.error
    assert "upload an image" in app.info[0].value


def test_a_link_searches(open_page: Open, first: Catalogue) -> None:
    """What the page shows is what the search finds, without the query and its repeats."""
    app = open_page("similar", source="first/first-10", encoder="vae32")
    assert not app.error
    assert app.subheader[0].value == "24 most similar"
    assert "Best match" in texts(app)
    index = cache.latent_index("first", "vae32", "whitened")
    row = index.row_of("first-10")
    query = Query(
        index.latents[row : row + 1],
        positions=np.array([[index.ra[row], index.dec[row]]]),
        exclude={("first", "first-10")},
    )
    found = search([index], query, 24)
    assert "first-10" not in set(found["source_id"])
    app.toggle(key="similar_table").set_value(True).run()
    shown = app.dataframe[0].value
    assert list(shown["Identifier"]) == list(found["source_id"])
    np.testing.assert_allclose(shown["Score"], found["score"], atol=1e-6)
    assert (shown["Chance"] > 0).all()
    assert (shown["Separation [°]"] > 10 / 3600).all()
    assert app.query_params["source"] == "first/first-10"
    assert app.query_params["in"] == "first"


def test_names_positions_and_what_they_are_not(open_page: Open, first: Catalogue) -> None:
    app = open_page("similar")
    name = first.table["name"].iat[33]
    app.text_input(key="similar_find").input(name).run()
    assert query_of(app).like == (("first", first.table["source_id"].iat[33]),)
    app.text_input(key="similar_find").input("12:00:00 -45:00:00").run()
    assert "outside the survey" in app.warning[0].value
    assert not len(app.subheader), "results of the search before are gone"
    assert query_of(app) == SimilarityQuery()
    app.text_input(key="similar_find").input("no such <b>name</b>").run()
    assert "is not a valid position" in app.warning[0].value
    assert "<b>" not in app.warning[0].value.replace("\\<b\\>", "")
    assert app.button(key="similar_find_sesame").label.startswith("Ask Sesame")


def test_sesame_without_a_network_costs_a_sentence(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_SESAME", "http://127.0.0.1:9/?")
    app = open_page("similar")
    app.text_input(key="similar_find").input("3C 31").run()
    app.button(key="similar_find_sesame").click().run()
    assert not app.exception
    assert "Could not resolve '3C 31' with Sesame" in app.warning[0].value


def test_like_these_and_unlike_those(open_page: Open) -> None:
    app = open_page("similar", source="first/first-10,first/first-11", unlike="first/first-3")
    assert query_of(app) == SimilarityQuery(
        (("first", "first-10"), ("first", "first-11")), (("first", "first-3"),)
    )
    assert app.subheader[0].value == "24 most similar"
    chips = app.multiselect(key="similar_like_box")
    assert chips.value == ["first/first-10", "first/first-11"]
    chips.set_value(["first/first-11"]).run()
    assert query_of(app).like == (("first", "first-11"),)
    app.multiselect(key="similar_unlike_box").set_value([]).run()
    assert query_of(app).unlike == ()
    assert app.query_params["source"] == "first/first-11"
    assert "unlike" not in app.query_params


def test_a_link_to_what_is_not_there_is_said(open_page: Open) -> None:
    app = open_page("similar", source="first/<i>gone</i>,first/first-2")
    assert "not found, though the link names it" in app.warning[0].value
    assert query_of(app).like == (("first", "first-2"),)


def test_tray_as_examples(open_page: Open) -> None:
    tray = Selection([("first", "first-1"), ("first", "first-2")])
    app = open_page("similar", state={"tray": tray, "similar_kind": "tray"})
    app.button(key="similar_tray_like").click().run()
    assert query_of(app).like == tuple(tray)
    assert app.subheader[0].value == "24 most similar"
    app.button(key="similar_tray_unlike").click().run()
    assert query_of(app) == SimilarityQuery((), tuple(tray))
    assert "upload an image" in "".join(i.value for i in app.info)
    empty = open_page("similar", state={"similar_kind": "tray"})
    assert "tray is empty" in texts(empty)


def test_from_inspect_and_on_from_a_result(open_page: Open) -> None:
    app = open_page("inspect_galaxy", source="first-5")
    app.button(key="inspect_similar").click().run()
    assert not app.exception
    assert query_of(app).like == (("first", "first-5"),)
    opened = {"focus": ("first", "first-8"), "marks_origin": "gallery"}
    app = open_page("similar", state=opened, source="first/first-5")
    app.button(key="similar_more_like").click().run()
    assert query_of(app).like == (("first", "first-5"), ("first", "first-8"))
    app.button(key="similar_less_like").click().run()
    assert query_of(app) == SimilarityQuery((("first", "first-5"),), (("first", "first-8"),))
    app.button(key="similar_again").click().run()
    assert query_of(app) == SimilarityQuery((("first", "first-8"),))


def test_results_to_tray_and_map(open_page: Open) -> None:
    app = open_page("similar", source="first/first-10")
    app.button(key="similar_to_tray").click().run()
    assert len(session_of(app).tray) == 24
    app.button(key="similar_to_map").click().run()
    assert not app.exception
    assert len(session_of(app).brush) == 24
    assert app.title[0].value == "Latent map"


def test_no_result_says_why(open_page: Open) -> None:
    app = open_page("similar", source="first/first-10")
    app.multiselect(key="similar_labels").set_value(["Hybrid"]).run()
    assert "No galaxy is left" in texts(app)
    assert "Hybrid" in texts(app)
    app.multiselect(key="similar_labels").set_value(["Compact"]).run()
    app.toggle(key="similar_table").set_value(True).run()
    assert set(app.dataframe[0].value["Class"]) == {"Compact"}
    app.multiselect(key="similar_in").set_value([]).run()
    assert "Choose a data set" in texts(app)


def test_figures_of_the_paper_in_three_clicks(open_page: Open, first: Catalogue) -> None:
    app = open_page("similar")
    sizes = {}
    for example in ("fig8", "fig9", "fig13"):
        app.session_state["similar_examples"] = example
        data_set, source_id = similar_examples.example_source(example, "vae32")
        catalogue = cache.data_set(data_set)
        row = int(catalogue.rows_of([source_id])[0])
        assert catalogue.table["split"].iat[row] == "test"
        sizes[example] = float(catalogue.table["las"].iat[row])
    assert sizes["fig8"] > 70
    assert 20 < sizes["fig9"] < 40


def test_one_source_by_two_telescopes_or_how_to_get_them(open_page: Open, first: Catalogue) -> None:
    key, other = similar_examples.PAIR
    if not all(cache.known_data_sets()[name].is_here for name in (key, other)):
        with pytest.raises(CatalogueError, match=f"'{key}' .* radioviz.data fetch fr-deep"):
            similar_examples.example_source("pair", "survey-simclr")
        return
    data_set, source_id = similar_examples.example_source("pair", "survey-simclr")
    app = open_page("similar", source=f"{data_set}/{source_id}", **{"in": other})
    said = " ".join(element.value for element in app.caption)
    assert "smoothed to the 45″ beam of" in said
    assert source_id != "" and data_set == key


# -- pictures -------------------------------------------------------------------------------


def uploaded(open_page: Open, name: str, payload: bytes) -> AppTest:
    app = open_page("similar", state={"similar_kind": "file"}, encoder="vae32")
    app.file_uploader(key="similar_file").upload(name, payload).run()
    assert not app.exception
    return app


def test_an_uploaded_galaxy_finds_itself_and_its_like(open_page: Open, first: Catalogue) -> None:
    """A FIRST galaxy as FITS without a place finds its own entry first."""
    payload = fits_bytes(first.images[40].astype(np.float32), wcs_cards(1.8, 300))
    app = uploaded(open_page, "galaxy.fits", payload)
    assert not app.error
    app.toggle(key="similar_table").set_value(True).run()
    best = app.dataframe[0].value.iloc[0]
    assert best["Identifier"] == first.table["source_id"].iat[40]
    assert best["Score"] == pytest.approx(1.0, abs=2e-3)


def test_the_source_of_an_upload_is_left_out_by_its_place(
    open_page: Open, first: Catalogue
) -> None:
    place = {"CRVAL1": first.table["image_ra"].iat[40], "CRVAL2": first.table["image_dec"].iat[40]}
    payload = fits_bytes(first.images[40].astype(np.float32), wcs_cards(1.8, 300) | place)
    app = uploaded(open_page, "galaxy.fits", payload)
    app.toggle(key="similar_table").set_value(True).run()
    assert first.table["source_id"].iat[40] not in set(app.dataframe[0].value["Identifier"])


def test_a_picture_without_scale_is_asked_for_it(open_page: Open) -> None:
    colour = np.repeat((blob() * 255).astype(np.uint8)[..., None], 3, axis=2)
    colour[..., 1] //= 2
    app = uploaded(open_page, "<b>mine</b>.png", png_bytes(colour))
    assert "does not say how large its pixels are" in texts(app)
    assert "luminance" in texts(app)
    assert "<b>mine" not in html(app)
    scale = next(n for n in app.number_input if n.label.startswith("Pixel scale"))
    scale.set_value(1.8).run()
    assert not app.error
    assert app.subheader[0].value == "24 most similar"


def test_several_images_in_a_file_are_asked_about(open_page: Open) -> None:
    cards = wcs_cards(1.8, 64)
    payload = fits_bytes(blob(), cards, blob(32), blob(40))
    app = uploaded(open_page, "three.fits", payload)
    assert "holds 3 images; choose one" in texts(app)
    box = next(s for s in app.selectbox if s.label.startswith("Which of the 3"))
    box.set_value(0).run()
    assert not app.error
    assert app.subheader[0].value == "24 most similar"


@pytest.mark.parametrize(
    ("name", "payload", "message"),
    [
        ("words.txt", b"no image at all " * 10, "is not a FITS file"),
        ("nan.fits", fits_bytes(np.full((9, 9), np.nan, np.float32)), "pixels are NaN"),
        ("<script>.fits", b"<html>", "is not a FITS file: it is an HTML or XML file"),
    ],
)
def test_what_is_no_image_costs_the_panel_alone(
    open_page: Open, name: str, payload: bytes, message: str
) -> None:
    app = uploaded(open_page, name, payload)
    assert message in app.error[0].value.replace("\\", "")
    assert "<script>" not in app.error[0].value.replace("\\<", "")
    assert app.title[0].value == "Similar"


def test_a_generated_galaxy_is_a_query(open_page: Open, first: Catalogue) -> None:
    from radioviz.data.preprocess import Preprocess

    image = Preprocess().apply(first, np.array([77]))[0]
    given: dict[str, Any] = {
        "image": image, "pixel_scale": 2.7, "title": "FRI, <b>seed</b> 3", "synthetic": True
    }  # fmt: skip
    app = open_page("similar", state={"query_image": given, "similar_go": None}, encoder="vae32")
    assert not app.error
    assert "simulated" in texts(app)
    app.toggle(key="similar_table").set_value(True).run()
    assert app.dataframe[0].value["Identifier"].iat[0] == first.table["source_id"].iat[77]
    none = open_page("similar", state={"similar_kind": "generated"})
    assert "No generated galaxy yet" in texts(none)


def test_any_orientation_finds_the_turned_galaxy(open_page: Open, first: Catalogue) -> None:
    """A galaxy turned by 90 degrees finds itself once orientation does not count."""
    turned = np.rot90(first.images[12]).astype(np.float32)
    app = uploaded(open_page, "turned.fits", fits_bytes(turned, wcs_cards(1.8, 300)))
    app.toggle(key="similar_rotated").set_value(True).run()
    app.toggle(key="similar_table").set_value(True).run()
    best = app.dataframe[0].value.iloc[0]
    assert best["Identifier"] == first.table["source_id"].iat[12]
    assert best["Score"] == pytest.approx(1.0, abs=2e-3)


def test_searching_the_catalogue_never_opens_torch(cache_folder_of_the_run: object) -> None:
    """In a process of its own: by name, whitened, with negatives, and by words."""
    code = """
import sys
from streamlit.testing.v1 import AppTest

def searched(**asked):
    app = AppTest.from_file("app.py", default_timeout=280)
    for name, value in asked.items():
        app.query_params[name] = value
    app.switch_page("pages/similar.py").run()
    assert not app.exception and not app.error
    assert "torch" not in sys.modules, asked
    return app

app = searched(source="first/first-10", unlike="first/first-3", measure="whitened")
assert app.subheader[0].value == "24 most similar"
app = searched(data="first", words="like J0747+1717 but one-sided")
assert any("galax" in s.value for s in app.subheader), app.subheader
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=300)


def test_scores_are_drawn_with_the_best_and_what_is_expected(open_page: Open) -> None:
    app = open_page("similar", source="first/first-10", encoder="vae32")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    scores, unrelated = figure["data"]
    assert (scores["type"], unrelated["name"]) == ("bar", "unrelated galaxies")
    assert figure["layout"]["annotations"][0]["text"].startswith("best 0.")
    assert "Whitened cosine" in figure["layout"]["xaxis"]["title"]["text"]
    assert 1 <= scores["marker"]["color"].count(SELECTION_COLOUR) < 60


def test_an_upload_is_not_parsed_in_the_servers_own_process(
    open_page: Open, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("parsed in the server's own process")

    payload = fits_bytes(first.images[40].astype(np.float32), wcs_cards(1.8, 300))
    reader_process.start()  # the confined process starts as it is, without the refusals
    for name in ("images_in", "read_picture", "position_of"):
        monkeypatch.setattr(query_image, name, refuse)
    app = uploaded(open_page, "galaxy.fits", payload)
    assert not app.error
    assert app.toggle(key="similar_table") is not None


def test_examples_can_be_encoded_without_other_sources(open_page: Open) -> None:
    app = open_page("similar", source="first/first-10", encoder="vae32", alone="1")
    assert not app.error and not app.exception
    assert app.toggle(key="similar_alone").value
    assert app.query_params["alone"] == "1"
    query, settings = SimilarityQuery((("first", "first-10"),)), SearchSettings(("first",))
    for alone in (False, True):
        script = similar_script("vae32", query, None, dataclasses.replace(settings, alone=alone))
        assert ("alone=True" in str(script)) == alone
    own = open_page("similar", source="first/first-10", encoder="survey-simclr", alone="1")
    kept = own.toggle(key="similar_always_alone")
    assert kept.value and kept.disabled and "alone" not in own.query_params
