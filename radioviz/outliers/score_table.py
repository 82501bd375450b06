"""Every outlier score of the galaxies of a data set, of flows and of Atlases. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from radioviz.atlas.atlas import Atlas
from radioviz.atlas.scores import Scores
from radioviz.data.catalogue import Catalogue
from radioviz.errors import LikelihoodError
from radioviz.models.registry import ModelList
from radioviz.outliers.thresholds import COMBINED, SCORES, calibrated_flows, column, rank_average

REFERENCE = "first"
"""The data set that strangeness is measured against, where it has scores."""

IN_ATLAS = {
    "knn": "knn_distance",
    "isolation": "isolation",
    "reconstruction": "reconstruction_error",
}
"""Scores that an Atlas holds, measured alike in every data set that its encoder has seen.

Those of a flow have the same names, but compare a galaxy with what the flow learned from, itself
among them; and surveys of the user have none.
"""


@dataclass(frozen=True, eq=False)
class Outliers:
    """Outlier scores of the galaxies of a data set."""

    data_set: str
    flow: str  # the flow that gave log p; empty where none did
    source_ids: Any  # text, shape ``(n,)``, the order of the catalogue
    # Name of a score (:data:`radioviz.outliers.thresholds.SCORES`) to float64 of shape ``(n,)``.
    values: Mapping[str, np.ndarray]
    trained: np.ndarray  # bool: galaxies of the training split
    unseen: np.ndarray  # bool: of the validation and test splits
    size: np.ndarray  # angular size in arcsec, NaN where unknown

    def __len__(self) -> int:
        return len(self.source_ids)

    def oriented(self, score: str) -> np.ndarray:
        """Values of a score, higher for outliers; NaN where unknown."""
        if score not in self.values:
            return np.full(len(self), np.nan)
        return SCORES[score].oriented(self.values[score])

    def held_out(self) -> np.ndarray:
        """Mask of galaxies that nothing was trained on; all, where there are no splits."""
        return self.unseen if self.unseen.any() else np.ones(len(self), dtype=bool)

    def learned(self) -> np.ndarray:
        """Mask of galaxies that models learned from; all, where there are no splits."""
        return self.trained if self.trained.any() else np.ones(len(self), dtype=bool)

    def only(self, mask: np.ndarray) -> Outliers:
        """The galaxies of a mask ``(n,)``."""
        return replace(
            self,
            source_ids=self.source_ids[mask],
            values={name: values[mask] for name, values in self.values.items()},
            trained=self.trained[mask],
            unseen=self.unseen[mask],
            size=self.size[mask],
        )

    def with_rank_average(self, base: Outliers) -> Outliers:
        """Add the mean percentile rank of all scores but the combined ones.

        ``base``: its training galaxies are those that values are ranked among; those here, where it
        lacks a score.
        """
        names = [k for k in self.values if k not in COMBINED]
        base = base if set(names) <= set(base.values) else self
        learned = base.learned()
        try:
            average = rank_average(
                {k: self.oriented(k) for k in names}, {k: base.oriented(k)[learned] for k in names}
            )
        except LikelihoodError:
            return self
        return replace(self, values={**self.values, "rank_average": average})


def flow_over(models: ModelList, encoder: str | None) -> str:
    """The flow over an encoder's latents, or any flow where that has none; empty without."""
    found = calibrated_flows(models)
    for name, info in found.items():
        if info.training.get("config", {}).get("encoder") == encoder:
            return name
    return next(iter(found), "")


def outliers_of(
    catalogue: Catalogue, scores: Scores, atlas: Atlas | None, flow: str, preferred: str
) -> Outliers:
    """Every outlier score of a data set but the rank average.

    ``scores``: of the data set, that belong to no encoder. ``atlas``: of the encoder in view: it
    gives the scores of :data:`IN_ATLAS`. ``flow``, ``preferred``: the flow of :func:`flow_over`,
    and the one whose scores stand in for those that it lacks; empty where there is none.
    """
    table = catalogue.table
    values: dict[str, np.ndarray] = {}
    if flow:
        own = scores.of(table["source_id"])
        names = [n for n in SCORES if atlas is not None or n not in IN_ATLAS]
        for name, of in ((n, f) for f in dict.fromkeys((flow, preferred)) for n in names):
            if column(name, of) in own and name not in values:
                values[name] = own[column(name, of)].to_numpy(float)
    if atlas is not None:
        values |= _scores_of_atlas(atlas, catalogue)
    if "complexity" in table and table["complexity"].notna().any():
        values["complexity"] = table["complexity"].to_numpy(float)
    # One kind of size for all galaxies that are compared.
    size = table["las_isophotal" if "las_isophotal" in table else "las"].to_numpy(float)
    return Outliers(
        catalogue.info.key,
        flow if "log_prob" in values else "",
        table["source_id"].array,
        {k: values[k] for k in SCORES if k in values},
        (table["split"] == "train").to_numpy(bool),
        table["split"].isin(("valid", "test")).to_numpy(bool),
        size,
    )


def _scores_of_atlas(atlas: Atlas, catalogue: Catalogue) -> dict[str, np.ndarray]:
    rows = atlas.rows_of_catalogue(catalogue)
    out = {}
    for name, stored in IN_ATLAS.items():
        if stored in atlas.scores:
            values = atlas.scores[stored].to_numpy(float)
            out[name] = np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan)
    return out
