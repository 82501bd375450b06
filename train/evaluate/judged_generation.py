"""One draw of a generator before judges: ``python -m train evaluate gen --judge-anew``.

Nothing is selected and no size is corrected here. As many galaxies of each class are generated as
there are real ones in the split, with each of three seeds that no setting was chosen on; on the
validation split, with three others, to choose by. Classes are judged by networks that learned from
sources set aside for them (:mod:`train.evaluate.class_judge`); figures by this judge of a generator
that learned from the same sources have the ending ``_shared``, and are missing without it.
Intervals are of images, and wide enough for the figure of each seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from radioviz.data.judge_sources import LEARNED, judge_rows, learned_aside
from radioviz.data.registry import open_data_set
from radioviz.encode import Classifier, GenerationRequest, Generator
from radioviz.metrics.copies import copy_threshold, nearest
from radioviz.metrics.resampling import bootstrap_of
from train.evaluate import class_judge, two_samples
from train.evaluate.generation_measures import (
    ANGLES,
    DescribedImages,
    Result,
    described,
    set_results,
)
from train.evaluate.tstr import ratios
from train.metrics.features import prdc
from train.metrics.image_statistics import distribution_distance, rank_correlation, sharpness
from train.splits.judge import CLASSES

if TYPE_CHECKING:
    from radioviz.models.artefact import ModelInfo
    from train.evaluate.evaluation_set import EvaluationSet

FRESH = (731_001, 731_002, 731_003)
CHOOSING = (31, 32, 33)
BAND = (20.0, 40.0)
"""Requested sizes [arcsec] of FRIs that are judged on their own."""

SMALL_EACH = 32  # of each of three sizes in that band

Results = dict[str, Result]


def judged(
    generator: Generator,
    held_out: EvaluationSet,
    training: EvaluationSet,
    split: str,
    report: Callable[[Results, str], None],
    quick: bool = False,
) -> Results:
    """Figures of single draws; ``report`` receives all that are there after each part.

    ``held_out``, ``training``: real galaxies of the classes that a judge knows; ``split``:
    ``test``: seeds that nothing was chosen on; ``report``: called with the figures so far, and the
    hash of the judge; ``quick``: few images and short trainings, to see that everything works.
    """
    if quick:
        held_out, training = _few(held_out, 40), _few(training, 80)
    classifier, seeds = Classifier.load(), FRESH if split == "test" else CHOOSING
    real = described(held_out.images, held_out.labels, None, generator, classifier)
    made, seed_of = single_draws(generator, classifier, real, seeds)
    out = _appearance(real, made, seed_of, training, generator)
    report(out, "")
    judge = class_judge.class_judge(
        generator.info.preprocess, epochs=2 if quick else class_judge.EPOCHS
    )
    out |= _classes(generator, judge, real, made, seed_of, seeds, 2 if quick else SMALL_EACH)
    report(out, judge.digest)
    epochs = {"epochs": 2} if quick else {}
    for name, change in (("c2st_auc", np.copy), ("c2st_auc_source", two_samples.without_sky)):
        first, second = change(real.images), change(made.images)
        found = [two_samples.two_sample_auc(first, second, s, **epochs) for s in two_samples.SEEDS]
        out[name] = Result(float(np.mean(found)), min(found), max(found), len(real))
    report(out, judge.digest)
    options = {"candidates": 1, "corrections": 0}
    if not generator.classes:
        none = Result(None, why="the model has no classes")
        return out | {"tstr_ratio": none, "tstr_added_ratio": none}
    for name, taught in ratios(generator, training, held_out, options, **epochs).items():
        out[name] = Result(*taught, len(held_out))
    report(out, judge.digest)
    return out


def single_draws(
    generator: Generator, classifier: Classifier, real: DescribedImages, seeds: tuple[int, ...]
) -> tuple[DescribedImages, np.ndarray]:
    """As many galaxies of each class as real ones for each seed, and the place of the seed."""
    parts, labels, seed_of = [], [], []
    asked = tuple(c for c in generator.classes if c in classifier.classes)
    for label in asked or (None,):
        number = int((real.labels == label).sum()) if label else len(real)
        for place, seed in enumerate(seeds):
            parts.append(_drawn(generator, number, seed, label))
            labels += [label or ""] * number
            seed_of += [place] * number
    images, sizes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    found = described(images, np.array(labels, object), sizes, generator, classifier)
    return found, np.array(seed_of)


def shared_sources(info: ModelInfo) -> int:
    """How many sources of the judge a generator learned from."""
    if learned_aside(info.training):
        return 0
    learned = [key for key in info.training.get("data", LEARNED) if key in LEARNED]
    return sum(int(judge_rows(key, open_data_set(key).table, "judge").sum()) for key in learned)


def over_seeds(
    statistic: Callable[..., float], real: list[np.ndarray], made: np.ndarray,
    seed_of: np.ndarray, draws: int = 2000,
) -> Result:  # fmt: skip
    """Statistic of real and generated values; its interval holds those of each seed, too."""
    value, low, high = bootstrap_of([*real, made], statistic, draws)
    each = [float(statistic(*real, made[seed_of == place])) for place in np.unique(seed_of)]
    return Result(value, min(low, *each), max(high, *each), len(made))


def _drawn(
    generator: Generator, number: int, seed: int, label: str | None, size: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images without selection and corrections, ``(n, ny, nx)``, and their sizes [arcsec]."""
    request = GenerationRequest(number, seed, label, size, candidates=1, corrections=0)
    made = generator.sample(request)
    return made.images, made.sizes


