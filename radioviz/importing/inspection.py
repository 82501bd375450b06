"""A look at what a user brings: what was found, and what has to be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radioviz.data.user_surveys import suggest_key
from radioviz.errors import CatalogueError
from radioviz.importing.questions import Answers, Question
from radioviz.importing.reader import Reader

KINDS = {
    "files": "images in files",
    "listed": "images that a table names",
    "cube": "a cube of images",
    "mosaic": "a mosaic with a source list",
    "batches": "batches of RGZ DR1",
    "positions": "positions to fetch cutouts for",
}
SAMPLE = 20
"""Rows of a sample."""


@dataclass(frozen=True)
class Source:
    """What the user points at.

    Attributes
    ----------
    path : pathlib.Path
        Folder, archive, FITS, cube or table.
    table : pathlib.Path or None
        Table that goes with it: source list, or properties row by row.
    """

    path: Path
    table: Path | None = None


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found and what must be answered.

    Attributes
    ----------
    source : Source
    kind : str
        One of :data:`KINDS`.
    count : int or None
        Images to come at most; None where that is not known beforehand.
    found : dict of str to str
        Facts, for a person.
    needed : tuple of Question
        Open questions; those without a default must be answered before the import.
    sample : pandas.DataFrame
        First rows as they will be.
    refused : tuple of (str, str)
        What the look already found unreadable, and why.
    notes : tuple of str
    key : str
        A free key for the survey.
    state : tuple
        Changes when the files change.
    """

    source: Source
    kind: str
    count: int | None
    found: dict[str, str]
    needed: tuple[Question, ...]
    sample: pd.DataFrame
    refused: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    key: str = "survey"
    state: tuple[Any, ...] = ()
    make: Callable[[], Reader] | None = field(default=None, repr=False)

    @property
    def missing(self) -> tuple[Question, ...]:
        """Questions that must be answered."""
        return tuple(q for q in self.needed if q.required)

    def reader(self) -> Reader:
        """The reader of the import.

        Raises
        ------
        CatalogueError
            If a question that must be answered is open; all of them are named.
        """
        if self.missing or self.make is None:
            asked = " ".join(
                f"{q.key}: {q.text}" + (f" ({', '.join(q.choices)})" if q.choices else "")
                for q in self.missing
            )
            raise CatalogueError(f"{self.source.path}: answers are needed. {asked}")
        return self.make()


def key_of(source: Source, answers: Answers) -> str:
    """The key that was given, or a free one made of the file's name."""
    given = answers.get("key")
    return str(given) if given else suggest_key(Path(source.path).resolve().name.split(".")[0])
