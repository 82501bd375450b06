"""The eight views of an image by quarter turns and mirroring."""

from __future__ import annotations

import numpy as np


def dihedral_views(images: np.ndarray) -> np.ndarray:
    """Every image rotated by 0, 90, 180 and 270 degrees, as it is and mirrored.

    None of them resamples, so an encoder sees the same pixels in other places. Search results
    share the position angle of the query (Andrianomena & Tang 2023, Figs. 8 and 9), unless the
    best of these eight views counts.

    ``images``: shape ``(n, ..., s, s)``. Returns an array of shape ``(n, 8, ..., s, s)``; view 0 is
    the image itself.
    """
    rotated = [np.rot90(images, k, axes=(-2, -1)) for k in range(4)]
    return np.stack([*rotated, *(view[..., ::-1] for view in rotated)], axis=1)
