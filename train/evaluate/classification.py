"""Classifiers on held-out galaxies: ``python -m train evaluate classifier``.

And how RAMIS falls as real galaxies are blurred, buried in noise or cropped (Bastien et al. 2021,
Fig. 1): ``python -m train evaluate ramis``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.encode import Classifier
from radioviz.metrics.inception import ramis_interval
from train.core.config import TrainError
from train.evaluate.benchmarks import Estimate, bootstrap, record
from train.evaluate.csv_tables import write_table
from train.evaluate.evaluation_set import EvaluationSet, evaluation_set
from train.metrics.calibration import calibration_error

DRAWS = 1000
SETS = {
    "mbc": "mirabest", "mirabest": "mirabest", "frdeep_first": "frdeep-first",
    "frdeep_nvss": "frdeep-nvss", "first": "first",
}  # fmt: skip
"""Name in the results to data set. ``mbc`` are the confident galaxies of MiraBest; its test split
is the published one of 104."""


def classification(model: str = "", split: str = "test") -> dict[str, float]:
    """Accuracy, ROC AUC and calibration on each of :data:`SETS`.

    Raises ModelError if there is no such model, or it does not classify.
    """
    classifier = Classifier.load(model)
    name = classifier.info.name
    out = {}
    for title, key in SETS.items():
        found = evaluation_set(classifier.info.preprocess, split, classifier.classes, data=(key,))
        if title == "mbc":
            found = found.take(found.table["mbc"].to_numpy(bool))
        for metric, estimate in classifier_scores(classifier, found).items():
            out[f"{title}.{metric}"] = estimate[0]
            result = f"{name}.{title}.{metric}"
            print("{} {:.4f} ({:.4f}..{:.4f}), n = {}".format(result, *estimate, len(found)))
            if split == "test":
                record(
                    result, estimate, n=len(found), split=f"{key}/{split}",
                    seeds=[classifier.info.training["seed"]],
                    command=f"python -m train evaluate classifier --model {name}",
                )  # fmt: skip
    return out


def classifier_scores(classifier: Classifier, found: EvaluationSet) -> dict[str, Estimate]:
    """Metrics of a classifier on labelled galaxies, with intervals by bootstrap over galaxies."""
    from sklearn.metrics import roc_auc_score

    probabilities = classifier.predict_proba(found.images)
    truth = np.array([classifier.classes.index(label) for label in found.labels])
    rows = np.arange(len(truth))

    def auc(chosen: np.ndarray) -> float:
        # A draw without one of the classes has no AUC; with dozens of each there is none.
        return float(roc_auc_score(truth[chosen], probabilities[chosen, 1]))

    def accuracy(chosen: np.ndarray) -> float:
        return float((probabilities[chosen].argmax(axis=1) == truth[chosen]).mean())

    def error(chosen: np.ndarray) -> float:
        return calibration_error(probabilities[chosen], truth[chosen])

    out: dict[str, Estimate] = {"accuracy": bootstrap(rows, accuracy, DRAWS)}
    if len(classifier.classes) == 2:
        out["auc"] = bootstrap(rows, auc, DRAWS)
    out["calibration_error"] = bootstrap(rows, error, DRAWS)
    return out


BLURS = (1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
NOISES = (0.0, 0.001, 0.003, 0.005, 0.007, 0.009, 0.011, 0.02, 0.05, 0.1)
STRIPS = (0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70)
PIXEL = 1.8
"""Arcsec: the pixels of FIRST, in which Fig. 1 gives its levels."""


def degradation(model: str = "", split: str = "test") -> pd.DataFrame:
    """RAMIS of real galaxies against blur, noise and crop, into ``ramis_degradation.csv``.

    Blur is a Gaussian kernel of that many pixels of 1.8 arcsec (standard deviation by OpenCV's
    rule, as in the paper); noise has that standard deviation in units of the peak; crop blanks
    edge strips of that many of the 150 pixels, of which those outside the field of view of the
    preprocessing have no effect.

    Raises TrainError if the classifier's field of view is not an angle.
    """
    from scipy.ndimage import gaussian_filter

    classifier = Classifier.load(model)
    chain = classifier.info.preprocess
    if chain.field_arcsec is None:
        raise TrainError(f"model '{classifier.info.name}' needs a field in arcsec")
    scale = chain.field_arcsec / chain.size
    found = evaluation_set(chain, split, classifier.classes)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(found.images.shape).astype(np.float32)
    axis = np.abs(np.arange(chain.size) - (chain.size - 1) / 2) * scale
    from_centre = np.maximum(axis[:, None], axis[None, :])

    def blurred(kernel: float) -> np.ndarray:
        sigma = (0.3 * ((kernel - 1) * 0.5 - 1) + 0.8) * PIXEL / scale if kernel > 1 else 0.0
        return rescaled(gaussian_filter(found.images, (0, sigma, sigma)))

    def noisy(level: float) -> np.ndarray:
        return rescaled(found.images + level * noise)

    def cropped(strip: float) -> np.ndarray:
        return found.images * (from_centre <= (75 - strip) * PIXEL)

    rows = []
    for experiment, unit, levels, change in (
        ("blur", "kernel [pixels of 1.8 arcsec]", BLURS, blurred),
        ("noise", "standard deviation [peak]", NOISES, noisy),
        ("crop", "blanked edge [pixels of 1.8 arcsec]", STRIPS, cropped),
    ):
        for level in levels:
            value, low, high = ramis_interval(classifier.predict_proba(change(level)), draws=500)
            rows.append((experiment, unit, level, value, low, high, len(found), split))
            print(f"{experiment} {level:g}: RAMIS {value:.3f} ({low:.3f}..{high:.3f})")
    names = ["experiment", "unit", "level", "ramis", "low", "high", "n", "split"]
    table = pd.DataFrame(rows, columns=names)
    table["command"] = "python -m train evaluate ramis"
    print(write_table("ramis_degradation", table))
    return table


def rescaled(images: np.ndarray) -> np.ndarray:
    """Negative values to 0 and the peak to 1, like the preprocessing."""
    out = np.maximum(images, 0)
    peak = out.max(axis=(1, 2), keepdims=True)
    result: np.ndarray = (out / np.where(peak > 0, peak, 1)).astype(np.float32)
    return result
