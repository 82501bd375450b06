"""One draw of a generator before judges: ``python -m train evaluate gen --judge-anew``.

Nothing is selected and no size is corrected here. As many galaxies of each class are generated as
there are real ones in the split, with three seeds that no setting was chosen on; on the validation
split, with three others, to choose by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from radioviz.encode import Classifier, GenerationRequest, Generator
from radioviz.metrics.resampling import bootstrap, bootstrap_of
from radioviz.morphology import measure
from train.evaluate import outside_judges
from train.metrics.features import prdc
from train.metrics.image_statistics import distribution_distance, sharpness
from train.splits.judge import CLASSES

if TYPE_CHECKING:
    from radioviz.data.preprocess import Preprocess
    from train.evaluate.evaluation_set import EvaluationSet

FRESH = (731_001, 731_002, 731_003)
CHOOSING = (31, 32, 33)
BAND = (20.0, 40.0)
"""Requested sizes [arcsec] of FRIs that are judged on their own."""

Found = tuple[float, float, float, int]
"""Value, 95 % interval, number of objects."""


def judged(generator: Generator, held_out: EvaluationSet, split: str) -> dict[str, Found]:
    """Figures of single draws: sharpness, flux, sizes, two-sample tests, and classes by a judge.

    Intervals of two-sample tests, density and coverage are the extremes over seeds.

    Parameters
    ----------
    held_out : EvaluationSet
        Real galaxies of the classes that a judge knows.
    split : str
        ``test``: an outside judge is trained; otherwise the app's classifier judges.
    """
    chain = generator.info.preprocess
    seeds = FRESH if split == "test" else CHOOSING
    real, truth = held_out.images, held_out.labels
    made = [
        (label, one_draw(generator, int((truth == label).sum()), seed, label))
        for seed in seeds
        for label in CLASSES
    ]
    images = np.concatenate([part[0] for _, part in made])
    sizes = np.concatenate([part[1] for _, part in made])
    names = np.array([label for label, part in made for _ in part[1]], object)
    out = _appearance(real, truth, images, names, sizes, chain)
    classifier = Classifier.load()
    features = classifier.features(real), classifier.features(images)
    each = [prdc(features[0], features[1][k]) for k in np.array_split(np.arange(len(images)), 3)]
    for i, name in ((2, "density_one"), (3, "coverage_one")):
        out[name] = _over_seeds([float(p[i]) for p in each], len(images))
    if split == "test":
        networks = outside_judges.judge_networks(chain)

        def numbers(x: np.ndarray) -> np.ndarray:
            return outside_judges.judged_as(networks, x, chain)

    else:

        def numbers(x: np.ndarray) -> np.ndarray:
            found: np.ndarray = classifier.predict_proba(x).argmax(1)
            return found

    out |= _classes(generator, numbers, real, truth, images, names, seeds)
    for name, change in (("c2st_auc", np.copy), ("c2st_auc_source", outside_judges.without_sky)):
        first, second = change(real), change(images)
        found = [outside_judges.two_sample_auc(first, second, s) for s in outside_judges.SEEDS]
        out[name] = _over_seeds(found, len(real))
    return out


def one_draw(
    generator: Generator, number: int, seed: int, label: str, size: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images without selection and corrections, ``(n, ny, nx)``, and their sizes [arcsec]."""
    request = GenerationRequest(number, seed, label, size, candidates=1, corrections=0)
    made = generator.sample(request)
    return made.images, made.sizes


def _appearance(
    real: np.ndarray, truth: np.ndarray, images: np.ndarray, names: np.ndarray,
    sizes: np.ndarray, chain: Preprocess,
) -> dict[str, Found]:  # fmt: skip
    n, pixel = len(images), _pixel(chain)
    out = {"sharpness_one": (*bootstrap_of([real, images], sharpness, draws=50), n)}
    size = measure(images, pixel, beam=5.4)["las_measured"].to_numpy(float)
    there = np.isfinite(size) & (size > 0)
    pairs = np.stack([sizes[there], size[there]], 1)
    error = np.abs(pairs[:, 1] / pairs[:, 0] - 1)
    out["size_spearman_one"] = (*bootstrap(pairs, _spearman, 500), len(pairs))
    out["size_error_one"] = (*bootstrap(error, np.median), len(pairs))
    of_size = [measure(real, pixel, beam=5.4)["las_measured"].to_numpy(float), size]
    out["size_ks_one"] = (*bootstrap_of(of_size, _distance, 300), n)
    for label in CLASSES:
        sums = [real[truth == label].sum((1, 2)), images[names == label].sum((1, 2))]
        out[f"flux_ks.{label.lower()}"] = (*bootstrap_of(sums, _distance, 300), len(sums[1]))
    clouds = outside_judges.are_clouds(images, sizes, pixel).astype(float)
    out["clouds"] = (*bootstrap(clouds, np.mean), n)
    return out


def _classes(
    generator: Generator, numbers: Callable[[np.ndarray], np.ndarray], real: np.ndarray,
    truth: np.ndarray, images: np.ndarray, names: np.ndarray, seeds: tuple[int, ...],
) -> dict[str, Found]:  # fmt: skip
    """Shares called as asked, those of real galaxies, and their ratios."""
    right_real, right = numbers(real), numbers(images)
    out: dict[str, Found] = {}
    for number, label in enumerate(CLASSES):
        name = label.lower()
        a = (right[names == label] == number).astype(float)
        b = (right_real[truth == label] == number).astype(float)
        out[f"{name}_one"] = (*bootstrap(a, np.mean), len(a))
        out[f"{name}_real"] = (*bootstrap(b, np.mean), len(b))
        out[f"{name}_ratio"] = (*bootstrap_of([a, b], _ratio), len(a))
    pixel = _pixel(generator.info.preprocess)
    size = measure(real, pixel, beam=5.4)["las_measured"].to_numpy(float)
    band = (truth == CLASSES[0]) & (size >= BAND[0]) & (size <= BAND[1])
    small = [
        one_draw(generator, 32, seed, CLASSES[0], float(s))[0]
        for seed in seeds
        for s in np.linspace(*BAND, 3)
    ]
    a = (numbers(np.concatenate(small)) == 0).astype(float)
    b = (right_real[band] == 0).astype(float)
    if b.any():
        out["fri_small_ratio"] = (*bootstrap_of([a, b], _ratio), len(a))
    return out


def _pixel(chain: Preprocess) -> float:
    return (chain.field_arcsec or 0.0) / chain.size


def _over_seeds(values: list[float], n: int) -> Found:
    return float(np.mean(values)), min(values), max(values), n


def _ratio(a: np.ndarray, b: np.ndarray) -> float:
    return float(a.mean() / max(b.mean(), 1e-6))


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return distribution_distance(a, b)[0]


def _spearman(x: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(x[:, 0], x[:, 1]).statistic)
