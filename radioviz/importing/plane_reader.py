"""Import of several images of one source into one row: planes of cubes, extensions, or files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.source_planes import MISSING, numbered
from radioviz.errors import BlankImageError, CatalogueError, ImageError
from radioviz.images.common_grid import CommonGrid
from radioviz.images.observation import brightness_unit
from radioviz.images.reading import ImageSummary, SkyImage
from radioviz.importing.file_planes import FilePlanes, planes_in_files
from radioviz.importing.file_reader import FilesReader, FileSummary, summarise_files
from radioviz.importing.image_choice import ImageChoice
from radioviz.importing.image_files import (
    FileEntry,
    ImageFiles,
    match_files,
    printable_name,
    without_name,
)
from radioviz.importing.image_groups import ImageGroups
from radioviz.importing.inspection import SOURCE_NAME, Step
from radioviz.importing.outcome import FileOutcome
from radioviz.importing.plane_stack import (
    ALIGN,
    MISSING_PLANES,
    PlaneImage,
    PlaneStacker,
    describe_planes,
)
from radioviz.importing.source_rows import SourceList
from radioviz.importing.survey_facts import Answers, SurveyFacts, choice_answer
from radioviz.importing.table_groups import (
    EXPORTED,
    HDU_COLUMN,
    group_files,
    rows_by_name,
    source_name,
)


class PlanesReader(FilesReader):
    """The images of each source, one row of several planes.

    Parameters
    ----------
    files, common, survey, dtype, sources, choice
        As for :class:`FilesReader`; ``survey`` is that of the first plane.
    stacker : PlaneStacker
    surveys : tuple of SurveyFacts
        Of each plane.
    inside : FilePlanes, optional
        Where a file holds all planes.
    groups : ImageGroups, optional
        Where each plane is a file.
    """

    def __init__(
        self,
        files: ImageFiles,
        common: CommonGrid,
        survey: SurveyFacts,
        dtype: np.dtype,
        sources: SourceList | None,
        choice: ImageChoice,
        *,
        stacker: PlaneStacker,
        surveys: tuple[SurveyFacts, ...],
        inside: FilePlanes | None = None,
        groups: ImageGroups | None = None,
    ) -> None:
        super().__init__(files, common, survey, dtype, None if groups else sources, choice)
        self.sources = sources
        self.stacker, self.surveys, self.inside, self.groups = stacker, surveys, inside, groups
        self.planes = stacker.planes
        self.units = tuple(grid.bunit for grid in stacker.grids)
        self.shape = (len(self.planes), *common.shape)
        if groups is not None:
            self._left = [*groups.refused]
            if sources is not None and not groups.whole:
                called = {source_name(name) for name in groups.names}
                lost = match_files(files, sources)[1]
                self._left += [(name, why) for name, why in lost if source_name(name) not in called]
            self.total = len(groups) + len(self._left)

    def read(self, start: int = 0) -> Iterator[Step]:
        """See :class:`FilesReader`; one outcome a source."""
        if self.groups is None:
            yield from super().read(start)
            return
        for number in range(start, len(self.groups)):
            yield self._group_step(number)
        for name, why in self._left[max(0, start - len(self.groups)) :]:
            yield FileOutcome(printable_name(name), why), None

    def _step(self, entry: FileEntry, row: int | None) -> Step:
        name = printable_name(entry.name)
        if entry.content is None:
            return FileOutcome(name, entry.refused, row), None
        content = entry.content
        assert self.inside is not None
        try:
            choices = self.inside.choices(content, name, self.choice)
            found = [
                PlaneImage(name, why="the file does not have it")
                if choice is None
                else _read(choice, content, name)
                for choice in choices
            ]
        except ImageError as error:
            return FileOutcome(name, without_name(str(error), name), row), None
        return self._stacked(name, found, row)

    def _group_step(self, number: int) -> Step:
        groups = self.groups
        assert groups is not None
        name = printable_name(groups.names[number])
        row = None if groups.rows is None else int(groups.rows[number])
        found = []
        try:
            for k in groups.files[number]:
                if k < 0:
                    found.append(PlaneImage("", why="there is no such file"))
                    continue
                entry = self.files.open(self.files.names[k])
                file = printable_name(entry.name)
                if entry.content is None:
                    raise ImageError(f"{file}: {entry.refused}")
                found.append(_read(self.choice, entry.content, file))
        except ImageError as error:
            return FileOutcome(name, str(error), row), None
        outcome, data = self._stacked(name, found, row)
        if outcome.facts is not None:
            outcome.facts[SOURCE_NAME] = name
        return outcome, data

    def _stacked(self, name: str, found: list[PlaneImage], row: int | None) -> Step:
        try:
            stack = self.stacker.stack(found)
            if row is not None:
                self._check_position(name, stack.centre, row, stack.scale)
        except ImageError as error:
            return FileOutcome(name, without_name(str(error), name), row), None
        return FileOutcome(name, "", row, stack.cells, stack.notes), stack.data

    def finish(self, table: pd.DataFrame) -> pd.DataFrame:
        named = [numbered(HDU_COLUMN, k) for k in range(1, len(self.planes))]
        table = table.drop(columns=[c for c in named if c in table])
        table = describe_planes(table, self.surveys)
        if MISSING in table:
            lacking = int((table[MISSING] != "").sum())
            self.notes.append(
                f"{lacking:,} of {len(table):,} source(s) lack one of the planes "
                f"{', '.join(self.planes)}: those pixels are NaN, and {MISSING} names them"
            )
        return table


def _read(choice: ImageChoice, content: Path | bytes, name: str) -> PlaneImage:
    try:
        return PlaneImage(name, choice.read(content, name))
    except BlankImageError as error:
        return PlaneImage(name, why=str(error))


def summarise_planes(
    files: ImageFiles,
    choice: ImageChoice,
    inside: FilePlanes | None,
    groups: ImageGroups | None,
) -> list[FileSummary]:
    """What a sample of the files shows of each plane."""
    out = []
    if groups is not None:
        for column in groups.files.T:
            part = _SomeFiles(files, [files.names[k] for k in column if k >= 0])
            out.append(summarise_files(part, choice))
        return out
    assert inside is not None
    for k in range(len(inside.names)):
        out.append(summarise_files(files, _PlaneOfFile.of(choice, inside, k)))
    return out


class _SomeFiles(ImageFiles):
    """Some files of others, for a sample of them."""

    def __init__(self, files: ImageFiles, names: list[str]) -> None:
        self.path, self.archive, self.names, self._all = files.path, False, names, files

    def sample(self, count: int) -> Iterator[FileEntry]:
        places = np.linspace(0, len(self.names) - 1, min(count, len(self.names)), dtype=int)
        yield from (self._all.open(self.names[i]) for i in places)


class _PlaneOfFile(ImageChoice):
    """Choice of one plane of files that hold all."""

    inside: FilePlanes
    number: int

    @classmethod
    def of(cls, choice: ImageChoice, inside: FilePlanes, number: int) -> _PlaneOfFile:
        made = cls(choice.extension, choice.plane, choice.bunit)
        object.__setattr__(made, "inside", inside)
        object.__setattr__(made, "number", number)
        return made

    def _own(self, content: Path | bytes, name: str) -> ImageChoice:
        base = ImageChoice(self.extension, self.plane, self.bunit)
        found = self.inside.choices(content, name, base)[self.number]
        if found is None:
            raise ImageError(
                f"{name}: it does not have the plane '{self.inside.names[self.number]}'"
            )
        return found

    def read(self, content: Path | bytes, name: str) -> SkyImage:
        return self._own(content, name).read(content, name)

    def summarise(self, content: Path | bytes, name: str) -> ImageSummary:
        return self._own(content, name).summarise(content, name)


@dataclass(frozen=True, eq=False)
class FoundPlanes:
    """The images of each source as the inspection found them."""

    # files, choice, answers: what is read, and how
    files: ImageFiles
    choice: ImageChoice
    answers: Answers
    seen: list[FileSummary]  # of each plane
    # inside, groups: where the planes are: in each file, or a file each
    inside: FilePlanes | None
    groups: ImageGroups | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the planes."""
        if self.groups is not None:
            return self.groups.planes
        return self.inside.names if self.inside else ()

    @property
    def found(self) -> str:
        """In words."""
        if self.groups is not None:
            return self.groups.found()
        where = "planes of each file" if self.inside and self.inside.plane else "extensions"
        return f"{', '.join(self.names)} ({where})"

    def facts(self) -> dict[str, str]:
        """What the files say of each plane behind the first, in words."""
        out = []
        for name, summary in list(zip(self.names, self.seen, strict=True))[1:]:
            facts = summary.facts
            said = [
                f"{value:.4g} {unit}"
                for value, unit in (
                    (facts.pixel_scale, "arcsec a pixel"),
                    (facts.beam, "arcsec beam"),
                    (facts.frequency, "GHz"),
                )
                if value is not None
            ]
            out.append(f"{name}: {', '.join([*said, facts.bunit or 'no unit'])}")
        return {"other_planes": "; ".join(out)}

    @property
    def count(self) -> int | None:
        """Sources, where the groups say it."""
        return None if self.groups is None else len(self.groups)

    @property
    def shape(self) -> tuple[int, int] | None:
        """The largest of the usual shapes of the planes: nothing is cropped; None of no image."""
        shapes = [s.shape for s in self.seen if s.shape is not None]
        return (max(s[0] for s in shapes), max(s[1] for s in shapes)) if shapes else None

    def reader(
        self, survey: SurveyFacts, shape: tuple[int, int], sources: SourceList | None
    ) -> PlanesReader:
        """The reader of the import; what the user answered holds for all planes."""
        resampled = "pixel_scale" in survey.given
        surveys, grids = [], []
        for summary in self.seen:
            own = summary.facts
            unit = survey.bunit if "bunit" in survey.given else brightness_unit(own.bunit)[1]
            own = dataclasses.replace(
                own,
                given=survey.given,
                **{name: getattr(survey, name) for name in survey.given},
            )
            scale = own.pixel_scale or survey.pixel_scale
            own = dataclasses.replace(own, bunit=unit, pixel_scale=scale)
            surveys.append(own)
            grids.append(CommonGrid(shape, scale or 1.0, unit, own.survey, resampled))
        dtype = np.dtype(np.uint8 if self.seen[0].pictures else np.float32)
        align = choice_answer(self.answers, "align", ALIGN) or ALIGN[0]
        missing = choice_answer(self.answers, "missing", MISSING_PLANES) or MISSING_PLANES[0]
        stacker = PlaneStacker(self.names, tuple(grids), dtype, align, missing)
        return PlanesReader(
            self.files, grids[0], survey, dtype, sources, self.choice,
            stacker=stacker, surveys=tuple(surveys), inside=self.inside, groups=self.groups,
        )  # fmt: skip


