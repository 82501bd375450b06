"""Models in memory and what they decoded, shared by all sessions.

Networks run one at a time (:mod:`radioviz.encode.inference_lock`). Work of more than a moment
waits in line first (:mod:`radioviz.ui.in_line`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from radioviz.data.judge_sources import learned_aside, rows_aside
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.ui.cache.data_sets import data_set, data_set_version, models, weights_of
from radioviz.ui.cache.shared import shared
from radioviz.ui.in_line import in_line

if TYPE_CHECKING:
    from radioviz.atlas.latent_plane import Plane
    from radioviz.encode import Classifier, Encoder, GeneratedGalaxies, GenerationRequest, Generator
    from radioviz.encode.attributions import Explanation
    from radioviz.mock_fields.settings import FieldSettings
    from radioviz.mock_fields.templates import Templates
    from radioviz.models.artefact import ModelInfo
    from radioviz.ui.image.display import ImageStyle


@shared(weights_of, entries=16, opens_torch=True)
def encoder(model: str) -> Encoder:
    """An encoder in memory; the first call imports torch.

    Raises ModelError if the model is missing or altered.
    """
    from radioviz.encode import Encoder

    return Encoder.load(model)


@shared(weights_of, entries=4, opens_torch=True)
def classifier(model: str) -> Classifier:
    """A classifier in memory.

    Raises ModelError if it is missing or altered.
    """
    from radioviz.encode import Classifier

    return Classifier.load(model)


def classifiers() -> dict[str, ModelInfo]:
    """Models that give class probabilities of a generated image, by name."""
    return models().with_capability("classify", "features")


def generator(model: str) -> Generator:
    """The model as a source of new galaxies; shares its weights with :func:`encoder`.

    Raises ModelError if the model is missing or altered, or cannot decode.
    """
    from radioviz.encode import Generator

    return Generator(encoder(model))


DECODED = 16
"""Images of a slice of :func:`decoded`; the slowest model needs half a second for as many."""


def decoded(
    model: str, z: np.ndarray, conditions: Mapping[str, Any], progress: Progress = no_progress
) -> np.ndarray:
    """Images at latent vectors ``(n, d)``, each decoded by itself: float32 ``(n, size, size)``.

    In batches of one, since rounding depends on the length of a batch: so an exported image
    can be made again bit for bit from its latent vector alone. ``progress`` is called after each
    slice of :data:`DECODED` images.

    Raises ModelError as :meth:`radioviz.encode.Encoder.decode`.
    """
    opened, parts = encoder(model), []
    for start in range(0, len(z), DECODED):
        part = z[start : start + DECODED]
        parts.append(opened.decode(part, dict(conditions), batch=1))
        progress(start + len(part), len(z), "decoding")
    return np.concatenate(parts)


def _plane_key(
    model: str, plane: Plane, conditions: Mapping[str, Any], style: ImageStyle | None = None
) -> tuple[object, ...]:
    drawn = (style.stretch, style.colour_map) if style else ()
    return *weights_of(model), plane.digest, repr(sorted(conditions.items())), drawn


@shared(_plane_key, entries=8, waits=True)
def plane_images(model: str, plane: Plane, conditions: Mapping[str, Any]) -> np.ndarray:
    """Images of all cells of a plane, in the order of its grid; read-only.

    A model that draws detail gives its mean images, so that 441 cells come within a second.

    Raises ModelError as :func:`decoded`.
    """
    from radioviz.encode import PLANE_BATCH

    opened, z = encoder(model), plane.grid()
    slices = -(-len(z) // PLANE_BATCH)
    with in_line("Decoding the plane", slices, "walk_plane_images", plane.digest) as progress:
        images = opened.decode(z, dict(conditions), PLANE_BATCH, draft=True, progress=progress)
    images.setflags(write=False)
    return images


@shared(_plane_key, entries=16)
def plane_png(model: str, plane: Plane, conditions: Mapping[str, Any], style: ImageStyle) -> bytes:
    """All cells of a plane in one picture."""
    from radioviz.ui import synthetic

    return synthetic.draw_plane(plane_images(model, plane, conditions), plane.side, style)


@shared(_plane_key, entries=16, waits=True)
def plane_properties(model: str, plane: Plane, conditions: Mapping[str, Any]) -> pd.DataFrame:
    """Measurements of the cells of a plane, one row a cell (``synthetic.measure_decoded``)."""
    from radioviz.ui import synthetic

    images = plane_images(model, plane, conditions)
    title, slices = f"Measuring {len(images):,} decoded images", -(-len(images) // 100)
    with in_line(title, slices, "walk_measure", plane.digest) as progress:
        return synthetic.measure_decoded(images, models()[model], progress)


@shared(
    lambda model, request, progress=None: (*weights_of(model), repr(request)),
    entries=12,
    waits=True,
)
def generated(
    model: str, request: GenerationRequest, progress: Progress = no_progress
) -> GeneratedGalaxies:
    """New galaxies for a request; the last few batches are kept, read-only.

    ``progress`` is called after each batch of the generator.

    Raises ModelError as :meth:`radioviz.encode.Generator.sample`.
    """
    made = generator(model).sample(request, progress)
    made.images.setflags(write=False)
    return made


def _twins_key(
    model: str, latents: np.ndarray, sizes: np.ndarray | None, progress: Progress = no_progress
) -> tuple[object, ...]:
    parts = [latents] if sizes is None else [latents, sizes]
    return *weights_of(model), *(sha256(part.tobytes()).hexdigest() for part in parts)


@shared(_twins_key, entries=8, waits=True)
def twins(
    model: str, latents: np.ndarray, sizes: np.ndarray | None, progress: Progress = no_progress
) -> dict[str, np.ndarray]:
    """See :meth:`radioviz.encode.Generator.twins`."""
    return generator(model).twins(latents, sizes, progress)


def _templates_key(settings: FieldSettings, progress: Progress = no_progress) -> tuple[object, ...]:
    kept = settings.seed, settings.templates, settings.candidates, settings.guidance
    labels = sorted(label for label, share in settings.shares.items() if share > 0)
    return *weights_of(settings.model), *kept, *labels


@shared(_templates_key, entries=4, waits=True)
def templates(settings: FieldSettings, progress: Progress = no_progress) -> Templates:
    """The generated galaxies of a mock field, which its other settings do not change.

    Raises FieldError or ModelError as :func:`radioviz.mock_fields.templates.make_templates`.
    """
    from radioviz.mock_fields.templates import make_templates

    labels = [label for label, share in settings.shares.items() if share > 0]
    return make_templates(settings, labels, progress, generator(settings.model))


@dataclass(frozen=True, eq=False)
class Training:
    """The images a model learned from, as it saw them."""

    images: np.ndarray  # float32 of shape ``(n, size, size)``
    pairs: list[tuple[str, str]]  # ``(data set, source_id)``
    threshold: float  # 1st percentile of the distances of these images to their nearest other one
    missing: tuple[str, ...]  # data sets of the training that are not here
    aside: int  # images of these data sets that it did not learn from, as a judge of it does


def _training_key(model: str, progress: Progress = no_progress) -> tuple[object, ...]:
    """The model, and which of its data sets are here: one may come, or be imported again."""
    found: list[object] = []
    for key in models()[model].training.get("data", ()):
        with suppress(CatalogueError):
            found.append(data_set_version(key))
    return *weights_of(model), *found


@shared(_training_key, entries=2, waits=True)
def training(model: str, progress: Progress = no_progress) -> Training:
    """The images a model was trained on, one an object; opens the data sets they came from."""
    from radioviz.metrics import copies

    info = models()[model]
    parts, pairs, missing, apart, aside = [], [], [], [], 0
    leaves_out = learned_aside(info.training)
    for key in info.training.get("data", ()):
        try:
            catalogue = data_set(key)
            learned = catalogue.table["split"].to_numpy(str) == "train"
            kept_back = rows_aside(key, catalogue.table) if leaves_out else np.zeros_like(learned)
        except CatalogueError:
            missing.append(key)
            continue
        aside += int((learned & kept_back).sum())
        learned &= ~kept_back
        rows = np.flatnonzero(learned)
        parts.append(info.preprocess.apply(catalogue, rows))
        if len(rows) > 2:
            # Within one survey: an object in two surveys is not a pair of different ones.
            apart.append(copies.nearest(parts[-1], parts[-1], same=True, progress=progress)[0])
        pairs += [(key, str(s)) for s in catalogue.ids_of(rows)]
    if not parts:
        size = info.preprocess.size
        return Training(np.zeros((0, size, size), np.float32), [], np.nan, tuple(missing), 0)
    threshold = float(np.percentile(np.concatenate(apart), 1)) if apart else np.nan
    return Training(np.concatenate(parts), pairs, threshold, tuple(missing), aside)


@shared(
    lambda classifier_name, data_set_key="first": (
        *weights_of(classifier_name),
        *data_set_version(data_set_key),
    ),
    entries=4,
)
def held_out(classifier_name: str, data_set_key: str = "first") -> tuple[np.ndarray, np.ndarray]:
    """Real galaxies that no model learned from: their labels and class probabilities.

    Returns ``labels``: classes that the classifier knows, shape ``(n,)``; ``probabilities``:
    float32 of shape ``(n, k)``. Raises CatalogueError, ModelError if the data set or the classifier
    is not here.
    """
    ready = classifier(classifier_name)
    catalogue = data_set(data_set_key)
    labels = catalogue.table["label"].to_numpy(str)
    held = catalogue.table["split"].isin(["test"]).to_numpy() & np.isin(labels, ready.classes)
    rows = np.flatnonzero(held)
    return labels[rows], ready.classify_catalogue(catalogue, rows)


def _row_key(data_set_key: str, row: int, model: str, plane: str = "") -> tuple[object, ...]:
    return *data_set_version(data_set_key), row, *weights_of(model), plane


@shared(_row_key, entries=128, waits=True)
def reconstruction(
    data_set_key: str, row: int, model: str, plane: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """An image as a model sees it, encoded and decoded: twice float32 ``(channels, size, size)``.

    As its class, where the model has it; the model estimates the angular size itself. ``plane``
    names the image where the source has several; by default the first. A model of several channels
    sees its own.

    Raises CatalogueError or ModelError if the data set or the model is missing, the model cannot
    decode, or the data set lacks one of its channels.
    """
    opened, catalogue = encoder(model), data_set(data_set_key).of_plane(plane or 0)
    image = opened.preprocessed_rows(catalogue, np.array([row]))
    label = str(catalogue.table["label"].iat[row])
    with in_line(f"Reconstructing with {opened.info.title}", 1, f"reconstruct_{model}"):
        made = opened.reconstruct_as(image, label)
    shape = (-1, *image.shape[-2:])
    return image.reshape(shape), made.reshape(shape)


@shared(_row_key, entries=64, waits=True)
def explanation(
    data_set_key: str, row: int, model: str, plane: str = ""
) -> tuple[np.ndarray, Explanation]:
    """An image as a classifier sees it, ``(size, size)``, and which parts support which class.

    ``plane`` names it where the source has several; by default the first.

    An explanation needs seconds, so it waits in line and is kept.

    Raises CatalogueError or ModelError if the data set or the classifier is missing.
    """
    from radioviz.encode.attributions import explain

    opened = classifier(model)
    catalogue = data_set(data_set_key).of_plane(plane or 0)
    image = opened.info.preprocess.apply(catalogue, np.array([row]))[0]
    opened = opened.of_survey(str(catalogue.table["survey"].iat[row]))
    with in_line("Explaining", 1, "explain"):
        return image, explain(opened, image)
