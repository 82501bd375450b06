"""Galaxies by ``(data set, source_id)``: pictures for galleries, groups for export, facts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.data.catalogue import Catalogue, Column
from radioviz.data.source_planes import PLANE_COLUMNS
from radioviz.errors import (
    AtlasError,
    CatalogueError,
    ModelError,
    SelectionError,
    UnknownNameError,
    WorkspaceError,
)
from radioviz.morphology.measurements import PIXEL_VALUES
from radioviz.morphology.size_scale import DOUBTS, SCATTER
from radioviz.morphology.upper_limits import limits_of, size_words
from radioviz.sky import separation_arcsec
from radioviz.ui import cache, crossmatches
from radioviz.ui import coordinates as sky
from radioviz.ui.crossmatches import Crossmatch, JoinedTable
from radioviz.ui.gallery import Cell
from radioviz.ui.image.display import ImageStyle, field_arcsec, scale_bar, shown_plane
from radioviz.ui.image.sprites import Tile
from radioviz.ui.map import colouring
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR
from radioviz.ui.state import Selection
from radioviz.ui.synthetic import MARK
from radioviz.ui.workspace_columns import (
    WorkspaceColumns,
    exported_columns,
    given_words,
    workspace_columns,
    workspace_frame,
)

if TYPE_CHECKING:
    from radioviz.export import Group

Pair = tuple[str, str]

_SHOWN_ELSEWHERE = {
    *("source_id", "name", "ra", "dec", "las_origin", "las_error", "las_limit"),
    *("las_measured_error", "las_flag", "resolved", "flux_origin"),
    *("noise_origin", "flux_correction"),
    *("image_ra", "image_dec", "wcs_header", "header"),
}

MOST_RUNS = 1000
"""Changes between data sets in an export; with more, each data set is written in one piece."""


def row_of(pair: Pair) -> tuple[Catalogue, int]:
    """Catalogue and row of a galaxy.

    Raises CatalogueError if the data set is not here or lacks the source.
    """
    catalogue = cache.data_set(pair[0])
    return catalogue, int(catalogue.rows_of([pair[1]])[0])


def name_of(table: pd.DataFrame, row: int) -> str:
    """J2000 name, or the identifier of a source without a position."""
    return str(table["name"].iat[row] or table["source_id"].iat[row])


def synthetic_mark(table: pd.DataFrame, row: int) -> str:
    """``SYNTHETIC`` for a simulated image among those of a data set, else empty."""
    return MARK if "simulated" in table and table["simulated"].iat[row] else ""


def galaxy_cells(
    pairs: Sequence[Pair], style: ImageStyle, *, size: int = 96, common: bool = False
) -> list[Cell]:
    """Pictures and captions of galaxies, in order; those of data sets not here are left out.

    With ``common``, all of a data set share one range of brightness. One batch of images and one
    sheet of pictures a data set, however many galaxies.
    """
    groups: dict[str, list[int]] = {}
    for i, (data_set, _) in enumerate(pairs):
        groups.setdefault(data_set, []).append(i)
    made: dict[int, Cell] = {}
    for data_set, places in groups.items():
        try:
            catalogue = shown_plane(cache.data_set(data_set), style)
            rows = catalogue.rows_of([pairs[i][1] for i in places])
        except CatalogueError:
            continue
        sheet = cache.picture_sheet(catalogue, rows, style, size, common)
        part, given = catalogue.table.iloc[rows], given_words(data_set, rows)
        names = np.where(part["name"] != "", part["name"], part["source_id"])
        sizes, limits = part["las"].to_numpy(float), limits_of(part)
        for at, (i, name, label, las, limit) in enumerate(
            zip(places, names, part["label"], sizes, limits, strict=True)
        ):
            note = " · ".join(t for t in (label, size_words(las, limit), *given[at]) if t)
            colour = LABEL_COLOURS.get(label, MISSING_COLOUR)
            bar = None
            if size > 64:
                bar = scale_bar(field_arcsec(catalogue.info_of(int(rows[at])), style))
            mark = synthetic_mark(part, at)
            made[i] = Cell(pairs[i], Tile(sheet, at), str(name), note, colour, bar, mark)
    return [made[i] for i in sorted(made)]


def prepare_groups(
    selection: Selection,
    model: str | None,
    scores: Mapping[Pair, Mapping[str, float | str]] | None = None,
    columns: Mapping[str, Column] | None = None,
) -> Callable[[], list[Group]]:
    """A function that gathers what to export: rows, latents and scores of each data set, and the
    reader's tags, marks, notes and subsets.

    Data sets are opened now; the function may be called from any thread and keeps the present
    selection.

    ``scores``: more values for each galaxy, written after the scores of the model; ``columns``:
    unit, UCD and meaning of those numbers, by name. Raises CatalogueError if a data set is missing.
    """
    opened: dict[str, tuple[Catalogue, cache.Located | None]] = {}
    tables: dict[str, list[tuple[Crossmatch, JoinedTable]]] = {}
    given: dict[str, WorkspaceColumns] = {}
    names = exported_columns(list(selection.groups()))
    for data_set in selection.groups():
        located = None
        given[data_set] = workspace_columns(data_set)
        if model is not None:
            # Without an Atlas, images and catalogue columns are still worth having.
            with suppress(AtlasError, ModelError):
                located = cache.located(data_set, model)
        opened[data_set] = cache.data_set(data_set), located
        matches = crossmatches.crossmatches(data_set)
        tables[data_set] = [(match, crossmatches.opened(match)) for match in matches]
    parts = [(opened[key][0], ids, opened[key][1]) for key, ids in selection.runs(MOST_RUNS)]

    def gathered() -> list[Group]:
        joined = {key: _joined(*found) for key, found in tables.items() if found}
        groups = []
        for catalogue, ids, located in parts:
            group = _group(catalogue, ids, located, model or "")
            if (more := joined.get(catalogue.info.key)) is not None:
                group = _beside(group, more[0].iloc[group.rows], more[1])
            group = _with_scores(group, ids, scores, columns or {})
            if names:
                own = given[catalogue.info.key]
                group = _beside(group, workspace_frame(own, group.rows, names), own.described)
            groups.append(group)
        return groups

    return gathered


def _joined(*tables: tuple[Crossmatch, JoinedTable]) -> tuple[pd.DataFrame, dict[str, Column]]:
    """Columns of crossmatched catalogues, a row for each galaxy of the data set."""
    cells = {n: table[n] for _, table in tables for n in table.columns}
    return pd.DataFrame(cells), {n: c for m, _ in tables for n, c in m.described.items()}


def _beside(group: Group, more: pd.DataFrame, columns: Mapping[str, Column]) -> Group:
    """A group with more columns after its scores."""
    more = more.reset_index(drop=True)
    if group.scores is not None:
        more = pd.concat([group.scores.reset_index(drop=True), more], axis=1)
    return dataclasses.replace(group, scores=more, columns={**group.columns, **columns})


def _with_scores(
    group: Group,
    source_ids: list[str],
    scores: Mapping[Pair, Mapping[str, float | str]] | None,
    columns: Mapping[str, Column],
) -> Group:
    if not scores:
        return group
    key = group.catalogue.info.key
    more = pd.DataFrame([dict(scores.get((key, s), {})) for s in source_ids])
    return _beside(group, more, columns)


def _group(
    catalogue: Catalogue, source_ids: list[str], located: cache.Located | None, model: str
) -> Group:
    from radioviz.export import Group

    rows = catalogue.rows_of(source_ids)
    at = located.places_of(source_ids) if located is not None else np.array([-1])
    if located is None or (at < 0).any():
        return Group(catalogue, rows)
    atlas = located.atlas
    weights = str(atlas.meta.get("weights_sha256", ""))
    columns = {
        name: Column("float64", about.unit, "", about.title)
        for name, about in located.described.items()
    }
    scores = located.scores.iloc[at]
    return Group(catalogue, rows, scores, np.asarray(atlas.latents[at]), model, weights, columns)


def find_galaxies(catalogue: Catalogue, text: str, radius: float) -> np.ndarray:
    """Rows that match a name, an identifier or a position.

    ``text``: part of a name or identifier, an IAU name, or a position in degrees or sexagesimal;
    ``radius``: cone about a position in arcsec. Returns row numbers, nearest first for a position.
    Raises SelectionError if nothing matches.
    """
    text = " ".join(text.split())
    table = catalogue.table
    title = catalogue.info.title
    if not text:
        raise SelectionError(
            "nothing to search for; type a name, or a position such as 116.785 +17.291"
        )
    plain = text.casefold().replace("−", "-")
    for column in ("source_id", "name"):
        exact = np.flatnonzero(table[column].str.casefold() == plain)
        if len(exact):
            return exact
    position = sky.parse_position(text)
    if position is not None:
        distance = separation_arcsec(*position, table["ra"].to_numpy(), table["dec"].to_numpy())
        order = np.argsort(distance)
        found = order[distance[order] <= radius]
        if len(found):
            return found
        if not np.isfinite(distance).any():
            raise SelectionError(f"{title} has no sky positions; search for a source_id instead")
        nearest = int(order[0])
        raise SelectionError(
            f"no source of {title} within {radius:g} arcsec of {sky.sexagesimal(*position)}; "
            f"the nearest is {name_of(table, nearest)} at {distance[nearest]:,.0f} arcsec"
        )
    bare = plain.removeprefix("first ").removeprefix("nvss ")
    for column in ("name", "source_id"):
        part = np.flatnonzero(table[column].str.casefold().str.contains(bare, regex=False))
        if len(part):
            return part
    ra, dec = table["ra"].to_numpy(float), table["dec"].to_numpy(float)
    of_1950 = sky.is_b1950_name(text)
    short = sky.in_b1950_name(text, ra, dec) if of_1950 else sky.in_short_name(text, ra, dec)
    if short is not None and short.any():
        return np.flatnonzero(short)
    if of_1950:
        raise UnknownNameError(
            f"no source of {title} is called '{text[:80]}', read as a position of 1950; for one of "
            "2000 write a J before its digits"
        )
    raise UnknownNameError(
        f"no source of {title} is called '{text[:80]}', and it is not a valid position "
        "(degrees: 116.785 +17.291; sexagesimal: 07:47:08.4 +17:17:27)"
    )


def galaxy_facts(
    catalogue: Catalogue, row: int, measured: bool | None = None
) -> list[tuple[str, str]]:
    """Known properties of a galaxy: titles with units, and values.

    ``measured``: True for properties measured in the image, False for all others; by default both.
    """
    source = catalogue.table.iloc[row]
    measurements, described = colouring.measured_columns(), morphology.described(catalogue)
    lines: list[tuple[str, str]] = []
    for name, value in source.items():
        key = str(name)
        if (
            key in _SHOWN_ELSEWHERE
            or _of_other_plane(key)
            or measured not in (None, key in measurements)
        ):
            continue
        if key == "position_angle" and not source["resolved"]:
            continue
        title, unit = colouring.title_of(key, described)
        if key in PIXEL_VALUES:
            unit = unit or "grey levels"
        if isinstance(value, str):
            if value and len(value) <= 200:
                lines.append((title, value))
        elif isinstance(value, bool | np.bool_):
            lines.append((title, "yes" if value else "no"))
        elif isinstance(value, int | float | np.number) and math.isfinite(float(value)):
            if key in ("las", "las_measured"):
                text = _size_fact(source, key)
            else:
                digits = 3 if key in measurements else 4
                text = f"{number_text(float(value), digits)} {unit}".strip()
            if notes := _origin_notes(source, key):
                text += f" ({', '.join(notes)})"
            lines.append((title, text))
    return lines


def joined_facts(catalogue: Catalogue, row: int) -> list[tuple[str, str]]:
    """Values of a galaxy in the columns of crossmatched catalogues: names and values with units."""
    lines = []
    for match in crossmatches.crossmatches(catalogue.info.key):
        with suppress(WorkspaceError):  # said on the Table page
            described = match.described
            for name, value in crossmatches.opened(match).of(row).items():
                text = value if isinstance(value, str) else number_text(float(value))
                lines.append((name, f"{text} {described[name].unit}".strip()))
    return lines


def _of_other_plane(name: str) -> bool:
    """Whether a column describes another image of the source than the one in view."""
    base, _, number = name.rpartition("_")
    return base in PLANE_COLUMNS and number.isdigit()


def _origin_notes(source: pd.Series, key: str) -> list[str]:
    """Where a flux or a noise is from, and what was done for the primary beam."""
    if key == "noise":
        origin = str(source.get("noise_origin", ""))
        return ["stated, and measured with"] if origin == "stated" else []
    if key not in ("flux", "flux_mjy"):
        return []
    origin = str(source.get("flux_origin", "")) if key == "flux" else "measured"
    notes = [origin] if key == "flux" and origin else []
    done = str(source.get("flux_correction", ""))
    if done and origin == "measured":
        notes.append(f"primary beam: {done}")
    return notes


def _size_fact(source: pd.Series, key: str) -> str:
    """An angular size with its error or as an upper limit, its origin and doubts about it."""
    if key == "las":
        limit = source.get("las_limit", False) == True  # noqa: E712 (also of numbers)
        error, notes = float(source.get("las_error", math.nan)), [str(source["las_origin"])]
    else:
        limit, error = not source["resolved"], float(source["las_measured_error"])
        notes = [DOUBTS[word] for word in str(source["las_flag"]).split() if word in DOUBTS]
    if limit:
        notes.insert(0, "upper limit")
    text = size_words(float(source[key]), limit, error, " arcsec")
    return f"{text} ({', '.join(n for n in notes if n)})" if any(notes) else text


def size_disagreement(catalogue: Catalogue, row: int) -> str:
    """A sentence where the catalogued and the measured size differ by two errors; else empty."""
    source = catalogue.table.iloc[row]
    if source["las_origin"] != "catalogue" or "las_measured" not in source:
        return ""
    given, found = float(source["las"]), float(source["las_measured"])
    if not (math.isfinite(given) and math.isfinite(found)):
        return ""
    if source.get("las_limit", False):
        apart = source["resolved"] and found > given * math.exp(2 * SCATTER)
    elif source["resolved"]:
        error = math.hypot(
            float(source["las_measured_error"]), np.nan_to_num(float(source.get("las_error", 0.0)))
        )
        apart = abs(math.log(found / given)) > 2 * error / found
    else:
        apart = given > found * math.exp(2 * SCATTER)
    if not apart:
        return ""
    return (
        f"The sizes disagree: the catalogue gives {_size_fact(source, 'las')}, the image measures "
        f"{_size_fact(source, 'las_measured')}."
    )


def number_text(value: float, digits: int = 4) -> str:
    """Significant digits, by default four; whole numbers in full."""
    if value == int(value) and abs(value) < 1e7:
        return f"{int(value)}"
    if 1e-3 <= abs(value) < 1e7:
        return f"{float(f'{value:.{digits}g}'):.10g}"
    return f"{value:.{digits}g}"


def header_of(catalogue: Catalogue, row: int) -> str:
    """The FITS header that came with an image, 80 characters a card; empty without one."""
    for column in ("header", "wcs_header"):
        if column in catalogue.table.columns:
            text = catalogue.table[column].iat[row]
            if isinstance(text, str) and text:
                return text
    return ""
