"""Units of a table's columns: as astropy reads them, with logarithms and common spellings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from radioviz.images.quiet import quiet

if TYPE_CHECKING:
    from astropy.units import UnitBase

_LOGARITHM = re.compile(
    r"(?:\[\s*(?P<cds>.+?)\s*\]|(?:log|log10|dex|lg)\s*\(\s*(?P<log>.+?)\s*\))$", re.I
)
_SPELLINGS = (
    (re.compile(r"\bbm\b|\bBEAM\b|\bBeam\b"), "beam"),
    (re.compile(r"\bJY\b"), "Jy"),
    (re.compile(r"\b(?:asec|arcs|arcsecs|arcseconds?|ARCSEC|Arcsec)\b|^(?:\"|″|'')$"), "arcsec"),
    (re.compile(r"\b(?:amin|arcm|arcmins|arcminutes?|ARCMIN|Arcmin)\b|^(?:'|′)$"), "arcmin"),
    (re.compile(r"\b(?:degs|degrees?|DEG|Deg|DEGREES?|Degrees?)\b|°"), "deg"),
    (re.compile(r"\b(?:milli-?jansky|millijy|mJanskys?)\b", re.I), "mJy"),
    (re.compile(r"\bjanskys?\b", re.I), "Jy"),
    (re.compile(r"\bradians?\b|\bRAD\b"), "rad"),
    (re.compile("[µμ]"), "u"),
)  # fmt: skip


@lru_cache(maxsize=1000)
def parse_unit(text: str) -> UnitBase | None:
    """Unit of a column; ``[mJy]`` (VizieR) and ``log(mJy)`` are logarithmic. None if unknown."""
    from astropy import units as u

    plain = text.strip()
    if len(plain) > 100:
        return None
    if match := _LOGARITHM.match(plain):
        inner = parse_unit(match["cds"] or match["log"])
        return None if inner is None or hasattr(inner, "physical_unit") else u.dex(inner)
    for pattern, spelling in _SPELLINGS:
        plain = pattern.sub(spelling, plain)
    for form in (None, "cds", "vounit"):
        try:
            with quiet():
                return u.Unit(plain, format=form)
        except (ValueError, TypeError):
            continue
    return None


def convert(values: Sequence[float] | np.ndarray, unit: UnitBase, to: str) -> np.ndarray | None:
    """Values in another unit, logarithms as plain numbers; None where they cannot be converted."""
    from astropy import units as u

    array = np.asarray(values, dtype=float)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(unit.to(u.Unit(to), array), dtype=float)
    except (ValueError, TypeError, u.UnitConversionError):
        return None
