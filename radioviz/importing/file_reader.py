"""Import of images in files: what a sample shows, and every image on the common grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.common_grid import CommonGrid, row_values, to_common_grid
from radioviz.images.reading import ImageSummary, SkyImage
from radioviz.importing.image_choice import ImageChoice
from radioviz.importing.image_facts import value_range
from radioviz.importing.image_files import (
    FileEntry,
    ImageFiles,
    is_image,
    is_picture,
    match_files,
    printable_name,
    without_name,
)
from radioviz.importing.inspection import (
    Reader,
    Step,
    looks_clipped,
    to_stored_type,
)
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.source_rows import SourceList
from radioviz.importing.survey_facts import SurveyFacts
from radioviz.sky import separation_arcsec

_PEEKED, _READ = 128, 16  # files of a sample: headers, and whole images


@dataclass(frozen=True)
class FileSummary:
    """What a sample of the files shows."""

    shape: tuple[int, int] | None  # the most frequent ``(ny, nx)``
    facts: SurveyFacts
    pictures: bool  # True where most files are PNG or JPEG
    images: tuple[SkyImage, ...]  # those that were read whole
    refused: tuple[tuple[str, str], ...]  # files that cannot be read, and why


def summarise_files(files: ImageFiles, choice: ImageChoice) -> FileSummary:
    """Read some hundred headers and a few whole images."""
    peeks: list[ImageSummary] = []
    images: list[SkyImage] = []
    refused: list[tuple[str, str]] = []
    names = [n for n in files.names if is_image(n)]
    pictures = sum(map(is_picture, names)) > len(names) / 2
    sample = list(files.sample(_READ * 4 if files.archive else _PEEKED))
    whole = set(np.linspace(0, len(sample) - 1, min(_READ, len(sample)), dtype=int))
    for i, entry in enumerate(sample):
        if entry.content is None or is_picture(entry.name) != pictures:
            continue
        name = printable_name(entry.name)
        try:
            if not pictures:
                peeks.append(choice.summarise(entry.content, name))
            if i in whole:
                images.append(choice.read(entry.content, name))
        except ImageError as error:
            refused.append((name, without_name(str(error), name)))
    if pictures:
        shape = _most_frequent(i.data.shape for i in images)
        found = SurveyFacts(raw=not looks_clipped([i.data for i in images], levels=True))
    else:
        shape = _most_frequent(p.shape for p in peeks)
        beams = [i.beam.fwhm for i in images if i.beam is not None]
        # Four digits: the same scale computed at two declinations counts as one.
        scales = [float(f"{p.pixel_scale:.4g}") for p in peeks if p.pixel_scale]
        frequencies = [i.frequency for i in images if i.frequency is not None]
        ranges = {
            "beam": value_range(beams),
            "frequency": value_range(frequencies),
            "pixel_scale": value_range(scales),
        }
        found = SurveyFacts(
            pixel_scale=_most_frequent(scales),
            beam=_most_frequent(float(f"{b:.5g}") for b in beams),
            bunit=_most_frequent(p.bunit for p in peeks) or "",
            survey=_most_frequent(p.survey for p in peeks if p.survey) or "",
            raw=not looks_clipped([i.data for i in images]),
            frequency=_most_frequent(frequencies),
            ranges={k: r for k, r in ranges.items() if r},
            implied=frozenset.intersection(*(frozenset(i.implied) for i in images))
            if images
            else frozenset(),
        )
    return FileSummary(shape, found, pictures, tuple(images), tuple(refused))


def _most_frequent(values: Iterable[Any]) -> Any:
    """The most frequent value, the larger of two equally frequent ones; None of none."""
    counts = Counter(values)
    return max(counts, key=lambda v: (counts[v], v)) if counts else None


class FilesReader(Reader):
    """Every image of :class:`ImageFiles` on the common grid.

    Parameters
    ----------
    files : ImageFiles
    common : CommonGrid
        Shape, scale, unit and survey of all stored images.
    survey : SurveyFacts
    dtype : numpy.dtype
        uint8 for pictures, float32 otherwise.
    sources : SourceList, optional
        A table; its ``images`` name the files, and every row without one is refused.
    choice : ImageChoice, optional
        Which image of each file.

    Raises
    ------
    CatalogueError
        If no row of the table has its image.
    """

    several = True

    def __init__(
        self,
        files: ImageFiles,
        common: CommonGrid,
        survey: SurveyFacts,
        dtype: np.dtype,
        sources: SourceList | None = None,
        choice: ImageChoice | None = None,
    ) -> None:
        super().__init__()
        self.files, self.common, self.survey = files, common, survey
        self.choice = choice or ImageChoice()
        self.dtype, self.sources = np.dtype(dtype), sources
        self.shape = common.shape
        self.total = len(files.names)
        if sources is None:
            return
        self._rows, self._lost = match_files(files, sources)
        if not self._rows:
            first = self._lost[0] if self._lost else ("", "the table is empty")
            raise CatalogueError(
                f"{files.path}: no row of the table has its image here; "
                f"the first: {first[0]}: {first[1]}"
            )
        unnamed = sum(name not in self._rows for name in files.names)
        if unnamed:
            self.notes.append(f"{unnamed} file(s) are not in the table and were left out")
        self.total = sum(len(r) for r in self._rows.values()) + len(self._lost)

    def read(self, start: int = 0) -> Iterator[Step]:
        """See :class:`Reader`; files that the table does not name have no outcome."""
        if self.sources is None:
            for entry in self.files.entries(start):
                yield self._step(entry, None)
            return
        number = 0
        for entry in self.files.named(self._rows):
            rows = self._rows[entry.name]
            for row in rows[max(0, start - number) :]:
                yield self._step(entry, row)
            number += len(rows)
        for name, why in self._lost[max(0, start - number) :]:
            yield FileOutcome(name, why), None

    def _step(self, entry: FileEntry, row: int | None) -> Step:
        name = printable_name(entry.name)
        if entry.content is None:
            return FileOutcome(name, entry.refused, row), None
        try:
            if is_picture(name) != (self.dtype == np.uint8):
                mixed = "a picture among FITS images" if is_picture(name) else "FITS among pictures"
                raise ImageError(f"{name}: {mixed}: grey levels and brightness do not mix")
            image = self.choice.read(entry.content, name)
            placed = to_common_grid(image, self.common, self.common.bunit or None)
            cells = row_values(placed, name, self.common)
            if row is not None:
                scale = placed.pixel_scale or self.common.scale
                self._check_position(name, placed.centre, row, scale)
        except ImageError as error:
            return FileOutcome(name, without_name(str(error), name), row), None
        return FileOutcome(name, "", row, cells, placed.notes), to_stored_type(
            placed.data, self.dtype
        )

    def _check_position(
        self, name: str, centre: tuple[float, float] | None, row: int, scale: float
    ) -> None:
        """Refuse an image that does not show the position in the table."""
        if self.sources is None or centre is None:
            return
        source = self.sources.frame.iloc[row]
        apart = separation_arcsec(
            np.array([source["ra"]]), np.array([source["dec"]]),
            np.array([centre[0]]), np.array([centre[1]]),
        )[0]  # fmt: skip
        half = max(self.common.shape) * scale / 2 * 2**0.5
        if np.isfinite(apart) and apart > half:
            raise ImageError(
                f"{name}: shows the sky {apart:.0f} arcsec from the table's position "
                f"({source['ra']:.5f}, {source['dec']:.5f}), which is outside the image"
            )
