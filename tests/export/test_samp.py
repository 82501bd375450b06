"""SAMP through a real hub on the loopback address, with a second client."""

from __future__ import annotations

import http.server
import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from pyvo import samp

from radioviz.api.samp import Delivery, SampLink
from radioviz.api.samp_messages import Message, fetch_payload, fetch_table, read_message
from radioviz.errors import ExportError, SampError
from radioviz.export import Group


@pytest.fixture(autouse=True)
def own_desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test finds, disturbs or leaves anything on the desktop that it runs on."""
    lockfile = tmp_path / "samp-lockfile"
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{lockfile.as_uri()}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return lockfile


@pytest.fixture
def hub() -> Iterator[Any]:
    with samp.conf.set_temp("use_internet", False):
        server = samp.SAMPHubServer(web_profile=False, addr="127.0.0.1", pool_size=4)
        server.start()
    yield server
    if server.is_running:
        server.stop()


@pytest.fixture
def link(hub: Any) -> Iterator[SampLink]:
    with SampLink(timeout=5) as made:
        yield made


class Other:
    """A program as TOPCAT is one: takes tables, images, rows and positions, and answers."""

    def __init__(self, hub: Any, refuse: str = "") -> None:
        self.refuse = refuse
        self.got: list[tuple[str, dict[str, Any]]] = []
        with samp.conf.set_temp("use_internet", False):
            self.client = samp.SAMPIntegratedClient(name="Other", addr="127.0.0.1")
            self.client.connect(hub=hub, pool_size=2)
        for mtype in ("table.load.votable", "image.load.fits"):
            self.client.bind_receive_call(mtype, self.called)
        for mtype in ("table.highlight.row", "table.select.rowList", "coord.pointAt.sky"):
            self.client.bind_receive_notification(mtype, self.notified)

    def called(self, key: str, sender: str, msg_id: str, mtype: str, params: Any, _: Any) -> None:
        self.got.append((mtype, params))
        answer: dict[str, Any] = {"samp.status": "samp.ok", "samp.result": {}}
        if self.refuse:
            error = {"samp.errortxt": self.refuse}
            answer = {"samp.status": "samp.error", "samp.result": {}, "samp.error": error}
        self.client.reply(msg_id, answer)

    def notified(self, key: str, sender: str, mtype: str, params: Any, _: Any) -> None:
        self.got.append((mtype, params))

    def send(self, mtype: str, **params: Any) -> None:
        message = {
            "samp.mtype": mtype,
            "samp.params": {k.replace("_", "-"): v for k, v in params.items()},
        }
        self.client.notify_all(message)


@pytest.fixture
def other(hub: Any) -> Iterator[Other]:
    made = Other(hub)
    yield made
    made.client.disconnect()


def _until(said: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first thing that ``said`` returns which is not empty."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := said():
            return found
        time.sleep(0.02)
    raise AssertionError("nothing arrived")


def test_table_goes_out_and_its_rows_come_back(
    link: SampLink, other: Other, groups: list[Group]
) -> None:
    assert link.send_table(groups, "sélection") == [Delivery("Other")]
    mtype, params = other.got[0]
    assert mtype == "table.load.votable"
    assert params["name"] == "selection"
    table = fetch_table(Message(mtype, "RadioViz", params["url"]))
    assert len(table) == sum(len(g) for g in groups)
    assert table.units["ra"] == "deg"

    # A row that the other program highlights comes back as a source, whether it names the
    # table by its identifier or by its address.
    other.send("table.highlight.row", table_id=params["table-id"], url="", row="3")
    other.send("table.select.rowList", table_id="", url=params["url"], row_list=["0", "99", "13"])
    received: list[Message] = []

    def both() -> bool:
        received.extend(link.received())
        return len(received) == 2

    _until(both)
    by_type = {m.mtype: m for m in received}
    group = groups[0]
    fourth = str(group.catalogue.table["source_id"].iat[group.rows[3]])
    assert by_type["table.highlight.row"].sources == (("hostile", fourth),)
    assert by_type["table.highlight.row"].sender == "Other"
    chosen = by_type["table.select.rowList"]
    assert chosen.rows == (0, 99, 13)
    assert [d for d, _ in chosen.sources] == ["hostile", "greys"]
    assert link.received() == []


def test_image_goes_out(link: SampLink, other: Other, groups: list[Group]) -> None:
    group = groups[0]
    assert link.send_image(group, 3) == [Delivery("Other")]
    mtype, params = other.got[0]
    with fits.open(io.BytesIO(fetch_payload(Message(mtype, "", params["url"])))) as hdus:
        np.testing.assert_array_equal(hdus[0].data, group.catalogue.images[3])
        assert hdus[0].header["CTYPE1"] == "RA---TAN"


def test_two_links_exchange_table_and_image(hub: Any, link: SampLink, groups: list[Group]) -> None:
    with SampLink(name="Second") as second:
        assert link.programs() and list(link.programs().values()) == ["Second"]
        link.send_table(groups[0], "mine")
        link.send_image(groups[0], 2)
        table, image = second.received()
        assert (table.sender, table.name) == ("RadioViz", "mine")
        assert len(fetch_table(table)) == len(groups[0])
        assert image.mtype == "image.load.fits"


def test_refusal_and_silence_of_a_program_are_reported(
    hub: Any, link: SampLink, other: Other, groups: list[Group]
) -> None:
    other.refuse = "out of memory"
    assert link.send_table(groups) == [Delivery("Other", "out of memory")]
    other.client.bind_receive_call("image.load.fits", lambda *a: None)  # never answers
    link.timeout = 1
    (delivery,) = link.send_image(groups[0], 0)
    assert delivery.program == "Other"
    assert "timeout" in delivery.error.lower()


def test_answer_that_comes_at_once_is_not_lost(
    hub: Any,
    link: SampLink,
    other: Other,
    groups: list[Group],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def at_once(target: Callable[..., None], args: tuple[Any, ...]) -> None:
        thread = threading.Thread(target=target, args=args)
        thread.start()
        thread.join()  # the hub continues only when the program has answered

    monkeypatch.setattr(hub, "_launch_thread", lambda group=None, **kw: at_once(**kw))
    assert link.send_table(groups) == [Delivery("Other")]


def test_all_programs_are_asked_at_the_same_time(
    hub: Any, link: SampLink, groups: list[Group]
) -> None:
    silent = [Other(hub) for _ in range(8)]
    for program in silent:
        program.client.bind_receive_call("table.load.votable", lambda *a: None)
    link.timeout = 1
    started = time.monotonic()
    deliveries = link.send_table(groups)
    assert [d.program for d in deliveries] == ["Other"] * 8
    assert all("no answer within 1 s" in d.error for d in deliveries)
    assert time.monotonic() - started < 6  # one after the other: 8 s
    for program in silent:
        program.client.disconnect()


def test_no_program_accepts_tables(link: SampLink, groups: list[Group], other: Other) -> None:
    other.client.disconnect()
    with pytest.raises(SampError, match="no program on the SAMP hub accepts tables"):
        link.send_table(groups)
    with pytest.raises(SampError, match="no program on the SAMP hub accepts images"):
        link.send_image(groups[0], 0)
    with pytest.raises(ExportError, match="selection is empty"):
        link.send_table([])


def test_no_hub(own_desktop: Path) -> None:
    with pytest.raises(SampError, match="no SAMP hub is running on this computer; start TOPCAT"):
        SampLink()
    own_desktop.write_text("garbage = with = equals\n")
    with pytest.raises(SampError, match="no SAMP hub"):
        SampLink()
    own_desktop.write_text("samp.secret=x\nsamp.hub.xmlrpc.url=http://127.0.0.1:9/\n")
    with pytest.raises(SampError, match="no SAMP hub"):
        SampLink()


class _Page(http.server.BaseHTTPRequestHandler):
    """A web server that is no hub: answers everything with a page."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        body = b"<html>hello</html>" if self.path != "/large" else b"x" * 5000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_answers_is_no_hub(own_desktop: Path, web: str) -> None:
    own_desktop.write_text(f"samp.secret=x\nsamp.hub.xmlrpc.url={web}/\n")
    with pytest.raises(SampError, match="hub"):
        SampLink()


