"""Scores that belong to galaxies: ``python -m train scores --what fr --data first,mirabest``."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from tqdm import tqdm

from radioviz.atlas.scores import ScoreColumn, Scores, add_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.encode import classifier, side_scores
from radioviz.models.registry import list_models
from train.core.config import TrainError
from train.scores.outlier_scores import outliers, score_generated

Columns = tuple[pd.DataFrame, dict[str, ScoreColumn]]


def build_all(
    data: str = "first,mirabest,frdeep-first,frdeep-nvss", what: str = "fr", generator: str = "cvae"
) -> None:
    """Compute scores of data sets: ``fr``, ``outliers``, ``sides``, ``generated``.

    Names are separated by commas. ``generated`` scores images that ``generator`` draws.
    """
    for kind in what.split(","):
        if kind == "generated":
            score_generated(generator)
            continue
        for key in data.split(","):
            add_score(key, kind)


def add_score(key: str, what: str) -> Scores:
    """Compute one kind of :data:`SCORES` for a data set and add it to its table.

    Raises TrainError if there is no such kind.
    """
    if what not in SCORES:
        raise TrainError(f"no score '{what}'; expected one of {', '.join(SCORES)}")
    catalogue = open_data_set(key)
    table, columns = SCORES[what](catalogue)
    scores = add_scores(catalogue, table, columns, models=list_models())
    print(f"{key}: {', '.join(columns)} of {len(catalogue)} sources")
    return scores


def fr_probability(catalogue: Catalogue) -> Columns:
    """Calibrated p(FRII) by the app's classifier (``p_fr2``); NaN for blank images."""
    with tqdm(total=len(catalogue), desc=f"{catalogue.info.key} x fr", unit="image") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.update(done - bar.n)

        return classifier.fr_probability(catalogue, progress)


def sides(catalogue: Catalogue) -> Columns:
    """The side of each source under every model of one channel with two peaks."""
    models = list_models().with_capability("side")
    found = [side_scores.sides(catalogue, n) for n, info in models.items() if not info.channels]
    if not found:
        raise TrainError("no model has two sides; train them: python -m train sides")
    tables, columns = zip(*found, strict=True)
    return pd.concat(tables, axis=1), {k: v for part in columns for k, v in part.items()}


SCORES: dict[str, Callable[[Catalogue], Columns]] = {
    "fr": fr_probability,
    "outliers": outliers,
    "sides": sides,
}
"""Kind of score to the function that computes its columns (one row per source) and describes
them."""
