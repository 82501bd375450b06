"""A folder of FITS cutouts as a Catalogue.

Every file is read or refused by name, with its reason, and all that are read share one
array: the shape and pixel scale that most of them have. Other shapes are cropped or
padded (NaN) about the centre, other scales resampled; north is turned up and east left.
Two passes: the headers first, to know what most files have, then the pixels, written
to the disk one after the other, so that memory does not grow with the folder.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue, Progress, SurveyInfo, complete_columns, j2000_name
from radioviz.data.datasets.first import FIRST_LICENCE
from radioviz.data.datasets.mirabest import decode_names
from radioviz.data.matching import same_as, separation_arcsec
from radioviz.errors import CatalogueError, ImageError
from radioviz.images.common_grid import Common, Placed, facts, place
from radioviz.images.reading import MAX_PIXELS, peek_fits, read_fits, upright
from radioviz.importing.stack import ImageStack

__all__ = ["SUFFIXES", "Common", "Placed", "facts", "find_files", "place", "read", "table_of"]

SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fits.fz", ".fz")

# class_RA+Dec_z_size, as the cutouts of MiraBest are called.
_MIRABEST = re.compile(r"[123][01][0124]_\d+\.\d+[+-]\d+\.\d+_-?\d+\.\d+_\d+\.\d+")
# A name gives positions to 0.001 deg; within this of the image centre, the centre is the
# same position to more digits.
_ROUNDING_ARCSEC = 3.0


@dataclass
class _Notes:
    """Refusals one by one; what was noted of many files alike, together."""

    refused: list[str] = field(default_factory=list)
    shared: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def sentences(self) -> tuple[str, ...]:
        grouped = [
            f"{names[0]}: {text}"
            if len(names) == 1
            else f"{len(names)} files ({names[0]}, ...): {text}"
            for text, names in self.shared.items()
        ]
        return (*(f"Refused {text}" for text in self.refused), *grouped)


def find_files(folder: Path) -> list[Path]:
    """FITS files of a folder and the folders in it, sorted; hidden ones are left out.

    Raises
    ------
    CatalogueError
        If the folder is missing, cannot be listed, or holds no FITS file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CatalogueError(f"{folder}: no such folder; give one that holds FITS files")

    def refuse(error: OSError) -> None:
        raise CatalogueError(
            f"{error.filename}: cannot be listed: {error.strerror or error}"
        ) from error

    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        found.extend(
            Path(parent) / n
            for n in names
            if n.lower().endswith(SUFFIXES) and not n.startswith(".")
        )
    if not found:
        raise CatalogueError(
            f"{folder}: holds no FITS file; files called *{', *'.join(SUFFIXES)} are read"
        )
    return sorted(found)


