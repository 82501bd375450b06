"""Columns that colour points: fixed columns, measured ones, scores, latent components."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz.data.catalogue import COLUMNS, LABELS, Column
from radioviz.ui.map.binary_columns import content_hash
from radioviz.ui.palette import category_colours

if TYPE_CHECKING:
    from radioviz.atlas.scores import ScoreColumn

LATENT = "latent component"
MAX_VALUES = 12
"""Most values of a text column that have a colour each; rarer ones share one as "other"."""

SCALES = {"auto": "Automatic", "linear": "Linear", "log": "Logarithmic"}

_TITLES = {
    "las": "Angular size",
    "label": "Class",
    "survey": "Survey",
    "redshift": "Redshift",
    "flux": "Flux density",
    "las_origin": "Origin of the size",
    "flux_origin": "Origin of the flux density",
    "label_original": "Class as published",
    "morphology": "Morphological subtype",
    "origin": "Catalogue of origin",
    "split": "Split",
    "official_split": "Split as published",
    "split_reason": "Reason of the split",
    "image_ra": "Image centre, right ascension",
    "image_dec": "Image centre, declination",
    "las_error": "Error of the size",
    "las_limit": "Size is an upper limit",
    "las_measured": "Angular size, measured",
    "las_measured_error": "Error of the measured size",
    "las_flag": "Doubts about the measured size",
    "las_isophotal": "Extent above 3 sigma",
    "position_angle": "Position angle",
    "beam_pa": "Position angle of the beam",
    "flux_sum": "Sum of the source's pixels",
    "peak": "Peak brightness",
    "noise": "Noise",
    "concentration": "Concentration, 5 log r80/r20",
    "flux_mjy": "Flux density, measured",
    "cv_fold": "Cross-validation fold",
    "cv_test": "In the cross-validation test",
    "snr": "Signal to noise",
    "axis_ratio": "Axis ratio",
    "n_components": "Components",
    "n_unrelated": "Unrelated islands",
    "resolved": "Resolved",
    "complexity": "Complexity",
    "log_prob": "Log-likelihood",
    "elbo": "Evidence lower bound",
    "reconstruction_error": "Reconstruction error",
    "knn_distance": "Distance to neighbours",
    "isolation": "Isolation forest score",
    "flux_ratio": "Reconstructed over true flux",
}
# Positions have their own map; names and headers are not categories.
_NEVER = {"source_id", "name", "wcs_header", "header", "image_ra", "image_dec"}
_IDENTIFIER = re.compile(r"(^|[^a-z])(id|ids|uid|oid|objid|objectid|sourceid)$", re.IGNORECASE)
_ANGLE = re.compile(r"position_?angle|(^|_)pa(_|$)|posang|orientation", re.IGNORECASE)
_UNIT = re.compile(r"\[([^\]]+)\]")
_DATE = r"\d{4}-\d{2}-\d{2}([T ].*)?"
# Spread over decades by nature, whatever this sample happens to span.
_LOGARITHMIC = {
    "las",
    "las_measured",
    "las_isophotal",
    "flux",
    "flux_mjy",
    "flux_sum",
    "peak",
    "snr",
}


@dataclass(frozen=True)
class Choice:
    """One entry of the colour menu."""

    key: str
    title: str
    unit: str = ""
    numeric: bool = True

    @property
    def text(self) -> str:
        return f"{self.title} [{self.unit}]" if self.unit else self.title


@dataclass(frozen=True, eq=False)
class Colour:
    """Colour of every point: either ``values`` on a continuous scale, or ``codes`` of ``names``."""

    title: str  # with its unit
    values: np.ndarray | None = None  # float of shape ``(n,)``, NaN where unknown
    # Draw ``values`` on a log scale; those that are not positive have the lowest colour.
    log: bool = False
    cyclic: bool = False  # ``values`` are angles in degrees that repeat after 180
    codes: np.ndarray | None = None  # integers of shape ``(n,)`` into ``names``
    names: list[str] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)  # one a name
    # Ends of the scale as the reader set them; None: by the values.
    limits: tuple[float | None, float | None] = (None, None)
    palette: str = ""  # one of :data:`radioviz.ui.palette.PALETTES`; empty: as suits the values

    @cached_property
    def known(self) -> np.ndarray:
        """Mask of the points that have a value."""
        if self.codes is not None:
            named = np.array([name != "" for name in self.names], dtype=bool)
            return np.asarray(named[self.codes])
        return np.isfinite(np.asarray(self.values, dtype=np.float64))

    @property
    def unknown(self) -> str:
        """What points without a value are called: ``no redshift``."""
        name = re.split(r" \[|, ", self.title)[0]
        kept = name[1:2].isupper() or name[1:2] == "("  # FR class, P(FRII)
        return f"no {name if kept else name[:1].lower() + name[1:]}"

    def text_of(self, row: int) -> str:
        """The coloured value of a point, with its title."""
        if self.codes is not None:
            return f"{self.title}: {self.names[int(self.codes[row])] or 'no value'}"
        found = _UNIT.search(self.title)
        title = self.title.partition(",")[0].partition(" [")[0]
        value = float(np.asarray(self.values)[row])
        return f"{title}: {number_with_unit(value, found[1] if found else '')}"

    @cached_property
    def digest(self) -> str:
        """Hash of all that it holds."""
        about = (self.title, self.log, self.cyclic, self.names, self.colours)
        held = self.codes if self.codes is not None else self.values
        column = None if held is None else np.asarray(held)
        return content_hash(column, repr((*about, self.limits, self.palette)))


def number_with_unit(value: float, unit: str) -> str:
    """Four significant digits with the unit; "no value" where there is none."""
    return f"{value:.4g} {unit}".strip() if np.isfinite(value) else "no value"


def measured_columns() -> dict[str, Column]:
    """Columns that the morphology measures, as it describes them."""
    from radioviz import morphology

    return morphology.MEASURED


def title_of(name: str, described: Mapping[str, Column] | None = None) -> tuple[str, str]:
    """Title and unit of a column; ``described``: those of its data set, by default of any."""
    from radioviz.morphology import COMPLETED

    column = (described or {**COMPLETED, **measured_columns(), **COLUMNS}).get(name)
    title = _TITLES.get(name)
    if title is None:
        short = column is not None and 0 < len(column.description) <= 40
        title = column.description if column and short else name.replace("_", " ")
    return title, column.unit if column else ""


def colour_choices(
    table: pd.DataFrame,
    scores: pd.DataFrame,
    latent_dim: int,
    described: Mapping[str, ScoreColumn] | None = None,
    apart: Mapping[str, str] | None = None,
    columns: Mapping[str, Column] | None = None,
) -> list[Choice]:
    """Everything that points can be coloured by, most useful first.

    ``described`` gives titles of some scores; others have their names as titles. ``columns``
    describes those of the data set (:func:`radioviz.morphology.described`).
    Columns without any value are left out, and those in ``apart`` (see :func:`left_out`).
    """
    apart = left_out(table) if apart is None else apart
    found = [
        Choice(name, *title_of(name, columns), numeric=COLUMNS[name].dtype == "float64")
        for name in ("las", "label", "survey", "redshift", "flux")
        if _usable(table[name])
    ]
    for name in scores.columns:
        numeric = is_number(scores[name])
        if scores[name].notna().any() and (numeric or scores[name].nunique() <= MAX_VALUES):
            about = (described or {}).get(str(name))
            title, unit = (about.title, about.unit) if about else title_of(str(name))
            found.append(Choice(f"score:{name}", title, unit, numeric))
    if latent_dim:
        found.append(Choice(LATENT, "Latent component"))
    for name in table.columns:
        if name in _NEVER or name in {c.key for c in found} or not _usable(table[name]):
            continue
        if name in apart or (table[name].nunique() < 2 and not is_number(table[name])):
            continue
        numeric = is_number(table[name]) or is_date(table[name])
        found.append(Choice(str(name), *title_of(str(name), columns), numeric=numeric))
    return _distinct(found)


def _distinct(choices: list[Choice]) -> list[Choice]:
    """The same choices; those of one title have the flow that they come from behind it."""
    number = Counter(c.title for c in choices)
    out = []
    for choice in choices:
        name = choice.key.removeprefix("score:")
        if number[choice.title] > 1:
            _, flow, of = name.partition("_maf-")
            choice = replace(choice, title=f"{choice.title} ({of if flow else name})")
        out.append(choice)
    return out


def left_out(table: pd.DataFrame) -> dict[str, str]:
    """Columns that make no colours although they hold values, and why."""
    out = {}
    for name in map(str, table.columns):
        if name in _NEVER or not _usable(table[name]):
            continue
        column = table[name]
        if is_number(column):
            whole = pd.api.types.is_integer_dtype(column)
            if whole and _IDENTIFIER.search(name) and column.nunique() > MAX_VALUES:
                out[name] = "an identifier"
        elif not is_date(column) and column.nunique() > max(MAX_VALUES, len(column) // 2):
            out[name] = "a different text for most galaxies"
    return out


def is_date(column: pd.Series) -> bool:
    """True for text columns of dates, written as ISO 8601 has it: ``2024-03-01T12:00``."""
    if is_number(column) or pd.api.types.is_bool_dtype(column):
        return False
    known = column.astype(str)
    known = known[known != ""]
    if not len(known) or not known.iloc[:20].str.fullmatch(_DATE).all():
        return False
    return bool(known.str.fullmatch(_DATE).all())


def _years(column: pd.Series) -> np.ndarray:
    """Dates as years with their fraction, float64 of shape ``(n,)``; NaN for none."""
    when = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    day = when.dt.day_of_year - 1 + (when - when.dt.normalize()) / pd.Timedelta(days=1)
    years = when.dt.year + day / (365 + when.dt.is_leap_year.astype(float))
    return years.to_numpy(float)


def is_number(column: pd.Series) -> bool:
    """True for columns of numbers; yes and no is a category."""
    kinds = pd.api.types
    return bool(kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column))


def _usable(column: pd.Series) -> bool:
    if is_number(column):
        return bool(column.notna().any())
    return bool((column.astype(str) != "").any())


def colour_by(
    choice: Choice,
    table: pd.DataFrame,
    scores: pd.DataFrame,
    latents: np.ndarray,
    component: int = 0,
    scale: str = "auto",
) -> Colour:
    """Colours of the rows of a table with its aligned scores and latents.

    A column that the table lacks (an overlaid data set) is unknown for all its rows. ``scale``
    is one of :data:`SCALES`.
    """
    n = len(table)
    if choice.key == LATENT:
        d = latents.shape[1]
        values = latents[:, component] if component < d else np.full(n, np.nan)
        return Colour(f"Latent component {component + 1} of {d}", np.asarray(values, float))
    held, key = table, choice.key
    if key.startswith("score:") and choice.numeric:
        name = key.removeprefix("score:")
        values = scores[name].to_numpy(float) if name in scores else np.full(n, np.nan)
        return Colour(choice.text, values, _is_log(choice, values, scale))
    if key.startswith("score:"):
        held, key = scores, key.removeprefix("score:")
    elif choice.numeric:
        column = table.get(choice.key)
        values = np.full(n, np.nan)
        if column is not None:
            values = column.to_numpy(float) if is_number(column) else _years(column)
        if choice.unit == "deg" and _ANGLE.search(choice.key):
            return Colour(choice.text, np.mod(values, 180.0), cyclic=True)
        title = choice.text + _limits_note(choice.key, table)
        return Colour(title, values, _is_log(choice, values, scale))
    cells = held.get(key)
    text = [""] * n if cells is None else _words(cells)
    present = Counter(text)
    order = [name for name in LABELS if name in present]
    order += sorted(set(present) - set(order) - {""})
    if "" in present:
        order.append("")
    index = {name: i for i, name in enumerate(order)}
    codes = np.array([index[name] for name in text], dtype=np.int32)
    return Colour(choice.text, codes=codes, names=order, colours=category_colours(order))


def _few(colour: Colour) -> Colour:
    """The same with a colour for each of the commonest values, and one for all others."""
    codes = np.asarray(colour.codes)
    named = [i for i, name in enumerate(colour.names) if name]
    if len(named) <= MAX_VALUES:
        return colour
    counts = np.bincount(codes, minlength=len(colour.names))
    common = sorted(sorted(named, key=lambda i: (-counts[i], i))[: MAX_VALUES - 1])
    other = f"other ({len(named) - len(common):,} values)"
    names = [*(colour.names[i] for i in common), other]
    new = np.full(len(colour.names), len(common), dtype=np.int32)
    new[common] = np.arange(len(common))
    if "" in colour.names:
        new[colour.names.index("")] = len(names)
        names.append("")
    return Colour(colour.title, codes=new[codes], names=names, colours=category_colours(names))


def _limits_note(key: str, table: pd.DataFrame) -> str:
    """Which share of the sizes are upper limits, which have the colour of the limit."""
    from radioviz.morphology.upper_limits import limits_of

    if key not in ("las", "las_measured"):
        return ""
    upper = limits_of(table) if key == "las" else ~table["resolved"].to_numpy(bool)
    known = table[key].notna().to_numpy()
    share = (upper & known).sum() / max(known.sum(), 1)
    return f", {share:.0%} upper limits" if share else ""


def _words(cells: pd.Series) -> list[str]:
    if pd.api.types.is_bool_dtype(cells):
        return np.where(cells.to_numpy(bool), "yes", "no").tolist()
    return cells.astype(str).where(cells.notna(), "").tolist()


def join_colours(colours: list[Colour]) -> Colour:
    """One colouring of several data sets in a row, on one scale."""
    first = colours[0]
    if len(colours) == 1:
        return first if first.codes is None else _few(first)
    if first.codes is None:
        values = np.concatenate([c.values for c in colours if c.values is not None])
        return Colour(first.title, values, first.log, first.cyclic)
    names = list(dict.fromkeys(name for c in colours for name in c.names if name))
    names = [n for n in LABELS if n in names] + [n for n in names if n not in LABELS]
    if any("" in c.names for c in colours):
        names.append("")
    codes = np.concatenate(
        [
            np.array([names.index(name) for name in c.names], np.int32)[c.codes]
            for c in colours
            if c.codes is not None and c.names
        ]
    )
    return _few(Colour(first.title, codes=codes, names=names, colours=category_colours(names)))


def _is_log(choice: Choice, values: np.ndarray, scale: str) -> bool:
    if scale != "auto":
        return scale == "log" and bool((values > 0).any())
    if choice.key in _LOGARITHMIC:
        return True
    if choice.unit == "deg":
        return False
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() <= 0:
        return False
    if not choice.unit and finite.max() <= 1:
        return False  # fractions and probabilities: 0.1 and 0.9 matter alike
    low, high = np.percentile(finite, [1, 99])
    return bool(high > 100 * low)
