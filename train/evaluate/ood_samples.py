"""Samples of galaxies, other surveys and planted artefacts for the outlier scores.

A sample is a set of images with their measurements, their latents in eight orientations and the
quality of their reconstruction. Samples are kept in the cache folder, since every flow that is
trained without some class needs the same ones.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.models.registry import list_models
from radioviz.paths import cache_folder
from radioviz.store.atomic import atomic_file
from train.evaluate.artefacts import ARTEFACTS
from train.scores.orientations import encode_orientations, orientation_latents
from train.scores.scene import scene_descriptors
from train.scores.texture import CHAIN, texture_descriptors

VERSION = 6
SPLITS = ("valid", "test")
MEASURED = (
    *("complexity", "las_isophotal", "concentration", "axis_ratio", "n_components"),
    *("n_unrelated", "snr"),
)


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images as an encoder sees them."""

    # Float32, shape ``(n, 8, d)``: unchanged (the first), rotated by right angles, mirrored.
    latents: np.ndarray
    # ``n`` rows of measurements; for decoders also ``reconstruction`` (squared residual over
    # squared image), ``residual`` (absolute residual over the sum of the image) and ``sky`` (share
    # of the light where the reconstruction has none).
    figures: pd.DataFrame
    rows: np.ndarray  # rows of the images in their data set, int64

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: np.ndarray) -> Sample:
        """Part of the sample: a mask or row numbers."""
        figures = self.figures.iloc[which].reset_index(drop=True)
        return Sample(self.latents[which], figures, self.rows[which])


def samples(encoder: str) -> dict[str, Sample]:
    """All samples by name: whole data sets, and ``<artefact>/<split>`` of FIRST."""
    out = {k: sample_of(open_data_set(k), encoder) for k in ("first", "mirabest", "frdeep-nvss")}
    first = open_data_set("first")
    for split in SPLITS:
        for name in ARTEFACTS:
            make = functools.partial(_planted, first, name, split)
            out[f"{name}/{split}"] = _kept(f"{name}-{split}", first.digest, encoder, make)
    return out


def sample_of(catalogue: Catalogue, encoder: str) -> Sample:
    """Sample of a whole data set under an encoder."""

    def make(model: Encoder) -> Sample:
        whole = morphology.complete(catalogue)
        rows = np.arange(len(whole))
        images = model.info.preprocess.apply(whole, rows)
        latents = orientation_latents(whole.info.key, encoder)
        return make_sample(model, images, latents, whole.table, rows, CHAIN.apply(whole, rows))

    return _kept(catalogue.info.key, catalogue.digest, encoder, make)


def _kept(name: str, digest: str, encoder: str, make: Callable[[Encoder], Sample]) -> Sample:
    """A sample from the cache folder, made first if it is missing."""
    weights = list_models()[encoder].weights_sha256
    stamp = hashlib.sha256(
        f"{digest}-{weights}-{VERSION}-{morphology.VERSION}".encode()
    ).hexdigest()[:16]
    path = cache_folder() / "ood" / f"{name}-{encoder}-{stamp}.npz"
    if not path.exists():
        sample = make(Encoder.load(encoder))
        figures = {c: sample.figures[c].to_numpy(np.float64) for c in sample.figures}
        with atomic_file(path) as scratch:
            latents = sample.latents.astype(np.float16)
            np.savez(scratch, latents=latents, rows=sample.rows, **figures)  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as stored:
        columns = [k for k in stored.files if k not in ("latents", "rows")]
        table = pd.DataFrame({c: stored[c] for c in columns})
        return Sample(stored["latents"].astype(np.float32), table, stored["rows"])


def _planted(catalogue: Catalogue, name: str, split: str, model: Encoder) -> Sample:
    """An artefact planted in every held-out image; each split has its own seed."""
    info = catalogue.info
    rows = np.flatnonzero(catalogue.table["split"] == split)
    images = np.asarray(catalogue.images[rows], np.float32)
    rows, images = rows[images.any((1, 2))], images[images.any((1, 2))]
    beam = float(info.beam or 0) / info.pixel_scale
    spoiled = ARTEFACTS[name](images, beam, np.random.default_rng(SPLITS.index(split)))
    spoiled *= 255 / spoiled.max((1, 2), keepdims=True)  # 8 bits, like the survey
    spoiled = spoiled.astype(np.uint8)
    table = morphology.measure(spoiled, info.pixel_scale, info.beam, info.bunit, info.raw)
    seen = model.info.preprocess(spoiled, info.pixel_scale, beam=info.beam, raw=info.raw)
    fine = CHAIN(spoiled, info.pixel_scale, beam=info.beam, raw=info.raw)
    return make_sample(model, seen, encode_orientations(model, seen), table, rows, fine)


def make_sample(
    model: Encoder,
    images: np.ndarray,
    latents: np.ndarray,
    table: pd.DataFrame,
    rows: np.ndarray,
    fine: np.ndarray,
) -> Sample:
    """A sample of preprocessed images with their latents ``(n, 8, d)`` and measurements.

    ``fine`` are the same images through :data:`train.scores.texture.CHAIN`.
    """
    figures = table[list(MEASURED)].astype(float).reset_index(drop=True)
    figures = pd.concat([figures, scene_descriptors(images), texture_descriptors(fine)], axis=1)
    if model.info.can("decode"):
        figures = pd.concat([figures, residuals(images, model.decode(latents[:, 0]))], axis=1)
    return Sample(latents, figures, rows)


def residuals(images: np.ndarray, guesses: np.ndarray) -> pd.DataFrame:
    """Residuals of reconstructions, see :class:`Sample`; NaN for blank images."""
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
