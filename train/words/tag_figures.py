"""How well tags agree with people: ``python -m train evaluate tags --model simclr``.

Words of Horton et al. 2025 in ten folds of sources (FIRST and MiraBest together; LoTSS, imported
under the key ``lotss``, apart), beside linear probes on principal components of raw pixels; class
Bent of the FIRST test split by the measured angle alone and by its head; MiraBest's tails and
double-doubles in ten folds; words taught by 5, 10 and 20 examples beside nearest neighbours.
Intervals are bootstraps over sources; strengths of regularisation are chosen inside the folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.errors import RadioVizError
from radioviz.words.examples import ExampleSpace
from radioviz.words.heads import COLUMNS, read_heads
from train.core.config import TrainError
from train.evaluate.benchmarks import Estimate, record
from train.words.tag_heads import (
    ENOUGH,
    STRENGTHS,
    best_strength,
    default_encoder,
    fit_head,
    scaling,
)
from train.words.word_labels import LabelledGalaxies, features, raw_pixels, read_labelled

FOLDS, DRAWS, SEED = 10, 400, 0
TAUGHT = (5, 10, 20)
REPEATS = 20
PIXEL_COMPONENTS, PIXEL_STRENGTH = 64, 0.01
"""Of the probe on raw pixels: the better of (32, 0.1) and (64, 0.01) on these folds."""


@dataclass(frozen=True, eq=False)
class JudgedWord:
    """Predictions of one word for the galaxies whose truth is known, all ``(n,)``."""

    truth: np.ndarray
    score: np.ndarray
    source: np.ndarray

    def resampled(self, rng: np.random.Generator) -> JudgedWord:
        """The same of sources drawn with repetition."""
        numbers, inverse = np.unique(self.source, return_inverse=True)
        drawn = rng.integers(0, len(numbers), len(numbers))
        order = np.argsort(inverse, kind="stable")
        start = np.searchsorted(inverse[order], np.arange(len(numbers) + 1))
        rows = np.concatenate([order[start[k] : start[k + 1]] for k in drawn])
        return JudgedWord(self.truth[rows], self.score[rows], self.source[rows])

    @property
    def usable(self) -> bool:
        """Whether there are galaxies of both kinds."""
        return bool(self.truth.any() and not self.truth.all())


def auroc(one: JudgedWord) -> float:
    """Area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(one.truth, one.score))


def skill(one: JudgedWord) -> float:
    """Average precision above that of chance: ``(AP - base) / (1 - base)``."""
    from sklearn.metrics import average_precision_score

    base = one.truth.mean()
    return float((average_precision_score(one.truth, one.score) - base) / (1 - base))


def estimate(
    judged: list[JudgedWord], figure: Callable[[JudgedWord], float], draws: int = DRAWS
) -> Estimate:
    """Mean of a figure over words, with its interval over sources drawn together for all words."""
    value = float(np.mean([figure(one) for one in judged]))
    found = []
    for k in range(draws):
        parts = [one.resampled(np.random.default_rng(k)) for one in judged]
        if all(part.usable for part in parts):
            found.append(np.mean([figure(part) for part in parts]))
    low, high = np.percentile(found, [2.5, 97.5])
    return value, min(float(low), value), max(float(high), value)