def find_planes_of_sources(
    files: ImageFiles,
    choice: ImageChoice,
    answers: Answers,
    sources: SourceList | None,
    group: str,
) -> FoundPlanes | None:
    """Several images of each source, as the answers ask for; None where each has one.

    Raises CatalogueError if the answers contradict each other, or the files have no such planes.
    """
    inside: FilePlanes | None = None
    groups: ImageGroups | None = None
    for key, choices in (("align", ALIGN), ("missing", MISSING_PLANES)):
        choice_answer(answers, key, choices)
    if choice.every_plane and group not in ("no", "extensions"):
        raise CatalogueError(
            f"plane is '{choice.plane}' and group '{group}': the images of a source are either the "
            "planes of a file or several files; choose one plane, or group 'no'"
        )
    if group == "extensions" or choice.every_plane:
        inside = planes_in_files(files, choice, answers, extensions=group == "extensions")
        if len(inside.names) == 1:
            raise CatalogueError(
                f"bands name the one plane '{inside.names[0]}'; choose it by plane"
            )
    elif group != "no":
        rows = None if sources is None else match_files(files, sources)[0]
        table = None if sources is None else sources.frame
        asked = answers if group != EXPORTED else {**answers, "group": "no"}
        named = None if sources is None else rows_by_name(sources)
        groups = group_files(files, asked, table, rows, named)
        if len(groups.planes) == 1:
            raise CatalogueError(
                f"{files.path}: all files are of the one plane '{groups.planes[0]}'"
            )
    else:
        return None
    seen = summarise_planes(files, choice, inside, groups)
    return FoundPlanes(files, choice, answers, seen, inside, groups)
