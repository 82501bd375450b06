"""The services that cut radio surveys, and how each is asked.

Four protocols serve all of them: hips2fits (CDS), SkyView (NASA), the FIRST cutout server
and that of LoTSS. Each is one GET of a FITS file, so it is asked by plain requests and
not through astroquery, which asks SkyView by filling in its web form (two more requests a
position), knows no bound on an answer's size or age, no Retry-After, and keeps its cache
as pickles. Any base address can be replaced, by argument or by the environment variable
``RADIOVIZ_CUTOUTS_<PROTOCOL>``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from radioviz.data.datasets.first import FIRST_LICENCE
from radioviz.errors import FetchError

_HIPS_THANKS = "Cut by hips2fits, a tool developed at CDS, Strasbourg, France."
_SKYVIEW_THANKS = "Cut by SkyView, NASA/GSFC."


@dataclass(frozen=True)
class Request:
    """One position to ask for.

    Attributes
    ----------
    ra, dec : float
        Degrees, J2000.
    pixels : int
        Along an edge.
    scale : float
        Arcsec per pixel.
    """

    ra: float
    dec: float
    pixels: int
    scale: float

    @property
    def field(self) -> float:
        """Edge in arcsec."""
        return self.pixels * self.scale


Parameters = dict[str, str]


def _hips2fits(layer: str, request: Request) -> Parameters:
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


def _skyview(layer: str, request: Request) -> Parameters:
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


def _first(layer: str, request: Request) -> Parameters:
    # https://third.ucllnl.org/cgi-bin/firstcutout: one box for both coordinates, RA in hours.
    return {
        "RA": f"{request.ra / 15:.8f} {request.dec:+.7f}",
        "Equinox": "J2000",
        "ImageSize": f"{request.field / 60:.4f}",
        "ImageType": "FITS File",
        "MaxImSize": "1024",
    }


def _lotss(layer: str, request: Request) -> Parameters:
    # https://lofar-surveys.org/dr2_release.html: size in arcmin.
    return {
        "pos": f"{request.ra:.7f} {request.dec:+.7f}",
        "size": f"{request.field / 60:.4f}",
    }


PROTOCOLS: dict[str, tuple[str, Callable[[str, Request], Parameters]]] = {
    "hips2fits": ("https://alasky.cds.unistra.fr/hips-image-services/hips2fits", _hips2fits),
    "skyview": ("https://skyview.gsfc.nasa.gov/current/cgi/runquery.pl", _skyview),
    "firstcutout": ("https://third.ucllnl.org/cgi-bin/firstcutout", _first),
    "lotss": ("https://lofar-surveys.org/dr2-cutout.fits", _lotss),
}


@dataclass(frozen=True)
class Service:
    """One survey as one server cuts it.

    Attributes
    ----------
    key, title, survey : str
    protocol : str
        One of :data:`PROTOCOLS`.
    layer : str
        What the server calls the survey.
    beam : float
        FWHM in arcsec; the default pixel is a third of it.
    frequency : float
        GHz.
    south, north : float
        Declinations that the survey covers, degrees.
    rate : float
        Requests a second at most.
    exact : bool
        True where the server makes just the pixels that are asked for; others send their
        own, which are resampled.
    """

    key: str
    title: str
    survey: str
    protocol: str
    layer: str
    beam: float
    frequency: float
    south: float = -90.0
    north: float = 90.0
    rate: float = 5.0
    exact: bool = True
    bunit: str = "Jy/beam"
    licence: str = ""
    reference: str = ""

    @property
    def scale(self) -> float:
        """Default arcsec per pixel."""
        return float(f"{self.beam / 3:.4g}")

    def address(self, base: str | None = None) -> str:
        """Address of the server: the argument, the environment, or the public one."""
        public = PROTOCOLS[self.protocol][0]
        given = base or os.environ.get(f"RADIOVIZ_CUTOUTS_{self.protocol.upper()}") or public
        if not given.lower().startswith(("http://", "https://")):
            raise FetchError(f"{given}: the address of a service begins with http:// or https://")
        return given

    def parameters(self, request: Request) -> Parameters:
        """Query parameters of one position."""
        return PROTOCOLS[self.protocol][1](self.layer, request)


SERVICES: dict[str, Service] = {
    s.key: s
    for s in (
        Service("first", "FIRST (SkyView)", "FIRST", "skyview", "VLA FIRST (1.4 GHz)", 5.4, 1.4,
                -11.0, 65.0, rate=2.0, licence=FIRST_LICENCE,
                reference=f"Becker et al. 1995. {_SKYVIEW_THANKS}"),
        Service("first-server", "FIRST (its cutout server)", "FIRST", "firstcutout", "", 5.4, 1.4,
                -11.0, 65.0, rate=2.0, exact=False, licence=FIRST_LICENCE,
                reference="Becker et al. 1995"),
        Service("nvss", "NVSS (hips2fits)", "NVSS", "hips2fits", "CDS/P/NVSS", 45.0, 1.4,
                -40.5, 90.0, reference=f"Condon et al. 1998. {_HIPS_THANKS}"),
        Service("nvss-skyview", "NVSS (SkyView)", "NVSS", "skyview", "NVSS", 45.0, 1.4,
                -40.5, 90.0, rate=2.0, reference=f"Condon et al. 1998. {_SKYVIEW_THANKS}"),
        Service("vlass", "VLASS quick look (hips2fits)", "VLASS", "hips2fits",
                "NRAO/P/VLASS-Quicklook-MedianStack", 2.5, 3.0, -40.5, 90.0,
                reference=f"Lacy et al. 2020. {_HIPS_THANKS}"),
        Service("racs-low", "RACS-low (hips2fits)", "RACS", "hips2fits", "CSIRO/P/RACS/low/I",
                25.0, 0.8875, -90.0, 42.0,
                reference=f"McConnell et al. 2020; Hale et al. 2021. {_HIPS_THANKS}"),
        Service("racs-mid", "RACS-mid (hips2fits)", "RACS", "hips2fits", "CSIRO/P/RACS/mid/I",
                10.0, 1.3675, -90.0, 50.0, reference=f"Duchesne et al. 2023. {_HIPS_THANKS}"),
        Service("lotss", "LoTSS DR2 (hips2fits)", "LoTSS", "hips2fits",
                "astron.nl/P/lotss_dr2_high", 6.0, 0.144, 0.0, 90.0,
                reference=f"Shimwell et al. 2022. {_HIPS_THANKS}"),
        Service("lotss-server", "LoTSS DR2 (its cutout server)", "LoTSS", "lotss", "", 6.0, 0.144,
                0.0, 90.0, rate=1.0, exact=False, reference="Shimwell et al. 2022"),
        Service("tgss", "TGSS ADR1 (hips2fits)", "TGSS", "hips2fits", "astron.nl/P/tgssadr", 25.0,
                0.1475, -53.5, 90.0, reference=f"Intema et al. 2017. {_HIPS_THANKS}"),
    )
}  # fmt: skip


def find_service(key: str) -> Service:
    """Service of a key.

    Raises
    ------
    FetchError
        If there is none.
    """
    if key not in SERVICES:
        raise FetchError(f"no cutout service '{key}'; known: {', '.join(SERVICES)}")
    return SERVICES[key]
