"""Import of cutouts of a mosaic at the positions of a source list.

A mosaic may be far larger than the memory: only the part around a source is read. Cutouts
are north up, centred on their source, on a grid of square pixels. Cutting keeps the beam,
so it sets the pixels: a third of the FWHM, as in FIRST (1.8 of 5.4 arcsec).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.all_sky import period, recentred, unwrapped
from radioviz.images.common_grid import describe_image, shifted
from radioviz.images.hdus import HDU, open_source
from radioviz.images.headers import Header, find_wcs
from radioviz.images.observation import brightness_unit, observe
from radioviz.images.orientation import geometry, pixels_of, resample, sky_of
from radioviz.images.planes import find_layout, physical_values, stored_type
from radioviz.images.quiet import quiet
from radioviz.images.reading import beam_from_north, read_fits
from radioviz.importing.image_choice import ImageChoice
from radioviz.importing.inspection import (
    CutoutReader,
    Step,
)
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.source_rows import SourceList
from radioviz.importing.survey_facts import SurveyFacts
from radioviz.sky import separation_arcsec, tan_wcs

if TYPE_CHECKING:
    from astropy.wcs import WCS

DEFAULT_PIXELS = 300
PIXELS_PER_BEAM = 3.0
# A cutout with less than this share of data is a corner of noise, not a galaxy.
MIN_COVERED = 0.5
_MAX_WINDOW = 64_000_000
_SAME_PLACE = 360.0  # arcsec between a position and the pixel found for it, transformed back
_WHOLE = 1e-3  # pixels by which a turn of a closed mosaic may differ from a whole number
_ANY_SIZE = 1 << 62  # a mosaic is read in windows
_MARGIN = 4  # pixels around the window, for the splines


class Mosaic:
    """A FITS image that is read in windows: memory-mapped, or in memory where compressed.

    Attributes
    ----------
    wcs : astropy.wcs.WCS
    shape : tuple of int
        ``(ny, nx)``.
    scale : float
        Arcsec per pixel in the middle.
    around : float or None
        Pixels that are 360 degrees, where its columns repeat.
    closed : bool
        True where it shows all of them.
    seen : Observation
        Beam, frequency, survey, noise and primary beam of the headers.
    bunit : str
    notes : list of str

    Raises
    ------
    ImageError
        If it is not a single FITS image with a celestial WCS.
    """

    wcs: WCS

    def __init__(self, path: Path, choice: ImageChoice | None = None) -> None:
        choice = choice or ImageChoice()
        self.path, self.name = path, path.name
        with open_source(path) as file:
            hdu = file.choose(choice.extension or None)
            header = hdu.image_header
            fallback = file.hdus[0].header if hdu.index else header
            self.notes = list(file.notes)
            layout = find_layout(file, hdu, header, choice.plane or None, _ANY_SIZE)
            mapped = hdu.kind == "image" and not file.inflated
        if layout.sky != (0, 1):
            shape = " x ".join(map(str, hdu.axes))
            raise ImageError(
                f"{self.name}: {shape} pixels; the first two axes of a mosaic must be the sky"
            )
        self.notes += [layout.note] if layout.note else []
        self.shape = (hdu.axes[1], hdu.axes[0])
        if mapped:
            self._map_pixels(hdu, header, layout.index)
        else:
            plane = tuple(layout.index[i] for i in layout.index if hdu.axes[i] != 1)
            self._pixels = read_fits(path, extension=hdu.index, plane=plane or None, bunit="").data
            self._stored_header: Header | None = None
        written = header.string("BUNIT") or fallback.string("BUNIT")
        given = written if choice.bunit is None else choice.bunit
        factor, self.bunit, note = brightness_unit(given)
        self._factor = np.float32(factor)
        self.notes += [note] if note else []
        wcs, trouble = find_wcs(header, len(hdu.axes))
        if wcs is None:
            raise ImageError(f"{self.name}: {trouble}; a mosaic needs one to be cut")
        self.wcs = wcs
        self.around = period(wcs) if wcs.wcs.lng == 0 else None
        turn = self.around or 0.0
        self.closed = 0 < round(turn) <= self.shape[1] and abs(turn - round(turn)) < _WHOLE
        try:
            middle = geometry(wcs, self.shape)
        except Exception as error:  # a WCS without a position in the middle (all-sky corners)
            raise ImageError(f"{self.name}: the WCS cannot be used ({error})") from error
        self.scale = middle.pixel_scale
        self.seen = observe(
            (header, fallback),
            width=max(self.shape) * self.scale,
            pixel=self.scale,
            dec=middle.dec,
            plane=layout.index,
            name=self.name,
        )
        self.notes += self.seen.notes
        rms = self.seen.rms
        self.cells = {
            **describe_image(
                beam_from_north(self.seen.beam, wcs, self.shape), self.seen.frequency, None
            ),
            "rms": None if rms is None else rms * factor,
            "primary_beam": self.seen.primary_beam,
            "simulated": self.seen.simulated,
        }

    def _map_pixels(self, hdu: HDU, header: Header, index: Mapping[int, int]) -> None:
        stored = stored_type(header)
        stride, start = math.prod(self.shape) * stored.itemsize, hdu.start
        for axis, at in sorted(index.items()):
            start += at * stride
            stride *= hdu.axes[axis]
        try:
            self._pixels = np.memmap(self.path, stored, mode="r", offset=start, shape=self.shape)
        except (OSError, ValueError) as error:
            raise ImageError(f"{self.name}: its pixels cannot be mapped: {error}") from error
        self._stored_header = header

    def pixel_of(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (from 0) of J2000 positions in degrees; NaN where the projection has none."""
        x, y = pixels_of(self.wcs, ra, dec)
        with np.errstate(all="ignore"):  # the other hemisphere has pixels, too: transform back
            ra2, dec2 = sky_of(self.wcs, x, y)
        lost = ~(separation_arcsec(ra2, dec2, ra, dec) < _SAME_PLACE)
        x = unwrapped(x, self.around, (self.shape[1] - 1) / 2)
        return np.where(lost, np.nan, x), np.where(lost, np.nan, y)

    def window(self, x0: int, x1: int, y0: int, y1: int) -> np.ndarray:
        """Pixels of a part of the mosaic, float32 in units of ``bunit``; NaN without data.

        Columns beyond the ends of one around the whole sky are those at its other end.
        """
        if self.closed and not 0 <= x0 < x1 <= self.shape[1]:
            columns = np.arange(x0, x1) % round(self.around or 1.0)
            raw = self._pixels[y0:y1][:, columns]
        else:
            raw = self._pixels[y0:y1, x0:x1]
        if self._stored_header is None:
            return np.array(raw, np.float32) * self._factor
        return physical_values(raw, self._stored_header) * self._factor