def folds_of(source: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Fold of each row, int64 ``(n,)``; all rows of a source are in one."""
    numbers, inverse = np.unique(source, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(numbers)) % FOLDS)[inverse]


def out_of_fold(
    x: np.ndarray, y: np.ndarray, source: np.ndarray, fit: Callable[..., np.ndarray],
    strengths: list[float] | None = None,
) -> np.ndarray:  # fmt: skip
    """Score of each row by what was fitted to the other folds, ``(n,)``."""
    folds, out = folds_of(source), np.zeros(len(y))
    for fold in range(FOLDS):
        test = folds == fold
        if test.any():
            given = () if strengths is None else (strengths[fold],)
            out[test] = fit(x[~test], y[~test], x[test], *given)
    return out


def nested_strengths(x: np.ndarray, words: pd.DataFrame, source: np.ndarray) -> list[float]:
    """Strength of regularisation for each fold, chosen by folds inside the other nine."""
    folds = folds_of(source)
    return [
        best_strength(x[folds != fold], words[folds != fold], source[folds != fold])
        for fold in range(FOLDS)
    ]


def head_scores(
    x: np.ndarray, y: np.ndarray, others: np.ndarray, strength: float = STRENGTHS[0]
) -> np.ndarray:
    """Log odds of other rows by a head."""
    if y.all() or not y.any():
        return np.zeros(len(others))
    centre, scale = scaling(x, len(COLUMNS))
    w, b = fit_head((x - centre) * scale, y, strength)
    return np.asarray((others - centre) * scale @ w + b)


def pixel_scores(x: np.ndarray, y: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Log odds of other rows by a linear probe on principal components of raw pixels."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if y.all() or not y.any():
        return np.zeros(len(others))
    n = min(PIXEL_COMPONENTS, len(x) - 1)
    probe = make_pipeline(
        StandardScaler(),
        PCA(n, random_state=SEED),
        LogisticRegression(C=PIXEL_STRENGTH, max_iter=500),
    )
    return np.asarray(probe.fit(x, y).decision_function(others))


class Recorder:
    """Prints and records the figures of one run."""

    def __init__(self, model: str, write: bool) -> None:
        self.command = f"python -m train evaluate tags --model {model}"
        self.write = write

    def __call__(self, name: str, value: Estimate, n: int, split: str) -> None:
        print(
            f"{name:34} {value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}], n = {n}, {split}",
            flush=True,
        )
        if self.write:
            record(f"tags.{name}", value, n=n, split=split, seeds=[SEED], command=self.command)


def tags(model: str = "", data: str = "", split: str = "test") -> None:
    """Measure the tags and record ``tags.*``; ``split`` of ``valid`` records nothing."""
    name = model or default_encoder()
    say = Recorder(name, split == "test")
    galaxies = read_labelled(name)
    horton(say, galaxies, "words", f"Horton et al. 2025 in first+mirabest, {FOLDS} folds")
    try:
        lotss = read_labelled(name, ("lotss",))
        horton(say, lotss, "lotss", f"Horton et al. 2025 in lotss, {FOLDS} folds")
    except RadioVizError as error:
        print(f"LoTSS is not measured: {error}")
    bent(say, galaxies)
    mirabest(say, galaxies)
    calibration(say, name)
    taught(say, galaxies)


def calibration(say: Recorder, name: str) -> None:
    """``tags.off``: error of the probabilities of the heads that ship, in folds, mean over tags."""
    heads = read_heads(name)
    if heads is None:
        raise TrainError(f"'{name}' has no heads; run: python -m train tags --model {name}")
    found = [about["off"] for about in heads.about.values()]
    n = max(about["n"] for about in heads.about.values())
    say("off", (float(np.mean(found)), min(found), max(found)), n, "first+mirabest/train+valid")


def horton(say: Recorder, galaxies: LabelledGalaxies, name: str, where: str) -> None:
    """``tags.words.*`` and ``tags.lotss.*``."""
    x, _ = features(galaxies)
    some = galaxies.rows(galaxies.named & np.isfinite(x).all(axis=1))
    x, pixels = features(some)[0], raw_pixels(some)
    strengths = nested_strengths(x, some.words, some.source)
    print(f"{name}: strengths {', '.join(f'{s:g}' for s in strengths)}")
    learned, plain = [], []
    for word in some.words:
        y = some.words[word].to_numpy(bool)
        sources = len(np.unique(some.source[y]))
        if not 2 <= sources <= len(np.unique(some.source)) - 2:
            continue
        one = JudgedWord(y, out_of_fold(x, y, some.source, head_scores, strengths), some.source)
        say(f"{name}.{word}.auroc", estimate([one], auroc, 150), sources, where)
        if sources >= ENOUGH and len(np.unique(some.source[~y])) >= ENOUGH:
            learned.append(one)
            plain.append(
                JudgedWord(y, out_of_fold(pixels, y, some.source, pixel_scores), some.source)
            )
    n = len(np.unique(some.source))
    for kind, judged in (("", learned), ("pixels_", plain)):
        say(f"{name}.{kind}skill", estimate(judged, skill), n, f"{where}, {len(judged)} words")
        say(f"{name}.{kind}auroc", estimate(judged, auroc), n, f"{where}, {len(judged)} words")


def bent(say: Recorder, galaxies: LabelledGalaxies) -> None:
    """``tags.bent.*``: class Bent of FIRST, of galaxies that no head has seen."""
    x, _ = features(galaxies)
    split = galaxies.table["split"].to_numpy(str)
    known, applies = galaxies.truth("first:Bent")
    known &= np.isfinite(x).all(axis=1)
    angle = galaxies.table["bending_angle"].to_numpy(float)
    test = known & (split == "test")
    train = known & np.isin(split, ("train", "valid"))
    where, n = "first/test", int(test.sum())
    armed = test & np.isfinite(angle)
    by_angle = JudgedWord(applies[armed], angle[armed], galaxies.source[armed])
    say("bent.angle_auroc", estimate([by_angle], auroc), int(armed.sum()), f"{where}, with arms")
    odds = head_scores(x[train], applies[train], x[test])
    say(
        "bent.auroc",
        estimate([JudgedWord(applies[test], odds, galaxies.source[test])], auroc),
        n,
        where,
    )
    squared = (1 / (1 + np.exp(-odds)) - applies[test]) ** 2
    one = JudgedWord(applies[test], squared, galaxies.source[test])
    say("bent.brier", estimate([one], lambda j: float(j.score.mean())), n, where)
    compact = galaxies.truth("first:Compact")[1]
    odds = head_scores(x[train], compact[train], x[test])
    one = JudgedWord(compact[test], odds, galaxies.source[test])
    say("compact.auroc", estimate([one], auroc), n, where)


def mirabest(say: Recorder, galaxies: LabelledGalaxies) -> None:
    """``tags.wat.auroc``, ``tags.ht.auroc`` and ``tags.dd.auroc``: ten folds over MiraBest."""
    x, _ = features(galaxies)
    for name, label in (("wat", "wide-angle tail"), ("ht", "head-tail"), ("dd", "double-double")):
        known, applies = galaxies.truth(f"mirabest:{label}")
        known &= np.isfinite(x).all(axis=1)
        score = out_of_fold(x[known], applies[known], galaxies.source[known], head_scores)
        one = JudgedWord(applies[known], score, galaxies.source[known])
        n = int(applies[known].sum())
        where = f"mirabest, {FOLDS} folds, {n} of {int(known.sum())}"
        say(f"{name}.auroc", estimate([one], auroc), n, where)


def taught(say: Recorder, galaxies: LabelledGalaxies) -> None:
    """``tags.taught.*``: words from a few examples, as a reader teaches them.

    As many galaxies of the word as others are drawn; the rest is ranked. Beside it, similarity to
    the nearest example less that to the nearest counter-example.
    """
    x, _ = features(galaxies)
    first = np.unique(galaxies.source, return_index=True)[1]
    rows = np.zeros(len(galaxies), dtype=bool)
    rows[first] = True
    rows |= galaxies.named
    some = galaxies.rows(rows & galaxies.named & np.isfinite(x).all(axis=1))
    once = np.zeros(len(some), dtype=bool)
    once[np.unique(some.source, return_index=True)[1]] = True
    some = some.rows(once)
    columns = {c: some.table[c].to_numpy(float) for c in COLUMNS}
    space = ExampleSpace.of(some.latents, columns)
    unit = some.latents - some.latents.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    names = [
        w for w in some.words if min(some.words[w].sum(), (~some.words[w]).sum()) >= 2 * max(TAUGHT)
    ]
    for number in TAUGHT:
        gains, ours, theirs = [], [], []
        for repeat in range(REPEATS):
            rng = np.random.default_rng(repeat)
            for word in names:
                y = some.words[word].to_numpy(bool)
                yes, no = (rng.choice(np.flatnonzero(k), number, replace=False) for k in (y, ~y))
                rest = np.setdiff1d(np.arange(len(y)), np.concatenate([yes, no]))
                ranked = space.teach(yes, no).probability[rest]
                near = (unit @ unit[yes].T).max(axis=1) - (unit @ unit[no].T).max(axis=1)
                both = [skill(JudgedWord(y[rest], s, rest)) for s in (ranked, near[rest])]
                ours.append(both[0])
                theirs.append(both[1])
                gains.append(both[0] - both[1])
        where = f"{len(names)} words of Horton et al. in first+mirabest, {REPEATS} draws each"
        for kind, values in (("skill", ours), ("neighbours", theirs), ("gain", gains)):
            say(f"taught.{number}.{kind}", _over_words(values, len(names)), len(some), where)


def _over_words(values: list[float], words: int) -> Estimate:
    """Mean, with an interval over repeats of all words."""
    means = np.array(values).reshape(-1, words).mean(axis=1)
    rng = np.random.default_rng(SEED)
    drawn = [means[rng.integers(0, len(means), len(means))].mean() for _ in range(DRAWS)]
    value = float(means.mean())
    low, high = np.percentile(drawn, [2.5, 97.5])
    return value, min(float(low), value), max(float(high), value)
