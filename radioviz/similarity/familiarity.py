"""How far a galaxy is from those that an encoder learned from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioviz.errors import AtlasError
from radioviz.neighbours import nearest_of

NEIGHBOURS = 5
UNUSUAL, FAR = 0.95, 0.99
"""Shares of held-out galaxies that are nearer: above the first a galaxy is unusual to an encoder,
and no class is given; above the second the encoder is out of its depth."""

LEARNED = "learned.safetensors"
"""Beside the weights of an encoder over several surveys: latents of what it learned from."""

_BLOCK = 1024
_SAME = 1e-3  # of the spread of all: the galaxy itself, or the same image


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Galaxies an encoder learned from, and how near to them others of their surveys are."""

    learned: np.ndarray  # float32, shape ``(n, d)``: latents of the training galaxies
    # Float64, shape ``(m,)``, ascending: distances of held-out galaxies of the same surveys.
    held_out: np.ndarray

    def distances(self, latents: np.ndarray) -> np.ndarray:
        """Mean distance to the five nearest training galaxies, without the galaxy itself.

        ``latents`` has shape ``(k, d)``; the result is float64 of shape ``(k,)``.
        """
        points = np.asarray(latents, np.float32)
        itself = _SAME * np.sqrt(np.var(self.learned, axis=0).sum())
        out = np.empty(len(points))
        for start in range(0, len(points), _BLOCK):
            part = slice(start, start + _BLOCK)
            squared, _ = nearest_of(self.learned, points[part], NEIGHBOURS + 1)
            near = np.sqrt(np.sort(squared, axis=1))
            out[part] = np.where(
                near[:, 0] < itself, near[:, 1:].mean(axis=1), near[:, :-1].mean(axis=1)
            )
        return out

    def share_nearer(self, latents: np.ndarray) -> np.ndarray:
        """Share of held-out galaxies that are nearer to the training galaxies; 0 to 1."""
        found = np.searchsorted(self.held_out, self.distances(latents)) / len(self.held_out)
        return np.where(np.isfinite(latents).all(axis=1), found, np.nan)


def familiarity(train: np.ndarray, held_out: np.ndarray) -> Familiarity:
    """Compare held-out galaxies with training galaxies.

    ``train``, ``held_out``: latents, shapes ``(n, d)`` and ``(m, d)``; galaxies of the same
    surveys. Raises AtlasError if there are too few of either to compare.
    """
    train, held_out = np.asarray(train, np.float32), np.asarray(held_out, np.float32)
    if len(train) <= NEIGHBOURS or len(held_out) < 20:
        raise AtlasError(
            f"{len(train)} training and {len(held_out)} held-out galaxies are too few to say what "
            f"is far from them; at least {NEIGHBOURS + 1} and 20 are needed"
        )
    known = Familiarity(train, np.empty(0))
    return Familiarity(train, np.sort(known.distances(held_out)))


def stored_familiarity(file: Path, weights_sha256: str) -> Familiarity | None:
    """:func:`familiarity` of the latents in :data:`LEARNED`; None without the file.

    Raises AtlasError if the file is damaged, or of other weights.
    """
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="np") as stored:
            made_by = (stored.metadata() or {}).get("weights_sha256", "")
            train, valid = stored.get_tensor("train"), stored.get_tensor("valid")
    except (OSError, SafetensorError) as error:
        raise AtlasError(f"{file} is damaged ({error}); restore it from the release") from error
    if made_by != weights_sha256:
        raise AtlasError(
            f"{file} is of other weights ({made_by[:12]}) than the model ({weights_sha256[:12]}); "
            "make it again by python -m train learned"
        )
    return familiarity(train, valid)
