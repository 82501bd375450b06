"""Explanations of what classifiers say, kept since one takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

if TYPE_CHECKING:
    from radioviz.encode.attributions import Explanation


def explanation(data_set: str, row: int, model: str) -> tuple[np.ndarray, Explanation]:
    """An image as a classifier sees it, ``(size, size)``, and what in it speaks for which class.

    Raises
    ------
    CatalogueError, ModelError
        If the data set or the classifier is not here.
    """
    from radioviz.ui import cache

    weights = cache.models()[model].weights_sha256
    return _explanation(data_set, cache.data_set(data_set).digest, row, model, weights)


@st.cache_resource(show_spinner=False, max_entries=64)
def _explanation(
    data_set: str, digest: str, row: int, model: str, weights: str
) -> tuple[np.ndarray, Explanation]:
    from radioviz.encode.attributions import explain
    from radioviz.ui import cache

    classifier = cache.classifier(model)
    image = classifier.info.preprocess.apply(cache.data_set(data_set), np.array([row]))[0]
    return image, explain(classifier, image)
