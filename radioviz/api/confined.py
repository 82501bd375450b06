"""What a page reads of a stranger's bytes, read in a confined process.

No byte of an upload, catalogue, session file or received table is parsed in the server's own
process: each function here has :mod:`radioviz.jobs.reader_process` call the reader of the same
purpose, and raises what it raises, or :class:`~radioviz.errors.ReaderError` where it died.
"""

from __future__ import annotations

import dataclasses
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radioviz.errors import ReaderError
from radioviz.jobs.reader_process import read_confined
from radioviz.jobs.sandbox import Limits

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from radioviz.api.samp_messages import Message
    from radioviz.export.session import Session
    from radioviz.images.reading import SkyImage
    from radioviz.importing import Inspection, Source
    from radioviz.importing.readers.table_builder import UserTable
    from radioviz.importing.survey_facts import Answers
    from radioviz.mock_fields.finder_catalogue import FinderCatalogue
    from radioviz.mock_fields.settings import FieldSettings
    from radioviz.mock_fields.templates import Templates
    from radioviz.similarity.query_image import Box

HERE = __name__ + ":"
READERS = (
    *(__name__, "radioviz.similarity.query_image", "radioviz.importing"),
    *("radioviz.export.session", "radioviz.api.samp_messages"),
)
"""Modules whose functions read here: the spare process imports them once for all readings."""

Position = tuple[float, float] | None
"""J2000 position in degrees; None without a WCS."""

INSPECTION = Limits(memory=4_000_000_000, seconds=600)


def read_session(payload: bytes, name: str = "the session file") -> Session:
    """See :func:`radioviz.export.session.read_session`."""
    from radioviz.export.session import Mark, Session

    function = "radioviz.export.session:read_session"
    return read_confined(function, payload, name=name, classes=(Session, Mark))


def read_query(
    payload: bytes, name: str, extension: int | None = None
) -> tuple[list[tuple[int, str]], SkyImage | None, Position]:
    """A picture for a search, read at once.

    Returns
    -------
    list of (int, str)
        See :func:`radioviz.similarity.query_image.images_in`.
    SkyImage or None
        See :func:`radioviz.similarity.query_image.read_picture`; without its WCS. None if there
        are several images and no ``extension``.
    (float, float) or None
        J2000 position in degrees of its middle.
    """
    from radioviz.images.known_surveys import Beam
    from radioviz.images.reading import SkyImage

    images, image, position = read_confined(
        HERE + "_query", payload, name, extension, name=name, classes=(SkyImage, Beam)
    )
    return images, image, position


def position_in(payload: bytes, name: str, extension: int | None, box: Box) -> Position:
    """J2000 position in degrees of the middle of a box of an image; None without a WCS."""
    from radioviz.similarity.query_image import Box

    return read_confined(
        HERE + "_position", payload, name, extension, box, name=name, classes=(Box,)
    )


