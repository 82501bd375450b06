"""From the outcomes of an import to the table of its Catalogue and the report of its files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.catalogue import complete_columns, j2000_name
from radioviz.data.matching import same_as
from radioviz.data.user_surveys import REPORT_COLUMNS
from radioviz.importing.folder import table_of
from radioviz.importing.outcome import FileOutcome, ImportJournal
from radioviz.importing.reader import LEFT_OUT, Reader, SurveyFacts
from radioviz.importing.source_rows import unique_ids

_SAME_BEAM = 0.1  # relative difference of beams that need no column of their own


def table_of_images(
    reader: Reader, journal: ImportJournal, key: str, title: str
) -> tuple[pd.DataFrame, SurveyFacts]:
    """The Catalogue's table, row by row as the images are stored, and what they have in common.

    Parameters
    ----------
    reader : Reader
    journal : ImportJournal
        All outcomes of the reader.
    key, title : str
        Of the survey.
    """
    rows: list[int] = []
    cells: list[dict[str, Any]] = []
    names: list[str] = []
    for stored, outcome in journal.items():
        if stored:
            rows.append(-1 if outcome.row is None else outcome.row)
            cells.append(dict(outcome.facts or {}))
            names.append(outcome.name)
    told = pd.DataFrame(cells, index=range(len(cells)))
    facts = _in_common(reader.survey, told)
    if reader.sources is not None:
        table = reader.sources.frame.iloc[rows].reset_index(drop=True)
        for column in told.columns:
            # Which file an image came from is known better than the table says it.
            given = None if column == "file" else table.get(column)
            table[column] = _filled(given, told[column])
    elif "file" in told:
        table = table_of({str(c): told[c].tolist() for c in told.columns}, key, title)
    else:
        table = told
    if "source_id" not in table:
        table["source_id"] = ""
    numbers = [f"{key}-{i + 1}" for i in range(len(table))]
    table["source_id"] = unique_ids(table["source_id"].astype(str).tolist(), numbers)
    if "origin" not in table or not table["origin"].astype(bool).any():
        table["origin"] = title
    if "survey" not in table or not table["survey"].astype(bool).any():
        table["survey"] = facts.survey
    table = reader.finish(complete_columns(table))
    unnamed = table["name"] == ""
    here = j2000_name(table["ra"].to_numpy(), table["dec"].to_numpy())
    table["name"] = np.where(unnamed, here, table["name"])
    if "wcs_header" in table and not table["wcs_header"].astype(bool).any():
        table = table.drop(columns="wcs_header")
    table["same_as"] = same_as(table)
    if reader.sources is not None:
        kept = set(table.columns)
        table.attrs["units"] = {k: v for k, v in reader.sources.units.items() if k in kept}
        table.attrs["ucds"] = {k: v for k, v in reader.sources.ucds.items() if k in kept}
    return table, facts


def _in_common(survey: SurveyFacts, told: pd.DataFrame) -> SurveyFacts:
    """Beam and frequency of the files, where the survey leaves them to those; dropped from
    the cells where all have the same."""
    for name in ("beam", "frequency"):
        if name not in told:
            continue
        values = pd.to_numeric(told[name], errors="coerce").dropna()
        if values.empty:
            del told[name]
            continue
        middle = float(values.median())
        if name == "beam" and survey.beam is None:
            survey = dataclasses.replace(survey, beam=middle)
        elif name == "frequency" and survey.frequency is None:
            survey = dataclasses.replace(survey, frequency=middle)
        if name == "frequency" or (np.abs(values / middle - 1) < _SAME_BEAM).all():
            del told[name]
    return survey


def _filled(given: pd.Series | None, told: pd.Series) -> pd.Series:
    """The table's cells, and those of the files where it has none."""
    if given is None:
        return told
    if given.dtype.kind == "f":
        return given.where(given.notna(), pd.to_numeric(told, errors="coerce"))
    text = told.where(told.notna(), "").astype(str)
    return given.where(given.astype(str) != "", text)


def report_of(journal: ImportJournal, table: pd.DataFrame | None) -> pd.DataFrame:
    """What became of each file: one row an outcome, the columns of a report.

    ``table`` gives the identifiers of what was read; None while there is none yet.
    """
    rows: list[tuple[str, str, str, str]] = []
    ids: Iterator[str] = iter(table["source_id"]) if table is not None else iter(())
    for stored, outcome in journal.items():
        rows.append(_report_row(stored, outcome, next(ids, "") if stored else ""))
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS)).astype(str)


def _report_row(stored: bool, outcome: FileOutcome, source_id: str) -> tuple[str, str, str, str]:
    if stored:
        return outcome.name, "read", "; ".join(outcome.notes), source_id
    if outcome.refused.startswith(LEFT_OUT):  # as it was asked for
        return outcome.name, "left out", outcome.refused.removeprefix(LEFT_OUT), ""
    return outcome.name, "refused", outcome.refused, ""


def why_none(journal: ImportJournal) -> str:
    """The first reasons, where nothing could be read."""
    first: list[str] = []
    for _, outcome in journal.items():
        first.append(f"{outcome.name}: {outcome.refused}")
        if len(first) == 3:
            break
    return "; ".join(first) or "there is nothing in it"
