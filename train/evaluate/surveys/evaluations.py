"""``python -m train evaluate robust|pairs|lotss|mgcls|mbc-cv --model NAME [--split valid]``.

How an encoder holds when the telescope changes. ``valid`` reads no test source and records nothing;
``test`` records the figures of the same name.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.data.matching import sky_groups
from radioviz.encode import Encoder
from radioviz.encode.matched_beam import matched_latents, mean_matched
from radioviz.similarity import Whitening
from radioviz.similarity.query_image import wider_beam
from train.evaluate.benchmarks import Estimate, bootstrap, record
from train.evaluate.marking_gain import mgcls_unmarked
from train.evaluate.representation import probes
from train.evaluate.representation.labelled_sets import LabelledSet, mbc
from train.evaluate.surveys.degrade import KINDS, degrade
from train.evaluate.surveys.features import survey, unit, votes

MODEL = "survey-simclr"
FOLDS, SEEDS, REPEATS = 5, 5, 5
RECALL = 10
GOOD = 4  # MGCLS: least score of an interesting source


def robust(model: str = MODEL, split: str = "test") -> None:
    """``robust.*``: five neighbours of MBC images that were moved, blurred or made noisy.

    The neighbours are undegraded training images. ``valid``: five folds over those that are not
    test, with settings chosen on each fold's own training part.
    """
    problem, encoder = mbc(), Encoder.load(model)
    rows = problem.train
    if split == "valid":
        official = problem.catalogue.table["split"].to_numpy()
        rows = rows[np.isin(official[rows], ("train", "valid"))]
    plain = _degraded(problem, encoder, rows, "as is", 0)
    judge = _on_test if split == "test" else _in_folds
    for kind in KINDS:
        seeds = range(1 if kind in ("as is", "beam3") else SEEDS)
        right = np.mean([judge(problem, encoder, rows, plain, kind, s) for s in seeds], axis=0)
        name = f"robust.{kind.replace(' ', '_')}"
        _report(name, bootstrap(right, np.mean), len(right), f"mirabest/{split}, MBC", model, split)


def _degraded(
    problem: LabelledSet, encoder: Encoder, rows: np.ndarray, kind: str, seed: int
) -> np.ndarray:
    """Features ``(n, d)`` of degraded images, as the product would take them."""
    info = problem.catalogue.info
    images, beam, raw = degrade(
        kind, problem.catalogue.images[rows], info.pixel_scale, float(info.beam or 0), seed
    )
    chain = encoder.info.preprocess
    return encoder.encode(chain(images, info.pixel_scale, beam=beam, raw=raw))


def _on_test(
    problem: LabelledSet, encoder: Encoder, rows: np.ndarray, plain: np.ndarray, kind: str,
    seed: int,
) -> np.ndarray:  # fmt: skip
    """1 for each test image that its neighbours among ``rows`` classify rightly."""
    _, fitted, _ = probes.choose("knn5", plain, problem.labels(rows))
    fitted.fit(plain, problem.labels(rows))
    found = fitted.predict(_degraded(problem, encoder, problem.test, kind, seed))
    return np.asarray(found == problem.labels(problem.test), dtype=float)


def _in_folds(
    problem: LabelledSet, encoder: Encoder, rows: np.ndarray, plain: np.ndarray, kind: str,
    seed: int,
) -> np.ndarray:  # fmt: skip
    """The same for each of ``rows``, by the other four of five folds."""
    truth, changed = problem.labels(rows), plain
    if kind != "as is":
        changed = _degraded(problem, encoder, rows, kind, seed)
    fold = source_folds(problem.catalogue.table.iloc[rows], FOLDS, seed=0)
    return _folded(plain, changed, truth, fold)


def _folded(
    plain: np.ndarray, changed: np.ndarray, truth: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """1 for each row that is classified rightly; the settings are chosen on the other folds."""
    right = np.zeros(len(truth))
    for k in np.unique(fold):
        held = fold == k
        _, fitted, _ = probes.choose("knn5", plain[~held], truth[~held], repeats=1)
        found = fitted.fit(plain[~held], truth[~held]).predict(changed[held])
        right[held] = found == truth[held]
    return right


def cross_validated(model: str = MODEL, split: str = "test") -> None:
    """``mbc.ssl.knn5.cv``: source-disjoint ten folds over MBC; ``valid``: without its test part."""
    right = in_ten_folds(model, split)
    _report("mbc.ssl.knn5.cv", bootstrap(right, np.mean), len(right), "mirabest, MBC, ten folds",
            model, split)  # fmt: skip


def in_ten_folds(model: str, split: str) -> np.ndarray:
    """1 for each image of MBC that five neighbours in the other nine folds classify rightly."""
    problem = mbc()
    rows = np.sort(np.concatenate([problem.train, problem.test]))
    if split == "valid":
        official = problem.catalogue.table["split"].to_numpy()
        rows = rows[np.isin(official[rows], ("train", "valid"))]
    features = Encoder.load(model).encode_catalogue(problem.catalogue, rows)
    truth = problem.labels(rows)
    fold = source_folds(problem.catalogue.table.iloc[rows], 10, seed=0)
    return _folded(features, features, truth, fold)


def pairs(model: str = MODEL, split: str = "test") -> None:
    """``pair.first_nvss.recall10``: the same source in NVSS among the first ten, by default.

    Queries are FIRST images of a split of FR-DEEP v2, the gallery all 658 of NVSS (``valid``: those
    that are not test), compared by default as the app does: at the beam of NVSS.
    """
    sharp, parts = survey("frdeep2-first")
    wide, _ = survey("frdeep2-nvss")
    encoder = Encoder.load(model)
    gallery = np.arange(len(wide)) if split == "test" else np.flatnonzero(parts != "test")
    queries = np.flatnonzero(parts == split)
    found = encoder.encode_catalogue(wide, gallery)
    beam = wider_beam(sharp, wide)
    assert beam is not None
    asked = matched_latents(encoder, sharp, queries, beam)[:, 0]
    asked += found.mean(axis=0) - mean_matched(encoder, sharp, beam)
    whitening = Whitening.of(found)
    found, asked = whitening(found), whitening(asked)
    names = wide.table["file"].to_numpy(dtype=object)
    hit = recall(asked, found, sharp.table["file"].to_numpy(dtype=object)[queries], names[gallery])
    _report("pair.first_nvss.recall10", bootstrap(hit, np.mean), len(hit),
            f"frdeep2-first/{split} in {len(gallery)} of frdeep2-nvss", model, split)  # fmt: skip


def recall(
    queries: np.ndarray, gallery: np.ndarray, asked: np.ndarray, names: np.ndarray
) -> np.ndarray:
    """1 for each query whose name is among the names of its ten nearest, by cosine; ``(n,)``."""
    nearest = np.argsort(-(unit(queries) @ unit(gallery).T), axis=1, kind="stable")[:, :RECALL]
    hit: np.ndarray = (names[nearest] == asked[:, None]).any(axis=1)
    return hit.astype(float)


def lotss(model: str = MODEL, split: str = "test") -> None:
    """``lotss.fr.balanced`` and ``.auc``: FR class of LoTSS sources by five neighbours.

    Ten folds by source, stratified, five repeats; intervals over sources. ``test``: all 276, of
    which those of ``valid`` may have served to choose (stated beside the part that did not).
    """
    catalogue, parts = survey("lotss")
    label = catalogue.table["radcat_type"].to_numpy(dtype=object)
    rows = np.flatnonzero((label != "") & ((parts == "valid") | (split == "test")))
    truth = (label[rows] == "FRII").astype(int)
    features = Encoder.load(model).encode_catalogue(catalogue, rows)
    table = catalogue.table.iloc[rows]
    share = np.zeros(len(rows))
    for seed in range(REPEATS):
        fold = source_folds(table, 10, seed=seed, truth=truth)
        share += votes(features, features, truth, fold[:, None] == fold) / REPEATS
    pair = np.stack([share, truth], 1)
    for name, figure in (("balanced", balanced), ("auc", auc)):
        where = f"lotss/{split}, {len(rows)} images with an FR class"
        estimate = bootstrap(pair, figure)
        _report(f"lotss.fr.{name}", estimate, len(rows), where, model, split)


def mgcls(model: str = MODEL, split: str = "test") -> None:
    """``mgcls.top100.neighbours``: sources scored 4 or 5 in the first 100 by distance alone.

    The distance is the mean to the five nearest of all other images of the survey. ``valid``: the
    fields of that split, and the first tenth of its scored sources. ``mgcls.top100_unmarked``: the
    same after 400 scores (:func:`train.evaluate.marking_gain.mgcls_unmarked`).
    """
    catalogue, parts = survey("mgcls")
    table = catalogue.table
    score = table["evaluation_subset_author_ML_score"].to_numpy(float)
    judged = np.flatnonzero((score >= 0) & ((parts == "valid") | (split == "test")))
    latents = Encoder.load(model).encode_catalogue(catalogue)
    features = unit(_centred(latents))
    cosine = features[judged] @ features.T
    cosine[np.arange(len(judged)), judged] = -2
    distance = 1 - np.sort(cosine, axis=1)[:, -5:].mean(axis=1)
    top = 100 if split == "test" else max(len(judged) // 10, 1)
    good = score[judged] >= GOOD
    order = np.argsort(-distance, kind="stable")[:top]
    ranks = auc(np.stack([distance, good], 1))
    print(f"{int(good.sum())} good of {len(judged)}; AUROC {ranks:.3f}")
    _report("mgcls.top100.neighbours", float(good[order].sum()), len(judged),
            f"mgcls, first {top} of {len(judged)} scored ({split})", model, split)  # fmt: skip
    found, n = mgcls_unmarked(catalogue, latents, GOOD, split)
    _report("mgcls.top100_unmarked", found, n, f"mgcls, first 100 of {n} not among 400 scored "
            f"({split})", model, split)  # fmt: skip


def _centred(x: np.ndarray) -> np.ndarray:
    centred: np.ndarray = x - x.mean(axis=0)
    return centred


def balanced(pair: np.ndarray) -> float:
    """Mean of the recalls of both classes; columns: share of votes for class 1, class."""
    guess, truth = pair[:, 0] > 0.5, pair[:, 1] == 1
    if truth.all() or not truth.any():
        return float((guess == truth).mean())
    return float((guess[truth].mean() + (~guess[~truth]).mean()) / 2)


def auc(pair: np.ndarray) -> float:
    """Area under the ROC curve; columns: score, class."""
    from sklearn.metrics import roc_auc_score

    truth = pair[:, 1] == 1
    return 0.5 if truth.all() or not truth.any() else float(roc_auc_score(truth, pair[:, 0]))


def source_folds(
    table: pd.DataFrame, folds: int, *, seed: int, truth: np.ndarray | None = None
) -> np.ndarray:
    """Fold of each row, ``(n,)``: neighbours on the sky share one; dealt out class by class.

    The table may join several surveys.
    """
    group = sky_groups(table["ra"].to_numpy(float), table["dec"].to_numpy(float))
    leaders = np.unique(group)
    draw = np.random.default_rng(seed)
    fold = np.zeros(len(table), dtype=int)
    classes = np.zeros(len(table), int) if truth is None else truth
    for value in np.unique(classes[leaders]):
        mine = draw.permutation(leaders[classes[leaders] == value])
        fold[mine] = np.arange(len(mine)) % folds
    own: np.ndarray = fold[group]
    return own


def _report(
    name: str, estimate: Estimate | float, n: int, where: str, model: str, split: str
) -> None:
    command = {"robust": "robust", "pair": "pairs", "lotss": "lotss", "mgcls": "mgcls"}
    word = command.get(name.split(".")[0], "mbc-cv")
    value, low, high = estimate if isinstance(estimate, tuple) else (estimate, None, None)
    ends = "" if low is None or high is None else f" ({low:.3f}..{high:.3f})"
    print(f"{name} {value:.3f}{ends}, n {n}; {where}; {model}", flush=True)
    if split == "test":
        record(
            name, estimate, n=n, split=f"{where}; {model}", seeds=[0],
            command=f"python -m train evaluate {word} --model {model}",
        )  # fmt: skip
