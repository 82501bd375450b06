"""The map in a real browser: both painters (loops and WebGL) must answer the same.

Points lie on four islands (``tests/browser/apps/map_app.py``), so that an outline about one of
them leaves no doubt about which rows it holds.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.browser.actions import settle, until
from tests.browser.map_page import ISLANDS, Map, N, rows, told
from tests.browser.server import PATIENCE, REPOSITORY, Server, chromium, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

APP = REPOSITORY / "tests" / "browser" / "apps" / "map_app.py"
PAINTERS = ("cpu", "gpu")
CASES = ("nan", "equal", "one", "zero", "one_value", "no_value", "outlier")
# What a machine without any graphics has: no GPU, and no software that stands in for one.
NO_WEBGL = (
    "--no-sandbox", "--disable-gpu", "--disable-webgl", "--disable-webgl2",
    "--disable-software-rasterizer", "--disable-background-networking",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(cache_folder_of_the_run: object) -> Iterator[Server]:
    with run_server(app=APP) as running:
        yield running


@pytest.fixture
def shown(page: Page, server: Server, request: pytest.FixtureRequest) -> Map:
    return Map(page, getattr(request, "param", "cpu")).open(server)


# -- One suite for both painters ---------------------------------------------------------------


def lasso_shift_lasso_and_double_click(shown: Map) -> None:
    shown.around(1)
    shown.answer(told("lasso", rows(1)))
    shown.around(3, shift=True)
    shown.answer(told("lasso", rows(1, 3)))
    shown.page.mouse.dblclick(*shown.at(5, 4))
    shown.answer("cleared 0 0")


def box(shown: Map) -> None:
    shown.page.click("[data-tool=box]")
    shown.page.mouse.move(*shown.at(8.5, -1.2))
    shown.page.mouse.down()
    shown.page.mouse.move(*shown.at(10, 4), steps=5)
    shown.page.mouse.move(*shown.at(11.2, 9.2), steps=5)
    shown.page.mouse.up()
    shown.answer(told("box", rows(1, 2)))


def click_gives_one_row(shown: Map) -> None:
    shown.page.mouse.move(*shown.at(10, 8))
    shown.page.mouse.down()
    shown.page.mouse.up()
    shown.page.wait_for_function(
        "() => document.querySelector('#answer').innerText.includes('click')"
    )
    kind, number, row = shown.page.inner_text("#answer").split()
    assert (kind, number) == ("click", "1")
    assert int(row) % 4 == 2


def what_is_not_selected_is_greyed(shown: Map) -> None:
    assert shown.coloured(*ISLANDS[0]) > 300
    shown.around(2)
    shown.answer(told("lasso", rows(2)))
    shown.becomes(*ISLANDS[0], 0, 9)
    shown.becomes(*ISLANDS[2], 301)


def hover_shows_text_and_picture_and_no_markup(shown: Map) -> None:
    shown.page.mouse.move(*shown.at(0, 0))
    shown.page.wait_for_selector(".rv-tip:not([hidden])")
    text = shown.page.inner_text(".rv-tip")
    assert text.startswith("Synthetic ")
    assert int(text.split()[1]) % 4 == 0
    assert "<b>not bold</b>" in text
    assert shown.page.locator(".rv-tip img").evaluate("e => e.decode().then(() => e.naturalWidth)")


EVERYTHING = (
    hover_shows_text_and_picture_and_no_markup, lasso_shift_lasso_and_double_click,
    click_gives_one_row, what_is_not_selected_is_greyed, box,
)  # fmt: skip


@pytest.mark.parametrize("shown", PAINTERS, indirect=True)
def test_both_painters_do_everything(shown: Map) -> None:
    for one in EVERYTHING:
        one(shown)


@pytest.mark.parametrize("painter", PAINTERS)
def test_bad_columns_are_drawn_or_said(page: Page, server: Server, painter: str) -> None:
    said = {"nan": "have no position", "equal": "one place", "zero": "No point", "no_value": "500"}
    for case in CASES:
        if painter == "gpu" and case in ("one_value", "no_value"):
            continue  # the same columns as on the CPU
        Map(page, painter).open(server, case=case, n=500)
        assert page.locator("[data-testid=stException]").count() == 0, case
        assert said.get(case, "") in page.inner_text(".rv-map"), case


# -- The component ----------------------------------------------------------------------------


def test_loops_and_webgl_paint_the_same(page: Page, server: Server) -> None:
    def look(painter: str) -> np.ndarray:
        shown = Map(page, painter).open(server, case="synthetic", n=20_000, colour="class")
        box = page.locator(".rv-points").bounding_box()
        assert box is not None
        page.mouse.move(5, 5)
        page.wait_for_timeout(300)
        shot = Image.open(io.BytesIO(shown.page.screenshot(clip=box))).convert("RGB")  # type: ignore[arg-type]
        # A pixel's place is rounded differently; what the eye sees is the mean about it.
        return np.asarray(shot.resize((60, 30), Image.Resampling.BOX)).astype(int)

    cpu, gpu = look("cpu"), look("gpu")
    assert cpu.std() > 10
    assert np.abs(cpu - gpu).mean() < 2
    assert np.abs(cpu - gpu).max() < 30


@pytest.mark.parametrize("painter", PAINTERS)
def test_a_second_survey_lies_above_or_below_the_first(
    page: Page, server: Server, painter: str
) -> None:
    def look(half: int, **ask: object) -> np.ndarray:
        shown = Map(page, painter).open(server, colour="size", **ask)
        page.mouse.move(5, 5)
        page.wait_for_timeout(300)
        return shown.colours(*ISLANDS[0], half)

    # Where nothing covers it, a ring looks the same from above and from below.
    above, below = (look(100, n=8, overlay=where) for where in ("above", "below"))
    assert np.ptp(above, axis=0).max() > 40
    assert np.abs(above - below).max() < 8
    # In a crowd it is seen from above, and the crowd alone covers it from above.
    asked: list[dict[str, str]] = [{}, {"overlay": "above"}, {"overlay": "below"}]
    alone, above, below = (look(40, n=40_000, **ask) for ask in asked)
    seen, hidden = (np.abs(alone - found).mean() for found in (above, below))
    assert seen > 1.5 * hidden


def test_columns_are_fetched_once(page: Page, server: Server) -> None:
    fetched: list[str] = []
    page.on("response", lambda r: fetched.append(r.url) if "/media/" in r.url else None)
    shown = Map(page, "cpu").open(server)
    columns = [u for u in fetched if u.endswith(".gz")]
    assert len(columns) == 2  # places, and the colour by size
    fetched.clear()
    shown.around(1)
    shown.answer(told("lasso", rows(1)))
    page.wait_for_function(f"() => {ROOT}.querySelector('.rv-map').dataset.drawn.split(':')[2]")
    page.wait_for_timeout(300)
    assert len(fetched) == 1  # the selection
    fetched.clear()
    for colour, new in (("class", 1), ("size", 0), ("class", 0)):
        page.get_by_role("combobox").click()
        page.get_by_role("option", name=colour).click()
        title = ".rv-legend button" if colour == "class" else ".rv-bar:not([hidden])"
        page.wait_for_selector(title)
        shown.drawn()
        page.wait_for_timeout(300)
        assert len(fetched) == new
        fetched.clear()


def box_all_in_view(shown: Map) -> None:
    box = shown.page.locator(".rv-points").bounding_box()
    assert box is not None
    shown.page.click("[data-tool=box]")
    shown.page.mouse.move(box["x"] + 3, box["y"] + 3)
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3, steps=4)
    shown.page.mouse.up()


def test_zoom_and_pan_need_no_server(shown: Map) -> None:
    sent: list[object] = []
    shown.page.on("request", lambda r: sent.append(r.url))
    before = int(shown.page.get_attribute(".rv-map", "data-frames") or 0)
    shown.page.focus(".rv-map")
    shown.page.mouse.move(*shown.at(5, 4))
    for _ in range(3):
        shown.page.mouse.wheel(0, -300)
        shown.page.wait_for_timeout(50)
    shown.page.keyboard.press("p")
    shown.page.mouse.down()
    shown.page.mouse.move(*shown.at(6, 5), steps=5)
    shown.page.mouse.up()
    shown.drawn()
    settle(shown.page)  # an answer would have come
    assert int(shown.page.get_attribute(".rv-map", "data-frames") or 0) > before
    assert not sent
    assert shown.page.inner_text("#answer").startswith("none")


def test_a_lasso_after_a_zoom_means_the_same_place(shown: Map) -> None:
    """Zoomed in on one island, so far that the lower halves of the positions are fetched."""
    x, y = shown.at(*ISLANDS[1])
    shown.page.mouse.move(x, y)
    for _ in range(12):
        shown.page.mouse.wheel(0, -300)
        shown.page.wait_for_timeout(30)
    shown.drawn()
    box_all_in_view(shown)
    shown.page.wait_for_function(
        "() => !document.querySelector('#answer').innerText.startsWith('none')"
    )
    kind, number, _ = shown.page.inner_text("#answer").split()
    assert kind in ("box", "cleared")
    # A piece of the island, not the island.
    assert int(number) < N / 40


def test_keys(shown: Map) -> None:
    page = shown.page
    page.focus(".rv-map")
    for key, tool in (("b", "box"), ("p", "pan"), ("l", "lasso")):
        page.keyboard.press(key)
        assert page.get_attribute(f"[data-tool={tool}]", "aria-pressed") == "true"
    shown.around(0)
    shown.answer(told("lasso", rows(0)))
    page.keyboard.press("Escape")
    shown.answer("cleared 0 0")
    before = page.screenshot()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    until(page, lambda: page.screenshot() != before, "the keys do not move the map")
    page.keyboard.press("r")
    shown.drawn()
    shown.around(2)
    shown.answer(told("lasso", rows(2)))
    page.keyboard.press("a")
    shown.answer(told("box", rows(0, 1, 2, 3)))


@pytest.mark.parametrize("shown", PAINTERS, indirect=True)
def test_categories_hidden_in_the_legend_are_not_selected(shown: Map, server: Server) -> None:
    shown.open(server, colour="class")
    shown.page.get_by_role("button", name="FRII").click()
    shown.becomes(*ISLANDS[1], 0, 9)
    shown.page.keyboard.press("Escape")
    box_all_in_view(shown)
    shown.answer(told("box", rows(0, 2, 3)))


def test_a_lost_context_is_restored(page: Page, server: Server) -> None:
    shown = Map(page, "gpu").open(server)
    # At once, on the page: after 2.5 seconds the map is drawn without it.
    said = page.evaluate(
        f"""() => new Promise((done) => {{
        const root = {ROOT}.querySelector('.rv-map');
        new MutationObserver((_, watch) => {{
            if (root.dataset.state !== 'lost') return;
            watch.disconnect();
            setTimeout(() => {{
                done(root.querySelector('.rv-note').innerText);
                window.__lose.restoreContext();
            }});
        }}).observe(root, {{attributes: true}});
        ({LOSE})();
        }})"""
    )
    assert "dropped the map" in said
    shown.drawn()
    assert page.get_attribute(".rv-map", "data-renderer") == "gpu"
    shown.becomes(*ISLANDS[0], 301)
    shown.around(1)
    shown.answer(told("lasso", rows(1)))


def test_a_context_that_stays_lost_is_replaced(page: Page, server: Server) -> None:
    shown = Map(page, "gpu").open(server)
    page.evaluate(LOSE)
    page.wait_for_selector(".rv-map[data-renderer=cpu][data-state=drawn]")
    assert "drawn without it" in page.inner_text(".rv-notes")
    assert shown.coloured(*ISLANDS[0]) > 300
    shown.around(1)
    shown.answer(told("lasso", rows(1)))


ROOT = "document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot"
LOSE = f"""() => {{
  const canvas = {ROOT}.querySelector('.rv-points canvas');
  window.__lose = canvas.getContext('webgl2').getExtension('WEBGL_lose_context');
  window.__lose.loseContext();
}}"""


def test_without_webgl_the_map_is_still_drawn(page: Page, server: Server) -> None:
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return /webgl/.test(kind) ? null : get.call(this, kind, ...rest); };"
    )
    shown = Map(page, "cpu").open(server)
    assert shown.coloured(*ISLANDS[0]) > 300
    shown.around(1)
    shown.answer(told("lasso", rows(1)))


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has neither a GPU nor WebGL in software."""
    path = chromium()
    with browser.browser_type.launch(executable_path=path, args=list(NO_WEBGL)) as plain:
        page = plain.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        assert not errors


