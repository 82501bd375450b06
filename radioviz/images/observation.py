"""How an image was observed, as its header says: unit, beam, frequency, noise, primary beam."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from radioviz.images.headers import Header
from radioviz.images.known_surveys import Beam, known_survey

# -- unit --------------------------------------------------------------------------------

_JANSKY = r"(?:(?P<{0}>micro|milli|nano|kilo|[munkMUµμ]?)[ -]?(?:jan?sky[s]?|jy))"
_PER_BEAM = r"(?:beam|bm|b)"
_JY_BEAM = re.compile(
    _JANSKY.format("p")
    + rf"(?:\s*(?:/|per)\s*\(?{_PER_BEAM}\)?|[ .*]*{_PER_BEAM}(?:\s*(?:\*\*|\^)?[({{]?-1[)}}]?)?)"
    + rf"|{_PER_BEAM}(?:\s*(?:\*\*|\^)?[({{]?-1[)}}]?)[ .*]*"
    + _JANSKY.format("q"),
    re.IGNORECASE,
)
_PREFIX = {
    "": 1.0, "m": 1e-3, "milli": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "micro": 1e-6,
    "n": 1e-9, "nano": 1e-9, "k": 1e3, "kilo": 1e3,
}  # fmt: skip
JY_BEAM = "Jy/beam"


def brightness_unit(text: str) -> tuple[float, str, str]:
    """Factor to Jy/beam, unit of the result, and a note (empty without problems).

    ``text``: BUNIT as written. ``JY/BEAM``, ``mJy/beam``, ``uJy beam-1``, ``beam-1 Jy``, ``JY/B``,
    ``1e-3 Jy/beam``, ``Jy beam^{-1}`` ... are converted; any other unit is kept, with factor 1.
    Capitals without case (``MJY/BEAM``) are milli: nothing in the sky has 1e6 Jy in a beam.
    """
    unit = text.strip()
    if not unit:
        return 1.0, "", "no unit (BUNIT): no flux density can be measured"
    plain = unit.replace("⁻¹", "-1").replace("−", "-").replace("·", " ")
    times, rest = _leading_number(plain)
    if match := _JY_BEAM.fullmatch(rest):
        prefix = match["p"] if match["p"] is not None else match["q"]
        if prefix.upper() in ("M", "U") and rest == rest.upper():
            prefix = prefix.lower()
        if len(prefix) > 1:
            prefix = prefix.lower()
        if times and prefix in _PREFIX:
            factor = times * _PREFIX[prefix]
            note = "" if factor == 1 else f"converted from {unit} to Jy/beam"
            return factor, JY_BEAM, note
    return 1.0, unit, f"unit '{unit}' is not Jy/beam: no flux density can be measured"


def _leading_number(unit: str) -> tuple[float, str]:
    """The number before a unit (``1e-3``, ``10-3``, ``10**-3``), 1 without one; and the rest."""
    match = re.match(r"(10(?:\*\*|\^)?[({]?([+-]\d+)[)}]?|\d+\.?\d*(?:[eE][+-]?\d+)?)[ *x]+", unit)
    if not match:
        return 1.0, unit
    times = 10.0 ** int(match[2]) if match[2] else float(match[1])
    return (times if math.isfinite(times) else 0.0), unit[match.end() :].strip()


# -- beam --------------------------------------------------------------------------------

# AIPS writes degrees:  HISTORY AIPS   CLEAN BMAJ=  1.5000E-03 BMIN=  1.5000E-03 BPA=   0.00
# and adverbs, arcsec:  HISTORY CONVL BMAJ=  45.0000 BMIN=  45.0000 BPA=   0.0/Output beam
_HISTORY_BEAM = re.compile(
    r"BMAJ *= *([\d.eE+-]+) *(deg|arcsec)?[ ,]+BMIN *= *([\d.eE+-]+)"
    r"(?: *(?:deg|arcsec)?[ ,]+BPA *= *([\d.eE+-]+))?",
    re.IGNORECASE,
)
_WIDEST_DEGREES = 1.0  # of an image of unknown size


def find_beam(
    header: Header, width: float | None = None, pixel: float = 0.0
) -> tuple[Beam | None, str]:
    """Beam of a header, and a note where its words were not taken literally.

    ``header``: BMAJ, BMIN, BPA in degrees count first, then the last beam of an AIPS history. The
    angle is NaN where a long beam is given without one.
    ``width``: longer side of the image in arcsec: a beam that is wider is none. One that would be
    too wide in degrees, but not in arcsec, is in arcsec. ``pixel``: arcsec per pixel, 0 if unknown.
    """
    why = ""
    for major, minor, angle, unit in _written_beams(header):
        if not 0 < minor <= major < math.inf:
            continue
        angle = 0.0 if major == minor and math.isnan(angle) else angle % 180.0
        widest = _WIDEST_DEGREES * 3600 if width is None else width
        degrees = major * 3600 <= widest
        arcsec = pixel <= major <= (math.inf if width is None else width)
        if arcsec and unit == "arcsec":
            return Beam(major, minor, angle), ""
        if degrees:
            return Beam(major * 3600.0, minor * 3600.0, angle), ""
        if arcsec and width is not None:
            text = f"a beam of {major:g} degrees is wider than the image: taken as arcsec"
            return Beam(major, minor, angle), text
        size = f"{major:g} {unit or 'degrees'}"
        why = why or f"a beam of {size} in the header is wider than the image: left unknown"
    return None, why


def _written_beams(header: Header) -> Iterator[tuple[float, float, float, str]]:
    """Major and minor axis, position angle and unit of each beam, in order of trust."""
    for names in (("BMAJ", "BMIN", "BPA"), ("CLEANBMJ", "CLEANBMN", "CLEANBPA")):
        major, minor, angle = (header.number(name) for name in names)
        if major is not None:
            said = re.search(r"arc ?sec|\bdeg", header.comment(names[0]), re.IGNORECASE)
            # Degrees are said beside numbers in arcsec too.
            unit = "arcsec" if said and said[0][:3].lower() == "arc" else ""
            known = math.nan if angle is None else angle
            yield major, major if minor is None else minor, known, unit
    last = None
    for line in header.comments():
        if match := _HISTORY_BEAM.search(line):
            try:
                sizes = float(match[1]), float(match[3]), float(match[4] or math.nan)
            except ValueError:
                continue
            written = (match[2] or "").lower()
            in_degrees = written == "deg" or ("CLEAN" in line.upper() and not written)
            if sizes[0] > 0:
                last = (*sizes, "" if in_degrees else "arcsec")
    if last:
        yield last


# -- frequency, noise, primary beam ------------------------------------------------------

# SkyView writes: COMMENT Frequency:   1.4 GHz Continuum
_FREQUENCY = re.compile(r"Frequency: *([\d.]+) *([MG])Hz", re.IGNORECASE)
_HERTZ = {"hz": 1e-9, "khz": 1e-6, "mhz": 1e-3, "ghz": 1.0, "thz": 1e3}


def find_frequency(header: Header, plane: Mapping[int, int] | None = None) -> float | None:
    """Observing frequency in GHz, from the header's axes, keywords or SkyView comments.

    ``plane`` gives the pixel (from 0) along the axes (from 0) that are not on the sky.
    """
    for axis in range(1, 10):
        name = header.string(f"CTYPE{axis}").upper()
        value = header.number(f"CRVAL{axis}")
        if value is None or not name.startswith(("FREQ", "SPECLNMF")):
            continue
        if name.startswith("FREQ"):  # the planes of SPECLNMF are no channels
            step = header.number(f"CDELT{axis}") or header.number(f"CD{axis}_{axis}") or 0.0
            reference = header.number(f"CRPIX{axis}")
            at = (plane or {}).get(axis - 1, 0) + 1
            value += (at - (at if reference is None else reference)) * step
        found = _gigahertz(value, header.string(f"CUNIT{axis}") or "Hz")
        if found:
            return found
    for key in ("RESTFRQ", "RESTFREQ", "OBSFREQ", "FREQ", "FREQUENC", "CRFREQ"):
        value = header.number(key)
        said = re.search(r"\b([kMGT]?Hz)\b", header.comment(key), re.IGNORECASE)
        if value and (found := _gigahertz(value, said[1] if said else "")):
            return found
    for line in header.comments():
        if match := _FREQUENCY.search(line):
            return float(match[1]) * (1.0 if match[2].upper() == "G" else 1e-3)
    return None


def _gigahertz(value: float, unit: str) -> float | None:
    """A frequency in GHz; without a unit, 1e6 and more is in Hz, 50 and more in MHz."""
    factor = _HERTZ.get(unit.strip().lower())
    if factor is None:
        factor = 1e-9 if value >= 1e6 else 1e-3 if value >= 50 else 1.0
    frequency = value * factor
    if not 1e-3 < frequency < 1e4 and value >= 50:  # MHz written beside a unit of the standard
        frequency = value * (1e-9 if value >= 1e6 else 1e-3)
    return float(f"{frequency:.9g}") if 1e-3 < frequency < 1e4 else None


NOISE_KEYWORDS = ("RMS", "NOISE", "ACTNOISE", "BNOISE", "IMRMS")


def find_noise(header: Header) -> float | None:
    """Noise (rms) in the unit of BUNIT, where the header gives it."""
    for key in NOISE_KEYWORDS:
        value = header.number(key)
        if value is not None and value > 0:
            return value
    return None


def find_response(header: Header) -> float | None:
    """Response of the primary beam at the source, above 0 and up to 1, where the header says it."""
    value = header.number("PBRESP")
    return value if value is not None and 0 < value <= 1 else None


def find_primary_beam(header: Header, name: str = "") -> str:
    """``corrected`` or ``uncorrected`` for the primary beam; empty where nothing says so."""
    for key in ("PBCOR", "PBCORR", "PBCORRCT"):
        value = header.get(key)
        if value is not None:
            text = str(value).strip().lower()
            return "corrected" if text in ("true", "t", "1", "yes", "done") else "uncorrected"
    written = [header.string(key).lower() for key in header if key.startswith("FILNAM")]
    done = re.compile(r"\b(?:impbcor|pbcor)\b", re.IGNORECASE)
    if "pbcor" in written or any(done.search(line) for line in header.history()):
        return "corrected"
    return "corrected" if re.search(r"[._-]pbcor(?:[._-]|$)", name.lower()) else ""


def find_simulation(header: Header) -> str:
    """What made a simulated image, in words; empty for an observed one.

    ``SIMULAT = T`` marks it; MODEL, SEED and INDEX say how it was made.
    """
    if header.string("SIMULAT").upper() not in ("T", "TRUE", "YES", "1"):
        return ""
    model = header.string("MODEL") or header.string("ORIGIN") or "as its header says"
    return simulation_words(model, header.string("SEED"), header.string("INDEX"))


def simulation_words(model: str, seed: object, index: object) -> str:
    """Model, seed and number of a simulated image as the column ``simulated`` has them."""
    facts = {"seed": seed, "index": index}
    return ", ".join([model, *(f"{k} {v}" for k, v in facts.items() if v not in (None, ""))])


def find_pixel_size(header: Header) -> float | None:
    """Arcsec per pixel of an image without a WCS: PIXSCALE, if it says that it is in arcsec."""
    scale = header.number("PIXSCALE")
    said = "arcsec" in header.comment("PIXSCALE").lower()
    return scale if said and scale and scale > 0 else None


OF_PLANES = ("BMAJ", "BMIN", "BPA", "OBSFREQ", "RMS", "PBCOR", "PBRESP", "SURVEY")
"""Cards that a cube of RadioViz repeats for each further plane, see :func:`plane_card`."""


def plane_card(key: str, plane: int) -> str:
    """Keyword of a plane, counted from 0: five letters and its number from 1, ``OBSFR2``."""
    return f"{key[:5]}{plane + 1}"


def _of_plane(header: Header, plane: Mapping[int, int]) -> Header:
    """The header with what it says of one plane in the place of what it says of the first."""
    at = max(plane.values(), default=0)
    if not at or f"PLANE{at + 1}" not in header:
        return header
    return header.renamed({plane_card(key, at): key for key in OF_PLANES})


# -- all of it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Observation:
    """What is known of the observation of an image."""

    beam: Beam | None = None
    frequency: float | None = None  # GHz
    survey: str = ""  # SURVEY keyword, or empty
    rms: float | None = None  # in the unit of BUNIT
    primary_beam: str = ""  # ``corrected``, ``uncorrected`` or empty
    simulated: str = ""  # see :func:`find_simulation`
    # ``beam`` and ``frequency`` where no header but the name of the survey gives them.
    implied: tuple[str, ...] = ()
    response: float | None = None  # as of :func:`find_response`
    notes: tuple[str, ...] = ()


def observe(
    headers: Sequence[Header],
    *,
    width: float | None = None,
    pixel: float = 0.0,
    dec: float | None = None,
    plane: Mapping[int, int] | None = None,
    name: str = "",
) -> Observation:
    """What headers say, the first that says it, and what the name of the survey implies.

    ``headers``: of the image, then the primary one; ``width``, ``pixel``: longer side of the image
    and a pixel in arcsec, where known; ``dec``: declination in degrees; ``plane``: as for
    :func:`find_frequency`; ``name``: of the file.
    """
    headers = [_of_plane(h, plane or {}) for h in headers]
    survey = next((s for h in headers if (s := h.string("SURVEY"))), "")
    known = known_survey(survey)
    beams = [find_beam(h, width, pixel) for h in headers]
    beam, note = next((found for found in beams if found[0]), beams[0])
    notes = [note] if note else []
    implied = []
    if beam is None and known and (beam := known.beam_at(dec)):
        implied.append("beam")
        notes.append(f"no beam in the header: {beam.fwhm:.4g} arcsec of {survey} assumed")
    frequency = next((f for h in headers if (f := find_frequency(h, plane))), None)
    if frequency is None and known:
        frequency = known.frequency
        implied.append("frequency")
    rms = next((r for h in headers if (r := find_noise(h))), None)
    corrected = next((p for h in headers if (p := find_primary_beam(h, name))), "")
    simulated = next((s for h in headers if (s := find_simulation(h))), "")
    response = next((r for h in headers if (r := find_response(h))), None)
    return Observation(
        beam, frequency, survey, rms, corrected, simulated, tuple(implied), response, tuple(notes)
    )
