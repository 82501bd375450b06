"""A mock field as files: the image in strips, its truth catalogue, its regions."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from radioviz import __version__
from radioviz.data.catalogue import COLUMNS, Column
from radioviz.errors import FieldError
from radioviz.export.cards import ORIGIN, block, card, commentary, primary
from radioviz.export.fits import write_table_hdu
from radioviz.export.groups import SelectionTable, timestamp
from radioviz.export.regions import regions_of
from radioviz.export.tables import write_votable_table
from radioviz.images.known_surveys import Beam
from radioviz.jobs.progress import Progress, no_progress
from radioviz.mock_fields.beam_noise import BeamNoise
from radioviz.mock_fields.population import draw_sources
from radioviz.mock_fields.settings import FieldSettings, covariance
from radioviz.mock_fields.stamps import Stamp, beam_stamp, galaxy_stamp
from radioviz.mock_fields.templates import SHARP, Templates, make_templates
from radioviz.sky import tan_wcs
from radioviz.store.atomic import atomic_file, report_unwritable

FILES = {".fits": "the image", ".truth.fits": "the truth catalogue", ".truth.vot": "the same",
         ".reg": "DS9 regions"}  # fmt: skip
"""Ending of each file of a field and what it is."""

_SPARE = 2**26  # bytes of the disk to leave free

TRUTH: dict[str, Column] = {
    "source_id": Column("str", "", "meta.id;meta.main", "Number of the source in this field"),
    "ra": Column("float64", "deg", "pos.eq.ra;meta.main", "Centroid, right ascension, J2000"),
    "dec": Column("float64", "deg", "pos.eq.dec;meta.main", "Centroid, declination, J2000"),
    "x": Column("float64", "pix", "pos.cartesian.x", "Centroid, FITS pixel, the first is 1"),
    "y": Column("float64", "pix", "pos.cartesian.y", "Centroid, FITS pixel, the first is 1"),
    "label": COLUMNS["label"],
    "las": Column("float64", "arcsec", "phys.angSize", "Largest angular size; 0: unresolved"),
    "flux_mjy": Column("float64", "mJy", "phot.flux.density", "Integrated flux density"),
    "peak_mjy": Column("float64", "mJy/beam", "phot.flux.density;stat.max", "Brightest pixel"),
    "snr": Column("float64", "", "stat.snr", "Brightest pixel over the noise; NaN without noise"),
    "in_field": Column("float64", "", "phot.flux;arith.ratio", "Part of the flux on the image"),
    "resolution": Column(
        "float64", "arcsec", "phys.angSize;instr.beam",
        "FWHM of the generated galaxy before it was convolved; where it is above the beam, the "
        "source is blurred by it",
    ),
    "cluster": Column("int64", "", "meta.id.parent", "Cluster of the source, -1 for none"),
    "template": Column("int64", "", "meta.number", "Number of the generated galaxy, -1 for none"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Painter:
    """Draws the sources of a field one by one."""

    settings: FieldSettings
    sources: pd.DataFrame  # see :func:`radioviz.mock_fields.population.draw_sources`
    templates: Templates
    chosen: np.ndarray  # template of each source, -1 for none
    beam: np.ndarray  # covariance over x, y of the image [pixels^2]

    @classmethod
    def of(
        cls,
        settings: FieldSettings,
        sources: pd.DataFrame,
        progress: Progress = no_progress,
        templates: Templates | None = None,
    ) -> Painter:
        """With galaxies of every class of the sources; generated where none are given."""
        if templates is None:
            templates = make_templates(settings, sources["label"].unique().tolist(), progress)
        chosen = templates.choose(sources, settings)
        beam = covariance(settings.beam) / settings.pixel**2
        return cls(settings, sources, templates, chosen, beam)

    @property
    def resolution(self) -> np.ndarray:
        """FWHM [arcsec] of the generated galaxy of each source; 0 of unresolved ones."""
        return np.where(self.chosen >= 0, self._scale() * self.templates.beam, 0.0)

    def _scale(self) -> np.ndarray:
        """Sizes of the sources over those of their templates."""
        if not len(self.templates.las):
            return np.ones(len(self.sources))
        return self.sources["las"].to_numpy(float) / self.templates.las[self.chosen]

    def stamp(self, row: int) -> Stamp:
        """Source ``row`` [Jy/beam]; the same each time."""
        settings, source = self.settings, self.sources.iloc[row]
        x, y, flux = float(source["x"]), float(source["y"]), float(source["flux_mjy"])
        if self.chosen[row] < 0:
            stamp = beam_stamp(x, y, self.beam)
        else:
            chance = np.random.default_rng([settings.seed, 3, row]).random(2)
            which = self.chosen[row]
            pixel = self.templates.pixel
            stamp = galaxy_stamp(
                x,
                y,
                self.templates.images[which],
                scale=float(source["las"]) / self.templates.las[which] * pixel / settings.pixel,
                angle=2 * np.pi * chance[0],
                mirror=bool(chance[1] < 0.5),
                own_beam=self.templates.beam / pixel,
                beam=self.beam,
            )
        factor = np.float32(flux / 1000 * settings.beam_pixels)
        return Stamp(stamp.values * factor, stamp.row, stamp.column)

    def strips(
        self,
        width: int,
        height: int,
        rows: int,
        progress: Progress = no_progress,
        seen: np.ndarray | None = None,
    ) -> Iterator[tuple[int, np.ndarray, dict[int, tuple[float, float]]]]:
        """The sources in strips of an image, without noise.

        ``seen``: pixels that are not blank, bool ``(height, width)``; by default all.

        Yields
        ------
        start : int
            First row of the strip.
        strip : numpy.ndarray
            Float32 ``(up to rows, width)``, Jy/beam.
        drawn : dict
            Of each source that begins in it: brightest pixel [Jy/beam] and the part of its flux on
            the image.
        """
        order = np.argsort(self.sources["y"].to_numpy(float), kind="stable")
        y = self.sources["y"].to_numpy(float)[order]
        reach, later, at = self._reach(), [], 0
        for start in range(0, height, rows):
            stop = min(start + rows, height)
            strip = np.zeros((stop - start, width), np.float32)
            drawn = {}
            while at < len(order) and y[at] - reach < stop:
                row = int(order[at])
                stamp = self.stamp(row)
                inside = _overlap(stamp, 0, height, width)
                if seen is not None:
                    top, left = max(0, stamp.row), max(0, stamp.column)
                    y_size, x_size = inside.shape
                    inside = inside * seen[top : top + y_size, left : left + x_size]
                whole = float(stamp.values.sum(dtype=np.float64))
                part = float(inside.sum(dtype=np.float64)) / whole
                drawn[row] = float(stamp.values.max()), part
                later.append(stamp)
                at += 1
                if at % 16 == 0:
                    progress(start, height, "drawing sources")
            for stamp in later:
                _add(strip, stamp, start)
            later = [s for s in later if s.row + len(s.values) > stop]
            yield start, strip, drawn
            progress(stop, height, "drawing sources")

    def _reach(self) -> float:
        """Pixels that no source exceeds from its centre."""
        largest = self.sources["las"].max() if len(self.sources) else 0.0
        # The corner of the largest template, and the beam.
        own = np.sqrt(2) * self.templates.images.shape[-1] * self.templates.pixel
        scale = (self._scale()[self.chosen >= 0]).max(initial=0.0)
        wide = 5 * np.sqrt(np.linalg.eigvalsh(self.beam)[-1]) * 2 + 8
        return float(max(largest, own * scale) / self.settings.pixel + wide)


def write_image(
    file: IO[bytes],
    painter: Painter,
    progress: Progress = no_progress,
    created: dt.datetime | None = None,
) -> pd.DataFrame:
    """Write the image of a field as FITS, strip by strip, and return the truth catalogue.

    ``file``: binary file open for writing, not necessarily seekable. Returns the columns of
    :data:`TRUTH`.
    """
    settings = painter.settings
    wcs = tan_wcs(settings.ra, settings.dec, settings.pixel, (settings.height, settings.width))
    file.write(block(_cards(painter, wcs.to_header().cards, created)))

    def keep(start: int, strip: np.ndarray) -> None:
        file.write(strip.astype(">f4").tobytes())

    truth = draw_field(painter, keep, progress)
    file.write(bytes(-4 * settings.width * settings.height % 2880))
    return truth


def draw_field(
    painter: Painter,
    keep: Callable[[int, np.ndarray], object],
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """Draw a field, sources and noise, and return its truth catalogue.

    ``keep``: called with the first row of each strip and the strip, float32 ``(rows, width)``,
    Jy/beam.
    """
    settings = painter.settings
    wcs = tan_wcs(settings.ra, settings.dec, settings.pixel, (settings.height, settings.width))
    noise = BeamNoise(settings.seed, painter.beam) if settings.rms > 0 else None
    n = len(painter.sources)
    peak, part = np.zeros(n), np.zeros(n)
    strips = painter.strips(settings.width, settings.height, settings.strip_rows, progress)
    for start, strip, drawn in strips:
        if noise is not None:
            strip += noise.rows(start, start + len(strip), settings.width) * np.float32(
                settings.rms / 1000
            )
        keep(start, strip)
        for row, (highest, share) in drawn.items():
            peak[row], part[row] = highest, share
    x, y = painter.sources["x"].to_numpy(float), painter.sources["y"].to_numpy(float)
    ra, dec = wcs.wcs_pix2world(x, y, 0) if n else (x, y)
    return truth_table(painter, ra, dec, peak, part)


def truth_table(
    painter: Painter, ra: np.ndarray, dec: np.ndarray, peak: np.ndarray, part: np.ndarray
) -> pd.DataFrame:
    """The truth catalogue; ``peak`` in Jy/beam, ``part`` of the flux on the image."""
    sources, rms = painter.sources, painter.settings.rms
    index = np.append(painter.templates.index, -1)
    table = sources.assign(
        source_id=[f"mock-{i:07d}" for i in range(len(sources))],
        ra=ra,
        dec=dec,
        x=sources["x"] + 1,
        y=sources["y"] + 1,
        peak_mjy=1000 * peak,
        snr=1000 * peak / rms if rms else np.nan,
        in_field=part,
        resolution=painter.resolution,
        template=index[painter.chosen],
    )
    return table[list(TRUTH)]


def blurred_words(truth: pd.DataFrame, beam: Beam) -> str:
    """How many sources are less sharp than the beam, to follow their number; empty of none."""
    number = int((truth["resolution"] > 1.001 * beam.minor / SHARP).sum())
    return (
        f", {number:,} less sharp than the beam: no generated galaxy was large enough (column "
        "resolution)"
    ) * bool(number)


def truth_catalogue(truth: pd.DataFrame, painter: Painter) -> SelectionTable:
    """The truth catalogue as a described table, for FITS and VOTable."""
    made = (
        f"Mock field of RadioViz {__version__}: no source in it exists.",
        f"Galaxies by {painter.templates.made}.",
        f"Settings: {painter.settings.describe()}",
    )
    return SelectionTable(truth, TRUTH, {}, made)


def write_mock_field(
    path: Path, settings: FieldSettings, progress: Progress = no_progress
) -> pd.DataFrame:
    """Write a field: ``path`` (.fits), and beside it its truth catalogue and regions.

    ``path``: the image; the other files have the endings of :data:`FILES`. Returns the truth
    catalogue, columns as in :data:`TRUTH`. Raises FieldError if the field does not fit on the disk,
    which is said before anything is drawn, or its settings cannot be drawn.
    """
    path = Path(path)
    if path.suffix != ".fits":
        raise FieldError(f"{path.name} does not end in .fits")
    check_disk(settings, path.parent)
    painter = Painter.of(settings, draw_sources(settings), progress)
    stem = path.name.removesuffix(".fits")
    with report_unwritable(path, FieldError, setting="the path"):
        with atomic_file(path, parents=False) as scratch, scratch.open("wb") as file:
            truth = write_image(file, painter, progress)
        for ending in FILES:
            if ending == ".fits":
                continue
            with (
                atomic_file(path.with_name(stem + ending), parents=False) as scratch,
                scratch.open("wb") as file,
            ):
                write_part(file, ending, truth, painter)
    return truth


def write_part(file: IO[bytes], ending: str, truth: pd.DataFrame, painter: Painter) -> None:
    """Write one of the small files of a field (see :data:`FILES`)."""
    if ending == ".reg":
        file.write(regions_of(truth).encode("ascii"))
        return
    table = truth_catalogue(truth, painter)
    if ending == ".truth.vot":
        write_votable_table(file, table)
        return
    file.write(primary(table.provenance, None, len(truth)))
    write_table_hdu(file, table, "TRUTH")


def write_archive(
    file: IO[bytes], stem: str, painter: Painter, progress: Progress = no_progress
) -> None:
    """Write all files of a field into a ZIP, the image as it is drawn."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(f"{stem}.fits", "w", force_zip64=True) as image:
            truth = write_image(image, painter, progress)
        for ending in FILES:
            if ending != ".fits":
                with archive.open(stem + ending, "w") as part:
                    write_part(part, ending, truth, painter)


