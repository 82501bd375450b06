"""Two to six galaxies side by side, or blinking in one place, with their measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.errors import RadioVizError
from radioviz.ui import controls, galaxies, state
from radioviz.ui.browser_component import register_component
from radioviz.ui.image import media
from radioviz.ui.image.display import ImageStyle, field_arcsec, scale_bar

Pair = tuple[str, str]
MOST = 6
_PIXELS = 320


@dataclass
class ComparisonState:
    """Galaxies that were chosen for comparing, until the comparison is drawn."""

    pairs: list[Pair] = field(default_factory=list)


def offer(pairs: Sequence[Pair]) -> None:
    """Compare these galaxies with the next run."""
    state.page_state(ComparisonState).pairs = list(pairs)[:MOST]


def offered() -> list[Pair]:
    """Galaxies that wait for their comparison."""
    return state.page_state(ComparisonState).pairs


def open_offered(style: ImageStyle) -> None:
    """Open the comparison of the offered galaxies over the page."""
    own = state.page_state(ComparisonState)
    pairs, own.pairs = own.pairs, []
    if len(pairs) > 1:
        _comparison(pairs, style)


@st.dialog("Compare galaxies", width="large")
def _comparison(pairs: list[Pair], style: ImageStyle) -> None:
    common = st.toggle(
        "Same brightness range for all", key="compare_common",
        help="From the faintest to the brightest pixel of all of one data set. Otherwise each "
        "picture has its own range.",
    )  # fmt: skip
    with controls.show_errors():
        register_component("radioviz_comparison", __file__)(
            key="comparison", data={"images": pictures(pairs, style, bool(common))}
        )
        st.dataframe(measurements(pairs), key="compare_facts", height="content")


def pictures(pairs: Sequence[Pair], style: ImageStyle, common: bool) -> list[dict[str, object]]:
    """Address, name and scale bar of the picture of each galaxy, for the browser."""
    out = []
    cells = {c.pair: c for c in galaxies.galaxy_cells(pairs, style, size=_PIXELS, common=common)}
    for number, pair in enumerate(p for p in pairs if p in cells):
        catalogue, row = galaxies.row_of(pair)
        field_size = field_arcsec(catalogue.info_of(row), style)
        bar = scale_bar(field_size)
        tile = cells[pair].tile
        digest = f"{tile.sheet.digest}-{tile.index}"
        out.append(
            {
                "url": media.serve(tile.png, "image/png", digest, f"compare-{number}"),
                "name": galaxies.name_of(catalogue.table, row),
                "note": cells[pair].note,
                "colour": cells[pair].colour,
                "field": f"{field_size:.0f}″ wide",
                "bar": bar.fraction,
                "bar_text": bar.text,
            }
        )
    return out


def measurements(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Known properties, one a row, with a column for each galaxy; the same ones stand together."""
    facts: dict[str, dict[str, str]] = {}
    names: list[str] = []
    for pair in pairs:
        try:
            catalogue, row = galaxies.row_of(pair)
        except RadioVizError:
            continue
        name = galaxies.name_of(catalogue.table, row)
        name = f"{name} ({pair[1]})" if name in names else name
        names.append(name)
        table = catalogue.table
        lines = [("Data set", catalogue.info.title)]
        ra, dec = (float(table[c].to_numpy(float)[row]) for c in ("ra", "dec"))
        if np.isfinite(ra) and np.isfinite(dec):
            lines.append(("RA, Dec [deg]", f"{ra:.5f} {dec:+.5f}"))
        lines += galaxies.galaxy_facts(catalogue, row)
        for title, text in [*lines, *galaxies.joined_facts(catalogue, row)]:
            facts.setdefault(title, {})[name] = text
    return pd.DataFrame.from_dict(facts, orient="index", columns=names).fillna("")
