"""Models in memory and what they decoded: behind the torch doorway, shared by all sessions.

A network in evaluation mode under ``torch.inference_mode`` keeps nothing from one call to the
next, so sessions use it side by side without a lock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

if TYPE_CHECKING:
    from radioviz.encode import Classifier, Encoder, Generator
    from radioviz.models.artefact import ModelInfo
    from radioviz.models.registry import ModelList
    from radioviz.ui.latent_plane import Plane


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
    images = encoder(model).decode(_plane.grid(), dict(conditions))
    images.setflags(write=False)
    return images


def plane_properties(model: str, plane: Plane, conditions: Mapping[str, Any]) -> pd.DataFrame:
    """What is measured in the cells of a plane, one row a cell; see ``synthetic.measured``."""
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

    return synthetic.measured(_images, _info)


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
