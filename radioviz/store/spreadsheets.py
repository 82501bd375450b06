"""Text that spreadsheets open as text, not as formulas (OWASP, "CSV Injection")."""

from __future__ import annotations

import pandas as pd

# Characters that start a formula in a spreadsheet, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """Text that no spreadsheet evaluates: an apostrophe precedes a formula sign.

    Remove one leading apostrophe to restore the text.
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def safe_csv(table: pd.DataFrame) -> str:
    """A table of text as comma-separated text, every cell safe; numbers are left alone."""
    safe = table.map(lambda cell: safe_cell(cell) if isinstance(cell, str) else cell)
    return str(safe.to_csv(index=False))
