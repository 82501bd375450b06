"""Recognise what a user imports by its content, and inspect it.

An inspection reads headers, a table and a few images within seconds. It also makes the
reader that the import runs with, so that the import does what was shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from radioviz.data.user_surveys import suggest_key
from radioviz.errors import CatalogueError, ImageError
from radioviz.images.hdus import open_source
from radioviz.importing.cutout_positions import inspect_positions
from radioviz.importing.export_images import (
    ExtensionFiles,
    SourceCube,
    generated_table,
    is_generated,
    is_multi_extension,
    is_source_cube,
)
from radioviz.importing.export_tables import (
    is_contact_sheet,
    is_export,
    is_regions,
    read_regions,
    table_inside,
)
from radioviz.importing.file_inspection import inspect_files
from radioviz.importing.image_choice import EVERY_EXTENSION
from radioviz.importing.image_cubes import inspect_cube
from radioviz.importing.image_files import ImageFiles, list_folder, name_files
from radioviz.importing.inspection import Inspection, Source
from radioviz.importing.mosaic_inspection import field_question, finds_sources, inspect_mosaic
from radioviz.importing.readers.cube_formats import is_cube
from radioviz.importing.readers.image_archives import is_archive
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.rgz_batches import inspect_batches, is_batches
from radioviz.importing.source_rows import SourceList, read_sources
from radioviz.importing.survey_facts import Answers
from radioviz.jobs.watched_fork import limited
from radioviz.paths import special_file


def inspect_source(source: Source, answers: Answers | None = None) -> Inspection:
    """Inspect a source with the answers given so far.

    Raises CatalogueError or ImageError if it cannot be imported, or an answer is not accepted.
    """
    answers = dict(answers or {})
    path, table = Path(source.path).expanduser(), source.table
    try:
        if not path.exists():
            raise CatalogueError(f"{path}: no such file or folder")
        for given in filter(None, (path, table and Path(table))):
            if kind := special_file(given):
                raise CatalogueError(f"{given}: is {kind}; give a regular file or a folder")
        if table is not None and not Path(table).is_file():
            raise CatalogueError(f"{table}: no such table")
    except (OSError, ValueError) as error:  # a name that no file system accepts
        raise CatalogueError(f"{str(path)[:200]}: invalid path ({error})"[:500]) from None
    with limited(path.name):
        inspect, source = _recognise(path, table and Path(table), answers)
        name = source.path.resolve().name.split(".")[0]
        answers["key"] = str(answers.get("key") or suggest_key(name))
        inspection = inspect(source, answers)
    state = (*_path_state(source.path), *(_path_state(source.table) if source.table else ()))
    return dataclasses.replace(inspection, key=answers["key"], state=state)


def _recognise(
    path: Path, table: Path | None, answers: Answers
) -> tuple[Callable[[Source, Answers], Inspection], Source]:
    """The function that inspects this kind of source, and the source that it inspects."""
    source = Source(path, table)
    if is_batches(path):
        return inspect_batches, source
    if is_cube(path):
        return inspect_cube, source
    if path.is_dir() or is_archive(path):
        inside = table_inside(path) if table is None else None
        return partial(inspect_files, table=inside), source
    if _is_fits_image(path):
        return _recognise_fits(path, table, answers), source
    if table is not None:
        raise CatalogueError(
            f"{path}: not a folder, archive, cube or FITS image that the table {table} could "
            "belong to"
        )
    if _is_picture(path):
        if is_contact_sheet(path):
            raise CatalogueError(
                f"{path}: a contact sheet that RadioViz wrote, many galaxies in one picture; "
                "import the export as FITS or ZIP"
            )
        return inspect_files, source
    which = str(answers.get("which_table") or "")
    rows = read_regions(path) if is_regions(path) else read_table(path, which)
    sources = read_sources(rows, answers, positions=False)
    if sources.images is not None and not answers.get("service"):
        beside = Source(path.parent, path)
        if "ra" not in sources.found or _has_images(beside, rows, sources):
            return partial(inspect_files, table=rows), beside
    return partial(inspect_positions, table=rows), source


def _recognise_fits(
    path: Path, table: Path | None, answers: Answers
) -> Callable[[Source, Answers], Inspection]:
    if table is not None:
        return inspect_mosaic
    if is_source_cube(path):
        return partial(inspect_cube, cube=SourceCube(path))
    if is_multi_extension(path):
        return partial(inspect_files, table=read_table(path), files=ExtensionFiles(path))
    if is_generated(path):
        made = ExtensionFiles(path)
        return partial(inspect_files, table=generated_table(path, made.names), files=made)
    if str(answers.get("extension") or "").strip().lower() == EVERY_EXTENSION:
        rest = {k: v for k, v in answers.items() if k != "extension"}
        files = ExtensionFiles(path)
        return lambda source, given: inspect_files(
            source, {**rest, "key": given["key"]}, files=files
        )
    return _inspect_image


def _inspect_image(source: Source, answers: Answers) -> Inspection:
    """A single FITS image: of one galaxy, or of a field whose sources are to be found."""
    question = field_question(source, answers)
    find = finds_sources(question, answers)
    seen = inspect_mosaic(source, answers, find=True) if find else inspect_files(source, answers)
    if question is None:
        return seen
    return dataclasses.replace(seen, needed=(question, *seen.needed))


def _has_images(source: Source, rows: UserTable, sources: SourceList) -> bool:
    """Whether images are beside a table with positions; those that an export names."""
    try:
        files = ImageFiles(source.path, without=source.table)
    except CatalogueError:
        return False
    try:
        name_files(files, sources)
    except CatalogueError:
        return not is_export(rows)
    return True


def _is_fits_image(path: Path) -> bool:
    try:
        with open_source(path) as file:
            return any(h.is_image for h in file.hdus)
    except ImageError:
        return False


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8).startswith((b"\x89PNG", b"\xff\xd8\xff"))


def _path_state(path: Path) -> tuple[Any, ...]:
    """A value that changes when the file, or a file in the folder, changes.

    It is part of the journal of an unfinished import: another value restarts that import.
    """
    if path.is_dir():
        return (str(path.resolve()), *((n, *_stat(path / n)) for n in list_folder(path)))
    return (str(path.resolve()), *_stat(path))


def _stat(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:  # gone, or a broken link: it will be refused when it is read
        return 0, 0
    return stat.st_size, stat.st_mtime_ns
