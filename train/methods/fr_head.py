"""FR classes of several surveys, calibrated for each: ``python -m train fr-head``.

Two logistic regressions on the frozen features of the default encoder, which saw no class label.
The first learns from every labelled image as it is and from :data:`VIEWS` random views of it as
another telescope would show it (:mod:`train.methods.survey_views`); that of NVSS from the images
alone, in which its own count most. Their logits of images that a fold of sources
held back give the calibration: for each survey with labels, and for all images together, a slope
and an offset (:class:`radioviz.models.survey_fr.SurveyFr`). Images of MiraBest with noise of a
tenth of the peak, and at three times the beam, calibrate with them
(:mod:`train.evaluate.surveys.degrade`).

Sources are those of the splits ``train`` and ``valid``; the validation images of LoTSS serve to
calibrate alone. Uncertain classes of MiraBest weigh a quarter.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from radioviz.data.registry import DATA_SETS, open_data_set, titles_of
from radioviz.encode import Encoder
from radioviz.encode.encoder import BATCH
from radioviz.errors import CatalogueError
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import model_folder
from radioviz.models.resnet import ResNet
from radioviz.models.survey_fr import SurveyFr, faintness
from radioviz.morphology.frame import SourceFrame
from radioviz.paths import cache_folder, make_folder, trained_folder
from radioviz.store.atomic import atomic_file
from radioviz.words.heads import spreads
from train.core import machine
from train.evaluate.surveys.degrade import degrade
from train.evaluate.surveys.evaluations import source_folds
from train.evaluate.surveys.features import survey
from train.methods.fr_head_card import WIDE, head_card
from train.methods.survey_data import DEFAULT_BEAM
from train.methods.survey_views import SurveyViews
from train.metrics.calibration import calibration_error, negative_log_likelihood, softmax

CLASSES = ("FRI", "FRII")
LEARNED = (
    "mirabest", "first", "frdeep-first", "frdeep-nvss", "frdeep2-first", "frdeep2-nvss",
)  # fmt: skip
CALIBRATED = "lotss"
"""Its labels calibrate, and are never trained on."""

LEARNED_SPLITS = ("train", "valid")
DEGRADED, WORSE = "mirabest", ("noise10", "beam3")
"""Whose images calibrate degraded as well, and how."""
VIEWS, STRENGTH, UNCERTAIN, FOLDS = 4, 0.1, 0.25, 5
"""Chosen by folds of sources over ``train`` and ``valid``: the smallest worst calibration error."""

WIDE_STRENGTH, NOT_WIDE = 1.0, 0.1
"""Of the other head: strength, and weight of images that are not of NVSS. By ten folds of sources
over ``train`` and ``valid`` (three draws) it parts the classes of FR-DEEP NVSS with an AUC of
0.858 +- 0.008 (0.752 +- 0.003 by the first head, 0.843 by NVSS alone). LoTSS keeps the first: the
other is better on its 92 validation images (0.937 against 0.837), but not on test, read once: error
of calibration 0.124 against 0.038. Heads that never saw NVSS part its classes with 0.67 by views,
0.48 without, so that an unknown survey has the first, too."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images with an FR class and their features."""

    # One row an image: ``key``, ``row``, ``source_id``, ``ra``, ``dec``, ``survey``, ``split``,
    # ``truth`` (number of the class) and ``weight`` (0: a head learns nothing from it).
    table: pd.DataFrame
    plain: np.ndarray  # features of the images as the product encodes them, float32 ``(n, d)``
    views: np.ndarray  # features of random views, float32 ``(VIEWS, n, d)``
    faint: np.ndarray  # faintness of the images, float32 ``(n,)``
    # worse_of, worse, worse_faint: degraded images: their rows ``(m,)``, features ``(m, d)``,
    # faintness ``(m,)``
    worse_of: np.ndarray
    worse: np.ndarray
    worse_faint: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        return self.table["truth"].to_numpy()


@dataclass(frozen=True, eq=False)
class Head:
    """Logit of the second class: ``features @ weight + offset``."""

    weight: np.ndarray
    offset: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        found: np.ndarray = features @ self.weight + self.offset
        return found


