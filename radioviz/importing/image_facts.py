"""Beam, frequency and pixel scale of each image: its file's, its row's, or what a name implies."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from radioviz.data.catalogue import IMAGE_COLUMNS
from radioviz.data.preprocess import FIRST_BEAM, Preprocess
from radioviz.images.known_surveys import KnownSurvey, known_survey
from radioviz.importing.survey_facts import SurveyFacts

_SAME = 0.01  # relative difference of values that count as one
_BEAM = ("beam_major", "beam_minor", "beam_pa")
_BY_FACT = {"beam": _BEAM, "frequency": ("frequency",), "pixel_scale": ("pixel_scale",)}


def value_range(values: Iterable[float | None]) -> tuple[float, float] | None:
    """The least and the largest value where they differ by more than 1 %; None otherwise."""
    known = [v for v in values if v is not None and np.isfinite(v)]
    if not known or max(known) <= min(known) * (1 + _SAME):
        return None
    return min(known), max(known)


def describe_rows(table: pd.DataFrame, survey: SurveyFacts) -> tuple[pd.DataFrame, SurveyFacts]:
    """Complete the columns that describe images, and what of them holds for all.

    Parameters
    ----------
    table : pandas.DataFrame
        With any of :data:`IMAGE_COLUMNS`, NaN where unknown, and ``survey`` and ``dec``.
    survey : SurveyFacts
        What the user gave replaces the columns; what a name implies fills them.

    Returns
    -------
    table : pandas.DataFrame
    survey : SurveyFacts
        ``beam`` and ``frequency`` are None where images differ, the pixel scale is that
        of most, or the median.
    """
    dropped = [c for fact in survey.given for c in _BY_FACT.get(fact, ()) if c in table]
    table = table.drop(columns=dropped)
    for name in IMAGE_COLUMNS:
        if name not in table:
            continue
        if name == "primary_beam":
            table[name] = table[name].where(table[name].notna(), "").astype(str)
            continue
        values = pd.to_numeric(table[name], errors="coerce").astype(float)
        positive = np.isfinite(values) & ((values > 0) | (name == "beam_pa"))
        table[name] = values.where(positive)
        if not positive.any() or (name == "beam_minor" and "beam_major" not in table):
            table = table.drop(columns=name)
    if "primary_beam" in survey.given:
        table["primary_beam"] = survey.primary_beam
    if "beam_major" in table and "beam_minor" not in table:
        table["beam_minor"], table["beam_pa"] = table["beam_major"], 0.0
    table = _fill_by_name(table, survey)
    if "beam_major" in table:
        beams = (table["beam_major"] * table["beam_minor"]) ** 0.5
        survey = dataclasses.replace(survey, beam=_common(beams))
    if "frequency" in table:
        survey = dataclasses.replace(survey, frequency=_common(table["frequency"]))
    if "pixel_scale" in table and table["pixel_scale"].notna().any():
        if survey.pixel_scale is not None:
            table["pixel_scale"] = table["pixel_scale"].fillna(survey.pixel_scale)
        scales = table["pixel_scale"].dropna()
        usual, count = Counter(scales).most_common(1)[0]
        usual = usual if 2 * count > len(scales) else scales.median()
        survey = dataclasses.replace(survey, pixel_scale=float(usual))
    return table, survey


def _common(values: pd.Series) -> float | None:
    """The value of all rows; None where one is unknown, or they differ by more than 1 %."""
    if values.isna().any() or value_range(values) is not None:
        return None
    return float(values.median())


def _fill_by_name(table: pd.DataFrame, survey: SurveyFacts) -> pd.DataFrame:
    """Fill unknown beams and frequencies by those of the survey of each row."""
    names = table["survey"].astype(str) if "survey" in table else pd.Series("", table.index)
    names = names.where(names != "", survey.survey)
    known = {name: known_survey(name) for name in names.unique()}
    fill_beam = "beam" not in survey.given
    fill_frequency = "frequency" not in survey.given
    several = len({k.name if k else "" for k in known.values()}) > 1
    for name, implied in known.items():
        if implied is None:
            continue
        rows = (names == name).to_numpy()
        stretched = implied.stretch is not None
        if (
            fill_beam
            and implied.beam is not None
            and ("beam_major" in table or several or stretched)
        ):
            table = _fill_beams(table, rows, implied)
        if fill_frequency and implied.frequency is not None and ("frequency" in table or several):
            table = _with(table, "frequency")
            empty = rows & table["frequency"].isna().to_numpy()
            table.loc[empty, "frequency"] = implied.frequency
    return table


def _fill_beams(table: pd.DataFrame, rows: np.ndarray, implied: KnownSurvey) -> pd.DataFrame:
    table = _with(table, *_BEAM)
    dec = table["dec"].to_numpy(float) if "dec" in table else np.full(len(table), np.nan)
    columns = [table[name].to_numpy(float).copy() for name in _BEAM]
    for row in np.flatnonzero(rows & np.isnan(columns[0])):
        if beam := implied.beam_at(float(dec[row])):
            for column, value in zip(columns, (beam.major, beam.minor, beam.pa), strict=True):
                column[row] = value
    return table.assign(**dict(zip(_BEAM, columns, strict=True)))


def _with(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    absent = {name: np.full(len(table), np.nan) for name in names if name not in table}
    return table.assign(**absent) if absent else table


def frame_note(
    shape: tuple[int, int], scales: Sequence[float | None], beams: Sequence[float | None]
) -> str:
    """That images are smaller than the square that grows with the beam; empty where none is.

    ``shape``: ``(ny, nx)`` of the images; ``scales``, ``beams``: arcsec, of each image.
    """
    frame = Preprocess().field_arcsec or 0.0
    smaller = []
    for scale, beam in zip(scales, beams, strict=True):
        if scale is None or not scale > 0:
            continue
        wanted = frame * (beam / FIRST_BEAM if beam is not None and beam > 0 else 1.0)
        if wanted > min(shape) * scale * (1 + _SAME):
            smaller.append((wanted, min(shape) * scale))
    if not smaller:
        return ""
    wanted, side = sorted(smaller)[len(smaller) // 2]
    count = "all" if len(smaller) == len(scales) else f"{len(smaller):,} of {len(scales):,}"
    return (
        f"most encoders see {wanted:.0f} arcsec about a source, {count} images are smaller (such "
        f"as {side:.0f} arcsec): what lies beyond their edges counts as empty sky; the default "
        "encoder sees what the source fills"
    )


def shape_note(changes: Mapping[str, int]) -> str:
    """How many images were cropped or padded, and from what; empty for none."""
    if not changes:
        return ""
    parts = [f"{count:,} of {text}" for text, count in Counter(changes).most_common(5)]
    return f"{sum(changes.values()):,} image(s) were cropped or padded: {'; '.join(parts)}"
