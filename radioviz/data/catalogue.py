"""The Catalogue: one table with fixed column names and units, plus its images.

A Catalogue is a pandas table of ``n`` rows and one memory-mapped image array of shape
``(n, ny, nx)``, with no Python object per galaxy. Row ``i`` of the table belongs to
image ``i``. Where a source has several images (bands, epochs), the stored array has shape
``(n, planes, ny, nx)``, and ``images`` is the plane that was chosen, by default the first.
Images are in FITS order: axis 0 grows to the north and axis 1 to the west, so that
``imshow(image, origin="lower")`` has north up and east left.

``ra``/``dec`` is the position of the source; the optional columns ``image_ra``/``image_dec``
are the centre of the image, if a survey cut its images at coarser coordinates. Only the
latter define the WCS.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from radioviz.data.source_columns import (
    COLUMNS,
    IMAGE_COLUMNS,
    LABELS,
    SPLITS,
    Column,
    SurveyInfo,
    complete_columns,
    describe_images,
    round_beam,
)
from radioviz.data.source_planes import MISSING, check_names, number_of, table_of_plane
from radioviz.errors import CatalogueError
from radioviz.paths import make_folder
from radioviz.sky import tan_wcs
from radioviz.store import records
from radioviz.store.atomic import put_in_place, scratch_folder, unwritable, write_json
from radioviz.store.identifiers import Identifiers, as_lines, digest_of

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.wcs import WCS

__all__ = [
    "COLUMNS",
    "FORMAT_VERSION",
    "IMAGE_COLUMNS",
    "LABELS",
    "SPLITS",
    "Catalogue",
    "Column",
    "SurveyInfo",
    "complete_columns",
]

FORMAT_VERSION = 1


class _Meta(msgspec.Struct):
    """Content of ``catalogue.json``."""

    info: dict[str, Any]
    notes: list[Any] = []
    planes: list[str] = []
    units: list[str] = []


@dataclass(frozen=True, eq=False)
class Catalogue:
    """A data set: table, images and facts about the survey.

    Attributes
    ----------
    info : SurveyInfo
    table : pandas.DataFrame
        ``n`` rows, the columns of :data:`COLUMNS` in that order, then any others. Absent ones of
        :data:`IMAGE_COLUMNS` are filled with the survey's value.
    images : numpy.ndarray
        Shape ``(n, ny, nx)``, uint8 or float32, possibly memory-mapped; treat as read-only. An
        array ``(n, planes, ny, nx)`` is taken as ``cube``.
    notes : tuple of str
        What the reader refused or repaired, one sentence per file or row.
    folder : pathlib.Path or None
        Where it is stored, None if only in memory.
    planes : tuple of str
        Names of the images of each source; empty where each has one.
    cube : numpy.ndarray or None
        All of them, shape ``(n, planes, ny, nx)``; ``images`` is a view of it.
    plane : int
        Which of them ``images``, ``info`` and the columns of the table are of, counted from 0.
    units : tuple of str
        Unit of the pixels of each plane; empty where all have that of ``info``.
    """

    info: SurveyInfo
    table: pd.DataFrame
    images: np.ndarray
    notes: tuple[str, ...] = ()
    folder: Path | None = field(default=None)
    planes: tuple[str, ...] = ()
    cube: np.ndarray | None = None
    plane: int = 0
    units: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.images.ndim == 4:
            self._take_planes(self.images)
        if self.images.ndim != 3:
            raise CatalogueError(
                f"data set '{self.info.key}': images have shape {self.images.shape}; "
                "expected (n, ny, nx), or (n, planes, ny, nx)"
            )
        if len(self.table) != len(self.images):
            raise CatalogueError(
                f"data set '{self.info.key}': {len(self.table)} table rows but "
                f"{len(self.images)} images; each row needs one image"
            )
        object.__setattr__(self, "table", describe_images(self.table, self.info))
        missing = [c for c in COLUMNS if c not in self.table.columns]
        if missing:
            raise CatalogueError(
                f"data set '{self.info.key}': column(s) {', '.join(missing)} missing; "
                f"a catalogue holds {', '.join(COLUMNS)}"
            )
        ids = self.table["source_id"]
        if not ids.is_unique:
            repeated = ids[ids.duplicated()].iloc[0]
            raise CatalogueError(
                f"data set '{self.info.key}': source_id '{repeated}' occurs more than once; "
                "every source needs a unique identifier"
            )

    def _take_planes(self, cube: np.ndarray) -> None:
        number = cube.shape[1]
        names = check_names(self.planes or [str(i + 1) for i in range(number)])
        if len(names) != number or not number:
            raise CatalogueError(
                f"data set '{self.info.key}': {number} images of each source, but "
                f"{len(names)} names of planes ({', '.join(names) or 'none'})"
            )
        if len(set(self.units)) == 1:
            object.__setattr__(self, "units", ())
        if self.units and len(self.units) != number:
            raise CatalogueError(
                f"data set '{self.info.key}': {len(self.units)} units of {number} planes"
            )
        several = number > 1
        object.__setattr__(self, "planes", names if several else ())
        object.__setattr__(self, "cube", cube if several else None)
        object.__setattr__(self, "images", cube[:, self.plane])

    def __len__(self) -> int:
        return len(self.table)

    def plane_number(self, plane: str | int) -> int:
        """Number of a plane, from 0, by its name; CatalogueError where there is none."""
        return number_of(self.planes, plane, self.info.key)

    def of_plane(self, plane: str | int) -> Catalogue:
        """The same sources with the images of another plane; nothing is copied.

        Columns that describe images are those of the plane, and what was measured in others is
        taken out: measure it again.

        Raises CatalogueError if there is no plane of this name or number.
        """
        number = self.plane_number(plane)
        if self.cube is None or number == self.plane:
            return self
        if number not in self._views:
            self._views[number] = self._in_plane(number, self.cube)
        return self._views[number]

    @cached_property
    def _views(self) -> dict[int, Catalogue]:
        return {}

    def _in_plane(self, number: int, cube: np.ndarray) -> Catalogue:
        table = table_of_plane(self.table, number, self.plane)
        info = self.info
        if self.units:
            info = dataclasses.replace(info, bunit=self.units[number])
        return dataclasses.replace(
            self, info=info, table=table, images=cube[:, number], plane=number
        )

    def has_images(self, rows: np.ndarray) -> np.ndarray:
        """Which rows have the plane that ``images`` is of, bool ``(m,)``."""
        if not self.planes or MISSING not in self.table:
            return np.ones(len(rows), dtype=bool)
        name = self.planes[self.plane]
        lacking = self.table[MISSING].iloc[rows]
        return np.array([name not in text.split(", ") for text in lacking], dtype=bool)

    def require_images(self, rows: np.ndarray) -> None:
        """Refuse rows whose source lacks the plane that ``images`` is of.

        Raises
        ------
        CatalogueError
            Naming the plane and the first such source.
        """
        lacks = ~self.has_images(rows)
        if lacks.any():
            name = self.planes[self.plane]
            source = self.table["source_id"].iloc[rows].to_numpy()[lacks][0]
            raise CatalogueError(
                f"data set '{self.info.key}': {int(lacks.sum()):,} of {len(lacks):,} source(s) "
                f"have no plane '{name}', such as '{source}'; choose another plane "
                f"({', '.join(self.planes)}), or import them again with missing = refuse, which "
                "leaves out sources without one"
            )

    @cached_property
    def identifiers(self) -> Identifiers:
        """Where each identifier stands."""
        return Identifiers(self.table["source_id"].array)

    def rows_of(self, source_ids: Sequence[str]) -> np.ndarray:
        """Row numbers of identifiers, int64, shape ``(len(source_ids),)``.

        Raises CatalogueError if an identifier is not in this data set (the first one is named).
        """
        rows = self.identifiers.rows_of(source_ids)
        if (rows < 0).any():
            unknown = list(source_ids)[int(np.flatnonzero(rows < 0)[0])]
            raise CatalogueError(f"data set '{self.info.key}' has no source '{unknown[:100]}'")
        return rows

    def known_rows_of(self, source_ids: Sequence[str]) -> np.ndarray:
        """Row numbers of those identifiers that are in this data set, int64."""
        rows = self.identifiers.rows_of(source_ids)
        return rows[rows >= 0]

    def ids_of(self, rows: np.ndarray | slice) -> np.ndarray:
        """Identifiers of some rows, as an array of text."""
        return np.asarray(self.table["source_id"].array[rows], dtype=object)

    def image(self, row: int) -> np.ndarray:
        """Image of one row as float32, shape ``(ny, nx)``; NaN for missing data."""
        return np.asarray(self.images[row], dtype=np.float32)

    @property
    def beams(self) -> np.ndarray:
        """FWHM of the circular beam of the same area, arcsec, NaN if unknown, shape ``(n,)``."""
        return round_beam(self.table["beam_major"].to_numpy(), self.table["beam_minor"].to_numpy())

    @property
    def pixel_scales(self) -> np.ndarray:
        """Arcsec per pixel of each image, shape ``(n,)``."""
        return self.table["pixel_scale"].to_numpy()

    def _cells(self, row: int, *names: str) -> list[float]:
        return [float(self.table[name].array[row]) for name in names]  # not table[names]: a copy

    def beam_shape(self, row: int) -> tuple[float, float, float] | None:
        """Axes [arcsec] and angle [deg] of a beam: NaN for an unknown angle, None for no beam."""
        major, minor, angle = self._cells(row, "beam_major", "beam_minor", "beam_pa")
        if math.isnan(major) or math.isnan(minor):
            return None
        return major, minor, angle

    def info_of(self, row: int) -> SurveyInfo:
        """Facts about one image: those of the survey, with its own beam, frequency and scale."""
        major, minor, frequency, scale = self._cells(
            row, "beam_major", "beam_minor", "frequency", "pixel_scale"
        )
        beam = float(round_beam(np.array(major), np.array(minor)))
        return dataclasses.replace(
            self.info,
            pixel_scale=scale,
            beam=None if math.isnan(beam) else beam,
            frequency=None if math.isnan(frequency) else frequency,
        )

    def info_for(self, beam: float | None) -> SurveyInfo:
        """Facts to compare an image of a beam [arcsec] with this data set.

        Where each image has a beam of its own, that of the image itself: such images are seen
        beam by beam.
        """
        known = self.beams[np.isfinite(self.beams)]
        if self.info.beam is not None or not len(known):
            return self.info
        return dataclasses.replace(self.info, beam=beam or float(np.median(known)))

    @property
    def positions(self) -> SkyCoord:
        """Sky positions (ICRS/J2000), NaN if missing, shape ``(n,)``."""
        from astropy import units as u
        from astropy.coordinates import SkyCoord

        return SkyCoord(self.table["ra"].to_numpy(), self.table["dec"].to_numpy(), unit=u.deg)

    def wcs(self, row: int) -> WCS:
        """Celestial TAN WCS of one image: north up, east left, FK5 J2000.

        The reference pixel is the centre of the array, ``(nx + 1) / 2`` in FITS counting, as
        in SkyView; its position is ``image_ra``, ``image_dec`` if the table has them, else the
        source. The column ``wcs_header`` of images with their own WCS takes precedence.

        Raises CatalogueError if the row has no position, or a header that cannot be read.
        """
        from astropy.io import fits
        from astropy.wcs import WCS

        source = self.table.iloc[row]
        header = source.get("wcs_header", "")
        if isinstance(header, str) and header:
            try:
                return WCS(fits.Header.fromstring(header, sep="\n"))
            except Exception as error:  # astropy and wcslib raise a dozen unrelated classes
                raise CatalogueError(
                    f"source '{source['source_id']}' has an unreadable WCS header: {error}"
                ) from error
        centre = [float(source.get("image_ra", np.nan)), float(source.get("image_dec", np.nan))]
        if not np.isfinite(centre).all():
            centre = [float(source["ra"]), float(source["dec"])]
        if not np.isfinite(centre).all():
            raise CatalogueError(
                f"source '{source['source_id']}' has no sky position, so it has no WCS"
            )
        scale = float(source["pixel_scale"])
        return tan_wcs(centre[0], centre[1], scale, self.images.shape[1:])

    def subset(self, rows: np.ndarray) -> Catalogue:
        """Rows in the given order, images copied into memory.

        ``rows``: row numbers (any order, no repeats) or a boolean mask of length ``n``.
        """
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        table = self.table.iloc[rows].reset_index(drop=True)
        if self.cube is None:
            return dataclasses.replace(self, table=table, images=self.images[rows], folder=None)
        cube = self.cube[rows]
        return dataclasses.replace(
            self, table=table, images=cube[:, self.plane], cube=cube, folder=None
        )

    @cached_property
    def digest(self) -> str:
        """Short SHA-256 over identifiers and survey key, which an Atlas records."""
        return digest_of(self.info.key, as_lines(self.table["source_id"].array))

    def save(self, folder: Path, scratch: Path | None = None) -> Catalogue:
        """Write to ``folder`` in one atomic step and return the stored Catalogue.

        An existing folder is replaced. Two processes may do this at the same time: one of
        the two copies stays.

        Parameters
        ----------
        folder : pathlib.Path
            Target; its parents are created.
        scratch : pathlib.Path, optional
            Sibling folder with an ``images.npy`` that a reader has written, so that a large
            survey is not copied; it is renamed to ``folder``.

        Raises
        ------
        CatalogueError
            If the folder cannot be written (read-only, disk full).
        """
        folder = Path(folder)
        if self.plane:
            return self.of_plane(0).save(folder, scratch)
        try:
            if scratch is None:
                scratch = scratch_folder(folder)
                make_folder(scratch)
            if not (scratch / "images.npy").exists():
                np.save(scratch / "images.npy", self.images if self.cube is None else self.cube)
            elif isinstance(self.images, np.memmap):
                self.images.flush()
            self.table.to_parquet(scratch / "table.parquet", index=False)
            meta: dict[str, Any] = {
                "format": FORMAT_VERSION,
                "info": dataclasses.asdict(self.info),
                "notes": list(self.notes),
                "n": len(self),
            }
            if self.planes:
                meta["planes"] = list(self.planes)
            if self.units:
                meta["units"] = list(self.units)
            write_json(scratch / "catalogue.json", meta)
            put_in_place(scratch, folder)
        except OSError as error:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
            what = f"data set '{self.info.key}'"
            raise unwritable(folder, error, what=what, setting="RADIOVIZ_CACHE") from error
        return Catalogue.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Catalogue:
        """Open a stored Catalogue, images memory-mapped.

        Raises CatalogueError if it is missing, from another format version, or damaged.
        """
        folder = Path(folder)
        try:
            meta = records.read_json_object(folder / "catalogue.json")
            records.check_format(meta, FORMAT_VERSION)
            table = records.read_parquet(folder / "table.parquet")
            images = records.read_npy(folder / "images.npy")
            content = records.to_record(meta, _Meta)
            info = records.to_record(content.info, SurveyInfo)
            for name, column in COLUMNS.items():
                numeric = column.dtype != "str"
                if name in table and pd.api.types.is_numeric_dtype(table[name]) != numeric:
                    raise ValueError(f"column '{name}' of the table is {table[name].dtype}")
        except FileNotFoundError as error:
            raise CatalogueError(
                f"no catalogue in {folder}: {error.filename} is missing"
            ) from error
        except (OSError, ValueError) as error:
            raise CatalogueError(
                f"catalogue in {folder} cannot be read: {error}. If it is damaged, delete the "
                "folder, and build or import it again."
            ) from error
        notes = tuple(map(str, content.notes))
        planes, units = tuple(content.planes), tuple(content.units)
        return cls(info, table, images, notes, folder, planes, units=units)
