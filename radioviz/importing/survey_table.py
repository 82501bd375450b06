"""From the outcomes of an import to the Catalogue's table and the report on its files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.catalogue import IMAGE_COLUMNS, complete_columns
from radioviz.data.datasets.first import FIRST_LICENCE
from radioviz.data.datasets.mirabest import decode_names
from radioviz.data.matching import same_as
from radioviz.data.user_surveys import REPORT_COLUMNS
from radioviz.images.observation import JY_BEAM
from radioviz.importing.image_facts import describe_rows, frame_note, shape_note
from radioviz.importing.image_files import without_suffix
from radioviz.importing.inspection import LEFT_OUT, SOURCE_NAME, Reader
from radioviz.importing.outcome import FileOutcome, ImportJournal
from radioviz.importing.source_rows import unique_ids
from radioviz.importing.survey_facts import SurveyFacts
from radioviz.sky import j2000_name, separation_arcsec

# class_RA+Dec_z_size, the file names of the MiraBest cutouts.
_MIRABEST = re.compile(r"[123][01][0124]_\d+\.\d+[+-]\d+\.\d+_-?\d+\.\d+_\d+\.\d+")
# These names give positions to 0.001 deg; an image centre within this distance is the same
# position with more digits.
_ROUNDING_ARCSEC = 3.0


def build_table(
    reader: Reader, journal: ImportJournal, key: str, title: str
) -> tuple[pd.DataFrame, SurveyFacts]:
    """The Catalogue's table, one row per stored image, and the facts that hold for all.

    ``journal``: all outcomes of the reader; ``key``, ``title``: of the survey.
    """
    rows: list[int] = []
    facts: list[dict[str, Any]] = []
    changed: Counter[str] = Counter()
    for stored, outcome in journal.items():
        changed.update(_changes(outcome.notes) if stored else ())
        if stored:
            rows.append(-1 if outcome.row is None else outcome.row)
            facts.append(dict(outcome.facts or {}))
    cells = pd.DataFrame(facts, index=range(len(facts)))
    named = cells.pop(SOURCE_NAME) if SOURCE_NAME in cells else None
    for column in (c for c in IMAGE_COLUMNS if c in cells and c != "primary_beam"):
        cells[column] = pd.to_numeric(cells[column], errors="coerce").astype(float)
    survey = reader.survey
    if reader.sources is not None:
        table = reader.sources.frame.iloc[rows].reset_index(drop=True)
        if "rms" in table and survey.bunit != JY_BEAM:
            table = table.drop(columns="rms")
            why = f"the images are in {survey.bunit or 'grey levels'}"
            reader.notes.append(f"the table's noise, in Jy/beam, is not used: {why}")
        for column in cells.columns:
            # The import knows better than the table which file an image came from, and the file
            # how it was observed.
            if column == "file":
                table[column] = cells[column]
            elif column in IMAGE_COLUMNS and column in table:
                table[column] = _fill(cells[column], table[column])
            else:
                table[column] = _fill(table.get(column), cells[column])
    else:
        names = named if named is not None else cells.get("file")
        table = cells if names is None else _from_file_names(cells, names, key, title)
    if "source_id" not in table:
        table["source_id"] = ""
    numbers = [f"{key}-{i + 1}" for i in range(len(table))]
    table["source_id"] = unique_ids(table["source_id"].astype(str).tolist(), numbers)
    for column, value in (("origin", title), ("survey", survey.survey)):
        overridden = column in survey.given
        if overridden or column not in table or not table[column].astype(bool).any():
            table[column] = value
    table, survey = describe_rows(table, survey)
    table = reader.finish(complete_columns(table))
    notes = [shape_note(changed), _frame_note(table, survey, reader.shape)]
    reader.notes += [note for note in notes if note]
    by_position = j2000_name(table["ra"].to_numpy(), table["dec"].to_numpy())
    table["name"] = np.where(table["name"] == "", by_position, table["name"])
    for column in ("wcs_header", "simulated"):
        if column in table:
            table[column] = table[column].fillna("")
            if not table[column].astype(bool).any():
                table = table.drop(columns=column)
    table["same_as"] = same_as(table)
    if reader.sources is not None:
        kept = set(table.columns)
        table.attrs["units"] = {k: v for k, v in reader.sources.units.items() if k in kept}
        table.attrs["ucds"] = {k: v for k, v in reader.sources.ucds.items() if k in kept}
    return table, survey


def _frame_note(table: pd.DataFrame, survey: SurveyFacts, shape: tuple[int, ...]) -> str:
    scales = table.get("pixel_scale", pd.Series(survey.pixel_scale, table.index))
    beams = pd.Series(survey.beam, table.index, dtype=float)
    if "beam_major" in table:
        beams = (table["beam_major"] * table["beam_minor"]) ** 0.5
    return frame_note((shape[-2], shape[-1]), scales.tolist(), beams.tolist())


def _changes(notes: tuple[str, ...]) -> list[str]:
    return [n for n in notes if " pixels cropped " in n or " pixels padded " in n]


def _fill(given: pd.Series | None, cells: pd.Series) -> pd.Series:
    """The table's cells, and those of the files where it has none."""
    if given is None:
        return cells
    if given.dtype.kind == "f":
        return given.where(given.notna(), pd.to_numeric(cells, errors="coerce"))
    text = cells.where(cells.notna(), "").astype(str)
    return given.where(given.astype(str) != "", text)


