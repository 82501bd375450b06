"""Figures of a generator: ``python -m train evaluate gen --model cvae [--split valid]``.

Every model is judged by one classifier, that of the app, on galaxies that neither learned from.
Generated galaxies are asked for in the classes of the real ones and in sizes drawn as the model
learned them. With ``--split test`` (the default) the row of the model in
``trained/tables/generators.csv`` is replaced, and for a model that takes a class the figures
``gen.*`` of ``trained/benchmarks.json`` are recorded; with ``--split valid``, for choosing, they
are printed alone.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.encode import Classifier, GenerationRequest, Generator
from radioviz.metrics.copies import copy_threshold, nearest
from radioviz.metrics.inception import classified_as, ramis
from radioviz.metrics.resampling import bootstrap, bootstrap_of
from train.core.config import TrainError
from train.evaluate.benchmarks import record
from train.evaluate.csv_tables import write_row
from train.evaluate.evaluation_set import DATA, Galaxies, galaxies
from train.metrics.features import Prdc, kid, prdc
from train.metrics.image_statistics import artefacts, distribution_distance, sharpness

SEED = 20_210_201
ANGLES = 4
"""Steps within a quarter turn at which copies are looked for, both ways round: 32 views."""

HALVES = 40
"""Random halves that intervals of density and coverage come from."""


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval, how many objects it rests on, and why there is none."""

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
class Sample:
    """Images with what the classifier and the morphology say of them.

    Attributes
    ----------
    images : numpy.ndarray
        Shape ``(n, size, size)``.
    labels : numpy.ndarray
        Class that each is, or was asked to be; shape ``(n,)``.
    asked : numpy.ndarray
        Angular size that each was asked to have, arcsec; NaN for real ones.
    probabilities, features : numpy.ndarray
        By the classifier, shapes ``(n, k)`` and ``(n, d)``.
    measured : pandas.DataFrame
        See :func:`radioviz.morphology.measure`.
    """

    images: np.ndarray
    labels: np.ndarray
    asked: np.ndarray
    probabilities: np.ndarray
    features: np.ndarray
    measured: pd.DataFrame

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray) -> Sample:
        """Some rows, by number or mask."""
        chosen = np.arange(len(self))[rows]
        values = {
            f.name: getattr(self, f.name)[chosen]
            for f in dataclasses.fields(self)
            if f.name != "measured"
        }
        return Sample(**values, measured=self.measured.iloc[chosen].reset_index(drop=True))


def generation(model: str = "cvae", split: str = "test", data: str = "") -> dict[str, Figure]:
    """Measure a generator, print and (on the test split) record its figures.

    Raises
    ------
    ModelError
        If there is no such model or no classifier.
    TrainError
        If the split is empty.
    """
    generator, judge = Generator.load(model), Classifier.load()
    classes = generator.classes
    keys = {"data": tuple(data.split(","))} if data else {}
    held_out = galaxies(generator.info.preprocess, split, classes, **keys)
    training = galaxies(generator.info.preprocess, "train", classes, **keys)
    real = judged(held_out.images, held_out.labels, None, generator, judge)
    made = generated(generator, judge, real)
    figures = {
        **class_figures(real, made, judge.classes, bool(classes)),
        **size_figures(real, made),
        **set_figures(real, made),
        **copy_figures(made, training),
        **look_figures(real, made),
    }
    for name, figure in figures.items():
        print(f"gen.{name} {figure}", flush=True)
    if split != "test":
        return figures
    command = f"python -m train evaluate gen --model {model}"
    where = f"{'+'.join(keys.get('data', DATA))}/{split}"
    keep(model, figures, where, command)
    # Takes minutes: what was measured so far is safe by now.
    figures["tstr_ratio"] = tstr(generator, training, held_out)
    print(f"gen.tstr_ratio {figures['tstr_ratio']}")
    keep(model, figures, where, command)
    return figures


def generated(generator: Generator, judge: Classifier, real: Sample) -> Sample:
    """Three times as many galaxies as there are real ones, in the same classes."""
    images, labels, asked = [], [], []
    for label in generator.classes or (None,):
        number = int((real.labels == label).sum()) if label else len(real)
        found = generator.sample(GenerationRequest(n=3 * number, seed=SEED, label=label))
        images.append(found.images)
        labels += [label or ""] * len(found)
        asked.append(found.sizes)
    return judged(
        np.concatenate(images), np.array(labels, object), np.concatenate(asked), generator, judge
    )


def judged(
    images: np.ndarray,
    labels: np.ndarray,
    asked: np.ndarray | None,
    generator: Generator,
    judge: Classifier,
) -> Sample:
    """What the classifier and the morphology say of images; the size is measured as shown."""
    chain = generator.info.preprocess
    if chain != judge.info.preprocess:
        raise TrainError(
            f"model '{generator.info.name}' and classifier '{judge.info.name}' take images of "
            "other preprocessing; train one of them anew"
        )
    scale = chain.field_arcsec / chain.size if chain.field_arcsec else np.nan
    return Sample(
        images,
        labels,
        np.full(len(images), np.nan, np.float32) if asked is None else asked,
        judge.predict_proba(images),
        judge.features(images),
        morphology.measure(images, scale, beam=5.4),
    )


