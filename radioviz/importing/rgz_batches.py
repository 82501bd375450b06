"""Import of RGZ DR1: the CIFAR-style image batches of Radio Galaxy Zoo.

A folder of ``data_batch_1`` ... and ``test_batch`` with the keys ``data`` (n x 22500
uint8), ``filenames``, ``src_ids``, ``mb_flag`` (1 where the source is also in MiraBest)
and ``LAS`` (arcsec). Andrianomena & Tang 2023 flag the MiraBest sources out when they
train (Sec. 2); Slijepcevic et al. cut the angular size at 16 and 29 arcsec.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.datasets.cifar import Batch, batch_files, read_batch
from radioviz.data.datasets.rgz import INFO, SIDE, assign_splits, decode_batch
from radioviz.errors import CatalogueError
from radioviz.importing.inspection import (
    LEFT_OUT,
    SAMPLE,
    Inspection,
    Reader,
    Source,
    Step,
)
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.survey_facts import (
    Answers,
    SurveyFacts,
    choice_answer,
    positive_answer,
    resolve_facts,
)

_HINT = "give the folder rgz108k-batches-py with data_batch_1 ... and test_batch"
RGZ_FACTS = SurveyFacts(
    pixel_scale=INFO.pixel_scale,
    beam=INFO.beam,
    bunit=INFO.bunit,
    survey="FIRST",
    raw=INFO.raw,
    frequency=INFO.frequency,
    licence=INFO.licence,
    reference=INFO.reference,
)


def is_batches(path: Path) -> bool:
    """True for a folder that holds image batches."""
    return path.is_dir() and ((path / "data_batch_1").is_file() or (path / "test_batch").is_file())


class BatchReader(Reader):
    """Galaxies of the batches, training batches first.

    ``exclude_mirabest``: leave out the sources with ``mb_flag``. ``las_min``: leave out smaller
    angular sizes, arcsec; unknown ones too. ``north_first``: true where row 0 of an image is its
    northern edge.
    """

    def __init__(
        self,
        files: list[Path],
        survey: SurveyFacts,
        exclude_mirabest: bool = False,
        las_min: float | None = None,
        north_first: bool = False,
    ) -> None:
        super().__init__()
        self.files, self.survey = files, survey
        self.exclude_mirabest, self.las_min = exclude_mirabest, las_min
        self.north_first = north_first
        self.shape, self.dtype = (SIDE, SIDE), np.dtype(np.uint8)
        self.expected = sum(f.stat().st_size for f in files) // (SIDE * SIDE)

    def read(self, start: int = 0) -> Iterator[Step]:
        """See :class:`Reader`; batches before ``start`` are read again to count them."""
        number = 0
        for path in self.files:
            batch = read_batch(path, SIDE)
            end = number + len(batch.images)
            if end > start:
                cells = self._cells(batch)
                for i in range(max(0, start - number), len(batch.images)):
                    yield self._step(batch, cells, i)
            number = end

    @staticmethod
    def _cells(batch: Batch) -> list[dict[Hashable, Any]]:
        table = decode_batch(batch)
        table["flag"] = np.where(batch.images.any(axis=(1, 2)), "", "empty image")
        table["survey"] = "FIRST"
        table["batch"] = batch.path.name
        table["batch_index"] = np.arange(len(table))
        return table.to_dict("records")

    def finish(self, table: pd.DataFrame) -> pd.DataFrame:
        """Assign splits; sources in other test sets are kept out of training."""
        assign_splits(table)
        return table

    def _step(self, batch: Batch, cells: list[dict[Hashable, Any]], i: int) -> Step:
        name = f"{batch.path.name}[{i}]"
        row = {str(k): v for k, v in cells[i].items()}
        if self.exclude_mirabest and row["mb_flag"]:
            return FileOutcome(name, f"{LEFT_OUT}also in MiraBest (mb_flag)"), None
        las = float(row["las"])
        if self.las_min is not None and not las >= self.las_min:
            why = f"{LEFT_OUT}LAS {las:.2f} is not at least {self.las_min:g} arcsec"
            return FileOutcome(name, why), None
        image = batch.images[i]
        return FileOutcome(name, "", None, row), image[::-1] if self.north_first else image


def inspect_batches(source: Source, answers: Answers) -> Inspection:
    """Inspect the first batch.

    Raises CatalogueError if the folder lacks batches, or the first one is damaged or another
    format.
    """
    files = batch_files(source.path, _HINT)
    first = read_batch(files[0], SIDE)
    survey, found, needed = resolve_facts({"bunit": "unknown", **answers}, RGZ_FACTS)
    flag = choice_answer(answers, "mb_flag", ("keep", "exclude")) or "keep"
    las_min = positive_answer(answers, "las_min", "arcsec")
    if flag == "exclude" and "mb_flag" not in first.columns:
        raise CatalogueError(
            f"{files[0]}: no mb_flag, so MiraBest sources cannot be left out; "
            f"the batch has {', '.join(first.columns) or 'no columns'}"
        )
    first_row = choice_answer(answers, "first_row", ("south", "north"))
    note = "rows are assumed to start in the south, as in MiraBest; answer first_row if not"
    found = {
        "batches": f"{len(files)}, the first of {len(first.images):,} images",
        "shape": f"{SIDE} x {SIDE} pixels",
        "mb_flag": f"MiraBest sources {'left out' if flag == 'exclude' else 'kept'}",
        "las": f"at least {las_min:g} arcsec" if las_min else "any angular size",
        **found,
    }
    return Inspection(
        source,
        "batches",
        count=None,
        found=found,
        needed=tuple(needed),
        make=lambda: BatchReader(files, survey, flag == "exclude", las_min, first_row == "north"),
        sample=decode_batch(first).head(SAMPLE),
        notes=() if "first_row" in answers else (note,),
    )
