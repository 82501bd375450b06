"""Export galaxies to files: FITS, ZIP, VOTable, CSV, Parquet, DS9 regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from radioviz.api.inference import generated_pixel_scale
from radioviz.api.samples import open_atlas
from radioviz.data.registry import open_data_set
from radioviz.encode import GeneratedGalaxies
from radioviz.errors import ExportError
from radioviz.export import (
    Group,
    ds9_regions,
    mask_regions,
    write_csv,
    write_cube,
    write_fits,
    write_fits_table,
    write_masks,
    write_parquet,
    write_simulated_fits,
    write_votable,
    write_zip,
)
from radioviz.export.groups import MADE_COLUMNS
from radioviz.store.atomic import atomic_file, report_unwritable

FORMATS: dict[str, Callable[[IO[bytes], list[Group]], object]] = {
    ".fits": write_fits,
    ".cube.fits": write_cube,
    ".table.fits": write_fits_table,
    ".masks.fits": write_masks,
    ".zip": write_zip,
    ".vot": write_votable,
    ".xml": write_votable,
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".reg": lambda file, groups: file.write(ds9_regions(groups).encode("utf-8")),
    ".masks.reg": lambda file, groups: file.write(mask_regions(groups).encode("utf-8")),
}
"""What each ending of a file name stands for."""


def export_galaxies(
    galaxies: Sequence[str] | pd.DataFrame | GeneratedGalaxies,
    path: str | PathLike[str],
    *,
    data_set: str = "first",
    model: str = "",
) -> Path:
    """Write galaxies to a file; the ending of its name says in which format.

    ``.fits``: one image HDU per galaxy and the table; ``.cube.fits``: one cube; ``.table.fits``:
    the table alone; ``.zip``: one FITS file per galaxy; ``.vot``, ``.csv``, ``.parquet``: tables;
    ``.reg``: DS9 regions; ``.masks.fits``, ``.masks.reg``: which pixels belong to each source, as
    images and as DS9 polygons.

    Parameters
    ----------
    galaxies : sequence of str, pandas.DataFrame or GeneratedGalaxies
        Values of ``source_id``; a table with ``source_id`` (and ``data_set``, ``score``), such as
        :func:`find_similar` returns; or generated galaxies (FITS only, marked as simulated).
    path : str or path
        File to write; it is replaced if it exists.
    data_set : str
        Data set of the galaxies where the table does not say.
    model : str
        Encoder whose latent vectors are added; none by default.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ExportError
        If the ending is unknown, nothing is selected, or the file cannot be written.
    CatalogueError, AtlasError
        If a galaxy is unknown or there is no Atlas of the model.

    Examples
    --------
    >>> import radioviz, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     radioviz.export_galaxies(["first-0", "first-2"], f"{folder}/two.fits").name
    'two.fits'
    """
    path = Path(path)
    ending = next((e for e in sorted(FORMATS, key=len)[::-1] if path.name.endswith(e)), "")
    if not ending or (isinstance(galaxies, GeneratedGalaxies) and ending != ".fits"):
        known = ".fits" if isinstance(galaxies, GeneratedGalaxies) else ", ".join(FORMATS)
        raise ExportError(f"{path.name}: unknown file type; expected {known}")
    write: Callable[[IO[bytes]], object]
    if isinstance(galaxies, GeneratedGalaxies):
        write = partial(_write_simulated, generated=galaxies)
    else:
        groups, form = _groups(galaxies, data_set, model), FORMATS[ending]
        write = lambda file: form(file, groups)  # noqa: E731
    with (
        report_unwritable(path, ExportError, setting="the path"),
        atomic_file(path, parents=False) as scratch,
        scratch.open("wb") as file,
    ):
        write(file)
    return path


def _groups(galaxies: Sequence[str] | pd.DataFrame, data_set: str, model: str) -> list[Group]:
    """Rows, scores and latents of each data set, in the order given."""
    if isinstance(galaxies, pd.DataFrame):
        table = galaxies
    else:
        table = pd.DataFrame({"source_id": list(galaxies)})
    if "source_id" not in table:
        raise ExportError(f"the table has columns {', '.join(table.columns)}; expected source_id")
    keys = table["data_set"] if "data_set" in table else pd.Series(data_set, index=table.index)
    groups = []
    for key, part in table.groupby(keys, sort=False):
        catalogue = open_data_set(str(key))
        rows = catalogue.rows_of(part["source_id"].tolist())
        atlas = open_atlas(str(key), model) if model else None
        names = {"score": "similarity", "chance": "chance", "separation": "separation"}
        found = part[[name for name in names if name in part]].rename(columns=names)
        groups.append(
            Group(
                catalogue,
                rows,
                scores=found if len(found.columns) else None,
                latents=None if atlas is None else np.asarray(atlas.latents[rows]),
                model=model,
                model_sha256=str(atlas.meta["weights_sha256"]) if atlas else "",
                columns={"similarity": MADE_COLUMNS["similarity"]},
            )
        )
    return groups


def _write_simulated(file: IO[bytes], generated: GeneratedGalaxies) -> None:
    write_simulated_fits(
        file,
        generated.images,
        model=generated.model,
        model_sha256=generated.weights_sha256,
        seed=generated.request.seed,
        conditions=generated.conditions(),
        latents=generated.latents,
        indices=generated.indices,
        cards=generated.cards(),
        pixel_scale=generated_pixel_scale(generated),
    )
