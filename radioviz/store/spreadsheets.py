"""Text that spreadsheets open as text, not as formulas (OWASP, "CSV Injection")."""

from __future__ import annotations

import re

import pandas as pd

# Characters that start a formula in a spreadsheet, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Text that no spreadsheet evaluates: an apostrophe precedes a formula sign.

    Remove one leading apostrophe to restore the text.
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


_MADE_SAFE = re.compile("^'(?= *[" + re.escape("".join(_FORMULA)) + "])")


def as_written(cells: pd.Series) -> pd.Series:
    """Text before :func:`safe_cell`."""
    return cells.str.replace(_MADE_SAFE, "", regex=True)


def safe_csv(table: pd.DataFrame) -> str:
    """A table as comma-separated text whose text and column names are safe cells."""
    safe = table.apply(
        lambda column: (
            column
            if column.dtype.kind in "biuf"
            else column.map(lambda cell: safe_cell(cell) if isinstance(cell, str) else cell)
        )
    )
    return str(safe.rename(columns=lambda name: safe_cell(str(name))).to_csv(index=False))
