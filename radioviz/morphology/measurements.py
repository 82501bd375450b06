"""Measurements stored beside their Catalogue, so that they are made once."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue, Column
from radioviz.data.source_columns import COLUMNS, SOME_COLUMNS, given_columns
from radioviz.data.source_planes import RESPONSE
from radioviz.jobs.progress import Progress, no_progress
from radioviz.morphology.measuring import (
    MEASURED,
    VERSION,
    boxes_of_found,
    elongated_beams,
    listed_neighbours,
    measure,
    stated_noise,
)
from radioviz.morphology.noise import is_shifted
from radioviz.store.atomic import atomic_file

FILE = "measured.parquet"

COMPLETED: dict[str, Column] = {
    "las_error": Column("float64", "arcsec", "stat.error;phys.angSize", "Error of las, 68 %"),
    "las_limit": Column("bool", "", "meta.code;phys.angSize", "True: las is an upper limit"),
    "flux_origin": Column("str", "", "meta.ref", "Where flux is from: catalogue or measured"),
    "noise_origin": Column("str", "", "meta.ref", "Where noise is from: stated or measured"),
    "flux_correction": Column(
        "str", "", "meta.note", "Primary beam: whether the image or flux_mjy is corrected for it"
    ),
}
"""What :func:`complete` adds about ``las`` and ``flux``, whatever their origin.

The last two only in surveys in which a noise, or the state of the primary beam, is stated.
"""

PIXEL_VALUES = ("rms", "noise", "peak", "flux_sum")
"""Columns in the unit of the images."""

CORRECTED, DIVIDED, UNCORRECTED, UNDECIDED = (
    "in the image", "divided by the response", "not corrected: response unknown",
    "not corrected: unknown whether the image is",
)  # fmt: skip


def complete(catalogue: Catalogue, progress: Progress = no_progress) -> Catalogue:
    """Catalogue with the columns of :data:`MEASURED`, sizes and fluxes filled in.

    ``las`` is filled where the catalogue had none (``las_origin`` is then ``measured``);
    ``las_error`` and ``las_limit`` belong to it. Those that came with catalogued sizes are kept.
    ``flux`` is filled where it was missing and the images are calibrated; ``flux_origin`` says so.
    Where the table states the noise (``rms``), the image is measured with it, and
    ``noise_origin`` says so. Fluxes of images that are not corrected for the primary beam are
    divided by its response where the table gives it; ``flux_correction`` says which, and fluxes of
    corrected images are left alone.
    Measurements are stored
    as ``measured.parquet`` in the folder of the catalogue. A file that is damaged, of another
    version or of other sources is replaced; if the folder cannot be written, they are measured
    each time.
    """
    key = _key(catalogue)
    path = catalogue.folder / _file(catalogue) if catalogue.folder else None
    measured = _read(path, key, len(catalogue)) if path else None
    if measured is None:
        info = catalogue.info
        measured = measure(
            catalogue.images, catalogue.pixel_scales, catalogue.beams, info.bunit, info.raw,
            progress, shifted=not info.raw and is_shifted(catalogue.images),
            rms=stated_noise(catalogue), boxes=boxes_of_found(catalogue),
            others=listed_neighbours(catalogue), beam_axes=elongated_beams(catalogue),
        )  # fmt: skip
        if path:
            _write(path, key, measured)
    before = catalogue.table.reset_index(drop=True)
    own = (*MEASURED, *COMPLETED)
    table = before.drop(columns=[c for c in own if c in before.columns])
    table = pd.concat([table, _corrected(table, measured)], axis=1)
    if np.isfinite(stated := stated_noise(catalogue)).any():
        known = np.where(table["noise"] > 0, "measured", "")
        table["noise_origin"] = np.where(np.isfinite(stated), "stated", known)
    fill = table["las"].isna() & table["las_measured"].notna()
    for name, found in (
        ("las_error", table["las_measured_error"]),
        ("las_limit", ~table["resolved"]),
    ):
        table[name] = np.where(fill, found, _given(before, name))
    table["las"] = table["las"].where(~fill, table["las_measured"])
    table["las_origin"] = table["las_origin"].where(~fill, "measured")
    catalogued = table["flux"].notna().to_numpy()
    table["flux"] = table["flux"].fillna(table["flux_mjy"])
    given = before.get("flux_origin", pd.Series("", index=before.index)).astype(str).to_numpy()
    named = np.where(given != "", given, "catalogue")
    table["flux_origin"] = np.where(
        catalogued, named, np.where(table["flux"].notna(), "measured", "")
    )
    # Units of the user's own columns, without those that measurements replace.
    for kind, names in before.attrs.items():
        kept = isinstance(names, dict)
        table.attrs[kind] = {n: v for n, v in names.items() if n not in own} if kept else names
    return dataclasses.replace(catalogue, table=table)


def described(catalogue: Catalogue) -> dict[str, Column]:
    """Unit, UCD and meaning of columns of a data set, as far as they are known.

    Pixel values have the unit of its images, columns of the user's own table the one given there.
    """
    table = catalogue.table
    known = {**SOME_COLUMNS, **given_columns(table), **COMPLETED, **MEASURED, **COLUMNS}
    unit = catalogue.info.bunit
    return known | {c: dataclasses.replace(known[c], unit=unit) for c in PIXEL_VALUES}


def complete_plane(catalogue: Catalogue, row: int, plane: int) -> Catalogue:
    """One source with the image of a plane and what is measured in it: a Catalogue of one row."""
    return complete(catalogue.of_plane(plane).subset(np.array([row])))


def _file(catalogue: Catalogue) -> str:
    """File of the measurements in the plane in use."""
    return f"measured-{catalogue.plane + 1}.parquet" if catalogue.plane else FILE


def _corrected(table: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Measurements with fluxes corrected for the primary beam once, and what was done.

    The image's own state decides: a corrected image is never corrected again, whatever response
    is given, and where nobody says whether it is corrected, nothing is guessed.
    """
    state = table["primary_beam"].to_numpy(dtype=object)
    response = np.full(len(table), np.nan)
    if RESPONSE in table:
        response = pd.to_numeric(table[RESPONSE], errors="coerce").to_numpy(dtype=float)
    known = (response > 0) & (response <= 1)
    if not known.any() and not (state != "").any():
        return measured
    divide = (state == "uncorrected") & known
    done = np.select(
        [state == "corrected", divide, state == "uncorrected", known],
        [CORRECTED, DIVIDED, UNCORRECTED, UNDECIDED],
        "",
    )
    flux = measured["flux_mjy"].to_numpy()
    return measured.assign(
        flux_mjy=np.where(divide, flux / np.where(divide, response, 1.0), flux),
        flux_correction=np.where(np.isfinite(flux), done, ""),
    )


