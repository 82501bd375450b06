"""What the document says before Streamlit's client starts: where the app is, history, scripts.

One press of Back undoes one change of the reader. A page that is opened adds to its address what
the link left out; Streamlit makes that an entry of its own in the browser's history, from which
Back leads to the same page again. Until the reader touches the page, what is added takes the
place of the entry before.

Opened at ``/latent_map``, Streamlit's client first looks for the server below that address, and
the browser logs two answers of 404. It looks nowhere else once the document says where to.

Streamlit's client asks for the script of a kind of element when it meets the first one, and for
what that script needs when it has it: half a second in which the page is there and empty. The
document names those of every page, so that they come with the client itself. Meanwhile grey boxes
shimmer in their places, and each picture of that takes time from what they wait for: they are
still here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

ELEMENTS = (
    "BidiComponent", "Button", "Checkbox", "FileUploader", "Html", "NumberInput", "Selectbox",
    "TextArea", "TextInput",
)  # fmt: skip
"""Kinds of elements that every page has, or the map, by the name of Streamlit's script."""

_SCRIPT = (
    b"<script>window.__streamlit=Object.assign({},window.__streamlit,"
    b"{BACKEND_BASE_URL:new URL('./',location.href).href});"
    b"(()=>{const push=history.pushState;let touched=false;"
    b"for(const kind of ['pointerdown','keydown'])"
    b"addEventListener(kind,()=>{touched=true},{capture:true,passive:true});"
    b"addEventListener('popstate',()=>{touched=false});"
    b"history.pushState=function(state,unused,to){"
    b"const next=new URL(to??location.href,location.href),"
    b"here=next.pathname===location.pathname,"
    b"adds=here&&!touched&&[...new URLSearchParams(location.search)]"
    b".every(([name,value])=>next.searchParams.get(name)===value);"
    b"touched=here&&touched;"
    b"return adds?history.replaceState(state,unused,to):push.call(history,state,unused,to)}})()"
    b"</script>"
    b"<style>[data-testid=stAppSkeleton],[data-testid=stAppSkeleton] *,[data-testid=stSkeleton]"
    b"{animation:none!important}</style>"
)


@cache
def element_scripts() -> tuple[str, ...]:
    """File names of the scripts of :data:`ELEMENTS`, and of what they need."""
    import streamlit

    folder = Path(streamlit.__file__).parent / "static" / "static" / "js"
    wanted = [file.name for name in ELEMENTS for file in sorted(folder.glob(f"{name}.*.js"))]
    found: dict[str, None] = {}
    while wanted:
        name = wanted.pop()
        if name not in found and (file := folder / name).is_file():
            found[name] = None
            wanted += re.findall(r'\b(?:from|import)"\./([\w.-]+\.js)"', file.read_text("utf-8"))
    return tuple(sorted(found))


def home_route() -> Route:
    """``/overview``, as bookmarks and other pages' addresses suggest: Streamlit has it at ``/``."""
    from streamlit import config, url_util

    base = config.get_option("server.baseUrlPath") or ""
    return Route(url_util.make_url_path(base, "overview"), _home)


async def _home(request: Request) -> RedirectResponse:
    return RedirectResponse(f"./?{request.url.query}")


class PageAddress:
    """ASGI middleware that adds the address to HTML documents."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(k.lower(), v) for k, v in scope.get("headers", ())]
        asked = any(k == b"accept" and b"text/html" in v for k, v in headers)
        if scope["type"] != "http" or scope["method"] != "GET" or not asked:
            await self.app(scope, receive, send)
            return
        plain = [(k, v) for k, v in headers if k != b"accept-encoding"]
        held: list[Any] = []

        async def changed(message: Any) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 200 and _is_html(message):
                    held.append({**message, "body": b""})
                    return
            elif held:
                held[0]["body"] += message.get("body", b"")
                if not message.get("more_body"):
                    await _send_document(held.pop(), send)
                return
            await send(message)

        await self.app({**scope, "headers": plain}, receive, changed)


def _is_html(message: Any) -> bool:
    kinds = [v for k, v in message.get("headers", ()) if k.lower() == b"content-type"]
    packed = any(k.lower() == b"content-encoding" for k, _ in message.get("headers", ()))
    return bool(kinds) and kinds[0].startswith(b"text/html") and not packed


async def _send_document(message: Any, send: Any) -> None:
    body = message.pop("body").replace(b"<head>", b"<head>" + _SCRIPT, 1)
    links = (
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">'.encode()
        for name in element_scripts()
        if name.encode() not in body
    )
    body = body.replace(b"</head>", b"".join(links) + b"</head>", 1)
    kept = [(k, v) for k, v in message["headers"] if k.lower() != b"content-length"]
    length = (b"content-length", str(len(body)).encode())
    await send({**message, "headers": [*kept, length]})
    await send({"type": "http.response.body", "body": body})
