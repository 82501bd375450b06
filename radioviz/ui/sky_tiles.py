"""Tiles of local HiPS for the sky viewer, behind the guard as every route."""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from radioviz.data.catalogue import Catalogue
from radioviz.errors import RadioVizError
from radioviz.export.local_hips import FOLDER, hips_folder, local_hips
from radioviz.paths import cache_folder

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

PREFIX = "sky-hips"
_KEY = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(r"properties|Moc\.fits|Norder\d{1,2}/(Dir\d{1,10}/Npix\d{1,12}|Allsky)\.fits")
_making: dict[str, threading.Thread] = {}
_lock = threading.Lock()


def hips_address(catalogue: Catalogue, row: int) -> str:
    """Address of the HiPS of an image, relative to the app.

    Its tiles are made while the browser loads the viewer; requests for them wait.
    """
    folder = hips_folder(catalogue, row)
    if not (folder / "properties").is_file():
        with _lock:
            if folder.name not in _making:
                thread = threading.Thread(target=_make, args=(catalogue, row), daemon=True)
                _making[folder.name] = thread
                thread.start()
    return f"{PREFIX}/{folder.name}"


def _make(catalogue: Catalogue, row: int) -> None:
    try:
        with suppress(RadioVizError, OSError):  # its tiles are missing, then
            local_hips(catalogue, row)
    finally:
        with _lock:
            _making.pop(hips_folder(catalogue, row).name, None)


def routes() -> list[Route]:
    """Routes for :class:`streamlit.starlette.App`."""
    from starlette.routing import Route
    from streamlit import config, url_util

    base = url_util.make_url_path(config.get_option("server.baseUrlPath") or "", PREFIX)
    return [Route(base + "/{key}/{file:path}", _tile, methods=["GET"])]


async def _tile(request: Request) -> Response:
    """A tile or the properties of a HiPS; 404 for any other name."""
    from starlette.responses import FileResponse, PlainTextResponse

    key, file = (str(request.path_params[name]) for name in ("key", "file"))
    while (thread := _making.get(key)) is not None and thread.is_alive():
        await asyncio.sleep(0.02)
    path = cache_folder() / FOLDER / key / file
    if not (_KEY.fullmatch(key) and _FILE.fullmatch(file) and path.is_file()):
        return PlainTextResponse("no such tile", 404)
    return FileResponse(path, media_type="text/plain" if file == "properties" else "image/fits")
