"""RGZ DR1: the CIFAR-style image batches of Radio Galaxy Zoo, as their holders keep them.

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
from radioviz.data.datasets.rgz import INFO, SIDE, assign_splits, decode
from radioviz.errors import CatalogueError
from radioviz.importing.facts import resolve
from radioviz.importing.files import path_state
from radioviz.importing.inspection import SAMPLE, Inspection, Source, key_of
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.questions import Answers, chosen, positive
from radioviz.importing.reader import LEFT_OUT, Reader, Step, SurveyFacts

_HINT = "give the folder rgz108k-batches-py with data_batch_1 ... and test_batch"
_FLAGS = ("keep", "exclude")
TOLD = SurveyFacts(
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

    Parameters
    ----------
    files : list of pathlib.Path
    survey : SurveyFacts
    exclude_mirabest : bool
        Leave out what ``mb_flag`` marks.
    las_min : float or None
        Leave out smaller angular sizes, arcsec; unknown ones too.
    north_first : bool
        True where row 0 of an image is its northern edge.
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
        """See :class:`Reader`; batches before ``start`` are read again to be counted."""
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
        table = decode(batch)
        table["flag"] = np.where(batch.images.any(axis=(1, 2)), "", "empty image")
        table["survey"] = "FIRST"
        table["batch"] = batch.path.name
        table["batch_index"] = np.arange(len(table))
        return table.to_dict("records")

    def finish(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rules by which RGZ is split: what other test sets hold is kept from training."""
        assign_splits(table)
        return table

    def _step(self, batch: Batch, cells: list[dict[Hashable, Any]], i: int) -> Step:
        name = f"{batch.path.name}[{i}]"
        row = {str(k): v for k, v in cells[i].items()}
        if self.exclude_mirabest and row["mb_flag"]:
            return FileOutcome(name, f"{LEFT_OUT}also in MiraBest (mb_flag)"), None
        las = float(row["las"])
        if self.las_min is not None and not las >= self.las_min:
            return FileOutcome(
                name, f"{LEFT_OUT}LAS {las:.2f} is not {self.las_min:g} arcsec"
            ), None
        image = batch.images[i]
        return FileOutcome(name, "", None, row), image[::-1] if self.north_first else image


def inspect_batches(source: Source, answers: Answers) -> Inspection:
    """Look at the first batch.

    Raises
    ------
    CatalogueError
        If the folder lacks batches, or the first one is damaged or another format.
    """
    folder = Path(source.path)
    files = batch_files(folder, _HINT)
    first = read_batch(files[0], SIDE)
    cells = decode(first)
    survey, found, needed = resolve({"bunit": "unknown", **answers}, TOLD)
    flag = chosen(answers, "mb_flag", _FLAGS) or "keep"
    las_min = positive(answers, "las_min", "arcsec")
    if flag == "exclude" and "mb_flag" not in first.columns:
        raise CatalogueError(
            f"{files[0]}: no mb_flag, so MiraBest sources cannot be left out; "
            f"the batch has {', '.join(first.columns) or 'no columns'}"
        )
    north = chosen(answers, "first_row", ("south", "north")) == "north"
    key = key_of(source, answers)
    found = {
        "batches": f"{len(files)}, the first of {len(first.images):,} images",
        "shape": f"{SIDE} x {SIDE} pixels",
        "mb_flag": "MiraBest sources left out" if flag == "exclude" else "MiraBest sources kept",
        "las": f"at least {las_min:g} arcsec" if las_min else "any angular size",
        **found,
    }
    return Inspection(
        source,
        "batches",
        None,
        found,
        tuple(needed),
        cells.head(SAMPLE),
        (),
        ("rows are taken to begin in the south, as in MiraBest; answer first_row if not",)
        if "first_row" not in answers
        else (),
        key,
        path_state(folder),
        lambda: BatchReader(files, survey, flag == "exclude", las_min, north),
    )
