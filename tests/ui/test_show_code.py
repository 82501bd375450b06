"""Show as code: the lines of every page, run in a fresh interpreter, give what the page shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from streamlit.testing.v1 import AppTest

import radioviz
from radioviz.data import user_surveys
from radioviz.data.catalogue import Catalogue
from radioviz.encode import GenerationRequest
from radioviz.errors import RadioVizError
from radioviz.paths import REPOSITORY
from radioviz.ui import cache
from radioviz.ui.code import filter_lines
from radioviz.ui.code.script import Expression, Script, call, literal
from radioviz.ui.pages.grid_walk.state import GridWalkState
from radioviz.ui.pages.inspect.state import InspectState
from radioviz.ui.state import Selection
from radioviz.workspace.table_columns import TableColumns

Open = Callable[..., AppTest]
FILTER = 'label == "Bent" and las > 60'
MINE = "test-show-code"
LABELS = "radioviz.workspace.labels.Labels"
_RUN = """
import json, sys
import numpy as np
def plain(v):
    if hasattr(v, "to_dict"):
        return v.to_dict("list") if hasattr(v, "columns") else v.to_dict()
    if isinstance(v, np.ndarray) and v.dtype.kind == "f":
        return {"shape": list(v.shape), "bytes": v.astype("<f8").tobytes().hex()}
    return v.tolist() if hasattr(v, "tolist") else v
out = []
for code, wanted in json.load(sys.stdin):
    names = {"__name__": "__main__"}
    exec(compile(code, "shown", "exec"), names)
    out.append([plain(eval(w, names)) for w in wanted])
print("@@" + json.dumps(out, default=str))
"""


def run(*scripts: tuple[str, list[str]], folder: Path = REPOSITORY) -> list[list[Any]]:
    """Values of expressions after each script has run, all in one fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=json.dumps(scripts), cwd=folder,
        capture_output=True, text=True, timeout=400, check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[list[Any]] = json.loads(done.stdout.split("@@")[1])
    return found


def pixels(value: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(value["bytes"]), "<f8").reshape(value["shape"])


def code_of(app: AppTest) -> str:
    """The lines that the page shows."""
    assert not app.exception
    found = [str(c.value) for c in app.code if "import radioviz" in str(c.value)]
    assert len(found) == 1, [str(e.value) for e in app.error]
    return found[0]


def cells(app: AppTest, key: str) -> list[str]:
    """Identifiers in a gallery of the page."""
    found = [e for e in app.get("bidi_component") if key in str(e.proto.id)]
    return [cell["id"][1] for cell in json.loads(found[0].proto.json)["cells"]]


@pytest.fixture
def opened(open_page: Open) -> Open:
    """A page with its lines unfolded, and a filter if one is given."""

    def show(page: str, state: dict[str, Any] | None = None, filtered: str = "", **query: str):
        app = open_page(page, {"show_code": True, **(state or {})}, **query)
        if filtered:
            app.text_area(key="filter_text").set_value(filtered).run()
        assert not app.exception
        return app

    return show


