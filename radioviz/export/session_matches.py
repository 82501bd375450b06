"""Crossmatches in a ``.radioviz`` file: what was matched, and the joined cells.

.. code-block:: json

    {"about": {"name": "horton", "data_set": "first", "title": "horton.csv", "radius": 5.0},
     "cells": {"source_id": ["first-7"], "horton_matches": [1.0], "horton_fri": ["yes"]},
     "without": ["first-8"]}

A file may come from anybody, so every value is checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from radioviz.errors import SelectionError
from radioviz.workspace.crossmatch import HOW

MOST_CELLS = 400_000
"""Cells of one match that a file holds; larger ones are left out."""
MOST_MATCHES = 20
_TEXTS = ("name", "data_set", "version", "title", "how", "positions", "made", "sha256")
_WHOLE = ("asked", "matched", "several", "pairs", "rows", "placed", "shared")
_NUMBERS = ("radius", "chance", "chance_error", "offset_ra", "offset_dec")
_NAME = re.compile(r"[A-Za-z]\w{0,199}", re.ASCII)


def checked_match(entry: Any, number: int) -> dict[str, Any]:
    """A match of a session file, with nothing but what it should hold.

    Raises SelectionError if a part is missing or of another kind; the message says which.
    """

    def refuse(what: str) -> SelectionError:
        return SelectionError(f"crossmatch {number} of the file: {what}")

    parts = entry if isinstance(entry, dict) else {}
    about, cells, without = (parts.get(k) for k in ("about", "cells", "without"))
    if not isinstance(about, dict) or not isinstance(cells, dict) or not isinstance(without, list):
        raise refuse('expected "about", "cells" and "without"')
    out: dict[str, Any] = {}
    for name in _TEXTS:
        if not isinstance(about.get(name), str) or len(about[name]) > 500:
            raise refuse(f'"{name}" is {str(about.get(name))[:60]!r}; expected text')
        out[name] = about[name]
    if out["how"] not in HOW or not _NAME.fullmatch(out["name"]):
        raise refuse(f'"name" is {out["name"][:60]!r} and "how" {out["how"][:60]!r}')
    for name in _WHOLE:
        value = about.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
            raise refuse(f'"{name}" is {str(value)[:60]!r}; expected a whole number')
        out[name] = value
    for name in _NUMBERS:
        value = about.get(name)
        if not _is_number(value) and (value is not None or name == "radius"):
            raise refuse(f'"{name}" is {str(value)[:60]!r}; expected a number')
        out[name] = value
    notes = about.get("notes", [])
    out["notes"] = [str(note)[:500] for note in notes[:50]] if isinstance(notes, list) else []
    out["columns"] = _columns(about.get("columns"), out["name"], refuse)
    return {"about": out, "cells": _cells(cells, out["columns"], refuse), "without": _ids(without)}


def _columns(columns: Any, prefix: str, refuse: Any) -> dict[str, list[str]]:
    if not isinstance(columns, dict) or not 0 < len(columns) <= 250:
        raise refuse('"columns" is missing or too long')
    out = {}
    for name, about in columns.items():
        good = (
            isinstance(about, list) and len(about) == 6 and all(isinstance(t, str) for t in about)
        )
        if not _NAME.fullmatch(name) or not name.startswith(f"{prefix}_") or not good:
            raise refuse(f"column {name[:60]!r} is not described by six texts")
        if about[1] not in ("str", "float64") or not about[5].isdecimal():
            raise refuse(f"column {name[:60]!r} is of type {about[1][:20]!r}")
        out[name] = [text[:1000] for text in about]
    return out


def _cells(cells: Mapping[str, Any], columns: dict[str, list[str]], refuse: Any) -> dict[str, Any]:
    ids = cells.get("source_id")
    if not isinstance(ids, list) or not all(isinstance(s, str) for s in ids):
        raise refuse('"source_id" is not a list of texts')
    if len(ids) * len(columns) > MOST_CELLS:
        raise refuse(f"more than {MOST_CELLS:,} cells")
    out: dict[str, Any] = {"source_id": ids}
    for name, about in columns.items():
        values = cells.get(name)
        kind = (lambda v: isinstance(v, str)) if about[1] == "str" else _is_number
        if not isinstance(values, list) or len(values) != len(ids):
            raise refuse(f"column {name[:60]!r} has not {len(ids):,} cells")
        if not all(v is None or kind(v) for v in values):
            raise refuse(f"column {name[:60]!r} holds other cells than {about[1]}")
        out[name] = values
    return out


def _ids(values: list[Any]) -> list[str]:
    return [v for v in values[:1_000_000] if isinstance(v, str)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
