"""Real galaxies changed by a flow: parts filled in, or moved to another class or size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radioviz.data.preprocess import FIRST_BEAM
from radioviz.encode.encoder import Encoder
from radioviz.encode.generation import classes_of, size_range_of
from radioviz.encode.inference_lock import inference
from radioviz.errors import ImageError, ModelError
from radioviz.metrics.copies import image_distance
from radioviz.models.artefact import ModelInfo
from radioviz.morphology import measure

if TYPE_CHECKING:
    import torch

    from radioviz.models.galaxy_flow import Ask

CHANGE = 0.5


@dataclass(frozen=True, eq=False)
class EditedGalaxy:
    """A real image after a change, which makes it synthetic."""

    # image, original: float32, ``(ny, nx)``, 0..1
    image: np.ndarray
    original: np.ndarray
    # Bool, ``(ny, nx)``: pixels that were drawn; all of them where a galaxy was moved.
    changed: np.ndarray
    what: str  # ``filled`` or ``moved``
    # label, size, seed, change: what was asked for: class (empty for any), arcsec, seed, and 0 to 1
    # how much may change
    label: str
    size: float
    seed: int
    change: float
    # Identity distance, 0 (the same but for brightness) to sqrt(2) (no pixel in common):
    # :func:`radioviz.metrics.copies.image_distance`.
    distance: float
    # model, weights_sha256: the model, and the hash of its weights
    model: str
    weights_sha256: str
    pixel_arcsec: float
    from_label: str = ""  # what a galaxy that was moved is; empty for unknown

    def cards(self) -> dict[str, tuple[Any, str]]:
        """FITS keyword to value and comment: how the image was made."""
        return {
            "EDITED": (self.what, "what was done to a real image"),
            "EDITLAB": (self.label, "class asked for"),
            "EDITFROM": (self.from_label, "class of the real galaxy; empty for unknown"),
            "EDITSIZE": (round(self.size, 3), "[arcsec] largest angular size asked for"),
            "EDITCHG": (round(self.change, 4), "how much could change, 0 to 1"),
            "EDITDIST": (round(self.distance, 5), "identity distance to the real image"),
            "EDITPIX": (int(self.changed.sum()), "pixels that were drawn"),
        }


@dataclass(frozen=True, eq=False)
class Editor:
    """A flow that changes real images.

    Raises ModelError if the model cannot edit.
    """

    encoder: Encoder

    def __post_init__(self) -> None:
        self.encoder.require("edit")

    @classmethod
    def load(cls, name: str, folder: Path | None = None) -> Editor:
        """Load model ``name`` from ``folder`` (default: shipped models, then the user's)."""
        return cls(Encoder.load(name, folder))

    @property
    def info(self) -> ModelInfo:
        """Name, capabilities, preprocessing and hash of the model."""
        return self.encoder.info

    def fill(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        label: str = "",
        size: float | None = None,
        seed: int = 0,
        pixel_arcsec: float | None = None,
    ) -> EditedGalaxy:
        """Draw the masked pixels of an image so that they fit the others.

        Parameters
        ----------
        image : numpy.ndarray
            As the model's preprocessing gives it, ``(ny, nx)``.
        mask : numpy.ndarray
            True where pixels are to be drawn, of the same shape.
        label : str
            Class; empty for any.
        size : float, optional
            Arcsec on the scale of catalogues; by default measured on what is not masked.
        pixel_arcsec : float, optional
            Arcsec per pixel of the image, which differs where the preprocessing scales the field
            with the beam; by default that of FIRST.

        Raises
        ------
        ImageError
            If image and mask differ in shape, are not of the model's, or leave no pixel known.
        ModelError
            If the class or size is not known.
        """
        image = self._checked(image)
        wanted = np.asarray(mask)
        if wanted.shape != image.shape:
            raise ImageError(
                f"the mask has shape {wanted.shape} and the image {image.shape}; expected a mask "
                "of the image's shape, True where pixels are to be drawn"
            )
        if wanted.dtype != bool:
            other = [value for value in wanted.ravel().tolist() if value not in (0, 1)]
            if other:
                raise ImageError(
                    f"the mask holds {other[0]!r}; expected True or 1 where pixels are to be "
                    "drawn, False or 0 elsewhere"
                )
        wanted = wanted.astype(bool)
        if not wanted.any() or not (image[~wanted] > 0).any():
            raise ImageError(
                f"the mask covers {int(wanted.sum())} of {wanted.size} pixels"
                + (" and all of the source" if wanted.any() else "")
                + "; mask some pixels, and leave a part of the source"
            )
        import torch

        from radioviz.models.flow_editing import filled

        seen = np.where(wanted, np.float32(0), image)
        ask = self._ask(seen, label, size, pixel_arcsec)
        source = torch.Generator().manual_seed(seed)
        module: Any = self.encoder.module
        with inference():
            x, known = self._tensor(seen), self._tensor(~wanted)
            made = filled(module, x, known, ask, source)
        return self._edited("filled", made, image, wanted, label, ask, seed, 1.0, pixel_arcsec)

    def move(
        self,
        image: np.ndarray,
        label: str = "",
        size: float | None = None,
        from_label: str = "",
        change: float = CHANGE,
        pixel_arcsec: float | None = None,
    ) -> EditedGalaxy:
        """The galaxy as another class or size, with its likeness kept.

        Noise islands around the source stay as observed where the new source leaves them free.

        Parameters
        ----------
        image : numpy.ndarray
            As the model's preprocessing gives it, ``(ny, nx)``.
        label : str
            Class asked for; empty keeps ``from_label``.
        size : float, optional
            Size asked for in arcsec; by default its own.
        from_label : str
            What the galaxy is; empty for unknown.
        change : float
            0 (nothing but the scale changes) to 1 (little of the galaxy stays).
        pixel_arcsec : float, optional
            As for :meth:`fill`.

        Raises
        ------
        ImageError, ModelError
            If the image, class, size or change is not possible.
        """
        image = self._checked(image)
        if not 0 <= change <= 1:
            raise ModelError(f"change is {change:g}; expected 0 to 1")
        from radioviz.models.flow_editing import moved

        source, sky = parted(image)
        before = self._ask(source, from_label, None, pixel_arcsec)
        after = self._ask(source, label or from_label, size, pixel_arcsec)
        module: Any = self.encoder.module
        with inference():
            made = moved(module, self._tensor(source), before, after, change,
                         float(module.guidance))  # fmt: skip
            made = made.maximum(self._tensor(np.where(_near(made), 0, sky)))
        everywhere = np.ones(image.shape, bool)
        return self._edited(
            "moved", made, image, everywhere, label or from_label, after, 0, change, pixel_arcsec,
            from_label,
        )  # fmt: skip

    def _checked(self, image: np.ndarray) -> np.ndarray:
        size = self.info.preprocess.size
        image = np.asarray(image, np.float32)
        if image.shape != (size, size):
            raise ImageError(
                f"the image has shape {image.shape}; model '{self.info.name}' takes {size}x{size} "
                "pixels, as its preprocessing gives them"
            )
        if not np.isfinite(image).all() or not (image > 0).any():
            raise ImageError("the image is blank or has pixels that are not finite")
        return np.clip(image, 0, 1)

    @property
    def _pixel(self) -> float:
        """Arcsec per pixel of images with the beam of FIRST, as the model learned them."""
        chain = self.info.preprocess
        return (chain.field_arcsec or 0.0) / chain.size

    def _ask(
        self, image: np.ndarray, label: str, size: float | None, pixel_arcsec: float | None
    ) -> Ask:
        """Conditions in the arcsec of the model; ``size`` is in those of the image."""
        import torch

        from radioviz.models.frames import axis_angle
        from radioviz.models.galaxy_flow import Ask

        classes, bounds = classes_of(self.info), size_range_of(self.info)
        assert bounds is not None  # of every model that edits
        if label and label not in classes:
            known = ", ".join(classes)
            raise ModelError(f"class is '{label}'; model '{self.info.name}' knows {known}")
        if size is None:
            sizes = measure(image[None], self._pixel, beam=FIRST_BEAM)["las_measured"]
            size = np.nan_to_num(float(sizes.iloc[0]), nan=bounds[0])
        else:
            times = (pixel_arcsec or self._pixel) / self._pixel
            low, high = (times * bound for bound in bounds)
            if not low * (1 - 1e-6) <= size <= high * (1 + 1e-6):
                raise ModelError(
                    f"size is {size:g} arcsec; model '{self.info.name}' knows {low:g} to {high:g}"
                )
            size /= times
        size = min(max(size, bounds[0]), bounds[1])
        x = self._tensor(image)
        number = classes.index(label) if label else -1
        return Ask(
            torch.tensor([number], device=x.device), torch.tensor([float(size)]).to(x),
            axis_angle(x), torch.full((1,), torch.nan).to(x),
        )  # fmt: skip

    def _tensor(self, image: np.ndarray) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(image))[None, None].to(self.encoder.device)

    def _edited(
        self, what: str, made: torch.Tensor, image: np.ndarray, changed: np.ndarray, label: str,
        ask: Ask, seed: int, change: float, pixel_arcsec: float | None, from_label: str = "",
    ) -> EditedGalaxy:  # fmt: skip
        found = made[0, 0].float().cpu().numpy()
        pixel = pixel_arcsec or self._pixel
        return EditedGalaxy(
            found, image, changed, what, label, float(ask.sizes[0]) * pixel / self._pixel, seed,
            change, image_distance(image, found), self.info.name, self.info.weights_sha256, pixel,
            from_label,
        )  # fmt: skip


def parted(image: np.ndarray, pixels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Source and sky of an image: the sky has the islands of ``pixels`` or fewer."""
    from scipy import ndimage

    labels, number = ndimage.label(image > 0, np.ones((3, 3), bool))
    small = np.bincount(labels.ravel(), minlength=number + 1) <= pixels
    small[labels.ravel()[image.argmax()]] = False
    sky = np.where(small[labels], image, np.float32(0))
    return image - sky, sky


def _near(made: torch.Tensor) -> np.ndarray:
    from scipy import ndimage

    return ndimage.binary_dilation(made[0, 0].cpu().numpy() > 0, iterations=2)
