"""Tables of a selection: VOTable, Parquet, CSV. (The FITS table is in ``export.fits``.)"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

import numpy as np
import pandas as pd

from radioviz import __version__
from radioviz.data.catalogue import Column
from radioviz.export.groups import (
    Group,
    Groups,
    SelectionTable,
    column_names,
    in_memory,
    selection_table,
    timestamp,
)
from radioviz.jobs.progress import Progress, no_progress
from radioviz.store.spreadsheets import safe_cell

# Above this many cells a VOTable is written as BINARY2: smaller, and faster both ways.
_BINARY_CELLS = 200_000
_ROWS = 8192  # rows of CSV and Parquet that are converted at a time


def write_votable(
    file: IO[bytes],
    groups: Groups | Group,
    *,
    note: str = "",
    created: dt.datetime | None = None,
    binary: bool | None = None,
) -> None:
    """Write VOTable 1.4 with units, UCDs, descriptions, coordinate system and provenance as PARAMs.

    ``binary``: BINARY2 serialisation instead of TABLEDATA; by default for large tables only. Raises
    ExportError if the selection is empty.
    """
    write_votable_table(file, selection_table(groups, note), created=created, binary=binary)


def write_votable_table(
    file: IO[bytes],
    table: SelectionTable,
    *,
    created: dt.datetime | None = None,
    binary: bool | None = None,
) -> None:
    """Write a described table as VOTable (see :func:`write_votable`)."""
    from astropy.io.votable import tree
    from astropy.table import Table

    safe = column_names([*table.frame.columns, *table.latents])
    data = Table()
    for name in table.frame.columns:
        cells = table.frame[name].to_numpy()
        data[safe[name]] = cells if cells.dtype.kind in "fib" else _text_cells(cells)
    for name, vectors in table.latents.items():
        data[safe[name]] = vectors
    votable = tree.VOTableFile.from_table(data, table_id="SOURCES")
    votable.version = "1.4"
    resource = votable.resources[0]
    resource.description = "A selection of radio galaxies written by RadioViz"
    resource.coordinate_systems.append(
        tree.CooSys(
            ID="J2000", system="eq_FK5", equinox="J2000", config={"version_1_1_or_later": True}
        )
    )
    xml = resource.tables[0]
    xml.name = "SOURCES"
    xml.description = xml_text("\n".join(table.provenance))
    described = {
        **table.columns,
        **{name: Column("float32", "", "", "Latent vector") for name in table.latents},
    }
    for field, (name, about) in zip(xml.fields, described.items(), strict=True):
        if about.unit:
            field.unit = about.unit
        if about.ucd:
            field.ucd = about.ucd
        if about.description:
            field.description = xml_text(about.description)
        if name in ("ra", "dec"):
            field.ref = "J2000"
    facts = {"creator": f"RadioViz {__version__}", "date": timestamp(created)}
    facts |= {f"provenance_{i}": line for i, line in enumerate(table.provenance, 1)}
    for name, value in facts.items():
        xml.params.append(
            tree.Param(
                votable,
                name=name,
                ID=name,
                datatype="char" if value.isascii() else "unicodeChar",
                arraysize="*",
                value=xml_text(value),
            )
        )
    if binary is None:
        width = len(table.frame.columns) + sum(v.shape[1] for v in table.latents.values())
        binary = len(table.frame) * width > _BINARY_CELLS
    votable.to_xml(file, tabledata_format="binary2" if binary else "tabledata")


def votable_bytes(groups: Groups | Group, **options: Any) -> bytes:
    """:func:`write_votable` into memory."""
    return in_memory(write_votable, groups, **options)


def _text_cells(cells: np.ndarray) -> np.ndarray:
    """Text as fixed-width ``char`` where it is ASCII, else ``unicodeChar``.

    At least two characters wide: readers treat an array of one as a single character, which cannot
    be empty.
    """
    text = np.array([xml_text(c) for c in cells], dtype="U")
    kind = "S" if all(c.isascii() for c in text) else "U"
    return text.astype(f"{kind}{max(2, text.dtype.itemsize // 4)}")


def xml_text(text: object) -> str:
    """Text with ``?`` for characters that XML 1.0 forbids."""
    return "".join(
        c
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
        else "?"
        for c in str(text)
    )


def write_csv_table(
    file: IO[bytes], table: SelectionTable, progress: Progress = no_progress
) -> None:
    """Write a joined table as comma-separated text (see :func:`write_csv`)."""
    for start, part in _parts(table, progress):
        frame = part.frame
        text = [n for n in frame.columns if frame[n].dtype.kind not in "fib"]
        frame = frame.assign(
            **{n: frame[n].map(lambda c: safe_cell(c.replace("\0", ""))) for n in text}
        )
        for name, vectors in part.latents.items():
            names = [f"{name}_{i}" for i in range(vectors.shape[1])]
            frame = pd.concat([frame, pd.DataFrame(vectors, frame.index, names)], axis=1)
        frame = frame.rename(columns=lambda n: safe_cell(str(n)))
        lines = frame.to_csv(index=False, header=start == 0, lineterminator="\r\n")
        file.write(lines.encode("utf-8"))


def _parts(table: SelectionTable, progress: Progress) -> Iterator[tuple[int, SelectionTable]]:
    """The rows of a table, some thousands at a time, and the number of the first one of them."""
    total = len(table.frame)
    for start in range(0, total, _ROWS):
        here = slice(start, start + _ROWS)
        latents = {name: vectors[here] for name, vectors in table.latents.items()}
        yield start, replace(table, frame=table.frame.iloc[here], latents=latents)
        progress(min(start + _ROWS, total), total, "rows")


def write_csv(
    file: IO[bytes], groups: Groups | Group, *, note: str = "", progress: Progress = no_progress
) -> None:
    """Write CSV in UTF-8 (RFC 4180) with one header line; missing numbers are empty cells.

    Text cells that a spreadsheet could interpret as a formula (beginning with ``= + - @``, a tab
    or a line break) get a leading apostrophe. Latents are columns ``latent_0``, ``latent_1``, ...

    Raises ExportError if the selection is empty.
    """
    write_csv_table(file, selection_table(groups, note), progress)


def write_parquet(
    file: IO[bytes], groups: Groups | Group, *, note: str = "", progress: Progress = no_progress
) -> None:
    """Write Parquet; latents are fixed-size lists; units, UCDs, descriptions are field metadata.

    Raises ExportError if the selection is empty.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = selection_table(groups, note)
    fields: list[Any] = []
    for name in table.frame.columns:
        kind = pa.array(table.frame[name].to_numpy()[:1], from_pandas=False).type
        about = table.columns[name]
        meta = {"unit": about.unit, "ucd": about.ucd, "description": about.description}
        fields.append(pa.field(name, kind, metadata={k: v for k, v in meta.items() if v}))
    for name, vectors in table.latents.items():
        kind = pa.list_(pa.float32(), vectors.shape[1])
        fields.append(pa.field(name, kind, metadata={"description": "Latent vector"}))
    schema = pa.schema(fields, metadata={"radioviz_provenance": json.dumps(table.provenance)})
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for _, part in _parts(table, progress):
            columns = [pa.array(part.frame[n].to_numpy(), from_pandas=False) for n in part.frame]
            columns += [
                pa.FixedSizeListArray.from_arrays(pa.array(v.ravel()), v.shape[1])
                for v in part.latents.values()
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
