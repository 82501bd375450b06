"""SIGTERM to the real server while it writes, sends, receives and reads files, and encodes."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates

from radioviz.api import survey_job
from tests.browser.server import Server, run_server
from tests.data.fits_files import cards, noise, primary
from tests.faults.jobs import Latents
from tests.faults.test_servers import health, log_lines, ready_cache
from tests.load import client
from tests.load.client import Client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # The client of a session closes its connection itself.
    pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning"),
]
LIMIT = 10.0  # seconds within which the server ends


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE", 200.0)


def session(server: Server, page: str, query: str = "") -> Client:
    reader = Client(server.url)
    reader.open()
    reader.open(page, query)
    return reader


def click(reader: Client, key: str) -> None:
    reader.act(key, reader.widget("button", key))


def wait_until(holds: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def end(server: Server) -> None:
    """Within the limit, and with no traceback in the log."""
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(LIMIT)
    assert "Traceback" not in server.log.read_text(), server.log.read_text()


# -- exports --------------------------------------------------------------------------------------


def open_exports(reader: Client) -> None:
    """Open the menu of exports, which draws its buttons only then."""
    if reader.widget("button", "table_export_") is None:
        reader.act("the menu", reader.menu("table_export"), True)


def exported(reader: Client, kind: str) -> str:
    """Press the button of an export; the address of the file."""
    open_exports(reader)
    click(reader, f"table_export_{kind}")
    return str(reader.component("radioviz_exports")[1]["files"][-1]["address"])


def state_of(server: Server, address: str) -> str:
    with urllib.request.urlopen(f"{server.url}/{address}/state", timeout=20) as answer:
        return str(json.load(answer)["state"])


def test_while_exports_are_written_wait_and_are_sent(tmp_path: Path) -> None:
    cache = ready_cache(tmp_path / "cache")
    with run_server(RADIOVIZ_CACHE=str(cache), RADIOVIZ_LOG="json") as server:
        readers = [session(server, "table", "data=first") for _ in range(3)]
        address = exported(readers[0], "cube")
        wait_until(lambda: state_of(server, address) == "ready", "no file")
        with socket.create_connection(("localhost", urlsplit(server.url).port or 0)) as stopped:
            request = f"GET /{address} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            stopped.sendall(request.encode())
            assert stopped.recv(12) == b"HTTP/1.1 200"  # and no more
            for reader, kinds in ((readers[1], ("fits", "zip")), (readers[2], ("zip", "fits"))):
                given = (reader, kinds)
                threading.Thread(target=press_all, args=given, daemon=True).start()

            def busy() -> bool:
                exports = health(server)["work"].get("export", {})
                return bool(exports.get("waiting") and exports.get("running"))

            wait_until(busy, "no exports")
            end(server)
        outcomes = {n["outcome"] for n in log_lines(server) if n["work"] == "export"}
    # What is written within the server's last seconds is done.
    assert outcomes and outcomes <= {"done", "server ended"}
    assert not list(cache.rglob("tmp*"))


def press_all(reader: Client, kinds: tuple[str, ...]) -> None:
    """Start exports one after the other, while the server is there."""
    with suppress(Exception):
        open_exports(reader)
        for kind in kinds:
            click(reader, f"table_export_{kind}")


# -- uploads --------------------------------------------------------------------------------------


def upload_address(reader: Client, name: str) -> tuple[str, str]:
    """Identifier and address of a file that a page is to get."""
    message = BackMsg()
    message.file_urls_request.request_id = "one"
    message.file_urls_request.file_names.append(name)
    reader._socket.send(message.SerializeToString())
    while True:
        payload = reader._socket.recv(timeout=60)
        assert isinstance(payload, bytes)
        answer = reader._whole(payload)
        if answer.WhichOneof("type") == "file_urls_response":
            (urls,) = answer.file_urls_response.file_urls
            return urls.file_id, urls.upload_url


@contextmanager
def upload(
    server: Server, address: str, name: str, content: bytes, missing: int = 0
) -> Iterator[socket.socket]:
    """Send a file as a browser does, without its last bytes."""
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=20) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    start = (
        f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode()
    body = start + content + b"\r\n--x--\r\n"
    head = (
        f"PUT {address} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body) + missing}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nCookie: {cookie}\r\n"
        f"X-Xsrftoken: {cookie.partition('=')[2]}\r\n\r\n"
    )
    port = urlsplit(server.url).port or 0
    with socket.create_connection(("localhost", port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        yield connection


def test_while_half_of_a_file_has_come(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with run_server(RADIOVIZ_HOME=str(home)) as server:
        reader = session(server, "your_data")
        _, address = upload_address(reader, "a.fits")
        with upload(server, address, "a.fits", b"x" * 2_000_000, missing=50_000_000):
            time.sleep(0.5)
            end(server)
    assert not (home / "uploads").exists()


def show(reader: Client, identifier: str, address: str, name: str, size: int) -> None:
    """Give an uploaded file to the page; returns when it is drawn, or the server has ended."""
    states = WidgetStates()
    state = states.widgets.add(id=reader.tree.get("file_uploader")[0].id)
    info = state.file_uploader_state_value.uploaded_file_info.add()
    info.file_id, info.name, info.size = identifier, name, size
    info.file_urls.file_id, info.file_urls.upload_url = identifier, address
    with pytest.raises(Exception):  # noqa: B017 - the server ends
        reader._run("upload", states)


def readers_of(server: Server) -> list[psutil.Process]:
    """Processes that read what was sent: forks of the one that waits."""
    children = psutil.Process(server.process.pid).children()
    return [fork for spare in children for fork in spare.children()]


def test_while_an_upload_is_read(tmp_path: Path) -> None:
    """The process that reads it ends, too; nobody is shown what was sent."""
    home, name = tmp_path / "home", "cutouts.zip"
    image = primary(noise((40, 40)), cards((40, 40)))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.fits", image)
    with run_server(RADIOVIZ_HOME=str(home)) as server:
        reader = session(server, "your_data")
        identifier, address = upload_address(reader, name)
        with upload(server, address, name, packed.getvalue()) as connection:
            assert connection.recv(12) == b"HTTP/1.1 204"
        given = (reader, identifier, address, name, packed.tell())
        threading.Thread(target=show, args=given, daemon=True).start()
        wait_until(lambda: readers_of(server), "nothing is read")
        at_work = readers_of(server)
        end(server)
        assert not psutil.wait_procs(at_work, timeout=30)[1]
    with run_server(RADIOVIZ_HOME=str(home)) as server:
        reader = session(server, "your_data")
        assert name not in reader.text()
        assert not reader.tree.error


# -- encoding -------------------------------------------------------------------------------------


def test_while_a_survey_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job goes on alone, and ends; where it is ended, too, a new server resumes it."""
    for name in ("RADIOVIZ_HOME", "RADIOVIZ_TRAINED"):
        monkeypatch.setenv(name, "")  # restored afterwards; the work sets them
    with ExitStack() as stack:
        work = Latents(tmp_path, stack)
        work.prepare()
        environment = {n: work.environment[n] for n in ("RADIOVIZ_HOME", "RADIOVIZ_TRAINED")}

        def encoding() -> bool:
            jobs = survey_job.list_jobs()
            return bool(jobs) and jobs[0].active and "encoding" in jobs[0].progress.step

        def ended(job_id: str) -> survey_job.SurveyProgress:
            wait_until(lambda: not survey_job.read_job(job_id).active, "the job does not end")
            return survey_job.read_job(job_id).progress

        with run_server(**environment) as server:
            click(session(server, "your_data"), "encode_mine")
            wait_until(encoding, "nothing is encoded")
            end(server)
        (job,) = survey_job.list_jobs()
        os.kill(job.progress.pid, signal.SIGTERM)
        assert ended(job.id).state == survey_job.CUT_OFF
        assert not work.check()
        with run_server(**environment) as server:
            click(session(server, "your_data"), f"resume_{job.id}")
            wait_until(encoding, "the job is not resumed")
            end(server)
        assert ended(job.id).state == survey_job.DONE
        assert work.check()
