"""Delimited text: CSV and its relatives, and plain lists of positions."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import (
    MAX_CELL_BYTES,
    MAX_ROWS,
    TableBuilder,
    check_rows,
    numbers_where_possible,
)

_DELIMITERS = (",", ";", "\t", "|")
_DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*$")
_NUMBER = re.compile(r"[-+−]?\d+(\.\d*)?")
_MAX_REFUSED = 10_000


def decode_text(path: Path, content: bytes) -> str:
    """Text of a file in UTF-8, UTF-16 with a byte order mark, or Latin-1.

    Raises
    ------
    CatalogueError
        If it holds zero bytes, which a text table never does.
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


def add_delimited_text(builder: TableBuilder, text: str) -> None:
    """Add the columns of delimited text; see :func:`~.user_tables.read_table`."""
    path = builder.path
    if "\ufffd" not in text and any("\x80" <= c <= "\x9f" for c in islice(text, 100_000)):
        builder.notes.append("not UTF-8; read as Latin-1, so check the names")
    lines = re.split(r"\r\n|\n|\r", text)
    data = (i for i, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    first = next(data, None)
    if first is None:
        raise CatalogueError(f"{path}: only comments and empty lines; expected a header and rows")
    header, delimiter = _header(path, lines, first)
    skipped = first if header is None else first + 1
    # TOPCAT and others start the header with '#': then it is the last comment.
    if header is None and first and lines[first - 1].startswith("#"):
        names = _split(lines[first - 1].lstrip("# "), delimiter)
        if len(names) > 1 and all(n and not n[0].isdigit() for n in names):
            header = names
    alone = header is None
    if header is None:
        header = _names_of_positions(path, lines[first], delimiter)
    check_rows(path, 0, len(header))
    rows = _rows(builder, lines[skipped:], delimiter, len(header), skipped, alone)
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    for name, cells in zip(header, columns, strict=True):
        filled = [c for c in cells if c.strip()] if delimiter == ";" else []
        if any("," in c for c in filled) and all(_DECIMAL_COMMA.match(c) for c in filled):
            cells = tuple(c.replace(",", ".") for c in cells)
            builder.notes.append(f"column '{name}': decimal commas read as decimal points")
        column = np.array(cells, dtype=object)
        builder.add(name, *(numbers_where_possible(column) or (column,)))


def _header(path: Path, lines: list[str], first: int) -> tuple[list[str] | None, str]:
    """Column names (None where the first line is data) and the delimiter."""
    line = lines[first]
    delimiter = max(_DELIMITERS, key=lambda d: len(_split(line, d)))
    if len(_split(line, delimiter)) == 1:
        delimiter = " "
    names = _split(line, delimiter)
    if len(names) == 1 and not re.fullmatch(r"[\w\s().\[\]/-]+", line):
        raise CatalogueError(
            f"{path}: line {first + 1} is not a header or a position: '{line[:60]}'; expected "
            "column names separated by commas, semicolons, tabs, bars or blanks"
        )
    looks_like_data = all(re.fullmatch(r"[-+−]?[\d.:]+([eE][-+]?\d+)?", n) for n in names[:2])
    return (None if looks_like_data else names), delimiter


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    return [c.strip() for c in next(csv.reader([line], delimiter=delimiter))]


def _names_of_positions(path: Path, line: str, delimiter: str) -> list[str]:
    cells = _split(line, delimiter)
    if delimiter == " ":
        cells = _joined(cells, 3)  # hh mm ss dd mm ss, and names with blanks
    if len(cells) in (2, 3):
        # Three at once: later lines may have a name where the first has none.
        return ["ra", "dec", "name"][: 3 if delimiter == " " else len(cells)]
    raise CatalogueError(
        f"{path}: the first line holds {len(cells)} numbers and no names; put a line of column "
        "names first, or give only positions as 'RA Dec' or 'RA Dec name'"
    )


def _rows(
    builder: TableBuilder, lines: list[str], delimiter: str, width: int, before: int, alone: bool
) -> list[list[str]]:
    """Cells of all rows of the right width; ``alone`` where the file holds only positions."""
    path = builder.path
    rows: list[list[str]] = []
    builder.numbers = []
    number = 0
    most = min(MAX_ROWS, MAX_CELL_BYTES // (8 * width))
    for line, cells in _cells(path, lines, delimiter, before):
        number += 1
        if number > most:
            check_rows(path, number, width)
        if delimiter == " ":
            cells = _joined(cells, width)
        if alone and width == 3 and len(cells) == 2:
            cells.append("")
        if len(cells) == width:
            rows.append(cells)
            builder.numbers.append(number)
            continue
        why = f"line {line} has {len(cells)} cells where the header has {width}"
        builder.refused.append((number, why))
        if len(builder.refused) > _MAX_REFUSED:
            raise CatalogueError(
                f"{path}: more than {_MAX_REFUSED:,} rows do not have the {width} cells of "
                "the header; check the delimiter"
            )
    return rows


def _cells(
    path: Path, lines: list[str], delimiter: str, before: int
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row; empty lines and comments left out."""
    if delimiter == " ":
        for i, line in enumerate(lines, before + 1):
            if line.strip() and not line.startswith("#"):
                yield i, line.split()
        return
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    try:
        for cells in reader:
            if any(c.strip() for c in cells) and not cells[0].startswith("#"):
                yield before + reader.line_num, cells
    except csv.Error as error:
        raise CatalogueError(f"{path}: line {before + reader.line_num}: {error}") from error


def _joined(cells: list[str], width: int) -> list[str]:
    """Cells of a line separated by blanks; six numbers are one sexagesimal position."""
    if width in (2, 3) and len(cells) >= 6 and all(_NUMBER.fullmatch(c) for c in cells[:6]):
        cells = [" ".join(cells[:3]), " ".join(cells[3:6]), *cells[6:]]
    if width == 3 and len(cells) > 3:
        cells = [*cells[:2], " ".join(cells[2:])]
    return cells
