"""Check that shipped models are reproducible: ``python -m train reproduce vae32 --quick``.

Computes from the shipped weights and compares with the stored values: the scores on the validation
split (in ``config.json`` and on the card), the latents of every available data set, and the layouts
of its maps. With ``quick``, only some hundred galaxies per data set and no layout that takes longer
than a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.atlas.atlas import Atlas, atlas_roots, list_atlases, open_atlas
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.encode import Encoder
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import list_models, model_folder
from train.core.config import TrainError
from train.core.data import Data
from train.core.task import AnyTask
from train.methods import METHODS, stored_task

QUICK = 300
"""Galaxies per data set to encode with ``quick``."""

_SCORE = 0.005  # of the value, or of 1 if it is smaller; other processors round differently
_LATENT = 0.01  # of the spread of a latent dimension; half precision has a thousandth
_LAYOUT = 0.01  # of the width of a map


@dataclass(frozen=True)
class Check:
    """One comparison, with its largest difference in units of the tolerance.

    The difference is NaN if nothing could be compared.
    """

    what: str
    difference: float
    detail: str

    @property
    def verdict(self) -> str:
        """``same`` (within the tolerance), ``DIFFERS`` or ``left out``."""
        if math.isnan(self.difference):
            return "left out"
        return "same" if self.difference <= 1.0 else "DIFFERS"


def report(model: str, quick: bool = False) -> None:
    """Print every check of models, names separated by commas.

    Raises TrainError if a check differs, or a run cannot be set up again.
    """
    different = 0
    for name in model.split(","):
        for check in reproduce(name, quick):
            different += check.verdict == "DIFFERS"
            print(f"{name}: {check.what}: {check.verdict} ({check.detail})", flush=True)
    if different:
        raise TrainError(f"{different} of the comparisons differ")


def reproduce(name: str, quick: bool = False) -> Iterator[Check]:
    """Compare a shipped model with what it gives now.

    Parameters
    ----------
    name : str
        Name of the model.
    quick : bool
        Use a sample of the galaxies and skip t-SNE and UMAP: a minute or two.

    Yields
    ------
    Check
        After each comparison.

    Raises
    ------
    TrainError
        If the run of the model cannot be set up again.
    ModelError
        If there is no such model, or its weights are not those of its config.
    """
    info = list_models()[name]
    yield from _scores(name)
    if not info.can("encode"):
        return
    encoder = Encoder.load(name)
    for data_set, model in list_atlases(atlas_roots()[0]):
        if model != name or data_set not in DATA_SETS or not DATA_SETS[data_set].is_here:
            continue
        yield from _atlas(encoder, data_set, quick)


def _scores(name: str) -> Iterator[Check]:
    """Compare the scores of the card."""
    from radioviz.models import weights

    module, info = weights.load(model_folder(name))
    missing = [d for d in info.training["data"] if d in DATA_SETS and not DATA_SETS[d].is_here]
    if missing:
        yield Check("scores", math.nan, f"{', '.join(missing)} is not downloaded; fetch it first")
        return
    task = _task(info.training, info.name)
    data = task.load()
    if why := _changed(info, data):
        yield Check("scores", math.nan, why)
        return
    task.prepare_score(data)
    found = {f"{k}.valid": float(v) for k, v in task.score(module, data.valid).items()}
    for key, value in info.scores.items():
        if key not in found:
            detail = f"{value:.5g}, known only from the training run"
            yield Check(f"score {key}", math.nan, detail)
            continue
        away = abs(found[key] - value) / (_SCORE * max(abs(value), 1.0))
        yield Check(f"score {key}", away, f"{value:.5g}, again {found[key]:.5g}")


def _changed(info: ModelInfo, data: Data) -> str:
    """Why scores of today cannot be those of the card; empty if nothing changed."""
    then = info.training.get("catalogue_digests", {})
    # The second part of a digest is of the splits: sources that only left training change nothing.
    other = [k for k, v in data.digests.items() if v.split("-")[0] != then.get(k, "").split("-")[0]]
    if other:
        return f"{', '.join(other)} had other sources then"
    before = info.training["images"]["valid"]
    changed = len(data.valid) != before
    return f"{len(data.valid)} validation images today, {before} then" if changed else ""


def _task(training: dict[str, Any], name: str) -> AnyTask:
    words = str(training.get("command", "")).split()
    method = words[words.index("train") + 1] if "train" in words[:-1] else ""
    if method not in METHODS:
        raise TrainError(f"'{name}' has no record of its training command")
    values = training["config"]
    if values.get("init"):  # the weights are here; the run that they started from need not be
        values = {**values, "init": ""}
    return stored_task(method, values, name)


def _atlas(encoder: Encoder, data_set: str, quick: bool) -> Iterator[Check]:
    """Compare latents of a sample or of all galaxies, and their layouts."""
    catalogue = open_data_set(data_set)
    atlas = open_atlas(data_set, encoder.info.name, info=encoder.info, catalogue=catalogue)
    n = len(catalogue)
    rows = np.unique(np.linspace(0, n - 1, QUICK).astype(int)) if quick else np.arange(n)
    stored = np.asarray(atlas.latents[rows], np.float32)
    again = encoder.encode_catalogue(catalogue, rows)
    spread = np.maximum(np.asarray(atlas.latents, np.float32).std(axis=0), 1e-3)
    off = np.abs(again - stored) / (_LATENT * spread + 2e-3 * np.abs(stored))
    yield Check(
        f"latents of {data_set}", float(off.max()),
        f"{len(rows):,} of {n:,}; largest difference {np.abs(again - stored).max():.2g}",
    )  # fmt: skip
    yield from _layouts(encoder, data_set, atlas, None if quick else again)


def _layouts(
    encoder: Encoder, data_set: str, atlas: Atlas, latents: np.ndarray | None
) -> Iterator[Check]:
    from radioviz.atlas.layouts import SEED
    from train.scores.atlas import layouts

    if latents is not None:
        found = {name: xy for name, (xy, _) in layouts(encoder, data_set, latents).items()}
    else:
        from sklearn.decomposition import PCA

        z = np.asarray(atlas.latents, np.float32)
        found = {"latent": z} if z.shape[1] == 2 else {}
        if "pca" in atlas.layouts:
            found["pca"] = PCA(2, random_state=SEED).fit_transform(z)
    for name, xy in found.items():
        stored = np.asarray(atlas.layouts[name], np.float32)
        off = np.abs(xy - stored).max() / np.ptp(stored, axis=0).max()
        detail = f"largest shift {off:.2g} of the map's width"
        yield Check(f"layout {name} of {data_set}", float(off / _LAYOUT), detail)
