"""New galaxies from a trained decoder, each of which can be made again bit for bit.

Image ``i`` of a request has its own random numbers, from a counter-based generator (Philox,
Salmon et al. 2011) keyed by seed and ``i``. It is always computed at the same place in a batch of
:data:`CHUNK`, because convolutions and matrix products round differently in batches of other
lengths. So it depends neither on how many images are requested nor on which.

Sizes are those of catalogues, as measured (:mod:`radioviz.morphology.size_scale`). Decoders follow
the requested size with some scatter. Images with a requested size are therefore measured and
decoded again with a corrected size if they came out too large or too small.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radioviz.data.preprocess import FIRST_BEAM
from radioviz.encode.encoder import Encoder, condition_tensors
from radioviz.encode.generation import (
    GeneratedGalaxies,
    GenerationRequest,
    classes_of,
    size_range_of,
)
from radioviz.encode.inference_lock import inference
from radioviz.errors import ModelError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.abilities import Generates, Selects
from radioviz.models.artefact import ModelInfo
from radioviz.morphology import measure
from radioviz.morphology.size_scale import typical_size

if TYPE_CHECKING:
    import torch

CHUNK = 16
"""Images per batch, always; see above."""

MAX_BYTES = 2**30
"""Largest array of images that :meth:`Generator.sample` returns."""

REFINEMENTS = 2
"""How often a galaxy of the wrong size is decoded again."""

CLOSE = 0.06
"""Accepted natural logarithm of measured over requested size."""

_CHOICES = {
    "candidates": "selection among drafts by the class head",
    "guidance": "guidance of the prior by the class",
    "corrections": "images made again for their size",
}

BOX = 3.0
"""Half the side of the latent box of mode ``uniform`` for models without a box of their own."""


@dataclass(frozen=True, eq=False)
class Generator:
    """A trained decoder with the random numbers to feed it.

    Attributes
    ----------
    encoder : Encoder
        The model in memory.

    Raises
    ------
    ModelError
        If the model cannot decode.
    """

    encoder: Encoder

    def __post_init__(self) -> None:
        self.encoder.require("decode")

    @classmethod
    def load(cls, name: str, folder: Path | None = None) -> Generator:
        """Load model ``name`` from ``folder`` (default: shipped models, then the user's).

        Raises
        ------
        ModelError
            If the model does not exist, cannot decode, or its files are damaged.
        """
        return cls(Encoder.load(name, folder))

    @property
    def info(self) -> ModelInfo:
        """Name, capabilities, preprocessing and hash of the model."""
        return self.encoder.info

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that can be requested; empty for models without classes."""
        return classes_of(self.info)

    @property
    def size_range(self) -> tuple[float, float] | None:
        """Smallest and largest angular size in arcsec that can be requested, or None."""
        return size_range_of(self.info)

    def sample(
        self,
        request: GenerationRequest,
        progress: Progress = no_progress,
        indices: Sequence[int] | np.ndarray | None = None,
    ) -> GeneratedGalaxies:
        """Generate galaxies.

        Parameters
        ----------
        request : GenerationRequest
        progress : callable
            Called as ``progress(done, total, what)`` after each batch, and before each time that a
            batch is decoded again; no network runs meanwhile.
        indices : sequence of int, optional
            Only these indices in the sequence of the seed (0 and up), instead of the first ``n``.

        Raises
        ------
        ModelError
            If the model does not know the class or size (the message lists what it knows), the
            centre is not one of its latent vectors, or the images do not fit in memory.
        """
        size = self.info.preprocess.size
        number = request.n if indices is None else len(indices)
        if number * size**2 * 4 > MAX_BYTES:
            raise ModelError(
                f"{number} images of {size}x{size} are too many to hold in memory; request "
                f"{MAX_BYTES // (size**2 * 4)} or fewer, or one part after the other"
            )
        wanted = np.arange(number) if indices is None else np.asarray(indices, np.int64)
        if number and wanted.min() < 0:
            raise ModelError(f"index is {wanted.min()}; expected 0 or more")
        self.check(request)
        used = self.resolved(request)
        images = np.empty((number, size, size), np.float32)
        latents = np.empty((number, self.info.latent_dim), np.float32)
        sizes = np.full(number, np.nan, np.float32)
        labels = [""] * number
        done = 0

        def report() -> None:
            progress(done, number, f"generating with {self.info.title}")

        for chunk in np.unique(wanted // CHUNK):
            rows = np.flatnonzero(wanted // CHUNK == chunk)
            places = wanted[rows] % CHUNK
            found = self._chunk(used, int(chunk), places, report)
            images[rows], latents[rows], sizes[rows] = (array[places] for array in found[:3])
            for row, place in zip(rows, places, strict=True):
                labels[row] = self.classes[found[3][place]] if self.classes else ""
            done += len(rows)
            report()
        return GeneratedGalaxies(
            images, latents, tuple(labels), sizes, wanted.astype(np.int64), request,
            self.info.name, self.info.weights_sha256, used,
        )  # fmt: skip

    def again(self, header: Any) -> GeneratedGalaxies:
        """Make the galaxy of a simulated image again from its FITS header.

        Raises
        ------
        ModelError
            If a card is missing, or another model or other weights made the image.
        """
        request, index = GenerationRequest.from_header(header)
        model, digest = header.get("MODEL"), header.get("MODELSHA")
        if (model, digest) != (self.info.name, self.info.weights_sha256):
            raise ModelError(
                f"the image was made by model '{model}' with weights {str(digest)[:12]}...; this "
                f"is '{self.info.name}' with {self.info.weights_sha256[:12]}..."
            )
        return self.sample(request, indices=[index])

    def twins(
        self,
        latents: np.ndarray,
        size: float | np.ndarray | None = None,
        progress: Progress = no_progress,
    ) -> dict[str, np.ndarray]:
        """The same latent vectors as each class (Bastien et al. 2021, Sec. 6.1).

        Parameters
        ----------
        latents : numpy.ndarray
            Shape ``(n, latent_dim)``.
        size : float or numpy.ndarray, optional
            Angular size in arcsec, one or ``n``; required if the model is conditioned on it.

        Returns
        -------
        dict
            Class to images, float32 ``(n, size, size)``.

        Raises
        ------
        ModelError
            If the model knows no classes, or latents or size are malformed.
        """
        if not self.classes:
            raise ModelError(
                f"model '{self.info.name}' knows no classes; twins need one that is conditioned "
                "on the class"
            )
        out = {}
        for number, label in enumerate(self.classes):
            given = {"label": label, "size": size}
            out[label] = self.encoder.decode(latents, given, batch=CHUNK)
            progress(number + 1, len(self.classes), f"twins of {len(latents)} galaxies")
        return out

    def check(self, request: GenerationRequest) -> None:
        """Raise ModelError if this model cannot fulfil a request; the message says what it can."""
        condition_tensors(self.encoder, 1, request.label, request.size)
        if request.centre is not None and len(request.centre) != self.info.latent_dim:
            raise ModelError(
                f"centre has {len(request.centre)} numbers; a latent vector of model "
                f"'{self.info.name}' has {self.info.latent_dim}"
            )
        own = self.resolved(
            dataclasses.replace(
                request, candidates=None, certainty=None, guidance=None, corrections=None
            )
        )
        for name, what in _CHOICES.items():
            value, most = getattr(request, name), getattr(own, name)
            if value is None or value == most:
                continue
            none = {"candidates": 1, "guidance": 1.0, "corrections": 0}[name]
            if value != none and (most == none or (name == "candidates" and value > most)):
                can = "does not do so" if most == none else f"does so up to {most}"
                raise ModelError(
                    f"{name} is {value:g}: model '{self.info.name}', vectors drawn "
                    f"{request.mode}, {can} ({what})"
                )

    def resolved(self, request: GenerationRequest) -> GenerationRequest:
        """The request with the model's own selection, guidance and corrections where it has None.

        Without a class to select by, or where vectors are not drawn from the prior, there is one
        candidate; without sizes there are no corrections.
        """
        module: Any = self.encoder.module
        own: dict[str, Any] = {"candidates": 1, "certainty": None, "guidance": 1.0}
        if isinstance(module, Selects) and request.mode == "prior" and self.classes:
            own = {
                "candidates": module.candidates,
                "certainty": module.certain(),
                "guidance": float(module.guidance),
            }
        sized = self.size_range is not None and self.info.preprocess.field_arcsec is not None
        own["corrections"] = REFINEMENTS if sized else 0
        given = {n: v for n in own if (v := getattr(request, n)) is not None}
        return dataclasses.replace(request, **{**own, **given})

    def _chunk(
        self, request: GenerationRequest, chunk: int, places: np.ndarray, pause: Callable[[], None]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Images, latents, sizes and class numbers of one chunk; only ``places`` are meaningful."""
        import torch

        module: Any = self.encoder.module
        generates = isinstance(module, Generates)
        counts = (module.noise_dim, module.extra_noise) if generates else (self.info.latent_dim, 0)
        # Places that were not requested get harmless numbers: rows do not affect each other.
        chance = np.full((CHUNK, 2), 0.5)
        noise, extra = (np.zeros((CHUNK, k), np.float32) for k in counts)
        for place in places:
            source = np.random.Generator(
                np.random.Philox(key=[request.seed, chunk * CHUNK + place])
            )
            chance[place] = source.random(2)
            noise[place] = source.standard_normal(counts[0], np.float32)
            extra[place] = source.standard_normal(counts[1], np.float32)
        with inference():
            label, size, requested = self._conditions(request, chance)
            given = {k: v for k, v in (("label", label), ("size", size)) if v is not None}
            z = self._latents(request, torch.from_numpy(noise).to(self.encoder.device), given)
            if not torch.isfinite(z).all():
                raise ModelError(f"model '{self.info.name}': a latent vector is not finite")
            more = torch.from_numpy(extra).to(self.encoder.device)

            def make(given: dict[str, Any]) -> np.ndarray:
                if generates:
                    made = module.generate(z, more, request.temperature, **given)
                else:
                    made = module.decode(z, **given)
                found: np.ndarray = made[:, 0].float().cpu().numpy()
                return found

            images = make(given)
        if size is not None and request.corrections:
            steps = request.corrections
            images = self._refined(images, given, requested, places, make, pause, steps)
        return (
            images,
            z.float().cpu().numpy(),
            requested,
            np.zeros(CHUNK, np.int64) if label is None else label.cpu().numpy(),
        )

    def _refined(
        self,
        images: np.ndarray,
        given: dict[str, Any],
        requested: np.ndarray,
        places: np.ndarray,
        make: Callable[[dict[str, Any]], np.ndarray],
        pause: Callable[[], None],
        steps: int,
    ) -> np.ndarray:
        """Images of the requested size: measured, decoded larger or smaller, the best kept."""
        import torch

        from radioviz.models.precision import without_denormals

        chain, bounds = self.info.preprocess, self.size_range
        if bounds is None or chain.field_arcsec is None:
            return images
        scale = chain.field_arcsec / chain.size
        now, best = given["size"].double().cpu().numpy(), images.copy()
        error = np.full(len(images), np.inf)
        open_places = np.unique(places)
        for step in range(steps + 1):
            with without_denormals():  # as where the network runs
                found = measure(images[open_places], scale, beam=FIRST_BEAM)["las_measured"]
            # Nothing found, or not resolved: half of the smallest size that can be requested.
            measured = np.fmax(found.to_numpy(float), bounds[0] / 2)
            off = np.log(requested[open_places] / measured)
            closer = open_places[np.abs(off) < error[open_places]]
            best[closer] = images[closer]
            error[open_places] = np.fmin(error[open_places], np.abs(off))
            now[open_places] *= np.exp(np.clip(0.9 * off, -0.7, 0.7))
            now = np.clip(now, *bounds)
            open_places = open_places[np.abs(off) > CLOSE]
            if step == steps or not len(open_places):
                break
            size = torch.from_numpy(now.astype(np.float32)).to(given["size"])
            pause()
            with inference():
                images = make({**given, "size": size})
        return best

    def _conditions(
        self, request: GenerationRequest, chance: np.ndarray
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, np.ndarray]:
        """Requested classes and sizes, drawn where the request leaves them open.

        The last are the sizes on the scale of catalogues, float32 ``(n,)``, NaN without.
        """
        import torch

        module: Any = self.encoder.module
        labels: Any = request.label
        if self.classes and labels is None:
            learned = getattr(module, "class_shares", None)
            shares = (
                np.ones(len(self.classes)) if learned is None else learned.double().cpu().numpy()
            )
            steps = np.cumsum(shares / shares.sum())[:-1]
            labels = [self.classes[i] for i in np.searchsorted(steps, chance[:, 0], "right")]
        label, size = condition_tensors(self.encoder, CHUNK, labels, request.size)
        bounds = self.size_range
        if size is None and bounds is not None:
            u = torch.from_numpy(chance[:, 1].astype(np.float32)).to(self.encoder.device)
            size = module.draw_size(u, label)
        requested = np.full(CHUNK, np.nan if request.size is None else request.size, np.float32)
        if size is not None and bounds is not None and request.size is None:
            drawn = typical_size(size.double().cpu().numpy())
            requested = np.clip(drawn, *bounds).astype(np.float32)
        return label, size, requested

    def _latents(
        self, request: GenerationRequest, noise: torch.Tensor, given: dict[str, Any]
    ) -> torch.Tensor:
        import torch

        module: Any = self.encoder.module
        d = self.info.latent_dim
        generates = isinstance(module, Generates)
        if request.mode == "prior" and generates:
            if isinstance(module, Selects):
                given = {**given, "candidates": request.candidates, "guidance": request.guidance,
                         "certainty": request.certainty}  # fmt: skip
            drawn: torch.Tensor = module.draw(noise, request.temperature, **given)
            return drawn
        plain = noise[:, :d]
        if request.mode == "uniform":
            box = torch.full((d,), BOX, device=noise.device)
            low, high = (module.latent_low, module.latent_high) if generates else (-box, box)
            return low + (high - low) * torch.special.ndtr(plain)
        if request.mode == "around":
            centre = torch.tensor(request.centre, dtype=torch.float32, device=noise.device)
            return centre + request.spread * plain
        return request.temperature * plain
