"""Images of one source put together: aligned, on grids of one shape, each with its own facts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.catalogue import IMAGE_COLUMNS
from radioviz.data.source_planes import (
    MISSING,
    PLANE_COLUMNS,
    RESPONSE,
    numbered,
    shared_columns,
)
from radioviz.errors import BlankImageError, ImageError
from radioviz.images.common_grid import CommonGrid, GridImage, row_values, to_common_grid
from radioviz.images.orientation import resample
from radioviz.images.reading import SkyImage
from radioviz.importing.image_facts import describe_rows
from radioviz.importing.inspection import to_stored_type
from radioviz.importing.survey_facts import SurveyFacts
from radioviz.sky import separation_arcsec

ALIGN = ("check", "resample")
"""What becomes of planes that do not show the same sky: refused, or moved onto the first."""
MISSING_PLANES = ("keep", "refuse")
"""What becomes of sources without one of the planes: NaN and a note, or refused."""
_ALIGNED = 1.5  # pixels, the coarser ones, between the centres: of cutouts, a pixel each way


@dataclass(frozen=True)
class PlaneImage:
    """An image of a plane as it was read: ``why`` there is none, or ``image``."""

    file: str
    image: SkyImage | None = None
    why: str = ""


@dataclass(frozen=True)
class Stack:
    """The images of a source: ``data`` ``(planes, ny, nx)``, cells of its row, notes."""

    data: np.ndarray
    cells: dict[str, Any]
    notes: tuple[str, ...]
    centre: tuple[float, float] | None
    scale: float


@dataclass(frozen=True)
class PlaneStacker:
    """Puts the images of a source together."""

    planes: tuple[str, ...]
    grids: tuple[CommonGrid, ...]  # of each plane, with the same shape
    dtype: np.dtype
    # align, missing: one of :data:`ALIGN` and :data:`MISSING_PLANES`
    align: str = "check"
    missing: str = "keep"

    def stack(self, found: Sequence[PlaneImage]) -> Stack:
        """The images of one source, in the order of the planes.

        Raises ImageError if they do not show the same sky, or one is missing and may not be; the
        plane and its file are named.
        """
        placed: list[GridImage | None] = []
        notes: list[str] = []
        lacking: list[str] = []
        reference = next((p for p in found if p.image is not None), None)
        if reference is None or reference.image is None:
            raise ImageError("; ".join(p.why for p in found if p.why) or "no image of any plane")
        for k, plane in enumerate(found):
            grid, why, image = self.grids[k], plane.why, plane.image
            if image is not None:
                if plane is not reference and self.align == "resample":
                    image = _moved(image, reference.image)
                try:
                    made = to_common_grid(image, grid, grid.bunit or None)
                    placed.append(made)
                    notes += [f"{self.planes[k]}: {note}" for note in made.notes]
                    continue
                except BlankImageError as error:
                    why = str(error)
            placed.append(None)
            lacking.append(self.planes[k])
            notes.append(f"no plane '{self.planes[k]}': {why}")
            if self.missing == "refuse" or self.dtype == np.uint8:
                grey = "; grey levels cannot say what is missing" * (self.dtype == np.uint8)
                raise ImageError(f"no plane '{self.planes[k]}': {why}{grey}")
        self._check_alignment(found, placed)
        data = np.full((len(self.planes), *self.grids[0].shape), np.nan, np.float32)
        for k, grid_image in enumerate(placed):
            if grid_image is not None:
                data[k] = grid_image.data
        first = next(p for p in placed if p is not None)
        cells = self._cells(found, placed)
        cells[MISSING] = ", ".join(lacking)
        scale = first.pixel_scale or self.grids[0].scale
        return Stack(
            to_stored_type(data, self.dtype),
            cells,
            tuple(dict.fromkeys(notes)),
            first.centre,
            scale,
        )

    def _check_alignment(
        self, found: Sequence[PlaneImage], placed: Sequence[GridImage | None]
    ) -> None:
        at = next(k for k, p in enumerate(placed) if p is not None)
        first, first_image = placed[at], found[at].image
        assert first is not None and first_image is not None
        for k in range(at + 1, len(placed)):
            other, image = placed[k], found[k].image
            if other is None or image is None:
                continue
            if (first.centre is None) != (other.centre is None):
                without = k if other.centre is None else at
                raise ImageError(
                    f"plane '{self.planes[without]}' ({found[without].file}) has no position, the "
                    "other planes of the source have one: whether they show the same sky is unknown"
                )
            if first.centre is None or other.centre is None:
                if image.data.shape != first_image.data.shape:
                    sizes = [f"{i.data.shape[1]} x {i.data.shape[0]}" for i in (first_image, image)]
                    raise ImageError(
                        f"plane '{self.planes[k]}' ({found[k].file}) has {sizes[1]} pixels, "
                        f"'{self.planes[at]}' ({found[at].file}) {sizes[0]}: without positions "
                        "they cannot be aligned"
                    )
                continue
            pixel = max(
                first.pixel_scale or self.grids[at].scale, other.pixel_scale or self.grids[k].scale
            )
            (ra, dec), (ra2, dec2) = first.centre, other.centre
            apart = float(separation_arcsec(*(np.array([v]) for v in (ra, dec, ra2, dec2)))[0])
            if apart > _ALIGNED * pixel:
                raise ImageError(
                    f"plane '{self.planes[k]}' ({found[k].file}) is not aligned with "
                    f"'{self.planes[at]}' ({found[at].file}): their centres are {apart:.2f} arcsec "
                    f"({apart / pixel:.1f} pixels) apart; give align = resample to move it"
                )

    def _cells(
        self, found: Sequence[PlaneImage], placed: Sequence[GridImage | None]
    ) -> dict[str, Any]:
        """Cells of the row: of the first plane under the usual names, of others numbered."""
        out: dict[str, Any] = {} if placed[0] is not None else {"file": "", "survey": ""}
        for k, image in enumerate(placed):
            if image is None:
                continue
            own = row_values(image, found[k].file, self.grids[k])
            if not k:
                out |= own
                continue
            out |= {numbered(name, k): own[name] for name in PLANE_COLUMNS if name in own}
            for name in ("ra", "dec", "image_ra", "image_dec", "wcs_header"):
                out.setdefault(name, own[name])
        return out


def _moved(image: SkyImage, onto: SkyImage) -> SkyImage:
    """The image on the pixels of another of the same sky; unchanged without positions."""
    if image.wcs is None or onto.wcs is None:
        return image
    shape = (onto.data.shape[0], onto.data.shape[1])
    # A beam of two pixels or more can be interpolated, which keeps its peak.
    sampled = image.beam is not None and image.beam.fwhm >= 2 * (onto.pixel_scale or math.inf)
    data = resample(image.data, image.wcs, onto.wcs, shape, average=False if sampled else None)
    note = f"resampled onto the pixels of {onto.file}"
    return dataclasses.replace(
        image, data=data, wcs=onto.wcs, position=onto.position, pixel_scale=onto.pixel_scale,
        notes=(*image.notes, note),
    )  # fmt: skip


def describe_planes(table: pd.DataFrame, surveys: Sequence[SurveyFacts]) -> pd.DataFrame:
    """The table with the numbered columns of each further plane completed.

    What a survey's name implies fills them, what the user gave replaces them, as for the first
    plane; columns that say the same as those of the first are left out.

    ``table``: complete for the first plane; ``surveys``: of each plane.
    """
    for k, survey in list(enumerate(surveys))[1:]:
        own = {n: table[numbered(n, k)] for n in PLANE_COLUMNS if numbered(n, k) in table}
        part = pd.DataFrame({**own, "dec": table["dec"]}, index=table.index)
        names = part["survey"] if "survey" in part else pd.Series("", table.index)
        names = names.where(names.notna(), "").astype(str).replace("", survey.survey)
        part["survey"] = survey.survey if "survey" in survey.given else names
        described, facts = describe_rows(part, survey)
        missing = np.zeros(len(table), dtype=bool)
        if "file" in own:
            missing = (own["file"].isna() | (own["file"] == "")).to_numpy()
        for name in PLANE_COLUMNS:
            column = numbered(name, k)
            table = table.drop(columns=[column] if column in table else [])
            if name in described:
                cells = described[name].to_numpy()
            elif name in IMAGE_COLUMNS or name == RESPONSE:
                cells = _of_all(name, facts, len(table))
            else:
                continue
            values = pd.Series(cells, index=table.index)
            if name in IMAGE_COLUMNS and name != "primary_beam" and name != "pixel_scale":
                values = pd.to_numeric(values, errors="coerce").astype(float).mask(missing)
            elif name == "pixel_scale":
                usual = facts.pixel_scale or np.nan
                values = pd.to_numeric(values, errors="coerce").astype(float).fillna(usual)
            elif name in ("image_ra", "image_dec", RESPONSE):
                values = pd.to_numeric(values, errors="coerce").astype(float)
            else:
                values = values.where(values.notna(), "").astype(str).mask(missing, "")
            table[column] = values
    table = shared_columns(table, len(surveys))
    empty = MISSING in table and not table[MISSING].astype(bool).any()
    return table.drop(columns=MISSING) if empty else table


def _of_all(name: str, facts: SurveyFacts, n: int) -> np.ndarray:
    """What holds for all images of a plane whose files and rows do not say it."""
    value: Any = {
        "beam_major": facts.beam, "beam_minor": facts.beam, "beam_pa": 0.0 if facts.beam else None,
        "frequency": facts.frequency, "pixel_scale": facts.pixel_scale,
    }.get(name)  # fmt: skip
    if name == "primary_beam":
        return np.full(n, facts.primary_beam, dtype=object)
    return np.full(n, np.nan if value is None else value)
