"""Images in files: a folder, a ZIP or tar, one file, or the files that a table names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.matching import separation_arcsec
from radioviz.errors import CatalogueError, ImageError
from radioviz.images.common_grid import Common, facts, place
from radioviz.images.reading import MAX_PIXELS, Peek, SkyImage, peek_fits, read_image
from radioviz.importing.folder import SUFFIXES
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.reader import Reader, Step, SurveyFacts, looks_clipped, stored
from radioviz.importing.readers import image_archives as archives
from radioviz.importing.source_rows import SourceList

PICTURES = (".png", ".jpg", ".jpeg")
_NOT_AN_IMAGE = "not an image by its name: neither FITS, PNG nor JPEG"
_PEEKED, _LOOKED_AT = 128, 16


@dataclass(frozen=True)
class Entry:
    """One file that may be an image: its name, and its content unless it is refused."""

    name: str
    content: Path | bytes | None = None
    refused: str = ""


def is_picture(name: str) -> bool:
    """True for a PNG or JPEG by its name."""
    return name.lower().endswith(PICTURES)


def is_image(name: str) -> bool:
    """True for a FITS, PNG or JPEG by its name."""
    return name.lower().endswith((*SUFFIXES, *PICTURES))


def list_folder(folder: Path) -> list[str]:
    """Files of a folder and the folders in it, sorted, as relative paths; hidden ones left out.

    Raises
    ------
    CatalogueError
        If it cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise CatalogueError(f"{error.filename}: cannot be listed: {error.strerror or error}")

    found = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        inside = Path(parent).relative_to(folder)
        found += [(inside / n).as_posix() for n in names if not n.startswith(".")]
    return sorted(found)


def path_state(path: Path) -> tuple[Any, ...]:
    """What changes when a file, or a file of a folder, changes."""
    if path.is_dir():
        return (str(path.resolve()), *((n, *_stat(path / n)) for n in list_folder(path)))
    return (str(path.resolve()), *_stat(path))


