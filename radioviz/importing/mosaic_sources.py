"""Sources of a mosaic that comes without a list: islands above the noise, joined to sources.

Islands are found as in cutouts (:mod:`radioviz.morphology.sources`), in overlapping windows, so
that memory does not grow with the mosaic. Lobes of one source are joined by the rule of
Magliocchetti et al. (1998, MNRAS 300, 257): two islands belong together if they are no further
apart than 100 arcsec (S / 100 mJy)^(1/2), with S the sum of their flux densities at 1.4 GHz, and
neither has more than four times the flux of the other. A fainter or brighter island half-way
between two that are joined is taken for their core.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pandas as pd

from radioviz.data.catalogue import complete_columns
from radioviz.data.noise_level import blank_pixels
from radioviz.errors import CatalogueError
from radioviz.images.orientation import sky_of
from radioviz.importing.inspection import Reader, Step
from radioviz.importing.mosaic import Mosaic, MosaicReader
from radioviz.importing.source_rows import SourceList
from radioviz.importing.survey_facts import SurveyFacts
from radioviz.jobs.progress import Cancelled, Progress, never, no_progress
from radioviz.morphology.frame import BOX
from radioviz.morphology.measuring import BEAM_PIXELS
from radioviz.morphology.noise import measure_noise
from radioviz.morphology.sources import find_islands
from radioviz.sky import j2000_name

DETECTED = 5.0
"""Least peak of an island over the noise around it."""

_WINDOW, _MARGIN = 512, 128  # pixels of a window, and around it, where its islands may extend
_LINK, _LINK_MJY = 100.0, 100.0  # arcsec, mJy: the rule above
_LIKE = 4.0  # most that the fluxes of two lobes differ by
_SPECTRAL_INDEX = -0.7  # for the flux at 1.4 GHz
_RULE_GHZ = 1.4
_TOUCHING = 2.0  # beams between centres within which islands are joined whatever their flux
_CORE = 0.3  # of the distance of two lobes: how far from half-way between them their core may be


@dataclass(frozen=True, eq=False)
class FieldIslands:
    """Islands of a mosaic, the brightest first."""

    # x, y: flux-weighted centre in pixels of the mosaic, from 0, shape ``(k,)``
    x: np.ndarray
    y: np.ndarray
    # peak, flux, noise: in units of the mosaic; ``flux`` is the sum of pixels over the area of the
    # beam
    peak: np.ndarray
    flux: np.ndarray
    noise: np.ndarray
    cut: np.ndarray  # True where it continues beyond the window that it was found in, or the mosaic
    faint: int = 0  # islands left out, whose peak is below :data:`DETECTED`
    # Pixels from the centre of each island to its furthest pixel, shape ``(k,)``.
    reach: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.x)


def find_field(
    mosaic: Mosaic, progress: Progress = no_progress, cancelled: Cancelled = never
) -> FieldIslands:
    """Islands of a mosaic whose peak is :data:`DETECTED` times the noise around it or more."""
    seen = mosaic.seen.beam
    beam = seen.fwhm / mosaic.scale if seen else BEAM_PIXELS
    rows, columns = (range(0, n, _WINDOW) for n in mosaic.shape)
    corners = [(x, y) for y in rows for x in columns]
    found, faint = [np.empty((0, 7))], 0
    for done, corner in enumerate(corners, 1):
        if cancelled():
            break
        some = _in_window(mosaic, *corner, max(beam, 1.0))
        bright = some[:, 2] >= DETECTED * some[:, 4]
        faint += int((~bright).sum())
        found.append(some[bright])
        progress(done, len(corners), "finding sources")
    islands = np.concatenate(found)
    islands = islands[np.argsort(-islands[:, 2], kind="stable")]
    islands = islands[_once(islands[:, :2], beam)]
    x, y, peak, flux, noise, cut, reach = islands.T
    return FieldIslands(x, y, peak, flux, noise, cut > 0, faint, reach)


def _in_window(mosaic: Mosaic, x: int, y: int, beam: float) -> np.ndarray:
    """Islands whose centre is in a window or within a beam of it: the columns of FieldIslands."""
    ny, nx = mosaic.shape
    x0, y0 = max(0, x - _MARGIN), max(0, y - _MARGIN)
    x1, y1 = min(nx, x + _WINDOW + _MARGIN), min(ny, y + _WINDOW + _MARGIN)
    image = mosaic.window(x0, x1, y0, y1)
    blank = blank_pixels(image)
    if blank.all():
        return np.empty((0, 7))
    noise = measure_noise(image, raw=True)
    islands = find_islands(noise.restore(image, blank), blank, noise, beam)
    if not len(islands):
        return np.empty((0, 7))
    middle_y, middle_x = (np.array(image.shape) - 1) / 2
    rows = np.rint(islands.y + middle_y).astype(int)
    columns = np.rint(islands.x + middle_x).astype(int)
    border = np.pad(blank, 1, constant_values=True)
    beside = (border[rows, columns + 1] | border[rows + 2, columns + 1]
              | border[rows + 1, columns] | border[rows + 1, columns + 2])  # fmt: skip
    cut = np.add.reduceat(beside, islands.start[:-1]) > 0
    at_x, at_y = islands.cx + middle_x + x0, islands.cy + middle_y + y0
    own = (np.abs(at_x - x - _WINDOW / 2 + 0.5) <= _WINDOW / 2 + beam) & (
        np.abs(at_y - y - _WINDOW / 2 + 0.5) <= _WINDOW / 2 + beam
    )
    area = math.pi / (4 * math.log(2)) * beam**2
    sigma = np.full(len(islands), noise.sigma)
    number = np.diff(islands.start)
    away = np.hypot(islands.x - np.repeat(islands.cx, number),
                    islands.y - np.repeat(islands.cy, number))  # fmt: skip
    reach = np.maximum.reduceat(away, islands.start[:-1])
    table = np.stack([at_x, at_y, islands.peak, islands.flux / area, sigma, cut, reach], axis=1)
    return table[own]


def _once(places: np.ndarray, beam: float) -> np.ndarray:
    """Which islands to keep, bool ``(k,)``: of those that two windows found, the first."""
    from scipy.spatial import cKDTree

    keep = np.ones(len(places), bool)
    if len(places):
        pairs = cKDTree(places).query_pairs(beam / 2, output_type="ndarray")
        keep[pairs.max(axis=1)] = False
    return keep


def join_islands(
    islands: FieldIslands, scale: float, beam: float, mjy: float, frequency: float | None
) -> np.ndarray:
    """Number of the source of each island, int ``(k,)``, the brightest source 0.

    ``scale``: arcsec per pixel. ``beam``: FWHM in pixels. ``mjy``: of one unit of flux; NaN where
    the unit is unknown. Then only islands whose centres are within two beams are joined.
    ``frequency``: in GHz; None is taken for 1.4 GHz.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    k = len(islands)
    if not k:
        return np.zeros(0, int)
    places = np.stack([islands.x, islands.y], axis=1)
    flux = np.maximum(islands.flux, 1e-30) * mjy
    flux = flux * (_RULE_GHZ / (frequency or _RULE_GHZ)) ** _SPECTRAL_INDEX
    furthest = _LINK * math.sqrt(2 * flux[0] / _LINK_MJY) / scale if flux[0] > 0 else 0.0
    furthest = max(_TOUCHING * beam, min(furthest, float(_WINDOW)))
    tree = cKDTree(places)
    pairs = tree.query_pairs(furthest, output_type="ndarray")
    one, other = pairs.T
    apart = np.hypot(*(places[one] - places[other]).T)
    with np.errstate(invalid="ignore"):
        reach = _LINK * np.sqrt((flux[one] + flux[other]) / _LINK_MJY) / scale
        ratio = np.maximum(flux[one], flux[other]) / np.minimum(flux[one], flux[other])
        lobes = (apart <= reach) & (ratio <= _LIKE)
    linked = lobes | (apart <= _TOUCHING * beam)
    links = [pairs[linked]]
    for a, b in pairs[lobes]:
        middle, between = (places[a] + places[b]) / 2, _CORE * math.dist(places[a], places[b])
        cores = np.array(tree.query_ball_point(middle, between), int)
        links.append(np.stack([cores, np.full(len(cores), a)], axis=1))
    rows, columns = np.concatenate(links).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), (k, k))
    _, label = connected_components(graph, directed=False)
    # Islands are sorted by brightness: number sources by the first of each.
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), int)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def list_sources(
    mosaic: Mosaic, islands: FieldIslands, source: np.ndarray, key: str
) -> tuple[SourceList, list[str]]:
    """A source list of joined islands, and for each of its rows what was joined, in words.

    The position of a source is the flux-weighted centre of its islands, and ``source_box`` holds
    them, so that it is measured without its neighbours.
    """
    n = int(source.max(initial=-1)) + 1
    weight = np.maximum(islands.flux, 1e-30)
    total = np.bincount(source, weight, n)
    x, y = (np.bincount(source, weight * at, n) / total for at in (islands.x, islands.y))
    ra, dec = sky_of(mosaic.wcs, x, y)
    number = np.bincount(source, minlength=n)
    away, radius = np.zeros(n), np.zeros(n)
    apart = np.hypot(islands.x - x[source], islands.y - y[source])
    np.maximum.at(away, source, apart)
    np.maximum.at(radius, source, apart + islands.reach)
    strongest = np.zeros(n)
    np.maximum.at(strongest, source, islands.peak / islands.noise)
    cut = np.bincount(source, islands.cut, n) > 0
    table = pd.DataFrame(
        {
            "source_id": [f"{key}-{i + 1}" for i in range(n)],
            "name": j2000_name(ra, dec),
            "ra": ra,
            "dec": dec,
            "n_joined": number.astype(np.int64),
            "found_snr": strongest,
            BOX: 2 * (radius + 1) * mosaic.scale,
        }
    )
    notes = []
    for joined, reach, incomplete in zip(number, away * mosaic.scale, cut, strict=True):
        parts = [f"joined from {joined} islands within {reach:.0f} arcsec"] if joined > 1 else []
        parts += ["continues beyond the mosaic or the search window"] if incomplete else []
        notes.append("; ".join(parts))
    frame = complete_columns(table)
    frame.index = pd.RangeIndex(1, n + 1)
    found = {"sources": f"{n:,} from {len(islands):,} islands"}
    return SourceList(frame, found=found, units={BOX: "arcsec"}), notes


