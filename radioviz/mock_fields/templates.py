"""The galaxies that a mock field shows: generated once, measured, and chosen for each source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.data.preprocess import FIRST_BEAM
from radioviz.encode import GenerationRequest, Generator
from radioviz.errors import FieldError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.mock_fields.settings import COMPACT, FieldSettings
from radioviz.models.registry import decoders
from radioviz.morphology import measure

_ALIKE = 6
"""Templates of about the right size among which one is drawn."""

SHARP = 0.97
"""Least minor axis of the field's beam, over the beam of a template at the size of its source."""


@dataclass(frozen=True, eq=False)
class Templates:
    """Generated galaxies on the pixels of their generator, unclipped flux, no noise added."""

    # Float32 ``(n, size, size)``, as FITS images: row 0 in the south, column 0 in the east.
    images: np.ndarray
    labels: np.ndarray  # class of each, str ``(n,)``
    las: np.ndarray  # measured largest angular size of each, arcsec ``(n,)``
    index: np.ndarray  # its number in the sequence of the seed, int ``(n,)``
    # pixel, beam: arcsec: pixel, and FWHM of the beam that its training images were observed with
    pixel: float
    beam: float
    made: str  # what made them, in words

    def choose(self, sources: pd.DataFrame, settings: FieldSettings) -> np.ndarray:
        """A template for each source, int ``(n,)``; -1 for unresolved sources.

        A template is shown at the size of its source, which scales its beam as well. One of about
        the same size is preferred, but large enough for its beam not to be wider than that of the
        field, where there is one.
        """
        source = np.random.default_rng([settings.seed, 2])
        chosen = np.full(len(sources), -1, np.int64)
        ratio = settings.beam.minor / self.beam
        for label in settings.shares:
            rows = np.flatnonzero((sources["label"] == label).to_numpy(bool))
            if label == COMPACT or not len(rows):
                continue
            own = np.flatnonzero(self.labels == label)
            own = own[np.argsort(self.las[own])]
            las = sources["las"].to_numpy(float)[rows]
            sharp = np.searchsorted(self.las[own], SHARP * las / ratio)
            alike = np.searchsorted(self.las[own], las / min(1.0, ratio)) - _ALIKE // 2
            first = np.clip(np.maximum(sharp, alike), 0, max(0, len(own) - _ALIKE))
            width = min(_ALIKE, len(own))
            chosen[rows] = own[first + source.integers(width, size=len(rows))]
        return chosen


def make_templates(
    settings: FieldSettings,
    labels: Sequence[str],
    progress: Progress = no_progress,
    generator: Generator | None = None,
) -> Templates:
    """Generate and measure the galaxies that a field needs.

    ``generator``: in memory already; by default the model of the settings is loaded. Raises
    FieldError if the model does not know a class, and ModelError if there is no model.
    """
    wanted = [label for label in dict.fromkeys(labels) if label != COMPACT]
    if not wanted:
        nothing = np.zeros((0, 1, 1), np.float32)
        none = np.zeros(0, np.int64)
        made = "no model, since all sources are unresolved"
        return Templates(nothing, np.zeros(0, "U1"), np.zeros(0), none, 1.0, FIRST_BEAM, made)
    if generator is None:
        generator = Generator.load(settings.model or next(iter(decoders()), ""))
    name = generator.info.name
    unknown = [label for label in wanted if label not in generator.classes]
    if unknown:
        known = ", ".join([*generator.classes, COMPACT])
        raise FieldError(f"model '{name}' does not generate class '{unknown[0]}'; it knows {known}")
    chain = generator.info.preprocess
    if chain.field_arcsec is None:
        raise FieldError(f"images of model '{name}' have no pixel scale; choose another model")
    pixel = chain.field_arcsec / chain.size
    parts, total = [], len(wanted) * settings.templates
    for done, label in enumerate(wanted):

        def report(k: int, n: int, what: str, done: int = done) -> None:
            progress(done * settings.templates + k, total, "generating galaxies")

        request = GenerationRequest(
            n=settings.templates, seed=settings.seed, label=label, candidates=settings.candidates,
            guidance=settings.guidance, corrections=0,  # they are scaled to the size of a source
        )  # fmt: skip
        parts.append(generator.sample(request, report, sky=False))
    images = np.concatenate([p.images for p in parts])
    found = measure(images, pixel, beam=FIRST_BEAM)
    labels_of = np.array([label for p in parts for label in p.labels], dtype=str)
    index = np.array([i for p in parts for i in p.indices], dtype=np.int64)
    las = found["las_measured"].to_numpy(float)
    good = found["resolved"].to_numpy(bool) & np.isfinite(las)
    for label in wanted:
        if not good[labels_of == label].any():
            raise FieldError(
                f"none of {settings.templates} generated {label} galaxies is resolved; ask for more"
            )
    made = f"model {generator.info.name}, weights SHA-256 {generator.info.weights_sha256}"
    return Templates(images[good], labels_of[good], las[good], index[good], pixel, FIRST_BEAM, made)
