"""Which files are images of one source: grouped by name, position, or a table's columns.

A file's plane (band, epoch) and its source follow from its name: the folder, the first or the
last part of the name is that of the plane, and what is left that of the source. A position groups
files whose images have the same centre; a table says both by columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from radioviz.data.matching import close_pairs, first_of_group
from radioviz.data.source_planes import MOST_PLANES, check_names, numbered
from radioviz.errors import CatalogueError, ImageError
from radioviz.images.file_content import plane_of
from radioviz.images.reading import centre_of
from radioviz.importing.image_files import (
    FITS_SUFFIXES,
    PICTURE_SUFFIXES,
    ImageFiles,
    is_image,
    without_suffix,
)
from radioviz.importing.survey_facts import Answers

GROUPS = ("no", "name", "position", "column", "extensions")
"""Answers to how images are grouped; ``no``: each file is a source."""
EXPORTED = "exported"
"""How they are grouped in a file that RadioViz wrote: by the columns that name their HDUs."""
HDU_COLUMN = "image_hdu"
_SAME_PLACE = 5.0  # arcsec between the centres of images of one source
_LIKELY = 2 / 3  # share of complete groups from which the page suggests grouping


@dataclass(frozen=True)
class Band:
    """A plane: its name, and what files call it."""

    name: str
    written: tuple[str, ...]


def parse_bands(text: str) -> tuple[Band, ...]:
    """Planes in order from text such as ``FIRST, NVSS`` or ``epoch 1=1.1|1.2, epoch 2=2.1|2.2``.

    Raises
    ------
    CatalogueError
        If a name is empty or repeated.
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
    """Files of each source.

    Attributes
    ----------
    planes : tuple of str
    files : numpy.ndarray
        Number of the file of each source and plane, int64 ``(n, planes)``, -1 without one.
    names : list of str
        What the report calls each source.
    refused : tuple of (str, str)
        Files that belong to no group, and why.
    rows : numpy.ndarray or None
        Row of the table of each source, int64 ``(n,)``.
    how : str
        In words, for the inspection.
    """

    planes: tuple[str, ...]
    files: np.ndarray
    names: list[str]
    refused: tuple[tuple[str, str], ...] = ()
    rows: np.ndarray | None = None
    how: str = ""

    def __len__(self) -> int:
        return len(self.files)

    def found(self) -> str:
        """The groups in words."""
        lacking = (self.files < 0).any(axis=1).sum()
        some = f", {lacking:,} without some of them" if lacking else ""
        return f"{', '.join(self.planes)} of {len(self):,} source(s) ({self.how}{some})"


def group_files(
    files: ImageFiles,
    answers: Answers,
    table: pd.DataFrame | None = None,
    rows: Mapping[str, Sequence[int]] | None = None,
) -> ImageGroups:
    """Group files as the answers say.

    Parameters
    ----------
    files : ImageFiles
    answers : mapping
        ``group``, ``bands``, ``band_column``, ``source_column``.
    table : pandas.DataFrame, optional
        The table that names the images, with its own columns.
    rows : mapping, optional
        Rows of the table by file.

    Raises
    ------
    CatalogueError
        If no group can be made; the message says what would do.
    """
    how = str(answers.get("group") or "no")
    bands = parse_bands(str(answers.get("bands") or ""))
    images = [i for i, name in enumerate(files.names) if is_image(name)]
    if how == "no" and table is not None and numbered(HDU_COLUMN, 1) in table:
        return _by_export(files, table, rows or {})
    if how == "column":
        return _by_columns(files, answers, bands, table, rows or {})
    words, said = _words_of_planes(files, images, bands)
    if how == "position":
        made = _by_position(files, images, words, bands)
    else:
        made = _collected(files, images, words, bands, said, files.path)
    if rows is None:
        return made
    return _with_rows(made, files, rows)


def suggestion(files: ImageFiles) -> str:
    """A question's words where file names look like several images of each source; else empty."""
    images = [i for i, name in enumerate(files.names) if is_image(name)]
    if not 4 <= len(images) <= 200_000:
        return ""
    try:
        words, said = _words_of_planes(files, images, ())
        made = _collected(files, images, words, (), said, files.path)
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