def check_disk(settings: FieldSettings, folder: Path) -> None:
    """Raise FieldError if a field does not fit on the disk of ``folder``."""
    where = folder if folder.exists() else Path.cwd()
    free = shutil.disk_usage(where).free - _SPARE
    wanted = settings.image_bytes + 600 * settings.count
    if wanted > free:
        raise FieldError(
            f"the field takes {wanted / 1e9:,.2f} GB ({settings.cost()}), and {where} has "
            f"{max(0, free) / 1e9:,.2f} GB left. Choose fewer pixels or another disk"
        )


def _cards(painter: Painter, wcs: list[tuple[str, object, str]],
           created: dt.datetime | None) -> str:  # fmt: skip
    settings = painter.settings
    head = [
        card("SIMPLE", True), card("BITPIX", -32), card("NAXIS", 2),
        card("NAXIS1", settings.width), card("NAXIS2", settings.height),
        card("SIMULAT", True, "generated by a model, not observed"),
        card("OBJECT", "MOCK FIELD"), card("ORIGIN", ORIGIN),
        card("DATE", timestamp(created), "UTC of writing"),
        card("BUNIT", "Jy/beam"),
        card("BMAJ", settings.beam.major / 3600, "[deg] FWHM"),
        card("BMIN", settings.beam.minor / 3600, "[deg] FWHM"),
        card("BPA", settings.beam.pa, "[deg] north through east"),
        card("RESTFRQ", settings.frequency * 1e9, "[Hz]"),
        card("FREQ", settings.frequency * 1e9, "[Hz] where PyBDSF looks for it"),
        card("RMS", settings.rms / 1000, "[Jy/beam] noise, correlated by the beam"),
        card("SEED", settings.seed, "seed of the field"),
        card("NSOURCES", len(painter.sources), "see the truth catalogue"),
        card("FLUXLOW", settings.flux_range[0], "[mJy] faintest source"),
        card("FLUXHIGH", settings.flux_range[1], "[mJy] brightest source"),
        card("SLOPE", settings.slope, "of the counts dN/dS ~ S**-slope"),
    ]  # fmt: skip
    head += [card(str(k), v, str(c)) for k, v, c in wcs if k not in ("MJDREF", "WCSAXES")]
    text = [
        "Simulated: no source in this image exists.",
        f"Galaxies by {painter.templates.made}; scaled, rotated, mirrored.",
    ]
    return "".join(head) + commentary("COMMENT", text)


def _overlap(stamp: Stamp, start: int, stop: int, width: int) -> np.ndarray:
    """The part of a stamp in rows ``start`` to ``stop`` of an image."""
    top, left = max(0, start - stamp.row), max(0, -stamp.column)
    return stamp.values[top : max(top, stop - stamp.row), left : max(left, width - stamp.column)]


def _add(strip: np.ndarray, stamp: Stamp, start: int) -> None:
    part = _overlap(stamp, start, start + len(strip), strip.shape[1])
    if part.size:
        row, column = max(0, stamp.row - start), max(0, stamp.column)
        strip[row : row + part.shape[0], column : column + part.shape[1]] += part