def test_a_browser_without_webgl_can_do_everything(plain_page: Page, server: Server) -> None:
    plain_page.goto(f"{server.url}/?renderer=auto&n={N}&case=islands")
    plain_page.wait_for_selector(".rv-map[data-state=drawn]")
    available = "k => !!document.createElement('canvas').getContext(k)"
    assert not any(plain_page.evaluate(available, kind) for kind in ("webgl", "webgl2"))
    assert plain_page.evaluate("async () => !(await navigator.gpu?.requestAdapter())")
    assert plain_page.get_attribute(".rv-map", "data-renderer") == "cpu"
    shown = Map(plain_page, "cpu")
    assert shown.coloured(*ISLANDS[0]) > 300
    for one in EVERYTHING:
        one(shown)


def test_a_column_that_cannot_be_fetched_is_said(page: Page, server: Server) -> None:
    page.route("**/media/*.gz", lambda route: route.abort())
    page.goto(f"{server.url}/?case=islands&n=100")
    page.wait_for_selector(".rv-map[data-state=failed]")
    assert "cannot be drawn" in page.inner_text(".rv-note")


def test_a_long_legend_leaves_room_for_the_map(page: Page, server: Server) -> None:
    shown = Map(page, "cpu").open(server, case="legend", colour="class")
    legend = page.locator(".rv-legend").bounding_box()
    plot = page.locator(".rv-points").bounding_box()
    root = page.locator(".rv-map").bounding_box()
    assert legend and plot and root
    assert plot["height"] > 0.6 * root["height"]
    assert legend["x"] + legend["width"] <= root["x"] + root["width"]
    last = page.get_by_role("button", name="number 39")
    last.scroll_into_view_if_needed()
    last.click()
    assert last.get_attribute("aria-pressed") == "false" and shown.painter == "cpu"


