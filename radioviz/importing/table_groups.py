"""Which files are images of one source, as the answers and the columns of a table say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from radioviz.data.matching import close_pairs, first_of_group
from radioviz.data.source_planes import MOST_PLANES, check_names, numbered
from radioviz.errors import CatalogueError
from radioviz.images.file_content import plane_of
from radioviz.importing.image_files import (
    FITS_SUFFIXES,
    PICTURE_SUFFIXES,
    ImageFiles,
    is_image,
    match_files,
    without_suffix,
)
from radioviz.importing.image_groups import (
    SAME_PLACE,
    Band,
    ImageGroups,
    by_position,
    collected,
    parse_bands,
    words_of_planes,
)
from radioviz.importing.source_rows import SourceList
from radioviz.importing.survey_facts import Answers

EXPORTED = "exported"
"""How they are grouped in a file that RadioViz wrote: by the columns that name their HDUs."""
HDU_COLUMN = "image_hdu"


def group_files(
    files: ImageFiles,
    answers: Answers,
    table: pd.DataFrame | None = None,
    rows: Mapping[str, Sequence[int]] | None = None,
    named: Mapping[str, int] | None = None,
) -> ImageGroups:
    """Group files as the answers say.

    ``answers``: ``group``, ``bands``, ``band_column``, ``source_column``; ``table``: the table that
    names the images, with its own columns; ``rows``: rows of the table by file; ``named``: rows of
    the table by what they call the source, for files that share that name. Raises CatalogueError if
    no group can be made; the message says what would do.
    """
    how = str(answers.get("group") or "no")
    bands = parse_bands(str(answers.get("bands") or ""))
    images = [i for i, name in enumerate(files.names) if is_image(name)]
    if how == "no" and table is not None and numbered(HDU_COLUMN, 1) in table:
        return _by_export(files, table, rows or {})
    if how == "column" and table is not None and (columns := file_columns(answers, table)):
        return _by_file_columns(files, table, columns)
    if how == "column":
        return _by_columns(files, answers, bands, table, rows or {})
    words, said = words_of_planes(files, images, bands)
    if how == "position":
        made = by_position(files, images, words, bands)
    else:
        made = collected(files, images, words, bands, said, files.path)
    if rows is None:
        return made
    return _with_rows(made, files, rows, named or {})


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
            table["ra"].to_numpy(float), table["dec"].to_numpy(float), radius_arcsec=SAME_PLACE
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
    made = collected(files, images, words, bands, how, files.path)
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


def file_columns(answers: Answers, table: pd.DataFrame) -> dict[str, str]:
    """Column that names the files of each plane, where ``band_column`` lists several; else none.

    Raises CatalogueError if the table has no such column.
    """
    text = str(answers.get("band_column") or "")
    if answers.get("group") != "column" or "," not in text:
        return {}
    out = {}
    for band in parse_bands(text):
        found = _named_column(table, {"band_column": band.written[0]}, "band_column", "the files")
        out[band.name] = str(found.name)
    return out


def _by_file_columns(
    files: ImageFiles, table: pd.DataFrame, columns: Mapping[str, str]
) -> ImageGroups:
    """Groups by several columns of a table, each of which names the files of a plane."""
    made = np.full((len(table), len(columns)), -1, dtype=np.int64)
    number = {name: i for i, name in enumerate(files.names)}
    for k, column in enumerate(columns.values()):
        rows, _ = match_files(files, SourceList(table, images=table[column]))
        for name, its in rows.items():
            made[its, k] = number[name]
    there = np.flatnonzero((made >= 0).any(axis=1))
    ids = table["source_id"].astype(str).to_numpy()
    lost = [(ids[row], "none of its files is here") for row in set(range(len(table))) - set(there)]
    return ImageGroups(
        check_names(list(columns)), made[there], [str(ids[row]) for row in there],
        tuple(sorted(lost)), there, f"columns {', '.join(columns.values())}", whole=True,
    )  # fmt: skip


def source_name(written: str) -> str:
    """The last part of a path without its suffix."""
    last = PurePosixPath(written.strip().replace("\\", "/")).name
    return without_suffix(last, (*FITS_SUFFIXES, *PICTURE_SUFFIXES))


def rows_by_name(sources: SourceList) -> dict[str, int]:
    """Rows of a table by the name of the image, or else of the source; names of one row alone."""
    cells = sources.frame["source_id"] if sources.images is None else sources.images
    names = [source_name(str(cell)) for cell in cells]
    count = Counter(names)
    return {name: row for row, name in enumerate(names) if name and count[name] == 1}


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
    made: ImageGroups,
    files: ImageFiles,
    rows: Mapping[str, Sequence[int]],
    named: Mapping[str, int],
) -> ImageGroups:
    """Groups that the table names: by one of their files, or by what the files have in common."""
    row_of = []
    for name, group in zip(made.names, made.files, strict=True):
        by_file = (rows[files.names[i]] for i in group if i >= 0 and files.names[i] in rows)
        found = next(by_file, None)
        row = named.get(source_name(name), -1) if found is None else int(found[0])
        row_of.append(row)
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
