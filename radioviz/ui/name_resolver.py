"""Resolve object names with Sesame at CDS: the one query that needs the network.

The servers are those of :mod:`astropy.coordinates.name_resolve`, in its order, with its database.
The answer is read here, because astropy takes one of any length and turns a right ascension of 900
degrees into 180 without a word. What was resolved once is kept, also for work without a network.
"""

from __future__ import annotations

import math
import os
import queue
import re
import threading
import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from urllib.parse import quote, urlsplit

from radioviz.errors import FetchError
from radioviz.paths import make_folder, user_data_folder
from radioviz.store.atomic import write_json
from radioviz.store.records import read_json_object

TIMEOUT = 4.0  # seconds: Sesame answers within one when it can be reached
FRESH = 90 * 86_400.0  # seconds: databases improve, so an older position is asked for again

_PLACE = re.compile(r"^%J\s+([-+]?\d[\d.]*)\s+([-+]?\d[\d.]*)\b.*\n", re.MULTILINE)
_NOTHING = re.compile(r"^#!", re.MULTILINE)  # what a database says that does not know the name
_MOST_BYTES = 65_536
_MOST_NAMES = 5_000
_FILE = "resolved-names.json"
_lock = threading.Lock()


def resolve(name: str, timeout: float = TIMEOUT) -> tuple[float, float]:
    """ICRS position in degrees of an object by name (``3C 31``).

    Raises FetchError if no server of Sesame answers within ``timeout`` seconds and the name was
    never resolved before, or the object is unknown.
    """
    name = " ".join(name.split())[:100]
    kept = _kept().get(name.casefold())
    if kept is not None and 0 <= time.time() - kept[2] < FRESH:
        return kept[0], kept[1]
    try:
        found = _asked(name, timeout)
    except FetchError:
        if kept is None:
            raise
        return kept[0], kept[1]
    place = _PLACE.search(found)
    if place is None:
        raise FetchError(
            f"Sesame (CDS) knows no object called '{name}'; check the name, or type its position"
        )
    ra, dec = float(place[1]), float(place[2])
    if not (math.isfinite(ra) and 0 <= ra < 360 and -90 <= dec <= 90):
        raise FetchError(f"Sesame (CDS) puts '{name}' at {ra} {dec}, which is not on the sky")
    _keep(name, ra, dec)
    return ra, dec


def _addresses(name: str) -> list[str]:
    """The query at each server; ``RADIOVIZ_SESAME`` names another one, up to the name."""
    if own := os.environ.get("RADIOVIZ_SESAME"):
        return [own + quote(name)]
    from astropy.coordinates.name_resolve import sesame_database, sesame_url

    first = sesame_database.get()[0].upper()
    database = "SNV" if first == "A" else first
    servers = {urlsplit(url).netloc: url for url in reversed(sesame_url.get())}
    return [f"{u.rstrip('/')}/-oI/{database}?{quote(name)}" for u in reversed(servers.values())]


def _asked(name: str, timeout: float) -> str:
    """What the first server that answers says."""
    answers: queue.Queue[str | Exception] = queue.Queue()
    addresses = _addresses(name)

    def request(address: str) -> None:
        try:
            with urllib.request.urlopen(address, timeout=timeout) as answer:
                content = answer.read(_MOST_BYTES)
                whole = answer.headers.get("Content-Length", "")
            if whole.isdecimal() and len(content) < min(int(whole), _MOST_BYTES):
                raise ValueError(f"the answer ends after {len(content)} of {whole} bytes")
            text = content.decode("utf-8", "replace")
            if not _PLACE.search(text) and not _NOTHING.search(text):
                raise ValueError("not a whole answer of Sesame; does this network need a login?")
            answers.put(text)
        except (OSError, ValueError, HTTPException) as error:
            answers.put(error)

    # Looking up a server's own address obeys no timeout, nor does an answer that comes byte by
    # byte, so the wait is bounded here. The mirror is asked when the first one fails or is slow.
    failure: Exception = TimeoutError(f"no answer within {timeout:g} s")
    end = time.monotonic() + timeout
    for asked, address in enumerate(addresses, start=1):
        threading.Thread(target=request, args=(address,), daemon=True).start()
        share = (end - time.monotonic()) / (len(addresses) - asked + 1)
        with suppress(queue.Empty):
            found = answers.get(timeout=max(0.0, share))
            if isinstance(found, str):
                return found
            failure = found
    reason = getattr(failure, "reason", None) or failure
    raise FetchError(
        f"Could not resolve '{name}' with Sesame (CDS): {reason}. Without a network, "
        "type the position: degrees 116.785 +17.291, or sexagesimal 07:47:08.4 +17:17:27"
    ) from failure


def _kept() -> dict[str, tuple[float, float, float]]:
    """Positions and times by name, of earlier answers."""
    try:
        held = read_json_object(user_data_folder() / _FILE)
        return {
            str(name): (float(ra), float(dec), float(when))
            for name, (ra, dec, when) in held.items()
        }
    except (OSError, ValueError, TypeError):
        return {}  # there is none yet, or it is damaged: names are asked for again


def _keep(name: str, ra: float, dec: float) -> None:
    with _lock, suppress(OSError):  # without write access a name is asked for again
        held = {**_kept(), name.casefold(): (ra, dec, time.time())}
        for old in sorted(held, key=lambda n: held[n][2])[:-_MOST_NAMES]:
            del held[old]
        make_folder(user_data_folder())
        write_json(user_data_folder() / _FILE, {n: list(v) for n, v in held.items()})
