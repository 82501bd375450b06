"""Galaxies, other surveys and planted artefacts, as every outlier score needs them.

A *sample* is some images with what was measured in them, their latents in eight orientations
and how well they are reconstructed. Samples of one encoder are kept in the cache folder, since
every flow that is trained without some class looks at the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.paths import cache_folder
from train.planting import ARTEFACTS

VERSION = 2
ORIENTATIONS = 8
MEASURED = ("complexity", "las_measured", "concentration", "axis_ratio", "n_components")
MEASURED_TOO = ("n_unrelated", "snr")


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images as an encoder sees them.

    Attributes
    ----------
    latents : numpy.ndarray
        Float32, shape ``(n, 8, d)``: as they are (the first), turned by right angles, mirrored.
    figures : pandas.DataFrame
        ``n`` rows: what is measured, and of decoders ``reconstruction`` (squared residual over
        squared image), ``residual`` (absolute residual over the sum of the image) and ``sky``
        (share of the light that is where the reconstruction has none).
    rows : numpy.ndarray
        Rows in the data set that the images are of (or were made from), int64.
    """

    latents: np.ndarray
    figures: pd.DataFrame
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: np.ndarray) -> Sample:
        """Part of the sample: a mask or row numbers."""
        return Sample(
            self.latents[which], self.figures[which].reset_index(drop=True), self.rows[which]
        )


def orientations(images: np.ndarray) -> list[np.ndarray]:
    """The eight ways to lay a square: ``(n, ny, nx)`` each, the first as it is."""
    turned = [np.rot90(images, k, (1, 2)) for k in range(4)]
    return [np.ascontiguousarray(x) for t in turned for x in (t, t[:, :, ::-1])]


def samples(encoder: str) -> dict[str, Sample]:
    """Every sample of an encoder by name: data sets whole, ``<artefact>/<split>`` of FIRST."""
    model = Encoder.load(encoder)
    folder = cache_folder() / "ood"
    path = folder / f"{encoder}-{model.info.weights_sha256[:12]}-v{VERSION}.npz"
    if not path.exists():
        made = _make(model)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {}
        for name, sample in made.items():
            arrays[f"{name}|latents"] = sample.latents.astype(np.float16)
            arrays[f"{name}|rows"] = sample.rows
            for column in sample.figures:
                arrays[f"{name}|{column}"] = sample.figures[column].to_numpy(np.float64)
        scratch = path.with_suffix(".part.npz")
        np.savez(scratch, **arrays)
        scratch.replace(path)
    stored = np.load(path, allow_pickle=False)
    names = list(dict.fromkeys(key.split("|")[0] for key in stored.files))
    out = {}
    for name in names:
        columns = [k.split("|")[1] for k in stored.files if k.split("|")[0] == name]
        figures = pd.DataFrame(
            {c: stored[f"{name}|{c}"] for c in columns if c not in ("latents", "rows")}
        )
        latents = stored[f"{name}|latents"].astype(np.float32)
        out[name] = Sample(latents, figures, stored[f"{name}|rows"])
    return out


def _make(model: Encoder) -> dict[str, Sample]:
    out = {}
    for key in ("first", "mirabest", "frdeep-nvss"):
        catalogue = morphology.complete(open_data_set(key))
        rows = np.arange(len(catalogue))
        images = model.info.preprocess.apply(catalogue, rows)
        out[key] = _sample(model, images, catalogue.table, rows)
        if key == "first":
            out.update(_planted(model, catalogue))
    return out


def _planted(model: Encoder, catalogue: Catalogue) -> dict[str, Sample]:
    """Each artefact once in every held-out image; the seed of a split is its own."""
    info = catalogue.info
    out = {}
    for seed, split in enumerate(("valid", "test")):
        rows = np.flatnonzero(catalogue.table["split"] == split)
        images = np.asarray(catalogue.images[rows], np.float32)
        rows, images = rows[images.any((1, 2))], images[images.any((1, 2))]
        for name, plant in ARTEFACTS.items():
            beam = float(info.beam or 0) / info.pixel_scale
            spoiled = plant(images, beam, np.random.default_rng(seed))
            spoiled *= 255 / spoiled.max((1, 2), keepdims=True)  # 8 bits, as the survey comes
            spoiled = spoiled.astype(np.uint8)
            table = morphology.measure(spoiled, info.pixel_scale, info.beam, info.bunit, info.raw)
            seen = model.info.preprocess(spoiled, info.pixel_scale, beam=info.beam, raw=info.raw)
            out[f"{name}/{split}"] = _sample(model, seen, table, rows)
    return out


def _sample(model: Encoder, images: np.ndarray, table: pd.DataFrame, rows: np.ndarray) -> Sample:
    latents = np.stack([model.encode(x) for x in orientations(images)], axis=1)
    figures = table[[*MEASURED, *MEASURED_TOO]].astype(float).reset_index(drop=True)
    if model.info.can("decode"):
        figures = pd.concat([figures, residuals(images, model.decode(latents[:, 0]))], axis=1)
    return Sample(latents, figures, rows)


def residuals(images: np.ndarray, guesses: np.ndarray) -> pd.DataFrame:
    """What a reconstruction misses; see :class:`Sample`. Blank images give NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = guesses - images
        light = images.sum((1, 2))
        empty = guesses < 0.01
        return pd.DataFrame(
            {
                "reconstruction": np.square(difference).sum((1, 2)) / np.square(images).sum((1, 2)),
                "residual": np.abs(difference).sum((1, 2)) / light,
                "sky": (images * empty).sum((1, 2)) / light,
            }
        ).astype(float)