class FoundReader(Reader):
    """A cutout for each source that is found in a mosaic when it is read.

    ``key``: of the survey: identifiers begin with it; ``survey``, ``pixels``: as for
    :class:`~radioviz.importing.inspection.CutoutReader`.
    """

    def __init__(self, mosaic: Mosaic, key: str, survey: SurveyFacts, pixels: int) -> None:
        super().__init__()
        self.mosaic, self.key, self.survey, self.pixels = mosaic, key, survey, pixels
        self.shape, self.dtype = (pixels, pixels), np.dtype(np.float32)

    def read(self, start: int = 0) -> Iterator[Step]:
        mosaic, survey = self.mosaic, self.survey
        islands = find_field(mosaic, self.progress, self.cancelled)
        if self.cancelled():
            return
        if not len(islands):
            raise CatalogueError(
                f"{mosaic.name}: no island above {DETECTED:g} times the noise; give a source list "
                "(table), or import the file as one image (sources)"
            )
        fwhm = survey.beam or (mosaic.seen.beam.fwhm if mosaic.seen.beam else None)
        calibrated = fwhm is not None and survey.bunit.lower() == "jy/beam"
        source = join_islands(
            islands, mosaic.scale, fwhm / mosaic.scale if fwhm else BEAM_PIXELS,
            1000.0 if calibrated else math.nan, survey.frequency,
        )  # fmt: skip
        sources, notes = list_sources(mosaic, islands, source, self.key)
        inner = MosaicReader(mosaic, sources, survey, self.pixels)
        self.sources, self.total = sources, inner.total
        joined = int((sources.frame["n_joined"] > 1).sum())
        self.notes += [
            *inner.notes,
            f"{len(islands):,} islands above {DETECTED:g} times the noise are {inner.total:,} "
            f"sources; {joined:,} are joined from several",
            f"{islands.faint:,} islands between 4 and {DETECTED:g} times the noise were left",
        ]
        if not calibrated:
            self.notes.append(
                "without a beam and Jy/beam, lobes are not joined by their flux; only islands "
                f"within {_TOUCHING:g} beams are"
            )
        for (outcome, image), note in zip(inner.read(start), notes[start:], strict=True):
            if image is not None and note:
                outcome = msgspec.structs.replace(outcome, notes=(*outcome.notes, note))
            yield outcome, image
