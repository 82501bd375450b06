"""New galaxies from a trained decoder, each of which can be made again bit for bit.

Image ``i`` of a request has random numbers of its own, from a counter-based generator (Philox,
Salmon et al. 2011) keyed by seed and ``i``; and it is always computed in the same place of a
batch of :data:`CHUNK`, since convolutions and matrix products round differently in batches of
other lengths. So it depends neither on how many images are asked for nor on which.

What is asked to have a size is measured (:mod:`radioviz.morphology`) and, where it came out
larger or smaller, asked for again: decoders follow the size that they are given with a scatter.

What a module of :mod:`radioviz.models` may add to ``decode(z, **conditions)``:

``draw(noise, temperature, **conditions)``
    Latent vectors ``(n, latent_dim)`` of the learned prior from standard normal numbers
    ``(n, noise_dim)``. Without it the prior is a standard normal.
``noise_dim``, ``extra_noise``
    How many numbers an image takes in ``draw``, and further ones in ``generate``.
``generate(z, noise, temperature, **conditions)``
    Images ``(n, 1, ny, nx)`` from latent vectors and ``(n, extra_noise)`` further numbers, for
    models whose latent vector does not say it all. Without it images are ``decode(z)``.
``draw_size(u, label)``
    Angular sizes in arcsec as they are among real galaxies, from ``u`` in 0..1 and classes.
``latent_low``, ``latent_high``
    Corners ``(latent_dim,)`` of the box of mode ``uniform``; without them -3 and 3.
``class_shares``
    How often each class was learned.

``label`` is a long tensor of class numbers, ``size`` a float tensor in arcsec, both ``(n,)``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radioviz.data.catalogue import Progress
from radioviz.data.preprocess import FIRST_BEAM
from radioviz.encode.encoder import Encoder, condition_tensors, no_progress
from radioviz.encode.generated import GeneratedGalaxies
from radioviz.encode.generation_request import GenerationRequest
from radioviz.encode.inference_lock import inference
from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.morphology import measure

if TYPE_CHECKING:
    import torch

CHUNK = 16
"""Images computed together, always; see above."""

MOST_BYTES = 2**30
"""Images held in memory at once by :meth:`Generator.sample`; :meth:`Generator.stream` has no
such limit."""

REFINEMENTS = 2
"""How often a galaxy that does not measure what was asked is asked for anew."""

CLOSE = 0.06
"""Natural logarithm of measured over asked size that is left as it is."""

BOX = 3.0
"""Half the side of the latent box where the model does not say."""


@dataclass(frozen=True, eq=False)
class Generator:
    """A trained decoder with the random numbers to feed it.

    Attributes
    ----------
    encoder : Encoder
        The model in memory, shared with whoever encodes and decodes with it.
    """

    encoder: Encoder

    @classmethod
    def load(cls, name: str, folder: Path | None = None) -> Generator:
        """Model ``name`` of ``folder`` (default: the shipped ones).

        Raises
        ------
        ModelError
            If there is no such model, it cannot decode, or its files are damaged.
        """
        return cls.of(Encoder.load(name, folder))

    @classmethod
    def of(cls, encoder: Encoder) -> Generator:
        """Generator of a model that is in memory already.

        Raises
        ------
        ModelError
            If the model cannot decode.
        """
        encoder.require("decode")
        return cls(encoder)

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self.encoder.info

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that can be asked for; empty for models without."""
        return classes_of(self.info)

    @property
    def size_range(self) -> tuple[float, float] | None:
        """Smallest and largest angular size in arcsec that can be asked for, or None."""
        return size_range_of(self.info)

    def sample(
        self,
        request: GenerationRequest,
        progress: Progress = no_progress,
        indices: Sequence[int] | np.ndarray | None = None,
    ) -> GeneratedGalaxies:
        """Galaxies as asked for.

        Parameters
        ----------
        request : GenerationRequest
        progress : callable
            Told ``(done, total, what)`` as images are made.
        indices : sequence of int, optional
            Only these places in the sequence of the seed (0 and up), instead of the first ``n``.

        Raises
        ------
        ModelError
            If the class or size is not among what the model knows (named, with the range), the
            centre is not one of its latent vectors, or so many images do not fit in memory.
        """
        size = self.info.preprocess.size
        number = request.n if indices is None else len(indices)
        if number * size**2 * 4 > MOST_BYTES:
            raise ModelError(
                f"{number} images of {size}x{size} are too many to hold in memory; ask for "
                f"{MOST_BYTES // (size**2 * 4)} or fewer, or for one part after the other"
            )
        wanted = np.arange(number) if indices is None else np.asarray(indices, np.int64)
        if number and wanted.min() < 0:
            raise ModelError(f"index is {wanted.min()}; expected 0 or more")
        self.check(request)
        out = self._empty(request, wanted)
        labels = list(out.labels)
        done = 0
        for chunk in np.unique(wanted // CHUNK):
            rows = np.flatnonzero(wanted // CHUNK == chunk)
            places = wanted[rows] % CHUNK
            images, latents, label, sizes = self._chunk(request, int(chunk), places)
            out.images[rows], out.latents[rows] = images[places], latents[places]
            out.sizes[rows] = sizes[places]
            for row, place in zip(rows, places, strict=True):
                labels[row] = self.classes[label[place]] if self.classes else ""
            done += len(rows)
            progress(done, len(wanted), f"generating with {self.info.title}")
        return dataclasses.replace(out, labels=tuple(labels))

    def stream(self, request: GenerationRequest, batch: int = 1024) -> Iterator[GeneratedGalaxies]:
        """The same galaxies in parts of ``batch``, so that any number fits in memory."""
        self.check(request)
        for start in range(0, request.n, batch):
            stop = min(start + batch, request.n)
            yield self.sample(request, indices=np.arange(start, stop))

    def again(self, header: Any) -> GeneratedGalaxies:
        """The one galaxy that the FITS header of a simulated image says how to make.

        Raises
        ------
        ModelError
            If the header does not say, or the image was made by another model or other weights.
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
            Angular size in arcsec, one or ``n``; needed where the model takes it.

        Returns
        -------
        dict
            Class to images, float32 ``(n, size, size)``.

        Raises
        ------
        ModelError
            If the model knows no classes, or latents or size are not as it expects.
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
        """Raise if this model cannot do what is asked, naming what it can."""
        condition_tensors(self.encoder, 1, request.label, request.size)
        if request.centre is not None and len(request.centre) != self.info.latent_dim:
            raise ModelError(
                f"centre has {len(request.centre)} numbers; a latent vector of model "
                f"'{self.info.name}' has {self.info.latent_dim}"
            )

    def _empty(self, request: GenerationRequest, wanted: np.ndarray) -> GeneratedGalaxies:
        n, size = len(wanted), self.info.preprocess.size
        return GeneratedGalaxies(
            images=np.empty((n, size, size), np.float32),
            latents=np.empty((n, self.info.latent_dim), np.float32),
            labels=("",) * n,
            sizes=np.full(n, np.nan, np.float32),
            indices=wanted.astype(np.int64),
            request=request,
            model=self.info.name,
            weights_sha256=self.info.weights_sha256,
        )

    def _chunk(
        self, request: GenerationRequest, chunk: int, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Images, latents, class numbers and sizes of one chunk; only ``places`` have meaning."""
        import torch

        module: Any = self.encoder.module
        d = self.info.latent_dim
        counts = 2, int(getattr(module, "noise_dim", d)), int(getattr(module, "extra_noise", 0))
        # Places that nobody asked for get harmless numbers: rows do not see each other.
        chance = np.full((CHUNK, 2), 0.5)
        noise, extra = (np.zeros((CHUNK, k), np.float32) for k in counts[1:])
        for place in places:
            source = np.random.Generator(
                np.random.Philox(key=[request.seed, chunk * CHUNK + place])
            )
            chance[place] = source.random(2)
            noise[place] = source.standard_normal(counts[1], np.float32)
            extra[place] = source.standard_normal(counts[2], np.float32)
        with inference():
            label, size = self._conditions(request, chance)
            given = {k: v for k, v in (("label", label), ("size", size)) if v is not None}
            z = self._latents(request, torch.from_numpy(noise).to(self.encoder.device), given)
            if not torch.isfinite(z).all():
                raise ModelError(f"model '{self.info.name}': a latent vector is not finite")
            more = torch.from_numpy(extra).to(self.encoder.device)

            def make(given: dict[str, Any]) -> np.ndarray:
                if hasattr(module, "generate"):
                    made = module.generate(z, more, request.temperature, **given)
                else:
                    made = module.decode(z, **given)
                found: np.ndarray = made[:, 0].float().cpu().numpy()
                return found

            images = make(given)
            if size is not None:
                images = self._refined(images, given, places, make)
        return (
            images,
            z.float().cpu().numpy(),
            np.zeros(CHUNK, np.int64) if label is None else label.cpu().numpy(),
            np.full(CHUNK, np.nan, np.float32) if size is None else size.cpu().numpy(),
        )

    def _refined(
        self,
        images: np.ndarray,
        given: dict[str, Any],
        places: np.ndarray,
        make: Callable[[dict[str, Any]], np.ndarray],
    ) -> np.ndarray:
        """Images of the size asked for: measured, asked for larger or smaller, the best kept."""
        import torch

        chain, bounds = self.info.preprocess, self.size_range
        if bounds is None or chain.field_arcsec is None:
            return images
        scale = chain.field_arcsec / chain.size
        asked = given["size"].double().cpu().numpy()
        now, best = asked.copy(), images.copy()
        error = np.full(len(images), np.inf)
        open_places = np.unique(places)
        for step in range(REFINEMENTS + 1):
            found = measure(images[open_places], scale, beam=FIRST_BEAM)["las_measured"]
            # Nothing found, or not resolved: half of the smallest that can be asked for.
            measured = np.fmax(found.to_numpy(float), bounds[0] / 2)
            off = np.log(asked[open_places] / measured)
            closer = open_places[np.abs(off) < error[open_places]]
            best[closer] = images[closer]
            error[open_places] = np.fmin(error[open_places], np.abs(off))
            now[open_places] *= np.exp(np.clip(0.9 * off, -0.7, 0.7))
            now = np.clip(now, *bounds)
            open_places = open_places[np.abs(off) > CLOSE]
            if step == REFINEMENTS or not len(open_places):
                break
            size = torch.from_numpy(now.astype(np.float32)).to(given["size"])
            images = make({**given, "size": size})
        return best

    def _conditions(
        self, request: GenerationRequest, chance: np.ndarray
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Classes and sizes asked for, drawn where the request leaves them open."""
        import torch

        module: Any = self.encoder.module
        asked = request.label
        labels: Any = asked
        if self.classes and asked is None:
            shares = getattr(module, "class_shares", None)
            weights = (
                np.ones(len(self.classes)) if shares is None else shares.double().cpu().numpy()
            )
            steps = np.cumsum(weights / weights.sum())[:-1]
            labels = [self.classes[i] for i in np.searchsorted(steps, chance[:, 0], "right")]
        label, size = condition_tensors(self.encoder, CHUNK, labels, request.size)
        if size is None and self.size_range is not None:
            u = torch.from_numpy(chance[:, 1].astype(np.float32)).to(self.encoder.device)
            size = module.draw_size(u, label)
        return label, size

    def _latents(
        self, request: GenerationRequest, noise: torch.Tensor, given: dict[str, Any]
    ) -> torch.Tensor:
        import torch

        module: Any = self.encoder.module
        d = self.info.latent_dim
        if request.mode == "prior" and hasattr(module, "draw"):
            drawn: torch.Tensor = module.draw(noise, request.temperature, **given)
            return drawn
        plain = noise[:, :d]
        if request.mode == "uniform":
            low = getattr(module, "latent_low", torch.full((d,), -BOX, device=noise.device))
            high = getattr(module, "latent_high", torch.full((d,), BOX, device=noise.device))
            return low + (high - low) * torch.special.ndtr(plain)
        if request.mode == "around":
            centre = torch.tensor(request.centre, dtype=torch.float32, device=noise.device)
            return centre + request.spread * plain
        return request.temperature * plain


def classes_of(info: ModelInfo) -> tuple[str, ...]:
    """Classes that a model can be asked for, without loading it; empty for models without."""
    return tuple(info.architecture.get("classes", ())) if info.can("class") else ()


def size_range_of(info: ModelInfo) -> tuple[float, float] | None:
    """Angular sizes in arcsec that a model can be asked for, without loading it, or None."""
    if not info.can("size"):
        return None
    low, high = info.architecture["size_range"]
    return float(low), float(high)
