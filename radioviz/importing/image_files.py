"""Images in files: a folder, a ZIP or tar, one file, or the files that a table names."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError, ImageError
from radioviz.importing.readers import image_archives
from radioviz.importing.source_rows import SourceList

FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fits.fz", ".fz")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
_OUTSIDE = "a link to a file outside of the folder; put the file itself there"
_NOT_AN_IMAGE = "not an image by its name: neither FITS, PNG nor JPEG"


@dataclass(frozen=True)
class FileEntry:
    """One file that may be an image: its name, and its content unless it is refused."""

    name: str
    content: Path | bytes | None = None
    refused: str = ""


def is_picture(name: str) -> bool:
    """True for a PNG or JPEG by its name."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def is_image(name: str) -> bool:
    """True for a FITS, PNG or JPEG by its name."""
    return name.lower().endswith((*FITS_SUFFIXES, *PICTURE_SUFFIXES))


def printable_name(name: str) -> str:
    """A name that is safe to print and store: file names may hold bytes that are not text."""
    clean = "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else "_" for c in name)
    return clean.encode("utf-8", "replace").decode("utf-8")


def without_suffix(name: str, suffixes: tuple[str, ...] = FITS_SUFFIXES) -> str:
    """A file name without the longest of the suffixes that it ends with."""
    suffix = max((s for s in suffixes if name.lower().endswith(s)), key=len, default="")
    return name[: len(name) - len(suffix)]


def without_name(text: str, name: str) -> str:
    """A message without the file name at its start, which the report gives already."""
    for start in (name, PurePosixPath(name).name):
        if text.startswith(f"{start}: "):
            return text[len(start) + 2 :]
    return text


def list_folder(folder: Path) -> list[str]:
    """Files of a folder and its subfolders, sorted, as relative paths, without hidden ones.

    Raises CatalogueError if it cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise CatalogueError(f"{error.filename}: cannot be listed: {error.strerror or error}")

    found = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        inside = Path(parent).relative_to(folder)
        found += [(inside / n).as_posix() for n in names if not n.startswith(".")]
    return sorted(found)


class ImageFiles:
    """The files of a folder, an archive, or one file, in a fixed order.

    Raises CatalogueError if the path is none of them, cannot be read, or holds no image.
    ``without``: the table that names the images, where it lies in their folder.
    """

    def __init__(self, path: Path, without: Path | None = None) -> None:
        self.path = path
        self._members: image_archives.ZipByName | None = None
        self.archive = path.is_file() and image_archives.is_archive(path)
        if self.archive:
            self.names = [m.name for m in image_archives.archive_members(path)]
        elif path.is_dir():
            table = without.resolve() if without else None
            self.names = [n for n in list_folder(path) if (path / n).resolve() != table]
        else:
            self.names = [path.name]
        if not any(is_image(n) for n in self.names):
            raise CatalogueError(
                f"{path}: none of its {len(self.names)} file(s) is an image by its name; expected "
                f"*{', *'.join((*FITS_SUFFIXES, *PICTURE_SUFFIXES))}"
            )

    def entries(self, start: int = 0) -> Iterator[FileEntry]:
        """All files in order, from number ``start``."""
        if self.archive:
            for i, member in enumerate(image_archives.archive_members(self.path)):
                if i >= start:
                    yield self._entry(member)
            return
        yield from map(self._file, self.names[start:])

    def _file(self, name: str) -> FileEntry:
        if not is_image(name):
            return FileEntry(name, refused=_NOT_AN_IMAGE)
        path = self.inside(name)
        within = not path.is_symlink() or path.resolve().is_relative_to(self.path.resolve())
        return FileEntry(name, path) if within else FileEntry(name, refused=_OUTSIDE)

    def _entry(self, member: image_archives.ArchiveMember) -> FileEntry:
        if member.refused or not is_image(member.name):
            return FileEntry(member.name, refused=member.refused or _NOT_AN_IMAGE)
        try:
            return FileEntry(member.name, member.read())
        except ImageError as error:
            return FileEntry(member.name, refused=without_name(str(error), member.name))

    def inside(self, name: str) -> Path:
        """Path of a file of a folder, or of the one file."""
        return self.path / name if self.path.is_dir() else self.path

    def open(self, name: str) -> FileEntry:
        """One file by its name, in any order.

        Raises CatalogueError if the files are in a tar, which can only be read from its beginning.
        """
        if not self.archive:
            return self._file(name)
        if self._members is None:
            self._members = image_archives.ZipByName(self.path)
        return self._entry(self._members.member(name))

    def sample(self, count: int) -> Iterator[FileEntry]:
        """Images spread over the source; the first ones of a tar, which cannot seek."""
        images = [i for i, n in enumerate(self.names) if is_image(n)]
        places = np.linspace(0, len(images) - 1, min(count, len(images)), dtype=int)
        chosen = {images[i] for i in places}
        if not self.archive:
            yield from (self._file(self.names[i]) for i in sorted(chosen))
            return
        if image_archives.archive_kind(self.path) != "zip":
            chosen = set(images[:count])
        for i, member in enumerate(image_archives.archive_members(self.path)):
            if i in chosen:
                entry = self._entry(member)
                if not entry.refused:
                    yield entry
            if i >= max(chosen):
                return

    def named(self, names: dict[str, list[int]]) -> Iterator[FileEntry]:
        """The files in ``names``: in the archive's order, or by the first of their rows."""
        if not self.archive:
            by_row = sorted(names, key=lambda name: names[name][0])
            yield from map(self._file, by_row)
            return
        seen: set[str] = set()
        for entry in self.entries():
            if entry.name in names and entry.name not in seen:
                seen.add(entry.name)
                yield entry


