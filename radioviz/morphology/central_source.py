"""The source at the centre of a cutout: its pixels, size and flux."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radioviz.data.noise_level import blank_pixels
from radioviz.data.preprocess import FIRST_BEAM
from radioviz.morphology.noise import Noise, measure_noise
from radioviz.morphology.shape import (
    BeamAxes,
    Chord,
    Moments,
    largest_extent,
    moments,
    outermost_peaks,
)
from radioviz.morphology.size_scale import (
    FAINT,
    SCATTER,
    SMALLEST,
    SURE,
    catalogue_scale,
    end_error,
)
from radioviz.morphology.sources import (
    ISLAND_SIGMA,
    PEAK_SIGMA,
    Islands,
    associate,
    find_islands,
    grow,
)

_AT = 1.5  # beams from a place to the nearest pixel of an island that is there
DYNAMIC_RANGE = 0.005  # of the peak: typical level of sidelobes in snapshot surveys


@dataclass(frozen=True)
class SourceSize:
    """Largest angular size of one source in arcsec."""

    # isophote, peaks, spread, reach: what :func:`radioviz.morphology.size_scale.catalogue_scale`
    # takes
    isophote: float
    peaks: float
    spread: float
    reach: float
    size: float  # on the scale of catalogues; an upper limit unless ``resolved``
    error: float  # of ``size``, 68 %; NaN for a limit
    resolved: bool
    flag: str  # doubts, separated by blanks: see :data:`radioviz.morphology.size_scale.DOUBTS`


@dataclass(frozen=True)
class CentralSource:
    """Islands of one image, and which of them form its source; ``beam`` in pixels."""

    given: np.ndarray  # the image as stored
    blank: np.ndarray  # its pixels without data
    image: np.ndarray  # float32, background subtracted, finite
    noise: Noise
    islands: Islands
    belongs: np.ndarray  # (k,)
    beam: float
    pixel_scale: float
    others: np.ndarray | None = None  # places of other sources of a list
    axes: BeamAxes | None = None  # of a beam that is not round

    @cached_property
    def pixels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row and column from the image centre, and brightness, of each pixel of the source."""
        chosen = self.islands.pixels_of(self.belongs)
        return self.islands.y[chosen], self.islands.x[chosen], self.islands.value[chosen]

    def mask_of(self, belongs: np.ndarray) -> np.ndarray:
        """Mask ``(ny, nx)`` of the pixels of the chosen islands."""
        mask = np.zeros(self.image.shape, dtype=bool)
        chosen = self.islands.pixels_of(belongs)
        ny, nx = self.image.shape
        rows = np.rint(self.islands.y[chosen] + (ny - 1) / 2).astype(int)
        mask[rows, np.rint(self.islands.x[chosen] + (nx - 1) / 2).astype(int)] = True
        return mask

    @cached_property
    def moments(self) -> Moments:
        """Second moments of the brightness."""
        return moments(*self.pixels, self.beam, self.axes)

    @cached_property
    def _floor(self) -> float:
        """Brightness below which noise and sidelobes are likely."""
        peak = float(self.pixels[2].max())
        return min(max(PEAK_SIGMA * self.noise.sigma, DYNAMIC_RANGE * peak), peak)

    @cached_property
    def _secure(self) -> np.ndarray:
        """Which pixels can be an end of the source.

        Within 1.5 beams of each a pixel exceeds 4 sigma and 0.5 % of the peak, or it is in a
        diffuse lobe: noise and sidelobes at 3 sigma often adjoin a bright source.
        """
        from scipy import ndimage

        y, x, value = self.pixels
        rows, columns = (np.rint(a - a.min()).astype(int) for a in (y, x))
        brightness = np.zeros((rows.max() + 1, columns.max() + 1))
        brightness[rows, columns] = value
        local = ndimage.maximum_filter(brightness, 2 * round(1.5 * self.beam) + 1)[rows, columns]
        diffuse = self.islands.diffuse[self.islands.pixels_of(self.belongs)]
        return np.flatnonzero(diffuse | (local >= self._floor))

    @cached_property
    def isophote(self) -> Chord:
        """Largest extent above 3 sigma between secure ends, in pixels, the beam removed."""
        y, x, value = (a[self._secure] for a in self.pixels)
        level = ISLAND_SIGMA * self.noise.sigma
        return largest_extent(y, x, value, level, self.beam, self.axes)

    @cached_property
    def size(self) -> SourceSize:
        """Largest angular size on the scale of catalogues, its error and doubts."""
        scale, chord = self.pixel_scale, self.isophote
        parts = (
            chord.length * scale,
            outermost_peaks(*self.pixels, self._floor) * scale,
            self.moments.major * scale if math.isfinite(self.moments.major) else 0.0,
            sum(chord.reach) * scale,
        )
        isophote, peaks, spread, reach = np.array(parts)[:, None]
        size = float(catalogue_scale(isophote, peaks, spread, reach, self.beam * scale)[0])
        sigma = self.noise.sigma
        ends = scale * math.hypot(
            *(
                end_error(local, sigma, ISLAND_SIGMA * sigma, reach, self.beam)
                for local, reach in zip(chord.local, chord.reach, strict=True)
            )
        )
        limit = max(self.unresolved, 2 * ends)
        if self._shapeless:
            limit = max(limit, parts[0], size)
        if not size > limit:
            return SourceSize(*parts, limit, math.nan, False, self._doubts(separate=False))
        error = math.hypot(ends, SCATTER * size)
        return SourceSize(*parts, size, error, True, self._doubts())

    @property
    def unresolved(self) -> float:
        """The least upper limit of a size, arcsec."""
        return SMALLEST * self.pixel_scale * (self.axes.major if self.axes else self.beam)

    @property
    def _shapeless(self) -> bool:
        """Too faint for its shape: noise gives a point of 6 sigma an isophote of three beams."""
        sigma = self.noise.sigma
        if self.pixels[2].max() >= FAINT * sigma:
            return False
        return int((self.islands.peak[self.belongs] >= SURE * sigma).sum()) < 2

    def _doubts(self, separate: bool = True) -> str:
        sigma, value = self.noise.sigma, self.pixels[2]
        found = []
        if value.max() < FAINT * sigma:
            found.append("faint")
        chosen = np.flatnonzero(self.belongs)
        if separate and len(chosen) > 1:
            island = np.repeat(chosen, np.diff(self.islands.start)[chosen])
            brightest = island[int(value.argmax())]
            ends = zip(self._secure[list(self.isophote.pixel)], self.isophote.local, strict=True)
            if any(island[p] != brightest and local < FAINT * sigma for p, local in ends):
                found.append("islands")
        if self._cut_off():
            found.append("edge")
        if self.others is not None and self.islands.at(self.others, _AT * self.beam)[chosen].any():
            found.append("neighbour")
        return " ".join(found)

    def _cut_off(self) -> bool:
        """Whether a pixel of the source is at the edge of the image or beside a blank one."""
        y, x, _ = self.pixels
        ny, nx = self.image.shape
        if np.abs(y).max() >= (ny - 1) / 2 - 0.5 or np.abs(x).max() >= (nx - 1) / 2 - 0.5:
            return True
        if not self.blank.any():
            return False
        return bool((grow(self.blank) & self.mask_of(self.belongs)).any())

    @property
    def peak(self) -> float:
        """Largest pixel of the source, as stored in the image."""
        return float(np.nanmax(self.given[self.mask_of(self.belongs)].astype(np.float64)))

    def flux(self) -> float:
        """Sum over the source in image units.

        Where the image still has the wings below 3 sigma, the source is grown by a beam to include
        them: they hold 30 % of the flux of a point source of 10 sigma.
        """
        if self.noise.clipped:
            return float(self.pixels[2].sum())
        mask = self.mask_of(self.belongs)
        others = self.mask_of(~self.belongs)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        reach = math.ceil(self.beam)
        window = (
            slice(max(rows[0] - reach, 0), rows[-1] + reach + 1),
            slice(max(columns[0] - reach, 0), columns[-1] + reach + 1),
        )
        mask = mask[window]
        for _ in range(reach):
            mask = grow(mask)
        return float(self.image[window][mask & ~others[window]].sum(dtype=np.float64))


