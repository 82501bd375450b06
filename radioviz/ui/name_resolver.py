"""Resolve object names with Sesame at CDS: the one query that needs the network."""

from __future__ import annotations

import math
import os
import queue
import re
import threading
import urllib.error
import urllib.request
from urllib.parse import quote

from radioviz.errors import FetchError

TIMEOUT = 4.0  # seconds: Sesame answers within one when it can be reached
SESAME = "https://cds.unistra.fr/cgi-bin/nph-sesame/-oI/SNV?"
"""Plain answers of SIMBAD, NED and VizieR; ``RADIOVIZ_SESAME`` names another server."""

_PLACE = re.compile(r"^%J\s+([-+]?\d[\d.]*)\s+([-+]?\d[\d.]*)", re.MULTILINE)
_MOST_BYTES = 65_536


def resolve(name: str, timeout: float = TIMEOUT) -> tuple[float, float]:
    """ICRS position in degrees of an object by name (``3C 31``).

    Raises
    ------
    FetchError
        If Sesame cannot be reached within ``timeout`` seconds, or does not know the object.
    """
    name = " ".join(name.split())[:100]
    address = os.environ.get("RADIOVIZ_SESAME", SESAME) + quote(name)
    answers: queue.Queue[str | Exception] = queue.Queue()

    def request() -> None:
        try:
            with urllib.request.urlopen(address, timeout=timeout) as answer:
                answers.put(answer.read(_MOST_BYTES).decode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            answers.put(error)

    # Looking up the server's own address obeys no timeout, so the wait is bounded here.
    threading.Thread(target=request, daemon=True).start()
    try:
        found = answers.get(timeout=timeout)
    except queue.Empty:
        found = TimeoutError(f"no answer within {timeout:g} s")
    if isinstance(found, Exception):
        reason = getattr(found, "reason", found)
        raise FetchError(
            f"Could not resolve '{name}' with Sesame (CDS): {reason}. Without a network, "
            "type the position: degrees 116.785 +17.291, or sexagesimal 07:47:08.4 +17:17:27"
        ) from found
    place = _PLACE.search(found)
    if place is None:
        raise FetchError(
            f"Sesame (CDS) knows no object called '{name}'; check the name, or type its position"
        )
    ra, dec = float(place[1]), float(place[2])
    if not (math.isfinite(ra) and 0 <= ra < 360 and -90 <= dec <= 90):
        raise FetchError(f"Sesame (CDS) puts '{name}' at {ra} {dec}, which is not on the sky")
    return ra, dec
