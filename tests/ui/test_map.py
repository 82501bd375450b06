"""The map without a browser: columns, what the browser receives, events."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from typing import Any

import numpy as np
import pytest

from radioviz.errors import RadioVizError
from radioviz.ui.map import binary_columns as columns
from radioviz.ui.map import component
from radioviz.ui.map.binary_columns import PackedColumn, PackedPositions, Store
from radioviz.ui.map.colour_scale import colour_range
from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.density import density_lines
from radioviz.ui.map.figure_of_map import figure_of
from radioviz.ui.map.map_description import describe_map
from radioviz.ui.map.map_points import MapEvent, MapPoints, PointLook, SeenMap

FRONTEND = component.BUNDLE.parent / "frontend"


def plain(column: PackedColumn) -> bytes:
    return zlib.decompress(column.data, 31)


def codes_of(served: dict[str, PackedColumn]) -> np.ndarray:
    return np.frombuffer(plain(served["codes"]), np.uint8)


def bits_of(column: PackedColumn, n: int) -> list[bool]:
    bits = np.unpackbits(np.frombuffer(plain(column), np.uint8), bitorder="little")
    return bits[:n].astype(bool).tolist()


def points(n: int = 500, **changes: Any) -> MapPoints:
    rng = np.random.default_rng(1)
    content: dict[str, Any] = {
        "x": rng.standard_normal(n).astype(np.float32),
        "y": rng.standard_normal(n).astype(np.float32),
        "colour": Colour("Angular size [arcsec]", rng.lognormal(3, 1, n), log=True),
    }
    return MapPoints(**(content | changes))


def describe(shown: MapPoints) -> tuple[dict[str, Any], PackedPositions, dict[str, PackedColumn]]:
    served: dict[str, PackedColumn] = {}

    def serve(column: PackedColumn, place: str) -> dict[str, str]:
        served[place] = column
        return {"url": f"/media/{column.digest}", "hash": column.digest}

    data, sent = describe_map(shown, "map", serve)
    return data, sent, served


# -- Columns ----------------------------------------------------------------------------------


def test_positions_come_back_to_a_four_billionth_of_the_map() -> None:
    shown = points(2000)
    sent = columns.pack_positions(shown.x, shown.y, None, 1)
    coarse = np.frombuffer(plain(sent.coarse), "<u2").reshape(-1, 2).astype(np.uint32)
    fine = np.frombuffer(plain(sent.fine), "<u2").reshape(-1, 2)
    fixed = (coarse << 16) + fine
    x0, x1, y0, y1 = sent.bounds
    x = x0 + fixed[:, 0] / 2**32 * (x1 - x0)
    y = y0 + fixed[:, 1] / 2**32 * (y1 - y0)
    assert np.abs(x - shown.x[sent.order]).max() < 4e-9 * (x1 - x0)
    assert np.abs(y - shown.y[sent.order]).max() < 4e-9 * (y1 - y0)
    assert sorted(sent.order.tolist()) == list(range(2000))


def test_points_without_a_position_are_left_out_and_counted() -> None:
    x = np.array([np.nan, 1, 2, np.inf, 3], dtype=np.float32)
    y = np.array([1, 1, -np.inf, 1, 3], dtype=np.float32)
    sent = columns.pack_positions(x, y, None, 1)
    assert sorted(sent.order.tolist()) == [1, 4]
    assert sent.left_out == 3
    assert [sent.place_of(r) >= 0 for r in range(6)] == [False, True, False, False, True, False]


def test_groups_are_sent_one_after_the_other() -> None:
    group = np.array([1, 0, 2, 0, 1, 0], dtype=np.uint8)
    sent = columns.pack_positions(np.arange(6.0), np.arange(6.0), group, 4)
    assert sent.ends == [(0, 3), (3, 5), (5, 6), (6, 6)]
    assert group[sent.order].tolist() == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("value", [0.0, -3.5, 1e30])
@pytest.mark.parametrize("n", [1, 7])
def test_a_single_place_has_room_about_it(value: float, n: int) -> None:
    sent = columns.pack_positions(np.full(n, value), np.full(n, value), None, 1)
    x0, x1, _, _ = sent.bounds
    assert x0 < value < x1
    assert sent.single


def test_no_points_make_empty_columns() -> None:
    sent = columns.pack_positions(np.zeros(0), np.zeros(0), None, 1)
    assert plain(sent.coarse) == b""
    assert sent.ends == [(0, 0)]


def test_values_become_codes_with_zero_for_none() -> None:
    values = np.array([1.0, np.nan, 3.0, 2.0, -9.0, 99.0, np.inf, -np.inf])
    codes = np.frombuffer(plain(columns.scaled(values, 1, 3, np.arange(8))), np.uint8)
    assert codes.tolist() == [1, 0, 255, 128, 1, 255, 0, 0]


def test_a_million_points_stay_within_the_bytes_promised() -> None:
    """12 MB for positions, one colour column and a selection (issue: bytes to the browser)."""
    n = 1_000_000
    rng = np.random.default_rng(0)
    shown = points(n, colour=Colour("z", rng.random(n)), selected=rng.random(n) < 0.1)
    data, _, served = describe(shown)
    assert sum(len(c.data) for c in served.values()) < 9.2e6
    assert len(served["coarse"].data) + len(served["codes"].data) < 5.1e6
    assert len(json.dumps(data)) < 6000


def test_the_same_content_has_the_same_name_and_other_content_another() -> None:
    first, second = describe(points())[0], describe(points())[0]
    assert first == second
    moved = describe(points(x=points().x + 1))[0]
    assert moved["coarse"] == first["coarse"]  # the same places in shifted bounds
    assert moved["bounds"] != first["bounds"]
    assert describe(points(y=points().x))[0]["coarse"] != first["coarse"]


def test_store_forgets_the_least_recently_used() -> None:
    store = Store(most=100)
    made = []

    def make(name: str) -> PackedColumn:
        made.append(name)
        return PackedColumn(b"x" * 40, name)

    for name in ("a", "b", "a", "c", "a", "b"):
        assert store.get(name, lambda name=name: make(name)).digest == name
    assert made == ["a", "b", "c", "b"]


# -- What the browser is told -----------------------------------------------------------------


def test_colour_bar_has_round_ticks_on_a_log_scale() -> None:
    data, _, served = describe(points(colour=Colour("S [mJy]", np.geomspace(1, 1e4, 500), True)))
    colour = data["colour"]
    assert colour["title"] == "S [mJy], log scale"
    assert {"10", "100", "1000"} <= {text for _, text in colour["ticks"]}
    assert all(-0.01 <= place <= 1.01 for place, _ in colour["ticks"])
    assert len(colour["colours"]) == 256
    assert set(codes_of(served)) <= set(range(1, 256))


def test_the_colour_scale_leaves_out_outliers() -> None:
    values = np.append(np.linspace(0, 1, 999), 1e9)
    assert colour_range(values) == pytest.approx((0.005, 0.996), abs=0.002)
    assert colour_range(np.zeros(0)) == (0, 1)


@pytest.mark.parametrize("value", [1.0, 0.0, -7.0])
def test_a_constant_column_has_a_scale(value: float) -> None:
    low, high = colour_range(np.full(3, value))
    assert low < value < high


def test_every_point_is_sent_once_with_its_code_in_its_group() -> None:
    """An overlay follows the first data set; names go as they are, the browser sets text."""
    names, group = ["<b>x</b>", "FRII", ""], np.repeat([0, 1], 15).astype(np.uint8)
    colour = Colour("Class", codes=np.arange(30) % 3, names=names, colours=["#111111"] * 3)
    shown = points(30, colour=colour, group=group, group_names=("FIRST", "NVSS"), focus=7)
    data, sent, served = describe(shown)
    assert sorted(sent.order.tolist()) == list(range(30))
    groups = {g["name"]: sent.order[g["start"] : g["end"]] for g in data["groups"]}
    assert sorted(groups["FIRST"].tolist()) == list(range(15))
    assert sorted(groups["NVSS"].tolist()) == list(range(15, 30))
    assert codes_of(served).tolist() == (sent.order % 3).tolist()
    assert data["colour"]["names"] == names
    assert data["n"] == 30, "the focus is a ring and not a point of its own"


def test_one_legend_says_shapes_and_colours() -> None:
    """Rings are explained apart only where a category has points of both shapes."""
    group = np.repeat([0, 1, 2], 10).astype(np.uint8)
    names, colours = ["FIRST", "LoTSS", "VLASS"], ["#111111"] * 3
    by_survey = Colour("Survey", codes=group.astype(int), names=names, colours=colours)
    shown = {"group": group, "group_names": ("FIRST", "LoTSS DR2", "VLASS")}
    data, _, _ = describe(points(30, colour=by_survey, **shown))
    assert data["colour"]["rings"] == [False, True, True]
    assert data["shapes"] == []
    figure = figure_of(points(30, colour=by_survey, **shown), SeenMap(None, (1,)))
    assert [name for name, _, _ in figure.legend] == ["FIRST", "VLASS"]
    assert (figure.ringed, figure.shapes) == ([False, True], [])
    shared = Colour("Class", codes=np.arange(30) % 3, names=names, colours=colours)
    for colour in (shared, Colour("S", np.ones(30))):
        data, _, _ = describe(points(30, colour=colour, **shown))
        assert data["shapes"] == ["FIRST", "LoTSS DR2, VLASS"]
    assert describe(points(30, colour=shared))[0]["shapes"] == []


@pytest.mark.parametrize("name", ["y", "group", "selected"])
def test_columns_of_another_length_are_refused(name: str) -> None:
    columns = {"y": np.zeros(3), "colour": Colour("c", np.zeros(3)), name: np.zeros(2)}
    with pytest.raises(RadioVizError, match=f"{name} has 2"):
        MapPoints(np.zeros(3), **columns)  # type: ignore[arg-type]


def test_values_below_a_log_scale_are_not_missing() -> None:
    values = np.array([1.0, 10.0, 0.0, -1.0, np.nan])
    data, sent, served = describe(points(5, colour=Colour("S", values, True)))
    codes = codes_of(served)[np.argsort(sent.order)]
    assert codes.tolist() == [1, 255, 1, 1, 0]
    assert data["notes"] == ["2 values of zero or below have the lowest colour."]


def test_angles_have_a_scale_that_closes() -> None:
    values = np.array([0.0, 90.0, 179.9])
    data, _, _ = describe(points(3, colour=Colour("PA", values, cyclic=True)))
    colour = data["colour"]
    assert (colour["low"], colour["high"]) == (0.0, 180.0)
    assert colour["colours"][1] == colour["colours"][-1]


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("value", [np.nan, 5.0, 0.0, np.inf])
def test_a_colour_column_of_one_value_or_none_is_described(value: float, log: bool) -> None:
    data, _, served = describe(points(9, colour=Colour("S", np.full(9, value), log)))
    shown = np.isfinite(value) and not (log and value <= 0)
    assert data["colour"]["known"] is bool(shown)
    assert np.count_nonzero(codes_of(served) == 0) == (0 if shown else 9)
    json.dumps(data, allow_nan=False)


def test_selection_and_focus_are_in_the_order_that_is_sent() -> None:
    mask = np.arange(100) % 3 == 0
    shown = points(100, selected=mask, focus=42)
    data, sent, served = describe(shown)
    assert bits_of(served["selected"], 100) == mask[sent.order].tolist()
    assert data["selected"]["count"] == 34
    x0, x1, _, _ = sent.bounds
    assert x0 + data["focus"][0] / 65536 * (x1 - x0) == pytest.approx(float(shown.x[42]))


def test_what_is_not_drawn_is_said() -> None:
    x = np.array([1, np.nan, np.nan, 2], dtype=np.float32)
    assert "2 of 4 points have no position" in describe(points(4, x=x))[0]["notes"][0]
    assert "one place" in describe(points(4, x=np.ones(4), y=np.ones(4)))[0]["notes"][0]


def test_a_filter_is_sent_as_bits_and_moves_nothing() -> None:
    shown = np.arange(500) % 3 == 0
    before = describe(points())[0]
    data, sent, served = describe(points(shown=shown))
    for same in ("coarse", "fine", "codes", "bounds", "n"):
        assert data[same] == before[same]
    assert bits_of(served["shown"], 500) == shown[sent.order].tolist()
    assert data["shown"]["count"] == 167
    assert "333 of 500 points do not pass the filter." in data["notes"]


def test_points_without_a_value_can_be_hidden() -> None:
    values = np.where(np.arange(500) % 5 == 0, np.nan, 1.0 + np.arange(500))
    shown = np.arange(500) < 250
    look = PointLook(missing="hidden")
    for mask, count in ((None, 400), (shown, 200)):
        drawn = points(colour=Colour("z", values), shown=mask, marks=look)
        assert describe(drawn)[0]["shown"]["count"] == count
    kind = Colour("Class", codes=np.arange(500) % 2, names=["FRI", ""], colours=["#111111"] * 2)
    assert describe(points(colour=kind, marks=look))[0]["shown"]["count"] == 250


def test_limits_and_palette_are_the_readers() -> None:
    values = np.geomspace(1, 1e4, 500)
    colour = Colour("S", values, True, limits=(10.0, None), palette="grey")
    data, sent, served = describe(points(colour=colour))
    assert data["colour"]["low"] == pytest.approx(1.0)
    assert data["colour"]["colours"][1] == "#3d3d3d"
    codes = codes_of(served)
    assert set(codes[values[sent.order] <= 10].tolist()) == {1}
    backward = Colour("S", values, limits=(5e4, 2.0))
    found = describe(points(colour=backward))[0]["colour"]
    assert found["low"] < found["high"]


def test_lines_enclose_their_share_of_the_points() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((2, 20_000))
    lines = density_lines(x, y, (-5.0, 5.0, -5.0, 5.0))
    radii = sorted(float(np.hypot(*line.T).mean()) for line in lines if len(line) > 40)
    # Of a normal distribution, a circle of radius r holds 1 - exp(-r^2 / 2).
    wanted = [np.sqrt(-2 * np.log(1 - share)) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert radii == pytest.approx(wanted, rel=0.15)
    assert density_lines(x[:5], y[:5], (-5.0, 5.0, -5.0, 5.0)) == []


def test_lines_and_names_lie_where_their_points_do() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 3000)).astype(np.float32)
    names = [("right", 1.0, 0.0)]
    shown = points(
        3000, x=x, y=y, colour=Colour("z", x), shown=x > 0, contours=True, names=names
    )  # fmt: skip
    data, sent, _ = describe(shown)
    x0, x1, _, _ = sent.bounds
    at = np.concatenate([np.reshape(line, (-1, 2))[:, 0] for line in data["contours"]])
    assert 0.5 < (x0 + at / 65536 * (x1 - x0)).mean() < 1.2
    assert x0 + data["names"][0]["x"] / 65536 * (x1 - x0) == pytest.approx(1.0)


# -- What comes back --------------------------------------------------------------------------

SQUARE = [-1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0]


def in_square(shown: MapPoints) -> list[int]:
    return np.flatnonzero((np.abs(shown.x) < 1) & (np.abs(shown.y) < 1)).tolist()


def read(event: dict[str, Any], shown: MapPoints) -> MapEvent | None:
    return component.read_map_event(event, shown, describe(shown)[1])


def happened(event: dict[str, Any], shown: MapPoints) -> MapEvent:
    found = read(event, shown)
    assert found is not None
    return found


def test_a_lasso_gives_the_rows_within() -> None:
    shown = points()
    event = happened({"kind": "lasso", "polygon": SQUARE}, shown)
    assert event.kind == "lasso"
    assert event.rows.dtype == np.int64
    assert event.rows.tolist() == in_square(shown)


def test_shift_adds_to_what_was_selected() -> None:
    shown = points(selected=np.isin(np.arange(500), [3, 7]))
    event = happened({"kind": "box", "polygon": SQUARE, "add": True}, shown)
    assert sorted(event.rows.tolist()) == sorted({3, 7, *in_square(shown)})


def test_a_click_gives_its_row_last() -> None:
    shown = points(selected=np.isin(np.arange(500), [3, 7]))
    sent = describe(shown)[1]
    alone = happened({"kind": "click", "index": 11}, shown)
    added = happened({"kind": "click", "index": 11, "add": True}, shown)
    assert alone.rows.tolist() == [sent.order[11]]
    assert added.rows.tolist() == [3, 7, sent.order[11]]


def test_hidden_categories_are_not_selected() -> None:
    colour = Colour("c", codes=np.arange(500) % 2, names=["a", "b"], colours=["#000000"] * 2)
    shown = points(colour=colour)
    event = happened({"kind": "lasso", "polygon": SQUARE, "hidden": [1]}, shown)
    assert event.rows.tolist() == [r for r in in_square(shown) if r % 2 == 0]


def test_an_empty_lasso_clears() -> None:
    event = happened({"kind": "lasso", "polygon": [9, 9, 10, 9, 10, 10]}, points())
    assert (event.kind, len(event.rows)) == ("cleared", 0)


@pytest.mark.parametrize("event", [
    {}, {"kind": "format c:"}, {"kind": "click"}, {"kind": "click", "index": 10**9},
    {"kind": "click", "index": -1}, {"kind": "click", "index": "7"},
    {"kind": "lasso", "polygon": [1, 2, 3]}, {"kind": "lasso", "polygon": ["a", "b"]},
    {"kind": "lasso", "polygon": {"x": 1}},
])  # fmt: skip
def test_events_that_make_no_sense_are_nothing(event: dict[str, Any]) -> None:
    assert read(event, points()) is None


# -- The built file, and the app -------------------------------------------------------------------


def test_the_built_file_is_of_these_sources() -> None:
    built = component.BUNDLE.read_text(encoding="ascii")
    digest = hashlib.sha256()
    for file in sorted((FRONTEND / "src").iterdir(), key=lambda f: f.name):
        digest.update(file.read_bytes())
    digest.update((FRONTEND / "package-lock.json").read_bytes())
    assert f"sources {digest.hexdigest()}" in built, "run `npm run build` in the frontend folder"


def test_the_lock_file_names_no_host_and_licences_are_kept() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]
    assert not re.findall(r"https?://[^\"]*(?:registry|mirror|proxy)[^\"]*", json.dumps(lock))
    licences = (FRONTEND / "LICENSES").read_text()
    for name in json.loads((FRONTEND / "package.json").read_text())["dependencies"]:
        assert f"\n{name} " in licences


APP = """
import numpy as np
import streamlit as st
from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.component import new_event, scatter_map
from radioviz.ui.map.map_points import MapPoints

