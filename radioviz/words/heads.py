"""Learned tags: small logistic heads on the latents of an encoder and on measured columns.

``trained/tags/<encoder>.safetensors`` holds, for ``k`` tags, ``d`` latents and ``s`` measured
columns, plain arrays:

===========  ==================================================================
``centre``   float32 ``(d + s,)``, mean of each feature over the training rows
``scale``    float32 ``(d + s,)``, one over its spread and the root of its kind's number
``filled``   float32 ``(s,)``, median of each measured column, where one is unknown
``weights``  float32 ``(k, d + s)``
``offset``   float32 ``(k,)``
===========  ==================================================================

and, as JSON in its metadata, the tags, the columns, the encoder's hash, and what it learned from.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import VocabularyError
from radioviz.paths import trained_folder

ARRAYS = ("centre", "scale", "filled", "weights", "offset")
COLUMNS = (
    "bending_angle", "bow", "twist", "arm_length_ratio", "arm_flux_ratio", "core_fraction",
    "edge_brightness", "hot_spot_fraction", "cross_extent", "off_axis_flux", "off_axis_peak",
    "hollowness", "n_peaks", "axis_ratio", "concentration", "n_components", "n_unrelated",
    "las_measured", "snr",
)  # fmt: skip
"""Measured columns that heads, and rankers of the reader's own words, see beside latents."""
CALIBRATED = "FIRST"
"""The survey for which probabilities are calibrated."""
BLOCK = 16_384


@dataclass(frozen=True, eq=False)
class Heads:
    """Heads of one encoder; the arrays are those of the module's table."""

    # encoder, weights_sha256: the encoder whose latents they see, and the hash of its weights
    encoder: str
    weights_sha256: str
    tags: tuple[str, ...]  # columns of the vocabulary, ``k``
    columns: tuple[str, ...]  # measured columns, ``s``
    arrays: Mapping[str, np.ndarray]
    # What they learned from, for each tag: ``n``, ``positives``, ``labels``.
    about: Mapping[str, Any] = field(default_factory=dict)

    def probabilities(
        self, latents: np.ndarray, measured: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Probability of each tag, float32 ``(n,)``; NaN where latents are not finite.

        ``latents``: ``(n, d)``, may be memory-mapped; ``measured``: :data:`columns` by name, each
        ``(n,)``.
        """
        n, d = latents.shape
        if d + len(self.columns) != self.arrays["weights"].shape[1]:
            raise VocabularyError(
                f"latents have {d} dimensions; the tags of '{self.encoder}' were trained on "
                f"{self.arrays['weights'].shape[1] - len(self.columns)}"
            )
        out = np.empty((len(self.tags), n), np.float32)
        for start in range(0, n, BLOCK):
            part = slice(start, start + BLOCK)
            here = {c: np.asarray(measured[c][part], np.float64) for c in self.columns}
            x = np.hstack([
                np.asarray(latents[part], np.float32), measured_features(here, self.columns,
                                                                         self.arrays["filled"]),
            ])  # fmt: skip
            x = (x - self.arrays["centre"]) * self.arrays["scale"]
            odds = x @ self.arrays["weights"].T + self.arrays["offset"]
            out[:, part] = (1 / (1 + np.exp(-np.clip(odds, -30, 30)))).T
        return dict(zip(self.tags, out, strict=True))


def spreads(features: np.ndarray, d: int) -> np.ndarray:
    """What features ``(n, d + s)`` are divided by, ``(d + s,)``: their standard deviations.

    That of a latent is at least a twentieth of the median one: some hardly vary in one survey, and
    would drown all others in another survey, where they do.
    """
    spread = features.std(axis=0)
    spread[:d] = np.maximum(spread[:d], 0.05 * np.median(spread[:d]))
    result: np.ndarray = np.maximum(spread, 1e-6)
    return result


def measured_features(
    columns: Mapping[str, np.ndarray], names: tuple[str, ...], filled: np.ndarray
) -> np.ndarray:
    """Measured columns as features, float32 ``(n, s)``: logarithms, with gaps filled."""
    x = np.stack([np.asarray(columns[name], np.float64) for name in names], axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        x = np.sign(x) * np.log1p(np.abs(x))
    return np.where(np.isfinite(x), x, filled).astype(np.float32)


def heads_file(encoder: str) -> Path:
    """Where the heads of an encoder are."""
    return trained_folder() / "tags" / f"{encoder}.safetensors"


def read_heads(encoder: str, weights_sha256: str = "") -> Heads | None:
    """Heads of an encoder; None if there are none, or they belong to other weights.

    Raises VocabularyError if the file is damaged.
    """
    path = heads_file(encoder)
    if not path.is_file():
        return None
    heads = _heads(path, path.stat().st_mtime_ns)
    return heads if weights_sha256 in ("", heads.weights_sha256) else None


@functools.lru_cache(maxsize=4)
def _heads(path: Path, stamp: int) -> Heads:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as opened:
            about = json.loads((opened.metadata() or {})["tags"])
            arrays = {name: opened.get_tensor(name) for name in ARRAYS}
        k, width = arrays["weights"].shape
        columns, tags = tuple(about["columns"]), tuple(about["tags"])
        shapes = {"centre": (width,), "scale": (width,), "filled": (len(columns),), "offset": (k,)}
        if any(arrays[n].shape != s for n, s in shapes.items()) or len(tags) != k:
            raise ValueError("arrays of unequal lengths")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise VocabularyError(
            f"{path} is damaged ({error}); make it again with: python -m train tags"
        ) from error
    return Heads(
        str(about["encoder"]), str(about["weights_sha256"]), tags, columns, arrays,
        dict(about.get("learned", {})),
    )  # fmt: skip


def write_heads(heads: Heads, path: Path) -> None:
    """Write heads, in one atomic step."""
    from safetensors.numpy import save_file

    from radioviz.paths import make_folder
    from radioviz.store.atomic import atomic_file

    about = {
        "encoder": heads.encoder, "weights_sha256": heads.weights_sha256,
        "tags": list(heads.tags), "columns": list(heads.columns), "learned": dict(heads.about),
    }  # fmt: skip
    make_folder(path.parent)
    arrays = {n: np.ascontiguousarray(heads.arrays[n], np.float32) for n in ARRAYS}
    with atomic_file(path) as scratch:
        save_file(arrays, str(scratch), metadata={"tags": json.dumps(about)})
