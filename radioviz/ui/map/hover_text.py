"""Text of a galaxy for hovering."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.morphology.upper_limits import limits_of, size_words

ALWAYS = ("label", "las", "redshift")
"""Columns that :func:`hover_text` shows."""


def hover_text(table: pd.DataFrame) -> list[str]:
    """Two lines for each row: the name, then class, size and redshift where known."""
    names = np.where(table["name"] != "", table["name"], table["source_id"])
    lines = []
    for name, label, las, limit, z in zip(
        names, table["label"], table["las"].to_numpy(), limits_of(table),
        table["redshift"].to_numpy(), strict=True,
    ):  # fmt: skip
        facts = [label] if label else []
        if las == las:
            facts.append(size_words(las, limit))
        if z == z:
            facts.append(f"z = {z:.3f}")
        lines.append(f"{name}\n{' · '.join(facts)}" if facts else str(name))
    return lines
