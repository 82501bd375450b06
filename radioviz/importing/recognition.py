"""Recognise what a user imports by its content, and inspect it.

An inspection reads headers, a table and a few images within seconds. It also makes the
reader that the import runs with, so that the import does what was shown.
"""

from __future__ import annotations

from pathlib import Path

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.hdus import open_source
from radioviz.importing.cutout_positions import inspect_positions
from radioviz.importing.file_reader import inspect_files
from radioviz.importing.image_cubes import inspect_cube
from radioviz.importing.inspection import Inspection, Source
from radioviz.importing.mosaic import inspect_mosaic
from radioviz.importing.readers.cube_formats import is_cube
from radioviz.importing.readers.image_archives import is_archive
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.rgz_batches import inspect_batches, is_batches
from radioviz.importing.source_rows import read_sources
from radioviz.importing.survey_facts import Answers


def inspect_source(source: Source, answers: Answers | None = None) -> Inspection:
    """Inspect a source with the answers given so far.

    Raises
    ------
    CatalogueError, ImageError
        If it cannot be imported, or an answer is not accepted.
    """
    answers = dict(answers or {})
    path, table = Path(source.path).expanduser(), source.table
    source = Source(path, table)
    try:
        if not path.exists():
            raise CatalogueError(f"{path}: no such file or folder")
        if table is not None and not Path(table).is_file():
            raise CatalogueError(f"{table}: no such table")
    except (OSError, ValueError) as error:  # a name that no file system accepts
        raise CatalogueError(f"{str(path)[:200]}: invalid path ({error})"[:500]) from None
    if is_batches(path):
        return inspect_batches(source, answers)
    if is_cube(path):
        return inspect_cube(source, answers)
    if path.is_dir() or is_archive(path):
        return inspect_files(source, answers, listed=table is not None)
    if _is_fits_image(path):
        return (inspect_files if table is None else inspect_mosaic)(source, answers)
    if table is not None:
        raise CatalogueError(
            f"{path}: not a folder, archive, cube or FITS image that the table {table} could "
            "belong to"
        )
    if _is_picture(path):
        return inspect_files(source, answers)
    user_table = read_table(path)
    sources = read_sources(user_table, answers, positions=False)
    if sources.images is not None and not answers.get("service"):
        listed = Source(path.parent, path)
        return inspect_files(listed, answers, listed=True, user_table=user_table)
    return inspect_positions(source, answers, user_table)


def _is_fits_image(path: Path) -> bool:
    try:
        with open_source(path) as file:
            return any(h.is_image for h in file.hdus)
    except ImageError:
        return False


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8).startswith((b"\x89PNG", b"\xff\xd8\xff"))
