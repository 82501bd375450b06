"""Scores of galaxies by models with two peaks: on which side each of them lies."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pandas as pd

from radioviz.atlas.scores import ScoreColumn, add_scores, read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import planes_of_model
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.data.user_surveys import survey_lock
from radioviz.encode.encoder import BATCH, Encoder
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.registry import list_models
from radioviz.models.two_sides import side_column


def sides(
    catalogue: Catalogue, model: str, progress: Progress = no_progress
) -> tuple[pd.DataFrame, dict[str, ScoreColumn]]:
    """First latent coordinate of each source under a model with two peaks; NaN for blank images.

    Returns ``table``: one row per source, in the order of the Catalogue; ``columns``: descriptions
    of its columns. Raises ModelError if the model has no sides; CatalogueError if it sees several
    images of a source, and the data set lacks one of them.
    """
    encoder = Encoder.load(model)
    encoder.require("side")
    what = f"finding sides with {encoder.info.title}"
    out = np.full(len(catalogue), np.nan, np.float32)
    rows = np.arange(len(catalogue))
    for part, images in encoder.preprocessed(catalogue, rows, BATCH):
        found = encoder.map_images("side", images, 1, what)[:, 0]
        seen = images.reshape(len(images), -1).max(axis=1, initial=0) > 0
        out[part] = np.where(seen, found, np.nan)
        progress(part.stop, len(catalogue), what)
    low, high = encoder.info.architecture["classes"]
    name = side_column(model)
    about = ScoreColumn(
        encoder.info.title,
        description=f"Latent coordinate of a model with two peaks that saw no labels: {low} below "
        f"0, {high} above.",
        model=model,
        command=f"python -m train scores --what sides --data {catalogue.info.key}",
    )
    return pd.DataFrame({name: out}), {name: about}


def add_sides(key: str, progress: Progress = no_progress, *, plane: str = "") -> list[str]:
    """Add what is missing of the sides to the scores of a data set; names of the new columns.

    Models that see other channels than the data set has are left out. ``plane`` names the image
    that models of one channel see where a source has several.
    """
    models, added = list_models(), []
    with nullcontext() if key in DATA_SETS else survey_lock(key):
        catalogue = open_data_set(key)
        have = read_scores(key, catalogue=catalogue, models=models).columns
        for name, info in models.with_capability("side").items():
            if side_column(name) in have:
                continue
            try:
                planes_of_model(catalogue, info.channels) if info.channels else None
            except CatalogueError:
                continue
            seen = catalogue if info.channels else catalogue.of_plane(plane or 0)
            add_scores(catalogue, *sides(seen, name, progress), models=models)
            added.append(side_column(name))
    return added
