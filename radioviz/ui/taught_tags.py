"""What the examples of a reader's tag say of all other galaxies: on Similar and on Likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.ui import cache, controls
from radioviz.ui.cache.data_sets import atlas_version, data_set_version
from radioviz.ui.cache.shared import shared
from radioviz.ui.session_labels import labels
from radioviz.ui.state import page_state
from radioviz.words.examples import FEWEST, ExampleSpace, TaughtWord

Pair = tuple[str, str]


@dataclass(frozen=True, eq=False)
class TaughtTag:
    """A tag of the reader's in some data sets, whose rows follow one another."""

    tag: str
    data_sets: tuple[str, ...]
    # yes, no: rows of its examples, and of those against it
    yes: np.ndarray
    no: np.ndarray
    space: ExampleSpace
    word: TaughtWord | None  # what they say of every galaxy; None where there are too few

    def pairs(self, rows: np.ndarray) -> list[Pair]:
        """Galaxies of some rows."""
        found: list[Pair] = [("", "")] * len(rows)
        for key, start, end in _places(self.data_sets):
            here = np.flatnonzero((rows >= start) & (rows < end))
            ids = cache.data_set(key).ids_of(rows[here] - start)
            for at, source_id in zip(here.tolist(), ids, strict=True):
                found[at] = (key, str(source_id))
        return found

    def scores(self, rows: np.ndarray) -> dict[Pair, float]:
        """Galaxies of some rows, and the probability that each has the tag."""
        values = np.full(len(rows), np.nan) if self.word is None else self.word.probability[rows]
        return dict(zip(self.pairs(rows), values.tolist(), strict=True))

    def others(self) -> np.ndarray:
        """Rows of the galaxies that are no examples, the most likely first."""
        if self.word is None:
            return np.zeros(0, np.int64)
        return self.word.ranked([*self.yes, *self.no])

    def draw_counts(self) -> None:
        """How many galaxies are likely to have it, and how many examples are classified right."""
        if self.word is None:
            st.info(
                f"A ranking needs {FEWEST} galaxies with the tag and {FEWEST} without it; there "
                f"are {len(self.yes)} and {len(self.no)}.",
                icon=":material/label:",
            )
            return
        known = np.isfinite(self.word.probability)
        most, sure = (int((p[known] >= 0.5).sum()) for p in (self.word.probability, self.word.low))
        st.markdown(
            f"**{controls.escape(self.tag)}**: {most:,} of {int(known.sum()):,} galaxies are more "
            f"likely to have it than not, {sure:,} of them by more than one sigma. By "
            f"cross-validation {self.word.right[0]} of {len(self.yes)} examples and "
            f"{self.word.right[1]} of {len(self.no)} counter-examples are classified correctly."
        )


@dataclass
class _Held:
    """What was made from the labels last."""

    made: dict[tuple[object, ...], TaughtTag] = field(default_factory=dict)


def taught_tag(tag: str, data_sets: tuple[str, ...], model: str) -> TaughtTag:
    """What the workspace's examples of a tag say of the galaxies of some data sets.

    Raises AtlasError or CatalogueError if a data set, or its latents by the encoder, cannot be
    opened, and LabelError if a galaxy is an example of the tag and against it.
    """
    sides = [_rows(data_sets, pairs) for pairs in labels().examples(tag)]
    stamp = (tag, _version(data_sets, model), *(tuple(rows.tolist()) for rows in sides))
    held = page_state(_Held)
    if stamp not in held.made:
        space = _space(data_sets, model)
        word = None if min(map(len, sides)) < FEWEST else space.teach(*sides)
        held.made = {stamp: TaughtTag(tag, data_sets, sides[0], sides[1], space, word)}
    return held.made[stamp]


def _places(data_sets: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """Each data set, its first row, and the row after its last."""
    start = 0
    for key in data_sets:
        end = start + len(cache.data_set(key))
        yield key, start, end
        start = end


def _rows(data_sets: tuple[str, ...], pairs: list[Pair]) -> np.ndarray:
    parts = [
        cache.data_set(key).known_rows_of([s for d, s in pairs if d == key]) + start
        for key, start, _ in _places(data_sets)
    ]
    return np.concatenate(parts)


def _version(data_sets: tuple[str, ...], model: str) -> tuple[object, ...]:
    parts = [(key, atlas_version(key, model), data_set_version(key)) for key in data_sets]
    return model, *parts


@shared(_version, entries=4)
def _space(data_sets: tuple[str, ...], model: str) -> ExampleSpace:
    located = [cache.located(key, model) for key in data_sets]
    return ExampleSpace.joined([(one.catalogue, one.atlas) for one in located])