def read_labelled(encoder: Encoder, splits: tuple[str, ...] = LEARNED_SPLITS) -> Labelled:
    """Labelled images of :data:`LEARNED` and, where it is imported, :data:`CALIBRATED`."""
    tables: list[pd.DataFrame] = []
    arrays: list[tuple[np.ndarray, ...]] = []
    for key in (*LEARNED, CALIBRATED):
        try:
            catalogue, split = survey(key)
        except CatalogueError as error:
            if key in DATA_SETS:
                raise
            print(f"without {key}: {error}")
            continue
        table = catalogue.table
        label = table["radcat_type" if key == CALIBRATED else "label"].to_numpy(dtype=object)
        labelled = np.flatnonzero(np.isin(label, CLASSES))
        viewed = np.isin(split[labelled], LEARNED_SPLITS)
        found = _features(encoder, key, labelled, viewed)
        kept = np.isin(split[labelled], splits)
        rows = labelled[kept]
        near = "matched_" if "matched_ra" in table else ""
        sure = table["confidence"].ne("uncertain") if "confidence" in table else np.ones(len(table))
        tables.append(pd.DataFrame({
            "key": key, "row": rows, "split": split[rows],
            "source_id": table["source_id"].to_numpy(dtype=object)[rows],
            "ra": table[near + "ra"].to_numpy(float)[rows],
            "dec": table[near + "dec"].to_numpy(float)[rows],
            "survey": table["survey"].to_numpy(dtype=object)[rows],
            "truth": (label[rows] == CLASSES[1]).astype(int),
            "weight": np.where(sure, 1.0, UNCERTAIN)[rows]
            * np.isin(split[rows], () if key == CALIBRATED else LEARNED_SPLITS),
        }))  # fmt: skip
        arrays.append((found[0][kept], found[1][:, kept], found[2][kept]))
        print(f"{key}: {len(rows)} labelled images", flush=True)
    plain, views, faint = zip(*arrays, strict=True)
    every = pd.concat(tables, ignore_index=True)
    chosen = (every["key"] == DEGRADED) & every["split"].isin(LEARNED_SPLITS)
    return Labelled(
        every, np.concatenate(plain), np.concatenate(views, axis=1), np.concatenate(faint),
        np.tile(np.flatnonzero(chosen), len(WORSE)),
        *_degraded(encoder, every["row"][chosen].to_numpy()),
    )  # fmt: skip


