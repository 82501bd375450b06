"""Tiles of local HiPS for the sky viewer, behind the guard as every route."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from radioviz.export.local_hips import FOLDER
from radioviz.paths import cache_folder

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

PREFIX = "sky-hips"
_KEY = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(r"properties|Moc\.fits|Norder\d{1,2}/(Dir\d{1,10}/Npix\d{1,12}|Allsky)\.fits")


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
    path = cache_folder() / FOLDER / key / file
    if not (_KEY.fullmatch(key) and _FILE.fullmatch(file) and path.is_file()):
        return PlainTextResponse("no such tile", 404)
    return FileResponse(path, media_type="text/plain" if file == "properties" else "image/fits")
