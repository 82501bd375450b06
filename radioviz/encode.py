"""The torch doorway: images to latent vectors and back.

Everything else in RadioViz looks, searches and selects without torch. Importing this module
does not import torch either; loading a model does, which takes seconds at the first time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radioviz.data.catalogue import Catalogue, Progress
from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import list_models
from radioviz.paths import trained_folder

if TYPE_CHECKING:
    import torch

BATCH = 256
"""Images a step by default: enough to fill the cores, about 50 MB of activations."""


def _nothing(done: int, total: int, what: str) -> None:
    pass


def _device() -> torch.device:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True, eq=False)
class Encoder:
    """A trained model in memory.

    Everything is float32 and deterministic: the same images give the same bits on the same
    machine, in whatever batches they come. One thread pool, torch's own, does the work.

    Attributes
    ----------
    info : ModelInfo
        What is known of the model.
    module : torch.nn.Module
        The network, in evaluation mode.
    device : torch.device
        The GPU where there is one.
    """

    info: ModelInfo
    module: torch.nn.Module
    device: torch.device

    @classmethod
    def load(cls, name: str, folder: Path | None = None) -> Encoder:
        """Model ``name`` of ``folder`` (default: the shipped ones).

        Raises
        ------
        ModelError
            If there is no such model, or its files are missing, damaged or altered.
        """
        folder = Path(folder) if folder is not None else trained_folder()
        _ = list_models(folder)[name]  # names what there is, where there is no such model
        import torch

        from radioviz.models import weights

        module, info = weights.load(folder / name)
        device = _device()
        module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(info, module.requires_grad_(False), device)

    def encode(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = _nothing
    ) -> np.ndarray:
        """Latent vectors of preprocessed images.

        Parameters
        ----------
        images : numpy.ndarray
            Shape ``(n, size, size)``, 0..1: what ``info.preprocess`` gives.
        batch : int
            Images in memory of the network at a time.
        progress : callable
            Told ``(done, total, what)`` after each batch.

        Returns
        -------
        numpy.ndarray
            Float32, shape ``(n, latent_dim)``.

        Raises
        ------
        ModelError
            If the model does not encode or the images are of another size.
        """
        self._need("encode")
        self._check_images(images)
        out = np.empty((len(images), self.info.latent_dim), np.float32)
        for rows in _batches(len(images), batch):
            out[rows] = self._run("encode", self._images(images[rows]))
            progress(rows.stop, len(images), f"encoding with {self.info.title}")
        return out

    def encode_catalogue(
        self,
        catalogue: Catalogue,
        rows: np.ndarray | None = None,
        batch: int = BATCH,
        progress: Progress = _nothing,
    ) -> np.ndarray:
        """Latent vectors of a Catalogue, or of some rows, streaming: float32 ``(n, d)``.

        Images are preprocessed batch by batch, so memory does not grow with the survey.
        """
        self._need("encode")
        chosen = np.arange(len(catalogue)) if rows is None else np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        out = np.empty((len(chosen), self.info.latent_dim), np.float32)
        for part in _batches(len(chosen), batch):
            images = self.info.preprocess.apply(catalogue, chosen[part], batch)
            out[part] = self._run("encode", self._images(images))
            progress(part.stop, len(chosen), f"encoding with {self.info.title}")
        return out

    def decode(
        self,
        z: np.ndarray,
        conditions: dict[str, Any] | None = None,
        batch: int = BATCH,
        progress: Progress = _nothing,
    ) -> np.ndarray:
        """Images at latent vectors.

        Parameters
        ----------
        z : numpy.ndarray
            Shape ``(n, latent_dim)``.
        conditions : dict, optional
            What the image is asked to be, for models that take it: ``label`` (a class name, or
            ``n`` of them), ``size`` (arcsec, one or ``n``). None for unconditional models.

        Returns
        -------
        numpy.ndarray
            Float32, shape ``(n, size, size)``, 0..1.

        Raises
        ------
        ModelError
            If the model does not decode, does not take a condition, or ``z`` is malformed.
        """
        self._need("decode")
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.info.latent_dim:
            raise ModelError(
                f"model '{self.info.name}': latent vectors have shape {z.shape}; expected "
                f"(n, {self.info.latent_dim})"
            )
        if not np.isfinite(z).all():
            raise ModelError(f"model '{self.info.name}': a latent vector is not finite")
        given = {k: v for k, v in (conditions or {}).items() if v is not None}
        for key in given:
            if not self.info.can({"label": "class"}.get(key, key)):
                raise ModelError(f"model '{self.info.name}' takes no condition '{key}'")
        size = self.info.preprocess.size
        out = np.empty((len(z), size, size), np.float32)
        for rows in _batches(len(z), batch):
            some = {k: v if np.ndim(v) == 0 else v[rows] for k, v in given.items()}
            out[rows] = self._run("decode", self._tensor(z[rows]), **some)[:, 0]
            progress(rows.stop, len(z), f"decoding with {self.info.title}")
        return out

    def reconstruct(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = _nothing
    ) -> np.ndarray:
        """Images through the latent space and back: float32 ``(n, size, size)``, 0..1.

        Raises
        ------
        ModelError
            As :meth:`encode` and :meth:`decode`.
        """
        self._need("encode", "decode")
        self._check_images(images)
        out = np.empty(images.shape, np.float32)
        for rows in _batches(len(images), batch):
            out[rows] = self.decode(self.encode(images[rows], batch), batch=batch)
            progress(rows.stop, len(images), f"reconstructing with {self.info.title}")
        return out

    def to(self, device: str) -> Encoder:
        """The same model on another device (``cpu``, ``cuda``)."""
        import torch

        target = torch.device(device)
        return dataclasses.replace(self, module=self.module.to(target), device=target)

    def _need(self, *capabilities: str) -> None:
        for capability in capabilities:
            if not self.info.can(capability):
                raise ModelError(
                    f"model '{self.info.name}' cannot {capability}; "
                    f"it can {', '.join(self.info.capabilities)}"
                )

    def _check_images(self, images: np.ndarray) -> None:
        size = self.info.preprocess.size
        if images.ndim != 3 or images.shape[1:] != (size, size):
            raise ModelError(
                f"model '{self.info.name}': images have shape {images.shape}; expected "
                f"(n, {size}, {size}), as its preprocessing gives"
            )

    def _images(self, images: np.ndarray) -> torch.Tensor:
        import torch

        batch = self._tensor(images)[:, None]
        return batch.contiguous(memory_format=torch.channels_last)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        import torch

        # A copy: memory-mapped arrays are read-only, which torch cannot express.
        return torch.from_numpy(np.array(values, dtype=np.float32)).to(self.device)

    def _run(self, method: str, x: torch.Tensor, **conditions: Any) -> np.ndarray:
        import torch

        with torch.inference_mode():
            result: np.ndarray = getattr(self.module, method)(x, **conditions).float().cpu().numpy()
        return result


def _batches(n: int, batch: int) -> Iterator[slice]:
    for start in range(0, n, batch):
        yield slice(start, min(start + batch, n))
