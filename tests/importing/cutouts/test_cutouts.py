"""Cutout services against a real server that is honest, slow, broken or lying."""

from __future__ import annotations

import gzip
import threading
import time

import numpy as np
import pytest
from cutout_server import SKY, send, sky_image

from radioviz.errors import FetchError
from radioviz.images.reading import read_fits
from radioviz.importing.cutouts import SERVICES, CutoutRequest, fetch_cutouts
from radioviz.importing.cutouts.cutout_cache import CutoutCache

NVSS = SERVICES["nvss"]
PATIENCE = {"timeout": 2.0, "attempts": 3, "pause": 0.01, "rate": 1000.0}


def _requests(n: int = 3, pixels: int = 24, scale: float = 15.0) -> list[CutoutRequest]:
    return [CutoutRequest(ra, dec, pixels, scale) for ra, dec, _ in SKY[:n]]


def _fetch(server, requests=None, service=NVSS, **options):
    base = options.pop("base", getattr(server, service.protocol))
    return list(
        fetch_cutouts(service, requests or _requests(), base=base, **{**PATIENCE, **options})
    )


def _always(answer):
    def behaviour(asked, handler) -> bool:
        answer(asked, handler)
        return True

    return behaviour


def _first(times: int, answer):
    """Misbehave for the first requests of each position, then be honest."""

    def behaviour(asked, handler) -> bool:
        if asked.count > times:
            return False
        answer(asked, handler)
        return True

    return behaviour


# -- honest ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(SERVICES))
def test_every_service_is_asked_in_its_own_words(server, key):
    service = SERVICES[key]
    dec = (service.south + service.north) / 2
    request = CutoutRequest(150.25, dec, 40, service.scale)
    (cutout,) = _fetch(server, [request], service)
    assert cutout.refused == ""
    image = read_fits(cutout.path)
    assert image.position == pytest.approx((150.25, dec), abs=1e-4)
    asked = server.requests[0][1]
    assert (asked.ra, asked.dec) == pytest.approx((150.25, dec), abs=1e-6)
    assert asked.pixels * asked.scale == pytest.approx(request.field, rel=0.02)


def test_addresses():
    assert NVSS.address() == "https://alasky.cds.unistra.fr/hips-image-services/hips2fits"
    assert SERVICES["lotss"].layer == "astron.nl/P/lotss_dr2_high"
    with pytest.raises(FetchError, match="must begin with http"):
        NVSS.address("file:///etc/passwd")


def test_address_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("RADIOVIZ_CUTOUTS_HIPS2FITS", server.hips2fits)
    assert all(c.path for c in _fetch(server, base=None))


def test_order_and_brightness(server):
    cutouts = _fetch(server, _requests(12))
    assert [c.index for c in cutouts] == list(range(12))
    for cutout, (_, _, peak) in zip(cutouts, SKY, strict=False):
        data = read_fits(cutout.path).data
        # The source lies between four pixels, 10.6 arcsec from each.
        between = peak * np.exp(-2 * 7.5**2 / (2 * (45 / 2.3548) ** 2))
        assert np.nanmax(data) == pytest.approx(between, rel=0.05)


def test_the_cache_is_asked_first(server):
    first = _fetch(server)
    asked = len(server.requests)
    again = _fetch(server)
    assert len(server.requests) == asked == 3
    assert [c.path for c in again] == [c.path for c in first]
    assert all(c.cached for c in again)
    # Other pixels are another question.
    _fetch(server, _requests(3, pixels=30))
    assert len(server.requests) == 6


def test_equal_files_are_kept_once_and_damaged_ones_fetched_again(server, folders):
    content = sky_image(150.0, 2.0, 24, 15.0)
    server.behaviour = _always(lambda asked, handler: send(handler, content))
    near = [CutoutRequest(150.0, 2.0, 24, 15.0), CutoutRequest(150.0001, 2.0, 24, 15.0)]
    a, b = _fetch(server, near)
    assert a.path == b.path
    assert len(list((folders / "cache" / "cutouts" / "objects").rglob("*.fits"))) == 1
    a.path.write_bytes(b"damaged")
    server.behaviour = None
    (c,) = _fetch(server, near[:1])
    assert not c.cached
    assert read_fits(c.path).position == pytest.approx((150.0, 2.0), abs=1e-5)


