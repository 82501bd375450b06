"""Images to latent vectors and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import model_images
from radioviz.encode.inference_lock import inference
from radioviz.errors import ModelError
from radioviz.images.dihedral import dihedral_views
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.abilities import Drafts, Folds, Reconstructs
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import model_folder
from radioviz.morphology.size_scale import typical_isophote

if TYPE_CHECKING:
    import torch

BATCH = 256
"""Default images per batch: enough to use all cores, about 50 MB of activations."""

VIEWS_BATCH = 32
"""Rotated views per batch: so few that other readers need not wait for all."""

PLANE_BATCH = 64
"""Images per batch of many thumbnails: small enough to stay in the processor's own memory, which is
up to a third faster."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """A trained model in memory.

    Everything is float32 and deterministic: on one machine, the same images in the same batches
    give the same bits. Only torch's own thread pool is used.
    """

    info: ModelInfo  # name, capabilities, preprocessing and hash of the model
    module: torch.nn.Module  # the network, in evaluation mode
    device: torch.device  # the GPU if there is one

    @classmethod
    def load(cls, name: str, folder: Path | None = None) -> Self:
        """Load model ``name`` from ``folder`` (default: shipped models, then the user's).

        Raises ModelError if the model does not exist, or its files are missing, damaged or altered.
        """
        where = model_folder(name, folder)
        import torch

        from radioviz.models import weights

        module, info = weights.load(where)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if isinstance(module, Folds):
            module.fold()
        module = module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(info, module.requires_grad_(False), device)

    def encode(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """Latent vectors of preprocessed images.

        Parameters
        ----------
        images : numpy.ndarray
            Shape ``(n, size, size)``, 0..1, as returned by ``info.preprocess``; ``(n, channels,
            size, size)`` for a model of several channels, as of :func:`model_images`.
        batch : int
            Images per batch.
        progress : callable
            Called as ``progress(done, total, what)`` after each batch.

        Returns
        -------
        numpy.ndarray
            Float32, shape ``(n, latent_dim)``.

        Raises
        ------
        ModelError
            If the model cannot encode, or the images have another size.
        """
        self.require("encode")
        what = f"encoding with {self.info.title}"
        return self.map_images("encode", images, self.info.latent_dim, what, batch, progress)

    def encode_catalogue(
        self,
        catalogue: Catalogue,
        rows: np.ndarray | None = None,
        batch: int = BATCH,
        progress: Progress = no_progress,
    ) -> np.ndarray:
        """Latent vectors of a Catalogue, or of some rows (numbers or a mask): float32 ``(n, d)``.

        Images are preprocessed batch by batch, so memory does not grow with the survey.
        """
        self.require("encode")
        chosen = np.arange(len(catalogue)) if rows is None else np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        out = np.empty((len(chosen), self.info.latent_dim), np.float32)
        for part, images in self.preprocessed(catalogue, chosen, batch):
            out[part] = self.encode(images, batch)
            progress(part.stop, len(chosen), f"encoding with {self.info.title}")
        return out

    def encode_views(
        self, catalogue: Catalogue, rows: np.ndarray, progress: Progress = no_progress
    ) -> np.ndarray:
        """Latent vectors of the eight views of galaxies, rotated and mirrored: ``(n, 8, d)``."""
        images = self.preprocessed_rows(catalogue, np.asarray(rows, dtype=np.int64))
        views = dihedral_views(images)
        flat = np.ascontiguousarray(views.reshape(-1, *images.shape[1:]))
        return self.encode(flat, VIEWS_BATCH, progress).reshape(*views.shape[:2], -1)

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
            For conditional models: ``label`` (a class name, or ``n`` of them) and ``size``
            (arcsec, one or ``n``).
        draft : bool
            Compute a thumbnail in a third of the time where the model can: the mean image
            without added detail, in half precision on processors that are fast in it.

        Returns
        -------
        numpy.ndarray
            Float32, shape ``(n, size, size)``, 0..1; ``(n, channels, size, size)`` of a model of
            several channels.

        Raises
        ------
        ModelError
            If the model cannot decode, does not accept a condition, or ``z`` is malformed.
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
        labels, sizes = condition_tensors(
            self, len(z), given.pop("label", None), given.pop("size", None)
        )
        if given:
            raise ModelError(f"condition '{next(iter(given))}' is unknown; expected label or size")
        tensors = {k: v for k, v in (("label", labels), ("size", sizes)) if v is not None}
        method = "draft" if draft and isinstance(self.module, Drafts) else "decode"
        out = np.empty((len(z), *self._shape), np.float32)
        for rows in _batches(len(z), batch):
            some = {k: v[rows] for k, v in tensors.items()}
            out[rows] = self._images(self._run(method, self._tensor(z[rows]), **some))
            progress(rows.stop, len(z), f"decoding with {self.info.title}")
        return out

    def reconstruct(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """Images through all latent variables and back, in the shape given: float32, 0..1.

        :meth:`decode` of :meth:`encode` uses the latent vector alone, which makes a difference
        for models with several levels of latent variables.

        Raises ModelError as :meth:`encode` and :meth:`decode`.
        """
        self.require("encode", "decode")
        self._check_images(images)
        out = np.empty(images.shape, np.float32)
        for rows in _batches(len(images), batch):
            if isinstance(self.module, Reconstructs):
                made = self._run("reconstruct", self._image_tensor(images[rows]))
                out[rows] = self._images(made)
            else:
                out[rows] = self.decode(self.encode(images[rows], batch), batch=batch)
            progress(rows.stop, len(images), f"reconstructing with {self.info.title}")
        return out

    def reconstruct_as(self, images: np.ndarray, label: str) -> np.ndarray:
        """As :meth:`reconstruct`, decoded as a class where the model has it.

        The model estimates the angular size itself.
        """
        if self.info.can("class") and label in self.info.architecture["classes"]:
            return self.decode(self.encode(images), {"label": label})
        return self.reconstruct(images)

    def map_images(
        self,
        method: str,
        images: np.ndarray,
        width: int,
        what: str,
        batch: int = BATCH,
        progress: Progress = no_progress,
    ) -> np.ndarray:
        """Run a method of the network on preprocessed images: float32 ``(n, width)``.

        Raises ModelError if the images have another size, or the network another width than its
        config.
        """
        self._check_images(images)
        out = np.empty((len(images), width), np.float32)
        for rows in _batches(len(images), batch):
            made = self._run(method, self._image_tensor(images[rows]))
            if made.shape[1:] != (width,):
                raise ModelError(
                    f"model '{self.info.name}': its network gives {made.shape[1:]} numbers an "
                    f"image, its config promises {width}"
                )
            out[rows] = made
            progress(rows.stop, len(images), what)
        return out

    def preprocessed(
        self, catalogue: Catalogue, rows: np.ndarray, batch: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Batches of preprocessed images of a Catalogue, each with its slice of ``rows``."""
        for part in _batches(len(rows), batch):
            yield part, self.preprocessed_rows(catalogue, rows[part])

    def preprocessed_rows(self, catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
        """What the model sees of rows of a Catalogue; see :func:`model_images`."""
        return model_images(self.info.preprocess, self.info.channels, catalogue, rows)

    def require(self, *capabilities: str) -> None:
        """Raise ModelError unless the model has all of these capabilities."""
        for capability in capabilities:
            if not self.info.can(capability):
                raise ModelError(
                    f"model '{self.info.name}' cannot {capability}; "
                    f"it can {', '.join(self.info.capabilities)}"
                )

    @property
    def _shape(self) -> tuple[int, ...]:
        """Shape of what it sees of one source."""
        size, channels = self.info.preprocess.size, self.info.channels
        return (len(channels), size, size) if channels else (size, size)

    def _images(self, made: np.ndarray) -> np.ndarray:
        """Images of the network ``(n, channels, size, size)``, without the axis of one channel."""
        return made if self.info.channels else made[:, 0]

    def _check_images(self, images: np.ndarray) -> None:
        channels = self.info.channels
        if images.shape[1:] != self._shape:
            expected = ", ".join(map(str, ("n", *self._shape)))
            named = f" (channels {', '.join(channels)})" if channels else ""
            raise ModelError(
                f"model '{self.info.name}': images have shape {images.shape}; expected "
                f"({expected}){named}, as its preprocessing gives"
            )

    def _image_tensor(self, images: np.ndarray) -> torch.Tensor:
        import torch

        x = self._tensor(images)
        x = x if self.info.channels else x[:, None]
        return x.contiguous(memory_format=torch.channels_last)

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
    """Class numbers and angular sizes for a decoder, both of shape ``(n,)``; None stays None.

    Parameters
    ----------
    label : str or sequence of str, optional
        One class for all, or ``n``.
    size : float or array, optional
        Arcsec on the scale of catalogues, one for all or ``n``. For models that learned isophotes
        the tensor holds the typical isophote of that size.

    Raises
    ------
    ModelError
        If the model does not accept the condition or its value; the message lists what it accepts.
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
        if not info.knows_catalogue_sizes:
            values = np.clip(typical_isophote(values), low, high).astype(np.float32)
        sizes = torch.from_numpy(values).to(encoder.device)
    return labels, sizes


def _check_length(what: str, length: int, n: int) -> None:
    if length != n:
        raise ModelError(f"{length} values of '{what}' for {n} latent vectors; give one, or {n}")
