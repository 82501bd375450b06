"""Classes and probabilities that the FR classifiers give images."""

from __future__ import annotations

from typing import Any

import numpy as np

from radioviz.errors import ModelError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.ui import cache


def shown_classifier() -> str | None:
    """The classifier of generated images: lowest validation loss; None without any."""
    found = cache.classifiers()
    return min(
        found, key=lambda name: (found[name].scores.get("nll.valid", np.inf), name), default=None
    )


BATCH = 32
"""Images classified at a time, so that other readers need not wait for many."""


def classify_images(
    name: str, images: np.ndarray, progress: Progress = no_progress
) -> dict[str, np.ndarray]:
    """Probability of each class, by name: float32 of shape ``(n,)``.

    ``progress`` is called after each :data:`BATCH` images.

    Raises ModelError if the classifier is missing or altered, or the images have another size.
    """
    ready: Any = cache.classifier(name)
    given = ready.predict_proba(images, BATCH, progress)
    return {str(c): given[:, i] for i, c in enumerate(ready.classes)}


def probability_of(
    name: str, images: np.ndarray, label: str, progress: Progress = no_progress
) -> np.ndarray:
    """Probability of one class.

    Raises ModelError as :func:`classify_images`, or if the classifier does not know the class.
    """
    found = classify_images(name, images, progress)
    if label not in found:
        raise ModelError(f"classifier '{name}' knows {', '.join(found)}, but not '{label}'")
    return found[label].astype(float)


def likeliest_class(found: dict[str, np.ndarray], row: int) -> tuple[str, float]:
    """The likeliest class of an image and its probability."""
    label = max(found, key=lambda c: float(found[c][row]))
    return label, float(found[label][row])


def class_facts(images: np.ndarray) -> list[tuple[str, str]]:
    """Class of one image ``(1, ny, nx)``, as a line of facts."""
    name = shown_classifier()
    if name is None:
        return [("Class", "no classifier installed (python -m train classifier)")]
    try:
        label, share = likeliest_class(classify_images(name, images), 0)
    except ModelError as error:
        return [("Class", str(error))]
    return [("Class", f"{label}, {share:.0%} ({cache.models()[name].title})")]
