"""``python -m train evaluate calibration``: do class probabilities hold on other images?

Degraded test images of MiraBest Confident (:mod:`train.evaluate.surveys.degrade`, five seeds) as
images of FIRST; FR-DEEP NVSS by ten folds over its distinct sources, each by a head and a
calibration that saw no image of the fold's sources; test images of LoTSS. Errors are corrected for
chance (:func:`train.metrics.calibration.corrected_calibration_error`); intervals are bootstraps
over sources.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from radioviz.encode import Classifier, Encoder
from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.representation.labelled_sets import mbc
from train.evaluate.surveys.degrade import KINDS, degrade
from train.evaluate.surveys.evaluations import SEEDS, source_folds
from train.methods import fr_head
from train.methods.survey_data import source_numbers
from train.metrics.calibration import corrected_calibration_error

MODEL, FOLDS, DRAWS = "survey-fr", 10, 500


def class_calibration(model: str = MODEL) -> None:
    """Record ``frcnn.ece.*``, the worst of them, and the accuracies beside."""
    classifier = Classifier.load(model)
    problem = mbc()
    info, chain = problem.catalogue.info, classifier.info.preprocess
    of_first = classifier.of_survey("FIRST")
    worst = []
    for kind in KINDS:
        seeds = []
        for seed in range(1 if kind in ("as is", "beam3") else SEEDS):
            images, beam, raw = degrade(
                kind, problem.catalogue.images[problem.test], info.pixel_scale,
                float(info.beam or 0), seed,
            )  # fmt: skip
            images = chain(images, info.pixel_scale, beam=beam, raw=raw)
            seeds.append(of_first.predict_proba(images))
        p, truth = np.array(seeds), problem.labels(problem.test)
        error = _report(kind.replace(" ", "_"), p, truth, "mirabest/test, MBC", model)
        if kind != "as is":
            worst.append((error, len(truth), kind))
    encoder = Encoder.load(str(dict(classifier.info.training["config"])["init"]))
    found = fr_head.read_labelled(encoder, ("train", "valid", "test", "excluded"))
    p, truth = by_folds(found)
    error = _report(
        "nvss", p[None], truth, "frdeep-nvss with positions, ten folds of sources", model
    )
    worst.append((error, len(truth), "nvss"))
    lotss = (found.table["key"] == fr_head.CALIBRATED) & (found.table["split"] == "test")
    if lotss.any():
        rows, catalogue = found.table["row"][lotss].to_numpy(), fr_head.survey("lotss")[0]
        p = classifier.classify_catalogue(catalogue, rows)
        _report("lotss", p[None], found.truth[lotss.to_numpy()], "lotss/test", model)
    error, n, name = max(worst, key=lambda found: found[0][0])
    split = f"{name}, the worst of offset17, noise10, beam3, nvss"
    _record("ece.worst", error, n, split, model, SEEDS if name in ("offset17", "noise10") else 1)


Estimate = tuple[float, float | None, float | None]


def by_folds(found: fr_head.Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities ``(n, 2)`` and classes of the distinct sources of FR-DEEP NVSS with a position.

    Of the others nobody can say that their fold did not learn from another image of them.

    Heads learn from the splits ``train`` and ``valid`` without the fold; the calibration of a fold
    is that of the held-back NVSS images of the other folds.
    """
    table, truth = found.table, found.truth
    fold = source_folds(table, FOLDS, seed=0, truth=truth)
    logit, worse = fr_head.held_back(found, fold, fr_head.head_of("NVSS"))
    ours = ((table["survey"] == "NVSS") & (table["weight"] > 0)).to_numpy()
    nvss = ((table["key"] == "frdeep-nvss") & table["ra"].notna()).to_numpy()
    p = np.empty((len(table), 2))
    for k in range(FOLDS):
        fitted = fr_head.calibrate(found, logit, worse, ours & (fold != k))
        mine = fold == k
        p[mine] = fr_head.probabilities(logit[mine], found.faint[mine], fitted)
    rows = np.flatnonzero(nvss)
    distinct = rows[np.unique(source_numbers(table)[rows], return_index=True)[1]]
    return p[distinct], truth[distinct]


def _report(name: str, p: np.ndarray, truth: np.ndarray, split: str, model: str) -> Estimate:
    """Record calibration error and accuracy of probabilities ``(seeds, n, 2)``."""
    rows = np.arange(len(truth))

    def over_seeds(figure: Callable[[np.ndarray, np.ndarray], float]) -> Estimate:
        return bootstrap(
            rows, lambda at: float(np.mean([figure(q[at], truth[at]) for q in p])), DRAWS
        )

    error = over_seeds(corrected_calibration_error)
    _record(f"ece.{name}", error, len(truth), split, model, len(p))
    right = over_seeds(lambda q, t: float((q.argmax(axis=1) == t).mean()))
    _record(f"calibrated.{name}.accuracy", right, len(truth), split, model, len(p))
    return error


def _record(name: str, estimate: Estimate, n: int, split: str, model: str, seeds: int = 1) -> None:
    found, low, high = estimate
    value = max(found, 0.0)
    # Sources drawn twice make bins less even: the interval may lie above the error itself.
    low, high = min(max(low or 0.0, 0.0), value), max(high or 0.0, value)
    record(
        f"frcnn.{name}", (value, low, high), n=n, split=f"{split}; {model}",
        seeds=list(range(seeds)), command=f"python -m train evaluate calibration --model {model}",
    )  # fmt: skip
    print(f"frcnn.{name} {value:.3f} ({low:.3f}..{high:.3f}), n {n}; {split}", flush=True)
