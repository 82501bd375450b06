"""A cube of images and its table, row by row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.reader import Reader, Step, SurveyFacts, stored
from radioviz.importing.readers.cube_formats import Cube
from radioviz.importing.source_rows import SourceList


class CubeReader(Reader):
    """Images of a cube, one row of the table each.

    Parameters
    ----------
    cube : Cube
    survey : SurveyFacts
    sources : SourceList or None
    north_first : bool
        True where row 0 of an image is its northern edge, as pictures have it.

    Raises
    ------
    CatalogueError
        If table and cube differ in length.
    """

    def __init__(
        self,
        cube: Cube,
        survey: SurveyFacts,
        sources: SourceList | None,
        north_first: bool = False,
    ) -> None:
        super().__init__()
        self.north_first = north_first
        self.cube, self.survey, self.sources = cube, survey, sources
        self.shape = (cube.shape[1], cube.shape[2])
        self.dtype = np.dtype(np.uint8 if cube.dtype in (np.uint8, np.bool_) else np.float32)
        self.total = cube.shape[0]
        if sources is not None:
            rows = len(sources.frame) + len(sources.refused)
            if rows != self.total:
                raise CatalogueError(
                    f"{cube.path}: {self.total:,} images but {rows:,} rows in the table; "
                    "they must match row by row"
                )
            self._place = {int(number): i for i, number in enumerate(sources.frame.index)}
            self._why = dict(sources.refused)

    def read(self, start: int = 0) -> Iterator[Step]:
        """See :class:`Reader`."""
        number = start
        for block in self.cube.blocks(start):
            for plane in block:
                yield self._step(number, plane[::-1] if self.north_first else plane)
                number += 1

    def _step(self, number: int, plane: np.ndarray) -> Step:
        name = f"image {number + 1}"
        row = None
        if self.sources is not None:
            row = self._place.get(number + 1)
            if row is None:
                return FileOutcome(
                    name, f"its row in the table is refused: {self._why[number + 1]}"
                ), None
        if self.dtype == np.uint8:
            return FileOutcome(name, "", row), plane.astype(np.uint8, copy=False)
        with np.errstate(over="ignore"):
            image = plane.astype(np.float32)
        notes: tuple[str, ...] = ()
        good = np.isfinite(image)
        if not good.all():
            if not good.any():
                return FileOutcome(name, f"all {image.size:,} pixels are NaN (no data)", row), None
            infinite = int(np.isinf(image).sum())
            if infinite:
                image[np.isinf(image)] = np.nan
                notes = (f"{infinite} infinite pixel(s) taken as missing",)
        return FileOutcome(name, "", row, None, notes), stored(image, self.dtype)
