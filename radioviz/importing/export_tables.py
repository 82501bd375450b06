"""Tables of RadioViz's own exports, alone, in an archive, or as DS9 regions, read back."""

from __future__ import annotations

import dataclasses
import re
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.readers.user_tables import read_table
from radioviz.store.spreadsheets import as_written

SOURCES_CSV = "sources.csv"
# Columns that only place a row in its export, or that images and other columns say too.
_PLACES = ("image_hdu", "image_file", "image_plane")
_REDUNDANT = ("data_set", "beam", "bunit", *_PLACES)
_OF_EXPORT = {"data_set", "source_id", "las_origin", "pixel_scale", "bunit"}
_OF_GENERATED = {"image_file", "source_id", "simulated"}
_MOST_SOURCES_BYTES = 1 << 28


def is_export(table: UserTable) -> bool:
    """True for a table that RadioViz wrote."""
    columns = set(table.frame.columns)
    return columns >= _OF_EXPORT or columns >= _OF_GENERATED


def restored(table: UserTable) -> tuple[UserTable, pd.Series | None]:
    """A table of an export without what the export added, and the files of its images."""
    frame = table.frame
    text = {
        name: as_written(frame[name])
        for name in frame.columns
        if all(isinstance(cell, str) for cell in frame[name])
    }
    frame = frame.assign(**text)
    files = next((frame[name] for name in ("image_hdu", "image_file") if name in frame), None)
    kept = [name for name in frame.columns if name not in _REDUNDANT]
    # CSV has no units; those of the Catalogue are known.
    units = {name: "deg" for name in ("ra", "dec") if name in frame} | table.units
    return dataclasses.replace(table, frame=frame[kept], units=units), files


def table_inside(path: Path) -> UserTable | None:
    """The table ``sources.csv`` of an archive or an unpacked one; None if there is none."""
    if path.is_dir():
        inside = path / SOURCES_CSV
        table = read_table(inside) if inside.is_file() else None
        return table if table and is_export(table) else None
    if not zipfile.is_zipfile(path):
        return None
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            member = archive.getinfo(SOURCES_CSV)
            if member.file_size > _MOST_SOURCES_BYTES:
                return None
            copy = Path(folder) / SOURCES_CSV
            copy.write_bytes(archive.read(member))
            table = read_table(copy)
    except (KeyError, CatalogueError, zipfile.BadZipFile, RuntimeError, OSError):
        return None  # the reader of its images says what is wrong with it
    return table if is_export(table) else None


def is_contact_sheet(path: Path) -> bool:
    """True for the PNG of a contact sheet, by the text in its head."""
    with path.open("rb") as file:
        head = file.read(1 << 12)
    return head.startswith(b"\x89PNG") and b"tEXtSoftware\0RadioViz" in head


# -- DS9 regions ---------------------------------------------------------------------------------

_SHAPE = re.compile(
    r"^(?:circle|ellipse|box|point|annulus)\(([^,()]+),([^,()]+)[,)]", re.IGNORECASE
)
_LABEL = re.compile(r"text=(?:\{([^}]*)\}|\"([^\"]*)\"|'([^']*)')")
_J2000 = ("fk5", "icrs", "j2000")
_SYSTEMS = (*_J2000, "fk4", "b1950", "galactic", "ecliptic", "image", "physical", "linear", "wcs")


def is_regions(path: Path) -> bool:
    """True for a DS9 region file."""
    with path.open("rb") as file:
        return file.read(64).startswith(b"# Region file format: DS9")


def read_regions(path: Path) -> UserTable:
    """Positions and names of the regions of a DS9 file; sizes are no measurements and not read.

    Raises CatalogueError if there are no regions, or they are in another frame than J2000.
    """
    rows, system = [], ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        for part in line.split("#")[0].split(";"):
            word = part.strip().lower()
            system = word if word in _SYSTEMS else system
            shape = _SHAPE.match(word)
            if not shape:
                continue
            if system not in _J2000:
                raise CatalogueError(
                    f"{path}: regions in {system or 'no frame'}; save them from DS9 in fk5 or icrs"
                )
            label = _LABEL.search(line)
            name = next((g for g in label.groups() if g), "") if label else ""
            rows.append((name, shape[1].strip(), shape[2].strip()))
    if not rows:
        raise CatalogueError(f"{path}: no circle, ellipse, box or point in this region file")
    frame = pd.DataFrame(rows, columns=["name", "ra", "dec"], index=range(1, len(rows) + 1))
    units = {}
    if all(re.fullmatch(r"[+-]?[\d.]+(?:e[+-]?\d+)?d?", cell) for cell in frame["ra"]):
        for column in ("ra", "dec"):
            frame[column] = frame[column].str.rstrip("d").astype(float)
            units[column] = "deg"
    else:
        units = {"ra": "hour", "dec": "deg"}
    note = "DS9 regions hold positions and names alone: no classes, sizes or latent vectors"
    return UserTable(frame, units=units, notes=(note,))
