"""Common types of an import: the source, its inspection, and the reader of its images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.noise_level import blank_pixels
from radioviz.errors import CatalogueError
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.source_rows import SourceList
from radioviz.importing.survey_facts import Question, SurveyFacts
from radioviz.jobs.progress import Progress, no_progress

KINDS = {
    "files": "images in files",
    "listed": "images that a table names",
    "cube": "a cube of images",
    "mosaic": "a mosaic with a source list",
    "field": "a mosaic whose sources are found",
    "batches": "batches of RGZ DR1",
    "positions": "positions to fetch cutouts for",
}
SAMPLE = 20
"""Rows of a sample."""
LEFT_OUT = "left out: "
"""Start of the reason where an image was left out on request."""
SOURCE_NAME = "source_name"
"""Cell of what the files call a source with several of them."""


@dataclass(frozen=True)
class Source:
    """What to import."""

    path: Path  # folder, archive, FITS, cube or table
    table: Path | None = None  # table that belongs to it: a source list, or one row per image


Step = tuple[FileOutcome, np.ndarray | None]


class Reader(ABC):
    """Reads one source of images in a fixed order.

    Attributes
    ----------
    shape : tuple of int
        ``(ny, nx)`` of every image, or ``(planes, ny, nx)``.
    planes, units : tuple of str
        Names and units of the images of each source; empty where each has one.
    dtype : numpy.dtype
        uint8 or float32.
    total : int or None
        Number of outcomes; None where unknown in advance.
    expected : int or None
        Upper limit on the images, to check the free space; default ``total``.
    survey : SurveyFacts
    sources : SourceList or None
        The table that belongs to the images, where there is one.
    notes : list of str
        On the whole import.
    several : bool
        True where each outcome is a file of its own, and reading changes nothing in the reader: it
        may be read in a fork.
    cancelled : callable
        For readers that wait: True asks them to stop.
    progress : callable
        For readers that work before their first outcome, as that of an import.
    """

    shape: tuple[int, ...]
    planes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    dtype: np.dtype
    total: int | None = None
    expected: int | None = None
    survey: SurveyFacts
    sources: SourceList | None = None
    several = False

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.cancelled: Callable[[], bool] = lambda: False
        self.progress: Progress = no_progress

    def finish(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add to the table what only the whole table shows."""
        return table

    @abstractmethod
    def read(self, start: int = 0) -> Iterator[Step]:
        """Outcomes and images from number ``start``, the same ones at each call.

        An outcome without a refusal comes with an image of ``shape`` and ``dtype``.
        """


class CutoutReader(Reader):
    """A cutout for each row of a source list; the rows that the list refuses come first.

    ``sources``: with positions; ``survey``: ``pixel_scale`` is that of the cutouts; ``pixels``:
    along an edge of the cutouts. Raises CatalogueError if the pixel scale is unknown.
    """

    shape: tuple[int, int]

    def __init__(self, sources: SourceList, survey: SurveyFacts, pixels: int) -> None:
        super().__init__()
        if survey.pixel_scale is None:
            raise CatalogueError("cutouts need a pixel scale in arcsec")
        self.sources, self.survey, self.step = sources, survey, survey.pixel_scale
        self.shape, self.dtype = (pixels, pixels), np.dtype(np.float32)
        self.ra = sources.frame["ra"].to_numpy(dtype=float)
        self.dec = sources.frame["dec"].to_numpy(dtype=float)
        self.names = [
            f"row {number}: {name}"
            for number, name in zip(sources.frame.index, sources.frame["source_id"], strict=True)
        ]
        self._refused = sources.refused
        self.total = len(sources.refused) + len(sources.frame)

    def read(self, start: int = 0) -> Iterator[Step]:
        for number, why in self._refused[start:]:
            yield FileOutcome(f"row {number}", why), None
        yield from self.cutouts(max(0, start - len(self._refused)))

    @abstractmethod
    def cutouts(self, first: int) -> Iterator[Step]:
        """Outcomes and images of the rows of the frame from number ``first``."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found in a source and what must be answered."""

    source: Source
    kind: str  # one of :data:`KINDS`
    count: int | None  # upper limit on the images; None where unknown in advance
    found: dict[str, str]  # facts in words
    # Open questions; those without a default must be answered before the import.
    needed: tuple[Question, ...]
    sample: pd.DataFrame = field(default_factory=pd.DataFrame)  # first rows of the new survey
    refused: tuple[tuple[str, str], ...] = ()  # unreadable files of the sample, and why
    notes: tuple[str, ...] = ()
    key: str = "survey"  # a free key for the survey
    state: tuple[Any, ...] = ()  # changes when the files change
    make: Callable[[], Reader] | None = field(default=None, repr=False)

    @property
    def missing(self) -> tuple[Question, ...]:
        """Questions that must be answered."""
        return tuple(q for q in self.needed if q.required)

    def reader(self) -> Reader:
        """The reader of the import.

        Raises CatalogueError if a question that must be answered is open; all of them are named.
        """
        if self.missing or self.make is None:
            asked = " ".join(
                f"{q.key}: {q.text}" + (f" ({', '.join(q.choices)})" if q.choices else "")
                for q in self.missing
            )
            raise CatalogueError(f"{self.source.path}: answers are needed. {asked}")
        return self.make()


def to_stored_type(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Float32 image as the type that is stored; missing grey levels become 0."""
    if dtype == np.uint8:
        return np.clip(np.rint(np.nan_to_num(image)), 0, 255).astype(np.uint8)
    return image.astype(dtype, copy=False)


def looks_clipped(images: list[np.ndarray], levels: bool = False) -> bool:
    """True where the noise was set to zero: most pixels of most images are exactly 0.

    In pictures (``levels``) it may be any darkest level, within the two that JPEG makes of one.
    """
    good = [image[~blank_pixels(image)] for image in images]
    floors = [pixels.min() + 2 if levels else 0 for pixels in good if pixels.size]
    shares = [
        float(np.mean(pixels <= floor if levels else pixels == 0))
        for pixels, floor in zip((g for g in good if g.size), floors, strict=True)
    ]
    return bool(shares) and float(np.median(shares)) > 0.5
