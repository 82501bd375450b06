"""Import of a cube of images and its table, row by row."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.source_planes import MISSING, shared_columns
from radioviz.errors import CatalogueError
from radioviz.importing.image_facts import frame_note
from radioviz.importing.image_groups import parse_bands
from radioviz.importing.inspection import (
    SAMPLE,
    Inspection,
    Reader,
    Source,
    Step,
    looks_clipped,
    to_stored_type,
)
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.readers.cube_formats import Cube, open_cube
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_rows import SourceList, read_sources
from radioviz.importing.survey_facts import (
    Answers,
    Question,
    SurveyFacts,
    choice_answer,
    resolve_facts,
)


class CubeReader(Reader):
    """Images of a cube, one row of the table each.

    ``north_first``: true where row 0 of an image is its northern edge, as in pictures. ``planes``:
    names of the images of each source; those of the cube by default. Raises CatalogueError if table
    and cube differ in length.
    """

    def __init__(
        self,
        cube: Cube,
        survey: SurveyFacts,
        sources: SourceList | None,
        north_first: bool = False,
        planes: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.north_first = north_first
        self.cube, self.survey, self.sources = cube, survey, sources
        self.shape = tuple(cube.shape[1:])
        self.planes = planes or cube.planes
        self.dtype = np.dtype(np.uint8 if cube.is_grey else np.float32)
        self.total = cube.shape[0]
        if sources is not None:
            rows = len(sources.frame) + len(sources.refused)
            if rows != self.total:
                raise CatalogueError(
                    f"{cube.path}: {self.total:,} images but {rows:,} rows in the table; "
                    "they must match row by row"
                )
            self._row_of = {int(number): i for i, number in enumerate(sources.frame.index)}
            self._why = dict(sources.refused)

    def read(self, start: int = 0) -> Iterator[Step]:
        number = start
        for block in self.cube.blocks(start):
            for plane in block:
                yield self._step(number, plane[..., ::-1, :] if self.north_first else plane)
                number += 1

    def _step(self, number: int, plane: np.ndarray) -> Step:
        name = f"image {number + 1}"
        row = None
        if self.sources is not None:
            row = self._row_of.get(number + 1)
            if row is None:
                why = f"its row in the table is refused: {self._why[number + 1]}"
                return FileOutcome(name, why), None
        if self.dtype == np.uint8:
            return FileOutcome(name, "", row), plane.astype(np.uint8, copy=False)
        with np.errstate(over="ignore"):
            image = plane.astype(np.float32) * np.float32(self.survey.factor)
        if not np.isfinite(image).any():
            return FileOutcome(name, f"all {image.size:,} pixels are NaN (no data)", row), None
        notes: tuple[str, ...] = ()
        if infinite := int(np.isinf(image).sum()):
            image[np.isinf(image)] = np.nan
            notes = (f"{infinite} infinite pixel(s) treated as missing",)
        facts: dict[str, Any] | None = None
        if self.planes:
            blank = ~np.isfinite(image).any(axis=(1, 2))
            lacking = [name for name, b in zip(self.planes, blank, strict=True) if b]
            facts = {MISSING: ", ".join(lacking)}
            notes += tuple(f"no plane '{name}': all of it is NaN" for name in lacking)
        return FileOutcome(name, "", row, facts, notes), to_stored_type(image, self.dtype)

    def finish(self, table: pd.DataFrame) -> pd.DataFrame:
        table = shared_columns(table, max(1, len(self.planes)))
        empty = MISSING in table and not table[MISSING].astype(bool).any()
        return table.drop(columns=MISSING) if empty else table


def inspect_cube(source: Source, answers: Answers, cube: Cube | None = None) -> Inspection:
    """Inspect a cube of images, with its own table or the one of the source.

    ``cube`` is that of the path, where it was opened already.

    Raises CatalogueError if the cube or its table cannot be read, or they differ in length.
    """
    cube = cube or open_cube(source.path, str(answers.get("array") or ""))
    which = str(answers.get("which_table") or "")
    table = read_table(source.table, which) if source.table is not None else cube.table()
    sources = None
    if table:
        key = answers["key"]
        sources = read_sources(table, answers, key=key, positions=False)
    first = [
        p.astype(np.float32) for p in next(iter(cube.blocks()))[:16].reshape(-1, *cube.shape[-2:])
    ]
    in_cube = dataclasses.replace(
        _facts_of(cube.attributes), raw=not cube.is_grey and not looks_clipped(first)
    )
    own = (
        sources is not None and sources.frame.get("pixel_scale", pd.Series([np.nan])).notna().all()
    )
    ask = "" if own else "The cube does not give its pixel scale: how many arcsec is a pixel?"
    if sources is not None and "pixel_scale" in sources.frame:
        ask = "" if sources.frame["pixel_scale"].notna().all() else ask
    survey, found, needed = resolve_facts(answers, in_cube, ask)
    first_row = choice_answer(answers, "first_row", ("south", "north"))
    if first_row is None:
        text = "Is the first row of an image its southern edge (FITS) or its northern (pictures)?"
        needed.append(Question("first_row", text, ("south", "north"), "south"))
    n, *_, ny, nx = cube.shape
    found = {"images": f"{n:,}", "shape": f"{nx} x {ny} pixels", "type": str(cube.dtype), **found}
    names = cube.planes
    if names:
        names = tuple(b.name for b in parse_bands(str(answers.get("bands") or ""))) or names
        if len(names) != len(cube.planes):
            raise CatalogueError(
                f"bands name {len(names)} planes ({', '.join(names)}); the array has "
                f"{len(cube.planes)} of each source"
            )
        found["planes"] = ", ".join(names)
    notes: tuple[str, ...] = ("no table: the images will have no names, positions or sizes",)
    if sources is not None:
        found.update(sources.found)
        needed += sources.needed
        notes = sources.notes
        CubeReader(cube, survey, sources)  # raises now if the lengths differ
    scales = [survey.pixel_scale] * n
    if sources is not None and "pixel_scale" in sources.frame:
        scales = sources.frame["pixel_scale"].fillna(survey.pixel_scale or np.nan).tolist()
    if small := frame_note((ny, nx), scales, [survey.beam] * len(scales)):
        notes = (*notes, small)

    def make() -> Reader:
        return CubeReader(cube, survey, sources, first_row == "north", names)

    return Inspection(
        source,
        "cube",
        count=n,
        found=found,
        needed=tuple(needed),
        make=make,
        sample=sources.frame.head(SAMPLE) if sources is not None else pd.DataFrame(),
        notes=notes,
    )


def _facts_of(attributes: Mapping[str, Any]) -> SurveyFacts:
    """Facts among the attributes of a cube, under the usual names and those of FITS."""
    lower = {str(k).lower(): v for k, v in attributes.items()}

    def number(*names: str) -> float | None:
        for name in names:
            value = lower.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return float(value)
        return None

    beam = number("beam", "beam_arcsec", "fwhm")
    major = number("bmaj")  # degrees, as in FITS; a larger number is arcsec
    return SurveyFacts(
        pixel_scale=number("pixel_scale", "pixscale", "pixel_scale_arcsec"),
        beam=beam if beam is not None else (major * 3600 if major and major < 1 else major),
        bunit=str(lower.get("bunit") or lower.get("unit") or ""),
        survey=str(lower.get("survey") or ""),
        frequency=number("frequency_ghz"),
    )
