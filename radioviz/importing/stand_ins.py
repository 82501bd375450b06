"""Numbers that stand for no value, such as -99 and 1e20."""

from __future__ import annotations

import numpy as np
import pandas as pd

_NEGATIVE = (-9.99, -9.999, -99.0, -99.9, -99.99, -99.999, -999.0, -999.9, -999.99, -9999.0,
             -9999.9, -99999.0, -999999.0, -9999999.0, -32768.0, -2147483648.0,
             -9223372036854775808.0)  # fmt: skip
_POSITIVE = (9999.0, 9999.9, 99999.0, 999999.0, 9999999.0)
_HUGE = 9.9e19  # 1e20, 1e30, 9.96921e36, the largest float32 ...


def without_stand_ins(
    values: np.ndarray, name: str, *, large: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Numbers with NaN for the usual stand-ins, and a note that names them.

    Only one that stands alone is taken for a stand-in: all other values are nearer to zero by a
    factor of two at least, so a column of angles may hold -99.

    ``values``: shape ``(n,)``; NaN for missing values. ``name``: of the column, for the note.
    ``large``: true where 9999 and the like are stand-ins too.
    """
    out = np.array(values, dtype=float)
    found: list[tuple[float, int]] = []
    with np.errstate(invalid="ignore"):
        huge = np.abs(out) >= _HUGE
    if huge.sum() > 0 and np.isfinite(out[huge]).any():
        kinds = np.unique(out[huge & np.isfinite(out)])
        if len(kinds) <= 2:
            found += [(float(v), int((out == v).sum())) for v in kinds]
            out[np.isin(out, kinds)] = np.nan
    for candidate in sorted((*_NEGATIVE, *(_POSITIVE if large else ())), key=abs, reverse=True):
        same = np.isclose(out, candidate, rtol=1e-7, atol=0.0)
        if same.any():
            rest = np.abs(out[~same & np.isfinite(out)])
            if (rest <= abs(candidate) / 2).all():
                found.append((candidate, int(same.sum())))
                out[same] = np.nan
    text = ", ".join(f"{value:g} ({count})" for value, count in found)
    return out, [f"column '{name}': taken as no value: {text}"] if found else []


def cells_without_stand_ins(column: pd.Series, name: str) -> tuple[pd.Series, list[str]]:
    """As :func:`without_stand_ins` for a column of integers or floats.

    Where every integer is a value, and where some are too long for a float, digits stay: the
    column is as it was, or text with empty cells.
    """
    values, notes = without_stand_ins(column.to_numpy(dtype=float), name)
    if not notes:
        return column, notes
    if column.dtype.kind == "i" and np.nanmax(np.abs(values), initial=0.0) >= 2**53:
        return column.astype("str").mask(np.isnan(values), "").astype(object), notes
    return pd.Series(values, index=column.index), notes
