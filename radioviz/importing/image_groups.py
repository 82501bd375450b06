"""Which files are images of one source: grouped by name or position.

A file's plane (band, epoch) and its source follow from its name: the folder, the first or the
last part of the name is that of the plane, and what is left that of the source. A position groups
files whose images have the same centre.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from radioviz.data.matching import close_pairs, first_of_group
from radioviz.data.source_planes import MOST_PLANES, check_names
from radioviz.errors import CatalogueError, ImageError
from radioviz.images.reading import centre_of
from radioviz.importing.image_files import (
    FITS_SUFFIXES,
    PICTURE_SUFFIXES,
    ImageFiles,
    is_image,
    without_suffix,
)

GROUPS = ("no", "name", "position", "column", "extensions")
"""Answers to how images are grouped; ``no``: each file is a source."""
SAME_PLACE = 5.0  # arcsec between the centres of images of one source
_LIKELY = 2 / 3  # share of complete groups from which the page suggests grouping


@dataclass(frozen=True)
class Band:
    """A plane: its name, and what files call it."""

    name: str
    written: tuple[str, ...]


def parse_bands(text: str) -> tuple[Band, ...]:
    """Planes in order from text such as ``FIRST, NVSS`` or ``epoch 1=1.1|1.2, epoch 2=2.1|2.2``.

    Raises CatalogueError if a name is empty or repeated.
    """
    out = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, written = part.partition("=")
        words = written.split("|") if equals else [name]
        out.append(Band(name.strip(), tuple(w.strip() for w in words if w.strip())))
    check_names([band.name for band in out])
    return tuple(out)


@dataclass(frozen=True, eq=False)
class ImageGroups:
    """Files of each source."""

    planes: tuple[str, ...]
    # Number of the file of each source and plane, int64 ``(n, planes)``, -1 without one.
    files: np.ndarray
    names: list[str]  # what the report calls each source
    refused: tuple[tuple[str, str], ...] = ()  # files that belong to no group, and why
    rows: np.ndarray | None = None  # row of the table of each source, int64 ``(n,)``
    how: str = ""  # in words, for the inspection
    whole: bool = False  # True where rows without the first image are among the groups

    def __len__(self) -> int:
        return len(self.files)

    def found(self) -> str:
        """The groups in words."""
        lacking = (self.files < 0).any(axis=1).sum()
        some = f", {lacking:,} without some of them" if lacking else ""
        return f"{', '.join(self.planes)} of {len(self):,} source(s) ({self.how}{some})"


def suggestion(files: ImageFiles) -> str:
    """A question's words where file names look like several images of each source; else empty."""
    images = [i for i, name in enumerate(files.names) if is_image(name)]
    if not 4 <= len(images) <= 200_000:
        return ""
    try:
        words, said = words_of_planes(files, images, ())
        made = collected(files, images, words, (), said, files.path)
    except CatalogueError:
        return ""
    complete = (made.files >= 0).sum(axis=1) >= 2
    if made.refused or len(made) < 2 or complete.mean() < _LIKELY or len(made.planes) > len(made):
        return ""
    return (
        f"The names look like {len(made):,} sources with up to {len(made.planes)} images each "
        f"({', '.join(made.planes[:6])}; {said}). Keep the images of a source in one row?"
    )


# -- the plane of a file by its name ----------------------------------------------------------


def words_of_planes(
    files: ImageFiles, images: list[int], bands: Sequence[Band]
) -> tuple[dict[int, tuple[str, str]], str]:
    """Source and plane of each file by its name, and which part of the name it is."""
    stems = {i: without_suffix(files.names[i], (*FITS_SUFFIXES, *PICTURE_SUFFIXES)) for i in images}
    if bands:
        return _words_given(stems, bands), "names that were given"
    tried: list[tuple[int, int, dict[int, tuple[str, str]], str]] = []  # products, planes
    for said, split in (
        ("by folder", _split_folder),
        ("by the end of the name", _split_end),
        ("by the start of the name", _split_start),
    ):
        parts = {i: split(stem) for i, stem in stems.items()}
        if any(p is None for p in parts.values()):
            continue
        found = {i: p for i, p in parts.items() if p is not None}
        sources, planes = ({p[k] for p in found.values()} for k in (0, 1))
        unique = len(set(found.values())) == len(found)
        if unique and 2 <= len(planes) <= MOST_PLANES and len(sources) < len(found):
            tried.append((len(sources) * len(planes), len(planes), found, said))
    if not tried:
        raise CatalogueError(
            f"{files.path}: no part of the file names is that of a plane (band, epoch) of a "
            "source; say what the planes are called, such as bands: FIRST, NVSS"
        )
    tried.sort(key=lambda t: t[:2])
    if len(tried) > 1 and tried[0][:2] == tried[1][:2]:
        ways = [
            f"{', '.join(sorted({p for _, p in found.values()}, key=_natural)[:6])} ({said})"
            for _, _, found, said in tried[:2]
        ]
        raise CatalogueError(
            f"{files.path}: the file names can be read as planes {ways[0]} or {ways[1]}; say what "
            "the planes are called, such as bands: FIRST, NVSS"
        )
    _, _, found, said = tried[0]
    return found, said