def name_files(files: ImageFiles, sources: SourceList) -> SourceList:
    """The list with the column that names the files; any column whose cells are file names will do.

    Raises CatalogueError if no column names one of the files.
    """
    here: set[str] = set()
    for name in files.names:
        last = PurePosixPath(name).name
        here |= {name, last, without_suffix(last, (*FITS_SUFFIXES, *PICTURE_SUFFIXES))}
    if sources.images is not None and _named_rows(sources.images, here):
        return sources
    found: dict[str, pd.Series] = {}
    for column in ("source_id", "name", *map(str, sources.frame.columns)):
        text = _as_names(sources.frame[column])
        # Each file once: small whole numbers of any meaning may be names of some files.
        if text is not None and (rows := _named_rows(text, here)):
            named = text[text.isin(here) | text.str.rpartition("/")[2].isin(here)]
            if rows and not named.duplicated().any():
                found.setdefault(column, text)
    if not found:
        shown = ", ".join(map(repr, files.names[:3]))
        raise CatalogueError(
            f"{files.path}: no row of the table has its image here: no column names one of the "
            f"files ({shown} ...); map one by hand (columns: image)"
        )
    counts = {column: _named_rows(text, here) for column, text in found.items()}
    best = max(counts, key=lambda column: counts[column])
    rivals = [c for c in found if counts[c] == counts[best] and not found[c].equals(found[best])]
    if rivals:
        raise CatalogueError(
            f"{files.path}: columns '{best}' and '{rivals[0]}' of the table could both name the "
            "images; map one by hand (columns: image)"
        )
    said = f"'{best}' ({counts[best]:,} of {len(sources.frame):,} rows)"
    return dataclasses.replace(sources, images=found[best], found={**sources.found, "image": said})


def _as_names(cells: pd.Series) -> pd.Series | None:
    """Cells as names of files; None if they are numbers with a fraction."""
    if cells.dtype.kind == "f":
        if not (cells.notna() & (cells == cells.round())).all():
            return None
        cells = cells.astype("int64")
    return cells.astype(str).str.strip()


def _named_rows(names: pd.Series, here: set[str]) -> int:
    """How many cells name a file, with or without folders in front."""
    text = names.astype(str).str.strip()
    last = text.str.replace("\\", "/").str.rpartition("/")[2]
    return int((text.str.removeprefix("./").isin(here) | last.isin(here)).sum())


def match_files(
    files: ImageFiles, sources: SourceList
) -> tuple[dict[str, list[int]], list[tuple[str, str]]]:
    """Rows of the table by file, and rows whose file is missing, with the reason.

    A path must lie in the folder or archive. If it is not found as written, its last part
    decides where only one file has that name, with or without its suffix.
    """
    here = set(files.names)
    by_last: dict[str, list[str]] = {}
    for name in files.names:
        last = PurePosixPath(name).name
        for form in {last, without_suffix(last, (*FITS_SUFFIXES, *PICTURE_SUFFIXES))}:
            by_last.setdefault(form, []).append(name)
    rows: dict[str, list[int]] = {}
    lost: list[tuple[str, str]] = []
    images = sources.images if sources.images is not None else pd.Series(dtype=object)
    for row, cell in enumerate(images):
        written = "" if pd.isna(cell) else str(cell).strip()
        plain = written.replace("\\", "/").removeprefix("./")
        label = written or f"row {sources.frame.index[row]}"
        if not written:
            lost.append((label, "the table names no file"))
        elif "://" in written:
            lost.append((label, "an address, not a file; download it first"))
        elif ".." in plain.split("/"):
            lost.append((label, "a path with '..' leads outside the folder"))
        elif plain in here:
            rows.setdefault(plain, []).append(row)
        else:
            found = by_last.get(PurePosixPath(plain).name, [])
            if len(found) == 1:
                rows.setdefault(found[0], []).append(row)
            else:
                several = f"{len(found)} files have this name" if found else "no such file here"
                lost.append((label, several))
    return rows, lost