def read(
    folder: Path,
    key: str,
    progress: Progress = lambda done, total, what: None,
    scratch: Path | None = None,
    *,
    title: str = "",
    pixel_scale: float | None = None,
    beam: float | None = None,
    bunit: str | None = None,
    survey: str = "",
    shape: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Catalogue:
    """Read all cutouts of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Searched with the folders in it. Names of the form ``class_RA+Dec_z_size.fits``
        (MiraBest) give label, position, redshift and angular size; otherwise the
        position is the centre of the image by its WCS, if it has one.
    key : str
        Identifier of the data set; identifiers of sources begin with it.
    progress : callable
        ``progress(done, total, what)`` in files. May raise to stop.
    scratch : pathlib.Path, optional
        Folder in which ``images.npy`` is written; default an unnamed temporary file.
    title, survey : str
        Default: the name of the folder, and SURVEY of the headers.
    pixel_scale, beam : float, optional
        Arcsec. ``pixel_scale`` serves files without a WCS and becomes the common scale;
        ``beam`` replaces that of the headers.
    bunit : str, optional
        Unit of files that state none.
    shape : tuple of int, optional
        Common ``(ny, nx)``; default the most frequent one.
    max_pixels : int
        Largest image that is read.

    Returns
    -------
    Catalogue
        ``raw`` is True: noise and NaN are as in the files. Extra columns: ``file``
        (relative path), ``image_ra``, ``image_dec`` [deg], ``same_as``, and ``wcs_header``
        where the WCS of a row is not the plain one. ``notes`` begin with ``Refused <file>:
        <reason>`` for every file that was refused.

    Raises
    ------
    CatalogueError
        If there is no FITS file, none can be read, the pixel scale is not to be had, or
        the images cannot be stored.
    """
    files = find_files(folder)
    notes = _Notes()
    common, readable = _survey_headers(
        Path(folder), files, notes, progress, pixel_scale, bunit, survey, shape, max_pixels
    )
    rows: dict[str, list[Any]] = defaultdict(list)
    beams: list[float] = []
    frequencies: list[float] = []
    with ImageStack(common.shape, len(readable), scratch) as stack:
        for done, path in enumerate(readable, 1):
            name = _shown(path, folder)
            try:
                image = upright(read_fits(path, name=name, max_pixels=max_pixels), max_pixels)
                placed = place(image, common, bunit)
            except ImageError as error:
                notes.refused.append(str(error))
            else:
                stack.append(placed.data)
                for column, cell in facts(placed, name, common).items():
                    rows[column].append(cell)
                for note in placed.notes:
                    notes.shared[note].append(name)
                if placed.beam is not None:
                    beams.append(placed.beam.fwhm)
                if placed.frequency is not None:
                    frequencies.append(placed.frequency)
            progress(done, len(readable), "reading images")
        if not rows:
            raise CatalogueError(_none_readable(Path(folder), notes))
        images = stack.finish()
    info = SurveyInfo(
        key=key,
        title=title or Path(folder).resolve().name,
        pixel_scale=common.scale,
        beam=beam if beam is not None else (float(np.median(beams)) if beams else None),
        bunit=common.bunit,
        raw=True,
        frequency=float(np.median(frequencies)) if frequencies else None,
        licence=licence_of(rows["survey"]),
        origin=str(folder),
    )
    return Catalogue(info, table_of(rows, key, info.title), images, notes.sentences())


# -- first pass --------------------------------------------------------------------------


def _survey_headers(
    folder: Path,
    files: list[Path],
    notes: _Notes,
    progress: Progress,
    pixel_scale: float | None,
    bunit: str | None,
    survey: str,
    shape: tuple[int, int] | None,
    max_pixels: int,
) -> tuple[Common, list[Path]]:
    """What most files have, and the files whose headers can be read."""
    shapes: Counter[tuple[int, int]] = Counter()
    scales: Counter[float] = Counter()
    units: Counter[str] = Counter()
    surveys: Counter[str] = Counter()
    readable = []
    for done, path in enumerate(files, 1):
        try:
            seen = peek_fits(path, name=_shown(path, folder), max_pixels=max_pixels)
        except ImageError as error:
            notes.refused.append(str(error))
        else:
            readable.append(path)
            shapes[seen.shape] += 1
            units[seen.bunit or bunit or ""] += 1
            surveys[seen.survey] += 1
            if seen.pixel_scale is not None:
                # Four digits: the same scale computed at two declinations counts as one.
                scales[float(f"{seen.pixel_scale:.4g}")] += 1
        if done % 20 == 0 or done == len(files):
            progress(done, len(files), "reading headers")
    if not readable:
        raise CatalogueError(_none_readable(folder, notes))
    scale = pixel_scale if pixel_scale is not None else _most(scales)
    if scale is None:
        raise CatalogueError(
            f"{folder}: no file has a WCS, so the pixel scale is unknown; "
            "give pixel_scale in arcsec"
        )
    common = shape or _most(shapes)
    if common is None or common[0] * common[1] > max_pixels:
        raise CatalogueError(f"{folder}: no common image shape of at most {max_pixels:,} pixels")
    named = _most(Counter({k: v for k, v in surveys.items() if k}))
    return Common(common, scale, _most(units) or "", survey or named or ""), readable


def licence_of(surveys: Iterable[str]) -> str:
    """Terms of use of images of these surveys, as far as they are known here."""
    first = any(s.strip().upper().removeprefix("VLA ").startswith("FIRST") for s in surveys)
    return FIRST_LICENCE if first else ""


def _most(counts: Counter[Any]) -> Any:
    """The most frequent value; the larger one of two that are equally frequent."""
    return max(counts, key=lambda value: (counts[value], value)) if counts else None


def _none_readable(folder: Path, notes: _Notes) -> str:
    first = "; ".join(notes.refused[:3])
    more = f" and {len(notes.refused) - 3} more" if len(notes.refused) > 3 else ""
    return f"{folder}: none of its {len(notes.refused)} FITS files can be read: {first}{more}"


# -- table ---------------------------------------------------------------------------------


def table_of(rows: dict[str, list[Any]], key: str, title: str) -> pd.DataFrame:
    """Table of the cells that :func:`facts` gives, with what the names of the files tell."""
    table = pd.DataFrame(rows)
    table["file"] = [_printable(name) for name in table["file"]]
    stems = [_stem(name) for name in table["file"]]
    table["source_id"] = _unique(f"{key}-{s}" for s in stems)
    table["origin"] = title
    table["name"] = ""
    last = pd.Series([s.rsplit("/", 1)[-1] for s in stems])
    named = last.map(lambda s: bool(_MIRABEST.fullmatch(s))).to_numpy()
    if named.any():
        found = decode_names((last[named] + ".png").to_numpy(), title)
        found.index = table.index[named]
        with np.errstate(invalid="ignore"):
            apart = separation_arcsec(
                found["ra"].to_numpy(),
                found["dec"].to_numpy(),
                table.loc[named, "ra"].to_numpy(),
                table.loc[named, "dec"].to_numpy(),
            )
        finer = apart < _ROUNDING_ARCSEC
        found.loc[finer, ["ra", "dec"]] = table.loc[named, ["ra", "dec"]][finer]
        for column in found.columns:
            if column not in table.columns:
                table[column] = pd.Series(dtype=found[column].dtype).reindex(table.index)
            table.loc[named, column] = found[column]
    table["name"] = j2000_name(table["ra"].to_numpy(), table["dec"].to_numpy())
    if not any(table["wcs_header"]):
        table = table.drop(columns="wcs_header")
    table["same_as"] = same_as(table)
    return complete_columns(table)


def _stem(name: str) -> str:
    suffix = max((s for s in SUFFIXES if name.lower().endswith(s)), key=len, default="")
    return name[: len(name) - len(suffix)]


def _shown(path: Path, folder: Path) -> str:
    return _printable(path.relative_to(folder).as_posix())


def _printable(name: str) -> str:
    """Name safe to print and to store: file names may hold bytes that are no text."""
    clean = "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else "_" for c in name)
    return clean.encode("utf-8", "replace").decode("utf-8")


def _unique(names: Iterable[str]) -> list[str]:
    """Names told apart by a number where two are the same."""
    seen: Counter[str] = Counter()
    taken: set[str] = set()
    out: list[str] = []
    for name in names:
        candidate = name
        while candidate in taken:
            seen[name] += 1
            candidate = f"{name}-{seen[name] + 1}"
        taken.add(candidate)
        out.append(candidate)
    return out
