"""Class probabilities of images: the FR classifier behind the torch doorway."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.encode.encoder import BATCH, Encoder
from radioviz.errors import ModelError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import list_models

if TYPE_CHECKING:
    import torch


def default_classifier(folder: Path | None = None) -> str:
    """Name of the classifier that does best on validation.

    Raises
    ------
    ModelError
        If there is no classifier.
    """
    found = list_models(folder).with_capability("classify", "features")
    if not found:
        raise ModelError(
            "no model here classifies; train one with: python -m train classifier --run frcnn"
        )
    # "nll" rather than accuracy, because the app shows probabilities.
    return min(found, key=lambda name: (found[name].scores.get("nll.valid", np.inf), name))


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained classifier in memory: calibrated probabilities, and the features behind them.

    Attributes
    ----------
    encoder : Encoder
        The model in memory and its device.
    """

    encoder: Encoder

    @classmethod
    def load(cls, name: str = "", folder: Path | None = None) -> Classifier:
        """Load classifier ``name`` from ``folder``; by default :func:`default_classifier`.

        Raises
        ------
        ModelError
            If the model does not exist, cannot classify, or its files are damaged.
        """
        encoder = Encoder.load(name or default_classifier(folder), folder)
        encoder.require("classify")
        return cls(encoder)

    @property
    def info(self) -> ModelInfo:
        """Name, capabilities, preprocessing and hash of the model."""
        return self.encoder.info

    @property
    def module(self) -> torch.nn.Module:
        """The network; called with images ``(n, 1, size, size)`` it gives calibrated logits."""
        return self.encoder.module

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return tuple(self.info.architecture["classes"])

    def predict_proba(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """Calibrated p(class | image): float32 ``(n, k)``, rows sum to 1.

        Parameters
        ----------
        images : numpy.ndarray
            Shape ``(n, size, size)``, 0..1, as returned by ``info.preprocess``.

        Raises
        ------
        ModelError
            If the images have another size.
        """
        k = len(self.classes)
        return self.encoder.map_images("probabilities", images, k, self._what, batch, progress)

    def features(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """Input of the last layer: float32 ``(n, d)`` with d at most 64.

        Raises
        ------
        ModelError
            If the images have another size.
        """
        d = self.info.latent_dim
        return self.encoder.map_images("features", images, d, self._what, batch, progress)

    def classify_catalogue(
        self, catalogue: Catalogue, rows: np.ndarray | None = None, progress: Progress = no_progress
    ) -> np.ndarray:
        """Probabilities of a Catalogue, or of some rows, preprocessed batch by batch: ``(n, k)``.

        NaN for blank images.
        """
        chosen = np.arange(len(catalogue)) if rows is None else np.asarray(rows)
        out = np.empty((len(chosen), len(self.classes)), np.float32)
        for part, images in self.encoder.preprocessed(catalogue, chosen, BATCH):
            out[part] = self.predict_proba(images)
            out[part][images.max(axis=(1, 2), initial=0) <= 0] = np.nan
            progress(part.stop, len(chosen), self._what)
        return out

    @property
    def _what(self) -> str:
        return f"classifying with {self.info.title}"
