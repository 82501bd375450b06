"""Foreign hosts, origins and frames are refused on every route; only the own account is local."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from radioviz.ui import guard
from radioviz.ui.guard import COOKIE, LOCAL_HEADER, Guard

ROUTES = [
    ("http", "/"), ("http", "/_stcore/health"), ("http", "/health"),
    ("http", "/_stcore/host-config"),
    ("http", "/media/abc.png"), ("http", "/_stcore/upload_file/a/b"),
    ("http", "/exports/secret"), ("http", "/exports/secret/state"),
    ("websocket", "/_stcore/stream"),
]  # fmt: skip


def ask(
    headers: dict[str, str],
    kind: str = "http",
    path: str = "/",
    query: str = "",
    client: tuple[str, int] = ("127.0.0.1", 50000),
    **options: Any,
) -> tuple[int, dict[str, str], dict[str, str]]:
    """Status (101 for an open WebSocket), headers of the answer, headers that the app saw."""
    seen: dict[str, str] = {}
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update({k.decode(): v.decode() for k, v in scope["headers"]})
        if kind == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": kind, "path": path, "query_string": query.encode(),
        "client": client, "server": ("127.0.0.1", 8501),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    options = {"allowed_hosts": [], "open_to_network": False} | options
    asyncio.run(Guard(app, **options)(scope, None, send))
    if kind == "websocket":
        return (101 if sent[0]["type"] == "websocket.accept" else 403), {}, seen
    answer = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], answer, seen


@pytest.mark.parametrize(("kind", "path"), ROUTES)
@pytest.mark.parametrize(
    ("headers", "welcome"),
    [
        ({"host": "localhost:8501"}, True),
        ({"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:8501"}, True),
        ({"host": "[::1]:8501", "origin": "http://[::1]:8501"}, True),
        ({"host": "evil.example:8501"}, False),
        ({"host": "localhost.evil.example"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "192.168.1.5:8501"}, False),
        ({"host": "evil.example@localhost"}, False),
        ({}, False),
        ({"host": "localhost:8501", "origin": "http://localhost:9999"}, False),
        ({"host": "localhost:8501", "origin": "http://evil.example"}, False),
        ({"host": "localhost:8501", "origin": "null"}, False),
        ({"host": "localhost:8501", "sec-fetch-site": "cross-site"}, False),
        ({"host": "localhost:8501", "sec-fetch-site": "same-site"}, False),
        ({"host": "localhost:8501", "sec-fetch-site": "same-origin"}, True),
    ],
)
def test_every_route_checks_host_and_origin(
    kind: str, path: str, headers: dict[str, str], welcome: bool
) -> None:
    status, _, seen = ask(headers, kind, path)
    assert status == ((101 if kind == "websocket" else 200) if welcome else 403)
    assert bool(seen) is welcome  # refused requests never reach the app


def test_a_link_from_another_site_opens_the_app() -> None:
    link = {"host": "localhost:8501", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert ask(link)[0] == 200


@pytest.mark.parametrize(
    ("host", "options", "welcome"),
    [
        ("radio.example.org", {"allowed_hosts": ["radio.example.org"]}, True),
        ("a.radio.example.org", {"allowed_hosts": ["*.radio.example.org"]}, True),
        ("aradio.example.org", {"allowed_hosts": ["*.radio.example.org"]}, False),
        ("any.example", {"allowed_hosts": ["*"]}, True),
        ("192.168.1.5:8501", {"open_to_network": True}, True),
        ("evil.example", {"open_to_network": True}, False),
    ],
)
def test_hosts_that_are_configured(host: str, options: dict[str, Any], welcome: bool) -> None:
    assert (ask({"host": host}, **options)[0] == 200) is welcome


def test_pages_cannot_be_framed(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ask({"host": "localhost"})[1]
    assert answer["content-security-policy"] == "frame-ancestors 'none'"
    assert answer["x-frame-options"] == "DENY"
    monkeypatch.setenv("RADIOVIZ_FRAME_ANCESTORS", "https://portal.example.org")
    answer = ask({"host": "localhost"})[1]
    assert answer["content-security-policy"] == "frame-ancestors https://portal.example.org"
    assert "x-frame-options" not in answer


def test_a_refusal_says_what_would_do_and_repeats_nothing_as_markup() -> None:
    status, answer, _ = ask({"host": "<script>alert(1)</script>"})
    assert (status, answer["content-type"]) == (403, "text/html; charset=utf-8")


def test_only_the_own_account_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {50000: os.getuid(), 50001: os.getuid() + 1}
    monkeypatch.setattr(guard, "_account_of", lambda client, server: owners.get(client[1]))
    monkeypatch.setattr(guard, "system_knows_accounts", lambda: True)

    def local(client: tuple[str, int], **headers: str) -> bool:
        seen = ask({"host": "localhost"} | headers, "websocket", client=client)[2]
        return guard.is_own_account(seen)

    assert local(("127.0.0.1", 50000))
    assert not local(("127.0.0.1", 50001))  # another account of this machine
    assert not local(("127.0.0.1", 50002))  # of nobody that the system knows
    assert not local(("192.168.1.5", 50000))
    assert not local(("127.0.0.1", 50001), **{LOCAL_HEADER: "1"})  # claimed, not so
    for name in ("x-forwarded-for", "via", "x-forwarded-host", "cf-connecting-ip", "forwarded"):
        assert not local(("127.0.0.1", 50000), **{name: "1.2.3.4"})


def test_the_start_token_where_the_system_knows_no_accounts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "system_knows_accounts", lambda: False)
    token = guard.start_token()
    _, answer, _ = ask({"host": "localhost"}, query=f"token={token}")
    assert answer["set-cookie"].startswith(f"{COOKIE}={token};")
    assert "HttpOnly" in answer["set-cookie"] and "SameSite=Strict" in answer["set-cookie"]
    cookie = {"host": "localhost", "cookie": f"{COOKIE}={token}"}
    assert guard.is_own_account(ask(cookie, "websocket")[2])
    for wrong in ("", "x", token[:-1]):
        seen = ask({"host": "localhost", "cookie": f"{COOKIE}={wrong}"}, "websocket")[2]
        assert not guard.is_own_account(seen)
        assert "set-cookie" not in ask({"host": "localhost"}, query=f"token={wrong}")[1]


def test_the_system_knows_whose_a_connection_is() -> None:
    import socket

    if not guard.system_knows_accounts():
        pytest.skip("this system does not say whose a connection is")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            ends = client.getsockname(), ("127.0.0.1", port)
            assert guard._account_of(*ends) == os.getuid()
            # Another loopback address with the same port is another connection.
            assert guard._account_of(("127.0.0.2", ends[0][1]), ends[1]) is None
            assert guard._account_of((f"::ffff:{ends[0][0]}", ends[0][1]), ends[1]) == os.getuid()


PAGES_ASK = (
    {"app_heartbeat": True}, {"rerun_script": {"query_string": "data=first"}},
    {"stop_script": True}, {"file_urls_request": {"file_names": ["a.fits"]}},
    {"backend_operation_request": {"dataframe_chunk": {}}},
    {"backend_operation_request": {"deferred_file": {"file_id": "1"}}},
)  # fmt: skip
NOBODY_ASKS = (
    {"clear_cache": True}, {"clear_cache": False},  # of all sessions
    {"backend_operation_request": {"install_skills": {}}},  # writes beside the app
    {"backend_operation_request": {"dismiss_skills_nudge": {}}},  # writes into the home
    {"backend_operation_request": {}},
    {"load_git_info": True},  # lists files of the app's folder
    {"set_run_on_save": True}, {"debug_shutdown_runtime": True},
)  # fmt: skip


def test_a_session_asks_for_its_own_pages_alone() -> None:
    from google.protobuf.json_format import ParseDict
    from streamlit.proto.BackMsg_pb2 import BackMsg

    def received(asked: dict[str, Any]) -> dict[str, Any]:
        content = ParseDict(asked, BackMsg()).SerializeToString()
        return {"type": "websocket.receive", "bytes": content}

    welcome: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        *map(received, PAGES_ASK),
        {"type": "websocket.receive", "bytes": b"\xff"},
        {"type": "websocket.receive", "text": "plain"},
        {"type": "websocket.disconnect", "code": 1000},
    ]
    refused = [received(asked) for asked in NOBODY_ASKS]
    waiting, heard = [welcome[0], *refused, *welcome[1:]], []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while waiting:
            heard.append(await receive())

    scope = {
        "type": "websocket", "path": "/_stcore/stream", "query_string": b"",
        "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 8501),
        "headers": [(b"host", b"localhost:8501")],
    }  # fmt: skip
    asyncio.run(Guard(app, allowed_hosts=[], open_to_network=False)(scope, receive, send))
    assert heard == welcome
