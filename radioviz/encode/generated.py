"""Generated galaxies, and all that is needed to make them again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.encode.generation_request import GenerationRequest


@dataclass(frozen=True, eq=False)
class GeneratedGalaxies:
    """Generated galaxies and all that is needed to make them again.

    Attributes
    ----------
    images : numpy.ndarray
        Float32, shape ``(n, size, size)``, 0..1, in FITS orientation.
    latents : numpy.ndarray
        Float32, shape ``(n, latent_dim)``.
    labels : tuple of str
        Class that each was asked to be; empty strings for models without classes.
    sizes : numpy.ndarray
        Float32 ``(n,)``, arcsec: angular size that each was asked to have; NaN without sizes.
    indices : numpy.ndarray
        Int64 ``(n,)``: place of each in the sequence of its seed.
    request : GenerationRequest
    model, weights_sha256 : str
        The model, and the hash of its weights.
    """

    images: np.ndarray
    latents: np.ndarray
    labels: tuple[str, ...]
    sizes: np.ndarray
    indices: np.ndarray
    request: GenerationRequest
    model: str
    weights_sha256: str

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Sequence[int] | np.ndarray) -> GeneratedGalaxies:
        """Some of them, by position or mask."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        return dataclasses.replace(
            self,
            images=self.images[chosen],
            latents=self.latents[chosen],
            labels=tuple(self.labels[i] for i in chosen),
            sizes=self.sizes[chosen],
            indices=self.indices[chosen],
        )

    def conditions(self) -> list[dict[str, Any]]:
        """Class and size of each, as drawn where the request left them open."""
        out: list[dict[str, Any]] = []
        for label, size in zip(self.labels, self.sizes, strict=True):
            condition: dict[str, Any] = {"class": label} if label else {}
            if np.isfinite(size):
                condition["size"] = float(size)
            out.append(condition)
        return out
