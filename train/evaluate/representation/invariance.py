"""Invariance of features under rotations and mirroring of the sky."""

from __future__ import annotations

import numpy as np

from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from train.core.augment import Augment

ANGLES = (30.0, 45.0, 90.0, 180.0)


def cosines(encoder: Encoder, split: str = "test", key: str = "first") -> dict[str, np.ndarray]:
    """Cosine between features of galaxies and of their rotated or mirrored images.

    Features are centred by their mean over the galaxies, since their common part would make any two
    similar. ``others``: the same between each galaxy and another one, as a reference.

    Returns ``turn_30``, ..., ``mirror``, ``others`` to an array of shape ``(n,)``.
    """
    catalogue = open_data_set(key)
    rows = np.flatnonzero(catalogue.table["split"].to_numpy() == split)
    chain = encoder.info.preprocess
    # With a margin, so that a rotated square contains sky.
    padded = Augment(shift=0.0).padded(chain).apply(catalogue, rows)
    full = padded.max(axis=(1, 2)) > 0
    padded = padded[full]
    upright = encoder.encode(_rotated(padded, 0.0, chain.size))
    middle = upright.mean(axis=0)
    others = np.roll(np.arange(len(padded)), 1)
    out = {
        f"turn_{angle:.0f}": _cosine(
            upright - middle, encoder.encode(_rotated(padded, angle, chain.size)) - middle
        )
        for angle in ANGLES
    }
    mirrored = encoder.encode(_rotated(padded[:, :, ::-1], 0.0, chain.size))
    out["mirror"] = _cosine(upright - middle, mirrored - middle)
    out["others"] = _cosine(upright - middle, upright[others] - middle)
    return out


def _rotated(padded: np.ndarray, degrees: float, size: int) -> np.ndarray:
    from scipy.ndimage import rotate

    found = padded if not degrees else rotate(padded, degrees, (2, 1), reshape=False, order=3)
    margin = (found.shape[1] - size) // 2
    inner = np.clip(found[:, margin : margin + size, margin : margin + size], 0, None)
    peak = inner.max(axis=(1, 2), keepdims=True)
    result: np.ndarray = (inner / np.where(peak > 0, peak, 1)).astype(np.float32)
    return result


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    result: np.ndarray = (a * b).sum(axis=1) / np.maximum(norm, 1e-12)
    return result
