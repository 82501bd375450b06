"""Delimited text: CSV and its relatives, and plain lists of positions."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import (
    MAX_CELL_BYTES,
    MAX_ROWS,
    TableBuilder,
    check_rows,
)
from radioviz.importing.readers.table_choice import choose_table
from radioviz.importing.readers.text_layout import TextLayout, find_layout, split

_DECIMAL_COMMA = re.compile(r"\s*[-+−]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?([eE][-+]?\d+)?\s*")
_THOUSANDS = re.compile(r"\s*[-+−]?\d{1,3}(,\d{3})*\s*")
_DECIMAL_POINT = re.compile(r"\s*[-+−]?\d+\.\d+([eE][-+]?\d+)?\s*")
_NUMBER = re.compile(r"[-+−]?\d+(\.\d*)?")
_NAME = re.compile(r"#Name:\s*(.+?)\s*$")
_MAX_REFUSED = 10_000
_BATCH = 50_000


def decode_text(path: Path, content: bytes) -> str:
    """Text of a file in UTF-8, UTF-16 with a byte order mark, or Latin-1.

    Raises CatalogueError if it holds zero bytes, which a text table never does.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise CatalogueError(f"{path}: not UTF-16 text: {error.reason}") from error
    where = content.find(b"\0")
    if where >= 0:
        raise CatalogueError(
            f"{path}: a binary file (zero byte at {where:,}), not a table of a known format"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_delimited_text(path: Path, text: str, which: str = "") -> TableBuilder:
    """Columns of delimited text; of one of its tables, where it is an answer of VizieR."""
    lines = re.split(r"\r\n|\n|\r", text)
    starts = [i for i, line in enumerate(lines) if line.startswith("#Table\t")]
    ends = [*starts[1:], len(lines)]
    parts = [(a, b) for a, b in zip(starts, ends, strict=False) if _has_rows(lines[a:b])]
    if len(parts) < 2:
        return choose_table(path, [("", partial(_add_lines, lines, 0))])
    tables = []
    for start, end in parts:
        part = lines[start:end]
        name = next((m[1] for line in part if (m := _NAME.match(line))), "")
        tables.append((name, partial(_add_lines, part, start)))
    return choose_table(path, tables, which)


def _has_rows(lines: list[str]) -> bool:
    return any(line.strip() and not line.startswith("#") for line in lines)


def _add_lines(lines: list[str], before: int, builder: TableBuilder) -> None:
    path = builder.path
    if any("\x80" <= c <= "\x9f" for line in islice(lines, 1000) for c in line):
        builder.notes.append("not UTF-8; read as Latin-1, so check the names")
    layout = find_layout(path, lines)
    check_rows(path, 0, len(layout.names))
    columns = _columns(builder, lines, layout, before)
    points = layout.delimiter != "," and any(
        column.str.fullmatch(_DECIMAL_POINT).any() for column in columns
    )
    for number, (name, cells) in enumerate(zip(layout.names, columns, strict=True)):
        if layout.delimiter != ",":
            cells = _without_decimal_commas(builder, name, cells, points)
        builder.add_text(
            name,
            cells,
            unit=layout.units[number] if layout.units else "",
            ucd=layout.ucds.get(name, ""),
            description=layout.descriptions.get(name, ""),
        )
    if layout.frame:
        builder.frames[""] = layout.frame


def _without_decimal_commas(
    builder: TableBuilder, name: str, cells: pd.Series, points: bool
) -> pd.Series:
    """Cells with points where all have decimal commas; ``points``: the file has points as well."""
    filled = cells[cells.str.strip() != ""]
    if not filled.str.contains(",").any() or not filled.str.fullmatch(_DECIMAL_COMMA).all():
        return cells
    if points and filled.str.fullmatch(_THOUSANDS).all():
        builder.notes.append(f"column '{name}': commas read as separators of thousands")
        return cells.str.replace(",", "")
    builder.notes.append(f"column '{name}': decimal commas read as decimal points")
    return cells.str.replace(".", "").str.replace(",", ".")


def _columns(
    builder: TableBuilder, lines: list[str], layout: TextLayout, before: int
) -> list[pd.Series]:
    """Cells of all rows of the right width, as text, by column."""
    path, width = builder.path, len(layout.names)
    batches: list[list[pa.Array]] = [[] for _ in range(width)]
    rows: list[list[str]] = []
    builder.numbers = []

    def store() -> None:
        for batch, cells in zip(batches, zip(*rows, strict=True), strict=False):
            batch.append(pa.array(cells, pa.large_string()))
        rows.clear()

    most = min(MAX_ROWS, MAX_CELL_BYTES // (8 * width))
    for number, (line, cells) in enumerate(_cells(path, lines, layout, before), start=1):
        if number > most:
            check_rows(path, number, width)
        if layout.delimiter == " ":
            cells = joined(cells, width)
        if layout.alone and width == 3 and len(cells) == 2:
            cells.append("")
        if len(cells) == width:
            rows.append(cells)
            builder.numbers.append(number)
            if len(rows) == _BATCH:
                store()
            continue
        why = f"line {line} has {len(cells)} cells where the header has {width}"
        builder.refused.append((number, why))
        if len(builder.refused) > _MAX_REFUSED:
            raise CatalogueError(
                f"{path}: more than {_MAX_REFUSED:,} rows do not have the {width} cells of "
                "the header; check the delimiter"
            )
    store()
    return [
        pa.chunked_array(batch, pa.large_string()).to_pandas().astype("str") for batch in batches
    ]


def _cells(
    path: Path, lines: list[str], layout: TextLayout, before: int
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row; empty lines and comments left out."""
    rest: Iterator[str] = islice(lines, layout.first, None)
    if layout.delimiter == " ":
        for i, line in enumerate(rest, before + layout.first + 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield i, split(line, " ")
        return
    if layout.bars:
        rest = (line.strip().strip("|") for line in rest)
    reader = csv.reader((line + "\n" for line in rest), delimiter=layout.delimiter)
    start = before + layout.first
    try:
        for cells in reader:
            if any(c.strip() for c in cells) and not cells[0].startswith("#"):
                yield start + reader.line_num, cells
    except csv.Error as error:
        raise CatalogueError(f"{path}: line {start + reader.line_num}: {error}") from error


def joined(cells: list[str], width: int) -> list[str]:
    """Cells of a line separated by blanks; six numbers are one sexagesimal position."""
    if width in (2, 3) and len(cells) >= 6 and all(_NUMBER.fullmatch(c) for c in cells[:6]):
        cells = [" ".join(cells[:3]), " ".join(cells[3:6]), *cells[6:]]
    if width == 3 and len(cells) > 3:
        cells = [*cells[:2], " ".join(cells[2:])]
    return cells
