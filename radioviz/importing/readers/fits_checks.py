"""Check the headers of a FITS table before astropy reads it.

astropy makes as many columns and cells as a header declares; here the numbers are first compared
with the row and the file (FITS standard 4.0, Secs. 7.2, ASCII tables, and 7.3, binary tables).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.hdus import HDU, open_source
from radioviz.importing.readers.table_builder import check_rows

MAX_FIELDS = 999  # FITS standard: TTYPEn has at most three digits

_BINARY = re.compile(r"(\d{0,20})([LXBIJKAEDCMPQ])")
_ASCII = re.compile(r"[AIFED](\d{1,20})")
_BITS = dict(zip("LXBIJKAEDCMPQ", (8, 1, 8, 16, 32, 64, 8, 32, 64, 64, 128, 64, 128), strict=True))


def check_fits(path: Path, file: IO[bytes]) -> None:
    """Refuse a FITS file whose table headers are inconsistent.

    ``path``: for messages. ``file``: open for reading, not compressed; its position changes. Raises
    CatalogueError if it is not a FITS file, or cut short; if a structural keyword is missing, not a
    number, or has two values; if columns do not fit into their row, or there are too many.
    """
    try:
        with open_source(file, path.name) as checked:
            for unit in checked.hdus:
                checked.check_length(unit)
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
    where, header = f"{path}: table in HDU {unit.index}", unit.header
    fields, width = header.integer("TFIELDS", where), header.integer("NAXIS1", where)
    if not 0 <= fields <= MAX_FIELDS:
        raise CatalogueError(f"{where}: TFIELDS = {fields}; FITS allows 0 to {MAX_FIELDS}")
    check_rows(path, header.integer("NAXIS2", where), fields)
    in_text = header.string("XTENSION") == "TABLE"
    used = 0
    for number in range(1, fields + 1):
        form = header.string(f"TFORM{number}").upper()
        match = (_ASCII if in_text else _BINARY).match(form)
        if match is None:
            raise CatalogueError(f"{where}: TFORM{number} = {form[:30]!r} is not a column format")
        if not in_text:
            used += -(-int(match[1] or 1) * _BITS[match[2]] // 8)
            continue
        start = header.integer(f"TBCOL{number}", where)
        if start < 1 or start - 1 + int(match[1]) > width:
            raise CatalogueError(
                f"{where}: column {number} takes {int(match[1])} characters from {start} "
                f"(TFORM{number}, TBCOL{number}); a row has {width} (NAXIS1)"
            )
    if used > width:
        raise CatalogueError(
            f"{where}: its columns take {used:,} bytes (TFORM), a row has {width:,} (NAXIS1)"
        )
