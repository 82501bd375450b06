"""Images to latent vectors and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radioviz.data.catalogue import Catalogue, Progress
from radioviz.encode.inference_lock import inference
from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import model_folder

if TYPE_CHECKING:
    import torch

BATCH = 256
"""Images a step by default: enough to fill the cores, about 50 MB of activations."""


def no_progress(done: int, total: int, what: str) -> None:
    """Progress that nobody watches."""


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
        """Model ``name`` of ``folder`` (default: the shipped ones, then the user's).

        Raises
        ------
        ModelError
            If there is no such model, or its files are missing, damaged or altered.
        """
        where = model_folder(name, folder)
        import torch

        from radioviz.models import weights

        module, info = weights.load(where)
        device = _device()
        module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(info, module.requires_grad_(False), device)

    def encode(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
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
        self.require("encode")
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
        progress: Progress = no_progress,
    ) -> np.ndarray:
        """Latent vectors of a Catalogue, or of some rows, streaming: float32 ``(n, d)``.

        Images are preprocessed batch by batch, so memory does not grow with the survey.
        """
        self.require("encode")
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
        progress: Progress = no_progress,
        *,
        draft: bool = False,
    ) -> np.ndarray:
        """Images at latent vectors.

        Parameters
        ----------
        z : numpy.ndarray
            Shape ``(n, latent_dim)``.
        conditions : dict, optional
            What the image is asked to be, for models that take it: ``label`` (a class name, or
            ``n`` of them), ``size`` (arcsec, one or ``n``). None for unconditional models.
        draft : bool
            True for what a small picture needs, in a third of the time: the mean image of a
            model that draws detail on it, half precision where a model is deep and the processor
            fast in it; the same as ever for other models.

        Returns
        -------
        numpy.ndarray
            Float32, shape ``(n, size, size)``, 0..1.

        Raises
        ------
        ModelError
            If the model does not decode, does not take a condition, or ``z`` is malformed.
        """
        self.require("decode")
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.info.latent_dim:
            raise ModelError(
                f"model '{self.info.name}': latent vectors have shape {z.shape}; expected "
                f"(n, {self.info.latent_dim})"
            )
        if not np.isfinite(z).all():
            raise ModelError(f"model '{self.info.name}': a latent vector is not finite")
        given = dict(conditions or {})
        label, asked = condition_tensors(
            self, len(z), given.pop("label", None), given.pop("size", None)
        )
        if given:
            raise ModelError(f"condition '{next(iter(given))}' is unknown; expected label or size")
        tensors = {k: v for k, v in (("label", label), ("size", asked)) if v is not None}
        size = self.info.preprocess.size
        method = "draft" if draft and hasattr(self.module, "draft") else "decode"
        out = np.empty((len(z), size, size), np.float32)
        for rows in _batches(len(z), batch):
            some = {k: v[rows] for k, v in tensors.items()}
            out[rows] = self._run(method, self._tensor(z[rows]), **some)[:, 0]
            progress(rows.stop, len(z), f"decoding with {self.info.title}")
        return out

    def reconstruct(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """Images through the latent space and back: float32 ``(n, size, size)``, 0..1.

        Through all levels of latent variables, where the model has more than that of its latent
        vector; :meth:`decode` of :meth:`encode` goes through the latent vector alone.

        Raises
        ------
        ModelError
            As :meth:`encode` and :meth:`decode`.
        """
        self.require("encode", "decode")
        self._check_images(images)
        out = np.empty(images.shape, np.float32)
        for rows in _batches(len(images), batch):
            if hasattr(self.module, "reconstruct"):
                out[rows] = self._run("reconstruct", self._images(images[rows]))[:, 0]
            else:
                out[rows] = self.decode(self.encode(images[rows], batch), batch=batch)
            progress(rows.stop, len(images), f"reconstructing with {self.info.title}")
        return out

    def to(self, device: str) -> Encoder:
        """The same model on another device (``cpu``, ``cuda``)."""
        import torch

        target = torch.device(device)
        return dataclasses.replace(self, module=self.module.to(target), device=target)

    def require(self, *capabilities: str) -> None:
        """Raise ModelError if the model cannot do all of these."""
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
        with inference():
            result: np.ndarray = getattr(self.module, method)(x, **conditions).float().cpu().numpy()
        return result


def _batches(n: int, batch: int) -> Iterator[slice]:
    for start in range(0, n, batch):
        yield slice(start, min(start + batch, n))


def condition_tensors(
    encoder: Encoder, n: int, label: Any = None, size: Any = None
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Class numbers and angular sizes as a decoder takes them, both ``(n,)``; None stays None.

    Parameters
    ----------
    label : str or sequence of str, optional
        One class for all, or ``n``.
    size : float or array, optional
        Arcsec, one for all or ``n``.

    Raises
    ------
    ModelError
        If the model does not take the condition, or not this value; names what it takes.
    """
    import torch

    info = encoder.info
    labels = sizes = None
    if label is not None:
        if not info.can("class"):
            raise ModelError(f"model '{info.name}' takes no condition 'label'")
        classes = list(info.architecture["classes"])
        each = [label] * n if isinstance(label, str) else list(label)
        for one in each:
            if one not in classes:
                known = ", ".join(classes)
                raise ModelError(f"class is '{one}'; model '{info.name}' knows {known}")
        _check_length("label", len(each), n)
        labels = torch.tensor([classes.index(c) for c in each], device=encoder.device)
    if size is not None:
        if not info.can("size"):
            raise ModelError(f"model '{info.name}' takes no condition 'size'")
        low, high = (float(v) for v in info.architecture["size_range"])
        values = np.array(size, dtype=np.float32)
        values = np.full(n, values, np.float32) if values.ndim == 0 else values
        _check_length("size", len(values), n)
        outside = values[~((values >= np.float32(low)) & (values <= np.float32(high)))]
        if outside.size:
            raise ModelError(
                f"size is {outside[0]:g} arcsec; model '{info.name}' knows {low:g} to {high:g}"
            )
        sizes = torch.from_numpy(values).to(encoder.device)
    return labels, sizes


def _check_length(what: str, length: int, n: int) -> None:
    if length != n:
        raise ModelError(f"{length} values of '{what}' for {n} latent vectors; give one, or {n}")
