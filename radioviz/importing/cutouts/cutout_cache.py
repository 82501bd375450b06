"""Check that a service sent the requested cutout, and cache those that pass."""

from __future__ import annotations

import hashlib
import html
import json
import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from radioviz.errors import FetchError, ImageError
from radioviz.images.reading import SkyImage, read_image
from radioviz.importing.cutouts.services import CutoutRequest, CutoutService
from radioviz.paths import cache_folder
from radioviz.sky import separation_arcsec
from radioviz.store.atomic import atomic_file, report_unwritable

# The centre of an even-sized image lies half a pixel from a pixel centre; servers that cut
# their own pixels are off by up to one.
_PIXELS_OFF = 2.0
_MAX_SCALE_OFF = 4.0
_SMALLEST_FIELD = 0.5


def check_cutout(content: bytes, service: CutoutService, request: CutoutRequest) -> SkyImage:
    """The image in a response.

    Raises ImageError if it is not a FITS image, has no data, shows another position, or much less
    sky or much larger pixels than requested.
    """
    text = _text_of(content)
    if text is not None:
        raise ImageError(f"the service answers with text, not an image: {text}")
    image = read_image(content, name="the answer")
    data = image.data
    if float(np.nanmin(data)) == float(np.nanmax(data)):
        raise ImageError(
            f"all pixels are {float(np.nanmin(data)):g}: {service.survey} has no data there"
        )
    if image.position is None or image.pixel_scale is None:
        raise ImageError("the answer has no WCS, so its position is unknown")
    apart = float(
        separation_arcsec(
            np.array([request.ra]), np.array([request.dec]),
            np.array([image.position[0]]), np.array([image.position[1]]),
        )[0]
    )  # fmt: skip
    limit = _PIXELS_OFF * max(image.pixel_scale, request.scale)
    # A server that sends its own pixels cuts at the edge of its own image.
    limit = limit if service.exact else max(limit, request.field / 4)
    if apart > limit:
        raise ImageError(
            f"the answer shows ({image.position[0]:.4f}, {image.position[1]:+.4f}), "
            f"{_angle(apart)} away from the position requested"
        )
    if not 1 / _MAX_SCALE_OFF < image.pixel_scale / request.scale < _MAX_SCALE_OFF:
        raise ImageError(
            f"the answer has pixels of {image.pixel_scale:.4g} arcsec, not the "
            f"{request.scale:.4g} requested"
        )
    field = min(data.shape) * image.pixel_scale
    if field < _SMALLEST_FIELD * request.field:
        raise ImageError(
            f"the answer is {data.shape[1]} x {data.shape[0]} pixels ({_angle(field)}), not the "
            f"{_angle(request.field)} requested"
        )
    return image


def _angle(arcsec: float) -> str:
    if arcsec < 120:
        return f"{arcsec:.1f} arcsec"
    return f"{arcsec / 60:.1f} arcmin" if arcsec < 7200 else f"{arcsec / 3600:.1f} deg"


def _text_of(content: bytes) -> str | None:
    """Text of a web page, a JSON error or plain text; None where the content is none of them."""
    head = content[:200_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] not in (b"<", b"{"):
        if head and not head.startswith((b"SIMPLE", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8")):
            with suppress(UnicodeDecodeError):
                return _short(head[:300].decode("ascii"))
        return None
    text = head.decode("utf-8", "replace")
    if head[:1] == b"{":
        with suppress(ValueError, AttributeError):
            error = json.loads(text)
            return _short(f"{error.get('title', '')} {error.get('description', '')}")
        return _short(text)
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.S | re.I)
    body = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]+>", " ", text)
    return _short(html.unescape(f"{title[1] if title else ''} {body}"))


def _short(text: str) -> str:
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:200] or "(empty)"


class CutoutCache:
    """Cached cutouts, addressed by request and by content.

    ``requests/<hash of the request>.json`` names the SHA-256 of ``objects/<sha>.fits``: equal
    files are stored once, and a damaged one is detected and requested again.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "cutouts"

    def _request_file(self, service: CutoutService, request: CutoutRequest, address: str) -> Path:
        query = json.dumps([address, sorted(service.parameters(request).items())])
        name = hashlib.sha256(query.encode()).hexdigest()
        return self.folder / "requests" / name[:2] / f"{name}.json"

    def _object(self, sha: str) -> Path:
        return self.folder / "objects" / sha[:2] / f"{sha}.fits"

    def get(self, service: CutoutService, request: CutoutRequest, address: str) -> Path | None:
        """File of an earlier response; None where there is none, or it is damaged."""
        entry = self._request_file(service, request, address)
        try:
            sha = str(json.loads(entry.read_text("utf-8"))["sha256"])
            path = self._object(sha)
            if re.fullmatch(r"[0-9a-f]{64}", sha) and _sha256(path.read_bytes()) == sha:
                return path
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None

    def put(
        self, service: CutoutService, request: CutoutRequest, address: str, content: bytes
    ) -> Path:
        """Keep a response that passed the checks.

        Raises FetchError if the cache cannot be written.
        """
        sha = _sha256(content)
        path = self._object(sha)
        entry = self._request_file(service, request, address)
        text = json.dumps(
            {"sha256": sha, "service": service.key, "ra": request.ra, "dec": request.dec}
        )
        with report_unwritable(self.folder, FetchError, setting="RADIOVIZ_CACHE"):
            if not path.is_file() or _sha256(path.read_bytes()) != sha:
                with atomic_file(path) as scratch:
                    scratch.write_bytes(content)
            with atomic_file(entry) as scratch:
                scratch.write_bytes(text.encode())
        return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
