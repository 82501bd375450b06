"""Streamlit's own scripts and styles, compressed: a third of the bytes of a first visit."""

from __future__ import annotations

from typing import Any

from starlette.middleware.gzip import GZipMiddleware

PACKED = (".js", ".css", ".ttf", ".svg")
"""Endings of files that shrink; pictures, fonts in WOFF2 and exports do not."""


class PackedFiles:
    """ASGI middleware that compresses static files for browsers that accept it."""

    def __init__(self, app: Any) -> None:
        self.plain = app
        self.packed = GZipMiddleware(app, minimum_size=1024, compresslevel=6)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""
        app = self.packed if "/static/" in path and path.endswith(PACKED) else self.plain
        await app(scope, receive, send)
