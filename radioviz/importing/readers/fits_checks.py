"""Check the headers of a FITS table before astropy reads it.

astropy loops over as many axes and columns as a header declares and allocates the declared
cells; a damaged number costs gigabytes or minutes. Here each number is first compared with the
row and the file. Keywords and widths are those of the FITS standard 4.0, Secs. 7.2 (ASCII tables)
and 7.3 (binary tables).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.hdus import HDU, card_text, integer, open_source
from radioviz.importing.readers.table_builder import check_rows

MAX_FIELDS = 999  # FITS standard: TTYPEn has at most three digits

_KEYWORD = re.compile(
    rb"(BITPIX|NAXIS[12]?|PCOUNT|GCOUNT|THEAP|TFIELDS|TFORM[1-9]\d{0,2}|TBCOL[1-9]\d{0,2}) *= "
)
_BINARY = re.compile(r"(\d{0,20})([LXBIJKAEDCMPQ])")
_ASCII = re.compile(r"[AIFED](\d{1,20})")
_BYTES = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16,
          "P": 8, "Q": 16}  # fmt: skip


def check_fits(path: Path, file: IO[bytes]) -> None:
    """Refuse a FITS file whose table headers are inconsistent.

    Parameters
    ----------
    path : pathlib.Path
        For messages.
    file
        Open for reading, not compressed; its position changes.

    Raises
    ------
    CatalogueError
        If it is not a FITS file, or cut short; if a structural keyword is missing, not a number,
        or has two values; if columns do not fit into their row, or there are too many.
    """
    try:
        with open_source(file, path.name) as checked:
            for unit in checked.hdus:
                if unit.present < unit.size:
                    raise CatalogueError(
                        f"{path}: the file is cut short: HDU {unit.index} declares "
                        f"{unit.size:,} bytes, {unit.present:,} are there"
                    )
                if unit.kind in ("table", "compressed"):
                    _check_table(path, unit)
            if checked.notes:  # astropy would read the extra bytes as a header
                raise CatalogueError(
                    f"{path}: bytes behind HDU {len(checked.hdus) - 1} are not an HDU or padding; "
                    "write the table again"
                )
    except ImageError as error:
        raise CatalogueError(f"{path}: not a readable FITS table: {error}") from error


def _check_table(path: Path, unit: HDU) -> None:
    where = f"{path}: table in HDU {unit.index}"
    values = _values(where, unit)
    fields = integer(values, "TFIELDS", where)
    if not 0 <= fields <= MAX_FIELDS:
        raise CatalogueError(f"{where}: TFIELDS = {fields}; FITS allows 0 to {MAX_FIELDS}")
    width = integer(values, "NAXIS1", where)
    check_rows(path, integer(values, "NAXIS2", where), fields)
    ascii_table = any(c.startswith(b"XTENSION= 'TABLE ") for c in unit.cards[:1])
    used = 0
    for number in range(1, fields + 1):
        form = values.get(f"TFORM{number}", "").strip().upper()
        match = (_ASCII if ascii_table else _BINARY).match(form)
        if match is None:
            raise CatalogueError(f"{where}: TFORM{number} = {form[:30]!r} is not a column format")
        if ascii_table:
            start = integer(values, f"TBCOL{number}", where)
            if start < 1 or start - 1 + int(match[1]) > width:
                raise CatalogueError(
                    f"{where}: column {number} takes {int(match[1])} characters from {start} "
                    f"(TFORM{number}, TBCOL{number}); a row has {width} (NAXIS1)"
                )
            continue
        repeat = int(match[1] or 1)
        used += -(-repeat // 8) if match[2] == "X" else repeat * _BYTES[match[2]]
    if used > width:
        raise CatalogueError(
            f"{where}: its columns take {used:,} bytes (TFORM), a row has {width:,} (NAXIS1)"
        )


def _values(where: str, unit: HDU) -> dict[str, str]:
    """Structural keywords; one with two values is refused, because readers differ on it."""
    values: dict[str, str] = {}
    for card in unit.cards:
        if match := _KEYWORD.match(card[:10]):
            key, text = match[1].decode("ascii"), card_text(card)
            if values.setdefault(key, text) != text:
                raise CatalogueError(
                    f"{where}: {key} is in the header twice, as {values[key][:30]!r} and "
                    f"{text[:30]!r}; keep one"
                )
    return values
