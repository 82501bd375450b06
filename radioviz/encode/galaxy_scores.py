"""Scores of galaxies that do not depend on an encoder: class probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.atlas.scores import ScoreColumn, add_scores, read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.encode.classifier import Classifier
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.registry import list_models

FR = "p_fr2"


def fr_probability(
    catalogue: Catalogue, progress: Progress = no_progress
) -> tuple[pd.DataFrame, dict[str, ScoreColumn]]:
    """Calibrated p(FRII) of the default classifier (``p_fr2``); NaN for blank images.

    Returns
    -------
    table : pandas.DataFrame
        One row per source, in the order of the Catalogue.
    columns : dict
        Descriptions of its columns.
    """
    classifier = Classifier.load()
    probabilities = classifier.classify_catalogue(catalogue, progress=progress)
    column = probabilities[:, classifier.classes.index("FRII")].astype(np.float32)
    about = ScoreColumn(
        "Probability of FRII",
        description="P(FRII): 0 = FRI, 1 = FRII (calibrated). The classifier knows only these two "
        "classes: for compact, bent or hybrid sources it says which they resemble more.",
        model=classifier.info.name,
        command=f"python -m train scores --what fr --data {catalogue.info.key}",
    )
    return pd.DataFrame({FR: column}), {FR: about}


def add_fr_probability(key: str, progress: Progress = no_progress) -> bool:
    """Add p(FRII) to the scores of a data set; False if it is there, or no model classifies."""
    models = list_models()
    if not models.with_capability("classify", "features"):
        return False
    catalogue = open_data_set(key)
    if FR in read_scores(key, catalogue=catalogue, models=models).columns:
        return False
    add_scores(catalogue, *fr_probability(catalogue, progress), models=models)
    return True
