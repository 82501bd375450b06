"""Galaxies as an encoder would see them without the emission of other sources."""

from __future__ import annotations

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.encode.encoder import Encoder
from radioviz.errors import ModelError
from radioviz.morphology.measuring import (
    boxes_of_found,
    extent,
    listed_neighbours,
    neighbours_of,
    stated_noise,
)
from radioviz.morphology.noise import is_shifted, measure_noise
from radioviz.morphology.sources import grow


def sources_alone(catalogue: Catalogue, rows: np.ndarray) -> Catalogue:
    """Rows of a Catalogue, the pixels of other sources and one around them at the background.

    Which pixels are of other sources is as measured sizes have it, in the plane in use. Raises
    CatalogueError if a galaxy has no image in it.
    """
    rows = np.asarray(rows, dtype=np.int64)
    catalogue.require_images(rows)
    images = np.stack([np.array(catalogue.images[row]) for row in rows])
    raw, rms = catalogue.info.raw, stated_noise(catalogue)
    boxes, others = boxes_of_found(catalogue), listed_neighbours(catalogue, rows)
    shifted = not raw and is_shifted(catalogue.images)
    for image, row in zip(images, rows.tolist(), strict=True):
        info, stated = catalogue.info_of(row), float(rms[row])
        found = extent(
            image, info.pixel_scale, info.beam, raw, shifted=shifted, rms=stated,
            box=float(boxes[row]), others=neighbours_of(row, others),
        )  # fmt: skip
        noise = measure_noise(image, raw, shifted, stated)
        image[grow(found.others) & ~found.mask] = noise.background
    table = catalogue.table.iloc[rows].reset_index(drop=True)
    return Catalogue(catalogue.info, table, images)


def latents_alone(
    encoder: Encoder, catalogue: Catalogue, rows: np.ndarray, rotated: bool = False
) -> np.ndarray:
    """Latents of galaxies without other sources, ``(n, r, d)``; of the eight views if ``rotated``.

    Raises ModelError if the model sees several images of a source: masks are of one.
    """
    if channels := encoder.info.channels:
        raise ModelError(
            f"model '{encoder.info.name}' sees {len(channels)} images of a source, and what "
            "belongs to it is known in one; choose another encoder"
        )
    seen = catalogue
    if encoder.info.outside == "keep":  # others mask by themselves, with what they know of all rows
        seen, rows = sources_alone(catalogue, rows), np.arange(len(rows))
    if rotated:
        return encoder.encode_views(seen, rows)
    return encoder.encode(encoder.preprocessed_rows(seen, rows))[:, None]
