"""RGZ DR1: the CIFAR-style image batches of Radio Galaxy Zoo, as their holders keep them.

A folder of ``data_batch_1`` ... and ``test_batch`` with the keys ``data`` (n x 22500
uint8), ``filenames``, ``src_ids``, ``mb_flag`` (1 where the source is also in MiraBest)
and ``LAS`` (arcsec). Andrianomena & Tang 2023 flag the MiraBest sources out when they
train (Sec. 2); Slijepcevic et al. cut the angular size at 16 and 29 arcsec.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.cifar import Batch, batch_files, read_batch
from radioviz.data.first import FIRST_LICENCE
from radioviz.data.importing.facts import resolve
from radioviz.data.importing.files import path_state
from radioviz.data.importing.inspection import SAMPLE, Inspection, Source, key_of
from radioviz.data.importing.journal import Outcome
from radioviz.data.importing.questions import Answers, chosen, positive
from radioviz.data.importing.reader import Reader, Step, SurveyFacts
from radioviz.errors import CatalogueError

SIDE = 150
_HINT = "give the folder rgz108k-batches-py with data_batch_1 ... and test_batch"
_FLAGS = ("keep", "exclude")
_POSITION = re.compile(r"J(\d{2})(\d{2})(\d{2}(?:\.\d+)?)([+-])(\d{2})(\d{2})(\d{2}(?:\.\d+)?)")

TOLD = SurveyFacts(
    pixel_scale=1.8,
    beam=5.4,
    bunit="",
    survey="FIRST",
    raw=False,
    frequency=1.4,
    licence=FIRST_LICENCE,
    reference="Wong et al. 2025 (Radio Galaxy Zoo DR1); Becker et al. 1995",
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
    key : str
        Identifiers are ``<key>-<number>``, counted through all batches from 1.
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
        key: str,
        exclude_mirabest: bool = False,
        las_min: float | None = None,
        north_first: bool = False,
    ) -> None:
        super().__init__()
        self.files, self.survey, self.key = files, survey, key
        self.exclude_mirabest, self.las_min = exclude_mirabest, las_min
        self.north_first = north_first
        self.shape, self.dtype = (SIDE, SIDE), np.dtype(np.uint8)

    def read(self, start: int = 0) -> Iterator[Step]:
        """See :class:`Reader`; batches before ``start`` are read again to be counted."""
        number = 0
        for path in self.files:
            batch = read_batch(path, SIDE)
            end = number + len(batch.images)
            if end > start:
                cells = batch_cells(batch).to_dict("records")
                for i in range(max(0, start - number), len(batch.images)):
                    yield self._step(batch, cells, i, number + i)
            number = end

    def _step(self, batch: Batch, cells: list[dict[Hashable, Any]], i: int, number: int) -> Step:
        name = f"{batch.path.name}[{i}]"
        row = {str(k): v for k, v in cells[i].items()}
        if self.exclude_mirabest and row.get("mb_flag") == 1:
            return Outcome(name, "left out: also in MiraBest (mb_flag)"), None
        las = float(row["las"])
        if self.las_min is not None and not las >= self.las_min:
            return Outcome(name, f"left out: LAS {las:.2f} is not {self.las_min:g} arcsec"), None
        image = batch.images[i]
        row["source_id"] = f"{self.key}-{number + 1}"
        return Outcome(name, "", None, row), image[::-1] if self.north_first else image


def batch_cells(batch: Batch) -> pd.DataFrame:
    """Cells of the Catalogue for a batch; positions from names such as RGZJ134541.2+232253."""
    n = len(batch.images)
    columns = batch.columns
    las = columns.get("LAS", np.full(n, np.nan)).astype(float)
    las = np.where(np.isfinite(las) & (las > 0), las, np.nan)
    names = columns.get("filenames", np.full(n, "")).astype(str)
    identifiers = columns.get("src_ids", np.full(n, "")).astype(str)
    ra, dec, j_names = _positions(names)
    missing = ~np.isfinite(ra)
    if missing.any():
        ra2, dec2, j_names2 = _positions(identifiers)
        ra, dec = np.where(missing, ra2, ra), np.where(missing, dec2, dec)
        j_names = np.where(missing, j_names2, j_names)
    out = {
        "ra": ra,
        "dec": dec,
        "las": las,
        "las_origin": np.where(np.isfinite(las), "catalogue", ""),
        "survey": "FIRST",
        "split": "test" if batch.path.name == "test_batch" else "train",
        "rgz_name": j_names,
        "rgz_id": identifiers,
        "batch": batch.path.name,
        "batch_index": np.arange(n),
    }
    if "mb_flag" in columns:
        out["mb_flag"] = columns["mb_flag"].astype(np.int64)
    return pd.DataFrame(out)


def _positions(names: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RA and Dec in degrees, and the J2000 part of names; NaN and '' where there is none."""
    parts = pd.Series(names, dtype=object).str.extract(_POSITION)
    numbers = parts[[0, 1, 2, 4, 5, 6]].astype(float)
    ra = 15 * (numbers[0] + numbers[1] / 60 + numbers[2] / 3600)
    dec = numbers[4] + numbers[5] / 60 + numbers[6] / 3600
    dec = dec.where(parts[3] != "-", -dec)
    whole = pd.Series(names, dtype=object).str.extract(f"({_POSITION.pattern})")[0].fillna("")
    return ra.to_numpy(), dec.to_numpy(), whole.to_numpy(dtype=object).astype(str)


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
    cells = batch_cells(first)
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
        lambda: BatchReader(files, survey, key, flag == "exclude", las_min, north),
    )
