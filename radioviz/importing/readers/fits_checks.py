"""What a FITS table declares, held against the file before astropy acts on it.

astropy walks as many axes and columns as a header announces, and makes room for cells wherever
they are said to lie; a damaged number there costs gigabytes or minutes. Here each number is held
against the row and the file first. Keywords and widths are those of the FITS standard 4.0,
Secs. 7.2 (ASCII tables) and 7.3 (binary tables).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.hdus import HDU, card_text, integer, open_source
from radioviz.importing.readers.user_tables import check_rows

MOST_FIELDS = 999  # of the standard: TTYPEn and its like have three digits

_KEYWORD = re.compile(
    rb"(BITPIX|NAXIS[12]?|PCOUNT|GCOUNT|THEAP|TFIELDS|TFORM[1-9]\d{0,2}|TBCOL[1-9]\d{0,2}) *= "
)
_BINARY = re.compile(r"(\d{0,20})([LXBIJKAEDCMPQ])")
_ASCII = re.compile(r"[AIFED](\d{1,20})")
_BYTES = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16,
          "P": 8, "Q": 16}  # fmt: skip


def check_fits(path: Path, file: IO[bytes]) -> None:
    """Refuse a FITS file of tables whose headers cannot be true.

    Parameters
    ----------
    path : pathlib.Path
        For messages.
    file
        Open for reading, not compressed; left where it stands after.

    Raises
    ------
    CatalogueError
        If it is no FITS file or cut short, a structural keyword is missing, no number, or stands
        twice with two values, columns do not fit into their row, or there are too many.
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
            if checked.notes:  # astropy would read on, and take what is there for a header
                raise CatalogueError(
                    f"{path}: bytes behind HDU {len(checked.hdus) - 1} are neither a further one "
                    "nor padding; write the table anew"
                )
    except ImageError as error:
        raise CatalogueError(f"{path}: not a readable FITS table: {error}") from error


def _check_table(path: Path, unit: HDU) -> None:
    where = f"{path}: table in HDU {unit.index}"
    values = _values(where, unit)
    fields = integer(values, "TFIELDS", where)
    if not 0 <= fields <= MOST_FIELDS:
        raise CatalogueError(f"{where}: TFIELDS = {fields}; FITS allows 0 to {MOST_FIELDS}")
    width = integer(values, "NAXIS1", where)
    check_rows(path, integer(values, "NAXIS2", where), fields)
    ascii_table = any(c.startswith(b"XTENSION= 'TABLE ") for c in unit.cards[:1])
    used = 0
    for number in range(1, fields + 1):
        form = values.get(f"TFORM{number}", "").strip().upper()
        match = (_ASCII if ascii_table else _BINARY).match(form)
        if match is None:
            raise CatalogueError(f"{where}: TFORM{number} = {form[:30]!r} is no format of a column")
        if ascii_table:
            start = integer(values, f"TBCOL{number}", where)
            if start < 1 or start - 1 + int(match[1]) > width:
                raise CatalogueError(
                    f"{where}: column {number} takes {int(match[1])} characters from {start} on "
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
    """Structural keywords; two values for one are refused, since readers differ on which counts."""
    values: dict[str, str] = {}
    for card in unit.cards:
        if match := _KEYWORD.match(card[:10]):
            key, text = match[1].decode("ascii"), card_text(card)
            if values.setdefault(key, text) != text:
                raise CatalogueError(
                    f"{where}: {key} stands twice in the header, as {values[key][:30]!r} and "
                    f"{text[:30]!r}; keep one"
                )
    return values
