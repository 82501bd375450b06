"""The selection to export: groups of rows, one per data set, joined into one described table."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd

from radioviz import __version__
from radioviz.data.catalogue import COLUMNS, Catalogue, Column, SurveyInfo
from radioviz.data.source_columns import SOME_COLUMNS, given_columns
from radioviz.data.source_planes import PLANE_COLUMNS, RESPONSE
from radioviz.errors import ExportError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.store.mapped import release_pages

# Columns of RadioViz that not every catalogue has.
MADE_COLUMNS: dict[str, Column] = {
    **SOME_COLUMNS,
    "data_set": Column("str", "", "meta.dataset", "Data set within RadioViz"),
    "image_hdu": Column("str", "", "meta.id", "EXTNAME of the image in this file"),
    "image_file": Column("str", "", "meta.ref", "File of the image in this archive"),
    "file": Column("str", "", "meta.ref", "File that the image was read from"),
    "missing_planes": Column("str", "", "meta.note", "Images (bands, epochs) that it lacks"),
    RESPONSE: Column(
        "float64", "", "instr.calib", "Response of the primary beam at the source, 0 to 1"
    ),
    "image_plane": Column("int64", "", "meta.number", "Plane of the cube, counted from 1"),
    "bunit": Column("str", "", "meta.unit", "Unit of pixel values, empty if uncalibrated"),
    "same_as": Column("str", "", "meta.id.cross", "Earlier row at the same position"),
    "flag": Column("str", "", "meta.code.qual", "Problem of the image, empty without one"),
    "official_split": Column("str", "", "meta.code", "Split defined by the origin"),
    "split_reason": Column("str", "", "meta.note", "Why the source is in its split"),
    "log_prob": Column("float64", "", "stat.likelihood", "Log-likelihood of the latent vector"),
    "similarity": Column("float64", "", "stat.correlation", "Cosine similarity to the query"),
    "score": Column("float64", "", "stat.value", "Score"),
    "simulated": Column(
        "str", "", "meta.note", "What made a simulated image; empty for an observed one"
    ),
    "mark": Column("int64", "", "meta.code.qual", "Mark given by hand"),
}
MIXED = "In another unit in each data set"
# Header text does not fit a table cell; the images hold it as their WCS.
_LEFT_OUT = re.compile(r"wcs_header(_\d+)?")


@dataclass(frozen=True, eq=False)
class Group:
    """Rows of one data set with their scores and latents."""

    catalogue: Catalogue
    rows: np.ndarray  # row numbers, shape ``(n,)``, in the order of export; or a bool mask
    # ``n`` rows aligned with ``rows`` (the index is ignored): scores, marks.
    scores: pd.DataFrame | None = None
    latents: np.ndarray | None = None  # shape ``(n, d)``, aligned with ``rows``
    # model, model_sha256: model of the latents and scores
    model: str = ""
    model_sha256: str = ""
    # Unit, UCD and description of score columns, by name.
    columns: Mapping[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key, n = self.catalogue.info.key, len(self.catalogue)
        rows = np.asarray(self.rows)
        if rows.dtype == bool:
            if rows.shape != (n,):
                raise ExportError(
                    f"data set '{key}': a mask of shape {rows.shape}; expected ({n},)"
                )
            rows = np.flatnonzero(rows)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise ExportError(
                f"data set '{key}': rows are {rows.dtype} of shape {rows.shape}; "
                "expected one axis of whole numbers or a mask"
            )
        rows = rows.astype(np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= n):
            wrong = int(rows[(rows < 0) | (rows >= n)][0])
            raise ExportError(f"data set '{key}' has no row {wrong}; it has rows 0 to {n - 1}")
        object.__setattr__(self, "rows", rows)
        if self.scores is not None and len(self.scores) != len(rows):
            raise ExportError(
                f"data set '{key}': {len(self.scores)} rows of scores for {len(rows)} sources; "
                "they must match row by row"
            )
        if self.latents is not None and (
            np.ndim(self.latents) != 2 or len(self.latents) != len(rows)
        ):
            raise ExportError(
                f"data set '{key}': latents of shape {np.shape(self.latents)} for "
                f"{len(rows)} sources; expected ({len(rows)}, d)"
            )

    def __len__(self) -> int:
        return len(self.rows)


Groups = Sequence[Group]


def filled(groups: Groups | Group) -> list[Group]:
    """Groups that are not empty; ExportError when there are none."""
    kept = [g for g in ([groups] if isinstance(groups, Group) else groups) if len(g)]
    if not kept:
        raise ExportError("the selection is empty; add at least one galaxy before exporting")
    return kept


def in_memory(write: Callable[..., None], *content: Any, **options: Any) -> bytes:
    """What a function writes to its first argument, a binary file, as bytes."""
    file = io.BytesIO()
    write(file, *content, **options)
    return file.getvalue()


def count(groups: Groups) -> int:
    """Number of sources in all groups."""
    return sum(len(g) for g in groups)


SLICE = 64
"""Sources between two reports of progress."""

_RELEASE = 2048  # sources after which pages of a mapped catalogue go back to the system


def sources(groups: Groups, progress: Progress = no_progress) -> Iterator[tuple[Group, int]]:
    """Each source as (group, row of its catalogue), in order; the first report comes after some.

    Images are read from memory-mapped files; what was read does not stay resident.
    """
    done, total = 0, count(groups)
    for group in groups:
        for number, row in enumerate(group.rows, 1):
            yield group, int(row)
            done += 1
            if done % SLICE == 0:
                progress(done, total, "images")
            if number % _RELEASE == 0 or number == len(group):
                release_pages(group.catalogue.images)


@dataclass(frozen=True, eq=False)
class SelectionTable:
    """One table of a selection."""

    frame: pd.DataFrame  # one row a source; every column is float64, int64, bool or str
    columns: dict[str, Column]  # unit, UCD and description of each column of ``frame``
    # Vector columns by name, float32 of shape ``(n, d)``, NaN where a source has none.
    latents: dict[str, np.ndarray]
    provenance: tuple[str, ...]  # origin and terms of use, in sentences

    def with_columns(self, **values: Sequence[Any] | np.ndarray) -> SelectionTable:
        """The table with further columns of :data:`MADE_COLUMNS`."""
        frame, columns = self.frame.copy(), dict(self.columns)
        for name, cells in values.items():
            frame[name] = cells
            about = MADE_COLUMNS.get(name) or _of_a_plane(name)
            columns[name] = about or Column("str", "", "", "")
        return SelectionTable(frame, columns, self.latents, self.provenance)


def selection_table(groups: Groups | Group, note: str = "") -> SelectionTable:
    """Join the tables, scores and latents of all groups.

    Columns that a data set lacks are NaN or empty for its sources. A score with the name of
    a column of any of the data sets becomes ``<name>_2``. Latents of one model form one vector
    column ``latent``, those of several models one column each, ``latent_<model>``.

    Raises ExportError if all groups are empty.
    """
    from radioviz.morphology import COMPLETED, MEASURED
    from radioviz.morphology.upper_limits import limits_of

    groups = filled(groups)
    parts: list[pd.DataFrame] = []
    columns = {"data_set": MADE_COLUMNS["data_set"], **COLUMNS, **COMPLETED}
    own: dict[str, list[Column]] = {}
    taken = {"data_set", *(str(c) for group in groups for c in group.catalogue.table)}
    for group in groups:
        info = group.catalogue.info
        part = group.catalogue.table.iloc[group.rows].reset_index(drop=True)
        part = part.rename(columns=str)
        part = part.drop(columns=[c for c in part if _LEFT_OUT.fullmatch(str(c))])
        part["las_limit"] = limits_of(part)
        # Other data sets may lack the column, and floats with NaN would cut long identifiers.
        part = part.astype({c: "Int64" for c in part if part[c].dtype == np.int64})
        given = given_columns(group.catalogue.table)
        for name in map(str, part.columns):
            if name not in {**columns, **MEASURED, **MADE_COLUMNS}:
                own.setdefault(name, []).append(given.get(name, Column("", "", "", "")))
        if group.scores is not None:
            scores = group.scores.reset_index(drop=True).rename(columns=str)
            names = {c: f"{c}_2" if c in taken or c in part else c for c in scores.columns}
            part = pd.concat([part, scores.rename(columns=names)], axis=1)
            columns |= {names.get(c, c): column for c, column in group.columns.items()}
        part["beam"] = group.catalogue.beams[group.rows]
        if "bunit" not in part:
            part["bunit"] = fits_unit(info.bunit)
        parts.append(part.assign(data_set=info.key))
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[["data_set", *[c for c in frame.columns if c != "data_set"]]]
    frame = pd.DataFrame({name: plain_column(frame[name]) for name in frame.columns})
    for name, found in own.items():
        about = dataclasses.replace(found[0], dtype=str(frame[name].dtype))
        if len({column.unit for column in found}) > 1:
            about = dataclasses.replace(about, unit="", description=MIXED)
        columns.setdefault(name, about)
    described = {
        name: columns.get(name)
        or MEASURED.get(name)
        or MADE_COLUMNS.get(name)
        or _of_a_plane(name)
        or Column(str(frame[name].dtype), "", "", "")
        for name in frame.columns
    }
    described = {name: _standard(column) for name, column in described.items()}
    return SelectionTable(frame, described, _join_latents(groups), provenance(groups, note))


def _standard(column: Column) -> Column:
    """The column; a unit that no standard knows (``nat``) is in its description instead."""
    if not column.unit or is_standard_unit(column.unit):
        return column
    said = f"{column.description} [{column.unit}]".strip()
    return dataclasses.replace(column, unit="", description=said)


@functools.cache
def is_standard_unit(unit: str) -> bool:
    """Whether FITS and the Virtual Observatory both know a unit."""
    from astropy import units

    try:
        for standard in ("fits", "vounit"):
            units.Unit(unit, format=standard)
    except (ValueError, TypeError):
        return False
    return True


def _of_a_plane(name: str) -> Column | None:
    """Meaning of a column that describes another plane than the first; None of others."""
    base, _, number = name.rpartition("_")
    about = COLUMNS.get(base) or MADE_COLUMNS.get(base)
    if about is None or base not in (*PLANE_COLUMNS, "image_hdu") or not number.isdigit():
        return None
    return dataclasses.replace(about, description=f"{about.description}, plane {number}")


def plain_column(cells: pd.Series) -> pd.Series:
    """One column as float64, int64, bool or str; missing numbers NaN, missing text empty.

    Whole numbers of which some are missing are text where a float would cut their digits.
    """
    kind = getattr(cells.dtype, "kind", "O")
    if pd.api.types.is_bool_dtype(cells) and not cells.isna().any():
        return cells.astype(bool)
    if pd.api.types.is_numeric_dtype(cells) and kind != "c":
        if kind in "iu" and cells.isna().any() and cells.astype(float).abs().max() >= 2**53:
            return cells.astype("string").fillna("").astype(str)  # no float holds all digits
        return cells.astype("int64" if kind in "iu" and not cells.isna().any() else "float64")
    present = cells.dropna()
    if len(present) and present.map(lambda v: isinstance(v, (bool, np.bool_))).all():
        return cells.map({True: "true", False: "false"}).fillna("").astype(str)
    if present.map(lambda v: isinstance(v, (int, float, np.number))).all() and kind == "O":
        return pd.to_numeric(cells, errors="coerce").astype("float64")
    return cells.astype(object).where(cells.notna(), "").map(str).astype(str)


def _join_latents(groups: Groups) -> dict[str, np.ndarray]:
    total = count(groups)
    vectors: dict[str, np.ndarray] = {}
    makers = {
        (g.model, g.model_sha256, g.latents.shape[1]) for g in groups if g.latents is not None
    }
    taken: set[str] = set()
    names = {
        maker: unique_name("latent" if len(makers) == 1 else f"latent_{maker[0]}", taken, 60)
        for maker in sorted(makers)
    }
    start = 0
    for group in groups:
        stop = start + len(group)
        if group.latents is not None:
            d = group.latents.shape[1]
            name = names[group.model, group.model_sha256, d]
            vectors.setdefault(name, np.full((total, d), np.nan, dtype=np.float32))
            vectors[name][start:stop] = group.latents
        start = stop
    return vectors


def provenance(groups: Groups, note: str = "") -> tuple[str, ...]:
    """Sentences for HISTORY cards, PARAMs and LICENCE.txt: origin, terms, models."""
    lines = [f"Written by RadioViz {__version__}: {count(groups)} source(s)."]
    if note:
        lines.append(note)
    said: set[str] = set()
    for group in groups:
        info = group.catalogue.info
        number = sum(len(g) for g in groups if g.catalogue.info.key == info.key)
        mine = [f"Data set {info.key}: {info.title}, {number} source(s)."]
        if names := group.catalogue.planes:
            numbers = ", ".join(f"{k} {name}" for k, name in enumerate(names, 1))
            mine.append(f"Images of each source of {info.key}: {numbers}.")
        mine += terms(info)
        if group.model:
            made = f"Latents and scores of {info.key}: model {group.model}"
            mine.append(
                made + (f", weights SHA-256 {group.model_sha256}." * bool(group.model_sha256))
            )
        lines += [line for line in mine if line not in said]
        said.update(mine)
    return tuple(lines)


def terms(info: SurveyInfo) -> list[str]:
    """Reference, origin and licence of a data set, a sentence each where known."""
    facts = {
        "Reference": info.reference,
        "Origin": shared_origin(info),
        "Licence": info.licence,
    }
    return [f"{name}: {said.rstrip('.')}." for name, said in facts.items() if said]


def shared_origin(info: SurveyInfo) -> str:
    """Origin without private paths: of a folder of this computer, only the name."""
    for path in (PurePosixPath(info.origin), PureWindowsPath(info.origin)):
        if path.is_absolute():
            return path.name
    return info.origin


_UNITS = {"jy/beam": "Jy/beam", "mjy/beam": "mJy/beam", "ujy/beam": "uJy/beam", "k": "K"}


def fits_unit(unit: str) -> str:
    """Unit as the FITS standard spells it (surveys write ``JY/BEAM``)."""
    return _UNITS.get(unit.strip().lower(), unit.strip())


def ascii_text(text: object, limit: int | None = None) -> str:
    """Printable ASCII on one line, as FITS headers and tables require.

    Accents are dropped (``é`` to ``e``); other characters become their Python escape (``α`` to
    ``\\u03b1``), so that different names stay different.
    """
    raw = str(text)
    if not (raw.isascii() and raw.isprintable()):
        plain = "".join(
            c for c in unicodedata.normalize("NFKD", raw) if not unicodedata.combining(c)
        )
        plain = " ".join(plain.split())
        raw = "".join(
            c
            if c.isascii() and c.isprintable()
            else c.encode("ascii", "backslashreplace").decode()
            if not c.isascii()
            else f"\\x{ord(c):02x}"
            for c in plain
        )
    return raw if limit is None else raw[:limit]


def unique_name(name: str, taken: set[str], limit: int = 60) -> str:
    """Letters, digits, ``_``, ``-``, ``+`` and ``.`` only, different from ``taken`` in any case.

    ``taken`` holds upper-case names; this one is added.
    """
    kept = "".join(c if c.isalnum() or c in "_-+." else "_" for c in ascii_text(name)).strip("._")
    base = kept[:limit] or "unnamed"
    candidate, number = base, 2
    while candidate.upper() in taken:
        tail = f"_{number}"
        candidate, number = base[: limit - len(tail)] + tail, number + 1
    taken.add(candidate.upper())
    return candidate


def column_names(names: Sequence[str]) -> dict[str, str]:
    """Names for FITS and VOTable columns: letters, digits and ``_``, unique in any case."""
    taken: set[str] = set()
    out = {}
    for name in names:
        safe = "".join(c if c.isalnum() and c.isascii() else "_" for c in ascii_text(name))
        if not safe[:1].isalpha():
            safe = f"c_{safe}"
        out[name] = unique_name(safe, taken, 60)
    return out


def timestamp(created: dt.datetime | None = None) -> str:
    """Date and time in UTC as FITS and VOTable write it, to the second."""
    moment = created or dt.datetime.now(dt.UTC)
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return moment.replace(microsecond=0).isoformat()
