"""The Likelihood page, headless: ranges, ranks, marks, links."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz import morphology
from radioviz.atlas.atlas import open_atlas
from radioviz.data.catalogue import Catalogue
from radioviz.export.session import Mark, read_session
from radioviz.ui import paper_figures, session_labels, tray
from radioviz.ui.cache import outliers
from radioviz.ui.pages.likelihood import likelihood_view
from radioviz.ui.pages.likelihood.state import LikelihoodState
from radioviz.ui.state import Selection
from radioviz.words.examples import ExampleSpace
from radioviz.workspace.labels import Labels
from tests.ui.conftest import session_of

Open = Callable[..., AppTest]

MODEL = "vae32"
LABELS = "radioviz.workspace.labels.Labels"
STATE = f"{LikelihoodState.__module__}.{LikelihoodState.__qualname__}"


def shown(app: AppTest) -> list[str]:
    """Sources in the gallery, in order."""
    found = [e for e in app.get("bidi_component") if "likelihood_gallery" in str(e.proto.id)]
    data = json.loads(found[0].proto.json) if found else {"cells": []}
    return [cell["id"][1] for cell in data["cells"]]


def words(app: AppTest) -> str:
    return "\n".join(
        str(e.value) for kind in ("markdown", "caption", "info") for e in app.get(kind)
    )


def test_the_strangest_come_first(open_page: Open) -> None:
    app = open_page("likelihood", data="first", encoder=MODEL)
    assert not app.error
    score = app.selectbox(key="likelihood_score").value
    table = outliers.outliers("first", MODEL)
    order = np.argsort(-table.oriented(score), kind="stable")
    assert shown(app)[:10] == [str(s) for s in table.source_ids[order[:10]]]
    assert "held-out galaxies of FIRST" in words(app)


def test_a_long_list_is_cut_and_says_so(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood_view, "MOST", 7)
    app = open_page("likelihood", data="first", encoder=MODEL, score="knn")
    table = outliers.outliers("first", MODEL)
    order = np.argsort(-table.oriented("knn"), kind="stable")
    assert shown(app) == list(table.source_ids[order[:7]])
    assert "**7 galaxies**" in words(app) and ": the first of 2,158" in words(app)


def test_a_brushed_range_shows_its_galaxies(open_page: Open) -> None:
    app = open_page("likelihood", data="first", encoder=MODEL, score="knn")
    values = outliers.outliers("first", MODEL).values["knn"]
    low, high = np.quantile(values, [0.4, 0.41])
    app.session_state[STATE].range = (float(low), float(high))
    app.session_state["likelihood_list"] = "range"
    app.run()
    inside = outliers.outliers("first", MODEL).source_ids[(values >= low) & (values <= high)]
    assert set(shown(app)) == {str(s) for s in inside}
    assert f"{len(inside)} galaxies" in words(app)
    app.button(key="likelihood_clear").click().run()
    assert "beyond the threshold" in words(app)


def test_the_slider_chooses_a_range_too(open_page: Open) -> None:
    app = open_page("likelihood", data="first", encoder=MODEL, score="knn")
    slider = app.slider(key="likelihood_between")
    assert slider.value == (slider.min, slider.max)
    middle, step = (slider.min + slider.max) / 2, slider.step
    slider.set_range(middle, middle + 3 * step).run()
    low, high = app.session_state[STATE].range
    values = outliers.outliers("first", MODEL).values["knn"]
    inside = int(((values >= low) & (values <= high)).sum())
    assert inside and f"{inside} galax" in words(app)
    assert app.slider(key="likelihood_between").value == (low, high)
    shapes = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]["shapes"]
    assert (shapes[-1]["x0"], shapes[-1]["x1"]) == (low, high)


def test_data_sets_the_generated_line_and_the_focus_are_drawn(open_page: Open) -> None:
    focus = ("first", "first-7")
    app = open_page("likelihood", {"focus": focus}, data="first", encoder=MODEL, score="log_prob")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [t["type"] for t in figure["data"]] == ["bar", "scatter"]
    assert "generated images" in figure["data"][1]["name"]
    assert [n["text"] for n in figure["layout"]["annotations"]] == ["threshold", "this galaxy"]
    assert figure["layout"]["yaxis"]["type"] == "log"
    app.toggle(key="likelihood_linear").set_value(True).run()
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert figure["layout"]["yaxis"].get("type") != "log"
    assert app.query_params["linear"] == "1"


def test_the_threshold_keeps_the_false_alarms(open_page: Open) -> None:
    app = open_page("likelihood", data="first", encoder=MODEL, score="knn", alarms="2")
    table = outliers.outliers("first", MODEL)
    held_out = int(table.held_out().sum())
    assert f"of {held_out:,} held-out" in words(app)
    assert "**Above " in words(app)  # distant neighbours are the strange ones
    flagged = int(words(app).split("**: ")[1].split(" of")[0])
    assert flagged / held_out <= 0.02


def marked(app: AppTest) -> list[tuple[str, int | None, str]]:
    held: Labels = app.session_state["radioviz.workspace.labels.Labels"]
    return [(pair[1], label.mark, label.kind) for pair, label in held]


def test_marks_move_on_undo_and_rank(open_page: Open) -> None:
    app = open_page("likelihood", data="first", encoder=MODEL)
    order = shown(app)
    app.button(key="likelihood_start").click().run()
    assert session_of(app).focus == ("first", order[0])
    app.button(key="mark_interesting").click().run()
    assert session_of(app).focus == ("first", order[1])
    app.button(key="mark_boring").click().run()
    app.button(key="mark_3").click().run()
    assert marked(app) == [
        (order[0], 5, "interesting"),
        (order[1], 0, "boring"),
        (order[2], 3, ""),
    ]
    app.button(key="mark_undo").click().run()
    assert len(marked(app)) == 2
    assert session_of(app).focus == ("first", order[2])
    app.button(key="workspace_redo").click().run()  # one history for marks and all else
    assert len(marked(app)) == 3
    app.button(key="workspace_undo").click().run()
    app.session_state["likelihood_list"] = "marks"
    app.run()
    assert not app.exception
    assert "there are 1 and 1" in words(app)
    assert shown(app)[:10] == order[2:12]  # too few to rank: as the score has it
    app.session_state["likelihood_list"] = "marked"
    app.run()
    assert shown(app) == [order[1], order[0]]


def test_the_marks_rank_like_any_taught_tag(open_page: Open, first: Catalogue) -> None:
    held = Labels()
    bent = np.flatnonzero(first.table["label"] == "Bent")[:12]
    other = np.flatnonzero(first.table["label"] == "FRII")[:12]
    for rows, number, kind in ((bent, 4, ""), (other[:6], 0, "boring"), (other[6:], 5, "artefact")):
        for row in rows:
            held.set_mark(("first", f"first-{row}"), number, kind)
    app = open_page(
        "likelihood", {LABELS: held, "likelihood_list": "marks"}, data="first", encoder="simclr"
    )
    assert not app.exception and not app.error
    assert "12 examples" in words(app) and "12 counter-examples" in words(app)
    found = open_atlas("first", "simclr")
    space = ExampleSpace.joined([(morphology.complete(first), found)])
    best = space.teach(bent, other).ranked([*bent, *other])
    ids = shown(app)
    assert ids == [f"first-{row}" for row in best[: len(ids)]]
    app = open_page("similar", {LABELS: held, "similar_kind": "taught"}, data="first",
                    encoder="simclr")  # fmt: skip
    app.selectbox(key="teach_tag").set_value("interesting").run()
    galleries = [e for e in app.get("bidi_component") if "teach_ranked" in str(e.proto.id)]
    same = [cell["id"][1] for cell in json.loads(galleries[0].proto.json)["cells"]]
    assert same == ids[: len(same)]


def test_keys_that_mark_are_named_on_the_buttons(open_page: Open) -> None:
    app = open_page("likelihood", {"focus": ("first", "first-7")}, data="first", encoder=MODEL)
    keys = {b.key: b.proto.shortcut for b in app.button if b.key and b.key.startswith("mark_")}
    assert keys["mark_interesting"].upper() == "I"
    assert keys["mark_4"] == "4"
    assert keys["mark_undo"].upper() == "U"


def test_a_page_without_any_model(open_page: Open, empty_shelf: object) -> None:
    app = open_page("likelihood", data="first")
    assert not app.exception
    options = app.selectbox(key="likelihood_score").options
    assert "Complexity" in options  # measured in the images, no model needed


def test_labels_are_saved_in_a_file(first: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    from radioviz.ui.controls import View
    from radioviz.ui.image.display import ImageStyle

    held = Labels()
    held.set_mark(("first", "first-3"), 4, "interesting")
    held.set_mark(("first", "first-9"), 0)
    held.tag([("first", "first-3")], "bent")
    held.set_note(("first", "first-9"), "a tail")
    monkeypatch.setattr(session_labels, "labels", lambda: held)
    monkeypatch.setattr(tray, "labels", lambda: held)
    make = tray.selection_file(Selection(), View("first", MODEL, ImageStyle()))
    held.replace(())  # a download is made from what was there when it was drawn
    session = read_session(make())
    assert session.marks == (
        Mark("first", "first-3", 4, "interesting"), Mark("first", "first-9", 0),
    )  # fmt: skip
    assert session.tags == {"bent": (("first", "first-3"),)}
    assert session.notes == {("first", "first-9"): "a tail"}


def test_the_place_of_a_galaxy_on_inspect(open_page: Open) -> None:
    app = open_page(
        "inspect_galaxy",
        {"inspect_tabs": "Likelihood"},
        data="first",
        source="first-7",
        encoder=MODEL,
    )
    assert "Likelihood" in [t.label for t in app.tabs]
    assert app.button(key="place_likelihood")


def test_figures_of_the_paper_look_at_log_likelihood(open_page: Open) -> None:
    data_set, source_id = paper_figures.least_likely("first", MODEL)
    scored = outliers.outliers("first", MODEL)
    assert (data_set, source_id) == (
        "first",
        str(scored.source_ids[int(np.nanargmin(scored.values["log_prob"]))]),
    )
    app = open_page("likelihood", data="first", encoder=MODEL, score="log_prob")
    assert shown(app)[0] == source_id


def test_every_encoder_is_ranked_by_the_score_that_was_judged() -> None:
    """Its own log p where it has a flow, but one strangeness."""
    own, other = (outliers.outliers("first", m) for m in (MODEL, "simclr"))
    assert (own.flow, other.flow) == ("maf-vae32", "maf-simclr")
    np.testing.assert_array_equal(own.values["strangeness"], other.values["strangeness"])
    assert not np.array_equal(own.values["log_prob"], other.values["log_prob"])
