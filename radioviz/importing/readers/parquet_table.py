"""Tables in Parquet files."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import (
    MAX_VECTOR,
    TableBuilder,
    check_rows,
    reading,
)
from radioviz.store.unpacking import excess

if TYPE_CHECKING:
    import pyarrow as pa


def read_parquet(path: Path) -> TableBuilder:
    """Columns of a Parquet file.

    Units are in the metadata of the fields, or where astropy writes them.
    """
    import pyarrow as pa

    builder = TableBuilder(path)
    with reading(path, "Parquet file"):
        table = _parquet_table(builder)
    metadata = table.schema.metadata or {}
    described = _parquet_descriptions(metadata)
    # astropy writes masks as separate columns.
    masks = {
        name: table.column(f"{name}.mask")
        for name in table.column_names
        if b"table_meta_yaml" in metadata and f"{name}.mask" in table.column_names
    }
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.name.removesuffix(".mask") in masks and field.name.endswith(".mask"):
            continue
        if field.name.startswith("__index_level_") and field.name.endswith("__"):
            continue
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        elif pa.types.is_fixed_size_list(field.type):
            builder.add(field.name, _vectors(column))
            continue
        if pa.types.is_decimal(field.type):  # whole ones may be identifiers
            column = column.cast(pa.string() if field.type.scale <= 0 else pa.float64())
        mask = column.is_null().to_numpy(zero_copy_only=False)
        if mask.any() and (pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)):
            column = column.fill_null(pa.scalar(0).cast(field.type))
        if field.name in masks:
            mask = mask | masks[field.name].to_numpy(zero_copy_only=False).astype(bool)
        facts = described.get(field.name, {}) | {
            k.decode("utf-8", "replace").lower(): v.decode("utf-8", "replace")
            for k, v in (field.metadata or {}).items()
        }
        builder.add(
            field.name,
            column.to_numpy(zero_copy_only=False),
            mask,
            unit=facts.get("unit", facts.get("units", "")),
            ucd=facts.get("ucd", ""),
            description=facts.get("description", ""),
        )
    return builder


def _parquet_table(builder: TableBuilder) -> pa.Table:
    """A Parquet file in memory; its text, which may repeat without end, as dictionaries."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = builder.path
    with pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    kept = []
    width = 0
    for field in schema:
        if pa.types.is_nested(field.type) and not _is_vector(field.type):
            builder.notes.append(f"column '{field.name}' left out: its cells are {field.type}")
            continue
        kept.append(field.name)
        fixed = pa.types.is_primitive(field.type) or pa.types.is_fixed_size_binary(field.type)
        size = 8 * field.type.list_size if _is_vector(field.type) else 8
        width += field.type.bit_width // 8 if fixed else size
    _check_packed(path, rows, len(schema), rows * width)
    plain = [name for name in kept if not pa.types.is_nested(schema.field(name).type)]
    with pq.ParquetFile(path, read_dictionary=plain) as file:
        table = file.read(None if len(kept) == len(schema) else kept)
    table.validate(full=True)  # finds text that is not UTF-8
    size = rows * width
    for column in table.columns:
        kind = column.type
        if pa.types.is_dictionary(kind) and not pa.types.is_primitive(kind.value_type):
            for chunk in column.chunks:
                lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
                size += pc.sum(lengths).as_py() or 0
    _check_packed(path, rows, len(schema), size)
    return table


def _is_vector(kind: pa.DataType) -> bool:
    """Whether cells are lists of as many numbers each."""
    import pyarrow as pa

    if not pa.types.is_fixed_size_list(kind) or not 0 < kind.list_size <= MAX_VECTOR:
        return False
    return pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type)


def _vectors(column: pa.ChunkedArray) -> np.ndarray:
    """Lists of numbers as float64, shape ``(n, d)``; a list that is not there is NaN."""
    width = column.type.list_size
    parts = [np.empty((0, width))]
    for chunk in column.chunks:
        numbers = np.full((len(chunk), width), np.nan)
        there = chunk.is_valid().to_numpy(zero_copy_only=False)
        flat = chunk.flatten().to_numpy(zero_copy_only=False).astype(float)
        numbers[there] = flat.reshape(-1, width)
        parts.append(numbers)
    return np.concatenate(parts)


def _check_packed(path: Path, rows: int, columns: int, size: int) -> None:
    check_rows(path, rows, columns, size)
    if why := excess(path.stat().st_size, size):
        raise CatalogueError(f"{path}: {why}")


def _parquet_descriptions(metadata: dict[bytes, bytes]) -> dict[str, dict[str, str]]:
    """Units and descriptions of columns as astropy and pandas write them to Parquet."""
    from astropy.table import meta

    found: dict[str, dict[str, str]] = {}
    with suppress(Exception):  # a header of another version: go without its units
        lines = metadata.get(b"table_meta_yaml", b"").decode("utf-8").split("\n")
        for column in meta.get_header_from_yaml(lines)["datatype"]:
            found[column["name"]] = {
                key: str(column[key]) for key in ("unit", "description") if key in column
            }
    with suppress(ValueError, AttributeError):
        attributes = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
        for fact, key in (("unit", "units"), ("ucd", "ucds")):
            for name, text in attributes.get(key, {}).items():
                found.setdefault(name, {})[fact] = str(text)
    return found
