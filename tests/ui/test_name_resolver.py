"""Sesame by a server that answers as its documentation says: answers, faults, slowness, cache."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import FetchError
from radioviz.ui import name_resolver as names
from tests.ui.conftest import session_of

Open = Callable[..., AppTest]

FOUND = """# {name}\t#Q{number}
#=Si=Simbad, all IDs (via url):    1     8ms (from cache)
%@ 3797
%C.0 RG
%J {ra:.7f} {dec:+.7f} = 01 07 24.95 +32 24 45.2
%J.E [12.10 10.50 90] A 2020yCat.1350....0G
%V z 0.0169 D [0.0001] 2011MNRAS.417.2651M
%I.0 3C 31
#B 4

#====Done (2026-Nov-29,06:00:00z)====
"""
UNKNOWN = """# {name}\t#Q{number}
#!SIMBAD: No known catalog could be found
#!NED: Nothing found
#!VizieR: Nothing found in VizieR

#====Done (2026-Nov-29,06:00:00z)====
"""


class Sesame:
    """The server: positions by name, and what it was asked."""

    def __init__(self) -> None:
        self.known = {"3C 31": (16.8539875, 32.4125778)}
        self.asked: list[str] = []
        self.fault = ""
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.stop = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/cgi-bin/nph-sesame/-oI/SNV?"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.partition("?")
        name = unquote(query)
        self.asked.append(name)
        assert path.endswith("/-oI/SNV")
        if self.fault == "slow":
            self.stop.wait(60)
        if self.fault in ("500", "404"):
            request.send_error(int(self.fault))
            return
        if name in self.known:
            ra, dec = self.known[name]
            text = FOUND.format(name=name, number=len(self.asked), ra=ra, dec=dec)
        else:
            text = UNKNOWN.format(name=name, number=len(self.asked))
        if self.fault == "portal":
            text = "<html><title>Log in to this network</title></html>"
        content = text.encode()
        request.send_response(200)
        request.send_header("Content-Type", "text/plain")
        if self.fault != "drip":
            request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if self.fault == "cut":
            request.wfile.write(content[:20])
        elif self.fault == "drip":
            for i in range(len(content)):
                request.wfile.write(content[i : i + 1])
                self.stop.wait(0.3)
        elif self.fault == "endless":
            for _ in range(4000):
                request.wfile.write(b"# more and more\n" * 100)
        else:
            request.wfile.write(content)


@pytest.fixture
def sesame(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sesame]:
    """A server of this test, and a home without names resolved before."""
    site = Sesame()
    monkeypatch.setenv("RADIOVIZ_SESAME", site.address)
    monkeypatch.setattr(names, "user_data_folder", lambda: tmp_path / "home")
    yield site
    site.stop.set()
    site.server.shutdown()
    site.server.server_close()


def test_a_name_has_the_position_of_the_answer(sesame: Sesame) -> None:
    assert names.resolve("  3C   31 ") == (16.8539875, 32.4125778)
    sesame.known["M 87 & co?"] = (187.7059308, -12.3911233)
    assert names.resolve("M 87 & co?") == (187.7059308, -12.3911233)
    assert sesame.asked == ["3C 31", "M 87 & co?"]


def test_a_name_is_asked_for_once(sesame: Sesame, monkeypatch: pytest.MonkeyPatch) -> None:
    first = names.resolve("3C 31")
    sesame.known["3C 31"] = (1.0, 2.0)
    assert names.resolve("3c 31") == first
    sesame.fault = "500"
    assert names.resolve("3C  31") == first
    assert sesame.asked == ["3C 31"]
    # Old ones are asked for again, and serve while there is no answer.
    now = time.time()
    monkeypatch.setattr(names.time, "time", lambda: now + 100 * 86_400)
    assert names.resolve("3C 31") == first
    sesame.fault = ""
    assert names.resolve("3C 31") == (1.0, 2.0)


def test_a_damaged_cache_is_asked_around(sesame: Sesame, tmp_path: Path) -> None:
    names.resolve("3C 31")
    file = tmp_path / "home" / "resolved-names.json"
    for content in ("{", "[]", '{"3c 31": "x"}', '{"3c 31": [1, 2]}', '{"3c 31": ["a", 2, 3]}'):
        file.write_text(content)
        assert names.resolve("3C 31") == (16.8539875, 32.4125778)
    assert len(sesame.asked) == 6
    assert json.loads(file.read_text())["3c 31"][:2] == [16.8539875, 32.4125778]


def test_unknown_names_are_not_kept(sesame: Sesame) -> None:
    for _ in range(2):
        with pytest.raises(FetchError, match="knows no object called 'Qx 9'"):
            names.resolve("Qx 9")
    assert sesame.asked == ["Qx 9", "Qx 9"]


@pytest.mark.parametrize("place", [(400.0, 10.0), (10.0, 95.0), (360.0, 0.0)])
def test_what_is_not_on_the_sky_is_no_position(sesame: Sesame, place: tuple[float, float]) -> None:
    sesame.known["odd"] = place
    with pytest.raises(FetchError, match="not on the sky"):
        names.resolve("odd")


@pytest.mark.parametrize("fault", ["500", "404", "portal", "cut", "slow", "drip", "endless"])
def test_faults_end_in_time_with_a_sentence(sesame: Sesame, fault: str) -> None:
    sesame.fault = fault
    before = time.monotonic()
    with pytest.raises(FetchError, match=r"Sesame \(CDS\).*type the position: degrees 116.785"):
        names.resolve("Cyg A", timeout=1.0)
    assert time.monotonic() - before < 20
    sesame.fault = ""
    assert names.resolve("3C 31") == (16.8539875, 32.4125778)


def test_without_a_network_it_says_so(sesame: Sesame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_SESAME", "http://127.0.0.1:9/?")
    with pytest.raises(FetchError, match=r"Could not resolve '3C 31'.*Without a network"):
        names.resolve("3C 31")


def test_the_servers_are_those_of_astropy(sesame: Sesame, monkeypatch: pytest.MonkeyPatch) -> None:
    from astropy.coordinates.name_resolve import sesame_url

    monkeypatch.delenv("RADIOVIZ_SESAME")
    mirror = sesame.address.removesuffix("-oI/SNV?")
    with sesame_url.set(["http://127.0.0.1:9/nph-sesame/", mirror]):
        assert names.resolve("3C 31") == (16.8539875, 32.4125778)
    assert any("cds" in address for address in names._addresses("x"))


BOXES = [("latent_map", "find"), ("inspect_galaxy", "inspect_find"), ("similar", "similar_find")]


@pytest.mark.parametrize(("page", "box"), BOXES)
def test_every_search_box_asks_sesame(
    open_page: Open, first: Catalogue, sesame: Sesame, page: str, box: str
) -> None:
    source = first.table.iloc[33]
    sesame.known["My favourite"] = (float(source["ra"]) + 2e-4, float(source["dec"]))
    app = open_page(page)
    app.text_input(key=box).set_value("My favourite").run()
    assert "is not a valid position" in app.warning[0].value
    app.button(key=f"{box}_sesame").click().run()
    assert not app.exception
    assert not len(app.warning)
    captions = [c.value for c in app.caption]
    assert any("My favourite" in c and "Sesame" in c for c in captions)
    if page == "similar":
        assert app.query_params["source"] == f"first/{source['source_id']}"
    else:
        assert session_of(app).focus == ("first", source["source_id"])
    sesame.known["Far away"] = (10.0, -80.0)
    app.text_input(key=box).set_value("Far away").run()
    app.button(key=f"{box}_sesame").click().run()
    assert len(app.warning) == 1  # nothing of the survey lies there
    sesame.fault = "500"
    app.text_input(key=box).set_value("Cyg A").run()
    app.button(key=f"{box}_sesame").click().run()
    assert "Could not resolve 'Cyg A' with Sesame" in app.warning[0].value


@pytest.mark.parametrize(("page", "box"), BOXES)
def test_every_search_box_steps_through_matches(
    open_page: Open, first: Catalogue, page: str, box: str
) -> None:
    table = first.table
    ids = table.loc[table["name"].str.contains("J0747"), "source_id"].tolist()
    assert len(ids) > 1
    app = open_page(page)

    def at() -> str:
        source = app.query_params["source"] if page == "similar" else ""
        source = source[0] if isinstance(source, list) else source
        focus = session_of(app).focus
        return source.removeprefix("first/") if page == "similar" else (focus or ("", ""))[1]

    app.text_input(key=box).set_value("J0747").run()
    seen = [at()]
    for _ in ids[1:]:
        app.button(key=f"{box}_next").click().run()
        seen.append(at())
    assert seen == ids
    for _ in range(20):  # Similar also finds those of other data sets that are here
        app.button(key=f"{box}_next").click().run()
        if at() == ids[0]:
            break
        seen.append(at())
    assert at() == ids[0]
    assert len(seen) == len(ids) or page == "similar"
    app.button(key=f"{box}_previous").click().run()
    assert at() == seen[-1]
    assert any(f"Match {len(seen)} of {len(seen)}" in str(m.value) for m in app.markdown)
