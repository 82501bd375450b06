"""Generate: the batch on the page, and what the reader chose in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from radioviz.errors import ModelError
from radioviz.models.artefact import ModelInfo
from radioviz.ui import cache, class_probabilities, synthetic
from radioviz.ui.in_line import in_line
from radioviz.ui.state import page_state

if TYPE_CHECKING:
    from radioviz.encode import GeneratedGalaxies, GenerationRequest

CLIP_SIGMA = 3.0

UNASKED = 64
"""Images that a link may request without a press of a button."""


@dataclass(frozen=True)
class GeneratedCentre:
    """A generated galaxy to draw around: its model, its latent vector, its name."""

    model: str
    latent: tuple[float, ...]
    title: str


@dataclass
class GenerateState:
    """What a session remembers of this page besides its widgets."""

    # Model, weights, request, clipping and classifier of the batch shown.
    batch_key: tuple[Any, ...] | None = None
    measured: pd.DataFrame = field(default_factory=pd.DataFrame)  # measurements of that batch
    probabilities: dict[str, np.ndarray] = field(default_factory=dict)  # its class probabilities
    chosen: int = 0  # row of the image shown large
    picks: set[int] = field(default_factory=set)  # rows picked for export
    centre: GeneratedCentre | None = None  # the generated galaxy last chosen by "More like this"
    # The largest number of images that the reader chose on the page itself.
    confirmed: int = UNASKED


def generate_state() -> GenerateState:
    return page_state(GenerateState)


@dataclass(frozen=True, eq=False)
class GeneratedBatch:
    """A batch of generated galaxies with their measurements and class probabilities."""

    info: ModelInfo
    made: GeneratedGalaxies
    images: np.ndarray  # float32 ``(n, size, size)``: as decoded, or sigma-clipped
    clipped: bool
    measured: pd.DataFrame  # see :func:`radioviz.ui.synthetic.measure_decoded`
    # Model that gave ``probabilities`` (class to ``(n,)``); they are empty without one.
    classifier: str | None
    probabilities: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.images)

    def verdict(self, i: int) -> tuple[str, float] | None:
        """The likeliest class of an image and its probability; None without a classifier."""
        return (
            class_probabilities.likeliest_class(self.probabilities, i)
            if self.probabilities
            else None
        )

    def title(self, i: int) -> str:
        """Name of an image: enough to request it again on this page."""
        return f"seed {self.made.request.seed}, number {int(self.made.indices[i])}"

    @property
    def chosen(self) -> int:
        """Row of the image shown large."""
        return min(generate_state().chosen, len(self) - 1)


def may_start(info: ModelInfo, request: GenerationRequest) -> bool:
    """Whether to generate at once: few images, confirmed ones, or ones that are there already.

    A link alone must not keep a server busy for minutes.
    """
    few = request.n <= generate_state().confirmed
    return few or cache.generated.peek(info.name, request) is not None


def generate_batch(
    info: ModelInfo,
    request: GenerationRequest,
    clip: bool,
    on_error: Callable[[str], Any] = lambda message: None,
) -> GeneratedBatch:
    """Generate, measure and classify; ``on_error`` is called where the classifier fails.

    Raises ModelError if the model is missing or cannot fulfil the request, and BusyError or
    CancelledError as :func:`radioviz.ui.in_line.in_line`.
    """
    held, name = generate_state(), class_probabilities.shown_classifier()
    key = (info.name, info.weights_sha256, repr(request), clip, name)
    made = cache.generated.peek(info.name, request)
    if made is not None and held.batch_key == key:
        images = _clipped(made, clip)
        return GeneratedBatch(info, made, images, clip, held.measured, name, held.probabilities)
    from radioviz.encode.generator import CHUNK, REFINEMENTS

    cache.encoder(info.name)  # loaded before it waits, so that others need not wait for it
    title = f"Generating {request.n:,} images with seed {request.seed}"
    decodings = REFINEMENTS + 1 if info.can("size") else 1
    slices = -(-request.n // CHUNK) * decodings + -(-request.n // class_probabilities.BATCH)
    probabilities: dict[str, np.ndarray] = {}
    failed = False
    with in_line(title, slices, "generate", repr(key)) as progress:
        made = cache.generated(info.name, request, progress)
        images = _clipped(made, clip)
        if name is not None:
            try:
                probabilities = class_probabilities.classify_images(name, images, progress)
            except ModelError as error:
                failed = True
                on_error(str(error))
        measured = synthetic.measure_decoded(images, info, progress)
    if held.batch_key is None or held.batch_key[:4] != key[:4]:
        held.chosen, held.picks = 0, set()
    held.measured, held.probabilities = measured, probabilities
    held.batch_key = (*key[:4], None) if failed else key
    return GeneratedBatch(info, made, images, clip, measured, name, probabilities)


def _clipped(made: GeneratedGalaxies, clip: bool) -> np.ndarray:
    return made.sigma_clipped(CLIP_SIGMA).images if clip else made.images
