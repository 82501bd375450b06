"""Outlier scores for the app: ``python -m train scores --what outliers,generated``.

Columns ``<score>_<flow>`` of each data set for every flow on disk (see
:data:`radioviz.outliers.thresholds.SCORES`), relative to the training split of FIRST; and those of
images that a generator draws from its prior (``--generator cvae``), as the scores of a data set
called ``generated``.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from radioviz.atlas.scores import ScoreColumn, Scores, add_scores
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.maf import MAF
from radioviz.models.registry import list_models
from radioviz.outliers.thresholds import COMBINED, SCORES, calibrated_flows, column
from radioviz.paths import trained_folder
from train.core.config import TrainError
from train.evaluate.ood_samples import Sample, make_sample, sample_of
from train.scores.orientations import encode_orientations
from train.scores.outlier_detector import Detector, detector
from train.scores.texture import CHAIN

STORED = {
    "strangeness": "The app's outlier score. Sum of -log(share of training galaxies that score "
    "higher) over log p of eight orientations, neighbours and reconstruction. High: outlier.",
    "defect": "The same for the scene (position and islands of the light, residuals) and the "
    "texture of the image: side lobes, cut edges, noise, another telescope. High: outlier.",
    "log_prob": "Log density of the latent vector under the flow. Low: outlier. Small and simple "
    "sources have high values.",
    "given_size": "Log density, mean over eight orientations, relative to galaxies of the same "
    "angular size, in standard deviations. Low: outlier.",
    "knn": "Mean distance to the 3 nearest training galaxies, over four orientations. "
    "High: outlier.",
    "isolation": "Isolation forest on the latents. High: outlier.",
    "reconstruction": "Squared residual over squared image. High: outlier.",
}
GENERATOR = "cvae-sharp"
GENERATED = 1000
KEY = "generated"


def flows() -> dict[str, ModelInfo]:
    """Flows on disk with an encoder on disk."""
    models = list_models()
    found = models.with_capability("log_prob")
    return {k: i for k, i in found.items() if i.training["config"]["encoder"] in models}


@functools.lru_cache(maxsize=4)
def fitted_detector(name: str) -> Detector:
    """Outlier scores of a flow, fitted to its training galaxies."""
    module, info = weights.load(trained_folder() / name)
    assert isinstance(module, MAF)
    sample = sample_of(open_data_set("first"), info.training["config"]["encoder"])
    return detector(module, sample.take(_learned(info, sample)))


def _learned(info: ModelInfo, sample: Sample) -> np.ndarray:
    """Galaxies of FIRST that the scores of a flow are fitted to, bool ``(n,)``."""
    table = open_data_set("first").table
    learned = table["split"].to_numpy(str) == "train"
    learned &= ~table["label"].isin(info.training["config"]["without"]).to_numpy()
    result: np.ndarray = learned & _usable(sample.figures)
    return result


def _usable(figures: pd.DataFrame) -> np.ndarray:
    """True for images that are not blank."""
    return figures["complexity"].notna().to_numpy() & figures["las_isophotal"].notna().to_numpy()


def outliers(catalogue: Catalogue) -> tuple[pd.DataFrame, dict[str, ScoreColumn]]:
    """Score columns of a data set under every flow, and their descriptions."""
    table = pd.DataFrame(index=range(len(catalogue)))
    about: dict[str, ScoreColumn] = {}
    for name, info in flows().items():
        sample = sample_of(catalogue, info.training["config"]["encoder"])
        fitted = fitted_detector(name)
        scores = fitted.scores(sample)
        if catalogue.info.key == "first":  # a galaxy is no neighbour of itself
            scores.loc[_learned(info, sample), fitted.learned.columns] = fitted.learned.to_numpy()
        made, described = _columns(scores, name, catalogue.info.key)
        table, about = pd.concat([table, made], axis=1), about | described
    if not about:
        raise TrainError("there is no flow; train one with: python -m train maf --run maf-vae32")
    return table, about


def _columns(
    scores: pd.DataFrame, flow: str, key: str
) -> tuple[pd.DataFrame, dict[str, ScoreColumn]]:
    preferred = next(iter(calibrated_flows(list_models())), "")
    made: dict[str, np.ndarray] = {}
    about: dict[str, ScoreColumn] = {}
    for score, text in STORED.items():
        if score in scores and (score not in COMBINED or flow == preferred):
            values = SCORES[score].oriented(scores[score].to_numpy(float))  # its own sign
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


def score_generated(generator: str = GENERATOR, n: int = GENERATED, seed: int = 0) -> Scores:
    """Score images that a generator draws from its prior, under every flow.

    Raises TrainError if there is no flow.
    """
    from radioviz import morphology
    from radioviz.encode import GenerationRequest, Generator

    drawing = Generator.load(generator)
    request = GenerationRequest(n=n, seed=seed, label=None, size=None, mode="prior")
    images = drawing.sample(request).images
    chain = drawing.info.preprocess
    beam = open_data_set("first").info.beam
    scale = float(chain.field_arcsec or 0) / chain.size
    seen = (255 * images).astype(np.uint8)
    table = morphology.measure(seen, scale, beam)
    fine = CHAIN(seen, scale, beam=beam)
    parts: list[pd.DataFrame] = []
    about: dict[str, ScoreColumn] = {}
    for name, info in flows().items():
        model = Encoder.load(info.training["config"]["encoder"])
        if model.info.preprocess != chain:
            print(f"{name}: skipped, {model.info.name} needs other preprocessing than {generator}")
            continue
        views = encode_orientations(model, images)
        sample = make_sample(model, images, views, table, np.arange(n), fine)
        found = fitted_detector(name).scores(sample)
        # Generated images have no structure finer than their own pixels.
        found = found.drop(columns=[*COMBINED, "complexity"], errors="ignore")
        made, described = _columns(found, name, KEY)
        parts.append(made)
        about |= {
            k: ScoreColumn(
                c.title, c.unit, f"{c.description} Images by {drawing.info.title}.", c.model,
                command=f"python -m train scores --what generated --generator {generator}",
            )
            for k, c in described.items()
        }  # fmt: skip
    if not parts:
        raise TrainError("there is no flow; train one with: python -m train maf --run maf-vae32")
    table = pd.DataFrame({"source_id": [f"{KEY}-{seed}-{i}" for i in range(n)], "survey": KEY})
    info_ = SurveyInfo(key=KEY, title="Generated images", pixel_scale=1.0)
    blank = np.zeros((n, 1, 1), np.uint8)  # seed and number reproduce the images
    catalogue = Catalogue(info_, complete_columns(table), blank)
    folder = trained_folder() / "atlas"
    every = pd.concat(parts, axis=1)
    scores = add_scores(catalogue, every, about, models=list_models(), folder=folder)
    print(f"{KEY}: {', '.join(about)} of {n} images")
    return scores
