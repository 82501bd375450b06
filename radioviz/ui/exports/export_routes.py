"""The addresses of exported files: state, content, and an end to it.

Each contains the secret of its file, which only the page of its session knows; the guard looks at
Host and Origin as for every other address (:mod:`radioviz.ui.guard`).
"""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from radioviz.ui.exports.export_job import ExportJob, find_job
from radioviz.ui.in_line import place_text

PREFIX = "exports"

MIME_TYPES = {
    ".csv": "text/csv",
    ".fits": "application/fits",
    ".gif": "image/gif",
    ".parquet": "application/x-parquet",
    ".png": "image/png",
    ".radioviz": "application/json",
    ".reg": "text/plain",
    ".vot": "application/x-votable+xml",
    ".zip": "application/zip",
}

_CHUNK = 1 << 18  # bytes read and sent at a time
_GONE = "This file is no longer here: it was downloaded, or its page is closed. Export it again."


def routes() -> list[Route]:
    """Routes for :class:`streamlit.starlette.App`."""
    from streamlit import config, url_util

    base = url_util.make_url_path(config.get_option("server.baseUrlPath") or "", PREFIX)
    return [
        Route(base + "/{token}", _content, methods=["GET"]),
        Route(base + "/{token}", _end, methods=["DELETE"]),
        Route(base + "/{token}/state", _state, methods=["GET"]),
    ]


def _job(request: Request) -> ExportJob | None:
    job = find_job(request.path_params["token"])
    return None if job is None or job.session_ended() else job


async def _state(request: Request) -> Response:
    job = _job(request)
    what: dict[str, str | int | float] = {"state": "gone"}
    if job is not None:
        waits = job.state == "waiting" and job.before
        what = {
            "state": job.state,
            "share": round(job.share, 4),
            "size": job.size,
            "text": place_text(job.before) if waits else job.error,
        }
    return JSONResponse(what, headers={"cache-control": "no-store"})


async def _end(request: Request) -> Response:
    job = _job(request)
    if job is not None:
        job.cancel()
    return Response(status_code=204)


async def _content(request: Request) -> Response:
    job = _job(request)
    if job is None:
        return _nothing(404, _GONE)
    if request.method == "HEAD":
        return Response(headers=_headers(job) if job.state == "ready" else None)
    if not job.claim():
        return _nothing(409, "This file is not written yet, or is being downloaded already.")
    return _Sent(job)


def _nothing(status: int, text: str) -> Response:
    return PlainTextResponse(text, status, {"cache-control": "no-store"})


def _headers(job: ExportJob) -> dict[str, str]:
    name = job.name.encode("ascii", "replace").decode().translate({ord(c): "_" for c in '"\\?'})
    return {
        "content-type": MIME_TYPES.get(PurePath(job.name).suffix, "application/octet-stream"),
        "content-length": str(job.size),
        "content-disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''"
        + quote(job.name, safe=""),
        # Compressed again, a large file would take a core, and show no progress in the browser.
        "content-encoding": "identity",
        "cache-control": "no-store",
    }


class _Sent(Response):
    """The content of a claimed file, some at a time; what was sent whole is deleted."""

    def __init__(self, job: ExportJob) -> None:
        super().__init__(headers=_headers(job))
        self.job = job

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        complete = False
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            start = 0
            while start < self.job.size and not gone.done():
                part = await run_in_threadpool(self.job.read, start, _CHUNK)
                if not part:
                    return
                start += len(part)
                await send({"type": "http.response.body", "body": part, "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                complete = True
        finally:
            gone.cancel()
            self.job.release(complete)


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
