"""What is measured of generated galaxies, against real ones: sets, sizes, appearance, copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.encode import Classifier, Generator
from radioviz.metrics.copies import copy_threshold, nearest
from radioviz.metrics.inception import classified_as, ramis
from radioviz.metrics.resampling import bootstrap, bootstrap_of
from train.core.config import TrainError
from train.evaluate.evaluation_set import EvaluationSet
from train.metrics.features import Prdc, kid, prdc
from train.metrics.image_statistics import (
    artefacts,
    distribution_distance,
    rank_correlation,
    sharpness,
)

ANGLES = 4
"""Rotations within a quarter turn, and their mirror images, in the search for copies: 32 views."""

HALVES = 40
"""Random halves that give the intervals of density and coverage."""


@dataclass(frozen=True)
class Result:
    """A value, its 95 % interval, the number of objects, and why there is no value."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    why: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return f"none: {self.why}"
        span = "" if self.low is None else f" ({self.low:.4g}..{self.high:.4g})"
        return f"{self.value:.4g}{span}, n = {self.n}"


@dataclass(frozen=True, eq=False)
class DescribedImages:
    """Images, their classification and their measured morphology."""

    images: np.ndarray  # shape ``(n, size, size)``
    labels: np.ndarray  # true or requested class of each, shape ``(n,)``
    requested: np.ndarray  # requested angular size of each in arcsec; NaN for real ones
    # probabilities, features: by the classifier, shapes ``(n, k)`` and ``(n, d)``
    probabilities: np.ndarray
    features: np.ndarray
    measured: pd.DataFrame  # see :func:`radioviz.morphology.measure`

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray) -> DescribedImages:
        """Some rows, by number or mask."""
        chosen = np.arange(len(self))[rows]
        return DescribedImages(
            self.images[chosen], self.labels[chosen], self.requested[chosen],
            self.probabilities[chosen], self.features[chosen],
            self.measured.iloc[chosen].reset_index(drop=True),
        )  # fmt: skip


def described(
    images: np.ndarray,
    labels: np.ndarray,
    requested: np.ndarray | None,
    generator: Generator,
    classifier: Classifier,
) -> DescribedImages:
    """Classify images and measure their morphology, sizes included."""
    chain = generator.info.preprocess
    if chain != classifier.info.preprocess:
        raise TrainError(
            f"model '{generator.info.name}' and classifier '{classifier.info.name}' need images of "
            "different preprocessing; train one of them with that of the other"
        )
    scale = chain.field_arcsec / chain.size if chain.field_arcsec else np.nan
    return DescribedImages(
        images,
        labels,
        np.full(len(images), np.nan, np.float32) if requested is None else requested,
        classifier.predict_proba(images),
        classifier.features(images),
        morphology.measure(images, scale, beam=5.4),
    )


def class_results(
    real: DescribedImages, made: DescribedImages, classes: tuple[str, ...], conditional: bool
) -> dict[str, Result]:
    """RAMIS, its ratio to that of real galaxies, and shares classified as requested."""
    n = len(made)
    ratio = bootstrap_of([made.probabilities, real.probabilities], lambda a, b: ramis(a) / ramis(b))
    out = {
        "ramis_ratio": Result(*ratio, n),
        "ramis": Result(*bootstrap(made.probabilities, ramis), n),
        "ramis_real": Result(*bootstrap(real.probabilities, ramis), len(real)),
    }
    for number, label in enumerate(classes):
        name = f"{label.lower()}_fraction"
        for key, sample in ((name, made), (f"{name}_real", real)):
            of = sample.probabilities[sample.labels == label]
            right = classified_as(of, number).astype(float)
            if len(right):
                out[key] = Result(*bootstrap(right, np.mean), len(right))
            elif not conditional:
                out[key] = Result(None, why="the model has no classes")
    return out