def _given(table: pd.DataFrame, name: str) -> np.ndarray:
    """A column about catalogued sizes, ``(n,)``, as far as the table has it: no error, no limit."""
    limit = COMPLETED[name].dtype == "bool"
    if name not in table or not pd.api.types.is_numeric_dtype(table[name]):
        return np.full(len(table), False if limit else np.nan)
    given = table[name].to_numpy(float)
    return given == 1 if limit else given


def _key(catalogue: Catalogue) -> str:
    """Hash of what the measurements depend on: code, sources, survey, array."""
    info = catalogue.info
    parts: tuple[object, ...] = (
        VERSION, catalogue.digest, catalogue.images.shape, catalogue.images.dtype.str,
        info.pixel_scale, info.beam, info.bunit, info.raw,
    )  # fmt: skip
    if catalogue.plane:
        parts += (catalogue.plane,)
    digest = hashlib.sha256(repr(parts).encode())
    for values, common in (
        (catalogue.pixel_scales, info.pixel_scale),
        (catalogue.beams, np.nan if info.beam is None else info.beam),
        (stated_noise(catalogue), np.nan),
        (boxes_of_found(catalogue), np.nan),
        (elongated_beams(catalogue).ravel(), np.nan),
    ):
        if not np.array_equal(values, np.full(len(values), common), equal_nan=True):
            digest.update(values.tobytes())
    if "covered" in catalogue.table:
        digest.update(b"without listed neighbours, 3")
    return digest.hexdigest()[:32]


def _read(path: Path, key: str, n: int) -> pd.DataFrame | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        stored = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    if (stored.schema.metadata or {}).get(b"radioviz_measured") != key.encode():
        return None
    if stored.column_names != list(MEASURED) or stored.num_rows != n:
        return None
    columns = {
        name: np.asarray(
            stored.column(name).to_numpy(), dtype=object if column.dtype == "str" else column.dtype
        )
        for name, column in MEASURED.items()
    }
    return pd.DataFrame(columns)


def _write(path: Path, key: str, measured: pd.DataFrame) -> None:
    """Write in one atomic step, unless the folder is read-only or full."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stored = pa.Table.from_pydict({name: measured[name].to_numpy() for name in MEASURED})
    stored = stored.replace_schema_metadata({"radioviz_measured": key})
    with contextlib.suppress(OSError), atomic_file(path, parents=False) as scratch:
        pq.write_table(stored, scratch)
