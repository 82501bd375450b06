"""Uploaded files on the disk, under safe names, ready to import.

A browser may send any name. Here it becomes a path below ``<user data>/uploads/<token>/``;
tables go into a separate folder, so that the folder of images contains nothing else.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from radioviz.errors import CatalogueError, ImageError
from radioviz.importing import Source, unfinished_imports
from radioviz.importing.readers.cube_formats import is_cube
from radioviz.paths import user_data_folder
from radioviz.store.atomic import delete_folder, report_unwritable, require_space

IMAGES, TABLES = "images", "tables"
_TABLE_NAMES = (".csv", ".tsv", ".txt", ".dat", ".ecsv", ".vot", ".votable", ".xml", ".parquet")
_FITS_NAMES = (".fits", ".fit", ".fits.gz")
_ZARR = (".zarray", ".zattrs", ".zgroup", ".zmetadata")
_NUMBER = r"[+-]?\d[\d:hmsd.°'\"]*"  # degrees or sexagesimal
_KEPT_SECONDS = 2 * 86_400.0
_MAX_INSPECTED = 100  # FITS files to open in search of tables


@dataclass(frozen=True)
class StagedFiles:
    """Uploaded files of one session.

    Attributes
    ----------
    folder : pathlib.Path
    images, tables : tuple of pathlib.Path
        In order of their names.
    size : int
        Bytes of all of them.
    """

    folder: Path
    images: tuple[Path, ...]
    tables: tuple[Path, ...]
    size: int

    def source(self, table: Path | None) -> Source | None:
        """The source to import, with this table; None without files."""
        if not self.images:
            return Source(table) if table else None
        folder = self.folder / IMAGES
        if len(self.images) == 1 and self.images[0].parent == folder:
            return Source(self.images[0], table)
        tops = {folder / path.relative_to(folder).parts[0] for path in self.images}
        if len(tops) == 1 and is_cube(top := tops.pop()):
            return Source(top, table)  # a zarr folder
        return Source(folder, table)


def uploads_folder() -> Path:
    """Folder of all uploads (not created here)."""
    return user_data_folder() / "uploads"


def safe_path(name: str) -> PurePosixPath:
    """A safe relative path made from the name of an uploaded file.

    >>> str(safe_path("../../etc/passwd"))
    'etc/passwd'
    >>> str(safe_path("C:\\\\data\\\\a.fits"))
    'data/a.fits'
    """
    # File systems do not accept half of a UTF-16 pair.
    plain = name.encode("utf-8", "replace").decode("utf-8").replace("\\", "/")
    plain = re.sub(r"^[A-Za-z]:", "", plain)
    parts = []
    for part in plain.split("/"):
        part = re.sub(r"[\x00-\x1f\x7f]", "_", part).strip()
        # No hidden files except those of zarr; names of at most 200 bytes that keep their suffix.
        if part not in _ZARR:
            part = part.lstrip(".")
        while len(part.encode()) > 200:
            part = part[1:]
        if part:
            parts.append(part)
    return PurePosixPath(*parts[-8:]) if parts else PurePosixPath("file")


def stage_files(files: Iterable[tuple[str, BinaryIO, int]]) -> StagedFiles:
    """Write uploaded files, given as name, content and bytes, to a new folder.

    Raises
    ------
    CatalogueError
        If the disk has too little space or cannot be written.
    """
    given = list(files)
    folder = uploads_folder() / secrets.token_hex(8)
    try:
        with report_unwritable(folder):
            _write_files(given, folder)
    except CatalogueError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _separate_tables(folder)
    return _listed(folder)


def _write_files(files: list[tuple[str, BinaryIO, int]], folder: Path) -> None:
    folder.mkdir(parents=True)
    require_space(folder, sum(size for _, _, size in files), "the uploaded files")
    taken: set[Path] = set()
    for name, content, _ in files:
        path = safe_path(name)
        kind = TABLES if path.name.lower().endswith(_TABLE_NAMES) else IMAGES
        target = _free_path(folder / kind / path, taken)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)


def _free_path(path: Path, taken: set[Path]) -> Path:
    """``path``, or a similar one that no file or folder of this upload has."""
    candidate, number = path, 2
    while candidate in taken or candidate.exists() or any(p.is_file() for p in candidate.parents):
        candidate = path.with_name(f"{number}-{path.name}")
        if any(p.is_file() for p in candidate.parents):  # a file has the name of its folder
            candidate = path.parent.with_name(f"{number}-{path.parent.name}") / path.name
        number += 1
    taken.add(candidate)
    return candidate


def _separate_tables(folder: Path) -> None:
    """Move FITS that contain only tables to the other tables."""
    fits = [p for p in _files(folder / IMAGES) if p.name.lower().endswith(_FITS_NAMES)]
    if len(fits) > _MAX_INSPECTED:
        return
    for path in fits:
        if not _has_image(path):
            target = folder / TABLES / path.name
            target.parent.mkdir(exist_ok=True)
            if not target.exists():
                path.rename(target)


def _listed(folder: Path) -> StagedFiles:
    images, tables = _files(folder / IMAGES), _files(folder / TABLES)
    return StagedFiles(folder, images, tables, sum(p.stat().st_size for p in (*images, *tables)))


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(p for p in folder.rglob("*") if p.is_file())) if folder.is_dir() else ()


def _has_image(path: Path) -> bool:
    """False only for a FITS with nothing but tables; the import refuses damaged ones."""
    from radioviz.images.hdus import open_source

    try:
        with open_source(path) as file:
            kinds = [h.is_image for h in file.hdus if h.is_image or h.kind == "table"]
            return any(kinds) or not kinds
    except ImageError:
        return True


def open_upload(folder: str) -> StagedFiles | None:
    """The files of an earlier upload; None where they are gone."""
    path = Path(folder)
    return _listed(path) if path.is_dir() and path.parent == uploads_folder() else None


def delete_upload(folder: Path) -> None:
    """Delete an upload."""
    if folder.parent == uploads_folder() and folder.is_dir():
        delete_folder(folder)


def delete_stale_uploads() -> None:
    """Delete uploads that are days old and that no unfinished import reads."""
    root = uploads_folder()
    if not root.is_dir():
        return
    needed = {Path(p) for u in unfinished_imports() for p in (u.path, u.table) if p}
    for folder in root.iterdir():
        is_needed = any(folder in path.parents for path in needed)
        if not is_needed and time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def positions_csv(text: str) -> bytes:
    """Convert pasted positions, one source per line, to a CSV with a header.

    A first line with column names is kept. Otherwise a line is RA and Dec with an optional name
    in front, separated by commas, semicolons, tabs or blanks, in degrees or in sexagesimal with
    colons or six numbers.

    Raises
    ------
    CatalogueError
        If there is no line, or one cannot be parsed.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("#")]
    if not lines:
        raise CatalogueError("no positions: give RA and Dec of one source per line")
    if not any(re.fullmatch(_NUMBER, c) for c in re.split(r"[,;\s]+", lines[0])) and re.search(
        r"(^|[^a-z])(ra|right|alpha|α)", lines[0], re.I
    ):
        return "\n".join(lines).encode()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "ra", "dec"])
    for number, line in enumerate(lines, start=1):
        writer.writerow(_position(line, number))
    return out.getvalue().encode()


def _position(line: str, number: int) -> list[str]:
    cells = [c.strip() for c in re.split(r"[,;\t]", line) if c.strip()]
    if len(cells) == 1:
        cells = line.split()
    numeric = [bool(re.fullmatch(_NUMBER, c)) for c in cells]
    numbers = len(cells) if all(numeric) else numeric[::-1].index(False)  # at the line's end
    if numbers >= 6:  # hh mm ss dd mm ss
        return [" ".join(cells[:-6]), ":".join(cells[-6:-3]), ":".join(cells[-3:])]
    if numbers in (2, 3):  # numbers in front belong to a name, such as 3C 273
        return [" ".join(cells[:-2]), *cells[-2:]]
    if len(cells) in (2, 3):  # "12 30 49.4, +12 23 28"
        return ["" if len(cells) == 2 else cells[0], *cells[-2:]]
    raise CatalogueError(
        f"line {number}, '{line[:60]}', is not a position; write RA and Dec, such as "
        "'187.706 +12.391' or '12:30:49.4 +12:23:28', with an optional name in front"
    )
