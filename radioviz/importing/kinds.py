"""What a user brings, told apart by its content: the look at each kind.

:func:`inspect` reads headers, a table and a few images and answers within seconds. The
same function, given the answers, makes the reader that the import itself runs with, so
that what was shown is what is done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.common_grid import Common
from radioviz.importing import fetched
from radioviz.importing import rgz_batches as batches
from radioviz.importing.cubes import CubeReader
from radioviz.importing.facts import pixels_of, resolve
from radioviz.importing.files import Files, FilesReader, look, path_state
from radioviz.importing.inspection import SAMPLE, Inspection, Source, key_of
from radioviz.importing.mosaic import Mosaic, MosaicReader, default_grid
from radioviz.importing.questions import Answers, Question, chosen
from radioviz.importing.reader import Reader, SurveyFacts, looks_clipped
from radioviz.importing.readers import cube_formats
from radioviz.importing.readers import image_archives as archives
from radioviz.importing.readers.user_tables import UserTable, read_table
from radioviz.importing.source_rows import SourceList, read_sources


def inspect(source: Source, answers: Answers | None = None) -> Inspection:
    """Look at a source with the answers given so far.

    Raises
    ------
    CatalogueError, ImageError
        If it is nothing that can be imported, or an answer is none of the accepted.
    """
    answers = dict(answers or {})
    path, table = Path(source.path).expanduser(), source.table
    try:
        if not path.exists():
            raise CatalogueError(f"{path}: no such file or folder")
        if table is not None and not Path(table).is_file():
            raise CatalogueError(f"{table}: no such table")
    except (OSError, ValueError) as error:  # a name that no file system takes
        raise CatalogueError(
            f"{str(path)[:200]}: no name of a file or folder ({error})"[:500]
        ) from None
    if batches.is_batches(path):
        return batches.inspect_batches(source, answers)
    if cube_formats.is_cube(path):
        return _cube(source, answers)
    if path.is_dir() or archives.is_archive(path):
        return _listed(source, answers) if table is not None else _files(source, answers)
    if _is_fits_image(path):
        return _mosaic(source, answers) if table is not None else _files(source, answers)
    if table is not None:
        raise CatalogueError(
            f"{path}: neither a folder, an archive, a cube nor a FITS image that the table "
            f"{table} could go with"
        )
    if _is_picture(path):
        return _files(source, answers)
    user_table = read_table(path)
    sources = read_sources(user_table, answers, positions=False)
    if sources.images is not None and not answers.get("service"):
        return _listed(Source(path.parent, path), answers, user_table)
    return fetched.inspect_positions(source, answers, user_table)


def _is_fits_image(path: Path) -> bool:
    from radioviz.images.hdus import open_source

    try:
        with open_source(path) as file:
            return any(h.is_image for h in file.hdus)
    except ImageError:
        return False


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(8)
    return head.startswith((b"\x89PNG", b"\xff\xd8\xff"))


# -- kinds -------------------------------------------------------------------------------


def _files(source: Source, answers: Answers) -> Inspection:
    return _of_files(source, answers, Files(Path(source.path)), None)


def _listed(source: Source, answers: Answers, table: UserTable | None = None) -> Inspection:
    table_path = Path(source.table) if source.table else Path(source.path)
    user_table = table or read_table(table_path)
    sources = read_sources(user_table, answers, key=key_of(source, answers), positions=False)
    if sources.images is None:
        sources = dataclasses.replace(sources, images=_names_as_files(sources))
    return _of_files(source, answers, Files(Path(source.path)), sources)


def _names_as_files(sources: SourceList) -> pd.Series:
    """Without a column of files, identifiers or names may be what the files are called."""
    column = "source_id" if not sources.found.get("name") else "name"
    if "source_id" not in sources.found and column == "source_id":
        raise CatalogueError(
            "the table has no column with the files of the images, and no identifiers that files "
            "could be called by; map one by hand (columns: image)"
        )
    return sources.frame[column]


def _of_files(
    source: Source, answers: Answers, files: Files, sources: SourceList | None
) -> Inspection:
    seen = look(files)
    ask = "No file tells its pixel scale: how many arcsec is a pixel?"
    told = dataclasses.replace(seen.facts, pixel_scale=seen.scale)
    facts, found, needed = resolve(answers, told, ask)
    edge = pixels_of(answers)
    shape = (edge, edge) if edge else seen.shape
    if shape is None:
        why = "; ".join(f"{n}: {w}" for n, w in seen.refused[:3]) or "none can be read"
        raise CatalogueError(f"{source.path}: no image that can be read: {why}")
    found = {"files": f"{len(files.names):,}", "shape": f"{shape[1]} x {shape[0]} pixels", **found}
    notes: list[str] = []
    if sources is not None:
        found.update(sources.found)
        needed += sources.needed
        notes += sources.notes
    dtype = np.dtype(np.uint8 if seen.pictures else np.float32)
    # A beam that the files give is kept one by one; a given one overrules them.
    kept = facts if "beam" in answers else dataclasses.replace(facts, beam=None)
    if facts.beam is not None and told.beam is None:
        kept = facts

    def make() -> Reader:
        common = Common(shape, facts.pixel_scale or 1.0, facts.bunit, facts.survey)
        return FilesReader(files, common, kept, dtype, facts.bunit or None, sources)

    rows = [
        {
            "file": i.file,
            "pixels": f"{i.data.shape[1]} x {i.data.shape[0]}",
            "ra": i.position[0] if i.position else np.nan,
            "dec": i.position[1] if i.position else np.nan,
            "pixel_scale": i.pixel_scale or np.nan,
            "beam": i.beam.fwhm if i.beam else np.nan,
            "bunit": i.bunit,
            "survey": i.survey,
        }
        for i in seen.images
    ]
    return Inspection(
        source,
        "listed" if sources is not None else "files",
        len(files.names) if sources is None else len(sources.frame),
        found,
        tuple(needed),
        pd.DataFrame(rows) if sources is None else sources.frame.head(SAMPLE),
        seen.refused,
        tuple(notes),
        key_of(source, answers),
        (*path_state(Path(source.path)), *_table_state(source, sources)),
        make,
    )


def _cube(source: Source, answers: Answers) -> Inspection:
    cube = cube_formats.open_cube(Path(source.path), str(answers.get("array") or ""))
    table = read_table(source.table) if source.table is not None else cube.table()
    sources = (
        read_sources(table, answers, key=key_of(source, answers), positions=False)
        if table
        else None
    )
    first = [p.astype(np.float32) for p in next(iter(cube.blocks()))[:16]]
    told = _told_by(cube.attributes)
    ask = "The cube does not tell its pixel scale: how many arcsec is a pixel?"
    is_grey = cube.dtype in (np.uint8, np.bool_)
    told = dataclasses.replace(told, raw=not is_grey and not looks_clipped(first))
    facts, found, needed = resolve(answers, told, ask)
    first_row = chosen(answers, "first_row", ("south", "north"))
    if first_row is None:
        text = "Is the first row of an image its southern edge (FITS) or its northern (pictures)?"
        needed.append(Question("first_row", text, ("south", "north"), "south"))
    n, ny, nx = cube.shape
    found = {"images": f"{n:,}", "shape": f"{nx} x {ny} pixels", "type": str(cube.dtype), **found}
    notes: tuple[str, ...] = ()
    if sources is not None:
        found.update(sources.found)
        needed += sources.needed
        notes = sources.notes
    else:
        notes = ("no table: the images will have no names, positions or sizes",)
    if sources is not None:
        # Differences in length are said now rather than when the import starts.
        CubeReader(cube, facts, sources)

    def make() -> Reader:
        return CubeReader(cube, facts, sources, first_row == "north")

    return Inspection(
        source,
        "cube",
        n,
        found,
        tuple(needed),
        sources.frame.head(SAMPLE) if sources is not None else pd.DataFrame(),
        (),
        notes,
        key_of(source, answers),
        (*path_state(Path(source.path)), *_table_state(source, sources)),
        make,
    )


def _told_by(attributes: Mapping[str, Any]) -> SurveyFacts:
    """Facts among the attributes of a cube, by the names that FITS and people use."""
    lower = {str(k).lower(): v for k, v in attributes.items()}

    def number(*names: str) -> float | None:
        for name in names:
            value = lower.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return float(value)
        return None

    beam = number("beam", "beam_arcsec", "fwhm")
    major = number("bmaj")
    return SurveyFacts(
        pixel_scale=number("pixel_scale", "pixscale", "pixel_scale_arcsec"),
        beam=beam if beam is not None else (major * 3600 if major and major < 1 else major),
        bunit=str(lower.get("bunit") or lower.get("unit") or ""),
        survey=str(lower.get("survey") or ""),
        frequency=number("frequency_ghz"),
    )


def _mosaic(source: Source, answers: Answers) -> Inspection:
    extension = answers.get("extension")
    mosaic = Mosaic(Path(source.path), None if extension in (None, "") else int(extension))
    table = read_table(source.table or source.path)
    sources = read_sources(table, answers, key=key_of(source, answers), positions=True)
    told = SurveyFacts(None, mosaic.beam, mosaic.bunit, mosaic.survey, frequency=mosaic.frequency)
    facts, found, needed = resolve(answers, told)
    pixels, step = default_grid(facts.beam, mosaic.scale)
    pixels = pixels_of(answers) or pixels
    facts = dataclasses.replace(facts, pixel_scale=facts.pixel_scale or step)
    ny, nx = mosaic.shape
    how = "a third of the beam" if facts.beam else "as the mosaic"
    how = "given" if "pixel_scale" in answers else how
    found = {
        "mosaic": f"{nx} x {ny} pixels of {mosaic.scale:.4g} arcsec",
        **found,
        "pixel_scale": f"{facts.pixel_scale:.5g} arcsec ({how})",
        "shape": f"{pixels} x {pixels} pixels",
        **sources.found,
    }
    needed += sources.needed
    return Inspection(
        source,
        "mosaic",
        len(sources.frame) + len(sources.refused),
        found,
        tuple(needed),
        sources.frame.head(SAMPLE),
        tuple((f"row {n}", why) for n, why in sources.refused[:SAMPLE]),
        (*mosaic.notes, *sources.notes),
        key_of(source, answers),
        (*path_state(Path(source.path)), *_table_state(source, sources)),
        lambda: MosaicReader(mosaic, sources, facts, pixels),
    )


def _table_state(source: Source, sources: SourceList | None) -> tuple[Any, ...]:
    if source.table is None or sources is None:
        return ()
    return path_state(Path(source.table))
