"""Cutout services of radio surveys and their query parameters.

There are four protocols: hips2fits (CDS), SkyView (NASA), and the cutout servers of FIRST
and LoTSS. Each needs one GET of a FITS file, so RadioViz uses plain requests and not
astroquery, which fills in SkyView's web form (two more requests per position), does not
limit the size or time of a response, ignores Retry-After and caches pickles. An argument
or the environment variable ``RADIOVIZ_CUTOUTS_<PROTOCOL>`` replaces the base address.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from radioviz.data.datasets.first import FIRST_LICENCE
from radioviz.errors import FetchError
from radioviz.importing.survey_facts import SurveyFacts

_HIPS_THANKS = "Cut by hips2fits, a tool developed at CDS, Strasbourg, France."
_SKYVIEW_THANKS = "Cut by SkyView, NASA/GSFC."


@dataclass(frozen=True)
class CutoutRequest:
    """One position to request."""

    # ra, dec: degrees, J2000
    ra: float
    dec: float
    pixels: int  # along an edge
    scale: float  # arcsec per pixel

    @property
    def field(self) -> float:
        """Edge in arcsec."""
        return self.pixels * self.scale


Parameters = dict[str, str]


def _hips2fits(layer: str, request: CutoutRequest) -> Parameters:
    # https://alasky.cds.unistra.fr/hips-image-services/hips2fits
    return {
        "hips": layer,
        "width": str(request.pixels),
        "height": str(request.pixels),
        "projection": "TAN",
        "coordsys": "icrs",
        "rotation_angle": "0.0",
        "ra": f"{request.ra:.7f}",
        "dec": f"{request.dec:.7f}",
        "fov": f"{request.field / 3600:.8f}",
        "format": "fits",
    }


def _skyview(layer: str, request: CutoutRequest) -> Parameters:
    # https://skyview.gsfc.nasa.gov/current/help/batchpage.html
    return {
        "Position": f"{request.ra:.7f},{request.dec:.7f}",
        "Survey": layer,
        "Coordinates": "J2000",
        "Projection": "Tan",
        "Pixels": str(request.pixels),
        "Size": f"{request.field / 3600:.8f}",
        "Return": "FITS",
    }


def _first(layer: str, request: CutoutRequest) -> Parameters:
    # https://third.ucllnl.org/cgi-bin/firstcutout: one box for both coordinates, RA in hours.
    return {
        "RA": f"{request.ra / 15:.8f} {request.dec:+.7f}",
        "Equinox": "J2000",
        "ImageSize": f"{request.field / 60:.4f}",
        "ImageType": "FITS File",
        "MaxImSize": "1024",
    }


def _lotss(layer: str, request: CutoutRequest) -> Parameters:
    # https://lofar-surveys.org/dr2_release.html: size in arcmin.
    return {
        "pos": f"{request.ra:.7f} {request.dec:+.7f}",
        "size": f"{request.field / 60:.4f}",
    }


PROTOCOLS: dict[str, tuple[str, Callable[[str, CutoutRequest], Parameters]]] = {
    "hips2fits": ("https://alasky.cds.unistra.fr/hips-image-services/hips2fits", _hips2fits),
    "skyview": ("https://skyview.gsfc.nasa.gov/current/cgi/runquery.pl", _skyview),
    "firstcutout": ("https://third.ucllnl.org/cgi-bin/firstcutout", _first),
    "lotss": ("https://lofar-surveys.org/dr2-cutout.fits", _lotss),
}


@dataclass(frozen=True)
class CutoutService:
    """One survey as one server provides it."""

    key: str
    title: str
    survey: str
    protocol: str  # one of :data:`PROTOCOLS`
    layer: str  # the server's name of the survey
    beam: float  # FWHM in arcsec; the default pixel is a third of it
    frequency: float  # GHz
    # south, north: declinations that the survey covers, degrees
    south: float = -90.0
    north: float = 90.0
    rate: float = 5.0  # maximum requests per second
    # True where the server returns the requested pixels; others send their own, which are
    # resampled.
    exact: bool = True
    bunit: str = "Jy/beam"
    licence: str = ""
    reference: str = ""

    @property
    def scale(self) -> float:
        """Default arcsec per pixel."""
        return float(f"{self.beam / 3:.4g}")

    @property
    def facts(self) -> SurveyFacts:
        """What is known of the survey; ``pixel_scale`` is the default."""
        return SurveyFacts(
            pixel_scale=self.scale,
            beam=self.beam,
            bunit=self.bunit,
            survey=self.survey,
            frequency=self.frequency,
            licence=self.licence,
            reference=self.reference,
        )

    def address(self, base: str | None = None) -> str:
        """Address of the server: the argument, the environment, or the public one."""
        public = PROTOCOLS[self.protocol][0]
        given = base or os.environ.get(f"RADIOVIZ_CUTOUTS_{self.protocol.upper()}") or public
        if not given.lower().startswith(("http://", "https://")):
            raise FetchError(
                f"{given}: the address of a service must begin with http:// or https://"
            )
        return given

    def parameters(self, request: CutoutRequest) -> Parameters:
        """Query parameters of one position."""
        return PROTOCOLS[self.protocol][1](self.layer, request)


SERVICES: dict[str, CutoutService] = {
    s.key: s
    for s in (
        CutoutService("first", "FIRST (SkyView)", "FIRST", "skyview", "VLA FIRST (1.4 GHz)", 5.4,
                      1.4,
                      -11.0, 65.0, rate=2.0, licence=FIRST_LICENCE,
                      reference=f"Becker et al. 1995. {_SKYVIEW_THANKS}"),
        CutoutService("first-server", "FIRST (its cutout server)", "FIRST", "firstcutout", "",
                      5.4, 1.4,
                      -11.0, 65.0, rate=2.0, exact=False, licence=FIRST_LICENCE,
                      reference="Becker et al. 1995"),
        CutoutService("nvss", "NVSS (hips2fits)", "NVSS", "hips2fits", "CDS/P/NVSS", 45.0, 1.4,
                      -40.5, 90.0, reference=f"Condon et al. 1998. {_HIPS_THANKS}"),
        CutoutService("nvss-skyview", "NVSS (SkyView)", "NVSS", "skyview", "NVSS", 45.0, 1.4,
                      -40.5, 90.0, rate=2.0, reference=f"Condon et al. 1998. {_SKYVIEW_THANKS}"),
        CutoutService("vlass", "VLASS quick look (hips2fits)", "VLASS", "hips2fits",
                      "NRAO/P/VLASS-Quicklook-MedianStack", 2.5, 3.0, -40.5, 90.0,
                      reference=f"Lacy et al. 2020. {_HIPS_THANKS}"),
        CutoutService("racs-low", "RACS-low (hips2fits)", "RACS", "hips2fits", "CSIRO/P/RACS/low/I",
                      25.0, 0.8875, -90.0, 42.0,
                      reference=f"McConnell et al. 2020; Hale et al. 2021. {_HIPS_THANKS}"),
        CutoutService("racs-mid", "RACS-mid (hips2fits)", "RACS", "hips2fits", "CSIRO/P/RACS/mid/I",
                      10.0, 1.3675, -90.0, 50.0, reference=f"Duchesne et al. 2023. {_HIPS_THANKS}"),
        CutoutService("lotss", "LoTSS DR2 (hips2fits)", "LoTSS", "hips2fits",
                      "astron.nl/P/lotss_dr2_high", 6.0, 0.144, 0.0, 90.0,
                      reference=f"Shimwell et al. 2022. {_HIPS_THANKS}"),
        CutoutService("lotss-server", "LoTSS DR2 (its cutout server)", "LoTSS", "lotss", "", 6.0,
                      0.144,
                      0.0, 90.0, rate=1.0, exact=False, reference="Shimwell et al. 2022"),
        CutoutService("tgss", "TGSS ADR1 (hips2fits)", "TGSS", "hips2fits", "astron.nl/P/tgssadr",
                      25.0,
                      0.1475, -53.5, 90.0, reference=f"Intema et al. 2017. {_HIPS_THANKS}"),
    )
}  # fmt: skip
