"""Does what ships come out again? ``python -m train reproduce vae32 --quick``.

Three things are made anew from the shipped weights and compared with what is stored: the scores
on the validation split, which ``config.json`` and the card give; the latents of every data set
that is at hand; the layouts of their maps. With ``quick`` some hundred galaxies of each data set
are encoded and layouts that take longer than a second are left out.
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
from radioviz.models.registry import list_models, model_folder
from train.core.config import TrainError
from train.core.task import Task
from train.methods import METHODS, stored_task

QUICK = 300
"""Galaxies of a data set that are encoded again."""

_SCORE = 0.005  # of the value, or of one where it is smaller: other processors round otherwise
_LATENT = 0.01  # of the spread of a latent dimension; half precision keeps a thousandth
_LAYOUT = 0.01  # of the width of a map


@dataclass(frozen=True)
class Check:
    """One comparison: what, the largest difference in terms of its tolerance, and in words.

    The difference is NaN where nothing could be compared.
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

    Raises
    ------
    TrainError
        If a check differs, or a run cannot be set up again.
    """
    different = 0
    for name in model.split(","):
        for check in reproduce(name, quick):
            different += check.verdict == "DIFFERS"
            print(f"{name}: {check.what}: {check.verdict} ({check.detail})", flush=True)
    if different:
        raise TrainError(f"{different} of the comparisons differ")


def reproduce(name: str, quick: bool = False) -> Iterator[Check]:
    """Make anew what a shipped model has been found to do.

    Parameters
    ----------
    name : str
        Of a model.
    quick : bool
        A sample of the galaxies, no layouts by t-SNE and UMAP: a minute or two.

    Yields
    ------
    Check
        As each comparison is made.

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
    """The scores of the card, from the weights that ship."""
    from radioviz.models import weights

    module, info = weights.load(model_folder(name))
    missing = [d for d in info.training["data"] if d in DATA_SETS and not DATA_SETS[d].is_here]
    if missing:
        yield Check("scores", math.nan, f"{', '.join(missing)} is not here: fetch it first")
        return
    task = _task(info.training, info.name)
    data = task.load()
    digests = info.training.get("catalogue_digests", {})
    if data.digests != digests:
        raise TrainError(f"'{name}' learned from other sources or splits than are here now")
    task.prepare_score(data)
    found = {f"{k}.valid": float(v) for k, v in task.score(module, data.valid).items()}
    for key, value in info.scores.items():
        if key not in found:
            said = f"{value:.5g}, found while its weights were made"
            yield Check(f"score {key}", math.nan, said)
            continue
        away = abs(found[key] - value) / (_SCORE * max(abs(value), 1.0))
        yield Check(f"score {key}", away, f"{value:.5g}, again {found[key]:.5g}")


def _task(training: dict[str, Any], name: str) -> Task[Any]:
    words = str(training.get("command", "")).split()
    method = words[words.index("train") + 1] if "train" in words[:-1] else ""
    if method not in METHODS:
        raise TrainError(f"'{name}' does not say by which command it was trained")
    return stored_task(method, training["config"], name)


def _atlas(encoder: Encoder, data_set: str, quick: bool) -> Iterator[Check]:
    """Latents of a sample or of all, and the layouts made of them."""
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
        said = f"largest shift {off:.2g} of the map's width"
        yield Check(f"layout {name} of {data_set}", float(off / _LAYOUT), said)
