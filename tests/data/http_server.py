"""A real HTTP server on the loopback address that can be told to misbehave."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """Files by path, and faults: each answers one request, in order, before good service.

    Faults are ``cut:N`` (N bytes, then the connection is closed), ``flip`` (one wrong byte),
    ``status:N``, ``stall:N`` (N bytes, then silence), ``drip`` (a byte at a time), ``long``
    (more than the file), ``no-range`` (ignores Range), ``wrong-range``, ``no-length``
    (the end of the body is that of the connection), ``hang`` (no answer).
    """

    files: dict[str, bytes]
    faults: list[str] = field(default_factory=list)
    always: str = ""
    ranges: list[str] = field(default_factory=list)
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        site = self.site
        site.ranges.append(self.headers.get("Range", ""))
        fault, _, value = (site.faults.pop(0) if site.faults else site.always).partition(":")
        if fault == "hang":
            site.stop.wait(30)
            self.close_connection = True
            return
        body = site.files.get(self.path.split("?")[0].lstrip("/"))
        if fault == "status" or body is None:
            self.send_error(int(value) if fault == "status" else 404)
            return
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and fault != "no-range":
            start = int(asked[1])
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            shown = start + 7 if fault == "wrong-range" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        body = body[start:]
        if fault == "flip":
            body = body[:50] + bytes([body[50] ^ 0xFF]) + body[51:]
        if fault == "long":
            body += b"x" * 100_000
        if fault == "no-length":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        # What some servers say of a .tar.gz; the bytes must stay as they are.
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if fault in ("cut", "stall"):
            self.wfile.write(body[: int(value)])
            self.wfile.flush()
            if fault == "stall":
                site.stop.wait(30)
            self.close_connection = True
        elif fault == "drip":
            for i in range(len(body)):
                self.wfile.write(body[i : i + 1])
                self.wfile.flush()
                if site.stop.wait(0.05):
                    break
            self.close_connection = True
        else:
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that give up are what is being tested


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], site: object) -> Iterator[str]:
    """Have a handler with the attribute ``site`` serve on a free port; the address."""
    with _Server(("127.0.0.1", 0), type("Handler", (handler,), {"site": site})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Site]:
    """Serve files from memory on a free port of the loopback address."""
    site = Site(files)
    with serving(_Handler, site) as site.url:
        try:
            yield site
        finally:
            site.stop.set()