def _stat(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:  # gone, or a broken link: it will be refused when it is read
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


class Files:
    """The files of a folder, an archive, or one file, in a fixed order.

    Raises
    ------
    CatalogueError
        If the path is none of them, cannot be read, or holds no image.
    """

    def __init__(self, path: Path, limits: archives.Limits = archives.LIMITS) -> None:
        self.path, self.limits = path, limits
        self.archive = path.is_file() and archives.is_archive(path)
        if self.archive:
            self.names = [m.name for m in archives.members(path, limits)]
        elif path.is_dir():
            self.names = list_folder(path)
        else:
            self.names = [path.name]
        if not any(is_image(n) for n in self.names):
            raise CatalogueError(
                f"{path}: none of its {len(self.names)} file(s) is an image by its name; files "
                f"called *{', *'.join((*SUFFIXES, *PICTURES))} are read"
            )

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """All files in order, from number ``start`` on."""
        if self.archive:
            for i, member in enumerate(archives.members(self.path, self.limits)):
                if i >= start:
                    yield self._entry(member)
            return
        for name in self.names[start:]:
            if not is_image(name):
                yield Entry(name, refused=_NOT_AN_IMAGE)
            else:
                yield Entry(name, self.inside(name))

    def _entry(self, member: archives.Member) -> Entry:
        if member.refused or not is_image(member.name):
            return Entry(member.name, refused=member.refused or _NOT_AN_IMAGE)
        try:
            return Entry(member.name, member.read())
        except ImageError as error:
            return Entry(member.name, refused=_without_name(str(error), member.name))

    def inside(self, name: str) -> Path:
        """Path of a file of a folder, or of the one file."""
        return self.path / name if self.path.is_dir() else self.path

    def sample(self, count: int) -> Iterator[Entry]:
        """Images spread over the source; of a tar the first ones, which need no seeking."""
        wanted = [i for i, n in enumerate(self.names) if is_image(n)]
        chosen = {wanted[i] for i in np.linspace(0, len(wanted) - 1, min(count, len(wanted)),
                                                 dtype=int)}  # fmt: skip
        if not self.archive:
            yield from (Entry(self.names[i], self.inside(self.names[i])) for i in sorted(chosen))
            return
        if archives.kind(self.path) != "zip":
            chosen = set(wanted[:count])
        for i, member in enumerate(archives.members(self.path, self.limits)):
            if i in chosen:
                entry = self._entry(member)
                if not entry.refused:
                    yield entry
            if i >= max(chosen):
                return


@dataclass(frozen=True)
class Look:
    """What a sample of the files shows, before anything is asked."""

    shape: tuple[int, int] | None
    scale: float | None
    facts: SurveyFacts
    pictures: bool
    images: tuple[SkyImage, ...]
    refused: tuple[tuple[str, str], ...]


def look(files: Files) -> Look:
    """Peek into the headers of some hundred files and read a few whole."""
    peeks: list[Peek] = []
    images: list[SkyImage] = []
    refused: list[tuple[str, str]] = []
    names = [n for n in files.names if is_image(n)]
    pictures = sum(map(is_picture, names)) > len(names) / 2
    sample = list(files.sample(_PEEKED if not files.archive else _LOOKED_AT * 4))
    whole = set(np.linspace(0, len(sample) - 1, min(_LOOKED_AT, len(sample)), dtype=int))
    for i, entry in enumerate(sample):
        if entry.content is None or is_picture(entry.name) != pictures:
            continue
        try:
            if not pictures:
                peeks.append(peek_fits(entry.content, name=entry.name))
            if i in whole:
                images.append(read_image(entry.content, name=entry.name))
        except ImageError as error:
            refused.append((entry.name, _without_name(str(error), entry.name)))
    if pictures:
        shape = _most(i.data.shape for i in images)
        facts_ = SurveyFacts(raw=False)
    else:
        shape = _most(p.shape for p in peeks)
        beams = [i.beam.fwhm for i in images if i.beam is not None]
        frequencies = [i.frequency for i in images if i.frequency is not None]
        facts_ = SurveyFacts(
            beam=float(np.median(beams)) if beams else None,
            bunit=_most(p.bunit for p in peeks) or "",
            survey=_most(p.survey for p in peeks if p.survey) or "",
            raw=not looks_clipped([i.data for i in images]),
            frequency=float(np.median(frequencies)) if frequencies else None,
        )
    scale = _most(float(f"{p.pixel_scale:.4g}") for p in peeks if p.pixel_scale)
    return Look(shape, scale, facts_, pictures, tuple(images), tuple(refused))


def _most(values: Iterable[Any]) -> Any:
    """The most frequent value, the larger of two equally frequent ones; None of none."""
    counts = Counter(values)
    return max(counts, key=lambda v: (counts[v], v)) if counts else None


def _without_name(text: str, name: str) -> str:
    """A message without the file that it starts with: the report has that already."""
    for start in (name, PurePosixPath(name).name):
        if text.startswith(f"{start}: "):
            return text[len(start) + 2 :]
    return text


class FilesReader(Reader):
    """Every image of :class:`Files` on the common grid.

    Parameters
    ----------
    files : Files
    common : Common
        Shape, scale, unit and survey that all are brought to.
    survey : SurveyFacts
    dtype : numpy.dtype
        uint8 for pictures, float32 otherwise.
    bunit : str or None
        Unit of files that state none.
    sources : SourceList, optional
        A table; its ``images`` name the files, and every row without one is refused.
    """

    def __init__(
        self,
        files: Files,
        common: Common,
        survey: SurveyFacts,
        dtype: np.dtype,
        bunit: str | None = None,
        sources: SourceList | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        super().__init__()
        self.files, self.common, self.survey = files, common, survey
        self.dtype, self.bunit, self.sources = np.dtype(dtype), bunit, sources
        self.shape = common.shape
        self.max_pixels = max_pixels
        self.total = len(files.names)
        if sources is not None:
            require_images(sources)
            self._rows, self._lost = match_files(files, sources)
            if not self._rows:
                first = self._lost[0] if self._lost else ("", "the table is empty")
                raise CatalogueError(
                    f"{files.path}: no row of the table has its image here; "
                    f"the first: {first[0]}: {first[1]}"
                )
            named = {i for i, n in enumerate(files.names) if n in self._rows}
            self.notes += (
                [f"{len(files.names) - len(named)} file(s) are not in the table and were left out"]
                if len(named) < len(files.names)
                else []
            )
            self.total = sum(len(r) for r in self._rows.values()) + len(self._lost)

    def read(self, start: int = 0) -> Iterator[Step]:
        """See :class:`Reader`; the files that a table does not name have no outcome."""
        if self.sources is None:
            for entry in self.files.entries(start):
                yield self._step(entry, None)
            return
        number = 0
        for entry in self._named_entries():
            rows = self._rows[entry.name]
            if number + len(rows) > start:
                for row in rows[max(0, start - number) :]:
                    yield self._step(entry, row)
            number += len(rows)
        for name, why in self._lost[max(0, start - number) :]:
            yield FileOutcome(name, why), None

    def _named_entries(self) -> Iterator[Entry]:
        if self.files.archive:
            seen: set[str] = set()
            for entry in self.files.entries():
                if entry.name in self._rows and entry.name not in seen:
                    seen.add(entry.name)
                    yield entry
            return
        by_row = sorted(self._rows, key=lambda name: self._rows[name][0])
        yield from (Entry(n, self.files.inside(n)) for n in by_row)

    def _step(self, entry: Entry, row: int | None) -> Step:
        name = entry.name
        if entry.content is None:
            return FileOutcome(name, entry.refused, row), None
        try:
            if is_picture(name) != (self.dtype == np.uint8):
                mixed = "a picture among FITS images" if is_picture(name) else "FITS among pictures"
                raise ImageError(f"{name}: {mixed}: grey levels and brightness do not mix")
            image = read_image(entry.content, name=name, max_pixels=self.max_pixels)
            placed = place(image, self.common, self.bunit)
            cells = facts(placed, name, self.common)
            if self.survey.beam is None and placed.beam is not None:
                cells["beam"] = placed.beam.fwhm
            if placed.frequency is not None:
                cells["frequency"] = placed.frequency
            if row is not None:
                self._check_position(name, placed.centre, row)
        except ImageError as error:
            return FileOutcome(name, _without_name(str(error), name), row), None
        return FileOutcome(name, "", row, cells, placed.notes), stored(placed.data, self.dtype)

    def _check_position(self, name: str, centre: tuple[float, float] | None, row: int) -> None:
        """Refuse an image that does not show the position that the table gives it."""
        if self.sources is None or centre is None:
            return
        source = self.sources.frame.iloc[row]
        apart = separation_arcsec(
            np.array([source["ra"]]), np.array([source["dec"]]),
            np.array([centre[0]]), np.array([centre[1]]),
        )[0]  # fmt: skip
        half = max(self.shape) * self.common.scale / 2 * 2**0.5
        if np.isfinite(apart) and apart > half:
            raise ImageError(
                f"{name}: shows the sky {apart:.0f} arcsec from the table's position "
                f"({source['ra']:.5f}, {source['dec']:.5f}), which is outside the image"
            )


def require_images(sources: SourceList) -> None:
    """Raise CatalogueError where the table names no images."""
    if sources.images is None:
        raise CatalogueError(
            "the table has no column with the files of the images; map one by hand (columns: image)"
        )


def match_files(
    files: Files, sources: SourceList
) -> tuple[dict[str, list[int]], list[tuple[str, str]]]:
    """Rows of the table by file, and rows whose file is not there, with the reason.

    A path must lie in the folder or archive; where it is not found as it stands, its last
    part decides if only one file is called so, with or without its suffix.
    """
    here = {n: n for n in files.names}
    by_last: dict[str, list[str]] = {}
    for name in files.names:
        last = PurePosixPath(name).name
        for form in {last, _bare(last)}:
            by_last.setdefault(form, []).append(name)
    rows: dict[str, list[int]] = {}
    lost: list[tuple[str, str]] = []
    images = sources.images if sources.images is not None else pd.Series(dtype=object)
    for row, cell in enumerate(images):
        wanted = "" if pd.isna(cell) else str(cell).strip()
        plain = wanted.replace("\\", "/").removeprefix("./")
        label = wanted or f"row {sources.frame.index[row]}"
        if not wanted:
            lost.append((label, "the table names no file"))
        elif "://" in wanted:
            lost.append((label, "an address, not a file; download it first"))
        elif ".." in plain.split("/"):
            lost.append((label, "a path with '..' leads outside of the folder"))
        elif plain in here:
            rows.setdefault(plain, []).append(row)
        else:
            found = by_last.get(PurePosixPath(plain).name, [])
            if len(found) == 1:
                rows.setdefault(found[0], []).append(row)
            else:
                several = f"{len(found)} files are called so" if found else "no such file here"
                lost.append((label, several))
    return rows, lost


def _bare(name: str) -> str:
    for suffix in sorted((*SUFFIXES, *PICTURES), key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name
