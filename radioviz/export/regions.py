"""DS9 region file of a selection."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.errors import ExportError
from radioviz.export.groups import Group, Groups, ascii_text, count, filled, sources

_RADIUS = 15.0  # arcsec, of sources without a size
_CLASS_COLOURS = {"FRI": "blue", "FRII": "red", "Compact": "white", "Bent": "cyan"}


def ds9_regions(groups: Groups | Group) -> str:
    """Circles at the sources, their diameter the largest angular size, labelled by name.

    Raises ExportError if the selection is empty, or no source in it has a position.
    """
    groups = filled(groups)
    places = (group.catalogue.table.iloc[row] for group, row in sources(groups))
    lines = [line for source in places if (line := _circle(source))]
    total = count(groups)
    if not lines:
        raise ExportError(
            f"none of the {total} selected sources has a sky position, so there are no regions; "
            "export a table or images instead"
        )
    return _file(
        lines, f"{len(lines)} of {total} selected sources; the others have no sky position"
    )


def regions_of(table: pd.DataFrame) -> str:
    """:func:`ds9_regions` of a table with ``source_id``, ``ra``, ``dec``, ``las``, ``label``."""
    lines = [_circle(source) for _, source in table.iterrows()]
    return _file(lines, f"{len(lines)} simulated sources")


def _circle(source: pd.Series) -> str:
    """The region of one source; empty without a position."""
    ra, dec, las = float(source["ra"]), float(source["dec"]), float(source["las"])
    if not (np.isfinite(ra) and np.isfinite(dec)):
        return ""
    size = las / 2 if np.isfinite(las) and las > 0 else _RADIUS
    name = ascii_text(source.get("name") or source["source_id"], 60)
    # DS9 ends text at a closing brace, which cannot be escaped.
    name = name.translate(str.maketrans("{}", "()"))
    dash = " dash=1" if source.get("las_limit", False) == True else ""  # noqa: E712
    colour = _CLASS_COLOURS.get(source["label"], "green")
    place = f"{round(ra, 7) % 360.0:.7f},{dec:.7f}"
    return f'circle({place},{size:.3f}") # color={colour}{dash} text={{{name}}}'


def _file(lines: list[str], what: str) -> str:
    head = [
        "# Region file format: DS9 version 4.1",
        f"# RadioViz: {what}",
        'global color=green width=1 font="helvetica 10 normal roman" select=1 edit=1 move=1',
        "fk5",
    ]
    return "\n".join([*head, *lines]) + "\n"
