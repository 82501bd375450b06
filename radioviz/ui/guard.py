"""What every request has to pass: its Host and Origin, and whether it is a local one.

A browser on the same computer can be misused by any page that it has open: a foreign name that
resolves to 127.0.0.1 (DNS rebinding), another port of localhost, a frame. So each route, the
WebSocket included, answers only to a host name of this server and to its own origin. And not
everybody who connects from this computer started the app: on a machine with several accounts
only the account of the server may read paths and reach desktop programs through it.
"""

from __future__ import annotations

import asyncio
import hmac
import html
import ipaddress
import os
import secrets
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOCAL_HEADER = "x-radioviz-local"
"""Set to ``1`` on requests of the account that started the app; never taken from outside."""

COOKIE = "radioviz_start"
_LOOPBACK_NAMES = {"localhost", "ip6-localhost"}
_PROXIED = {
    "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    "x-forwarded-server", "x-real-ip", "x-client-ip", "x-original-forwarded-for",
    "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip",
}  # fmt: skip
"""Headers that a proxy adds: behind one, nobody counts as local."""

_MESSAGES = {
    "rerun_script", "stop_script", "app_heartbeat", "file_urls_request", "deferred_file",
    "dataframe_chunk",
}  # fmt: skip
"""What a session may ask for through its WebSocket."""


class Guard:
    """ASGI middleware that refuses foreign hosts, origins and frames, and marks local requests.

    Parameters
    ----------
    app : callable
        The ASGI application behind it.
    allowed_hosts : iterable of str, optional
        Host names besides loopback; ``*.example.org`` admits subdomains, ``*`` every host.
        None: Streamlit's option ``server.allowedHosts``.
    open_to_network : bool, optional
        Whether the server listens beyond loopback; then IP addresses and this machine's own names
        are admitted, too. None: from Streamlit's option ``server.address``.
    """

    def __init__(
        self,
        app: Any,
        allowed_hosts: Iterable[str] | None = None,
        open_to_network: bool | None = None,
    ) -> None:
        self.app = app
        self._hosts = None if allowed_hosts is None else [h.lower() for h in allowed_hosts]
        self._open = open_to_network

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]]
        reason = self._objection(headers)
        if reason:
            await _refuse(scope, send, reason)
            return
        # Pages see the headers of the WebSocket; other requests need not be looked up.
        local = scope["type"] == "websocket" and _is_own_account(scope, headers)
        kept = [(k, v) for k, v in scope["headers"] if k.lower() != LOCAL_HEADER.encode()]
        if local:
            kept.append((LOCAL_HEADER.encode(), b"1"))

        async def protected(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_answer(scope)]}
            await send(message)

        async def heard() -> Any:
            message = await receive()
            while scope["type"] == "websocket" and not _may_ask(message.get("bytes")):
                message = await receive()
            return message

        # The server ends and waits no longer: no error, which uvicorn would log with its traceback.
        with suppress(asyncio.CancelledError):
            await self.app({**scope, "headers": kept}, heard, protected)

    def _objection(self, headers: list[tuple[str, str]]) -> str:
        """Why a request is refused; empty if it is not."""
        hosts = [v for k, v in headers if k == "host"]
        origins = [v for k, v in headers if k == "origin"]
        if len(hosts) != 1 or not self._admits(_name(hosts[0])):
            shown = " and ".join(hosts)[:100] or "none"
            return (
                f"This server does not answer to the host '{shown}'. Start it with "
                "--server.allowedHosts NAME to admit a host name."
            )
        if any(urlsplit(o).netloc.lower() != hosts[0].lower() for o in origins):
            return f"A page of '{' and '.join(origins)[:100]}' may not use this server."
        fetched = dict(headers)
        foreign = fetched.get("sec-fetch-site") in ("cross-site", "same-site")
        if foreign and fetched.get("sec-fetch-mode") != "navigate":
            return "A page of another site may not use this server."
        return ""

    def _admits(self, name: str) -> bool:
        if name in _LOOPBACK_NAMES or name.endswith(".localhost"):
            return True
        address = _address(name)
        if address is not None and address.is_loopback:
            return True
        for pattern in _configured_hosts() if self._hosts is None else self._hosts:
            if pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])):
                return True
        if not (_listens_beyond_loopback() if self._open is None else self._open):
            return False
        # A name that rebinds is never an address; this machine's own names are not foreign.
        return address is not None or name in _own_names()


