"""What became of each file of an import, and the journal that records it."""

from __future__ import annotations

from typing import Any

import msgspec

from radioviz.jobs.journal import Journal


class FileOutcome(msgspec.Struct, frozen=True, array_like=True):
    """Result of reading one file, row or plane; a line of the import's journal.

    Attributes
    ----------
    name : str
        As the report calls it.
    refused : str
        Why it was not read; empty if it was.
    row : int or None
        Its row in the table that came with the images.
    facts : dict
        Cells that it adds to the table; None stands for NaN.
    notes : tuple of str
        What was repaired.
    """

    name: str
    refused: str = ""
    row: int | None = None
    facts: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


ImportJournal = Journal[FileOutcome]
