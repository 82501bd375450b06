"""Scene of an image: position, islands and sharpness of its light.

For preprocessed images: peak 1, noise clipped to 0, a few pixels per beam, the source in the
middle. No network is involved, so these detect what a latent vector does not encode.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FAINT = 0.01  # of the peak; brighter pixels are lit
CENTRE = 0.25  # of the side; a source should lie within this radius


def scene_descriptors(images: np.ndarray) -> pd.DataFrame:
    """Descriptors of preprocessed images ``(n, size, size)``; NaN for blank images.

    ``centroid``: distance of the centre of light from the middle, in sides of the image.
    ``peak_offset``: the same for the brightest pixel.
    ``step``: largest difference of neighbouring pixels, which the beam limits.
    ``islands``: separate islands of light. ``island_area``: their median area in pixels.
    ``outside``: share of light outside the brightest island.
    ``rim``: share of lit pixels further than a quarter of the side from the middle.
    ``lit``: share of pixels with light. ``filled``: mean brightness of lit pixels.
    """
    from scipy import ndimage

    n, ny, nx = images.shape
    y, x = np.indices((ny, nx))
    y, x = (y - (ny - 1) / 2) / ny, (x - (nx - 1) / 2) / nx
    radius = np.hypot(x, y)
    light = images.sum((1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        centroid = np.hypot((images * x).sum((1, 2)) / light, (images * y).sum((1, 2)) / light)
    lit = images > FAINT
    step = np.maximum(
        np.abs(np.diff(images, axis=1)).max((1, 2)), np.abs(np.diff(images, axis=2)).max((1, 2))
    )
    rows = []
    for image, where in zip(images, lit, strict=True):
        labels, count = ndimage.label(where, np.ones((3, 3)))
        if not count:
            rows.append((np.nan, 0, np.nan, np.nan, np.nan, np.nan))
            continue
        areas = np.bincount(labels.ravel())[1:]
        sums = np.bincount(labels.ravel(), image.ravel())[1:]
        rows.append(
            (
                radius.flat[int(image.argmax())],
                count,
                np.median(areas),
                1 - sums.max() / sums.sum(),
                (where & (radius > CENTRE)).sum() / where.sum(),
                image[where].mean(),
            )
        )
    names = ["peak_offset", "islands", "island_area", "outside", "rim", "filled"]
    table = pd.DataFrame(np.array(rows, float).reshape(n, len(names)), columns=names)
    return table.assign(centroid=centroid, step=step, lit=lit.mean((1, 2)))
