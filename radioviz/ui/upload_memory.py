"""How much memory uploads may hold before their pages write them to the disk.

Streamlit keeps every uploaded file in memory, of any number and whether or not a page asked for
it, until its session ends or drops it. So one session could fill the memory of the server.
"""

from __future__ import annotations

import re
from typing import Any

import psutil
from streamlit import config, runtime

_PATH = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
_PART = 4  # all uploads may have one part in four of the machine's memory
_SESSION_PART = 2  # and one session so much of that


class UploadMemory:
    """ASGI middleware that refuses uploads beyond the limits of a session and of all.

    ``app``: the ASGI application behind it. ``most``: bytes of all sessions together; default a
    quarter of the machine's memory.
    """

    def __init__(self, app: Any, most: int | None = None) -> None:
        self.app = app
        self._most = psutil.virtual_memory().total // _PART if most is None else most
        self._coming: list[tuple[str, int]] = []  # session and bytes of uploads that are sent now

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match = _PATH.search(scope.get("path", ""))
        if scope["type"] != "http" or scope["method"] != "PUT" or match is None:
            await self.app(scope, receive, send)
            return
        upload = match[1], _announced(scope)
        if why := self._objection(*upload):
            head = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 413, "headers": head})
            await send({"type": "http.response.body", "body": why.encode()})
            return
        self._coming.append(upload)
        try:
            await self.app(scope, receive, send)
        finally:
            self._coming.remove(upload)

    def _objection(self, session: str, size: int) -> str:
        held = [*held_by_sessions(), *self._coming]
        for whose, there, most in (
            ("this session", sum(n for s, n in held if s == session), self._most // _SESSION_PART),
            ("all sessions", sum(n for _, n in held), self._most),
        ):
            if there + size > most:
                return (
                    f"{size / 1e6:,.1f} MB cannot be uploaded: uploads of {whose} hold "
                    f"{there / 1e6:,.1f} MB of the server's memory, and may hold "
                    f"{most / 1e6:,.0f} MB. Upload fewer files at a time."
                )
        return ""


def held_by_sessions() -> list[tuple[str, int]]:
    """Session and bytes of each upload that Streamlit keeps."""
    if not runtime.exists():
        return []
    manager = runtime.get_instance().uploaded_file_mgr
    storage = getattr(manager, "file_storage", {})
    return [(s, len(f.data)) for s, files in list(storage.items()) for f in list(files.values())]


def _announced(scope: Any) -> int:
    """Bytes of a request; of one that does not say, as many as an upload may have."""
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return int(config.get_option("server.maxUploadSize")) << 20
