"""Uploaded files on the disk, under safe names, ready to import.

A browser may send any name. Here it becomes a path below ``<user data>/uploads/<token>/``;
tables go into a separate folder, so that the folder of images contains nothing else.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from filelock import FileLock

from radioviz.api import confined
from radioviz.api.survey_job import DONE, list_jobs
from radioviz.errors import CatalogueError
from radioviz.importing import Source, unfinished_imports
from radioviz.importing.readers.cube_formats import is_cube
from radioviz.paths import make_folder, user_data_folder
from radioviz.store.atomic import delete_folder, report_unwritable, require_space

IMAGES, TABLES = "images", "tables"
_TABLE_NAMES = (
    ".csv", ".tsv", ".txt", ".dat", ".ecsv", ".vot", ".votable", ".xml", ".parquet", ".tbl",
    ".ipac", ".mrt", ".cat", ".tab", ".asc", ".ascii",
)  # fmt: skip
_FITS_NAMES = (".fits", ".fit", ".fits.gz")
_ZARR = (".zarray", ".zattrs", ".zgroup", ".zmetadata")
_NUMBER = r"[+-]?\d[\d:hmsd.°'\"]*"  # degrees or sexagesimal
_KEPT_SECONDS = 8 * 3600.0  # after the last time its session showed the form
_WRITING_SECONDS = 3600.0  # then a server that ended left it half written
_RESUMABLE_SECONDS = 2 * 86_400.0  # an import that failed or was cancelled may be resumed
_SIZE = ".size"  # holds the bytes of an upload while it is being written
_MAX_PASTED = 2_000_000  # bytes
_MAX_POSITIONS = 100_000  # lines
_MAX_INSPECTED = 100  # FITS files to open in search of tables


@dataclass(frozen=True)
class StagedFiles:
    """Uploaded files of one session."""

    folder: Path
    # images, tables: in order of their names
    images: tuple[Path, ...]
    tables: tuple[Path, ...]
    size: int  # bytes of all of them

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


def stage_files(
    files: Iterable[tuple[str, BinaryIO, int]], earlier: Collection[str] = ()
) -> StagedFiles:
    """Write uploaded files, given as name, content and bytes, to a new folder.

    ``earlier``: folders of earlier uploads of the same session, which count towards its limit.
    Raises CatalogueError if the uploads of the session or of all sessions became too large, or the
    disk has too little space or cannot be written.
    """
    given = list(files)
    folder = uploads_folder() / secrets.token_hex(8)
    delete_stale_uploads()
    try:
        with report_unwritable(folder):
            _reserve(folder, sum(size for _, _, size in given), earlier)
            _write_files(given, folder)
    except CatalogueError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _separate_tables(folder)
    return _listed(folder)


def _reserve(folder: Path, size: int, earlier: Collection[str]) -> None:
    """Create the folder with the size of its upload, if that is within the limits."""
    root = folder.parent
    make_folder(root)
    largest = _max_uploads()
    with FileLock(root.with_name(".uploads.lock"), timeout=30):
        sizes = {path: _size_of(path) for path in root.iterdir() if path.is_dir()}
        own = sum(sizes.get(Path(name), 0) for name in earlier)
        for whose, held, limit in (
            ("of this session", own, largest / 4),
            ("of all sessions", sum(sizes.values()), largest),
        ):
            if held + size > limit:
                raise CatalogueError(
                    f"{size / 1e6:,.1f} MB cannot be uploaded: uploads {whose} have "
                    f"{held / 1e6:,.1f} MB, and at most {limit / 1e6:,.0f} MB are kept until they "
                    "are imported. Start over with fewer files, import on the server itself with "
                    "python -m radioviz.data import, or raise RADIOVIZ_MAX_UPLOADS (MB)"
                )
        folder.mkdir()
        (folder / _SIZE).write_text(str(size), encoding="ascii")


def _max_uploads() -> float:
    """Bytes of all uploads that wait for their import (``RADIOVIZ_MAX_UPLOADS``, in MB)."""
    text = os.environ.get("RADIOVIZ_MAX_UPLOADS") or "20000"
    try:
        return 1e6 * float(text)
    except ValueError:
        raise CatalogueError(
            f"RADIOVIZ_MAX_UPLOADS is '{text}'; set it to a number of MB, such as 20000"
        ) from None


def _size_of(folder: Path) -> int:
    try:
        return int((folder / _SIZE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        size = 0
        for path in _files(folder):
            with suppress(OSError):  # it is being deleted
                size += path.stat().st_size
        return size


def _write_files(files: list[tuple[str, BinaryIO, int]], folder: Path) -> None:
    require_space(folder, sum(size for _, _, size in files), "the uploaded files")
    taken: set[Path] = set()
    for name, content, _ in files:
        path = safe_path(name)
        kind = TABLES if path.name.lower().endswith(_TABLE_NAMES) else IMAGES
        target = _free_path(folder / kind / path, taken)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
    (folder / _SIZE).unlink()


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
    if not 0 < len(fits) <= _MAX_INSPECTED:
        return
    for path in confined.find_fits_tables(fits):
        target = folder / TABLES / path.name
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            path.rename(target)


def _listed(folder: Path) -> StagedFiles:
    images, tables = _files(folder / IMAGES), _files(folder / TABLES)
    return StagedFiles(folder, images, tables, sum(p.stat().st_size for p in (*images, *tables)))


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(p for p in folder.rglob("*") if p.is_file())) if folder.is_dir() else ()


def open_upload(folder: str) -> StagedFiles | None:
    """The files of an earlier upload; None where they are gone."""
    path = Path(folder)
    if not path.is_dir() or path.parent != uploads_folder():
        return None
    with suppress(OSError):
        os.utime(path)  # the session is still there
    return _listed(path)


def delete_upload(folder: Path) -> None:
    """Delete an upload."""
    if folder.parent == uploads_folder() and folder.is_dir():
        delete_folder(folder)


def delete_stale_uploads() -> None:
    """Delete uploads whose session has ended and that no import reads or may resume.

    One that a server left half written, and that still counts with its whole size, goes earlier.
    """
    root = uploads_folder()
    if not root.is_dir():
        return
    needed = {Path(p) for u in unfinished_imports() for p in (u.path, u.table) if p}
    jobs = [job for job in list_jobs() if job.progress.state != DONE]
    running = {Path(job.request.upload) for job in jobs if job.active}
    resumable = {Path(job.request.upload) for job in jobs}
    for folder in root.iterdir():
        if folder in running or any(folder in path.parents for path in needed):
            continue
        kept = _RESUMABLE_SECONDS if folder in resumable else _KEPT_SECONDS
        if (folder / _SIZE).exists():
            kept = _WRITING_SECONDS
        with suppress(OSError):  # another session deletes it
            if folder.is_dir() and time.time() - folder.stat().st_mtime > kept:
                shutil.rmtree(folder, ignore_errors=True)


def positions_csv(text: str) -> bytes:
    """Convert pasted positions, one source per line, to a CSV with a header.

    A first line with column names is kept. Otherwise a line is RA and Dec with an optional name
    in front, separated by commas, semicolons, tabs or blanks, in degrees or in sexagesimal with
    colons or six numbers.

    Raises CatalogueError if there is no line, one cannot be parsed, or they are too many.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > _MAX_PASTED:
        raise CatalogueError(
            f"{size:,} bytes of positions were pasted; at most {_MAX_PASTED:,} are read. Upload "
            "them as a table under Files"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("#")]
    if len(lines) > _MAX_POSITIONS:
        raise CatalogueError(
            f"{len(lines):,} lines of positions were pasted; at most {_MAX_POSITIONS:,} are read. "
            "Upload them as a table under Files"
        )
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
