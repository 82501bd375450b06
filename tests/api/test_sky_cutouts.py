"""Cutouts of a service that runs here: kept, and what is said where it fails or is slow."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from mocpy import MOC

from radioviz.api import sky_cutouts
from radioviz.api.sky_cutouts import SURVEYS, sky_cutout, sky_footprint
from radioviz.data.sky_viewer import fetch_viewer, viewer_script
from radioviz.errors import FetchError

JPEG = b"\xff\xd8\xff\xe0 a picture"


class Service:
    """Answers as hips2fits does; ``fault`` is a status, or ``nonsense``."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.fault = ""
        self.content = JPEG
        self.url = ""


@contextmanager
def running() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            service.asked.append(parse_qs(urlsplit(self.path).query))
            if service.fault.isdecimal():
                self.send_error(int(service.fault))
                return
            content = b"<html>none</html>" if service.fault else service.content
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}/hips2fits"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    with running() as made:
        monkeypatch.setenv("RADIOVIZ_HIPS2FITS", made.url)
        monkeypatch.setenv("RADIOVIZ_MOCSERVER", made.url)
        yield made


def test_a_cutout_is_asked_for_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sky_cutout(SURVEYS[0], 150.25, -2.5, 90.0) == (JPEG, "image/jpeg")
    (asked,) = service.asked
    assert asked["ra"] == ["150.250000"] and asked["dec"] == ["-2.500000"]
    assert asked["fov"] == ["0.025000"] and asked["hips"] == [SURVEYS[0].key]
    assert asked["projection"] == ["TAN"] and asked["coordsys"] == ["icrs"]
    monkeypatch.setenv("RADIOVIZ_HIPS2FITS", "http://127.0.0.1:9/")  # no network any more
    assert sky_cutout(SURVEYS[0], 150.25, -2.5, 90.0) == (JPEG, "image/jpeg")
    with pytest.raises(
        FetchError,
        match=r"127\.0\.0\.1 cannot be reached .*a network is needed for cutouts of DSS2",
    ):
        sky_cutout(SURVEYS[1], 150.25, -2.5, 90.0)


def test_faults_are_said_and_not_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for fault, words in (("500", "answers 500"), ("nonsense", "sends no picture of")):
        service.fault = fault
        with pytest.raises(FetchError, match=words):
            sky_cutout(SURVEYS[0], 10.0, 10.0, 60.0)
    service.fault = ""
    assert sky_cutout(SURVEYS[0], 10.0, 10.0, 60.0)[0] == JPEG
    monkeypatch.setattr(sky_cutouts, "LARGEST", 4)
    with pytest.raises(FetchError, match="sends more than 4 bytes"):
        sky_cutout(SURVEYS[0], 11.0, 10.0, 60.0)
    monkeypatch.setattr(sky_cutouts, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setenv("RADIOVIZ_HIPS2FITS", address)
        with pytest.raises(FetchError, match="timed out"):
            sky_cutout(SURVEYS[0], 12.0, 10.0, 60.0)
    with pytest.raises(FetchError, match="no cutout of 60 arcsec at nan"):
        sky_cutout(SURVEYS[0], float("nan"), 10.0, 60.0)


def test_a_footprint_is_asked_for_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchError, match="sends no coverage map of NVSS"):
        sky_footprint(SURVEYS[3])  # a picture is none
    moc = io.BytesIO()
    cells = np.arange(3, dtype=np.uint64)
    MOC.from_healpix_cells(cells, 2, 2).serialize(format="fits").writeto(moc)
    service.content = moc.getvalue()
    assert sky_footprint(SURVEYS[3]) == moc.getvalue()
    assert service.asked[-1]["ID"] == ["CDS/P/NVSS"] and service.asked[-1]["get"] == ["moc"]
    monkeypatch.setenv("RADIOVIZ_MOCSERVER", "http://127.0.0.1:9/")  # no network any more
    assert sky_footprint(SURVEYS[3]) == moc.getvalue()
    with pytest.raises(FetchError, match=r"a network is needed for the footprint of VLASS 3 GHz"):
        sky_footprint(SURVEYS[4])


def test_the_viewer_is_unpacked_and_another_file_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import tarfile

    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    packed = tmp_path / "aladin-lite.tgz"
    for names, whole in ((("dist/aladin.js",), False), (("dist/aladin.js", "LICENSE"), True)):
        with tarfile.open(packed, "w:gz") as tar:
            for name in names:
                about = tarfile.TarInfo(f"package/{name}")
                about.size = 4
                tar.addfile(about, io.BytesIO(b"text"))
        if not whole:
            with pytest.raises(FetchError, match=r"not a package of aladin-lite"):
                fetch_viewer(packed)
            assert viewer_script() is None
    path = fetch_viewer(packed)
    assert viewer_script() == path and path.read_bytes() == b"text"
    assert (path.parent / "LICENSE").is_file()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="npm is not installed"):
        fetch_viewer()
