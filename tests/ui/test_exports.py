"""Exported files: written in the background, sent once, never left behind."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from astropy.io import fits
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from radioviz.jobs.progress import Progress
from radioviz.paths import REPOSITORY
from radioviz.ui.exports import export_job, export_routes
from radioviz.ui.exports.export_job import ExportJob, Write, find_job
from radioviz.ui.exports.export_panel import SessionExports
from radioviz.ui.in_line import QUEUE
from radioviz.ui.state import Selection

Open = Callable[..., AppTest]
CONTENT = bytes(range(256)) * 4000  # more than two parts of an answer


@pytest.fixture(autouse=True)
def no_export_stays() -> Iterator[None]:
    """Every export of a test ends with it."""
    yield
    for job in list(export_job._jobs.values()):
        job.cancel()
        assert job.join(20)


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    def json(self) -> Any:
        return json.loads(self.content)


class Browser:
    """Requests to the routes of exports, as the server gets them."""

    def get(self, path: str, leave_after: int = 0, method: str = "GET") -> Answer:
        """The answer, or what of it arrives until the browser leaves after so many parts."""
        answer = Answer()
        parts = 0
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal parts
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                answer.content += message.get("body", b"")
                parts += 1
                if parts == leave_after:
                    left.set()
                await asyncio.sleep(0)

        scope = {
            "type": "http", "method": method, "path": path, "headers": [], "query_string": b"",
            "root_path": "", "scheme": "http", "server": ("localhost", 80), "client": ("::1", 1),
        }  # fmt: skip

        async def run() -> None:
            await Starlette(routes=export_routes.routes())(scope, receive, send)

        asyncio.run(run())
        return answer

    def head(self, path: str) -> Answer:
        return self.get(path, method="HEAD")

    def delete(self, path: str) -> Answer:
        return self.get(path, method="DELETE")


@pytest.fixture
def browser() -> Browser:
    return Browser()


def content(file: IO[bytes], progress: Progress) -> None:
    file.write(CONTENT)


def begun(write: Write = content, session: str = "a", name: str = "a.fits") -> ExportJob:
    return ExportJob(session, name, write).start()


def ready(write: Write = content, session: str = "a", name: str = "a.fits") -> ExportJob:
    job = begun(write, session, name)
    job.wait_until_written(20)
    return job


def address(job: ExportJob) -> str:
    return f"/exports/{job.token}"


def test_a_file_is_sent_once_and_deleted(browser: Browser) -> None:
    job = ready(name="Réunion galaxies.fits")
    assert job._file is not None
    opened = job._file
    assert browser.head(address(job)).headers["content-length"] == str(len(CONTENT))
    state = browser.get(address(job) + "/state").json()
    assert (state["state"], state["size"]) == ("ready", len(CONTENT))
    answer = browser.get(address(job))
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "application/fits"
    said = answer.headers["content-disposition"]
    assert said.startswith("attachment;")
    assert said.endswith("filename*=UTF-8''R%C3%A9union%20galaxies.fits")
    assert job.join(20)
    assert opened.closed
    assert find_job(job.token) is None
    assert browser.get(address(job)).status == 404


def test_the_file_has_no_name_and_is_private() -> None:
    job = ready()
    assert job._file is not None
    about = os.fstat(job._file.fileno())
    if os.name == "posix":
        assert about.st_nlink == 0, "a killed server would leave it"
        assert stat.S_IMODE(about.st_mode) & 0o077 == 0
    assert job._folder == Path(os.environ["RADIOVIZ_CACHE"])


def test_where_the_cache_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "file"))
    assert browser.get(address(ready())).content == CONTENT


@pytest.mark.parametrize("token", ["", "x", "%2e%2e"])
def test_a_guessed_address_is_nothing(browser: Browser, token: str) -> None:
    ready()
    assert browser.get(f"/exports/{token}").status == 404
    state = browser.get(f"/exports/{token}/state")
    assert state.status == 404 or state.json() == {"state": "gone"}
    assert len({ExportJob("a", "a", content).token for _ in range(20)}) == 20
    assert len(ExportJob("a", "a", content).token) >= 40


def test_a_broken_download_can_be_repeated(browser: Browser) -> None:
    job = ready()
    assert 0 < len(browser.get(address(job), leave_after=1).content) < len(CONTENT)
    assert job.state == "ready"
    assert browser.get(address(job)).content == CONTENT


def test_two_requests_do_not_share_a_file(browser: Browser) -> None:
    job = ready()
    assert job.claim()
    assert browser.get(address(job)).status == 409
    job.release(complete=False)
    assert browser.get(address(job)).content == CONTENT


def endless(begins: threading.Event) -> Write:
    def write(file: IO[bytes], progress: Progress) -> None:
        for i in range(10**6):
            file.write(b"x")
            begins.set()
            progress(i, 10**6, "images")
            time.sleep(0.01)

    return write


def test_cancel_ends_writing(browser: Browser) -> None:
    begins = threading.Event()
    job = begun(endless(begins))
    assert begins.wait(20)
    assert browser.get(address(job)).status == 409
    assert browser.get(address(job) + "/state").json()["state"] == "writing"
    assert browser.delete(address(job)).status == 204
    assert job.join(20)
    assert browser.get(address(job) + "/state").json() == {"state": "gone"}


def test_a_long_export_hands_over_to_short_work() -> None:
    begins = threading.Event()
    job = ExportJob("a", "a.fits", endless(begins), slices=100).start()
    assert begins.wait(20)
    with QUEUE.turn("reader", 1, lambda before: None):
        assert job.state == "writing"
        share = job.share
        time.sleep(0.5)
        assert job.share == share, "both run at once"


def test_the_end_of_a_session_ends_its_exports(
    monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    class Runtime:
        def is_active_session(self, session: str) -> bool:
            return session == "stays"

    monkeypatch.setattr(export_job, "GRACE", 1.0)
    monkeypatch.setattr(export_job.runtime, "exists", lambda: True)
    monkeypatch.setattr(export_job.runtime, "get_instance", Runtime)
    begins = threading.Event()
    stays, waits = ready(session="stays"), ready(session="left")
    writes = begun(endless(begins), session="left")
    assert waits.state == "ready", "a connection may be lost for a moment"
    assert waits.join(20)
    assert writes.join(20)
    assert browser.get(address(waits)).status == 404
    assert browser.get(address(stays)).content == CONTENT


def test_a_file_that_nobody_fetches_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_job, "KEPT", 0.5)
    assert ready().join(20)


def test_a_session_has_only_so_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_job, "MOST", 3)
    jobs = [ready() for _ in range(3)]
    other = ready(session="b")
    newest = ready()
    assert jobs[0].join(20)
    assert [job.state for job in (*jobs[1:], other, newest)] == ["ready"] * 4
    assert find_job(jobs[1].token) is jobs[1]
    assert find_job(other.token) is other


def large(file: IO[bytes], progress: Progress) -> None:
    for _ in range(60):
        file.write(bytes(1_000_000))


@pytest.mark.parametrize(
    ("limit", "session", "whose"), [("100", "a", "this session"), ("80", "b", "all sessions")]
)
def test_exports_are_bounded(
    monkeypatch: pytest.MonkeyPatch, limit: str, session: str, whose: str
) -> None:
    """A session may have a quarter of what all may have."""
    monkeypatch.setenv("RADIOVIZ_MAX_EXPORTS", "1000")
    if session == "b":
        for other in ("c", "d", "e", "f"):
            assert ready(lambda f, p: f.write(bytes(20_000_000)), other).state == "ready"
    monkeypatch.setenv("RADIOVIZ_MAX_EXPORTS", limit)
    job = ready(large, session)
    assert job.state == "failed"
    assert whose in job.error
    assert "RADIOVIZ_MAX_EXPORTS" in job.error
    assert job.size == 0
    monkeypatch.setenv("RADIOVIZ_MAX_EXPORTS", "1000")
    assert ready(large, session).state == "ready"


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> None:
    class Usage:
        free = 200_000_000

    monkeypatch.setattr(export_job.shutil, "disk_usage", lambda folder: Usage)
    job = ready(large)
    state = browser.get(address(job) + "/state").json()
    assert state["state"] == "failed"
    assert "the disk only 200 MB left" in state["text"]
    assert "Free some space" in state["text"]


def no_room(file: IO[bytes], progress: Progress) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def defect(file: IO[bytes], progress: Progress) -> None:
    raise KeyError("secret of the server")


def test_errors_are_sentences(caplog: pytest.LogCaptureFixture) -> None:
    job = ready(no_room)
    assert "No space left on device" in job.error
    assert "Free some space" in job.error
    wrong = ready(defect)
    assert "the log" in wrong.error and "secret" not in wrong.error
    assert "secret of the server" in caplog.text
    job.cancel()
    assert job.join(20)


def test_a_button_writes_what_its_page_shows(open_page: Open, browser: Browser) -> None:
    app = open_page("latent_map", {"tray": Selection([("first", "first-1"), ("first", "first-5")])})
    app.button(key="tray_fits").click().run()
    assert not app.exception
    key = f"{SessionExports.__module__}.{SessionExports.__qualname__}"
    (job,) = app.session_state[key].jobs
    job.wait_until_written(60)
    answer = browser.get(address(job))
    assert 'filename="radioviz-2.fits"' in answer.headers["content-disposition"]
    with fits.open(io.BytesIO(answer.content)) as hdus:
        assert list(hdus["SOURCES"].data["source_id"]) == ["first-1", "first-5"]
        assert "the selection tray" in str(hdus[0].header["HISTORY"])


def test_no_page_keeps_downloads_in_memory() -> None:
    found = [
        path.name
        for folder in ("radioviz", "pages")
        for path in (REPOSITORY / folder).rglob("*.py")
        if re.search(r"\bdownload_button\(", path.read_text(encoding="utf-8"))
    ]
    assert found == []
