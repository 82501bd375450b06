"""The real server: where it listens, whom it answers, and what names do in a real browser."""

from __future__ import annotations

import socket
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.actions import settle
from tests.browser.server import REPOSITORY, Server, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with run_server(RADIOVIZ_HOME=str(home)) as running:
        yield running


def test_only_this_machine_is_served_by_default(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == port
    ]
    loopback = {"0100007F", "00000000000000000000000001000000"}
    assert listening
    assert {address.split(":")[0] for address in listening} <= loopback


def test_the_shipped_configuration_keeps_its_guards() -> None:
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "localhost"
    assert config["server"].get("enableXsrfProtection", True)
    assert config["server"].get("enableCORS", True)
    assert config["client"]["showErrorDetails"] == "none"
    assert 0 < config["server"]["maxUploadSize"] <= 1000


def _websocket(server: Server, origin: str) -> bool:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    address = server.url.replace("http", "ws", 1) + "/_stcore/stream"
    try:
        with connect(address, origin=origin, subprotocols=["streamlit"]):  # type: ignore
            return True
    except (InvalidStatus, OSError, EOFError):
        return False


def test_pages_of_other_sites_get_no_session(server: Server) -> None:
    assert _websocket(server, server.url)
    assert not _websocket(server, "http://evil.example")


ROUTES = ("/", "/latent_map", "/health", "/_stcore/health", "/_stcore/host-config",
          "/media/none.png", "/_stcore/upload_file/a/b", "/static/none.js")  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_no_route_answers_foreign_hosts_and_pages(
    server: Server, route: str, headers: dict[str, str]
) -> None:
    request = urllib.request.Request(server.url + route, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 403
    refused.value.close()


def test_no_session_for_a_foreign_host_name(server: Server) -> None:
    # DNS rebinding: the name resolves to this machine, so Host and Origin agree.
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    address, port = server.url.replace("http://localhost", "ws://evil.example"), server.url
    with (
        socket.create_connection(("127.0.0.1", int(port.rsplit(":", 1)[1]))) as line,
        pytest.raises(InvalidStatus, match="403"),
    ):
        connect(
            address + "/_stcore/stream",
            sock=line,
            origin=server.url.replace("localhost", "evil.example"),  # type: ignore
            subprotocols=["streamlit"],  # type: ignore
        )


def test_pages_are_not_framed(server: Server) -> None:
    with urllib.request.urlopen(server.url, timeout=60) as answer:
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_an_upload_needs_the_token_of_its_session(server: Server) -> None:
    request = urllib.request.Request(
        server.url + "/_stcore/upload_file/some-session/some-file", data=b"x", method="PUT"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code in (400, 403)
    refused.value.close()


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/media/../../../etc/passwd",
        "/static/../app.py",
        "/app/static/../../app.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/component/x/../../../../etc/passwd",
        "/_stcore/../app.py",
    ],
)
def test_no_path_leads_out_of_the_app(server: Server, path: str) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        said = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        connection.sendall(said.encode())
        answer = b""
        while block := connection.recv(65_536):
            answer += block
    assert b"root:" not in answer
    assert b"def main" not in answer


def _evil(home: Path) -> str:
    """The hostile survey of the headless tests, in the home of the server."""
    import pandas as pd

    from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
    from tests.models.small import galaxies
    from tests.ui.test_hostile import HOSTILE

    table = pd.DataFrame({"source_id": [f"evil-{i}{HOSTILE}" for i in range(12)], "name": HOSTILE})
    table["morphology"] = table["origin"] = table["file"] = HOSTILE
    info = SurveyInfo("evil", HOSTILE, 1.8, beam=5.4, licence=HOSTILE, reference=HOSTILE)
    images = (255 * galaxies(12, 96)).astype("uint8")
    Catalogue(info, complete_columns(table), images, (HOSTILE,)).save(home / "surveys" / "evil")
    return "evil"


def test_names_do_nothing_in_a_browser(server: Server, home: Path, browser: Browser) -> None:
    key = _evil(home)
    page = browser.new_page()
    acted: list[str] = []
    page.on("dialog", lambda dialog: (acted.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda r: acted.append(r.url) if "127.0.0.1:9" in r.url else None)
    said: list[Any] = []
    for name in ("", "inspect_galaxy", "latent_map", "similar", "likelihood", "your_data"):
        page.goto(f"{server.url}/{name}?data={key}", wait_until="load")
        settle(page)
        live = "img[src=x], a[href*='evil.example']"
        said.append(page.evaluate(f'document.querySelectorAll("{live}").length'))
        assert "Traceback" not in page.inner_text("body")
        assert str(REPOSITORY) not in page.inner_text("body")
    assert acted == []
    assert set(said) == {0}
    page.close()