def _degraded(encoder: Encoder, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features and faintness of images of :data:`DEGRADED`, kind by kind of :data:`WORSE`."""
    catalogue = open_data_set(DEGRADED)
    scale, known = catalogue.info.pixel_scale, float(catalogue.info.beam or 0)
    features, faint = [], []
    for kind in WORSE:
        for start in range(0, len(rows), BATCH):
            given = catalogue.images[rows[start : start + BATCH]]
            images, beam, raw = degrade(kind, given, scale, known, seed=100 + start)
            seen = encoder.info.preprocess(images, scale, beam=beam, raw=raw)
            features.append(encoder.encode(seen))
            faint.append(faintness(torch.from_numpy(seen)[:, None]).numpy())
    return np.concatenate(features), np.concatenate(faint)


def _features(
    encoder: Encoder, key: str, rows: np.ndarray, viewed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of images ``(n, d)`` and of views of those ``viewed`` ``(VIEWS, n, d)``; faintness.

    From the cache folder; those of other views are 0.
    """
    catalogue = open_data_set(key)
    stamp = hashlib.sha256(rows.tobytes() + viewed.tobytes())
    stamp.update(f"{catalogue.digest} {encoder.info.weights_sha256} {VIEWS}".encode())
    path = cache_folder() / "evaluation" / f"fr-{key}-{stamp.hexdigest()[:16]}.npz"
    if path.exists():
        stored = np.load(path, allow_pickle=False)
        return stored["plain"], stored["views"], stored["faint"]
    plain = np.empty((len(rows), encoder.info.latent_dim), np.float32)
    views = np.zeros((VIEWS, *plain.shape), np.float32)
    faint = np.empty(len(rows), np.float32)
    for part, images in encoder.preprocessed(catalogue, rows, BATCH):
        plain[part] = encoder.encode(images)
        faint[part] = faintness(torch.from_numpy(images)[:, None]).numpy()
    views[:, viewed] = _view_features(encoder, key, rows[viewed])
    make_folder(path.parent)
    with atomic_file(path) as scratch, scratch.open("wb") as file:
        np.savez(file, plain=plain, views=views, faint=faint)
    return plain, views, faint


@torch.no_grad()
def _view_features(encoder: Encoder, key: str, rows: np.ndarray) -> np.ndarray:
    """Features of random views of images, each upright: ``(VIEWS, n, d)``."""
    augment, chain, catalogue = SurveyViews(), encoder.info.preprocess, open_data_set(key)
    assert isinstance(chain, SourceFrame) and isinstance(encoder.module, ResNet)
    padded = augment.padded(chain)
    assert isinstance(padded, SourceFrame)
    out = np.empty((VIEWS, len(rows), encoder.info.latent_dim), np.float32)
    torch.manual_seed(0)
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        images, frames = padded.framed_rows(catalogue, some)
        scale = np.array([frame.field for frame in frames]) / padded.size
        beam = catalogue.beams[some]
        beam = np.where(np.isnan(beam), DEFAULT_BEAM * catalogue.pixel_scales[some], beam) / scale
        x, fwhm = torch.from_numpy(images)[:, None], torch.from_numpy(beam).float()
        for number in range(VIEWS):
            seen = augment.views(x, chain, fwhm)[1].contiguous(memory_format=torch.channels_last)
            out[number, start : start + len(some)] = encoder.module(seen).numpy()
    return out


def head_of(survey_name: str) -> int:
    """Number of the head of a survey."""
    return 1 if survey_name == WIDE else 0


def fit_head(found: Labelled, rows: np.ndarray, number: int = 0) -> Head:
    """One of the logistic regressions, on the images of ``rows`` (a mask)."""
    from sklearn.linear_model import LogisticRegression

    x, weight = found.plain[rows][None], found.table["weight"].to_numpy()[rows]
    if number == 0:
        x = np.concatenate([x, found.views[:, rows]])
    else:
        weight = weight * np.where(found.table["survey"][rows] == WIDE, 1, NOT_WIDE)
    times = len(x)
    x = x.reshape(-1, x.shape[2])
    centre, scale = x.mean(axis=0), 1 / spreads(x, x.shape[1])
    model = LogisticRegression(C=WIDE_STRENGTH if number else STRENGTH, max_iter=500)
    truth, weight = np.tile(found.truth[rows], times), np.tile(weight, times) / times
    model.fit((x - centre) * scale, truth, weight)
    weights_, offset = model.coef_[0] * scale, float(model.intercept_[0])
    return Head(weights_, offset - float(weights_ @ centre))


def held_back(found: Labelled, fold: np.ndarray, number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of images ``(n,)`` and of degraded images ``(m,)`` by heads without their fold."""
    plain, worse = np.empty(len(fold)), np.empty(len(found.worse))
    learned, of_worse = found.table["weight"].to_numpy() > 0, fold[found.worse_of]
    for k in np.unique(fold):
        head = fit_head(found, learned & (fold != k), number)
        plain[fold == k] = head(found.plain[fold == k])
        worse[of_worse == k] = head(found.worse[of_worse == k])
    return plain, worse


Fitted = tuple[float, float, float]
"""Log of the slope at a faintness of 0, how it grows with it, and the offset of the logit."""


def calibration(logit: np.ndarray, faint: np.ndarray, truth: np.ndarray) -> Fitted:
    """What minimises the mean -log p of the true class; all arrays ``(n,)``."""
    from scipy.optimize import minimize

    def loss(fitted: np.ndarray) -> float:
        odds = np.exp(fitted[0] + fitted[1] * faint) * logit + fitted[2]
        return float(np.logaddexp(0, np.where(truth == 1, -odds, odds)).mean())

    level, growth, offset = minimize(loss, np.zeros(3), method="BFGS").x
    return float(level), float(growth), float(offset)


def calibrate(found: Labelled, logit: np.ndarray, worse: np.ndarray, rows: np.ndarray) -> Fitted:
    """:func:`calibration` of the images of ``rows`` (a mask) and their degraded ones."""
    too = rows[found.worse_of]
    return calibration(
        np.concatenate([logit[rows], worse[too]]),
        np.concatenate([found.faint[rows], found.worse_faint[too]]),
        np.concatenate([found.truth[rows], found.truth[found.worse_of[too]]]),
    )


def probabilities(logit: np.ndarray, faint: np.ndarray, fitted: Fitted) -> np.ndarray:
    """Both probabilities ``(n, 2)`` of logits, calibrated."""
    odds = np.exp(fitted[0] + fitted[1] * faint) * logit + fitted[2]
    return softmax(np.stack([np.zeros_like(odds), odds], axis=1))


def train_head(model: str = "survey-simclr", name: str = "survey-fr") -> ModelInfo:
    """Fit the head of an encoder, calibrate it and write ``trained/survey-fr``."""
    began, encoder = time.perf_counter(), Encoder.load(model)
    found = read_labelled(encoder)
    table, truth = found.table, found.truth
    fold = source_folds(table, FOLDS, seed=0, truth=truth)
    logits, worse = zip(*(held_back(found, fold, number) for number in range(2)), strict=True)
    surveys = tuple(sorted(set(table["survey"])))
    learned = table["weight"].to_numpy() > 0
    heads = [head_of(one) for one in (*surveys, "")]
    groups = [*((table["survey"] == one).to_numpy() for one in surveys), learned]
    fitted = [
        calibrate(found, logits[number], worse[number], rows)
        for number, rows in zip(heads, groups, strict=True)
    ]
    arguments = {
        **encoder.info.architecture, "classes": list(CLASSES), "surveys": list(surveys),
        "heads": heads,
    }  # fmt: skip
    module = SurveyFr(**arguments)
    sharp, wide = (fit_head(found, learned, number) for number in range(2))
    state = weights.load(model_folder(model))[0].state_dict()
    module.network.load_state_dict(
        {**state, "head.weight": _row(sharp.weight), "head.bias": _row(sharp.offset)}
    )
    module.further[0].load_state_dict({"weight": _row(wide.weight), "bias": _row(wide.offset)})
    module.slope.copy_(torch.tensor([[level, growth] for level, growth, _ in fitted]))
    module.offset.copy_(torch.tensor([[0.0, offset] for _, _, offset in fitted]))
    info = _describe(name, encoder.info, arguments, found, time.perf_counter() - began)
    valid = (table["split"] == "valid").to_numpy()
    for number, survey_name in enumerate(surveys):
        mine = valid & (table["survey"] == survey_name).to_numpy()
        p = probabilities(logits[heads[number]][mine], found.faint[mine], fitted[number])
        info.scores[f"accuracy_{survey_name.lower()}.valid"] = round(
            float((p.argmax(1) == truth[mine]).mean()), 5
        )
        info.scores[f"calibration_error_{survey_name.lower()}.valid"] = round(
            calibration_error(p, truth[mine]), 5
        )
    p = probabilities(logits[heads[-1]][valid], found.faint[valid], fitted[-1])
    info.scores["nll.valid"] = round(negative_log_likelihood(p, truth[valid]), 5)
    return weights.save(trained_folder() / name, module, info, head_card(info))


def _row(value: np.ndarray | float) -> torch.Tensor:
    """Weights of a head of two outputs, of which the first is 0."""
    row = torch.tensor(np.atleast_1d(value), dtype=torch.float32).squeeze()
    return torch.stack([torch.zeros_like(row), row])


def _describe(
    name: str, encoder: ModelInfo, arguments: dict[str, Any], found: Labelled, seconds: float
) -> ModelInfo:
    table = found.table
    keys = [key for key in (*LEARNED, CALIBRATED) if (table["key"] == key).any()]
    learned = table[table["weight"] > 0]
    return ModelInfo(
        name=name,
        title="FR classes, all surveys",
        kind="survey-fr",
        capabilities=("classify",),
        latent_dim=encoder.latent_dim,
        preprocess=encoder.preprocess,
        architecture=arguments,
        training={
            "data": [key for key in keys if key != CALIBRATED],
            "titles": titles_of(keys),
            "catalogue_digests": {key: open_data_set(key).digest for key in keys},
            "images": learned["split"].value_counts().to_dict(),
            "seconds": round(seconds, 1),
            "machine": machine.kind(machine.device()),
            "seed": 0,
            "commit": machine.commit(),
            "command": f"python -m train fr-head --model {encoder.name}",
            "config": {
                "init": encoder.name, "init_weights_sha256": encoder.weights_sha256,
                "views": VIEWS, "strength": STRENGTH, "uncertain": UNCERTAIN,
                "wide_strength": WIDE_STRENGTH, "not_wide": NOT_WIDE,
            },
        },
        paper=f"logistic regression on the features of {encoder.title}; calibrated as "
        "Platt 1999, Guo et al. 2017, arXiv:1706.04599",
    )  # fmt: skip