def inspect_source(
    source: Source,
    answers: Answers | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Inspection:
    """See :func:`radioviz.importing.inspect_source`; without its reader.

    ``cancelled`` is asked some times a second; True, or an error, ends the process.
    """
    from radioviz.data.user_surveys import suggest_key
    from radioviz.importing import Inspection, Question, Source

    # A table may name images beside it.
    read = [source.path, source.table or source.path.parent]
    found: Inspection = read_confined(
        HERE + "_inspection", source, dict(answers or {}), name=source.path.name, read=read,
        classes=(Source, Inspection, Question), limits=INSPECTION, cancelled=cancelled,
    )  # fmt: skip
    return dataclasses.replace(found, key=suggest_key(found.key))


def column_names(path: Path, which: str = "") -> list[str]:
    """Names of the columns of a table; ``which`` is one of several in the file.

    Raises
    ------
    CatalogueError
        If it is not a table.
    """
    return read_confined(HERE + "_columns", path, which, name=path.name, read=(path,))


def read_labels(payload: bytes, name: str) -> pd.DataFrame:
    """See :func:`radioviz.importing.label_table.read_labels`."""
    return read_confined(HERE + "_labels", payload, name, name=name)


def galaxies_found(
    payload: bytes,
    name: str,
    extension: int | None,
    settings: FieldSettings,
    templates: Templates,
    catalogue: FinderCatalogue | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, FieldSettings, tuple[str, ...]]:
    """See :func:`radioviz.mock_fields.injection.found_again`; of a FITS image."""
    return read_confined(
        HERE + "_injected", payload, name, extension, settings, templates, catalogue, name=name,
        classes=_field_classes(), limits=INSPECTION, cancelled=cancelled,
    )  # fmt: skip


def found_by(
    catalogue: FinderCatalogue, settings: FieldSettings, truth: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Sources of another finder's catalogue on a mock field, and what of it was left out.

    See :func:`radioviz.mock_fields.finder_catalogue.sources_on`.
    """
    return read_confined(
        HERE + "_found_by", catalogue, settings, truth, name=catalogue.name,
        classes=_field_classes(), limits=INSPECTION,
    )  # fmt: skip


def with_galaxies(
    payload: bytes, name: str, extension: int | None, settings: FieldSettings, templates: Templates
) -> bytes:
    """The FITS file of :func:`radioviz.mock_fields.injection.with_galaxies`, from an image."""
    return read_confined(
        HERE + "_with_galaxies", payload, name, extension, settings, templates, name=name,
        classes=_field_classes(), limits=INSPECTION,
    )  # fmt: skip


def image_with_galaxies(
    payload: bytes, name: str, extension: int | None, settings: FieldSettings, templates: Templates
) -> np.ndarray:
    """The pixels of that file, Jy/beam, float32 ``(ny, nx)``."""
    pixels: np.ndarray = read_confined(
        HERE + "_image_with_galaxies", payload, name, extension, settings, templates, name=name,
        classes=_field_classes(), limits=INSPECTION,
    )  # fmt: skip
    return pixels


def find_fits_tables(paths: Sequence[Path]) -> list[Path]:
    """See :func:`radioviz.images.hdus.find_tables`; none where the reader died."""
    try:
        found: list[Path] = read_confined(
            "radioviz.images.hdus:find_tables", list(paths), read=paths
        )
    except ReaderError:
        return []
    return found


def fetch_table(message: Message) -> UserTable:
    """See :func:`radioviz.api.samp_messages.fetch_table`."""
    from radioviz.api.samp_messages import Message, fetch_payload
    from radioviz.importing.readers.table_builder import UserTable

    return read_confined(
        "radioviz.api.samp_messages:read_received", message, fetch_payload(message),
        name=message.name, classes=(Message, UserTable),
    )  # fmt: skip


def _field_classes() -> tuple[type, ...]:
    from radioviz.images.known_surveys import Beam
    from radioviz.mock_fields.finder_catalogue import FinderCatalogue
    from radioviz.mock_fields.settings import FieldSettings
    from radioviz.mock_fields.templates import Templates

    return FieldSettings, Beam, Templates, FinderCatalogue


# -- in the confined process ----------------------------------------------------------------------


def _query(payload: bytes, name: str, extension: int | None) -> Any:
    from radioviz.similarity import query_image
    from radioviz.similarity.query_image import Box

    images = query_image.images_in(payload, name)
    if len(images) > 1 and extension is None:
        return images, None, None
    image = query_image.read_picture(payload, name, extension)
    position = query_image.position_of(image, Box.whole(image.data))
    return images, dataclasses.replace(image, wcs=None), position


def _position(payload: bytes, name: str, extension: int | None, box: Box) -> Position:
    from radioviz.similarity import query_image

    return query_image.position_of(query_image.read_picture(payload, name, extension), box)


def _mosaic(payload: bytes, name: str, extension: int | None) -> SkyImage:
    from radioviz.images.reading import read_fits

    return read_fits(payload, extension=extension, name=name)


def _injected(
    payload: bytes, name: str, extension: int | None, settings: FieldSettings, templates: Templates,
    catalogue: FinderCatalogue | None,
) -> Any:  # fmt: skip
    from radioviz.mock_fields.injection import found_again

    return found_again(_mosaic(payload, name, extension), settings, templates, catalogue)


def _found_by(catalogue: FinderCatalogue, settings: FieldSettings, truth: pd.DataFrame) -> Any:
    from radioviz.mock_fields.finder_catalogue import check_scale
    from radioviz.sky import tan_wcs

    shape = settings.height, settings.width
    wcs = tan_wcs(settings.ra, settings.dec, settings.pixel, shape)
    found, notes = catalogue.on_image(wcs, shape)
    check_scale(truth, found, settings.beam, settings.pixel, catalogue.name)
    return found, notes


def _image_with_galaxies(
    payload: bytes, name: str, extension: int | None, settings: FieldSettings, templates: Templates
) -> np.ndarray:
    from radioviz.mock_fields.injection import with_galaxies

    hdu, _, _ = with_galaxies(_mosaic(payload, name, extension), settings, templates)
    return hdu.data


def _with_galaxies(
    payload: bytes, name: str, extension: int | None, settings: FieldSettings, templates: Templates
) -> bytes:
    from radioviz.mock_fields.injection import with_galaxies

    hdu, _, _ = with_galaxies(_mosaic(payload, name, extension), settings, templates)
    file = io.BytesIO()
    hdu.writeto(file, output_verify="silentfix")
    return file.getvalue()


def _inspection(source: Source, answers: Answers) -> Inspection:
    from radioviz import importing

    # Surveys of others are out of reach; the server makes the suggested key a free one.
    os.environ["RADIOVIZ_HOME"] = os.devnull
    return dataclasses.replace(importing.inspect_source(source, answers), make=None)


def _labels(payload: bytes, name: str) -> Any:
    from radioviz.importing.label_table import read_labels

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(name).name or "table")
        path.write_bytes(payload)
        return read_labels(path)


def _columns(path: Path, which: str) -> list[str]:
    from radioviz.importing.readers.user_tables import read_table

    return [str(name) for name in read_table(path, which).frame.columns]
