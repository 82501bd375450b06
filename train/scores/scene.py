"""What an image looks like as a whole: where its light is, in how many pieces, how sharp.

Made for images of the common chain: peak 1, noise clipped to 0, a few pixels a beam, the source in
the middle. No network is asked, so these see what a latent vector has no room for.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FAINT = 0.01  # of the peak: what counts as light
CENTRE = 0.25  # of the side: radius within which a source should be


def described(images: np.ndarray) -> pd.DataFrame:
    """Descriptors of preprocessed images ``(n, size, size)``; blank images give NaN.

    ``centroid``: distance of the centre of light from the middle, in sides of the image.
    ``peak_offset``: the same of the brightest pixel.
    ``step``: largest difference of neighbouring pixels; a beam allows only so much.
    ``islands``: separate pieces of light. ``island_area``: their median area in pixels.
    ``outside``: share of light that is not in the largest piece.
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
