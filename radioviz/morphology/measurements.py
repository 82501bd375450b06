"""Measurements stored beside their Catalogue, so that they are made once."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue, Column
from radioviz.jobs.progress import Progress, no_progress
from radioviz.morphology.measuring import MEASURED, VERSION, measure
from radioviz.morphology.noise import is_shifted
from radioviz.store.atomic import atomic_file

FILE = "measured.parquet"

COMPLETED: dict[str, Column] = {
    "las_error": Column("float64", "arcsec", "stat.error;phys.angSize", "Error of las, 68 %"),
    "las_limit": Column("bool", "", "meta.code;phys.angSize", "True: las is an upper limit"),
    "flux_origin": Column("str", "", "meta.ref", "Where flux is from: catalogue or measured"),
}
"""What :func:`complete` adds about the columns ``las`` and ``flux``, whatever their origin."""


def complete(catalogue: Catalogue, progress: Progress = no_progress) -> Catalogue:
    """Catalogue with the columns of :data:`MEASURED`, sizes and fluxes filled in.

    ``las`` is filled where the catalogue had none (``las_origin`` is then ``measured``);
    ``las_error`` and ``las_limit`` belong to it. Those that came with catalogued sizes are kept.
    ``flux`` is filled where it was missing and the images are calibrated; ``flux_origin`` says so.
    Measurements are stored
    as ``measured.parquet`` in the folder of the catalogue. A file that is damaged, of another
    version or of other sources is replaced; if the folder cannot be written, they are measured
    each time.
    """
    key = _key(catalogue)
    path = catalogue.folder / FILE if catalogue.folder else None
    measured = _read(path, key, len(catalogue)) if path else None
    if measured is None:
        info = catalogue.info
        measured = measure(
            catalogue.images, catalogue.pixel_scales, catalogue.beams, info.bunit, info.raw,
            progress, shifted=not info.raw and is_shifted(catalogue.images),
        )  # fmt: skip
        if path:
            _write(path, key, measured)
    before = catalogue.table.reset_index(drop=True)
    table = before.drop(columns=[c for c in (*MEASURED, *COMPLETED) if c in before.columns])
    table = pd.concat([table, measured], axis=1)
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
    return dataclasses.replace(catalogue, table=table)


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
    parts = (
        VERSION, catalogue.digest, catalogue.images.shape, catalogue.images.dtype.str,
        info.pixel_scale, info.beam, info.bunit, info.raw,
    )  # fmt: skip
    digest = hashlib.sha256(repr(parts).encode())
    for values, common in (
        (catalogue.pixel_scales, info.pixel_scale),
        (catalogue.beams, np.nan if info.beam is None else info.beam),
    ):
        if not np.array_equal(values, np.full(len(values), common), equal_nan=True):
            digest.update(values.tobytes())
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
