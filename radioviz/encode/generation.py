"""Request and result of a generator, in forms that a FITS header can hold."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.data.noise_level import noise_level
from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo

MODES = ("prior", "normal", "uniform", "around")
"""Where latent vectors are drawn from: the learned prior (a standard normal if none was learned),
a standard normal, a uniform box in latent space, or a normal around a given vector."""

MAX_SEED = 2**63 - 1

CARDS: dict[str, tuple[str, str]] = {
    "mode": ("GENMODE", "how the latent vector was drawn"),
    "label": ("GENLABEL", "class asked for"),
    "size": ("GENSIZE", "[arcsec] largest angular size asked for"),
    "temperature": ("GENTEMP", "scale of the random numbers of the prior"),
    "spread": ("GENSPRD", "scale of the random numbers around GENCEN"),
    "centre": ("GENCEN", "latent vector drawn around, JSON"),
    "candidates": ("GENCAND", "drafts of which the first sure one is kept; 1: no choice"),
    "certainty": ("GENSURE", "probability by the class head that makes one sure"),
    "guidance": ("GENGUID", "strength of the class; 1: none added"),
    "corrections": ("GENCORR", "times that an image of the wrong size is made again"),
}
"""Field of :class:`GenerationRequest` to FITS keyword and comment. ``seed`` and the image index
are in the cards SEED and INDEX of every simulated image."""


def sigma_clipped(images: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    """Decoded images with all below background + ``sigma`` noise set to 0.

    Training images are clipped, which a decoder cannot reproduce (Bastien et al. 2021, Sec. 7).

    ``images``: shape ``(n, size, size)``.
    """
    out = np.array(images, dtype=np.float32)
    for image in out:
        background, noise = noise_level(image)
        image[image < background + sigma * noise] = 0.0
    return out


@dataclass(frozen=True)
class GenerationRequest:
    """Parameters of a generator, numbers in single precision.

    Image ``i`` depends on every field but ``n``: a larger request never changes the first images.

    Attributes
    ----------
    n : int
        Number of images.
    seed : int
        0 to 2^63 - 1.
    label : str or None
        Class; None draws classes as often as they occur in the training data.
    size : float or None
        Largest angular size in arcsec; None draws sizes like those of real galaxies.
    mode : str
        One of :data:`MODES`.
    centre : tuple of float or None
        Latent vector to draw around, for mode ``around``; any sequence or array.
    spread : float
        Standard deviation around the centre, in units of the prior's.
    temperature : float
        Factor on the random numbers of the prior; below 1 the images are more typical and less
        varied.
    candidates : int or None
        Drafts of each image with a class, of which the first is kept that the model's own class
        head gives the requested class with a probability of at least ``certainty``, or the
        likeliest where none is; 1 selects none. None keeps the model's own value, as below.
    certainty : float or None
        0 to 1.
    guidance : float or None
        Classifier-free guidance of the prior, or of the images of a flow (Ho & Salimans 2022); 1
        adds none.
    corrections : int or None
        How often an image that came out too large or too small is made again with another size; 0
        never.

    Raises
    ------
    ModelError
        If a value is out of range; the message gives the range.
    """

    n: int = 1
    seed: int = 0
    label: str | None = None
    size: float | None = None
    mode: str = "prior"
    centre: tuple[float, ...] | None = None
    spread: float = 0.3
    temperature: float = 1.0
    candidates: int | None = None
    certainty: float | None = None
    guidance: float | None = None
    corrections: int | None = None

    def __post_init__(self) -> None:
        limits = (
            ("n", 0, 2**31),
            ("seed", 0, MAX_SEED),
            ("candidates", 1, 64),
            ("corrections", 0, 9),
        )
        for name, low, high in limits:
            value = getattr(self, name)
            if value is None and name in ("candidates", "corrections"):
                continue
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if not whole or not low <= value <= high:
                raise ModelError(f"{name} is {value!r}; expected a whole number {low} to {high}")
            object.__setattr__(self, name, int(value))
        if self.mode not in MODES:
            raise ModelError(f"mode is '{self.mode}'; expected one of {', '.join(MODES)}")
        reach = {"spread": 10, "temperature": 10, "certainty": 1, "guidance": 10}
        for name, most in reach.items():
            if getattr(self, name) is None and name in ("certainty", "guidance"):
                continue
            number = _number(name, getattr(self, name))
            if not 0 <= number <= most:
                raise ModelError(f"{name} is {number:g}; expected 0 to {most}")
            object.__setattr__(self, name, number)
        if self.size is not None:
            size = _number("size", self.size)
            if not (math.isfinite(size) and size > 0):
                raise ModelError(f"size is {size} arcsec; expected a positive number")
            object.__setattr__(self, "size", size)
        if self.centre is not None:
            object.__setattr__(self, "centre", _vector(self.centre))
        if (self.mode == "around") != (self.centre is not None):
            raise ModelError(
                f"mode is '{self.mode}' and centre is {'given' if self.centre else 'None'}; "
                "give a centre with mode 'around', and with no other"
            )

    def cards(self) -> dict[str, tuple[Any, str]]:
        """FITS keyword to value and comment, of all fields but ``n`` and ``seed``."""
        out: dict[str, tuple[Any, str]] = {}
        for name, (keyword, comment) in CARDS.items():
            value = getattr(self, name)
            if value is not None:
                out[keyword] = json.dumps(value) if name == "centre" else value, comment
        return out

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> tuple[GenerationRequest, int]:
        """Read the request and the image index from the FITS header of a simulated image.

        ``Generator.sample(request, indices=[index])`` makes that image again.

        Raises ModelError if the header does not belong to a generated image, or a card is missing
        or damaged.
        """
        try:
            if header.get("SIMULAT") is not True:
                raise ModelError(
                    "the header has no SIMULAT = T; expected that of a generated image"
                )
            values: dict[str, Any] = {"seed": header["SEED"]}
            index = int(header["INDEX"])
            for name, (keyword, _) in CARDS.items():
                if keyword in header:
                    values[name] = header[keyword]
            if "mode" not in values:
                raise KeyError(CARDS["mode"][0])
            if "centre" in values:
                values["centre"] = json.loads(values["centre"])
        except KeyError as error:
            raise ModelError(
                f"the header has no card {error}, without which the image cannot be made again"
            ) from error
        except (ValueError, TypeError, OverflowError) as error:  # the last for INDEX = 1e999
            raise ModelError(f"the header holds a damaged card: {error}") from error
        return cls(n=index + 1, **values), index


@dataclass(frozen=True, eq=False)
class GeneratedGalaxies:
    """Generated images with everything needed to make them again.

    Attributes
    ----------
    images : numpy.ndarray
        Float32, shape ``(n, size, size)``, 0..1, in FITS orientation.
    latents : numpy.ndarray
        Float32, shape ``(n, latent_dim)``.
    labels : tuple of str
        Requested class of each; empty strings for models without classes.
    sizes : numpy.ndarray
        Float32 ``(n,)``, arcsec: requested angular size of each; NaN for models without sizes.
    indices : numpy.ndarray
        Int64 ``(n,)``: index of each in the sequence of its seed.
    request : GenerationRequest
    model, weights_sha256 : str
        The model, and the hash of its weights.
    resolved : GenerationRequest or None
        The request with the selection, guidance and corrections that the model used.
    """

    images: np.ndarray
    latents: np.ndarray
    labels: tuple[str, ...]
    sizes: np.ndarray
    indices: np.ndarray
    request: GenerationRequest
    model: str
    weights_sha256: str
    resolved: GenerationRequest | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Sequence[int] | np.ndarray) -> GeneratedGalaxies:
        """Some of them, by position or mask."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        arrays = {k: getattr(self, k)[chosen] for k in ("images", "latents", "sizes", "indices")}
        labels = tuple(self.labels[i] for i in chosen)
        return dataclasses.replace(self, labels=labels, **arrays)

    def cards(self) -> dict[str, tuple[Any, str]]:
        """FITS keyword to value and comment: how the images were made (see :data:`CARDS`)."""
        return (self.resolved or self.request).cards()

    def choices(self) -> str:
        """Selection, guidance and corrections of these images in a sentence; empty for none."""
        used, parts = self.resolved or self.request, []
        if (used.candidates or 1) > 1:
            parts.append(
                f"of {used.candidates} drafts the first is kept that the model's own class head "
                f"accepts at {used.certainty or 0:.0%}, else the likeliest"
            )
        if used.guidance is not None and used.guidance != 1:
            parts.append(f"the class is guided by {used.guidance:.3g}")
        if used.corrections:
            parts.append(
                f"images of the wrong size are measured and made again, up to {used.corrections} "
                "times"
            )
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}." if text else ""

    def sigma_clipped(self, sigma: float = 3.0) -> GeneratedGalaxies:
        """The same galaxies with images as :func:`sigma_clipped` gives them."""
        return dataclasses.replace(self, images=sigma_clipped(self.images, sigma))

    def conditions(self) -> list[dict[str, Any]]:
        """Class and size of each, also where the request left them open."""
        out: list[dict[str, Any]] = []
        for label, size in zip(self.labels, self.sizes, strict=True):
            condition: dict[str, Any] = {"class": label} if label else {}
            if np.isfinite(size):
                condition["size"] = float(size)
            out.append(condition)
        return out


