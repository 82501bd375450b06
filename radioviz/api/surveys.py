"""Import a survey of your own, as the page Your data does."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from radioviz.api.samples import GalaxySample, open_data_set


def import_survey(
    path: str | PathLike[str],
    table: str | PathLike[str] | None = None,
    *,
    key: str = "",
    title: str = "",
    models: str | Sequence[str] = (),
    replace: bool = False,
    **answers: Any,
) -> GalaxySample:
    """Import a survey and encode it.

    Parameters
    ----------
    path : str or path
        A folder or archive of images, a cube, a mosaic, or a table of images or positions.
    table : str or path, optional
        A table of the sources.
    key, title : str
        Of the survey; by default from the name of the file.
    models : str or sequence of str
        Encoders that map it afterwards.
    replace : bool
        True to replace a survey of the same key.
    **answers
        Answers to what the files do not say, as the options of ``radioviz import``:
        ``pixel_scale`` and ``beam`` in arcsec, ``survey``, ``bunit``, ``raw``,
        ``columns={"ra": "RAJ2000"}``, ``service``, ...

    Returns
    -------
    GalaxySample
        The imported data set.

    Raises
    ------
    CatalogueError
        If an answer is missing, the key exists, or nothing can be read.
    """
    from radioviz.encode.survey import encode_data_set
    from radioviz.importing import Source
    from radioviz.importing import import_survey as import_source

    named = {name: value for name, value in (("key", key), ("title", title)) if value}
    source = Source(Path(path), None if table is None else Path(table))
    result = import_source(source, {**answers, **named}, replace=replace)
    sample = open_data_set(result.key)
    for model in [models] if isinstance(models, str) else models:
        encode_data_set(result.key, model)
    return sample
