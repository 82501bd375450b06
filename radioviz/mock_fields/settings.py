"""What a mock field holds, and what it costs, before anything is drawn."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.sky import FWHM

RGZ_DR1_SIZES: tuple[float, ...] = (
    25.0, 25.6, 26.1, 26.7, 27.4, 28.0, 28.7, 29.5, 30.3, 31.2, 32.2, 33.2, 34.3, 35.4, 36.7, 38.1,
    39.6, 41.4, 43.3, 45.4, 47.8, 50.5, 53.6, 57.3, 61.5, 66.3, 71.8, 78.4, 86.4, 95.4, 104.5,
    119.2, 241.1,
)  # fmt: skip
"""Largest angular sizes [arcsec] at equal steps of the cumulative distribution, of the 50,790
sources of Radio Galaxy Zoo DR1 that are larger than 25 arcsec."""

COMPACT = "Compact"
"""Class of unresolved sources, which are drawn as the beam."""

MAX_SIDE = 200_000
MAX_SOURCES = 5_000_000
LEAST_PIXELS = 2.0
"""Pixels per beam (FWHM) that hold what is drawn: fewer change fluxes and positions."""

STRIP_BYTES = 32e6
"""Largest strip of a field that is held in memory, float32."""


@dataclass(frozen=True)
class FieldSettings:
    """A mock field; the same settings give the same pixels.

    Raises FieldError if a value cannot be drawn; the message names it and what can.
    """

    # width, height: pixels
    width: int = 1024
    height: int = 1024
    pixel: float = 1.8  # arcsec per pixel
    # FWHM in arcsec, position angle north through east.
    beam: Beam = field(default_factory=lambda: Beam(5.4, 5.4))
    rms: float = 0.15  # noise in mJy/beam; 0 for none
    # ra, dec: centre, degrees, J2000
    ra: float = 180.0
    dec: float = 30.0
    number: int | None = None  # sources; None for as many as ``density`` gives
    density: float = 400.0  # sources per square degree
    flux_range: tuple[float, float] = (1.0, 1000.0)  # smallest and largest flux density [mJy]
    slope: float = 1.7  # gamma of the differential source counts dN/dS ~ S^-gamma
    # Class to its relative number; ``Compact`` is unresolved, the others are those of the model.
    shares: Mapping[str, float] = field(
        default_factory=lambda: {"FRI": 0.2, "FRII": 0.2, COMPACT: 0.6}
    )
    # Largest angular sizes [arcsec] at equal steps of the cumulative distribution of resolved
    # sources, interpolated in the logarithm: two numbers give log-uniform sizes between them.
    sizes: Sequence[float] = RGZ_DR1_SIZES
    # Mean number of sources in a cluster (Thomas process); 0 for random positions.
    cluster_members: float = 0.0
    # Standard deviation [arcmin] of the members about their centre in each direction.
    cluster_radius: float = 2.0
    frequency: float = 1.4  # GHz, for the header
    seed: int = 0
    model: str = ""  # generator of the galaxies; by default the first that decodes latents
    # Galaxies that are generated of each class. A field of more sources shows them again, each time
    # rotated, mirrored and scaled differently.
    templates: int = 128
    # candidates, guidance: as in :class:`radioviz.encode.GenerationRequest`; None keeps the model's
    # own selection and guidance.
    candidates: int | None = None
    guidance: float | None = None

    def __post_init__(self) -> None:
        for name, low, high, unit in (
            ("width", 64, MAX_SIDE, "pixels"),
            ("height", 64, MAX_SIDE, "pixels"),
            ("pixel", 1e-3, 3600, "arcsec"),
            ("rms", 0, 1e9, "mJy/beam"),
            ("ra", 0, 360, "deg"),
            ("dec", -90, 90, "deg"),
            ("density", 0, 1e9, "sources per square degree"),
            ("slope", -10, 10, ""),
            ("cluster_members", 0, 1e6, "sources"),
            ("cluster_radius", 1e-3, 600, "arcmin"),
            ("frequency", 1e-3, 1e6, "GHz"),
            ("seed", 0, 2**62, ""),
            ("templates", 1, 4096, "galaxies per class"),
        ):
            self._within(name, low, high, unit)
        if self.number is not None:
            self._within("number", 0, MAX_SOURCES, "sources")
        self._check_beam()
        low, high = self.flux_range
        if not (0 < low <= high < 1e12):
            raise FieldError(f"flux_range is {low:g} to {high:g} mJy; expected 0 < low <= high")
        sizes = np.asarray(self.sizes, float)
        if len(sizes) < 2 or not (np.isfinite(sizes).all() and sizes[0] > 0):
            raise FieldError("sizes needs two or more positive numbers of arcsec")
        if (np.diff(sizes) < 0).any():
            raise FieldError("sizes must rise: they are steps of a cumulative distribution")
        total = sum(self.shares.values())
        if not (total > 0 and math.isfinite(total) and min(self.shares.values()) >= 0):
            raise FieldError(
                f"shares are {dict(self.shares)}; expected numbers of 0 or more, not all 0"
            )
        if self.side_degrees > 60:
            raise FieldError(
                f"the field is {self.side_degrees:.0f} degrees wide; a tangent plane holds up to "
                "60. Use fewer or smaller pixels"
            )

    def _within(self, name: str, low: float, high: float, unit: str) -> None:
        value = getattr(self, name)
        if not (isinstance(value, int | float | np.number) and low <= value <= high):
            text = f"{low:g} to {high:g} {unit}".strip()
            raise FieldError(f"{name} is {value!r}; expected {text}")

    def _check_beam(self) -> None:
        major, minor = self.beam.major, self.beam.minor
        if not (0 < minor <= major < math.inf and math.isfinite(self.beam.pa)):
            raise FieldError(
                f"beam is {major:g} x {minor:g} arcsec, position angle {self.beam.pa:g}; expected "
                "numbers above 0, and the major axis first"
            )
        if minor < LEAST_PIXELS * self.pixel * (1 - 1e-9):
            raise FieldError(
                f"beam is {major:g} x {minor:g} arcsec, its minor axis {minor / self.pixel:.2g} "
                f"pixels of {self.pixel:g} arcsec; fluxes and positions need at least "
                f"{LEAST_PIXELS:g}: use pixels of {minor / LEAST_PIXELS:.3g} arcsec or less"
            )

    @property
    def side_degrees(self) -> float:
        """The longer side."""
        return max(self.width, self.height) * self.pixel / 3600

    @cached_property
    def area(self) -> float:
        """Square degrees on the sky of the tangent plane's pixels."""
        x, y = (
            (np.arange(256) + 0.5 - 128) / 256 * n * np.radians(self.pixel / 3600)
            for n in (self.width, self.height)
        )
        solid = float(np.mean((1 + x[None] ** 2 + y[:, None] ** 2) ** -1.5))
        return self.width * self.height * (self.pixel / 3600) ** 2 * solid

    @property
    def count(self) -> int:
        """Number of sources.

        Raises FieldError if the density gives more than can be held.
        """
        if self.number is not None:
            return int(self.number)
        number = self.density * self.area
        if number > MAX_SOURCES:
            raise FieldError(
                f"{self.density:g} sources per square degree are {number:,.0f} in this field; "
                f"up to {MAX_SOURCES:,} can be drawn"
            )
        return round(number)

    @property
    def beam_pixels(self) -> float:
        """Area of the beam in pixels."""
        return 2 * math.pi * self.beam.major * self.beam.minor / (FWHM * self.pixel) ** 2

    @property
    def image_bytes(self) -> int:
        """Size of the FITS image."""
        return 2880 + -(-4 * self.width * self.height // 2880) * 2880

    @property
    def strip_rows(self) -> int:
        """Rows that are drawn at a time."""
        return int(min(self.height, max(16, STRIP_BYTES // (4 * self.width))))

    def cost(self) -> str:
        """Size of the field in words: pixels, sky, sources, disk."""
        size = self.image_bytes
        disk = f"{size / 1e9:,.1f} GB" if size > 1e9 else f"{size / 1e6:,.1f} MB"
        return (
            f"{self.width:,} x {self.height:,} pixels, {self.area:.3g} square degrees, "
            f"{self.count:,} sources, an image of {disk}"
        )

    def describe(self) -> str:
        """The settings as JSON, sizes only where they are not those of RGZ DR1."""
        values = dataclasses.asdict(self)
        if tuple(self.sizes) == RGZ_DR1_SIZES:
            values["sizes"] = "RGZ DR1"
        return json.dumps(values)

    def replace(self, **changes: object) -> FieldSettings:
        """The same with other values."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def covariance(beam: Beam) -> np.ndarray:
    """Covariance ``(2, 2)`` of a Gaussian beam over (west, north), arcsec squared.

    The position angle runs from north through east; axis 0 of the covariance is the column
    direction of an image with east left.
    """
    angle = math.radians(beam.pa)
    along = np.array([-math.sin(angle), math.cos(angle)])
    across = np.array([math.cos(angle), math.sin(angle)])
    major, minor = (beam.major / FWHM) ** 2, (beam.minor / FWHM) ** 2
    return major * np.outer(along, along) + minor * np.outer(across, across)
