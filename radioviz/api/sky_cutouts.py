"""Cutouts of sky surveys at other wavelengths, and where the surveys looked, from the CDS.

By hips2fits (Boch et al. 2020, ASPC 522, 239), and by the MOC server. Answers are kept, so that
each is asked for once and is there without a network.
"""

from __future__ import annotations

import hashlib
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from radioviz.errors import FetchError
from radioviz.paths import cache_folder
from radioviz.store.atomic import atomic_file

SERVICE = "https://alasky.cds.unistra.fr/hips-image-services/hips2fits"
"""``RADIOVIZ_HIPS2FITS`` names another one."""
FOOTPRINTS = "https://alasky.cds.unistra.fr/MocServer/query"
"""``RADIOVIZ_MOCSERVER`` names another one."""
PIXELS = 300
TIMEOUT = 20.0
"""Seconds without an answer."""
LARGEST = 5_000_000
"""Bytes of one picture."""
KEPT = 2_000
"""Pictures that are kept."""


@dataclass(frozen=True)
class SkySurvey:
    """A survey that is shown beside the radio image."""

    key: str  # identifier of its HiPS
    title: str
    credit: str


SURVEYS = (
    SkySurvey("CDS/P/PanSTARRS/DR1/color-z-zg-g", "Pan-STARRS1 g z",
              "Pan-STARRS1 Surveys (Chambers et al. 2016), STScI"),
    SkySurvey("CDS/P/DSS2/color", "DSS2",
              "Digitized Sky Survey, STScI/NASA, colour by the CDS"),
    SkySurvey("CDS/P/unWISE/color-W2-W1W2-W1", "unWISE W1 W2",
              "unWISE (Lang 2014; Meisner et al.), NASA/JPL-Caltech WISE"),
    SkySurvey("CDS/P/NVSS", "NVSS 1.4 GHz", "NVSS (Condon et al. 1998), NRAO"),
    SkySurvey("NRAO/P/VLASS-Quicklook-MedianStack", "VLASS 3 GHz",
              "VLASS (Lacy et al. 2020), NRAO"),
    SkySurvey("astron.nl/P/lotss_dr2_high", "LoTSS DR2 144 MHz",
              "LoTSS DR2 (Shimwell et al. 2022), ASTRON"),
)  # fmt: skip
"""Surveys with a HiPS, the usual first."""
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}


def sky_cutout(survey: SkySurvey, ra: float, dec: float, field: float) -> tuple[bytes, str]:
    """A picture of the sky, north up and east left: from the service, or as it was kept.

    Parameters
    ----------
    ra, dec : float
        ICRS in degrees.
    field : float
        Side in arcsec.

    Returns
    -------
    content : bytes
    kind : str
        ``image/jpeg`` or ``image/png``; the browser decodes it.

    Raises
    ------
    FetchError
        If it is not kept, and the service cannot be reached, is too slow, or sends no picture.
    """
    if not (math.isfinite(ra) and abs(dec) <= 90 and 0 < field <= 36_000):
        raise FetchError(f"no cutout of {field:g} arcsec at {ra:g}, {dec:g}")
    asked = {
        "hips": survey.key, "ra": f"{ra:.6f}", "dec": f"{dec:.6f}", "fov": f"{field / 3600:.6f}",
        "width": PIXELS, "height": PIXELS, "projection": "TAN", "coordsys": "icrs",
        "format": "jpg",
    }  # fmt: skip
    address = f"{os.environ.get('RADIOVIZ_HIPS2FITS', SERVICE)}?{urlencode(asked)}"
    folder = cache_folder() / "sky-cutouts"
    path = folder / f"{hashlib.sha256(urlencode(asked).encode()).hexdigest()[:32]}.picture"
    if path.is_file() and (kind := _kind(content := path.read_bytes())):
        return content, kind
    content = _fetched(address, f"cutouts of {survey.title}")
    kind = _kind(content)
    if not kind:
        host = urlsplit(address).hostname
        raise FetchError(
            f"{host} sends no picture of {survey.title}, but {content[:40]!r}; the survey may not "
            "cover this place"
        )
    _keep(folder, path, content)
    return content, kind


def sky_footprint(survey: SkySurvey) -> bytes:
    """Where a survey looked, as a multi-order coverage map in FITS: from the service, or as kept.

    Raises
    ------
    FetchError
        If it is not kept, and the service cannot be reached, is too slow, or sends something else.
    """
    asked = urlencode({"ID": survey.key, "get": "moc", "order": "9", "fmt": "fits"})
    address = f"{os.environ.get('RADIOVIZ_MOCSERVER', FOOTPRINTS)}?{asked}"
    folder = cache_folder() / "sky-footprints"
    path = folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.moc"
    if path.is_file():
        return path.read_bytes()
    content = _fetched(address, f"the footprint of {survey.title}")
    if not content.startswith(b"SIMPLE  =") or len(content) % 2880:
        raise FetchError(
            f"{urlsplit(address).hostname} sends no coverage map of {survey.title}, but "
            f"{content[:40]!r}"
        )
    _keep(folder, path, content)
    return content


def _kind(content: bytes) -> str:
    return next((kind for magic, kind in _PICTURES.items() if content.startswith(magic)), "")


def _fetched(address: str, what: str) -> bytes:
    import requests

    from radioviz.data.fetch import reason_of

    host = urlsplit(address).hostname
    content = bytearray()
    try:
        with requests.get(address, stream=True, timeout=(5.0, TIMEOUT)) as answer:
            if answer.status_code != 200:
                raise FetchError(f"{host} answers {answer.status_code} {answer.reason} for {what}")
            for block in answer.iter_content(1 << 16):
                content += block
                if len(content) > LARGEST:
                    raise FetchError(f"{host} sends more than {LARGEST:,} bytes for {what}")
    except requests.RequestException as error:
        raise FetchError(
            f"{host} cannot be reached ({reason_of(error)}); a network is needed for {what}, "
            "unless shown before"
        ) from error
    return bytes(content)


def _keep(folder: Path, path: Path, content: bytes) -> None:
    """Keep an answer, and delete the oldest beyond :data:`KEPT`."""
    with suppress(OSError):  # a full disk costs the copy alone
        with atomic_file(path) as scratch:
            scratch.write_bytes(content)
        held = sorted(folder.glob(f"*{path.suffix}"), key=lambda p: p.stat().st_mtime)
        for old in held[:-KEPT]:
            old.unlink(missing_ok=True)