@pytest.fixture(scope="module")
def imported(first: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A survey imported by the public function: thirty FIRST galaxies as FITS files."""
    folder = tmp_path_factory.mktemp("cutouts")
    for row in range(30):
        header = first.wcs(row).to_header()
        header["BMAJ"] = header["BMIN"] = 5.4 / 3600
        fits.writeto(folder / f"galaxy-{row:02d}.fits", first.image(row), header)
    sample = radioviz.import_survey(
        folder, key=MINE, title="Thirty galaxies", models="vae32", replace=True,
        bunit="unknown", raw="no",
    )  # fmt: skip
    assert len(sample) == 30
    yield MINE
    user_surveys.remove_survey(MINE)


def columns_of(app: AppTest) -> TableColumns:
    """The columns of FIRST, and the notes of the session."""
    notes = {s: label.note for (_, s), label in app.session_state[LABELS]}
    table = cache.data_set("first").table[["source_id"]]
    return TableColumns(table.assign(note=[notes.get(s, "") for s in table["source_id"]]))


def drawn(app: AppTest, key: str = "map") -> tuple[np.ndarray, np.ndarray]:
    """Places of the points that a map shows, and whether each is selected."""
    points = app.session_state[f"{key}:drawn"].points
    places = np.stack([points.x, points.y], axis=1)
    shown = np.ones(len(places), bool) if points.shown is None else points.shown
    return places[shown], np.zeros(0) if points.selected is None else points.selected[shown]


def test_latent_map(opened: Open, imported: str) -> None:
    chosen = [("first", "first-7"), ("first", "first-2")]
    apps = [
        opened("latent_map", {"brush": Selection(chosen)}),
        opened("latent_map", None, FILTER, encoder="vae32", layout="pca", colour="redshift"),
        opened("latent_map", None, data=imported, encoder="vae32"),
    ]
    wanted = ["places", "shown['source_id'].tolist()", "colour.tolist()"]
    found = run(*((code_of(app), wanted) for app in apps))
    for app, (places, ids, colour) in zip(apps, found, strict=True):
        np.testing.assert_array_equal(pixels(places).astype(np.float32), drawn(app)[0])
        assert len(ids) == len(colour) == len(drawn(app)[0])
    assert len(found[1][1]) < 300 < len(found[0][1])
    assert len(found[2][1]) == 30
    (selected,) = run((code_of(apps[0]), ["selected"]))[0]
    assert [("first", s) for s in selected] == chosen


def test_table(opened: Open, imported: str) -> None:
    apps = [opened("table"), opened("table", None, FILTER), opened("table", None, data=imported)]
    apps[1].selectbox(key="table_sort").set_value("las").run()
    apps[1].toggle(key="table_descending").set_value(True).run()
    apps.append(opened("table", {"brush": Selection([("first", "first-3")])}))
    apps[3].toggle(key="table_selected_only").set_value(True).run()
    found = run(*((code_of(app), ["table", "chart_1"]) for app in apps))
    for app, (table, chart) in zip(apps, found, strict=True):
        rows = app.dataframe[0].value
        assert table["source_id"][:50] == rows["source_id"].tolist()
        assert set(table) == set(rows.columns) - {"Image"}
        assert set(chart) == {"source_id", "las"}
    assert len(found[1][0]["source_id"]) == len(found[1][1]["source_id"]) < 300
    assert found[1][0]["las"] == sorted(found[1][0]["las"], reverse=True)
    assert found[3][0]["source_id"] == ["first-3"]


def test_a_filter_by_a_subset(opened: Open) -> None:
    members = [f"first-{i}" for i in (3, 9, 30)]
    app = opened("table")
    held = app.session_state["radioviz.ui.session_workspace.WorkspaceState"]
    held.values["subsets"] = [
        {"name": "my own", "colour": "#ff0000", "groups": [["first", members]]}
    ]
    app.text_area(key="filter_text").set_value("not `my own` and las > 100").run()
    table, ids = run((code_of(app), ["table", "shown['source_id'].tolist()"]))[0]
    assert table["source_id"][:50] == app.dataframe[0].value["source_id"].tolist()
    assert 100 < len(ids) < 500
    assert not set(ids) & set(members)


def test_a_filter_by_tags_and_notes(opened: Open, tmp_path: Path) -> None:
    app = opened("table")
    held = app.session_state[LABELS]
    held.tag([("first", "first-3"), ("first", "first-9")], "bent one")
    held.set_note(("first", "first-30"), 'a "strange" one, NA')
    app.text_area(key="filter_text").set_value('tag("bent one") or note contains "NA"').run()
    code = code_of(app)
    assert "radioviz-first-columns.csv" in code
    assert any("radioviz-first-columns.csv" in b.label for b in app.button)
    content = filter_lines._csv(columns_of(app), ["note"])
    (tmp_path / "radioviz-first-columns.csv").write_bytes(content)
    (table,) = run((code, ["table"]), folder=tmp_path)[0]
    assert table["source_id"] == ["first-3", "first-9", "first-30"]
    assert table["source_id"] == app.dataframe[0].value["source_id"].tolist()


def test_similar(opened: Open, imported: str) -> None:
    apps = [
        opened("similar", source="first/first-7"),
        opened("similar", None, FILTER, source="first/first-7,first/first-9",
               unlike="first/first-2", encoder="vae32", measure="cosine"),
        opened("similar", source="first/first-7", measure="neighbourhood"),
        opened("similar", source="first/first-7", measure="classes"),
        opened("similar", source="first/first-7", encoder="vae32", turned="1"),
        opened("similar", data=imported, encoder="vae32", source="first/first-7",
               **{"in": f"{imported},first"}),
    ]  # fmt: skip
    found = run(*((code_of(app), ["found['source_id'].tolist()"]) for app in apps))
    for app, (ids,) in zip(apps, found, strict=True):
        assert ids == cells(app, "similar_gallery")
        assert len(ids) == 24
    assert len({tuple(ids) for (ids,) in found}) == 6


def test_similar_to_an_upload(opened: Open, first: Catalogue, tmp_path: Path) -> None:
    image, header = first.image(12), first.wcs(12).to_header()
    fits.writeto(tmp_path / "mine.fits", image, header)
    app = opened("similar", {"similar_kind": "file"}, encoder="vae32")
    content = (tmp_path / "mine.fits").read_bytes()
    app.file_uploader(key="similar_file").upload("mine.fits", content, "image/fits").run()
    (ids,) = run((code_of(app), ["found['source_id'].tolist()"]), folder=tmp_path)[0]
    assert ids == cells(app, "similar_gallery")
    assert "first-12" not in ids  # it lies there


def test_likelihood(opened: Open, imported: str) -> None:
    apps = [
        opened("likelihood", encoder="vae32"),
        opened("likelihood", {"likelihood_list": "range"}, FILTER, score="knn", alarms="10"),
        opened("likelihood", data=imported, encoder="vae32", score="isolation",
               **{"in": f"{imported},first"}),
    ]  # fmt: skip
    wanted = ["listed['source_id'].tolist()", "listed['rank'].tolist()"]
    found = run(*((code_of(app), wanted) for app in apps))
    for app, (ids, ranks) in zip(apps, found, strict=True):
        shown = cells(app, "likelihood_gallery")
        assert ids[: len(shown)] == shown
        assert all(0 <= rank <= 1 for rank in ranks)
        assert any(f"**{len(ids):,} galax" in str(m.value) for m in app.markdown)
    assert 0 < len(found[1][0]) < 300


def test_likelihood_ranked_by_marks(opened: Open) -> None:
    app = opened("likelihood", encoder="vae32")
    marked = (("first-3", 5, "interesting"), ("first-9", 1, "boring"), ("first-20", 4, "artefact"),
              ("first-41", 3, ""))  # fmt: skip
    for source_id, mark, kind in marked:
        app.session_state[LABELS].set_mark(("first", source_id), mark, kind)
    app.session_state[LABELS].say([("first", "first-50")], "not interesting")
    app.segmented_control(key="likelihood_list").set_value("marks").run()
    (ids,) = run((code_of(app), ["listed['source_id'].tolist()"]))[0]
    shown = cells(app, "likelihood_gallery")
    assert ids[: len(shown)] == shown
    assert not {"first-3", "first-9", "first-20", "first-41", "first-50"} & set(ids)


def test_similar_in_words(opened: Open) -> None:
    words = "bent, larger than 40 arcsec, not compact"
    plain = opened("similar", filtered='label == "Bent"', words=words)
    edited = opened("similar", words=words)
    edited.text_area(key="words_filter").set_value("bent >= 0.8 and double >= 0.5").run()
    edited.text_input(key="words_ranking").set_value("las").run()
    found = run(*((code_of(app), ["found['source_id'].tolist()"]) for app in (plain, edited)))
    for app, (ids,) in zip((plain, edited), found, strict=True):
        shown = cells(app, "words_gallery")
        assert len(shown) >= 3 and ids[: len(shown)] == shown
        assert app.subheader[0].value.startswith(f"{len(ids):,} galax")
    assert set(found[0][0]) != set(found[1][0])


def test_inspect(opened: Open, first: Catalogue, imported: str) -> None:
    held = InspectState(reconstructed={"vae32", "cvae"})
    key = f"{InspectState.__module__}.{InspectState.__qualname__}"
    apps = [
        opened("inspect_galaxy", {key: held}, source="first-7"),
        opened("inspect_galaxy", data=imported, encoder="vae32"),
    ]
    wanted = ["image", "neighbours.tolist()", "facts['las_measured']"]
    first_state, second = run(
        (code_of(apps[0]), [*wanted, "again_vae32", "again_cvae", "seen"]),
        (code_of(apps[1]), wanted),
    )
    np.testing.assert_array_equal(pixels(first_state[0]), first.image(7))
    np.testing.assert_array_equal(pixels(second[0]), cache.data_set(imported).image(0))
    for app, found in zip(apps, (first_state, second), strict=True):
        assert found[1] == cells(app, "neighbours")
    assert first_state[2] == first.table["las_measured"].iat[7]
    for name, again in (("vae32", first_state[3]), ("cvae", first_state[4])):
        encoder = cache.encoder(name)
        seen = encoder.info.preprocess.apply(first, np.array([7]))
        label = str(first.table["label"].iat[7])
        np.testing.assert_array_equal(pixels(again), encoder.reconstruct_as(seen, label))


def test_grid_walk(opened: Open) -> None:
    held = GridWalkState(ends=[(0.4, 1.2), ("first", "first-7")])
    key = f"{GridWalkState.__module__}.{GridWalkState.__qualname__}"
    apps = [
        opened("grid_walk", decoder="vae2", a="0.8", b="-1.2", reach="2", step="0.5"),
        opened("grid_walk", {key: held}, decoder="vae32", by="pca", ax="2", ay="3", rest="mean",
               galaxy="first/first-9", classes="FRI"),
        opened("grid_walk", decoder="cvae", by="axes", rest="zero", **{"class": "FRII"},
               sized="1", size="60", a="0.4", b="0.4"),
    ]  # fmt: skip
    plain = ["image", "cells", "nearest['source_id'].tolist()"]
    found = run((code_of(apps[0]), plain), (code_of(apps[1]), [*plain, "path"]),
                (code_of(apps[2]), plain))  # fmt: skip
    plane = radioviz.latent_plane("vae2", reach=2, step=0.5)
    made = cache.decoded("vae2", plane.at(0.8, -1.2), {})
    np.testing.assert_array_equal(pixels(found[0][0]), made)
    np.testing.assert_array_equal(pixels(found[0][1]), cache.plane_images("vae2", plane, {}))
    for app, (_, _, nearest, *_) in zip(apps, found, strict=True):
        assert nearest == cells(app, "walk_nearest")
    own = cache.located("first", "vae32")
    z = np.asarray(own.atlas.latents[own.places_of(["first-9"])], np.float32)
    np.testing.assert_array_equal(pixels(found[1][0]), cache.decoded("vae32", z, {}))
    path = pixels(found[1][3])
    assert len(path) == 16
    end = np.asarray(own.atlas.latents[own.places_of(["first-7"])], np.float32)
    np.testing.assert_array_equal(path[-1], cache.decoded("vae32", end, {})[0])
    assert pixels(found[2][1]).shape[0] == 441


def test_generate(opened: Open) -> None:
    apps = [
        opened("generate", model="cvae", n="4", seed="3", **{"class": "FRII"}, sized="1",
               size="80", temperature="0.8"),
        opened("generate", {"focus": ("first", "first-7")}, model="vae32", n="3", seed="1",
               mode="around", spread="0.2", around="first/first-7", clip="1"),
    ]  # fmt: skip
    own = cache.located("first", "vae32")
    centre = own.atlas.latents[int(own.places_of(["first-7"])[0])]
    requests = {
        "cvae": GenerationRequest(4, 3, "FRII", 80.0, temperature=0.8),
        "vae32": GenerationRequest(3, 1, mode="around", centre=tuple(centre), spread=0.2),
    }
    found = run(*((code_of(app), ["images", "chosen"]) for app in apps))
    for app, (images, chosen) in zip(apps, found, strict=True):
        state = app.session_state["radioviz.ui.pages.generate.state.GenerateState"]
        made = cache.generated.peek(state.batch_key[0], requests[state.batch_key[0]])
        assert made is not None
        shown = made.sigma_clipped() if state.batch_key[3] else made
        np.testing.assert_array_equal(pixels(images), shown.images)
        np.testing.assert_array_equal(pixels(chosen), shown.images[0])
    assert (pixels(found[1][0]) == 0).mean() > 0.5, "clipped"


def test_overview_and_benchmarks(opened: Open) -> None:
    overview, figures = run(
        (code_of(opened("overview")), ["data_sets", "list(models)", "classes.to_dict()"]),
        (code_of(opened("benchmarks")), ["figures['value'].to_dict()", "table2"]),
    )
    assert overview[0] == {k: e.title for k, e in cache.available_data_sets().items()}
    assert overview[1] == list(cache.models())
    assert sum(overview[2].values()) == 2158
    recorded = json.loads((REPOSITORY / "trained/benchmarks.json").read_text())
    # A figure that was refused is recorded without a value, with why.
    values = {n: np.nan if e["value"] is None else e["value"] for n, e in recorded.items()}
    assert figures[0] == pytest.approx(values, rel=1e-12, nan_ok=True)
    assert figures[1]


def test_your_data(opened: Open, imported: str) -> None:
    code = code_of(opened("your_data"))
    (surveys, number) = run((code, ["surveys", f"len(samples['{imported}'])"]))[0]
    assert imported in surveys
    assert number == 30


def test_lines_are_python_whatever_the_names_are() -> None:
    odd = 'a "quoted" \\ name\nwith é and \u2028'
    script = Script()
    script.put("x", {odd: [odd, ("a", None, 1.5, True)] * 9, "n": np.float64(0.1)})
    script.put("y", call("dict", a=None, b=[], c=0, d=odd, e=Expression("x")))
    names: dict[str, Any] = {}
    exec(str(script).replace("import radioviz\n", ""), names)
    assert names["x"] == {odd: [odd, ("a", None, 1.5, True)] * 9, "n": 0.1}
    assert names["y"] == {"c": 0, "d": odd, "e": names["x"]}
    assert literal(("one",)) == '("one",)'
    assert max(map(len, str(script).split("\n"))) < 120


def test_citations(opened: Open, imported: str) -> None:
    app = opened("latent_map", {"show_citations": True, "tray": Selection([(imported, "x")])})
    shown = [str(c.value) for c in app.code]
    text = next(c for c in shown if c.startswith("Made with RadioViz"))
    entries = next(c for c in shown if c.startswith("@software"))
    assert "FIRST (Griese et al. 2023): Griese et al. 2023" in text
    assert "copyright 1994 University of California" in text
    assert "Thirty galaxies: your own survey; add its reference" in text
    assert "SimCLR, all surveys (survey-simclr): SimCLR, Chen et al. 2020" in text
    for key in ("Becker1995", "Griese2023", "Chen2020", "Andrianomena2023", "Maaten2008"):
        assert entries.count(f"{{{key},") == 1
    assert "% Thirty galaxies: your own survey" in entries
    app.session_state["show_citations"] = True
    app.switch_page("pages/benchmarks.py").run()  # what was shown before still counts
    assert any("Maaten2008" in str(c.value) for c in app.code)


def test_every_paper_that_is_cited_has_an_entry() -> None:
    from radioviz.api.citations import METHODS, cite
    from radioviz.ui.map.layer_colours import CLUSTER

    assert CLUSTER.key in METHODS  # the map says by this name what it is coloured by
    found = cite(list(radioviz.list_data_sets()), list(radioviz.list_models()), list(METHODS))
    unknown = [line for line in found.bibtex.splitlines() if line.startswith("%")]
    # Of this paper neither authors nor a year are known, which is said.
    nameless = [line for line in unknown if "A Robust Hierarchical VAE" in line]
    assert len(nameless) == 2
    assert [m for m in unknown if "your own survey" not in m and m not in nameless] == []
    with pytest.raises(RadioVizError):
        cite("nothing")


def test_relations(opened: Open) -> None:
    app = opened("relations", {"relation_tabs": "Numbers"}, FILTER, encoder="vae2")
    assert [v for (v,) in run((code_of(app), ["len(shown)"]))] == [int((columns_kept(app)).sum())]
    app.multiselect(key="relation_predictors").set_value(["latents", "measured"]).run()
    app.button(key="relation_predict").click().run()
    assert not app.exception
    table = next(d.value for d in app.dataframe if "predicted" in d.value)
    ((ids, predicted, low, r2),) = run(
        (code_of(app), ["predicted['source_id'].tolist()", "predicted['predicted'].tolist()",
                        "predicted['low'].tolist()", "r2"])
    )  # fmt: skip
    assert ids == table["source_id"].tolist()
    np.testing.assert_allclose(predicted, table["predicted"], rtol=1e-9)
    np.testing.assert_allclose(low, table["low"], rtol=1e-9)
    assert app.metric[0].value == f"{r2:.3f}"


def test_two_classes(opened: Open) -> None:
    app = opened("two_classes", None, FILTER, sides="two-peaks-fr", at="0.5")
    wanted = [f"{name}['source_id'].tolist()" for name in ("below", "above")]
    for above, ids in enumerate(run((code_of(app), wanted))[0]):
        shown = cells(app, f"two_classes_gallery_{bool(above)}")
        assert shown and set(shown) <= set(ids)
        assert any(f": {len(ids):,} galax" in str(m.value) for m in app.markdown)


def test_no_page_is_forgotten() -> None:
    here = Path(__file__).read_text("utf-8")
    pages = [path.stem for path in (REPOSITORY / "pages").glob("*.py")]
    assert [page for page in pages if f'opened("{page}"' not in here] == []


def columns_kept(app: AppTest) -> np.ndarray:
    """Mask of the galaxies of FIRST that the filter of these tests keeps."""
    table = cache.data_set("first").table
    return ((table["label"] == "Bent") & (table["las"] > 60)).to_numpy()
