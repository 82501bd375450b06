"""Inspection of a mosaic: with a source list to cut it by, or to find its sources."""

from __future__ import annotations

import dataclasses

from radioviz.errors import ImageError
from radioviz.importing.image_choice import choose_images
from radioviz.importing.image_facts import frame_note
from radioviz.importing.image_files import FileEntry
from radioviz.importing.inspection import SAMPLE, Inspection, Reader, Source
from radioviz.importing.mosaic import DEFAULT_PIXELS, Mosaic, MosaicReader, default_scale
from radioviz.importing.mosaic_sources import FoundReader
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_rows import SourceList, read_sources
from radioviz.importing.survey_facts import (
    Answers,
    Question,
    SurveyFacts,
    choice_answer,
    pixels_answer,
    resolve_facts,
)

ONE, FIND = "one image", "find them"
FOUND_PIXELS = 150
"""Side of cutouts of sources that were found: less is lost at the edges of a small mosaic."""

_FIELD = 200  # pixels of the shorter side from which an image may be a field of many sources
_MOSAIC = 1000  # and from which it is taken for one


def field_question(source: Source, answers: Answers) -> Question | None:
    """Whether to find the sources of a single image; None where it is too small to be a field.

    The default is to find them in images of 1000 pixels or more.
    """
    if choice_answer(answers, "sources", (ONE, FIND)) is None:
        try:
            mosaic = Mosaic(source.path)
        except ImageError:  # a cube, or without a position: what it is good for is asked elsewhere
            return None
        ny, nx = mosaic.shape
        if min(ny, nx) < _FIELD:
            return None
        default = FIND if min(ny, nx) >= _MOSAIC else ONE
        text = f"{nx} x {ny} pixels: find the sources in this image, or keep it as one image?"
    else:
        default, text = ONE, "Find the sources in this image, or keep it as one image?"
    return Question("sources", text, (ONE, FIND), default)


def finds_sources(question: Question | None, answers: Answers) -> bool:
    """Whether the answer, or the default, is to find the sources."""
    if question is None:
        return False
    return (choice_answer(answers, "sources", (ONE, FIND)) or question.default) == FIND


def inspect_mosaic(source: Source, answers: Answers, *, find: bool = False) -> Inspection:
    """Inspect a FITS image and the source list to cut it by; ``find``: there is none.

    Raises CatalogueError or ImageError if the image is not a mosaic, or the list cannot be read or
    has no positions.
    """
    kind = "field" if find else "mosaic"
    choice, chosen, asked = choose_images(answers, [FileEntry(source.path.name, source.path)])
    if any(question.required for question in asked):
        return Inspection(source, kind, None, chosen, tuple(asked))
    mosaic = Mosaic(source.path, choice)
    sources: SourceList | None = None
    if not find:
        table = read_table(source.table or source.path, str(answers.get("which_table") or ""))
        sources = read_sources(table, answers, key=answers["key"], positions=True)
    seen = mosaic.seen
    in_file = SurveyFacts(
        None,
        seen.beam.fwhm if seen.beam else None,
        mosaic.bunit,
        seen.survey,
        frequency=seen.frequency,
        implied=frozenset(seen.implied),
    )
    survey, found, needed = resolve_facts(answers, in_file)
    found, needed = {**chosen, **found}, [*asked, *needed]
    pixels = pixels_answer(answers) or (FOUND_PIXELS if find else DEFAULT_PIXELS)
    scale = survey.pixel_scale or default_scale(survey.beam, mosaic.scale)
    survey = dataclasses.replace(survey, pixel_scale=scale)
    ny, nx = mosaic.shape
    how = "a third of the beam" if survey.beam else "as the mosaic"
    how = "given" if "pixel_scale" in answers else how
    found = {
        "mosaic": f"{nx} x {ny} pixels of {mosaic.scale:.4g} arcsec",
        **found,
        "pixel_scale": f"{scale:.5g} arcsec ({how})",
        "shape": f"{pixels} x {pixels} pixels",
        **({"sources": "will be found in the mosaic"} if sources is None else sources.found),
    }
    note = frame_note((pixels, pixels), [scale], [survey.beam])
    notes = (*mosaic.notes, *([note] if note else []))

    def make() -> Reader:
        if sources is None:
            return FoundReader(mosaic, answers["key"], survey, pixels)
        return MosaicReader(mosaic, sources, survey, pixels)

    if sources is None:
        return Inspection(source, kind, None, found, tuple(needed), make=make, notes=notes)
    return Inspection(
        source,
        kind,
        count=len(sources.frame) + len(sources.refused),
        found=found,
        needed=(*needed, *sources.needed),
        make=make,
        sample=sources.frame.head(SAMPLE),
        refused=tuple((f"row {n}", why) for n, why in sources.refused[:SAMPLE]),
        notes=(*notes[: len(mosaic.notes)], *sources.notes, *notes[len(mosaic.notes) :]),
    )