n = int(st.session_state.get("n", 50))
points = MapPoints(np.arange(n, dtype=np.float32), np.zeros(n, np.float32),
                   Colour("z", np.arange(n, dtype=float)), lambda row: "text")
st.session_state["event"] = new_event("map")
scatter_map(points, key="map")
"""


def test_the_app_draws_any_number_of_points_and_reads_each_event_once() -> None:
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_string(APP).run()
    for n in (0, 1, 7):
        app.session_state["n"] = n
        app.run()
        assert not app.exception
        assert app.session_state["event"] is None
    seen = app.session_state["map:drawn"].sent.coarse.digest
    event = {"kind": "box", "stamp": 1, "seen": seen, "polygon": [1.5, -1, 9, -1, 9, 1, 1.5, 1]}
    app.session_state["map_gl"] = {"event": event}
    app.run()
    assert app.session_state["event"].rows.tolist() == [2, 3, 4, 5, 6]
    app.run()
    assert app.session_state["event"] is None
    app.session_state["map_gl"] = {"event": event | {"stamp": 2, "seen": "another layout"}}
    app.run()
    assert app.session_state["event"] is None


def test_what_does_not_pass_the_filter_is_not_selected() -> None:
    shown = points(shown=points().x > 0)
    event = happened({"kind": "lasso", "polygon": SQUARE}, shown)
    assert event.rows.tolist() == [r for r in in_square(points()) if points().x[r] > 0]
    sent = describe(shown)[1]
    absent = int(np.flatnonzero(points().x[sent.order] <= 0)[0])
    assert read({"kind": "click", "index": absent}, shown) is None
