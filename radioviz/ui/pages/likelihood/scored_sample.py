"""Galaxies of several data sets under one outlier score, and where each stands among all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from radioviz.errors import AtlasError, CatalogueError
from radioviz.outliers.score_table import Outliers
from radioviz.outliers.thresholds import SCORES, OutlierScore, percentile_rank, threshold_at
from radioviz.ui import filtering
from radioviz.ui.cache import outliers as scores
from radioviz.ui.controls import View

Pair = tuple[str, str]

MOST = 100_000
"""Galaxies of a list; of more, the strangest."""

RANKS = "In per cent: how many of the training galaxies are less strange."


@dataclass(frozen=True, eq=False)
class ScoredSample:
    """Galaxies under one score."""

    score: OutlierScore
    tables: dict[str, Outliers]  # all scores by data set
    reference: Outliers  # the data set that values are ranked against
    threshold: float  # values at or above it (higher is stranger) are flagged

    @property
    def threshold_value(self) -> float:
        """The threshold in values of the score, whose low ones may be the strange ones."""
        return -self.threshold if self.score.low else self.threshold

    def pooled(self) -> np.ndarray:
        """Values of the galaxies of all data sets, one after the other; higher is stranger."""
        parts = [table.oriented(self.score.key) for table in self.tables.values()]
        return np.concatenate([*parts, np.array([])])

    def pairs(self, rows: np.ndarray) -> list[Pair]:
        """Galaxies of some rows of :meth:`pooled`, in their order."""
        out: list[Pair] = [("", "")] * len(rows)
        start = 0
        for key, table in self.tables.items():
            at = np.flatnonzero((rows >= start) & (rows < start + len(table)))
            ids = np.asarray(table.source_ids[rows[at] - start], object).tolist()
            for place, source_id in zip(at.tolist(), ids, strict=True):
                out[place] = (key, source_id)
            start += len(table)
        return out

    def value(self, pair: Pair, score: str = "") -> float:
        """Value of one galaxy, by default of the score of the sample; NaN if unknown."""
        table, name = self.tables.get(pair[0]), score or self.score.key
        if table is None or name not in table.values:
            return math.nan
        at = np.flatnonzero(table.source_ids == pair[1])
        return float(table.values[name][at[0]]) if len(at) else math.nan

    def rank_text(self, value: float, score: OutlierScore) -> str:
        """Percentile rank of a value among the galaxies that the models were trained on."""
        known = self.reference.oriented(score.key)[self.reference.learned()]
        rank = percentile_rank(score.oriented(np.array([value])), known)[0]
        return "> 99.9 %" if rank > 0.999 else f"{100 * rank:.1f} %"

    def facts(self, pair: Pair) -> list[tuple[str, str]]:
        """Every score of a galaxy, with its percentile rank."""
        lines = []
        for name, score in SCORES.items():
            value = self.value(pair, name)
            if math.isfinite(value) and name in self.reference.values:
                unit = f" {score.unit}" if score.unit else ""
                rank = self.rank_text(value, score)
                lines.append((score.title, f"{value:.4g}{unit} · {rank}"))
        return lines


def outlier_tables(view: View, data_sets: list[str]) -> dict[str, Outliers]:
    """Scores of the data sets that have any, of the galaxies that pass the filter.

    Raises AtlasError or CatalogueError if those of the data set in view cannot be read.
    """
    found = {}
    for key in data_sets:
        try:
            found[key] = _filtered(scores.outliers(key, view.model), view.model)
        except (AtlasError, CatalogueError):
            if key == view.data_set:
                raise
    return found


def _filtered(table: Outliers, model: str | None) -> Outliers:
    mask = filtering.passing(table.data_set, model)
    return table if mask is None else table.only(mask)


def score_sample(
    view: View, score: OutlierScore, tables: dict[str, Outliers], fraction: float
) -> ScoredSample:
    """Sample whose threshold flags a fraction of the held-out galaxies of the reference."""
    base = scores.reference(view.model, view.data_set)
    if score.key not in base.values:
        own = view.data_set if view.data_set in tables else next(iter(tables))
        base = scores.outliers(own, view.model)  # whole, whatever the filter shows
    held_out = base.oriented(score.key)[base.held_out()]
    return ScoredSample(score, tables, base, threshold_at(held_out, fraction))