def test_hub_that_goes_away(hub: Any, groups: list[Group]) -> None:
    with SampLink() as link:
        assert link.connected
        hub.stop()
        assert not link.connected
        with pytest.raises(SampError, match="hub has gone away"):
            link.send_table(groups)
        with pytest.raises(SampError, match="hub has gone away"):
            link.programs()
    link.close()


def test_files_go_with_the_link(link: SampLink, other: Other, groups: list[Group]) -> None:
    link.send_table(groups)
    message = Message("table.load.votable", "", other.got[0][1]["url"])
    assert fetch_payload(message)
    link.close()
    with pytest.raises(SampError, match="no such file"):
        fetch_payload(message)


def test_environment_stays_private(
    link: SampLink, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_SECRET", "hidden")
    assert "client.env.get" not in link._client.get_subscriptions(link._client.get_public_id())
    name = {"samp.mtype": "client.env.get", "samp.params": {"name": "RADIOVIZ_SECRET"}}
    with pytest.raises(samp.SAMPProxyError):
        other.client.call_and_wait(link._client.get_public_id(), name, "2")


def test_bad_messages_are_answered_and_dropped(link: SampLink, other: Other) -> None:
    message = {"samp.mtype": "table.load.votable", "samp.params": {"url": "gopher://x/"}}
    answer = other.client.call_and_wait(link._client.get_public_id(), message, "5")
    assert answer["samp.status"] == "samp.error"
    assert "expected file:, http: or https:" in answer["samp.error"]["samp.errortxt"]
    other.send("coord.pointAt.sky", ra="ten", dec="20")
    other.send("coord.pointAt.sky", ra="10", dec="20")
    (good,) = _until(link.received)
    assert good.ra == 10.0


def test_old_messages_make_room(link: SampLink, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(1100):
        link._keep("c1", "coord.pointAt.sky", {"ra": str(i / 10), "dec": "0"})
    received = link.received()
    assert len(received) == 1000
    assert received[0].ra == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("mtype", "params", "message"),
    [
        ("coord.pointAt.sky", {"ra": "1"}, "expected ra and dec in degrees"),
        ("coord.pointAt.sky", {"ra": "1", "dec": "91"}, "not on the sky"),
        ("coord.pointAt.sky", {"ra": "nan", "dec": "0"}, "not on the sky"),
        ("table.highlight.row", {"row": "x"}, "expected whole numbers"),
        ("table.highlight.row", {}, "expected whole numbers"),
        ("table.select.rowList", {"row-list": "abc"}, "expected whole numbers"),
        ("table.load.votable", {}, "expected file:, http: or https:"),
        ("image.load.fits", {"url": "data:,x"}, "expected file:, http: or https:"),
    ],
)
def test_messages_that_mean_nothing(mtype: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(SampError, match=message):
        read_message(mtype, "x", params)


def test_addresses_that_cannot_be_read(web: str, tmp_path: Path) -> None:
    def message(url: str) -> Message:
        return Message("table.load.votable", "Other", url, "t")

    assert fetch_payload(message(web + "/x")) == b"<html>hello</html>"
    with pytest.raises(SampError, match="404"):
        fetch_payload(message(web + "/missing"))
    with pytest.raises(SampError, match="more than 1,000 bytes"):
        fetch_payload(message(web + "/large"), limit=1000)
    with pytest.raises(SampError, match="cannot be read"):
        fetch_payload(message("http://127.0.0.1:9/x"))
    with pytest.raises(SampError, match="no such file"):
        fetch_payload(message(tmp_path.as_uri()))
    with pytest.raises(SampError, match="another computer"):
        fetch_payload(message("file://server/share/x.vot"))
    with pytest.raises(SampError, match="expected file:"):
        fetch_payload(message("ftp://x/y"))
    big = tmp_path / "big.vot"
    big.write_bytes(b"x" * 2000)
    with pytest.raises(SampError, match="2,000 bytes; at most 1,000"):
        fetch_payload(message(big.as_uri()), limit=1000)
    with pytest.raises(SampError, match="table 't' of Other is not a votable table"):
        fetch_table(message(big.as_uri()))


@pytest.mark.parametrize("where", ["file", "http"])
def test_a_table_that_keeps_its_rows_elsewhere_is_not_followed(where: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x00\x00\x00\x01" * 2)
    href = secret.as_uri() if where == "file" else "http://127.0.0.1:9/rows"
    table = tmp_path / "t.vot"
    table.write_text(
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        f'<FIELD name="a" datatype="int"/><DATA><BINARY><STREAM href="{href}"/></BINARY></DATA>'
        "</TABLE></RESOURCE></VOTABLE>"
    )
    with pytest.raises(SampError, match="keeps its rows elsewhere"):
        fetch_table(Message("table.load.votable", "Other", table.as_uri(), "t"))


def test_a_table_that_is_an_entity_bomb(tmp_path: Path) -> None:
    from tests.fuzz.seeds import BOMB

    table = tmp_path / "t.vot"
    table.write_bytes(BOMB)
    with pytest.raises(SampError, match="declares the entity"):
        fetch_table(Message("table.load.votable", "Other", table.as_uri(), "t"))