def _appearance(
    real: DescribedImages, made: DescribedImages, seed_of: np.ndarray,
    training: EvaluationSet, generator: Generator,
) -> Results:  # fmt: skip
    """Sharpness, sizes, fluxes, coverage, density, copies, clouds."""
    out = {"sharpness": over_seeds(sharpness, [real.images], made.images, seed_of, 50)}
    size = made.measured["las_measured"].to_numpy(float)
    known = np.isfinite(made.requested) & np.isfinite(size) & (size > 0)
    if known.any():
        pairs, of = np.stack([made.requested, size], 1)[known], seed_of[known]
        out["size_spearman"] = over_seeds(rank_correlation, [], pairs, of, 500)
        error = np.abs(pairs[:, 1] / pairs[:, 0] - 1)
        out["size_median_rel_error"] = over_seeds(np.median, [], error, of)
    else:
        nothing = Result(None, why="the model has no angular size")
        out |= {"size_spearman": nothing, "size_median_rel_error": nothing}
    real_size = real.measured["las_measured"].to_numpy(float)
    out["size_ks"] = over_seeds(distribution_distance, [real_size], size, seed_of, 300)
    for label in ("", *generator.classes):
        a, b = (s.labels == label if label else np.ones(len(s), bool) for s in (real, made))
        if a.any() and b.any():
            flux = [s.measured["flux_sum"].to_numpy(float)[k] for s, k in ((real, a), (made, b))]
            name = f"flux_ks.{label.lower()}" if label else "flux_ks"
            out[name] = over_seeds(distribution_distance, [flux[0]], flux[1], seed_of[b], 300)
    each = [prdc(real.features, made.features[seed_of == s]) for s in np.unique(seed_of)]
    sets = set_results(real, made)
    for name in ("coverage", "density"):
        found, values = sets[name], [float(getattr(p, name)) for p in each]
        low, high = found.low or 0.0, found.high or 0.0
        out[name] = Result(found.value, min(low, *values), max(high, *values), len(made))
        out[f"{name}_floor"] = sets[f"{name}_floor"]
    distance, _ = nearest(made.images, training.images, ANGLES)
    copied = (distance < copy_threshold(training.images, angles=ANGLES)).astype(float)
    out["copies_fraction"] = over_seeds(np.mean, [], copied, seed_of)
    for name, of_set in (("clouds", made), ("clouds_real", real)):
        measured = of_set.measured["las_measured"].to_numpy(float)
        sizes = np.where(np.isfinite(of_set.requested), of_set.requested, measured)
        clouds = two_samples.are_clouds(of_set.images, sizes, _pixel(generator)).astype(float)
        places = seed_of if of_set is made else np.zeros(len(real), int)
        out[name] = over_seeds(np.mean, [], clouds, places)
    return out


def _classes(
    generator: Generator, judge: class_judge.ClassJudge, real: DescribedImages,
    made: DescribedImages, seed_of: np.ndarray, seeds: tuple[int, ...], small_each: int,
) -> Results:  # fmt: skip
    """Shares called as asked, those of real galaxies, and their ratios."""
    names = ["fri", "frii"]
    shared, out = shared_sources(generator.info), {}
    right_real = judge.judged_as(real.images)
    for number, label in enumerate(CLASSES):
        b = (right_real[real.labels == label] == number).astype(float)
        if len(b):
            out[f"{names[number]}_real"] = over_seeds(np.mean, [], b, np.zeros(len(b), int))
    if not set(CLASSES) & set(generator.classes):
        none = Result(None, why="the model has no classes")
        return out | {f"{name}_ratio": none for name in (*names, "fri_small")}
    ending = "_shared" if shared else ""
    right = judge.judged_as(made.images)
    for number, label in enumerate(CLASSES):
        mine = made.labels == label
        a = (right[mine] == number).astype(float)
        b = (right_real[real.labels == label] == number).astype(float)
        out[f"{names[number]}_right{ending}"] = over_seeds(np.mean, [], a, seed_of[mine])
        out[f"{names[number]}_ratio{ending}"] = over_seeds(_ratio, [b], a, seed_of[mine])
    size = real.measured["las_measured"].to_numpy(float)
    band = (real.labels == CLASSES[0]) & (size >= BAND[0]) & (size <= BAND[1])
    if band.any():
        small = [
            _drawn(generator, small_each, seed, CLASSES[0], float(s))[0]
            for seed in seeds
            for s in np.linspace(*BAND, 3)
        ]
        a = (judge.judged_as(np.concatenate(small)) == 0).astype(float)
        b = (right_real[band] == 0).astype(float)
        of = np.repeat(np.arange(len(seeds)), 3 * small_each)
        out[f"fri_small_ratio{ending}"] = over_seeds(_ratio, [b], a, of)
        out["fri_small_real"] = over_seeds(np.mean, [], b, np.zeros(len(b), int))
    if shared:
        why = (
            f"{generator.info.name} learned from {shared} images of sources that the judge learned "
            "from; no figure of this judge counts for it"
        )
        none = Result(None, why=why)
        out |= {f"{name}_ratio": none for name in (*names, "fri_small")}
    return out


def _few(of: EvaluationSet, number: int) -> EvaluationSet:
    """Every n-th of a set, so that all classes stay."""
    return of.take(np.arange(len(of))[:: max(1, len(of) // number)])


def _pixel(generator: Generator) -> float:
    chain = generator.info.preprocess
    return (chain.field_arcsec or 0.0) / chain.size


def _ratio(real: np.ndarray, made: np.ndarray) -> float:
    return float(made.mean() / max(real.mean(), 1e-6))
