"""The eight views of an image, for searches that do not depend on position angle or parity."""

from __future__ import annotations

import numpy as np

VIEWS = 8


def dihedral_views(images: np.ndarray) -> np.ndarray:
    """Every image turned by 0, 90, 180 and 270 degrees, as it is and mirrored.

    None of them resamples, so an encoder sees the same pixels in other places. The results
    of a search share the inclination of the query (Andrianomena & Tang 2023, Figs. 8 and 9);
    with the best of these eight views they need not.

    Parameters
    ----------
    images : numpy.ndarray
        Shape ``(n, s, s)``.

    Returns
    -------
    numpy.ndarray
        Shape ``(n, 8, s, s)``; view 0 is the image itself.
    """
    turned = [np.rot90(images, k, axes=(1, 2)) for k in range(4)]
    return np.stack([*turned, *(view[:, :, ::-1] for view in turned)], axis=1)