def test_outside_of_the_survey_nothing_is_asked(server):
    (cutout,) = _fetch(server, [CutoutRequest(150.0, -60.0, 24, 15.0)])
    assert cutout.refused == "Dec -60.000 is outside NVSS (-40.5 to +90 deg)"
    assert not server.requests


# -- several at once, at a rate ----------------------------------------------------------


def test_concurrent_up_to_the_number_of_workers(server):
    def slow(asked, handler) -> bool:
        time.sleep(0.1)
        return False

    server.behaviour = slow
    cutouts = _fetch(server, _requests(16), workers=4)
    assert all(c.path for c in cutouts)
    assert 3 <= server.most_under_way <= 4


def test_never_faster_than_the_rate(server):
    _fetch(server, _requests(12), workers=8, rate=20.0)
    times = np.array(sorted(t for t, _ in server.requests))
    # Any ten intervals take ten times a twentieth of a second; arrivals jitter a little.
    assert times[-1] - times[0] > 11 / 20 * 0.9
    assert np.diff(times).mean() > 1 / 20 * 0.9


def test_cancelled_at_once(server):
    """Also while all answers hang."""
    stop = threading.Event()

    def slow(asked, handler) -> bool:
        if asked.ra > 151.5:
            stop.wait(20)
        return False

    server.behaviour = slow
    got: list[float] = []
    options = {**PATIENCE, "timeout": 30.0}
    for _ in fetch_cutouts(
        NVSS,
        _requests(30),
        base=server.hips2fits,
        cancelled=lambda: len(got) >= 2 and time.monotonic() - got[1] > 0.5,
        **options,
    ):
        got.append(time.monotonic())
    took = time.monotonic() - got[1]
    stop.set()
    assert len(got) == 2
    assert took < 12


# -- failing -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_failures_are_tried_again(server, status):
    server.behaviour = _first(
        2, lambda asked, handler: send(handler, b"busy", status, "text/plain")
    )
    assert all(c.path for c in _fetch(server))
    assert len(server.requests) == 9


def test_lasting_failures_are_listed_by_position(server):
    def bad(asked, handler) -> bool:
        if round(asked.ra) == 151:
            send(handler, b"", 500, "text/plain")
            return True
        return False

    server.behaviour = bad
    cutouts = _fetch(server)
    assert [bool(c.path) for c in cutouts] == [True, False, True]
    assert cutouts[1].refused == "the service answers 500 Internal Server Error, 3 times"


def test_refusals_are_not_tried_again(server):
    server.behaviour = _always(
        lambda asked, handler: send(
            handler, b'{"title": "HiPS not found"}', 404, "application/json"
        )
    )
    (cutout,) = _fetch(server, _requests(1))
    assert cutout.refused == 'the service answers 404 Not Found: {"title": "HiPS not found"}'
    assert len(server.requests) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed_by_all_threads(server, form):
    from email.utils import formatdate

    def busy(asked, handler) -> bool:
        if len(server.requests) > 1:
            return False
        after = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
        send(handler, b"", 429, "text/plain", Retry_After=after)
        return True

    server.behaviour = busy
    assert all(c.path for c in _fetch(server, _requests(4)))
    times = [t for t, _ in server.requests]
    assert times[1] - times[0] > 0.8


def test_a_pause_beyond_patience_is_said(server):
    server.behaviour = _always(
        lambda asked, handler: send(handler, b"", 503, "text/plain", Retry_After="86400")
    )
    start = time.monotonic()
    (cutout,) = _fetch(server, _requests(1))
    assert "requests a pause of 86,400 s" in cutout.refused
    assert time.monotonic() - start < 20