def _from_file_names(cells: pd.DataFrame, names: pd.Series, key: str, title: str) -> pd.DataFrame:
    """The cells of the files with identifiers, and what MiraBest's file names contain."""
    table = cells
    stems = [without_suffix(name) for name in names]
    table["source_id"] = [f"{key}-{stem}" for stem in stems]
    table["origin"] = title
    last = pd.Series([s.rsplit("/", 1)[-1] for s in stems])
    named = last.map(lambda s: bool(_MIRABEST.fullmatch(s))).to_numpy(dtype=bool)
    if named.any():
        found = decode_names((last[named] + ".png").to_numpy(), title)
        found.index = table.index[named]
        with np.errstate(invalid="ignore"):
            apart = separation_arcsec(
                found["ra"].to_numpy(),
                found["dec"].to_numpy(),
                table.loc[named, "ra"].to_numpy(),
                table.loc[named, "dec"].to_numpy(),
            )
        finer = apart < _ROUNDING_ARCSEC
        found.loc[finer, ["ra", "dec"]] = table.loc[named, ["ra", "dec"]][finer]
        for column in found.columns:
            if column not in table.columns:
                table[column] = pd.Series(dtype=found[column].dtype).reindex(table.index)
            table.loc[named, column] = found[column]
    table["name"] = ""
    return table


def licence_of(surveys: Iterable[str]) -> str:
    """Terms of use of images of these surveys; empty where unknown."""
    first = any(s.strip().upper().removeprefix("VLA ").startswith("FIRST") for s in surveys)
    return FIRST_LICENCE if first else ""


def build_report(journal: ImportJournal, table: pd.DataFrame | None) -> pd.DataFrame:
    """What became of each file: one row per outcome, the columns of a report.

    ``table`` gives the identifiers of the images that were read; None while there is none.
    """
    ids: Iterator[str] = iter(table["source_id"]) if table is not None else iter(())
    rows = [
        _report_row(stored, outcome, next(ids, "") if stored else "")
        for stored, outcome in journal.items()
    ]
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS)).astype(str)


def _report_row(stored: bool, outcome: FileOutcome, source_id: str) -> tuple[str, str, str, str]:
    if stored:
        return outcome.name, "read", "; ".join(outcome.notes), source_id
    if outcome.refused.startswith(LEFT_OUT):
        return outcome.name, "left out", outcome.refused.removeprefix(LEFT_OUT), ""
    return outcome.name, "refused", outcome.refused, ""


def first_refusals(journal: ImportJournal) -> str:
    """The first three reasons, where nothing could be read."""
    first = [f"{outcome.name}: {outcome.refused}" for _, outcome in islice(journal.items(), 3)]
    return "; ".join(first) or "it is empty"
