"""Text encoders of others behind the search by words.

A package that has a model of text and images (a fine-tuned CLIP, say) can rank galaxies by whole
sentences. It names a class under the entry point group :data:`GROUP`::

    [project.entry-points."radioviz.text_encoders"]
    emuse = "my_package:Emuse"

RadioViz's own search needs none, and loads one only where a reader chooses it.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

import numpy as np

from radioviz.errors import VocabularyError

GROUP = "radioviz.text_encoders"


@runtime_checkable
class TextEncoder(Protocol):
    """A model that says how well a sentence fits galaxies."""

    def scores(self, sentence: str, data_set: str, source_ids: np.ndarray) -> np.ndarray:
        """How well a sentence fits each galaxy, the higher the better, ``(n,)``; NaN if unknown."""


def text_encoders() -> dict[str, EntryPoint]:
    """Installed text encoders by name; none of them is loaded."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load_text_encoder(name: str) -> TextEncoder:
    """An installed text encoder.

    Raises VocabularyError if there is none of this name, or it cannot be loaded or used.
    """
    known = text_encoders()
    if name not in known:
        named = ", ".join(known) or "none is installed"
        raise VocabularyError(f"there is no text encoder '{name[:60]}'; known: {named}")
    try:
        made = known[name].load()()
    except Exception as error:  # the code of another package
        raise VocabularyError(f"the text encoder '{name}' cannot be loaded: {error}") from error
    if not isinstance(made, TextEncoder):
        raise VocabularyError(
            f"the text encoder '{name}' has no method scores(sentence, data_set, source_ids)"
        )
    return made


def text_scores(
    encoder: TextEncoder, sentence: str, data_set: str, source_ids: np.ndarray
) -> np.ndarray:
    """Scores of a text encoder, checked: float64 ``(n,)``.

    Raises VocabularyError if it fails, or does not give one number for each galaxy.
    """
    try:
        found = np.asarray(encoder.scores(sentence, data_set, source_ids), np.float64)
    except Exception as error:  # the code of another package
        raise VocabularyError(f"the text encoder failed: {error}") from error
    if found.shape != (len(source_ids),):
        raise VocabularyError(
            f"the text encoder gave an array of shape {found.shape} for {len(source_ids)} galaxies"
        )
    return found
