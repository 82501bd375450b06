"""A cutout server on loopback that speaks the services' protocols over a synthetic sky.

It answers honestly, or as ``behaviour`` says: slowly, with errors, with half a file, with
a page, with another place of the sky.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
from astropy.io import fits

# Gaussian sources of the sky: RA, Dec [deg], peak [Jy/beam].
SKY = [(150.0 + i, 2.0 + 0.5 * i, 0.01 * (i + 1)) for i in range(40)]


def sky_image(
    ra: float, dec: float, pixels: int, scale: float, beam: float = 45.0, cards: bool = True
) -> bytes:
    """A FITS cutout of the synthetic sky, as an honest service makes it."""
    y, x = np.mgrid[:pixels, :pixels]
    east = -(x - (pixels - 1) / 2) * scale
    north = (y - (pixels - 1) / 2) * scale
    data = np.random.default_rng(int(ra * 1e4)).normal(0, 1e-4, (pixels, pixels))
    for sra, sdec, peak in SKY:
        de = (sra - ra) * np.cos(np.radians(sdec)) * 3600
        dn = (sdec - dec) * 3600
        if abs(de) < pixels * scale and abs(dn) < pixels * scale:
            sigma = beam / 2.3548
            data += peak * np.exp(-((east - de) ** 2 + (north - dn) ** 2) / (2 * sigma**2))
    header = fits.Header()
    header.update(
        {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec,
            "CRPIX1": (pixels + 1) / 2, "CRPIX2": (pixels + 1) / 2,
            "CDELT1": -scale / 3600, "CDELT2": scale / 3600,
        }
    )  # fmt: skip
    if cards:
        header.update({"BUNIT": "JY/BEAM", "SURVEY": "NVSS"})
    out = io.BytesIO()
    fits.PrimaryHDU(data.astype(np.float32), header).writeto(out)
    return out.getvalue()


@dataclass
class Asked:
    """One request as the protocol puts it."""

    path: str
    query: dict[str, str]
    ra: float
    dec: float
    pixels: int
    scale: float
    count: int  # requests for this position so far, this one included


@dataclass
class Server:
    """The running server and what it has seen."""

    base: str
    behaviour: Callable[[Asked, BaseHTTPRequestHandler], bool] | None = None
    requests: list[tuple[float, Asked]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    seen: Counter[tuple[float, float]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def hips2fits(self) -> str:
        return f"{self.base}/hips-image-services/hips2fits"

    @property
    def skyview(self) -> str:
        return f"{self.base}/current/cgi/runquery.pl"

    @property
    def firstcutout(self) -> str:
        return f"{self.base}/cgi-bin/firstcutout"

    @property
    def lotss(self) -> str:
        return f"{self.base}/dr2-cutout.fits"


def _understand(path: str, query: dict[str, str]) -> tuple[float, float, int, float]:
    """RA, Dec [deg], pixels and arcsec a pixel; KeyError or ValueError for what is no request."""
    if path.endswith("hips2fits"):
        if query["format"] != "fits" or query["projection"] != "TAN" or not query["hips"]:
            raise ValueError("format, projection, hips")
        pixels = int(query["width"])
        if int(query["height"]) != pixels:
            raise ValueError("height")
        return float(query["ra"]), float(query["dec"]), pixels, float(query["fov"]) * 3600 / pixels
    if path.endswith("runquery.pl"):
        if query["Return"] != "FITS" or query["Coordinates"] != "J2000":
            raise ValueError("Return, Coordinates")
        ra, dec = map(float, query["Position"].split(","))
        pixels = int(query["Pixels"])
        return ra, dec, pixels, float(query["Size"]) * 3600 / pixels
    if path.endswith("firstcutout"):
        hours, dec_text = query["RA"].split()
        return float(hours) * 15, float(dec_text), round(float(query["ImageSize"]) * 60 / 1.8), 1.8
    if path.endswith("dr2-cutout.fits"):
        ra_text, dec_text = query["pos"].split()
        return float(ra_text), float(dec_text), round(float(query["size"]) * 60 / 1.5), 1.5
    raise KeyError(path)


def send(
    handler: BaseHTTPRequestHandler,
    content: bytes,
    status: int = 200,
    kind: str = "image/fits",
    length: int | None = None,
    **headers: str,
) -> None:
    """One answer; ``length`` lies about its own."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server for a while."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
            with server.lock:
                server.under_way += 1
                server.most_under_way = max(server.most_under_way, server.under_way)
            try:
                self._answer(parts.path, query)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                with server.lock:
                    server.under_way -= 1

        def _answer(self, path: str, query: dict[str, str]) -> None:
            try:
                ra, dec, pixels, scale = _understand(path, query)
            except (KeyError, ValueError) as error:
                content = json.dumps({"title": "Bad request", "description": str(error)}).encode()
                send(self, content, 400, "application/json")
                return
            with server.lock:
                place = (round(ra, 5), round(dec, 5))
                server.seen[place] += 1
                asked = Asked(path, query, ra, dec, pixels, scale, server.seen[place])
                server.requests.append((time.monotonic(), asked))
            if server.behaviour is not None and server.behaviour(asked, self):
                return
            plain = "hips2fits" in path  # hips2fits says neither unit nor survey
            send(self, sky_image(ra, dec, pixels, scale, cards=not plain))

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that hang up are part of the tests."""

    with Quiet(("127.0.0.1", 0), Handler) as http:
        server = Server(f"http://127.0.0.1:{http.server_address[1]}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
