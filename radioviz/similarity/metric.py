"""Whitened cosine similarity.

Galaxies differ strongly along some latent axes (size, brightness of the core) and little along
others, which hold detail. The plain cosine depends mostly on the former, and on the arbitrary
origin. Whitening moves the origin to the mean and equalises the weights of the axes
(Jegou & Chum 2012, "Negative evidences and co-occurences in image retrieval"),

    y = (x - m) V diag(s)^-p,

with ``V`` and ``s`` the principal axes of a reference set and their standard deviations, and ``p``
between 0 (only rotated and centred) and 1 (all axes of unit variance). No labels are used.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioviz.errors import SimilarityError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.similarity.approximate import whitened_file
from radioviz.similarity.index import LatentIndex, inverse_norms
from radioviz.store.mapped import mapped_rows


@dataclass(frozen=True, eq=False)
class Whitening:
    """A linear map of latents, fitted on a reference data set."""

    centre: np.ndarray  # float32, shape ``(d,)``
    matrix: np.ndarray  # float32, shape ``(d, k)``

    @classmethod
    def of(
        cls, latents: np.ndarray, *, components: int | None = None, power: float = 0.5
    ) -> Whitening:
        """Fit to reference latents of shape ``(n, d)``; rows that are not finite are left out.

        ``components``: principal axes to keep, by default all that the latents span; ``power``:
        from 0 to 1, as above. Raises SimilarityError if there are fewer than two usable latents, or
        a parameter is invalid.
        """
        if not 0 <= power <= 1:
            raise SimilarityError(f"a whitening of power {power}; expected 0 to 1")
        if components is not None and components < 1:
            raise SimilarityError(f"a whitening onto {components} axes; expected 1 or more")
        x = np.asarray(latents, dtype=np.float64)
        if x.ndim != 2:
            raise SimilarityError(f"latents of shape {x.shape} to be whitened; expected (n, d)")
        x = x[np.isfinite(x).all(axis=1)]
        if len(x) < 2:
            raise SimilarityError(
                f"{len(x)} usable latents to learn a whitening from; expected 2 or more"
            )
        centre = x.mean(axis=0)
        covariance = (x - centre).T @ (x - centre) / (len(x) - 1)
        variances, axes = np.linalg.eigh(covariance)
        variances, axes = variances[::-1], axes[:, ::-1]
        # An axis without variance would be scaled up to noise.
        kept = int((variances > 1e-10 * max(variances[0], 1e-300)).sum())
        kept = max(1, min(kept, components or kept))
        scale = np.maximum(variances[:kept], 1e-300) ** (-power / 2)
        return cls(centre.astype(np.float32), (axes[:, :kept] * scale).astype(np.float32))

    @classmethod
    def of_classes(
        cls, latents: np.ndarray, labels: np.ndarray, *, shrinkage: float = 0.02
    ) -> Whitening:
        """Axes that separate labelled classes: Fisher's linear discriminants.

        Latents are whitened by the mean covariance *within* a class, then projected onto the
        ``classes - 1`` directions that separate the class means (Fisher 1936; Rao 1948). Scores
        then follow the labels, so evaluate them on other galaxies.

        Parameters
        ----------
        latents, labels : numpy.ndarray
            Shapes ``(n, d)`` and ``(n,)``; rows with an empty label are left out.
        shrinkage : float
            Share of the covariance, above 0 and up to 1, replaced by its mean variance so that
            few galaxies suffice to invert it (Ledoit & Wolf 2004).

        Raises
        ------
        SimilarityError
            If fewer than two classes have two usable latents each.
        """
        if not 0 < shrinkage <= 1:
            raise SimilarityError(f"a shrinkage of {shrinkage}; expected above 0 and up to 1")
        x, names = np.asarray(latents, dtype=np.float64), np.asarray(labels, dtype=object)
        known = np.isfinite(x).all(axis=1) & (names != "")
        x, names = x[known], names[known]
        groups = [x[names == c] for c in sorted(set(names.tolist()))]
        groups = [g for g in groups if len(g) > 1]
        if len(groups) < 2:
            raise SimilarityError(
                f"{len(groups)} classes with two or more usable latents; axes that separate "
                "classes need at least two"
            )
        means = np.stack([g.mean(axis=0) for g in groups])
        inside = sum((g - m).T @ (g - m) for g, m in zip(groups, means, strict=True))
        inside = inside / sum(len(g) for g in groups)
        d = x.shape[1]
        inside = (1 - shrinkage) * inside + shrinkage * np.trace(inside) / d * np.eye(d)
        variances, axes = np.linalg.eigh(inside)
        white = axes / np.sqrt(np.maximum(variances, 1e-300))
        centre = means.mean(axis=0)
        _, _, directions = np.linalg.svd((means - centre) @ white, full_matrices=False)
        matrix = white @ directions[: len(groups) - 1].T
        return cls(centre.astype(np.float32), matrix.astype(np.float32))

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Whitened latents, float32: shape ``(..., d)`` becomes ``(..., k)``.

        Raises SimilarityError if the latents have another number of dimensions.
        """
        x = np.asarray(latents, dtype=np.float32)
        if x.shape[-1] != len(self.centre):
            raise SimilarityError(
                f"latents of {x.shape[-1]} dimensions under a whitening of {len(self.centre)}; "
                "they must come from one model"
            )
        return (x - self.centre) @ self.matrix

    @property
    def digest(self) -> str:
        """Hash of the map, in hexadecimal."""
        content = self.centre.tobytes() + self.matrix.tobytes()
        return hashlib.blake2b(content, digest_size=8).hexdigest()

    def index(
        self, index: LatentIndex, folder: Path | None = None, progress: Progress = no_progress
    ) -> LatentIndex:
        """The same sources with whitened latents.

        ``folder``: where to write latents that are too large for the memory; ``progress``: called
        as ``progress(done, total, what)`` while they are written. Raises SimilarityError if the
        folder cannot be written.
        """
        if index.large and folder is not None:
            path = folder / f"latents-{self.digest}.npy"
            mapped = whitened_file(index.latents, self, path, progress)
            return self._with_latents(index, mapped)
        return self._with_latents(index, mapped_rows(self, index.latents, self.matrix.shape[1]))

    def _with_latents(self, index: LatentIndex, latents: np.ndarray) -> LatentIndex:
        # Latents without a direction stay unusable, although they differ from the mean.
        inverse = np.where(index.inverse_norms == 0, np.float32(0), inverse_norms(latents))
        return dataclasses.replace(index, latents=latents, inverse_norms=inverse, approximate=None)