def _may_ask(content: bytes | None) -> bool:
    """Whether a session may send a message: of those that Streamlit obeys, the ones that pages use.

    The others clear the caches of every session, install programs beside the app, list the files
    of its folder, or watch them; only Streamlit's own menus send them, which
    ``client.toolbarMode`` hides.
    """
    from google.protobuf.message import DecodeError
    from streamlit.proto.BackMsg_pb2 import BackMsg

    if not content:
        return True
    try:
        message = BackMsg.FromString(content)
    except DecodeError:
        return True  # Streamlit ends the session
    kind = message.WhichOneof("type")
    if kind == "backend_operation_request":
        kind = message.backend_operation_request.WhichOneof("payload")
    return kind in _MESSAGES


def is_own_account(headers: Any) -> bool:
    """Whether a request came from the account that started the app, on this computer."""
    return headers.get(LOCAL_HEADER) == "1"


def start_token() -> str:
    """The secret of this start, for systems that do not say whose a connection is."""
    return _TOKEN


_TOKEN = os.environ.get("RADIOVIZ_START_TOKEN") or secrets.token_urlsafe(24)


def system_knows_accounts() -> bool:
    """Whether this system says which account a loopback connection belongs to."""
    return Path("/proc/net/tcp").exists()


def _is_own_account(scope: Any, headers: list[tuple[str, str]]) -> bool:
    if any(name in _PROXIED for name, _ in headers):
        return False
    client, server = scope.get("client"), scope.get("server")
    address = _address(client[0]) if client else None
    if address is None or not address.is_loopback:
        return False
    if system_knows_accounts():
        return bool(server) and _account_of(client, server) == os.getuid()
    return hmac.compare_digest(_given_token(scope, dict(headers)), _TOKEN)


def _account_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """User id that owns the client's end of a loopback connection (Linux, ``proc(5)``).

    Both addresses are compared, not the ports alone: 127.0.0.2 may use the port of 127.0.0.1.
    """
    wanted = [(_address(host), port) for host, port in (client, server)]
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # sl local_address rem_address st tx:rx tr:when retrnsmt uid ...
            fields = line.split()
            if [_end(text) for text in fields[1:3]] == wanted:
                return int(fields[7])
    return None


def _end(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address | None, int]:
    """Address and port of ``0100007F:2135``: words of 32 bits in the machine's byte order."""
    address, _, port = text.partition(":")
    packed = bytes.fromhex(address)
    words = [packed[i : i + 4] for i in range(0, len(packed), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return _address(str(ipaddress.ip_address(b"".join(words)))), int(port, 16)


def _given_token(scope: Any, headers: dict[str, str]) -> str:
    """The start token that a request carries: in its cookie or in the address."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        cookie = None
    return (query.get("token") or [cookie.value if cookie else ""])[0]


def _answer(scope: Any) -> list[tuple[bytes, bytes]]:
    """Headers of every answer."""
    ancestors = os.environ.get("RADIOVIZ_FRAME_ANCESTORS", "").strip() or "'none'"
    out = [
        (b"content-security-policy", f"frame-ancestors {ancestors}".encode("latin-1")),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
    ]
    if ancestors == "'none'":
        out.append((b"x-frame-options", b"DENY"))
    token = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
    if hmac.compare_digest(token, _TOKEN):
        cookie = f"{COOKIE}={_TOKEN}; Path=/; HttpOnly; SameSite=Strict"
        out.append((b"set-cookie", cookie.encode("latin-1")))
    return out


async def _refuse(scope: Any, send: Any, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        return
    body = f"<!doctype html><title>RadioViz</title><p>{html.escape(reason)}</p>".encode()
    head = [(b"content-type", b"text/html; charset=utf-8"), *_answer({})]
    await send({"type": "http.response.start", "status": 403, "headers": head})
    await send({"type": "http.response.body", "body": body})


def _name(host: str) -> str:
    """Host name of a Host header, in small letters, without port and brackets."""
    if "@" in host:  # a user's name, which no Host header has
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(name)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _configured_hosts() -> list[str]:
    from streamlit import config

    return [str(h).lower() for h in config.get_option("server.allowedHosts")]


def is_shared() -> bool:
    """Whether other people may use this server: it listens beyond its own computer, or
    ``RADIOVIZ_SHARED`` says so (behind a reverse proxy, or where users come by SSH tunnels).
    """
    said = os.environ.get("RADIOVIZ_SHARED", "").strip()
    return said not in ("", "0") or _listens_beyond_loopback()


def _listens_beyond_loopback() -> bool:
    from streamlit import config

    address = config.get_option("server.address") or "0.0.0.0"
    if address in _LOOPBACK_NAMES:
        return False
    found = _address(address)
    return found is None or not found.is_loopback


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, f"{name}.local", socket.getfqdn().lower()}
