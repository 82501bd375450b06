"""What became of each file of an import, and the journal that records it."""

from __future__ import annotations

from typing import Any

import msgspec

from radioviz.jobs.journal import Journal


class FileOutcome(msgspec.Struct, frozen=True, array_like=True):
    """Result of reading one file, row or plane; a line of the import's journal."""

    name: str  # as the report calls it
    refused: str = ""  # why it was not read; empty if it was
    row: int | None = None  # its row in the table that came with the images
    facts: dict[str, Any] | None = None  # cells that it adds to the table; None stands for NaN
    notes: tuple[str, ...] = ()  # what was repaired


ImportJournal = Journal[FileOutcome]