def default_scale(beam: float | None, scale: float) -> float:
    """Arcsec per pixel of cutouts for a beam [arcsec], else the mosaic's own scale."""
    return float(f"{beam / PIXELS_PER_BEAM if beam else scale:.4g}")


class MosaicReader(CutoutReader):
    """A cutout for each source that the mosaic covers.

    ``sources``, ``survey``, ``pixels``: as for :class:`CutoutReader`. Raises CatalogueError if the
    cutouts are too large, or the pixel scale is unknown.
    """

    def __init__(
        self, mosaic: Mosaic, sources: SourceList, survey: SurveyFacts, pixels: int
    ) -> None:
        super().__init__(sources, survey, pixels)
        self.mosaic = mosaic
        # A beam over two pixels of the cutout is sampled well enough to be interpolated, which
        # keeps its peak; without a known beam, larger pixels are averaged.
        seen = mosaic.seen.beam
        beam = survey.beam if "beam" in survey.given or seen is None else seen.fwhm
        self._average = False if beam is not None and beam >= 2 * self.step else None
        self.notes += mosaic.notes
        side = pixels * self.step / mosaic.scale
        if (side + 2 * _MARGIN) ** 2 > _MAX_WINDOW:
            raise CatalogueError(
                f"cutouts of {pixels} pixels of {self.step:g} arcsec are {side:,.0f} pixels of the "
                "mosaic wide; request smaller ones (pixels, pixel_scale)"
            )

    def cutouts(self, first: int) -> Iterator[Step]:
        x, y = self.mosaic.pixel_of(self.ra, self.dec)
        for row in range(first, len(x)):
            yield self._cut(row, float(x[row]), float(y[row]))

    def _cut(self, row: int, x: float, y: float) -> Step:
        ra, dec, name = float(self.ra[row]), float(self.dec[row]), self.names[row]
        ny, nx = self.mosaic.shape
        if not (math.isfinite(x) and -0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5):
            return FileOutcome(name, f"({ra:.5f}, {dec:+.5f}) lies outside the mosaic", row), None
        target = tan_wcs(ra, dec, self.step, self.shape)
        try:
            window, wcs = self._window(target)
            data = resample(window, wcs, target, self.shape, average=self._average)
        except ImageError as error:
            return FileOutcome(name, str(error), row), None
        except Exception as error:  # wcslib and reproject raise errors of every kind
            text = " ".join(str(error).split())[:200] or type(error).__name__
            return FileOutcome(name, f"the cutout fails: {text}", row), None
        data[np.isinf(data)] = np.nan
        good = np.isfinite(data)
        centre = good[tuple(slice(n // 2 - 1, n // 2 + 2) for n in self.shape)]
        covered = float(good.mean())
        if not centre.any() or covered < MIN_COVERED:
            why = f"the mosaic has data in {covered:.0%} of the cutout"
            why += ", and none at the source" if not centre.any() else ""
            return FileOutcome(name, why, row), None
        notes = () if covered > 0.999 else (f"partly covered: {covered:.0%} of the cutout",)
        cells = {"image_ra": ra, "image_dec": dec, "covered": round(covered, 4)} | self.mosaic.cells
        return FileOutcome(name, "", row, cells, notes), data

    def _window(self, target: WCS) -> tuple[np.ndarray, WCS]:
        """The part of the mosaic that a cutout needs, and its WCS."""
        ny, nx = self.shape
        grid_y, grid_x = np.meshgrid(np.linspace(-0.5, ny - 0.5, 9), np.linspace(-0.5, nx - 0.5, 9))
        with quiet():
            ra, dec = target.all_pix2world(grid_x.ravel(), grid_y.ravel(), 0)
        x, y = self.mosaic.pixel_of(np.asarray(ra), np.asarray(dec))
        if not np.isfinite(x).any():
            raise ImageError("its surroundings are outside the mosaic's projection")
        my, mx = self.mosaic.shape
        middle = float(x[len(x) // 2]) if np.isfinite(x[len(x) // 2]) else float(np.nanmedian(x))
        x = unwrapped(x, self.mosaic.around, middle)
        if self.mosaic.closed:
            x0 = math.floor(np.nanmin(x)) - _MARGIN
            x1 = min(math.ceil(np.nanmax(x)) + _MARGIN + 1, x0 + round(self.mosaic.around or 0.0))
        else:
            x0, x1 = _range(x, mx)
        y0, y1 = _range(y, my)
        if (x1 - x0) * (y1 - y0) > _MAX_WINDOW:
            raise ImageError(f"the cutout needs {x1 - x0} x {y1 - y0} pixels of the mosaic")
        data = self.mosaic.window(x0, x1, y0, y1)
        return data, shifted(recentred(self.mosaic.wcs, middle), -x0, -y0)


def _range(pixels: np.ndarray, size: int) -> tuple[int, int]:
    good = pixels[np.isfinite(pixels)]
    low = max(0, math.floor(good.min()) - _MARGIN)
    high = min(size, math.ceil(good.max()) + _MARGIN + 1)
    return min(low, size - 1), max(high, low + 1)
