"""Chosen hosts in a ``.radioviz`` file: the host of each source, and where it is from.

.. code-block:: json

    {"data_set": "first", "source_id": "first-7", "host": "NGC 1", "host_ra": 1.5, "host_dec": -2.0,
     "host_redshift": 0.1, "host_origin": "NED objdir; core with an error of 0.5 arcsec"}

A file may come from anybody, so every value is checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from radioviz.errors import SelectionError

TEXTS = {"host": 300, "host_origin": 1000}
"""Texts of a host and how long they may be."""
NUMBERS = {
    "host_ra": (0.0, 360.0), "host_dec": (-90.0, 90.0), "host_separation": (0.0, 3600.0),
    "host_magnitude": (-50.0, 50.0), "host_redshift": (-1.0, 100.0), "host_reliability": (0.0, 1.0),
}  # fmt: skip
"""Numbers of a host and their range; all but the first two may be missing."""


def sound_host(host: Mapping[str, Any]) -> dict[str, Any]:
    """A host as a file takes it: without numbers such as 99 or -999 that stand for unknown ones."""
    texts = {n: str(host[n])[:longest] for n, longest in TEXTS.items() if n in host}
    ranges = {n: r for n, r in NUMBERS.items() if n in host}
    return texts | {n: host[n] for n, (low, high) in ranges.items() if low <= host[n] <= high}


def checked_host(entry: dict[str, Any], source: str) -> dict[str, Any]:
    """A host of a session file, with nothing but what it should hold.

    Raises SelectionError if a part is missing or of another kind; the message says which.
    """
    out: dict[str, Any] = {}
    for name, longest in TEXTS.items():
        value = entry.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest or not is_whole(value):
            raise SelectionError(
                f"the host of '{source}': \"{name}\" is {str(value)[:80]!r}; expected text of at "
                f"most {longest:,} characters"
            )
        out[name] = value
    for name, (low, high) in NUMBERS.items():
        value = entry.get(name)
        if value is None and name not in ("host_ra", "host_dec"):
            continue
        number = value if isinstance(value, int | float) else math.nan
        if isinstance(value, bool) or not low <= number <= high:
            raise SelectionError(
                f"the host of '{source}': \"{name}\" is {str(value)[:80]!r}; expected {low:g} to "
                f"{high:g}"
            )
        out[name] = float(number)
    return out


def is_whole(text: str) -> bool:
    """False for text with half a character (a lone surrogate), which cannot be stored."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)