def _words_of_planes(
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


def _collected(
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


def _by_position(
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
    one, two, _ = close_pairs(positions[:, 0], positions[:, 1], radius_arcsec=_SAME_PLACE)
    first = first_of_group(len(files.names), one, two)
    lost = {name for name, _ in refused}
    kept = [i for i in images if files.names[i] not in lost and i in words]
    placed = {i: (files.names[int(first[i])], words[i][1]) for i in kept}
    made = _collected(
        files, [i for i in images if files.names[i] not in lost], placed, bands,
        f"centres within {_SAME_PLACE:g} arcsec", files.path,
    )  # fmt: skip
    return ImageGroups(made.planes, made.files, made.names, (*refused, *made.refused), how=made.how)


# -- by the columns of a table ------------------------------------------------------------------


def _by_columns(
    files: ImageFiles,
    answers: Answers,
    bands: Sequence[Band],
    table: pd.DataFrame | None,
    rows: Mapping[str, Sequence[int]],
) -> ImageGroups:
    if table is None:
        raise CatalogueError(
            f"{files.path}: images are grouped by columns of a table that names them; give the "
            "table, or group them by name or position"
        )
    of_plane = _named_column(table, answers, "band_column", "the plane (band, epoch) of each image")
    by_source = str(answers.get("source_column") or "").strip()
    if by_source:
        of_source = _named_column(table, answers, "source_column", "the source of each image")
        keys = of_source.astype(str).to_numpy()
    else:
        one, two, _ = close_pairs(
            table["ra"].to_numpy(float), table["dec"].to_numpy(float), radius_arcsec=_SAME_PLACE
        )
        keys = first_of_group(len(table), one, two).astype(str)
    known = {word.lower(): band.name for band in bands for word in band.written}
    words: dict[int, tuple[str, str]] = {}
    first_row: dict[str, int] = {}
    number = {name: i for i, name in enumerate(files.names)}
    for name, its_rows in rows.items():
        row = int(its_rows[0])
        written = str(of_plane.iat[row]).strip()
        plane = known.get(written.lower(), "" if bands else written)
        if plane:
            words[number[name]] = keys[row], plane
            first_row[keys[row]] = min(row, first_row.get(keys[row], row))
    images = sorted((number[name] for name in rows), key=lambda i: int(rows[files.names[i]][0]))
    how = f"columns '{of_plane.name}' and " + (f"'{by_source}'" if by_source else "position")
    made = _collected(files, images, words, bands, how, files.path)
    keys_of = [words[int(group[group >= 0][0])][0] for group in made.files]
    names = [files.names[int(group[group >= 0][0])] for group in made.files]
    order = np.array([first_row[key] for key in keys_of], dtype=np.int64)
    return ImageGroups(made.planes, made.files, names, made.refused, order, how)


def _by_export(
    files: ImageFiles, table: pd.DataFrame, rows: Mapping[str, Sequence[int]]
) -> ImageGroups:
    """Groups by the columns in which an export of RadioViz names its images."""
    number = {name: i for i, name in enumerate(files.names)}
    first = {int(its[0]): number[name] for name, its in rows.items()}
    columns = []
    for k in range(1, MOST_PLANES):
        if numbered(HDU_COLUMN, k) not in table:
            break
        names = table[numbered(HDU_COLUMN, k)].astype(str)
        columns.append([number.get(f"{name}.fits", -1) for name in names])
    order = sorted(first)
    made = np.array([[first[row], *(c[row] for c in columns)] for row in order], dtype=np.int64)
    planes = []
    for k, column in enumerate(made.T):
        one = next((files.open(files.names[i]).content for i in column if i >= 0), None)
        planes.append((plane_of(one) if one is not None else "") or str(k + 1))
    ids = table["source_id"].astype(str).to_numpy()
    return ImageGroups(
        check_names(planes), made, [ids[row] for row in order], (), np.array(order, dtype=np.int64),
        "as RadioViz wrote them",
    )  # fmt: skip


def _named_column(table: pd.DataFrame, answers: Answers, key: str, what: str) -> pd.Series:
    name = str(answers.get(key) or "").strip()
    if name in table.columns:
        return table[name]
    if f"{name}_table" in table.columns:
        return table[f"{name}_table"]
    columns = ", ".join(map(str, table.columns[:20]))
    raise CatalogueError(
        f"{key} is '{name}'; expected the column that gives {what}, one of {columns}"
    )


def _with_rows(
    made: ImageGroups, files: ImageFiles, rows: Mapping[str, Sequence[int]]
) -> ImageGroups:
    """Groups that the table names, each with the row of its first file."""
    row_of = [
        next((int(rows[files.names[i]][0]) for i in group if i >= 0 and files.names[i] in rows), -1)
        for group in made.files
    ]
    kept = [k for k, row in enumerate(row_of) if row >= 0]
    if not kept:
        raise CatalogueError(f"{files.path}: no row of the table has its image here")
    taken = Counter(row_of[k] for k in kept)
    doubled = [made.names[k] for k in kept if taken[row_of[k]] > 1]
    if doubled:
        raise CatalogueError(
            f"{files.path}: one row of the table names files of several sources, such as "
            f"'{doubled[0]}'"
        )
    return ImageGroups(
        made.planes, made.files[kept], [made.names[k] for k in kept], made.refused,
        np.array([row_of[k] for k in kept], dtype=np.int64), made.how,
    )  # fmt: skip
