"""Angular size from codes (Fig. 7 of Andrianomena & Tang 2023, R2) and on the shipped map."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.atlas import open_atlas
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from train.representation.classifiers import Scaler
from train.representation.codes import codes

BATCH, PASSES, FIRST_TREES = 1000, 20, 10
NEIGHBOURS = 20


@functools.cache
def measured(key: str) -> Catalogue:
    """Data set with measured angular sizes, ``las_measured`` [arcsec]."""
    return morphology.complete(open_data_set(key))


def sizes(key: str) -> np.ndarray:
    """Measured angular size of each galaxy, as far as the field of the encoders reaches; ``(n,)``.

    A source larger than the field looks cut in the image that is encoded, so that its code
    cannot say how large it is.
    """
    found = measured(key).table["las_measured"].to_numpy(float)
    return np.minimum(found, 172.8)


def usable(key: str) -> np.ndarray:
    """True for galaxies with a measured size, shape ``(n,)``."""
    table = measured(key).table
    return np.isfinite(table["las_measured"].to_numpy(float)) & table["flag"].eq("").to_numpy()


def feature_importance(model: str, key: str = "first") -> pd.DataFrame:
    """What Fig. 7 shows: mean value and importance of each component of the codes.

    A random forest for angular size starts with :data:`FIRST_TREES` trees and grows by one tree
    a batch of 1000 galaxies (``warm_start``, Sec. 4.2.1). The paper has a hundred batches; here
    the training galaxies are gone through :data:`PASSES` times in random order.

    Returns
    -------
    pandas.DataFrame
        ``encoder``, ``component``, ``value`` (mean), ``importance`` (sums to 1),
        ``pca_variance`` (share of variance of the principal component of that number).
    """
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestRegressor

    catalogue = measured(key)
    x = codes(model, catalogue).values[:, 0]
    rows = np.flatnonzero(usable(key) & (catalogue.table["split"] == "train").to_numpy())
    y = sizes(key)
    rng = np.random.default_rng(0)
    forest = RandomForestRegressor(FIRST_TREES, warm_start=True, max_features="sqrt")
    forest.set_params(random_state=0)
    stream = np.concatenate([rng.permutation(rows) for _ in range(PASSES)])
    for k, start in enumerate(range(0, len(stream) - BATCH + 1, BATCH)):
        batch = stream[start : start + BATCH]
        forest.set_params(n_estimators=FIRST_TREES + k)
        forest.fit(x[batch], y[batch])
    share = PCA().fit(x[rows]).explained_variance_ratio_
    return pd.DataFrame(
        {
            "encoder": model,
            "component": np.arange(x.shape[1]),
            "value": x[rows].mean(axis=0),
            "importance": forest.feature_importances_,
            "pca_variance": np.pad(share, (0, x.shape[1] - len(share))),
        }
    )


def regress(model: str, key: str = "first") -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Predicted and true sizes [arcsec] of the test galaxies, R2 on validation, and by what.

    The regression (ridge, support vectors, kernel ridge, extra trees) is chosen on validation.
    """
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.linear_model import RidgeCV
    from sklearn.svm import SVR

    catalogue = measured(key)
    split = catalogue.table["split"].to_numpy()
    x, y, ok = codes(model, catalogue).values[:, 0], sizes(key), usable(key)
    train, valid, test = (np.flatnonzero(ok & (split == s)) for s in ("train", "valid", "test"))
    scaler = Scaler(128).fit(x[train])
    z = scaler(x)
    middle, width = y[train].mean(), y[train].std()
    makers = {"ridge": lambda: RidgeCV(np.logspace(-4, 2, 13))}
    makers["extra trees"] = lambda: ExtraTreesRegressor(200, random_state=0)
    for gamma in (0.02, 0.06, 0.2, 0.6):
        makers[f"support vectors, gamma {gamma}"] = lambda g=gamma: SVR(gamma=g, C=10, epsilon=0.03)
        for alpha in (1e-3, 1e-2, 1e-1):
            makers[f"kernel ridge, gamma {gamma}, alpha {alpha}"] = lambda g=gamma, a=alpha: (
                KernelRidge(kernel="rbf", gamma=g, alpha=a)
            )
    best, best_r2, model_ = "", -np.inf, None
    for name, make in makers.items():
        fitted = make().fit(z[train], (y[train] - middle) / width)
        found = r2(fitted.predict(z[valid]) * width + middle, y[valid])
        if found > best_r2:
            best, best_r2, model_ = name, found, fitted
    assert model_ is not None
    guess = np.clip(model_.predict(z[test]) * width + middle, 0, None)
    return guess, y[test], np.array(best_r2), best


def r2(guess: np.ndarray, truth: np.ndarray) -> float:
    """Share of the variance that is explained."""
    return float(1 - np.square(guess - truth).sum() / np.square(truth - truth.mean()).sum())


def neighbour_sizes(model: str, layout: str, key: str = "first") -> np.ndarray:
    """Size of each galaxy and mean size of its 20 neighbours on a map; shape ``(n, 2)``, arcsec."""
    from sklearn.neighbors import NearestNeighbors

    catalogue = measured(key)
    ok = usable(key)
    xy = np.asarray(open_atlas(key, model).layouts[layout])[ok]
    size = catalogue.table["las_measured"].to_numpy(float)[ok]
    _, near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(xy).kneighbors()
    return np.stack([size, size[near].mean(axis=1)], axis=1)


def spearman(pairs: np.ndarray) -> float:
    """Rank correlation of two columns."""
    from scipy.stats import spearmanr

    return float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
