"""Streamlit's scripts come compressed; what does not shrink comes as it is."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from radioviz.ui.packed_files import PackedFiles

FOLDER = Path(streamlit.__file__).parent / "static" / "static"
APP = Starlette(
    routes=[Mount(f"/{name}", StaticFiles(directory=FOLDER)) for name in ("static", "media")],
    middleware=[Middleware(PackedFiles)],
)


def answer(path: str, accepted: str = "gzip, br") -> tuple[dict[str, str], bytes]:
    """Headers and body that the application sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asked: list[bool] = []

    async def receive() -> dict[str, Any]:
        if asked:  # the browser waits for the answer
            await asyncio.sleep(60)
        asked.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": path, "root_path": "", "query_string": b"",
        "headers": [(b"accept-encoding", accepted.encode())],
    }  # fmt: skip
    asyncio.run(APP(scope, receive, send))
    headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return headers, b"".join(m.get("body", b"") for m in sent[1:])


def test_scripts_are_packed() -> None:
    script = next((FOLDER / "js").glob("protobuf*.js"))
    headers, body = answer(f"/static/js/{script.name}")
    assert headers["content-encoding"] == "gzip" and len(body) < 0.3 * script.stat().st_size
    assert gzip.decompress(body) == script.read_bytes()
    headers, body = answer(f"/static/js/{script.name}", "identity")
    assert "content-encoding" not in headers and body == script.read_bytes()


def test_other_files_are_not() -> None:
    font = next((FOLDER / "media").glob("*.woff2"))
    assert "content-encoding" not in answer(f"/static/media/{font.name}")[0]
    script = next((FOLDER / "js").glob("*.js"))
    assert "content-encoding" not in answer(f"/media/js/{script.name}")[0]