def find_source(
    image: np.ndarray,
    pixel_scale: float,
    raw: bool,
    beam: float,
    shifted: bool = False,
    rms: float = math.nan,
    box: float = math.nan,
    others: np.ndarray | None = None,
    axes: BeamAxes | None = None,
) -> CentralSource:
    """Source of one image ``(ny, nx)``; ``beam`` in pixels, ``pixel_scale`` in arcsec.

    ``rms`` is its noise where that is stated, in the unit of the pixels; ``box`` the side in arcsec
    of a box around the centre of the image that holds the source, where it is known: what lies
    beyond is never of it. ``others`` are places of other sources of a list, x and y in pixels from
    the centre, shape ``(m, 2)``: an island at one, or much nearer to one, is never of it, but for
    one at the centre; and where a list has a source there need not be one, unless it has a box.
    ``axes`` are those of a beam that is not round.
    """
    noise = measure_noise(image, raw, shifted, rms)
    blank = blank_pixels(image)
    restored = noise.restore(image, blank)
    islands = find_islands(restored, blank, noise, beam)
    mine = np.ones(len(islands), dtype=bool)
    if math.isfinite(box):
        mine = np.maximum(np.abs(islands.cx), np.abs(islands.cy)) * pixel_scale <= box / 2
    elif others is not None and len(islands):
        mine = ~islands.at(others, _AT * beam)
        central = int(islands.nearest.argmin())
        mine[central] |= islands.nearest[central] <= _AT * beam
    belongs = np.zeros(len(islands), dtype=bool)
    belongs[mine] = associate(
        islands.only(mine), noise.sigma, beam, FIRST_BEAM / pixel_scale,
        there=others is None or math.isfinite(box),
    )  # fmt: skip
    return CentralSource(
        image, blank, restored, noise, islands, belongs, beam, pixel_scale, others, axes
    )