def classes_of(info: ModelInfo) -> tuple[str, ...]:
    """Classes that can be requested of a model, without loading it; empty without classes."""
    return tuple(info.architecture.get("classes", ())) if info.can("class") else ()


def size_range_of(info: ModelInfo) -> tuple[float, float] | None:
    """Angular sizes in arcsec that can be requested of a model, without loading it, or None."""
    if not info.can("size"):
        return None
    low, high = info.architecture["size_range"]
    return float(low), float(high)


def selects(info: ModelInfo) -> bool:
    """Whether a model selects among drafts by its class head, and guides its prior."""
    return info.kind in ("cvae", "cvae-refined")


def own_guidance(info: ModelInfo) -> float | None:
    """Guidance of a model whose images, not its prior, are guided, at any strength; else None."""
    if info.kind != "galaxy-flow":
        return None
    return float(info.training.get("config", {}).get("guidance", 1.0))


def _number(name: str, value: Any) -> float:
    try:
        # The shortest decimals of the single-precision number: what a FITS card can hold.
        return float(str(np.float32(value)))
    except (TypeError, ValueError, OverflowError):
        raise ModelError(f"{name} is {value!r}; expected a number") from None


def _vector(values: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    try:
        vector = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ModelError(f"centre is not a vector of numbers: {error}") from error
    if vector.ndim != 1 or not vector.size:
        raise ModelError(f"centre has shape {vector.shape}; expected one latent vector, (d,)")
    if not np.isfinite(vector).all():
        raise ModelError("centre holds a value that is not finite")
    return tuple(float(str(v)) for v in vector)