def test_dark_theme(server: Server, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    shown = Map(page, "cpu").open(server, colour="class")
    until(page, lambda: np.median(shown.colours(5, 4, 10), axis=0).max() < 60, "the map is light")
    assert shown.coloured(*ISLANDS[0]) > 300


def test_touch_lasso_and_pinch(page: Page, server: Server) -> None:
    shown = Map(page, "cpu").open(server)
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    x, y = ISLANDS[1]
    r = 1.2
    path = [(x - r, y - r), (x, y - r), (x + r, y - r), (x + r, y), (x + r, y + r),
            (x, y + r), (x - r, y + r), (x - r, y)]  # fmt: skip
    touch("touchStart", shown.at(*path[0]))
    for place in path[1:]:
        touch("touchMove", shown.at(*place))
    touch("touchEnd")
    shown.answer(told("lasso", rows(1)))
    shown.drawn()
    before = int(page.get_attribute(".rv-map", "data-frames") or 0)
    cx, cy = shown.at(5, 4)
    touch("touchStart", (cx - 30, cy), (cx + 30, cy))
    for reach in (40, 60, 90):
        touch("touchMove", (cx - reach, cy), (cx + reach, cy))
        page.wait_for_timeout(60)
    touch("touchEnd")
    shown.drawn()
    assert int(page.get_attribute(".rv-map", "data-frames") or 0) > before
    shown.answer(told("lasso", rows(1)))  # a pinch draws nothing


# -- Filters and keys --------------------------------------------------------------------------


@pytest.mark.parametrize("shown", PAINTERS, indirect=True)
def test_a_filter_hides_points_and_keeps_the_zoom(shown: Map, server: Server) -> None:
    """Rows of islands 0 and 1 pass; those of the others are neither seen, counted nor selected."""
    shown.open(server, colour="class", keep="0,1")
    assert shown.coloured(*ISLANDS[0]) > 50
    assert shown.coloured(*ISLANDS[2]) == 0
    counts = shown.page.locator(".rv-legend .rv-count").all_inner_texts()
    assert counts == ["1,000", "1,000", "0", "0", "0"]
    shown.around(2)
    shown.answer("cleared 0 0")
    shown.around(1)
    shown.answer(told("lasso", rows(1)))
    legend = shown.page.locator(".rv-legend .rv-count")
    legend.filter(has_text="1,000 / 1,000").first.wait_for()
    assert legend.all_inner_texts()[:3] == ["0 / 1,000", "1,000 / 1,000", "0 / 0"]


def test_arrow_keys_go_from_galaxy_to_galaxy(shown: Map, server: Server) -> None:
    shown.open(server, n=4)  # one galaxy an island
    root = shown.page.locator(".rv-map")
    root.focus()
    spoken = shown.page.locator(".rv-hidden")
    # It begins at the galaxy in the middle; from any, these lead to island 0.
    for key in ("ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowDown"):
        shown.page.keyboard.press(key)
    for key, row in (("ArrowRight", 1), ("ArrowUp", 2), ("ArrowLeft", 3), ("ArrowRight", 2)):
        shown.page.keyboard.press(key)
        spoken.filter(has_text=f"Synthetic {row}").wait_for(state="attached")
    shown.page.keyboard.press("ArrowRight")
    spoken.filter(has_text="no galaxy in this direction").wait_for(state="attached")
    shown.page.keyboard.press("Enter")
    shown.answer("click 1 2")


def test_zoom_to_the_selection_and_back_from_where_it_was(shown: Map) -> None:
    button = shown.page.locator("[data-tool=selection]")
    assert button.is_disabled()
    shown.around(2)
    shown.answer(told("lasso", rows(2)))
    shown.page.wait_for_function(f"() => !{ROOT}.querySelector('[data-tool=selection]').disabled")
    button.click()
    shown.drawn()
    shown.page.keyboard.press("a")  # all that is in view
    shown.answer(told("box", rows(2)))
