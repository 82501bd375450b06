"""Train the heads of learned tags: ``python -m train tags [--model NAME] [--data KEYS]``.

Logistic regressions (scikit-learn) on the latents of an encoder and on measured columns. Their
strength of regularisation was chosen once, by ten folds over Horton's words (it hardly matters
between 0.3 and 3). They see the training and validation galaxies alone: no galaxy within 60 arcsec
of a test galaxy of any data set. Without class weights, and with all galaxies of class Compact
among those to which no word applies, their probabilities are calibrated for FIRST; the Brier score
and the reliability of ``python -m train evaluate tags`` say how well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from radioviz.atlas.atlas import open_atlas
from radioviz.data.registry import open_data_set
from radioviz.errors import AtlasError, CatalogueError
from radioviz.models.registry import encoders, list_models
from radioviz.words.heads import COLUMNS, Heads, heads_file, write_heads
from radioviz.words.tagging import store_tags
from radioviz.words.vocabulary import measured_probability, read_vocabulary
from train.core.config import TrainError
from train.words.word_labels import LabelledGalaxies, features, read_labelled

STRENGTH = 1.0
FEWEST = 8
"""Positive galaxies, of different sources, below which a tag gets no head."""
WORTH = 0.6
"""AUROC in folds below which, or below that of the measured rule, a head is not kept."""
TAGGED = "first,mirabest,frdeep-first,frdeep-nvss"


def default_encoder() -> str:
    """The encoder that the app opens first."""
    return next(iter(encoders()))


def scaling(x: np.ndarray, measured: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale ``(d + s,)``: latents and measured columns weigh alike as wholes."""
    spread = x.std(axis=0)
    d = x.shape[1] - measured
    share = np.concatenate([np.full(d, d**0.5), np.full(measured, max(measured, 1) ** 0.5)])
    return x.mean(axis=0), 1 / np.maximum(spread, 1e-6) / share


def fit_head(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights ``(d + s,)`` and offset of a logistic regression on scaled features."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(x, y)
    return model.coef_[0], float(model.intercept_[0])


def agreement(
    x: np.ndarray, y: np.ndarray, source: np.ndarray, rule: np.ndarray | None
) -> tuple[float, float]:
    """AUROC of a head in five folds of sources, and of the measured rule (0 without one)."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    odds = np.zeros(len(y))
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(x, y, source):
        w, b = fit_head(x[train], y[train])
        odds[test] = x[test] @ w + b
    measured = 0.0 if rule is None else float(roc_auc_score(y, rule))
    return float(roc_auc_score(y, odds)), measured


def train_heads(galaxies: LabelledGalaxies, encoder: str, weights_sha256: str) -> Heads:
    """Heads of every tag of the vocabulary that has labels enough.

    Raises
    ------
    TrainError
        If no tag has.
    """
    x, filled = features(galaxies)
    learned = np.isin(galaxies.table["split"].to_numpy(str), ("train", "valid"))
    learned &= np.isfinite(x).all(axis=1)
    centre, scale = scaling(x[learned], len(COLUMNS))
    x = (x - centre) * scale
    tags, weights, offsets = [], [], []
    about: dict[str, Mapping[str, Any]] = {}
    for tag in read_vocabulary().tags:
        known, applies = galaxies.joined_truth(tag.learned)
        rows = known & learned
        sources = len(np.unique(galaxies.source[rows & applies]))
        if sources < FEWEST:
            continue
        by_rule = measured_probability(tag, {c: galaxies.table[c].to_numpy(float) for c in COLUMNS})
        rule = None if by_rule is None else np.nan_to_num(by_rule[rows])
        judged = agreement(x[rows], applies[rows], galaxies.source[rows], rule)
        if judged[0] < max(judged[1], WORTH):
            print(f"{tag.column}: no head, AUROC {judged[0]:.2f} against {judged[1]:.2f} measured")
            continue
        w, b = fit_head(x[rows], applies[rows])
        tags.append(tag.column)
        weights.append(w)
        offsets.append(b)
        about[tag.column] = {
            "n": int(rows.sum()), "positives": int((rows & applies).sum()),
            "labels": list(tag.learned),
        }  # fmt: skip
    if not tags:
        raise TrainError("no tag has enough labelled galaxies")
    arrays = {"centre": centre, "scale": scale, "filled": filled, "weights": np.array(weights),
              "offset": np.array(offsets)}  # fmt: skip
    return Heads(encoder, weights_sha256, tuple(tags), COLUMNS, arrays, about)


def train_tags(model: str = "", data: str = TAGGED) -> None:
    """Train and write the heads of an encoder, and tag data sets with them."""
    name = model or default_encoder()
    models = list_models()
    heads = train_heads(read_labelled(name), name, models[name].weights_sha256)
    write_heads(heads, heads_file(name))
    for tag, what in heads.about.items():
        print(f"{tag}: {what['positives']} of {what['n']} galaxies, {', '.join(what['labels'])}")
    for key in data.split(","):
        try:
            catalogue = open_data_set(key)
            atlas = open_atlas(key, name, info=models[name], catalogue=catalogue)
        except (AtlasError, CatalogueError) as error:
            print(f"{key} is not tagged: {error}")
            continue
        found = store_tags(catalogue, atlas, models)
        print(f"{key}: {len(catalogue)} galaxies tagged, {len(found.columns)} scores in all")
