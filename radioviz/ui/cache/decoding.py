"""Models in memory and what they decoded: behind the torch doorway, shared by all sessions.

A network in evaluation mode under ``torch.inference_mode`` keeps nothing from one call to the
next, so sessions use it side by side without a lock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

if TYPE_CHECKING:
    from radioviz.encode import Classifier, Encoder, GeneratedGalaxies, GenerationRequest, Generator
    from radioviz.models.artefact import ModelInfo
    from radioviz.models.registry import ModelList
    from radioviz.ui.image.display import ImageStyle
    from radioviz.ui.pages.grid_walk.latent_plane import Plane


def _models() -> ModelList:
    from radioviz.ui import cache

    return cache.models()


@st.cache_resource(show_spinner=False, max_entries=16)
def _encoder(model: str, weights: str) -> Encoder:
    from radioviz.encode import Encoder

    return Encoder.load(model)


def encoder(model: str) -> Encoder:
    """The torch doorway of a model; the first call imports torch.

    Raises
    ------
    ModelError
        If the model is missing or altered.
    """
    with opening_torch(_models()[model].title):
        return _encoder(model, _models()[model].weights_sha256)


@contextmanager
def opening_torch(title: str) -> Iterator[None]:
    """Say why it waits while torch is imported; silent once that has been done."""
    if "torch" in sys.modules:
        yield
        return
    with st.spinner(f"Opening {title}: the first model takes a few seconds, to load torch …"):
        yield


def generator(model: str) -> Generator:
    """The model as a source of new galaxies; shares its weights with :func:`encoder`.

    Raises
    ------
    ModelError
        If the model is missing or altered, or cannot decode.
    """
    from radioviz.encode import Generator

    return Generator.of(encoder(model))


def decoded(model: str, z: np.ndarray, conditions: Mapping[str, Any]) -> np.ndarray:
    """Images at latent vectors ``(n, d)``, each decoded by itself: float32 ``(n, size, size)``.

    In batches of one, since rounding depends on the length of a batch: so an exported image
    can be made again bit for bit from its latent vector alone.

    Raises
    ------
    ModelError
        As :meth:`radioviz.encode.Encoder.decode`.
    """
    return encoder(model).decode(z, dict(conditions), batch=1)


def plane_images(model: str, plane: Plane, conditions: Mapping[str, Any]) -> np.ndarray:
    """Images of all cells of a plane, in the order of its grid; kept, not to be changed.

    Of a model that draws detail, the mean images: 441 cells are to be there within a second.

    Raises
    ------
    ModelError
        As :func:`decoded`.
    """
    ready = encoder(model)
    given = tuple(sorted(conditions.items()))
    return _plane_images(model, ready.info.weights_sha256, plane.digest, given, plane)


@st.cache_resource(show_spinner=False, max_entries=8)
def _plane_images(
    model: str, weights: str, digest: str, conditions: tuple[tuple[str, Any], ...], _plane: Plane
) -> np.ndarray:
    # Few images at a time stay in the processor's own memory, which is up to a third faster.
    images = encoder(model).decode(_plane.grid(), dict(conditions), batch=64, draft=True)
    images.setflags(write=False)
    return images


def plane_png(model: str, plane: Plane, conditions: Mapping[str, Any], style: ImageStyle) -> bytes:
    """All cells of a plane in one picture."""
    images = plane_images(model, plane, conditions)
    given = tuple(sorted(conditions.items()))
    weights = _models()[model].weights_sha256
    drawn = (style.stretch, style.colour_map)
    return _plane_png(model, weights, plane.digest, given, drawn, images, plane.side, style)


@st.cache_resource(show_spinner=False, max_entries=16)
def _plane_png(
    model: str,
    weights: str,
    digest: str,
    conditions: tuple[tuple[str, Any], ...],
    drawn: tuple[str, str],
    _images: np.ndarray,
    _side: int,
    _style: ImageStyle,
) -> bytes:
    from radioviz.ui import synthetic

    return synthetic.draw_plane(_images, _side, _style)


def plane_properties(model: str, plane: Plane, conditions: Mapping[str, Any]) -> pd.DataFrame:
    """Measurements of the cells of a plane, one row a cell (``synthetic.measure_decoded``)."""
    images = plane_images(model, plane, conditions)
    info = _models()[model]
    given = tuple(sorted(conditions.items()))
    return _plane_properties(model, info.weights_sha256, plane.digest, given, images, info)


@st.cache_resource(show_spinner=False, max_entries=16)
def _plane_properties(
    model: str,
    weights: str,
    digest: str,
    conditions: tuple[tuple[str, Any], ...],
    _images: np.ndarray,
    _info: ModelInfo,
) -> pd.DataFrame:
    from radioviz.ui import synthetic

    return synthetic.measure_decoded(_images, _info)


def classifiers() -> dict[str, ModelInfo]:
    """Models that give class probabilities of an image, by name."""
    return _models().with_capability("classify")


def classifier(model: str) -> Classifier:
    """A classifier in memory.

    Raises
    ------
    ModelError
        If it is missing or altered.
    """
    info = _models()[model]
    with opening_torch(info.title):
        return _classifier(model, info.weights_sha256)


@st.cache_resource(show_spinner=False, max_entries=4)
def _classifier(model: str, weights: str) -> Classifier:
    from radioviz.encode import Classifier

    return Classifier.load(model)


def generated(model: str, request: GenerationRequest) -> GeneratedGalaxies:
    """New galaxies as asked for; the last few batches are kept, not to be changed.

    Raises
    ------
    ModelError
        As :meth:`radioviz.encode.Generator.sample`.
    """
    ready = generator(model)
    return _generated(model, ready.info.weights_sha256, repr(request), request)


@st.cache_resource(show_spinner=False, max_entries=12)
def _generated(
    model: str, weights: str, asked: str, _request: GenerationRequest
) -> GeneratedGalaxies:
    made = generator(model).sample(_request)
    made.images.setflags(write=False)
    return made


@dataclass(frozen=True, eq=False)
class Training:
    """The images a model learned from, as it saw them.

    Attributes
    ----------
    images : numpy.ndarray
        Float32 of shape ``(n, size, size)``.
    pairs : list of (str, str)
        ``(data set, source_id)``.
    threshold : float
        1st percentile of the distances of these images to their nearest other one.
    missing : tuple of str
        Data sets of the training that are not here.
    """

    images: np.ndarray
    pairs: list[tuple[str, str]]
    threshold: float
    missing: tuple[str, ...]


def training(model: str) -> Training:
    """The images a model was trained on, one an object; opens the data sets they came from."""
    return _training(model, _models()[model].weights_sha256)


@st.cache_resource(show_spinner=False, max_entries=2)
def _training(model: str, weights: str) -> Training:
    from radioviz.errors import CatalogueError
    from radioviz.metrics import copies
    from radioviz.ui import cache

    info = _models()[model]
    parts, pairs, missing, apart = [], [], [], []
    for key in info.training.get("data", ()):
        try:
            catalogue = cache.data_set(key)
        except CatalogueError:
            missing.append(key)
            continue
        rows = np.flatnonzero(catalogue.table["split"].to_numpy(str) == "train")
        parts.append(info.preprocess.apply(catalogue, rows))
        if len(rows) > 2:
            # Within one survey: an object that two surveys have is no pair of different ones.
            apart.append(copies.nearest(parts[-1], parts[-1], same=True)[0])
        pairs += [(key, str(s)) for s in catalogue.table["source_id"].to_numpy()[rows]]
    if not parts:
        size = info.preprocess.size
        return Training(np.zeros((0, size, size), np.float32), [], np.nan, tuple(missing))
    threshold = float(np.percentile(np.concatenate(apart), 1)) if apart else np.nan
    return Training(np.concatenate(parts), pairs, threshold, tuple(missing))


def held_out(classifier_name: str, data_set: str = "first") -> tuple[np.ndarray, np.ndarray]:
    """Real galaxies that no model learned from: their labels and class probabilities.

    Returns
    -------
    labels : numpy.ndarray
        Classes that the classifier knows, shape ``(n,)``.
    probabilities : numpy.ndarray
        Float32 of shape ``(n, k)``.

    Raises
    ------
    CatalogueError, ModelError
        If the data set or the classifier is not here.
    """
    return _held_out(classifier_name, _models()[classifier_name].weights_sha256, data_set)


@st.cache_resource(show_spinner=False, max_entries=4)
def _held_out(classifier_name: str, weights: str, data_set: str) -> tuple[np.ndarray, np.ndarray]:
    from radioviz.ui import cache

    ready = classifier(classifier_name)
    catalogue = cache.data_set(data_set)
    labels = catalogue.table["label"].to_numpy(str)
    held = catalogue.table["split"].isin(["test"]).to_numpy() & np.isin(labels, ready.classes)
    rows = np.flatnonzero(held)
    return labels[rows], ready.classify_catalogue(catalogue, rows)
