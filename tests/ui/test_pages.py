"""Every page, headless: what it shows, what it does when something is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS, DataSet
from radioviz.export.session import Session, session_bytes
from radioviz.ui import cache, controls, galaxies
from radioviz.ui.map import layers
from radioviz.ui.state import Selection
from tests.ui.conftest import PAGES, session_of

Open = Callable[..., AppTest]


def texts(app: AppTest) -> str:
    """All text on the page, in one string."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning", "error", "code")
    return "\n".join(
        [str(e.value) for kind in kinds for e in app.get(kind)]
        + [str(getattr(e, "body", e)) for e in app.get("html")]
    )


def html(app: AppTest) -> str:
    return "\n".join(str(e.proto.body) for e in app.get("html"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_an_error(open_page: Open, page: str) -> None:
    app = open_page(page)
    assert not app.error
    # Grid walk and Generate have a decoder of their own.
    own = page in ("grid_walk", "generate")
    encoder = "Encoder of filter and exports" if own else "Encoder"
    assert [s.label for s in app.sidebar.selectbox][:2] == ["Data set", encoder]


def test_overview_says_what_is_there(open_page: Open, first: Catalogue) -> None:
    app = open_page("overview")
    page = html(app)
    assert f"{len(first):,}" in page
    for label, count in first.table["label"].value_counts().items():
        assert f"{label} {count:,}" in page
    assert "University of California" in texts(app)
    links = {link.label.strip("*") for link in app.get("page_link")}
    # Surveys that a model learned from have their titles, here or not.
    (learned,) = (c.value for c in app.caption if c.value.startswith("Trained on 10,059"))
    assert "FR-DEEP NVSS, MGCLS, LoTSS DR1, VLASS, FR-DEEP v2 FIRST, " in learned.replace("\\", "")
    # Where other tests have fetched data sets, one more link puts all of them on one map.
    assert {name for name in links if "on one map" not in name} == {
        *("Latent map", "Table", "Relations", "Inspect", "Similar", "Likelihood", "Two classes"),
        *("Grid walk", "Generate", "Benchmarks", "Your data"),
    }


def test_overview_names_what_is_missing_and_the_command(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = DataSet("absent", "An absent survey", "radioviz.data.absent:read", fetch="absent")
    monkeypatch.setitem(DATA_SETS, "absent", absent)

    def refuse(key: str, *rest: Any) -> Catalogue:
        from radioviz.errors import CatalogueError

        raise CatalogueError(f"data set '{key}' is not downloaded")

    real = cache.data_set
    monkeypatch.setattr(
        cache, "data_set", lambda key, *rest: (refuse if key == "absent" else real)(key, *rest)
    )
    app = open_page("overview")
    assert "python -m radioviz.data fetch absent" in texts(app)
    assert "An absent survey" in texts(app)
    assert "galaxies" in html(app)  # the other data set is still there


@pytest.mark.parametrize("page", PAGES)
def test_pages_live_without_any_model(open_page: Open, empty_shelf: Path, page: str) -> None:
    app = open_page(page)
    assert "python -m train" in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_broken_model_costs_itself_alone(open_page: Open, empty_shelf: Path, page: str) -> None:
    (empty_shelf / "bent").mkdir()
    (empty_shelf / "bent" / "config.json").write_text("{")
    app = open_page(page)
    if page == "overview":
        assert any("bent" in e.value for e in app.error)
    else:
        assert not app.error


def test_a_stale_atlas_is_refused_by_name(open_page: Open, tmp_path: Path) -> None:
    import shutil

    from radioviz.paths import trained_folder

    shutil.copytree(trained_folder() / "atlas" / "first", tmp_path / "atlas" / "first")
    for meta in (tmp_path / "atlas" / "first").glob("*/atlas.json"):
        document = json.loads(meta.read_text())
        meta.write_text(json.dumps({**document, "catalogue_digest": "0" * 16}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
        app = open_page("latent_map")
        assert any("stale" in e.value and "python" in e.value for e in app.error)
        app = open_page("inspect_galaxy")
        assert any("stale" in e.value for e in app.error)
        assert "arcsec" in html(app)  # measurements are still shown


def test_a_data_set_without_a_map_says_how_to_make_one(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from radioviz.paths import trained_folder

    for config in trained_folder().glob("*/config.json"):
        shutil.copytree(config.parent, tmp_path / config.parent.name)
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
    for page in ("latent_map", "inspect_galaxy"):
        app = open_page(page)
        assert not app.error
        assert "python -m train atlas --data first --model" in texts(app)


def test_tray_export_and_undo(open_page: Open) -> None:
    payload = session_bytes(Session((("first", "first-1"), ("first", "first-5"))))
    app = open_page("latent_map")
    app.file_uploader(key="tray_file").upload("mine.radioviz", payload).run()
    labels = {b.label for b in app.sidebar.button}
    assert {"FITS, one file", "FITS, one file per galaxy (ZIP)", "VOTable", "CSV", "Save"} <= labels
    app.button(key="tray_clear").click().run()
    assert len(session_of(app).tray) == 0
    app.button(key="workspace_undo").click().run()
    assert list(session_of(app).tray) == [("first", "first-1"), ("first", "first-5")]


def test_loading_a_saved_tray(open_page: Open) -> None:
    payload = session_bytes(Session((("first", "first-4"), ("first", "first-2"))))
    app = open_page("overview")
    app.file_uploader(key="tray_file").upload("mine.radioviz", payload).run()
    assert list(session_of(app).tray) == [("first", "first-4"), ("first", "first-2")]
    assert "2 galaxies loaded" in texts(app)
    app.button(key="tray_clear").click().run()
    assert len(session_of(app).tray) == 0, "the file in the box is not loaded again"


def test_loading_a_file_of_no_use_says_so_as_long_as_it_is_there(open_page: Open) -> None:
    app = open_page("overview")
    app.file_uploader(key="tray_file").upload("mine.radioviz", b"GIF89a").run()
    assert any("not JSON" in e.value for e in app.error)
    app.run()
    assert any("not JSON" in e.value for e in app.error)
    app.file_uploader(key="tray_file").clear().run()
    assert not app.error


def test_sending_by_samp_without_a_hub_says_what_to_start(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(controls, "is_local", lambda: True)
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:file://{tmp_path}/no-hub")
    app = open_page("latent_map", {"tray": Selection([("first", "first-1")])})
    app.button(key="tray_samp").click().run()
    assert "TOPCAT or Aladin" in texts(app)
    assert not app.error and not app.exception


@pytest.mark.parametrize("page", ["latent_map", "inspect_galaxy"])
@pytest.mark.parametrize("how", ["name", "source_id", "degrees", "sexagesimal"])
def test_find(open_page: Open, first: Catalogue, page: str, how: str) -> None:
    from radioviz.ui import coordinates as sky

    row = 1234
    source = first.table.iloc[row]
    text = {
        "name": source["name"],
        "source_id": source["source_id"],
        "degrees": f"{source['ra'] + 1e-4:.5f} {source['dec']:+.5f}",
        "sexagesimal": sky.sexagesimal(source["ra"], source["dec"]),
    }[how]
    app = open_page(page)
    app.text_input(key="find" if page == "latent_map" else "inspect_find").set_value(text).run()
    assert session_of(app).focus == ("first", source["source_id"])
    assert source["name"] in html(app)


def test_inspect_walks_through_the_matches_of_a_search(open_page: Open, first: Catalogue) -> None:
    expected = galaxies.find_galaxies(first, "J0747", 60)
    ids = first.table["source_id"].to_numpy()[expected].tolist()
    assert len(ids) > 1
    app = open_page("inspect_galaxy")
    app.text_input(key="inspect_find").set_value("J0747").run()
    assert session_of(app).focus == ("first", ids[0])
    assert f"Match 1 of {len(ids)}" in texts(app)
    app.button(key="inspect_find_next").click().run()
    assert session_of(app).focus == ("first", ids[1])
    assert f"Match 2 of {len(ids)}" in texts(app)
    app.button(key="inspect_find_previous").click().run()
    app.button(key="inspect_find_previous").click().run()
    assert session_of(app).focus == ("first", ids[-1])
    app.button(key="inspect_random").click().run()
    assert "Match " not in texts(app) and not app.exception


@pytest.mark.parametrize("text", ["no such galaxy", "10.0 -89.0", "999 99", "<b>x</b>"])
def test_find_says_what_it_did_not_find(open_page: Open, text: str) -> None:
    app = open_page("latent_map")
    app.text_input(key="find").set_value(text).run()
    assert len(app.warning) == 1
    assert not app.error and not app.exception


def test_links_open_the_view_they_were_made_from(open_page: Open, first: Catalogue) -> None:
    app = open_page("latent_map", layout="pca", colour="redshift")
    assert app.session_state["layout"] == "pca"
    assert app.session_state["colour"] == "redshift"
    assert app.query_params["colour"] == "redshift"
    app = open_page("inspect_galaxy", source="first-77")
    assert session_of(app).focus == ("first", "first-77")
    assert first.table["name"].iat[int(first.rows_of(["first-77"])[0])] in html(app)


@pytest.mark.parametrize(
    ("page", "query", "said"),
    [
        ("latent_map", {"encoder": "<b>x</b>"}, "encoder"),
        ("latent_map", {"layout": "mercator"}, "layout 'mercator'"),
        ("latent_map", {"colour": "taste"}, "colour 'taste'"),
        ("latent_map", {"overlay": "atlantis"}, "overlaid data set 'atlantis'"),
        ("inspect_galaxy", {"data": "atlantis"}, "data set 'atlantis'"),
        ("grid_walk", {"decoder": "none"}, "decoder 'none'"),
        ("grid_walk", {"show": "first,atlantis"}, "data set 'atlantis'"),
        ("similar", {"in": "atlantis"}, "data set to search in 'atlantis'"),
        ("generate", {"n": "100000"}, "100000; possible is 1 to 1024"),
        ("generate", {"seed": "-1"}, "-1; possible is 0 to"),
        ("likelihood", {"score": "luck"}, "score 'luck'"),
    ],
)
def test_a_link_to_what_is_not_there_says_so(
    open_page: Open, page: str, query: dict[str, str], said: str
) -> None:
    app = open_page(page, **query)
    shown = "\n".join(w.value for w in app.warning).replace("\\", "")
    assert "The link asks for" in shown and said in shown
    assert not app.exception and not app.error
    assert "<b>" not in "".join(w.value for w in app.warning).replace("\\<b\\>", "")


def test_a_map_of_several_surveys_opens_by_one_link_and_says_what_it_lacks(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each data set of the link lies on the map or is named with what would put it there."""
    opened: list[list[str]] = []
    map_view = layers.map_view

    def noted(data_sets: list[str], model: str, layout: str) -> layers.MapView:
        opened.append(data_sets)
        return map_view(data_sets[:1], model, layout)

    monkeypatch.setattr(layers, "map_view", noted)
    monkeypatch.setattr(controls, "overlays", lambda view: ["deep", "wide"])
    open_one = controls.open_with_progress
    monkeypatch.setattr(
        controls, "open_with_progress", lambda key: open_one(key) if key == "first" else None
    )
    monkeypatch.setattr(controls, "data_set_title", str)
    absent = DataSet("frdeep-nvss", "FR-DEEP NVSS", reader="none", fetch="frdeep")
    here = replace(absent, key="lotss", embedded=True)
    monkeypatch.setattr(DataSet, "is_here", property(lambda one: one.embedded))
    known = {**DATA_SETS, "frdeep-nvss": absent, "lotss": here}
    monkeypatch.setattr(cache, "known_data_sets", lambda: known)
    asked = "wide,frdeep-nvss,deep,lotss,atlantis"
    app = open_page("latent_map", overlay=asked, colour="survey", encoder="survey-simclr")
    assert opened[0] == ["first", "wide", "deep"]
    assert app.query_params["overlay"] == "wide,deep" and app.session_state["colour"] == "survey"
    said = "\n".join(w.value for w in app.warning).replace("\\", "")
    assert "radioviz.data fetch fr-deep" in said and "'atlantis', which is not here" in said
    assert "radioviz.encode --data lotss --model survey-simclr" in said


def test_only_the_open_tab_of_inspect_is_drawn(open_page: Open) -> None:
    app = open_page("inspect_galaxy", source="first-7", tab="FR class")
    assert "explain" in {b.key for b in app.button}
    assert "tab" in app.query_params
    app = open_page("inspect_galaxy", source="first-7")
    assert "explain" not in {b.key for b in app.button}
    assert not any(str(b.key).startswith("reconstruct_") for b in app.button)


def test_what_a_link_could_not_have_is_forgotten_when_the_reader_chooses(open_page: Open) -> None:
    app = open_page("latent_map", layout="mercator")
    assert "mercator" in texts(app)
    app.selectbox(key="layout").set_value("pca").run()
    assert "mercator" not in texts(app)


def test_absent_data_sets_are_not_offered(open_page: Open) -> None:
    absent = {k for k, entry in cache.known_data_sets().items() if not entry.is_here}
    if "mirabest" not in absent:
        pytest.skip("MiraBest is installed here")
    app = open_page("latent_map")
    assert not {controls.data_set_title(k) for k in absent} & set(
        app.selectbox(key="data_set").options
    )
    app = open_page("latent_map", data="mirabest")
    shown = "".join(w.value for w in app.warning).replace("\\", "")
    assert "MiraBest, which is not installed" in shown and "fetch mirabest" in shown
    assert not app.error


def test_a_link_to_a_source_that_is_not_there_says_so(open_page: Open) -> None:
    app = open_page("inspect_galaxy", source="<b>first-0</b>")
    assert any("has no source" in e.value for e in app.error)
    assert "<b>" not in app.error[0].value


def test_inspect_shows_measurements_with_units_and_links(open_page: Open) -> None:
    app = open_page("inspect_galaxy", source="first-0")
    page = html(app)
    assert "arcsec (catalogue)" in page
    assert "07:47:08.40 +17:17:27" in app.code[0].value and "116.78" in app.code[0].value
    assert "ned.ipac.caltech.edu" in texts(app) and "simbad" in texts(app)
    app.toggle(key="contours").set_value(True).run()
    assert not app.exception and not app.error


def test_names_are_text_and_not_markup(
    open_page: Open, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    table = first.table.copy()
    table.loc[0, "name"] = "<img src=x onerror=alert(1)> **b** $x$"
    evil = dataclasses.replace(first, table=table)
    monkeypatch.setattr(cache, "data_set", lambda key, *rest: evil)
    for page in ("inspect_galaxy", "latent_map"):
        app = open_page(page, {"focus": ("first", "first-0")})
        assert "<img src=x" not in html(app) + texts(app)
        assert "&lt;img src=x" in html(app)


def test_stretch_and_colour_map_reach_the_pictures(open_page: Open) -> None:
    app = open_page("inspect_galaxy")
    app.selectbox(key="colour_map").set_value("viridis").run()
    for stretch in ("linear", "asinh", "log"):
        app.session_state["stretch"] = stretch
        app.run()
        assert not app.exception and not app.error
