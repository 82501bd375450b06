"""Inspection of images in files: what a sample shows, what is asked, and the reader."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.source_planes import numbered
from radioviz.errors import CatalogueError
from radioviz.images.common_grid import CommonGrid
from radioviz.images.reading import SkyImage
from radioviz.importing.file_reader import FilesReader, FileSummary, summarise_files
from radioviz.importing.image_choice import choose_images, holds_one_source
from radioviz.importing.image_facts import frame_note
from radioviz.importing.image_files import ImageFiles, is_image, name_files
from radioviz.importing.image_groups import GROUPS, suggestion
from radioviz.importing.inspection import SAMPLE, Inspection, Reader, Source
from radioviz.importing.plane_reader import find_planes_of_sources
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_rows import read_sources
from radioviz.importing.survey_facts import (
    Answers,
    Question,
    SurveyFacts,
    choice_answer,
    pixels_answer,
    resolve_facts,
)
from radioviz.importing.table_groups import EXPORTED, file_columns

_CHOSEN = 8  # files that are searched for several images and planes


def inspect_files(
    source: Source,
    answers: Answers,
    table: UserTable | None = None,
    files: ImageFiles | None = None,
) -> Inspection:
    """Inspect images in files, which the table of the source names if it has one.

    ``table`` is that table, where it was read already or is in the same file; ``files`` are the
    images, where they are not those of the path.

    Raises CatalogueError if no image can be read, or the table names none.
    """
    files = files or ImageFiles(source.path, without=source.table)
    sources = None
    if table is None and source.table is not None:
        table = read_table(source.table, str(answers.get("which_table") or ""))
    if table is not None:
        sources = read_sources(table, answers, key=answers["key"], positions=False)
        if columns := file_columns(answers, sources.frame):
            first = next(iter(columns.values()))
            sources = dataclasses.replace(sources, images=sources.frame[first])
        else:
            sources = name_files(files, sources)
    group = choice_answer(answers, "group", GROUPS)
    if group is None and not answers.get("extension"):
        group = "extensions" if holds_one_source(files.sample(_CHOSEN)) else None
        if sources is not None and numbered("image_hdu", 1) in sources.frame:
            group = EXPORTED
    group = group or "no"
    choice, found, needed = choose_images(
        answers if group != "extensions" else {**answers, "extension": "", "plane": ""},
        files.sample(_CHOSEN) if group != "extensions" else (),
        every=source.path.is_file() and not files.archive,
        planes=True,
    )
    kind = "files" if sources is None else "listed"
    if any(question.required for question in needed):
        return Inspection(source, kind, len(files.names), found, tuple(needed))
    planes = find_planes_of_sources(files, choice, answers, sources, group)
    if planes is None:
        if not answers.get("group") and not choice.every_plane and (text := suggestion(files)):
            needed.append(Question("group", text, ("no", "name"), "no"))
        seen = summarise_files(files, choice)
        edge_of_files = seen.shape
    else:
        found["planes"] = planes.found
        seen, edge_of_files = planes.seen[0], planes.shape
    ask = "The files do not give the pixel scale: how many arcsec is a pixel?"
    if sources is not None and sources.frame.get("pixel_scale", pd.Series([np.nan])).notna().all():
        ask = ""
    survey, facts, asked = resolve_facts(answers, seen.facts, ask, ask_noise=seen.pictures)
    needed += asked
    edge = pixels_answer(answers)
    shape = (edge, edge) if edge else edge_of_files
    if shape is None:
        why = "; ".join(f"{n}: {w}" for n, w in seen.refused[:3]) or "none can be read"
        raise CatalogueError(f"{source.path}: no image that can be read: {why}")
    images = sum(map(is_image, files.names)) or len(files.names)
    number = f"{images:,}"
    found = {"files": number, "shape": f"{shape[1]} x {shape[0]} pixels", **found, **facts}
    if planes is not None:
        found.update(planes.facts())
    if sources is not None:
        found.update(sources.found)
        needed += sources.needed
    dtype = np.dtype(np.uint8 if seen.pictures else np.float32)
    notes = () if sources is None else sources.notes

    def make() -> Reader:
        if planes is not None:
            return planes.reader(survey, shape, sources)
        resampled = "pixel_scale" in survey.given
        scale = survey.pixel_scale or 1.0
        common = CommonGrid(shape, scale, survey.bunit, survey.survey, resampled)
        return FilesReader(files, common, survey, dtype, sources, choice)

    count = len(files.names) if sources is None else len(sources.frame)
    return Inspection(
        source,
        kind,
        count=count if planes is None else planes.count or count,
        found=found,
        needed=tuple(needed),
        make=make,
        sample=pd.DataFrame(map(_sample_row, seen.images))
        if sources is None
        else sources.frame.head(SAMPLE),
        refused=seen.refused,
        notes=(*notes, *_shape_notes(seen, shape, survey), *_other_files(files)),
    )


def _shape_notes(seen: FileSummary, shape: tuple[int, int], survey: SurveyFacts) -> list[str]:
    """What the sample shows of images that are cropped, padded, or smaller than a frame."""
    other = Counter(i.data.shape for i in seen.images if i.data.shape != shape)
    notes = [
        f"images of {nx} x {ny} pixels will be cropped or padded to {shape[1]} x {shape[0]} "
        "(give pixels for another size)"
        for (ny, nx), _ in other.most_common(3)
    ]
    scales = [i.pixel_scale or survey.pixel_scale for i in seen.images]
    own = [i.beam.fwhm if i.beam else survey.beam for i in seen.images]
    beams = [survey.beam] * len(own) if "beam" in survey.given else own
    note = frame_note(shape, scales, beams)
    return [*notes, *([note] if note else [])]


def _other_files(files: ImageFiles) -> list[str]:
    """What lies beside the images; a table there can be given."""
    others = [name for name in files.names if not is_image(name)]
    if not others:
        return []
    shown = ", ".join(others[:3]) + (" ..." if len(others) > 3 else "")
    return [
        f"{len(others):,} file(s) are not images by their names ({shown}); to use a table among "
        "them, give it as the table"
    ]


def _sample_row(image: SkyImage) -> dict[str, Any]:
    ra, dec = image.position or (np.nan, np.nan)
    return {
        "file": image.file,
        "pixels": f"{image.data.shape[1]} x {image.data.shape[0]}",
        "ra": ra,
        "dec": dec,
        "pixel_scale": image.pixel_scale or np.nan,
        "beam": image.beam.fwhm if image.beam else np.nan,
        "bunit": image.bunit,
        "survey": image.survey,
    }
