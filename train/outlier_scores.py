"""Outlier scores for the app: ``python -m train scores --what outliers,generated``.

For every flow on disk the columns ``<score>_<flow>`` of each data set (see
:data:`radioviz.likelihood.SCORES`), measured against the training split of FIRST; and log p of
images drawn from the encoder's own prior, as the scores of a data set called ``generated``.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.likelihood import SCORES, column
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.maf import MAF
from radioviz.models.registry import list_models
from radioviz.paths import trained_folder
from radioviz.scores import ScoreColumn, Scores, add_scores
from train.config import TrainError
from train.ood_data import make_sample, sample_of
from train.orientations import encoded
from train.outliers import Detector, detector

STORED = {
    "strangeness": "The shipped outlier score: how unlikely latents and image are, by themselves "
    "and for their angular size. High is strange.",
    "log_prob": "Log density of the latent vector under the flow. Low is strange; prefers small "
    "and simple sources.",
    "given_size": "Log density, mean over eight orientations, against galaxies of the same "
    "angular size, in standard deviations. Low is strange.",
    "knn": "Mean distance to the 8 nearest training galaxies. High is strange.",
    "isolation": "Isolation forest on the latents. High is strange.",
    "reconstruction": "Squared residual over squared image. High is strange.",
}
GENERATED = 1000
KEY = "generated"


def flows() -> dict[str, ModelInfo]:
    """Flows on disk whose encoder is there too."""
    models = list_models()
    found = models.with_capability("log_prob")
    return {k: i for k, i in found.items() if i.training["config"]["encoder"] in models}


@functools.lru_cache(maxsize=4)
def fitted(name: str) -> Detector:
    """The scores of a flow, fitted to what it learned from."""
    module, info = weights.load(trained_folder() / name)
    assert isinstance(module, MAF)  # its kind says so
    config = info.training["config"]
    first = open_data_set("first")
    sample = sample_of(first, config["encoder"])
    learned = first.table["split"].to_numpy(str) == "train"
    learned &= ~first.table["label"].isin(config["without"]).to_numpy()
    return detector(module, sample.take(learned & _usable(sample.figures)))


def _usable(figures: pd.DataFrame) -> np.ndarray:
    """False for blank images."""
    return figures["complexity"].notna().to_numpy() & figures["las_measured"].notna().to_numpy()


def outliers(catalogue: Catalogue) -> tuple[pd.DataFrame, dict[str, ScoreColumn]]:
    """Columns of every flow for a data set."""
    table = pd.DataFrame(index=range(len(catalogue)))
    about: dict[str, ScoreColumn] = {}
    for name, info in flows().items():
        scores = fitted(name).scores(sample_of(catalogue, info.training["config"]["encoder"]))
        made, described = _columns(scores, name, catalogue.info.key)
        table, about = pd.concat([table, made], axis=1), about | described
    if not about:
        raise TrainError("there is no flow; train one with: python -m train maf --run maf-vae32")
    return table, about


def _columns(
    scores: pd.DataFrame, flow: str, key: str
) -> tuple[pd.DataFrame, dict[str, ScoreColumn]]:
    made: dict[str, np.ndarray] = {}
    about: dict[str, ScoreColumn] = {}
    for score, text in STORED.items():
        if score in scores:
            values = SCORES[score].oriented(scores[score].to_numpy(float))  # back to its own sign
            name = column(score, flow)
            made[name] = values.astype(np.float32)
            about[name] = ScoreColumn(
                SCORES[score].title,
                SCORES[score].unit,
                text,
                flow,
                command=f"python -m train scores --what outliers --data {key}",
            )
    return pd.DataFrame(made), about


def generated(n: int = GENERATED, seed: int = 0) -> Scores:
    """Score images drawn from the prior of each flow's encoder.

    Raises
    ------
    TrainError
        If no encoder with a flow can decode.
    """
    from radioviz import morphology
    from radioviz.encode import Generator, Request

    parts: list[pd.DataFrame] = []
    about: dict[str, ScoreColumn] = {}
    for name, info in flows().items():
        model = Encoder.load(info.training["config"]["encoder"])
        if not model.info.can("decode"):
            continue
        request = Request(n=n, seed=seed, label=None, size=None, mode="prior")
        images = Generator.load(model.info.name).sample(request).images
        chain = model.info.preprocess
        first = open_data_set("first").info
        scale = float(chain.field_arcsec or 0) / chain.size
        table = morphology.measure((255 * images).astype(np.uint8), scale, first.beam)
        sample = make_sample(model, images, encoded(model, images), table, np.arange(n))
        found = fitted(name).scores(sample).drop(columns=["strangeness", "complexity"])
        made, described = _columns(found, name, KEY)
        parts.append(made)
        about |= {
            k: ScoreColumn(
                c.title, c.unit, f"{c.description} Images by {model.info.title}.", c.model,
                command="python -m train scores --what generated",
            )
            for k, c in described.items()
        }  # fmt: skip
    if not parts:
        raise TrainError("no flow is over the latents of a model that decodes; nothing to draw")
    table = pd.DataFrame({"source_id": [f"{KEY}-{seed}-{i}" for i in range(n)], "survey": KEY})
    info_ = SurveyInfo(key=KEY, title="Generated images", pixel_scale=1.0)
    blank = np.zeros((n, 1, 1), np.uint8)  # the images can be made again from seed and number
    catalogue = Catalogue(info_, complete_columns(table), blank)
    folder = trained_folder() / "atlas"
    every = pd.concat(parts, axis=1)
    scores = add_scores(catalogue, every, about, models=list_models(), folder=folder)
    print(f"{KEY}: {', '.join(about)} of {n} images")
    return scores
