"""Beam and frequency that the name of a survey implies, where its images do not say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Beam:
    """Restoring beam: FWHM [arcsec]; angle [deg], north through east, NaN where unknown."""

    major: float
    minor: float
    pa: float = 0.0

    @property
    def fwhm(self) -> float:
        """FWHM of the circular beam of the same area, arcsec."""
        return self.major if self.major == self.minor else math.sqrt(self.major * self.minor)


@dataclass(frozen=True)
class KnownSurvey:
    """A survey by its name."""

    name: str
    frequency: float | None  # GHz; None where the name stands for several bands
    beam: float | None = None  # FWHM in arcsec; None where it differs from image to image
    # Major over minor axis of the beam by declination in degrees; the major axis points north.
    stretch: Callable[[float], float] | None = None

    def beam_at(self, dec: float | None = None) -> Beam | None:
        """The beam at a declination in degrees; None if unknown, or if it depends on it."""
        if self.beam is None:
            return None
        if self.stretch is None:
            return Beam(self.beam, self.beam)
        if dec is None or not math.isfinite(dec):
            return None
        return Beam(self.beam * self.stretch(dec), self.beam)


def _south_of_gmrt(dec: float) -> float:
    """Foreshortening of the GMRT (19 degrees north) below its zenith; none above."""
    return 1 / max(math.cos(math.radians(min(dec, 19.0) - 19.0)), 0.1)


def _east_west(dec: float) -> float:
    """Foreshortening of an array along one line from east to west."""
    return 1 / max(abs(math.sin(math.radians(dec))), 0.1)


# By words of the name; the first that is found counts.
_KNOWN: tuple[tuple[str, KnownSurvey], ...] = (
    (r"VLASS", KnownSurvey("VLASS", 3.0, 2.5)),  # Lacy et al. 2020
    (r"FIRST", KnownSurvey("FIRST", 1.4, 5.4)),  # Becker et al. 1995
    (r"NVSS", KnownSurvey("NVSS", 1.4, 45.0)),  # Condon et al. 1998
    (r"LOLSS", KnownSurvey("LoLSS", 0.054, 15.0)),  # de Gasperin et al. 2023
    (r"LOTSS", KnownSurvey("LoTSS", 0.144, 6.0)),  # Shimwell et al. 2017, 2022
    # Intema et al. 2017: 25 arcsec north of +19 degrees.
    (r"TGSS", KnownSurvey("TGSS", 0.15, 25.0, _south_of_gmrt)),
    (r"RACS[\W_]*(?:DR\d[\W_]*)?LOW", KnownSurvey("RACS-low", 0.8875)),  # McConnell et al. 2020
    (r"RACS[\W_]*(?:DR\d[\W_]*)?MID", KnownSurvey("RACS-mid", 1.3675)),  # Duchesne et al. 2023
    (r"RACS[\W_]*(?:DR\d[\W_]*)?HIGH", KnownSurvey("RACS-high", 1.6555)),  # Duchesne et al. 2025
    (r"RACS", KnownSurvey("RACS", None)),
    (r"EMU", KnownSurvey("EMU", 0.9435, 15.0)),  # Hopkins et al. 2025, common resolution
    (r"WALLABY", KnownSurvey("WALLABY", 1.3675)),
    (r"SUMSS|MGPS", KnownSurvey("SUMSS", 0.843, 45.0, _east_west)),  # Mauch et al. 2003
    (r"WENSS", KnownSurvey("WENSS", 0.325, 54.0, _east_west)),  # Rengelink et al. 1997
    (r"VLSS[R]?", KnownSurvey("VLSS", 0.074)),  # Lane et al. 2014; 75 or 80 arcsec
    (r"GLEAM(?:[\W_]*X)?", KnownSurvey("GLEAM", 0.2)),  # Hurley-Walker et al. 2017
    (r"MGCLS", KnownSurvey("MGCLS", 1.28)),  # Knowles et al. 2022
    (r"MIGHTEE", KnownSurvey("MIGHTEE", 1.28)),  # Heywood et al. 2022
    (r"APERTIF", KnownSurvey("Apertif", 1.355)),  # Adams et al. 2022
)
_WORDS = [(re.compile(rf"(?<![A-Z0-9])(?:{words})(?![A-Z])"), known) for words, known in _KNOWN]


def known_survey(survey: str) -> KnownSurvey | None:
    """The survey that a name stands for; None if it is unknown, or names several."""
    text = survey.upper()
    found = [known for words, known in _WORDS if words.search(text)]
    if len({known.name.partition("-")[0] for known in found}) > 1:
        return None
    return found[0] if found else None
