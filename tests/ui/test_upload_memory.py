"""Uploads hold so much memory and no more, whoever sends them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from radioviz.ui import upload_memory
from radioviz.ui.upload_memory import UploadMemory

UPLOAD = "/_stcore/upload_file/{}/file"


class Server:
    """Keeps what it gets, as Streamlit does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        self.held: list[tuple[str, int]] = []
        monkeypatch.setattr(upload_memory, "held_by_sessions", lambda: self.held)
        self.middleware = UploadMemory(self._app, most)
        self.sending = asyncio.Event()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if receive is not None:
            await receive()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def ask(
        self, path: str, size: int | None, method: str = "PUT", receive: Any = None
    ) -> tuple[int, str]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [] if size is None else [(b"Content-Length", str(size).encode())]
        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        await self.middleware(scope, receive, send)
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent).decode()


@pytest.mark.parametrize("base", ["", "/radio"])
def test_the_sums_of_a_session_and_of_all_are_bounded(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch, 1_000)

    def put(session: str, size: int | None) -> int:
        return asyncio.run(server.ask(base + UPLOAD.format(session), size))[0]

    assert put("a", 500) == 204
    assert put("a", 501) == 413
    server.held = [("a", 300), ("a", 100)]
    assert put("a", 100) == 204
    assert put("a", 101) == 413
    assert put("b", 500) == 204
    server.held += [("b", 450)]
    assert put("c", 150) == 204
    assert put("c", 151) == 413  # all together
    assert put("c", None) == 413  # may become as large as any upload
    server.held = []
    assert put("c", 500) == 204


def test_uploads_that_are_sent_at_once_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked one after the other, each of them alone would fit."""

    async def at_once() -> list[int]:
        server = Server(monkeypatch, 1_000)
        end = asyncio.Event()
        asked = [
            asyncio.ensure_future(server.ask(UPLOAD.format("a"), 200, receive=end.wait))
            for _ in range(4)
        ]
        await asyncio.sleep(0)
        end.set()
        first = [(await one)[0] for one in asked]
        return [*first, (await server.ask(UPLOAD.format("a"), 200))[0]]

    assert asyncio.run(at_once()) == [204, 204, 413, 413, 204]


def test_a_refusal_says_how_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, 4_000_000)
    server.held = [("a", 1_500_000)]
    _, said = asyncio.run(server.ask(UPLOAD.format("a"), 1_000_000))
    assert said == (
        "1.0 MB cannot be uploaded: uploads of this session hold 1.5 MB of the server's memory, "
        "and may hold 2 MB. Upload fewer files at a time."
    )


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("DELETE", UPLOAD.format("a")), ("PUT", "/other/a/b")]
)
def test_other_requests_pass(method: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, 0)
    assert asyncio.run(server.ask(path, 10, method))[0] == 204
