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
from radioviz.ui.state import page_state

if TYPE_CHECKING:
    from radioviz.encode import GeneratedGalaxies, GenerationRequest

CLIP_SIGMA = 3.0


@dataclass(frozen=True)
class GeneratedCentre:
    """A generated galaxy to draw around: its model, its latent vector, its name."""

    model: str
    latent: tuple[float, ...]
    title: str


@dataclass
class GenerateState:
    """What a session remembers of this page besides its widgets.

    Attributes
    ----------
    batch_key : tuple or None
        Model, weights, request and clipping of the batch shown.
    measured : pandas.DataFrame
        Measurements of that batch.
    chosen : int
        Row of the image shown large.
    picks : set of int
        Rows picked for export.
    centre : GeneratedCentre or None
        The generated galaxy last chosen by "More like this".
    """

    batch_key: tuple[Any, ...] | None = None
    measured: pd.DataFrame = field(default_factory=pd.DataFrame)
    chosen: int = 0
    picks: set[int] = field(default_factory=set)
    centre: GeneratedCentre | None = None


def generate_state() -> GenerateState:
    return page_state(GenerateState)


@dataclass(frozen=True, eq=False)
class GeneratedBatch:
    """A batch of generated galaxies with their measurements and class probabilities.

    Attributes
    ----------
    info : ModelInfo
    made : GeneratedGalaxies
    images : numpy.ndarray
        Float32 ``(n, size, size)``: as decoded, or sigma-clipped.
    clipped : bool
    measured : pandas.DataFrame
        See :func:`radioviz.ui.synthetic.measure_decoded`.
    classifier : str or None
        Model that gave ``probabilities`` (class to ``(n,)``); they are empty without one.
    """

    info: ModelInfo
    made: GeneratedGalaxies
    images: np.ndarray
    clipped: bool
    measured: pd.DataFrame
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


def generate_batch(
    info: ModelInfo,
    request: GenerationRequest,
    clip: bool,
    on_error: Callable[[str], Any] = lambda message: None,
) -> GeneratedBatch:
    """Generate, measure and classify; ``on_error`` is called where the classifier fails.

    Raises
    ------
    ModelError
        If the model is missing or cannot fulfil the request.
    """
    made = cache.generated(info.name, request)
    images = synthetic.sigma_clipped(made.images, CLIP_SIGMA) if clip else made.images
    name = class_probabilities.shown_classifier()
    probabilities: dict[str, np.ndarray] = {}
    if name is not None:
        try:
            probabilities = class_probabilities.classify_images(name, images)
        except ModelError as error:
            on_error(str(error))
    held = generate_state()
    key = (info.name, made.weights_sha256, repr(request), clip)
    if held.batch_key != key:
        held.measured = synthetic.measure_decoded(images, info)
        held.batch_key, held.chosen, held.picks = key, 0, set()
    return GeneratedBatch(info, made, images, clip, held.measured, name, probabilities)
