"""A catalogue of others, and which of its rows lie where our galaxies are.

>>> from radioviz.importing.catalogue_match import match_catalogue
>>> found = match_catalogue([Path("horton.csv")], ra, dec, radius=5.0)
>>> found.galaxy, found.frame["fri"]

Reads strangers' files: pages call it through :mod:`radioviz.api.confined`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Column
from radioviz.errors import CatalogueError
from radioviz.importing.column_names import SYNONYMS
from radioviz.importing.column_units import parse_unit
from radioviz.importing.columns import map_columns
from radioviz.importing.readers.table_builder import UserTable, no_name
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.sky_frames import FRAMES
from radioviz.importing.source_rows import SourceListBuilder
from radioviz.importing.stand_ins import cells_without_stand_ins
from radioviz.importing.survey_facts import Answers, Question
from radioviz.sky import celestial_frame, to_j2000
from radioviz.workspace.crossmatch import Shift, match_positions

MOST_COLUMNS = 200
"""Columns that one match may join."""
_SHOWN = 5  # problems of single rows
_MOST_TRIED = 200_000  # rows that are read in other ways where next to nothing matches


@dataclass(frozen=True)
class CatalogueFacts:
    """What a catalogue holds, before it is matched."""

    # rows, placed: rows, and those with a position
    rows: int
    placed: int
    columns: tuple[str, ...]
    positions: str  # the interpretation of its positions in words
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    # What must be answered first: ``ra_unit``, ``frame``; ``which_table`` may be.
    needed: tuple[Question, ...]


@dataclass(frozen=True, eq=False)
class MatchedCatalogue:
    """Pairs of galaxies and rows of a catalogue."""

    # galaxy, row: int64, shape ``(k,)``: places in the given positions, and row numbers of the file
    # from 1
    galaxy: np.ndarray
    row: np.ndarray
    separation: np.ndarray  # arcsec, shape ``(k,)``
    within: np.ndarray  # int64, shape ``(k,)``: rows within the radius of that galaxy
    frame: pd.DataFrame  # the chosen columns of the rows, ``k`` rows
    columns: dict[str, Column]  # type, unit, UCD and description of each
    facts: CatalogueFacts
    # chance, chance_error: galaxies expected to match by chance
    chance: float
    chance_error: float
    # offset_ra, offset_dec: median of catalogue minus galaxy, arcsec
    offset_ra: float
    offset_dec: float
    hint: str  # how else the positions may be meant, where next to nothing matches
    # ra, dec: positions of the rows: ICRS in degrees, shape ``(k,)``
    ra: np.ndarray
    dec: np.ndarray


def inspect_catalogue(path: Path, answers: Answers | None = None) -> CatalogueFacts:
    """What a catalogue holds.

    ``answers``: ``which_table``, ``columns`` (``{"ra": ..., "dec": ...}``), ``ra_unit``,
    ``dec_unit``, ``frame``. Raises CatalogueError if it is not a table, or has no positions.
    """
    table = read_table(path, str((answers or {}).get("which_table") or ""))
    return _facts(table, read_table_positions(table, answers))


def match_catalogue(
    path: Path | UserTable,
    ra: np.ndarray,
    dec: np.ndarray,
    radius: float,
    how: str = "nearest",
    columns: Sequence[str] | None = None,
    answers: Answers | None = None,
    shifts: Sequence[Shift] | None = None,
) -> MatchedCatalogue:
    """Match galaxies with a catalogue.

    Parameters
    ----------
    path : Path or UserTable
        CSV, VOTable, FITS table, Parquet and the other forms of
        :func:`radioviz.importing.readers.user_tables.read_table`; or a table that was read.
    ra, dec : numpy.ndarray
        Galaxies: ICRS in degrees, shape ``(n,)``.
    radius, how, shifts
        See :func:`radioviz.workspace.crossmatch.match_positions`.
    columns : sequence of str, optional
        Columns of the catalogue to join; default all, up to :data:`MOST_COLUMNS`.
    answers : mapping, optional
        See :func:`inspect_catalogue`.

    Raises
    ------
    CatalogueError
        If it is not a table, has no usable positions or an unanswered question, lacks a column,
        or no galaxy has a position.
    """
    answers = answers or {}
    if isinstance(path, UserTable):
        table = path
    else:
        table = read_table(path, str(answers.get("which_table") or ""))
    positions = read_table_positions(table, answers)
    facts = _facts(table, positions)
    for question in facts.needed:
        if question.required:
            raise CatalogueError(f"{question.key}: {question.text}")
    if not facts.placed:
        why = f" ({facts.problems[0]})" if facts.problems else ""
        raise CatalogueError(f"no row of the catalogue has a usable position{why}")
    if not np.isfinite(np.asarray(ra, float)).any():
        raise CatalogueError("no galaxy of the data set has a sky position to match")
    chosen = _chosen(table, columns)
    found = match_positions(ra, dec, positions.ra, positions.dec, radius, how, shifts)
    rows = found.row
    frame, described = {}, {}
    notes = list(facts.notes)
    for name in chosen:
        frame[name], described[name], more = _column(table, name, rows)
        notes += more
    matched = len(np.unique(found.galaxy))
    hint = ""
    if not matched or matched <= found.chance + 3 * found.chance_error:
        hint = _other_reading(positions, answers, ra, dec, radius, matched)
    facts = CatalogueFacts(
        facts.rows, facts.placed, facts.columns, facts.positions, facts.problems, tuple(notes),
        facts.needed,
    )  # fmt: skip
    return MatchedCatalogue(
        found.galaxy, table.frame.index.to_numpy(np.int64)[rows], found.separation,
        found.within[found.galaxy], pd.DataFrame(frame, index=range(len(rows))), described, facts,
        found.chance, found.chance_error, *found.offset, hint, positions.ra[rows],
        positions.dec[rows],
    )  # fmt: skip


def _facts(table: UserTable, positions: TablePositions) -> CatalogueFacts:
    problems = [f"row {n}: {why}" for n, why in (*table.refused, *positions.problems)]
    more = [f"and {len(problems) - _SHOWN:,} more rows"] if len(problems) > _SHOWN else []
    return CatalogueFacts(
        len(table), int(np.isfinite(positions.ra).sum()), tuple(map(str, table.frame.columns)),
        positions.how, (*problems[:_SHOWN], *more), positions.notes, positions.needed,
    )  # fmt: skip


def _chosen(table: UserTable, columns: Sequence[str] | None) -> list[str]:
    names = [str(n) for n in table.frame.columns]
    for name in columns or ():
        if name not in names:
            raise CatalogueError(
                f"the catalogue has no column '{name}'; it has {', '.join(names[:20])}"
            )
    chosen = list(names if columns is None else dict.fromkeys(columns))
    if len(chosen) > MOST_COLUMNS:
        raise CatalogueError(
            f"{len(chosen):,} columns; one match joins at most {MOST_COLUMNS}. Choose some"
        )
    return chosen


def _column(table: UserTable, name: str, rows: np.ndarray) -> tuple[pd.Series, Column, list[str]]:
    """Cells of some rows, their description, and a note on stand-ins for no value."""
    cells = table.frame[name]
    notes: list[str] = []
    unit = table.units.get(name, "")
    text = table.descriptions.get(name, "") or f"Column '{name}' of the catalogue"
    known = parse_unit(unit) if unit else None
    if unit and known is None:
        text += f"; its unit is written '{unit}'"
    written = ""
    if known is not None:
        try:
            written = known.to_string("vounit")
        except ValueError:  # a logarithm, or a unit without a standard spelling
            text += f"; its unit is {unit}"
    if cells.dtype.kind in "fi":
        cells, notes = cells_without_stand_ins(cells, name)
        part = cells.iloc[rows].reset_index(drop=True)
    elif cells.dtype.kind == "b":
        part = cells.iloc[rows].reset_index(drop=True)
    else:
        part = cells.iloc[rows].reset_index(drop=True).astype(str)
        part = part.mask(no_name(part), "").astype(object)
        words = part.str.lower()
        if words.isin(("true", "false", "")).all() and words.any():
            part = words.map({"true": "yes", "false": "no", "": ""}).astype(object)
    if part.dtype.kind == "b":  # a galaxy without a match has neither
        part = part.map({True: "yes", False: "no"}).astype(object)
    elif part.dtype.kind == "i":
        # Only these are exact where galaxies without a match are NaN.
        small = len(part) == 0 or np.abs(part.to_numpy(float)).max() < 2**53
        part = part.astype(np.float64) if small else part.astype(str).astype(object)
    kind = "float64" if part.dtype.kind == "f" else "str"
    return part, Column(kind, written, table.ucds.get(name, ""), text), notes


def _other_reading(
    positions: TablePositions,
    answers: Answers,
    ra: np.ndarray,
    dec: np.ndarray,
    radius: float,
    matched: int,
) -> str:
    """A sentence where the same numbers match far better in another frame, unit or order."""
    lon, lat = positions.ra[:_MOST_TRIED], positions.dec[:_MOST_TRIED]
    readings: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if not answers.get("frame"):
        for name in FRAMES:
            system, _, equinox = name.rpartition(" ")
            frame = celestial_frame(system, equinox) if system else celestial_frame(name)
            if frame is not None and name not in ("ICRS", "FK5 J2000"):
                readings[f"frame {name}"] = to_j2000(lon, lat, frame)
    if np.nanmax(lon) <= 24:
        readings["right ascensions in hours"] = (lon * 15.0, lat)
    if np.nanmax(np.abs(lon)) <= 90:
        readings["RA and Dec exchanged"] = (lat % 360.0, lon)
    best, number = "", 0
    for name, (there_ra, there_dec) in readings.items():
        found = match_positions(ra, dec, there_ra, there_dec, radius, shifts=())
        if len(found.galaxy) > number:
            best, number = name, len(found.galaxy)
    if number < 5 or number < 3 * matched:
        return ""
    return (
        f"{matched:,} galaxies match, hardly more than by chance, but {number:,} would with "
        f"{best}: check the positions of the catalogue"
    )


@dataclass(frozen=True, eq=False)
class TablePositions:
    """Positions of a table that has any columns besides."""

    # ra, dec: ICRS in degrees, shape ``(n,)``; NaN where a row has none
    ra: np.ndarray
    dec: np.ndarray
    how: str  # the columns and their interpretation
    # Rows without a position by their number in the file, and why.
    problems: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]
    needed: tuple[Question, ...]  # not empty where the positions are ambiguous


def read_table_positions(table: UserTable, answers: Answers | None = None) -> TablePositions:
    """Positions alone; answers are ``columns`` (of ``ra`` and ``dec``), ``ra_unit``, ``frame`` ...

    Raises CatalogueError if there are none, or RA and Dec are swapped.
    """
    answers = answers or {}
    given = {role: "" for role in SYNONYMS if role not in ("ra", "dec")}
    given |= {r: c for r, c in (answers.get("columns") or {}).items() if r in ("ra", "dec") and c}
    units = {role for role in ("ra", "dec") if answers.get(f"{role}_unit")}
    builder = SourceListBuilder(table, map_columns(table, given, units), answers, True)
    problems, nothing = builder.fill_positions(), np.full(len(table), np.nan)
    ra, dec = (np.asarray(builder.out.get(name, nothing), dtype=float) for name in ("ra", "dec"))
    numbers = [(int(table.frame.index[i]), why) for i, why in sorted(problems.items())]
    return TablePositions(
        ra, dec, builder.found.get("ra", ""), tuple(numbers), tuple(builder.notes),
        tuple(builder.needed),
    )  # fmt: skip