def class_figures(
    real: Sample, made: Sample, classes: tuple[str, ...], asked: bool
) -> dict[str, Figure]:
    """RAMIS and its ratio to that of real galaxies; shares classified as they should be."""
    n = len(made)
    ratio = bootstrap_of([made.probabilities, real.probabilities], lambda a, b: ramis(a) / ramis(b))
    out = {
        "ramis_ratio": Figure(*ratio, n),
        "ramis": Figure(*bootstrap(made.probabilities, ramis), n),
        "ramis_real": Figure(*bootstrap(real.probabilities, ramis), len(real)),
    }
    for number, label in enumerate(classes):
        name = f"{label.lower()}_fraction"
        for key, sample in ((name, made), (f"{name}_real", real)):
            of = sample.probabilities[sample.labels == label]
            right = classified_as(of, number).astype(float)
            if len(right):
                out[key] = Figure(*bootstrap(right, np.mean), len(right))
            elif not asked:
                out[key] = Figure(None, why="the model takes no class")
    return out


def size_figures(real: Sample, made: Sample) -> dict[str, Figure]:
    """Asked size against measured size; distributions of size and flux against real ones."""
    from scipy.stats import spearmanr

    out: dict[str, Figure] = {}
    size = made.measured["las_measured"].to_numpy(float)
    known = np.isfinite(made.asked) & np.isfinite(size) & (size > 0)
    if known.any():
        pairs = np.stack([made.asked[known], size[known]], axis=1)
        out["size_spearman"] = Figure(
            *bootstrap(pairs, lambda x: float(spearmanr(x[:, 0], x[:, 1]).statistic), 500),
            int(known.sum()),
        )
        error = np.abs(pairs[:, 1] - pairs[:, 0]) / pairs[:, 0]
        out["size_median_rel_error"] = Figure(*bootstrap(error, np.median), len(error))
    else:
        nothing = Figure(None, why="the model takes no angular size")
        out |= {"size_spearman": nothing, "size_median_rel_error": nothing}
    for name, column in (("size_ks", "las_measured"), ("flux_ks", "flux_sum")):
        values = [s.measured[column].to_numpy(float) for s in (real, made)]
        found = bootstrap_of(values, lambda a, b: distribution_distance(a, b)[0], 300)
        out[name] = Figure(*found, len(made))
    return out


def set_figures(real: Sample, made: Sample) -> dict[str, Figure]:
    """KID, precision, recall, density and coverage in the classifier's features, and floors."""
    found = kid(real.features, made.features)
    out = {
        "kid": Figure(
            found.value,
            found.value - 1.96 * found.error,
            found.value + 1.96 * found.error,
            len(made),
        ),
        "kid_floor": Figure(
            found.floor,
            found.floor - 1.96 * found.floor_error,
            found.floor + 1.96 * found.floor_error,
            len(real),
        ),
        "kid_sigmas": Figure(found.sigmas, n=len(made)),
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
        # Half samples scatter about the whole one as the whole one does about the truth.
        error = 1.96 * float(np.std([p[i] for p in between]))
        out[name] = Figure(value, value - error, value + error, len(made))
        out[f"{name}_floor"] = Figure(float(np.mean([p[i] for p in floor])), n=len(real))
    return out


def equal_parts(real: Sample, made: Sample) -> list[np.ndarray]:
    """Rows of three parts of the generated galaxies, each as many a class as the real ones."""
    by_class = [np.flatnonzero(made.labels == label) for label in dict.fromkeys(made.labels)]
    split = [np.array_split(rows, 3) for rows in by_class]
    return [np.concatenate(parts) for parts in zip(*split, strict=True)]


def copy_figures(made: Sample, training: Galaxies) -> dict[str, Figure]:
    """Share of generated galaxies that are as good as copies of a training image."""
    threshold = copy_threshold(training.images, angles=ANGLES)
    distance, _ = nearest(made.images, training.images, ANGLES)
    copied = (distance < threshold).astype(float)
    return {
        "copies_fraction": Figure(*bootstrap(copied, np.mean), len(copied)),
        "nearest_distance": Figure(*bootstrap(distance, np.median), len(distance)),
        "copy_threshold": Figure(threshold, n=len(training)),
    }


def look_figures(real: Sample, made: Sample) -> dict[str, Figure]:
    """Sharpness against real galaxies (1 is as sharp) and the artefacts of Sec. 6.2."""
    out = {
        "sharpness": Figure(
            *bootstrap_of([real.images, made.images], sharpness, draws=50), len(made)
        )
    }
    statistics: dict[str, Callable[[np.ndarray], float]] = {
        "empty_pixels": np.mean,
        "gap_pixels": np.mean,
    }
    for key, sample in (("", made), ("_real", real)):
        found = artefacts(sample.images)
        for (name, statistic), values in zip(statistics.items(), found[:2], strict=True):
            out[f"{name}{key}"] = Figure(*bootstrap(values, statistic, 500), len(sample))
    return out


def tstr(generator: Generator, training: Galaxies, held_out: Galaxies) -> Figure:
    """Accuracy of classifiers that learned from generated galaxies over those from real ones."""
    if not generator.classes:
        return Figure(None, why="the model takes no class")
    from train.evaluate.tstr import ratio

    value, low, high = ratio(generator, training, held_out)
    return Figure(value, low, high, len(held_out))


def keep(model: str, figures: dict[str, Figure], split: str, command: str) -> None:
    """Record figures of the test split."""
    row: dict[str, object] = {"model": model, "command": command}
    for name, figure in figures.items():
        row |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    write_row("generators", row, keys=("model",))
    note = functools.partial(record, split=split, seeds=[SEED], command=command)
    if figures["fri_fraction"].value is None:
        return
    for name, figure in figures.items():
        note(
            f"gen.{name}",
            figure.value,
            low=figure.low,
            high=figure.high,
            n=figure.n,
            why=figure.why,
        )
