"""Scores that belong to no encoder: ``python -m train scores --what fr --data first,mirabest``.

Each entry of :data:`SCORES` computes columns of :mod:`radioviz.atlas.scores` for one data set; a
module that has another score adds a line.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pandas as pd
from tqdm import tqdm

from radioviz.atlas.scores import ScoreColumn, Scores, add_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.encode import galaxy_scores
from radioviz.models.registry import list_models
from train.core.config import TrainError

Made = tuple[pd.DataFrame, dict[str, ScoreColumn]]

SCORES: dict[str, str] = {
    "fr": "train.scores.galaxy_scores:fr_probability",
    "outliers": "train.scores.outlier_scores:outliers",
}
"""Word on the command line to ``module:function``, which takes a Catalogue and gives columns
(a row a source, in its order) and what they are."""


def build(key: str, what: str) -> Scores:
    """Compute one kind of score for a data set and add it to its table.

    Raises
    ------
    TrainError
        If there is no such kind.
    """
    if what not in SCORES:
        raise TrainError(f"no score '{what}'; there are {', '.join(SCORES)}")
    module, name = SCORES[what].split(":")
    make: Callable[[Catalogue], Made] = getattr(importlib.import_module(module), name)
    catalogue = open_data_set(key)
    table, columns = make(catalogue)
    scores = add_scores(catalogue, table, columns, models=list_models())
    print(f"{key}: {', '.join(columns)} of {len(catalogue)} sources")
    return scores


def fr_probability(catalogue: Catalogue) -> Made:
    """Calibrated p(FRII) by the classifier that the app shows (``p_fr2``); NaN for blank images."""
    with tqdm(total=len(catalogue), desc=f"{catalogue.info.key} x fr", unit="image") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.update(done - bar.n)

        return galaxy_scores.fr_probability(catalogue, progress)