def test_truncated_answers_are_tried_again(server):
    def half(asked, handler) -> None:
        content = sky_image(asked.ra, asked.dec, asked.pixels, asked.scale)
        send(handler, content[: len(content) // 2], length=len(content))
        handler.close_connection = True

    server.behaviour = _first(1, half)
    assert all(c.path for c in _fetch(server))
    server.behaviour = _always(half)
    (cutout,) = _fetch(server, [CutoutRequest(155.0, 3.0, 24, 15.0)])
    assert "breaks off" in cutout.refused
    assert cutout.refused.endswith("3 times")


def test_truncated_files_of_honest_length_are_tried_again(server):
    def half(asked, handler) -> None:
        send(handler, sky_image(asked.ra, asked.dec, asked.pixels, asked.scale)[:4000])

    server.behaviour = _first(1, half)
    assert all(c.path for c in _fetch(server))


def test_slow_answers_run_into_the_time_out(server):
    release = threading.Event()

    def hang(asked, handler) -> None:
        release.wait(60)
        handler.close_connection = True

    server.behaviour = _always(hang)
    start = time.monotonic()
    (cutout,) = _fetch(server, _requests(1), timeout=0.3, attempts=2)
    release.set()
    assert cutout.refused == "no answer within 0.3 s, 2 times"
    assert time.monotonic() - start < 20


def test_a_trickle_does_not_outlast_the_time_out(server):
    release = threading.Event()

    def trickle(asked, handler) -> None:
        content = sky_image(asked.ra, asked.dec, asked.pixels, asked.scale)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        for i in range(600):
            handler.wfile.write(content[i : i + 1])
            handler.wfile.flush()
            release.wait(0.1)
        handler.close_connection = True

    server.behaviour = _always(trickle)
    start = time.monotonic()
    (cutout,) = _fetch(server, _requests(1), timeout=0.5, attempts=1)
    release.set()
    assert "no complete answer within 0.5 s" in cutout.refused
    assert time.monotonic() - start < 20


def test_endless_answers_are_cut_off(server, monkeypatch):
    from radioviz.importing.cutouts import download

    monkeypatch.setattr(download, "MAX_ANSWER", 100_000)
    server.behaviour = _always(lambda asked, handler: send(handler, bytes(300_000)))
    (cutout,) = _fetch(server, _requests(1))
    assert cutout.refused == "the answer exceeds 100,000 bytes"


# -- lying -------------------------------------------------------------------------------


def _image(asked, **changes) -> bytes:
    facts = {"ra": asked.ra, "dec": asked.dec, "pixels": asked.pixels, "scale": asked.scale}
    return sky_image(**{**facts, **changes})


def _blank(asked, value: float) -> bytes:
    import io

    from astropy.io import fits

    with fits.open(io.BytesIO(_image(asked))) as hdus:
        hdus[0].data[:] = value
        out = io.BytesIO()
        hdus.writeto(out)
    return out.getvalue()


def _without_wcs(asked) -> bytes:
    import io

    from astropy.io import fits

    out = io.BytesIO()
    fits.PrimaryHDU(np.random.default_rng(1).normal(size=(24, 24)).astype("f4")).writeto(out)
    return out.getvalue()


_HTML = (
    b"<!DOCTYPE html><html><head><title>SkyView error</title></head><body><p>No survey</p></body>"
)
LIES = {
    "html": (lambda a: _HTML, "text, not an image: SkyView error No survey"),
    "script": (lambda a: b"<script>alert(1)</script>Sorry", "not an image: Sorry"),
    "json": (
        lambda a: b'{"title": "Error", "description": "overload"}',
        "not an image: Error overload",
    ),
    "text": (lambda a: b"Requested coordinate is not in the survey", "Requested coordinate is not"),
    "garbage": (lambda a: bytes(range(128, 256)) * 30, "not a FITS file"),
    "elsewhere": (lambda a: _image(a, dec=a.dec + 0.2), "12.0 arcmin away from the position"),
    "other side": (lambda a: _image(a, ra=(a.ra + 180) % 360), "deg away from the position"),
    "small": (lambda a: _image(a, pixels=6), r"the answer is 6 x 6 pixels \(90.0 arcsec\)"),
    "coarse": (
        lambda a: _image(a, scale=a.scale * 10),
        "has pixels of 150 arcsec, not the 15 requested",
    ),
    "zeros": (lambda a: _blank(a, 0.0), "all pixels are 0: NVSS has no data there"),
    "nan": (lambda a: _blank(a, np.nan), "NaN"),
    "no wcs": (_without_wcs, "no WCS"),
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_lies_are_refused_and_never_cached(server, lie, folders):
    make, expected = LIES[lie]
    server.behaviour = _always(lambda asked, handler: send(handler, make(asked)))
    (cutout,) = _fetch(server, _requests(1))
    import re

    assert cutout.path is None
    assert re.search(expected, cutout.refused), cutout.refused
    assert "<" not in cutout.refused
    assert len(server.requests) == 1
    assert not (folders / "cache" / "cutouts").exists()
    server.behaviour = None
    assert _fetch(server, _requests(1))[0].path is not None


def test_gzipped_answers_are_read(server):
    server.behaviour = _always(
        lambda asked, handler: send(handler, gzip.compress(_image(asked)), kind="application/gzip")
    )
    (cutout,) = _fetch(server, _requests(1))
    assert cutout.refused == ""


def test_a_server_with_pixels_of_its_own_may_be_off_by_some(server):
    """FIRST and LoTSS cut their own pixels, less at the edge of a field."""
    lotss = SERVICES["lotss-server"]
    request = CutoutRequest(150.0, 30.0, 100, 2.0)
    server.behaviour = _always(
        lambda asked, handler: send(handler, _image(asked, dec=asked.dec + 20 / 3600, pixels=110))
    )
    (cutout,) = _fetch(server, [request], lotss)
    assert cutout.refused == ""


# -- no network --------------------------------------------------------------------------


def test_no_network_is_one_clear_sentence():
    """A port at which nobody listens."""
    start = time.monotonic()
    with pytest.raises(FetchError) as caught:
        list(fetch_cutouts(NVSS, _requests(50), base="http://127.0.0.1:9/x", **PATIENCE))
    text = str(caught.value)
    assert text.startswith("NVSS (hips2fits) at 127.0.0.1:9 cannot be reached: ")
    assert "the rest of RadioViz works without the network" in text
    assert time.monotonic() - start < 30


def test_unknown_host():
    with pytest.raises(FetchError, match="cannot be reached"):
        list(fetch_cutouts(NVSS, _requests(5), base="http://no.such.host.invalid/x", **PATIENCE))


def test_a_network_that_goes_away_keeps_what_was_fetched(server):
    def gone(asked, handler) -> bool:
        handler.connection.shutdown(2)
        handler.close_connection = True
        return True

    base = server.hips2fits
    got = []
    with pytest.raises(FetchError, match="is no longer reachable"):
        for cutout in fetch_cutouts(NVSS, _requests(30), base=base, workers=1, **PATIENCE):
            got.append(cutout)
            if len(got) == 3:
                server.behaviour = gone
    fetched = [c for c in got if c.path]
    assert len(fetched) >= 3
    cache = CutoutCache()
    assert cache.get(NVSS, _requests(3)[2], base) is not None


def test_one_position_without_a_connection_is_its_own_failure(server):
    def gone(asked, handler) -> bool:
        if round(asked.ra) not in (152, 153):
            return False
        handler.connection.shutdown(2)
        handler.close_connection = True
        return True

    server.behaviour = gone
    cutouts = _fetch(server, _requests(6))
    assert [c.index for c in cutouts] == list(range(6))
    assert [bool(c.path) for c in cutouts] == [True, True, False, False, True, True]


def test_a_cache_that_cannot_be_written(server, folders):
    (folders / "cache").write_text("in the way")
    with pytest.raises(FetchError, match="RADIOVIZ_CACHE"):
        _fetch(server, _requests(1))
