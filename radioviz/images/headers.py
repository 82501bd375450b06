"""Read a FITS header: its values, and the celestial WCS.

Real headers are untidy: cards with control characters (SkyView), beams in HISTORY
(AIPS), units in capitals. They are read card by card, so that one bad card does not
affect the others. Problems are returned as notes, not warnings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from radioviz.errors import ImageError
from radioviz.images.all_sky import whole_sky
from radioviz.images.quiet import quiet
from radioviz.sky import celestial_frame

if TYPE_CHECKING:
    from astropy.io import fits
    from astropy.wcs import WCS

Value = str | float | int | bool


class Header:
    """Values of a FITS header by keyword; the first of each counts.

    ``cards``: 80 bytes each, without END. ``text``: all cards, one a line, with unprintable
    characters replaced by spaces. ``unprintable``: whether a card held such characters.
    """

    def __init__(self, cards: bytes) -> None:
        clean = _UNPRINTABLE.sub(b" ", cards)
        self.unprintable = clean != cards
        text = clean.decode("ascii")
        self._cards = [text[at : at + 80].rstrip() for at in range(0, len(text), 80)]
        self.text = "\n".join(self._cards)
        self._values: dict[str, str] = {}
        key = ""
        for card in self._cards:
            if card[8:10] in ("= ", "="):
                key = card[:8].rstrip()
                key = "" if key in self._values else key  # the first of each counts
                self._values.setdefault(card[:8].rstrip(), card)
            elif key and card.startswith("CONTINUE  ") and _INCOMPLETE.search(self._values[key]):
                self._values[key] = f"{self._values[key]:<80}{card:<80}"
            else:
                key = ""

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        """The keywords that have a value."""
        return iter(self._values)

    def get(self, key: str) -> Value | None:
        """Value of a keyword; None if it is absent, empty or unreadable."""
        from astropy.io.fits import Card, VerifyError

        if key not in self._values:
            return None
        try:
            value = Card.fromstring(self._values[key]).value
        except (VerifyError, ValueError):
            return None
        return value if isinstance(value, str | int | float) else None

    def integer(self, key: str, where: str, default: int | None = None) -> int:
        """A whole number; ``where`` begins the message.

        Raises ImageError if it is missing without a ``default``, or not a whole number.
        """
        value = self.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if key in self:
            written = self._values[key][10:].split("/")[0].strip(" '")
            raise ImageError(
                f"{where}: {key} = {written[:30]!r} is not an integer; the header is damaged"
            )
        if default is None:
            raise ImageError(f"{where}: {key} is missing; the header is damaged")
        return default

    def number(self, key: str) -> float | None:
        """Value as a finite number, in quotes or not; None otherwise."""
        value = self.get(key)
        try:
            number = math.nan if value is None else float(value)
        except (ValueError, OverflowError):
            return None
        return number if math.isfinite(number) and not isinstance(value, bool) else None

    def string(self, key: str) -> str:
        """Value as text, stripped; empty if there is none."""
        value = self.get(key)
        return "" if value is None else str(value).strip()

    def comment(self, key: str) -> str:
        """The comment behind a value; empty if there is none."""
        from astropy.io.fits import Card, VerifyError

        try:
            return str(Card.fromstring(self._values[key]).comment) if key in self else ""
        except (VerifyError, ValueError):
            return ""

    def history(self) -> Iterator[str]:
        """The text of HISTORY cards."""
        return (c[8:].strip() for c in self._cards if c.startswith("HISTORY "))

    def comments(self) -> Iterator[str]:
        """The text of COMMENT and HISTORY cards."""
        return (c[8:].strip() for c in self._cards if c.startswith(("COMMENT ", "HISTORY ")))

    def renamed(self, names: Mapping[str, str]) -> Header:
        """The header with cards under other keywords; those that had these names are gone."""
        cards = []
        for card in self._cards:
            key = card[:8].rstrip()
            if key not in names.values():
                cards.append(f"{names.get(key, key):8}{card[8:]:72}")
        return Header("".join(cards).encode("ascii"))

    def image_header(self) -> Header:
        """Of a tile-compressed image: the cards of the image, without those of its table."""
        cards = []
        for card in self._cards:
            if match := _RENAMED.match(card):
                name = "XTENSION" if match[1] == "TENSION" else match[1]
                card = f"{name:8}{card[8:]}"
            elif _TABLE.match(card):
                continue
            cards.append(f"{card:80}")
        return Header("".join(cards).encode("ascii"))


_INCOMPLETE = re.compile(r"&' *(?:/[^']*)?$")  # the end of a text that CONTINUE cards complete
_UNPRINTABLE = re.compile(rb"[^ -~]")
_RENAMED = re.compile(r"Z(TENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|SIMPLE|EXTEND|BLOCKED)(?=[ =])")
_TABLE = re.compile(
    "(?:XTENSION|BITPIX  |NAXIS|PCOUNT|GCOUNT|TFIELDS|TTYPE|TFORM|TSCAL|TZERO|TNULL|THEAP"
    "|ZIMAGE|ZTILE|ZCMPTYPE|ZNAME|ZVAL|ZQUANTIZ|ZDITHER0|ZHECKSUM|ZDATASUM|CHECKSUM|DATASUM)"
)


# -- WCS ---------------------------------------------------------------------------------

_WCS_CARD = re.compile(
    r"(?:(?:CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)[1-9]|(?:PC|CD|PV|PS)[1-9]_\d{1,2}"
    r"|PROJP\d|LONPOLE|LATPOLE|EQUINOX|EPOCH|RADESYS|RADECSYS|WCSAXES"
    r"|(?:A|B|AP|BP)_(?:ORDER|\d_\d))$"
)
# Older spellings of PCi_j and the like, with zeros (CASA, ASKAP, AIPS).
_PADDED = re.compile(r"(PC|CD|PV|PS)(?:00(\d)00(\d)|0?(\d)_0?(\d))$")
_MAX_ORDER = 9
_TEXT_CARD = re.compile(r"(?:CTYPE|CUNIT|PS)|RADE")
# Spellings of units that wcslib takes for others or for none.
_UNIT_NAMES = {
    "deg": "deg", "degs": "deg", "degree": "deg", "degrees": "deg", "arcsec": "arcsec",
    "arcsecs": "arcsec", "arcsecond": "arcsec", "arcseconds": "arcsec", "asec": "arcsec",
    "arcmin": "arcmin", "arcmins": "arcmin", "arcminute": "arcmin", "arcminutes": "arcmin",
    "mas": "mas", "rad": "rad", "rads": "rad", "radian": "rad", "radians": "rad",
}  # fmt: skip
_CELESTIAL = ("RA--", "DEC-", "GLON", "GLAT", "ELON", "ELAT")
SPECTRAL = (
    "FREQ", "VELO", "VRAD", "VOPT", "WAVE", "AWAV", "ZOPT", "FELO", "ENER", "STOKES", "TIME",
)  # fmt: skip


def find_wcs(header: Header, axes: int) -> tuple[WCS | None, str]:
    """Celestial two-axis WCS, or None with the reason.

    ``axes``: number of axes of the image; WCSAXES may name a few more.
    """
    from astropy.io import fits
    from astropy.wcs import WCS

    if not any(header.string(f"CTYPE{i}") for i in range(1, 10)):
        return None, "no WCS: position and pixel scale unknown"
    count = header.number("WCSAXES") or axes
    if not 2 <= count <= 9:
        return None, f"the WCS cannot be used (WCSAXES = {count:g})"
    distorted = all("-SIP" in header.string(f"CTYPE{i}") for i in (1, 2))
    cards = fits.Header()
    given = _wcs_keywords(header)
    for key, written in given.items():
        if key[:2] in ("A_", "B_", "AP", "BP") and not distorted:
            continue
        if _TEXT_CARD.match(key):
            text = header.string(written)
            cards[key] = _UNIT_NAMES.get(text.lower(), text) if key[:5] == "CUNIT" else text
        elif (number := header.number(written)) is not None:
            if "ORDER" in key and not 0 <= number <= _MAX_ORDER:  # as many squared are made
                why = f"{key} = {number:g}, SIP allows {_MAX_ORDER}"
                return None, f"{why}: position and pixel scale unknown"
            cards[key] = int(number) if "ORDER" in key or key == "WCSAXES" else number
    cards["WCSAXES"] = int(max(count, axes))
    _complete_frame(header, cards)
    try:
        with quiet():
            wcs = WCS(cards, fix=True)
            if not wcs.has_celestial:
                return None, "no celestial WCS: position and pixel scale unknown"
            if wcs.naxis > 2:
                wcs = wcs.celestial
            wcs.wcs.set()
            longitude = wcs.wcs.ctype[wcs.wcs.lng]
            for i in range(1, axes + 1):
                length = header.number(f"NAXIS{i}")
                if length and header.string(f"CTYPE{i}") == longitude:
                    wcs = whole_sky(wcs, int(length))
    # wcslib and astropy raise a dozen kinds of errors for a malformed header.
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        return None, f"the WCS cannot be used ({reason}): position and pixel scale unknown"
    return wcs, ""


def _wcs_keywords(header: Header) -> dict[str, str]:
    """Keywords of a WCS in the spelling of the standard, and as the header writes each."""
    found: dict[str, str] = {}
    for key in header:
        plain = _PADDED.sub(lambda m: f"{m[1]}{m[2] or m[4]}_{m[3] or m[5]}", key)
        if _WCS_CARD.match(plain):
            found.setdefault(plain, key)
    return found


def _complete_frame(header: Header, cards: fits.Header) -> None:
    """Set RADESYS and EQUINOX where the header writes them in its own way (``'B1950.0'``)."""
    system = header.string("RADESYS") or header.string("RADECSYS")
    years = [header.string(key) for key in ("EQUINOX", "EPOCH")]
    year = next((y for y in years if y), "")
    if not (system or year[:1].isalpha()):
        return
    if (frame := celestial_frame(system, year)) is None:
        return
    names = {"ICRS": "ICRS", "FK5": "FK5", "FK4": "FK4", "FK4NoETerms": "FK4-NO-E"}
    if (name := names.get(type(frame).__name__)) is None:
        return
    for key in ("RADESYS", "RADECSYS", "EQUINOX", "EPOCH"):
        cards.remove(key, ignore_missing=True)
    cards["RADESYS"] = name
    if hasattr(frame, "equinox"):
        cards["EQUINOX"] = frame.equinox.byear if name[:3] == "FK4" else frame.equinox.jyear


def pixel_steps(header: Header, sky: tuple[int, int]) -> tuple[float, float] | None:
    """Arcsec per pixel along the two sky axes, from the linear part of the WCS alone.

    A tenth of the cost of a full WCS, which only units other than degrees need. None if the
    header has no linear part.
    """
    first, second = (axis + 1 for axis in sky)
    if not header.string(f"CTYPE{first}"):
        return None
    units = [header.string(f"CUNIT{i}").lower() for i in (first, second)]
    if any(_UNIT_NAMES.get(unit, unit) not in ("", "deg") for unit in units):
        return _steps_of_wcs(header, max(first, second))
    steps = []
    written = _wcs_keywords(header)
    for j in (first, second):
        parts = []
        for i in (first, second):
            if any(f"CD{a}_{b}" in written for a in (first, second) for b in (first, second)):
                parts.append(header.number(written.get(f"CD{i}_{j}", "")) or 0.0)
            else:
                pc = header.number(written.get(f"PC{i}_{j}", ""))
                pc = float(i == j) if pc is None else pc
                parts.append((header.number(f"CDELT{i}") or 0.0) * pc)
        steps.append(math.hypot(*parts) * 3600.0)
    return (steps[0], steps[1]) if min(steps) > 0 else None


def _steps_of_wcs(header: Header, axes: int) -> tuple[float, float] | None:
    from astropy.wcs.utils import proj_plane_pixel_scales

    wcs, _ = find_wcs(header, axes)
    if wcs is None:
        return None
    first, second = (float(step) * 3600.0 for step in proj_plane_pixel_scales(wcs))
    return first, second


def sky_axes(header: Header, axes: Sequence[int]) -> tuple[int, int] | None:
    """FITS numbers (from 0) of the two sky axes; None if there are no such axes.

    By CTYPE if the header has celestial axes, otherwise the first two longer than 1.
    """
    names = [header.string(f"CTYPE{i + 1}").upper() for i in range(len(axes))]
    celestial = [i for i, n in enumerate(names) if n in ("RA", "DEC") or n[:4] in _CELESTIAL]
    if len(celestial) == 2:
        return celestial[0], celestial[1]
    long = [i for i, length in enumerate(axes) if length > 1]
    candidates = [i for i in long if not names[i].startswith(SPECTRAL)]
    if len(candidates) < 2:
        return None
    return candidates[0], candidates[1]