def _split_folder(stem: str) -> tuple[str, str] | None:
    folder, slash, rest = stem.partition("/")
    return (rest, folder) if slash else None


def _split_end(stem: str) -> tuple[str, str] | None:
    source, _, plane = stem.rpartition("_")
    if not source or "/" in plane:
        source, _, plane = stem.rpartition("-")
    return (source, plane) if source and plane and "/" not in plane else None


def _split_start(stem: str) -> tuple[str, str] | None:
    path = PurePosixPath(stem)
    plane, mark, rest = path.name.partition("_")
    return (str(path.with_name(rest)), plane) if mark and plane and rest else None


def _words_given(stems: Mapping[int, str], bands: Sequence[Band]) -> dict[int, tuple[str, str]]:
    """Source and plane where a part of the name, or a folder, is what a band is called."""
    known = {word.lower(): band.name for band in bands for word in band.written}
    patterns = [
        (re.compile(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", re.IGNORECASE), name)
        for word, name in known.items()
    ]
    out = {}
    for i, stem in stems.items():
        found = [
            (m.end(), m.end() - m.start(), name) for p, name in patterns for m in p.finditer(stem)
        ]
        if found:
            end, length, name = max(found)
            out[i] = stem[: end - length] + "*" + stem[end:], name
    return out


def collected(
    files: ImageFiles,
    images: list[int],
    words: Mapping[int, tuple[str, str]],
    bands: Sequence[Band],
    how: str,
    where: object,
) -> ImageGroups:
    """Groups of files with the same name of the source."""
    planes = [band.name for band in bands] or sorted({p for _, p in words.values()}, key=_natural)
    check_names(planes)
    column = {name: k for k, name in enumerate(planes)}
    refused = [
        (files.names[i], "its name has none of the planes") for i in images if i not in words
    ]
    numbers: dict[str, int] = {}
    made: list[list[int]] = []
    for i in images:
        if i not in words:
            continue
        source, plane = words[i]
        at = numbers.setdefault(source, len(made))
        if at == len(made):
            made.append([-1] * len(planes))
        if (other := made[at][column[plane]]) >= 0:
            refused.append(
                (files.names[i], f"plane '{plane}' of its source is {files.names[other]}")
            )
            continue
        made[at][column[plane]] = i
    if not made:
        raise CatalogueError(f"{where}: no file name has one of the planes {', '.join(planes)}")
    names = [re.sub(r"[\s_.\-/*]+$|^[\s_.\-/*]+", "", s).replace("*", "") or s for s in numbers]
    if len(set(names)) < len(names):
        names = list(numbers)
    array = np.array(made, dtype=np.int64)
    return ImageGroups(tuple(planes), array, names, tuple(refused), how=how)


def _natural(text: str) -> tuple[object, ...]:
    """Key to sort numbers within names by their value."""
    parts = re.split(r"(\d+)", text.lower())
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p)


# -- by position --------------------------------------------------------------------------------


def by_position(
    files: ImageFiles,
    images: list[int],
    words: Mapping[int, tuple[str, str]],
    bands: Sequence[Band],
) -> ImageGroups:
    """Groups of files whose images have the same centre."""
    positions = np.full((len(files.names), 2), np.nan)
    refused = []
    for i in images:
        entry = files.open(files.names[i])
        try:
            found = None if entry.content is None else centre_of(entry.content, entry.name)
        except ImageError as error:
            refused.append((files.names[i], str(error)))
            continue
        if found is None:
            refused.append((files.names[i], "no position in its header to group it by"))
        else:
            positions[i] = found
    one, two, _ = close_pairs(positions[:, 0], positions[:, 1], radius_arcsec=SAME_PLACE)
    first = first_of_group(len(files.names), one, two)
    lost = {name for name, _ in refused}
    kept = [i for i in images if files.names[i] not in lost and i in words]
    placed = {i: (files.names[int(first[i])], words[i][1]) for i in kept}
    made = collected(
        files, [i for i in images if files.names[i] not in lost], placed, bands,
        f"centres within {SAME_PLACE:g} arcsec", files.path,
    )  # fmt: skip
    return ImageGroups(made.planes, made.files, made.names, (*refused, *made.refused), how=made.how)
