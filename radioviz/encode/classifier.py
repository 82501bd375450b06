"""Class probabilities of images: the FR classifier behind the torch doorway."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioviz.data.catalogue import Catalogue, Progress
from radioviz.encode.encoder import BATCH, Encoder, no_progress
from radioviz.encode.inference_lock import inference
from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import list_models

if TYPE_CHECKING:
    import torch


def default_classifier(folder: Path | None = None) -> str:
    """Name of the classifier to use where none is asked for: best on validation.

    Raises
    ------
    ModelError
        If no model here classifies.
    """
    found = list_models(folder).with_capability("classify", "features")
    if not found:
        raise ModelError(
            "no model here classifies; train one with: python -m train classifier --run frcnn"
        )
    # "nll" rather than accuracy: what is shown is a probability.
    return min(found, key=lambda name: (found[name].scores.get("nll.valid", np.inf), name))


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained classifier in memory: calibrated probabilities, and the features behind them.

    Attributes
    ----------
    encoder : Encoder
        The model in memory, its batches and its device.
    """

    encoder: Encoder

    @classmethod
    def load(cls, name: str = "", folder: Path | None = None) -> Classifier:
        """Classifier ``name`` of ``folder``; by default :func:`default_classifier`.

        Raises
        ------
        ModelError
            If there is no such model, it does not classify, or its files are damaged.
        """
        encoder = Encoder.load(name or default_classifier(folder), folder)
        encoder.require("classify")
        return cls(encoder)

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
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
            Shape ``(n, size, size)``, 0..1: what ``info.preprocess`` gives.

        Raises
        ------
        ModelError
            If the images are of another size.
        """
        out = np.empty((len(images), len(self.classes)), np.float32)
        self._run("probabilities", images, out, batch, progress)
        return out

    def features(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """What the last layer sees: float32 ``(n, d)`` with d at most 64.

        Raises
        ------
        ModelError
            If the images are of another size.
        """
        out = np.empty((len(images), self.info.latent_dim), np.float32)
        self._run("features", images, out, batch, progress)
        return out

    def classify_catalogue(
        self, catalogue: Catalogue, rows: np.ndarray | None = None, progress: Progress = no_progress
    ) -> np.ndarray:
        """Probabilities of a Catalogue, or of some rows, preprocessed batch by batch: ``(n, k)``.

        NaN for images that are blank, of which nothing can be said.
        """
        chosen = np.arange(len(catalogue)) if rows is None else np.asarray(rows)
        out = np.empty((len(chosen), len(self.classes)), np.float32)
        for start in range(0, len(chosen), BATCH):
            part = slice(start, min(start + BATCH, len(chosen)))
            images = self.info.preprocess.apply(catalogue, chosen[part], BATCH)
            out[part] = self.predict_proba(images)
            out[part][images.max(axis=(1, 2), initial=0) <= 0] = np.nan
            progress(part.stop, len(chosen), f"classifying with {self.info.title}")
        return out

    def to(self, device: str) -> Classifier:
        """The same classifier on another device (``cpu``, ``cuda``)."""
        return dataclasses.replace(self, encoder=self.encoder.to(device))

    def _run(
        self, method: str, images: np.ndarray, out: np.ndarray, batch: int, progress: Progress
    ) -> None:
        import torch

        size = self.info.preprocess.size
        if images.ndim != 3 or images.shape[1:] != (size, size):
            raise ModelError(
                f"model '{self.info.name}': images have shape {images.shape}; expected "
                f"(n, {size}, {size}), as its preprocessing gives"
            )
        for start in range(0, len(images), batch):
            part = slice(start, min(start + batch, len(images)))
            # A copy: memory-mapped arrays are read-only, which torch cannot express.
            x = torch.from_numpy(np.array(images[part], dtype=np.float32))[:, None]
            x = x.to(self.encoder.device).contiguous(memory_format=torch.channels_last)
            with inference():
                out[part] = getattr(self.module, method)(x).float().cpu().numpy()
            progress(part.stop, len(images), f"classifying with {self.info.title}")
