"""Train the heads of learned tags: ``python -m train tags [--model NAME] [--data KEYS]``.

Logistic regressions (scikit-learn) on the latents of an encoder and on measured columns. Their
strength of regularisation is chosen by folds over Horton's words. They see the training and
validation galaxies alone: no galaxy within 60 arcsec of a test galaxy of any data set. Without
class weights, and with all galaxies of class Compact among those to which no word applies, their
probabilities are calibrated for FIRST: five folds of sources say how far they are off on average,
which is kept with each head and shown beside its probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import open_atlas
from radioviz.data.registry import open_data_set
from radioviz.errors import AtlasError, CatalogueError
from radioviz.models.registry import encoders, list_models
from radioviz.words.heads import COLUMNS, Heads, heads_file, spreads, write_heads
from radioviz.words.tagging import store_tags
from radioviz.words.vocabulary import measured_probability, read_vocabulary
from train.core.config import TrainError
from train.metrics.calibration import reliability
from train.words.word_labels import LabelledGalaxies, features, read_labelled

STRENGTHS = (1.0, 0.3, 3.0)
"""Of regularisation, one over: the first is taken unless another is better."""
ENOUGH = 15
"""Positive, and negative, sources of a word that counts in means over words."""
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
    d = x.shape[1] - measured
    share = np.concatenate([np.full(d, d**0.5), np.full(measured, max(measured, 1) ** 0.5)])
    return x.mean(axis=0), 1 / spreads(x, d) / share


def fit_head(x: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Weights ``(d + s,)`` and offset of a logistic regression on scaled features."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=1000).fit(x, y)
    return model.coef_[0], float(model.intercept_[0])


def folded_odds(x: np.ndarray, y: np.ndarray, source: np.ndarray, strength: float) -> np.ndarray:
    """Log odds of each row by a head of the other four of five folds of sources, ``(n,)``."""
    from sklearn.model_selection import StratifiedGroupKFold

    odds = np.zeros(len(y))
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(x, y, source):
        w, b = fit_head(x[train], y[train], strength)
        odds[test] = x[test] @ w + b
    return odds


def best_strength(x: np.ndarray, words: pd.DataFrame, source: np.ndarray) -> float:
    """The strength of regularisation by which heads of all words rank best in folds.

    ``x``: features of galaxies that people named, scaled or not, ``(n, d + s)``; ``words``: bool,
    ``n`` rows.
    """
    from sklearn.metrics import average_precision_score

    centre, scale = scaling(x, len(COLUMNS))
    x = (x - centre) * scale
    truths = [words[w].to_numpy(bool) for w in words]
    truths = [y for y in truths if min(len(np.unique(source[k])) for k in (y, ~y)) >= ENOUGH]
    found = {
        strength: np.mean(
            [
                (average_precision_score(y, folded_odds(x, y, source, strength)) - y.mean())
                / (1 - y.mean())
                for y in truths
            ]
        )
        for strength in STRENGTHS
    }
    return max(found, key=lambda strength: found[strength])


def train_heads(galaxies: LabelledGalaxies, encoder: str, weights_sha256: str) -> Heads:
    """Heads of every tag of the vocabulary that has labels enough.

    Raises TrainError if no tag has.
    """
    from sklearn.metrics import roc_auc_score

    x, filled = features(galaxies)
    learned = np.isin(galaxies.table["split"].to_numpy(str), ("train", "valid"))
    learned &= np.isfinite(x).all(axis=1)
    centre, scale = scaling(x[learned], len(COLUMNS))
    x = (x - centre) * scale
    named = learned & galaxies.named
    strength = best_strength(x[named], galaxies.words[named], galaxies.source[named])
    tags, weights, offsets = [], [], []
    about: dict[str, Mapping[str, Any]] = {}
    for tag in read_vocabulary().tags:
        known, applies = galaxies.joined_truth(tag.learned)
        rows = known & learned
        sources = len(np.unique(galaxies.source[rows & applies]))
        if sources < FEWEST:
            continue
        by_rule = measured_probability(tag, {c: galaxies.table[c].to_numpy(float) for c in COLUMNS})
        odds = folded_odds(x[rows], applies[rows], galaxies.source[rows], strength)
        learns, measures = float(roc_auc_score(applies[rows], odds)), 0.0
        if by_rule is not None:
            measures = float(roc_auc_score(applies[rows], np.nan_to_num(by_rule[rows])))
        if learns < max(measures, WORTH):
            print(f"{tag.column}: no head, AUROC {learns:.2f} against {measures:.2f} measured")
            continue
        w, b = fit_head(x[rows], applies[rows], strength)
        tags.append(tag.column)
        weights.append(w)
        offsets.append(b)
        about[tag.column] = {
            "n": int(rows.sum()), "positives": int((rows & applies).sum()),
            "labels": list(tag.learned), "auroc": round(learns, 3),
            "off": round(reliability(1 / (1 + np.exp(-odds)), applies[rows]), 3),
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
