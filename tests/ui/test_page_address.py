"""Documents say where the app is served; everything else passes as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from radioviz.ui.page_address import ELEMENTS, PageAddress, element_scripts, home_route

PAGE = b"<!doctype html><html><head><title>x</title></head></html>"


def answer(
    body: bytes,
    kind: bytes,
    *,
    accept: bytes = b"text/html",
    method: str = "GET",
    status: int = 200,
) -> tuple[dict[str, Any], bytes, list[Any]]:
    """Head and body of an answer in two pieces, and the request's headers as the app saw them."""
    seen: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body[:9], "more_body": True})
        await send({"type": "http.response.body", "body": body[9:]})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/latent_map",
             "headers": [(b"accept", accept), (b"accept-encoding", b"gzip")]}  # fmt: skip
    asyncio.run(PageAddress(app)(scope, None, send))
    return sent[0], b"".join(m["body"] for m in sent[1:]), seen


def test_a_document_says_where_the_app_is() -> None:
    head, body, seen = answer(PAGE, b"text/html; charset=utf-8")
    assert body.startswith(b"<!doctype html><html><head><script>window.__streamlit=")
    assert b"new URL('./',location.href)" in body and b"<title>x</title>" in body
    assert dict(head["headers"])[b"content-length"] == str(len(body)).encode()
    assert b"accept-encoding" not in dict(seen)  # a packed document could not be changed


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (b"image/png", {}),
        (b"text/html", {"accept": b"application/json"}),
        (b"text/html", {"method": "POST"}),
        (b"text/html", {"status": 404}),
    ],
)
def test_other_answers_pass(kind: bytes, more: dict[str, Any]) -> None:
    head, body, _ = answer(PAGE, kind, **more)
    assert body == PAGE and dict(head["headers"])[b"content-length"] == b"57"


def test_a_bookmark_of_the_home_page_opens_it() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/overview", "headers": [],
             "query_string": b"data=mirabest&workspace=x"}  # fmt: skip
    asyncio.run(home_route()(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 307
    assert dict(sent[0]["headers"])[b"location"] == b"./?data=mirabest&workspace=x"


def test_scripts_of_every_page_come_with_the_document() -> None:
    scripts = element_scripts()
    for kind in (*ELEMENTS, "Input"):  # the last one is what others need
        assert any(name.startswith(f"{kind}.") for name in scripts), kind
    there = scripts[0].encode()
    page = PAGE.replace(b"</head>", b'<link href="./static/js/' + there + b'"></head>')
    _, body, _ = answer(page, b"text/html")
    assert all(body.count(name.encode()) == 1 for name in scripts)
    assert body.index(scripts[1].encode()) < body.index(b"</head>")