def size_results(real: DescribedImages, made: DescribedImages) -> dict[str, Result]:
    """Requested against measured size; distributions of size and flux against real ones."""
    out: dict[str, Result] = {}
    size = made.measured["las_measured"].to_numpy(float)
    known = np.isfinite(made.requested) & np.isfinite(size) & (size > 0)
    if known.any():
        pairs = np.stack([made.requested[known], size[known]], axis=1)
        out["size_spearman"] = Result(*bootstrap(pairs, rank_correlation, 500), int(known.sum()))
        error = np.abs(pairs[:, 1] - pairs[:, 0]) / pairs[:, 0]
        out["size_median_rel_error"] = Result(*bootstrap(error, np.median), len(error))
    else:
        nothing = Result(None, why="the model has no angular size")
        out |= {"size_spearman": nothing, "size_median_rel_error": nothing}
    for name, column in (("size_ks", "las_measured"), ("flux_ks", "flux_sum")):
        values = [s.measured[column].to_numpy(float) for s in (real, made)]
        found = bootstrap_of(values, distribution_distance, 300)
        out[name] = Result(*found, len(made))
    return out


def set_results(real: DescribedImages, made: DescribedImages) -> dict[str, Result]:
    """KID, precision, recall, density and coverage in the classifier's features, with floors."""

    def around(value: float, error: float, n: int) -> Result:
        return Result(value, value - error, value + error, n)

    found = kid(real.features, made.features)
    out = {
        "kid": around(found.value, 1.96 * found.error, len(made)),
        "kid_floor": around(found.floor, 1.96 * found.floor_error, len(real)),
        "kid_sigmas": Result(found.sigmas, n=len(made)),
    }
    thirds = equal_parts(real, made)
    parts = [prdc(real.features, made.features[rows]) for rows in thirds]
    rng = np.random.default_rng(0)
    half = len(real) // 2
    between, floor = [], []
    for _ in range(HALVES):
        rows = rng.permutation(len(real))
        of = rng.permutation(thirds[0])[:half]
        between.append(prdc(real.features[rows[:half]], made.features[of]))
        floor.append(prdc(real.features[rows[:half]], real.features[rows[half : 2 * half]]))
    for i, name in enumerate(Prdc._fields):
        value = float(np.mean([p[i] for p in parts]))
        # Half samples scatter about the whole sample like the whole sample about the truth.
        out[name] = around(value, 1.96 * float(np.std([p[i] for p in between])), len(made))
        out[f"{name}_floor"] = Result(float(np.mean([p[i] for p in floor])), n=len(real))
    return out


def equal_parts(real: DescribedImages, made: DescribedImages) -> list[np.ndarray]:
    """Rows of three parts of the generated galaxies, as many of each class as the real ones."""
    by_class = [np.flatnonzero(made.labels == label) for label in dict.fromkeys(made.labels)]
    split = [np.array_split(rows, 3) for rows in by_class]
    return [np.concatenate(parts) for parts in zip(*split, strict=True)]


def copy_results(made: DescribedImages, training: EvaluationSet) -> dict[str, Result]:
    """Share of generated galaxies that practically copy a training image."""
    threshold = copy_threshold(training.images, angles=ANGLES)
    distance, _ = nearest(made.images, training.images, ANGLES)
    copied = (distance < threshold).astype(float)
    return {
        "copies_fraction": Result(*bootstrap(copied, np.mean), len(copied)),
        "nearest_distance": Result(*bootstrap(distance, np.median), len(distance)),
        "copy_threshold": Result(threshold, n=len(training)),
    }


def appearance_results(real: DescribedImages, made: DescribedImages) -> dict[str, Result]:
    """Sharpness against real galaxies (1 is as sharp) and the artefacts of Sec. 6.2."""
    out = {
        "sharpness": Result(
            *bootstrap_of([real.images, made.images], sharpness, draws=50), len(made)
        )
    }
    for key, sample in (("", made), ("_real", real)):
        found = artefacts(sample.images)
        for name, values in (("empty_pixels", found.empty), ("gap_pixels", found.gap)):
            out[f"{name}{key}"] = Result(*bootstrap(values, np.mean, 500), len(sample))
    return out
