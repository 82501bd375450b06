"""One galaxy in words and a picture, as the map's side panel and the Inspect page show it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.ui import cache, controls, galaxies, state
from radioviz.ui import coordinates as sky
from radioviz.ui.image.display import (
    ImageStyle,
    data_uri,
    field_arcsec,
    scale_bar,
    scaled_picture_html,
    shown_plane,
)
from radioviz.ui.map import colouring
from radioviz.ui.palette import LABEL_COLOURS

Pair = tuple[str, str]

_FACTS_STYLE = (
    "display:grid;grid-template-columns:minmax(9em,auto) 1fr;gap:3px 14px;"
    "font-size:0.88rem;line-height:1.35"
)


def galaxy_heading(catalogue: Catalogue, row: int, large: bool = False) -> str:
    """Name and class of a galaxy as HTML; names are text, whatever is in them."""
    table = catalogue.table
    name = html.escape(galaxies.name_of(table, row))
    label = str(table["label"].iat[row])
    chip = ""
    if label:
        colour = LABEL_COLOURS.get(label, "#777777")
        chip = (
            f'<span style="margin-left:.6em;padding:1px 9px;border-radius:99px;font-size:.8rem;'
            f'border:1.5px solid {colour};white-space:nowrap">'
            f'<span style="display:inline-block;width:8px;height:8px;border-radius:50%;'
            f'background:{colour};margin-right:6px"></span>{html.escape(label)}</span>'
        )
    if mark := galaxies.synthetic_mark(table, row):
        chip += f'<span style="margin-left:.6em;font-size:.8rem;letter-spacing:.12em">{mark}</span>'
    size, tag = ("1.7rem", "h1") if large else ("1.15rem", "div")
    return (
        f'<{tag} style="font-size:{size};font-weight:650;margin:0;padding:0;display:flex;'
        f'align-items:center;flex-wrap:wrap">{name}{chip}</{tag}>'
    )


def galaxy_picture(catalogue: Catalogue, row: int, style: ImageStyle) -> str:
    """Picture with a scale bar as HTML, north up and east left."""
    catalogue = shown_plane(catalogue, style)
    png = cache.picture_sheet(catalogue, np.array([row]), style, 320).payload
    field = field_arcsec(catalogue.info_of(row), style)
    alt = f"Image of {galaxies.name_of(catalogue.table, row)}, {field:.0f} arcsec wide"
    mark = galaxies.synthetic_mark(catalogue.table, row)
    return scaled_picture_html(png, scale_bar(field), style, alt=alt, mark=mark)


def facts_html(lines: Sequence[tuple[str, str]]) -> str:
    """Titles and values in two columns."""
    cells = "".join(
        f'<div style="opacity:.68">{html.escape(title)}</div>'
        f'<div style="overflow-wrap:anywhere">{html.escape(value)}</div>'
        for title, value in lines
    )
    return f'<div style="{_FACTS_STYLE}">{cells}</div>'


def show_position(catalogue: Catalogue, row: int) -> None:
    """Position in degrees and sexagesimal, to be copied, and links to NED and SIMBAD."""
    ra, dec = (float(catalogue.table[c].to_numpy(float)[row]) for c in ("ra", "dec"))
    if not (np.isfinite(ra) and np.isfinite(dec)):
        st.caption(f"{controls.escape(catalogue.info.title)} has no sky position for this source.")
        return
    st.code(f"{sky.sexagesimal(ra, dec)}\n{sky.degrees(ra, dec)}", language=None)
    st.caption(f"J2000 · [NED]({sky.ned_url(ra, dec)}) · [SIMBAD]({sky.simbad_url(ra, dec)})")


def toggle_tray(pair: Pair) -> None:
    """Add a galaxy to the tray, or remove it."""
    tray = state.tray()
    if pair in tray:
        tray.remove(pair[0], [pair[1]])
    else:
        tray.add(pair[0], [pair[1]])


def tray_button(pair: Pair, *, key: str, refresh: Sequence[str] = ()) -> None:
    """Button that adds to the tray or removes; ``refresh`` names fragments to run again."""

    def pressed() -> None:
        toggle_tray(pair)
        if refresh:
            st.rerun(list(refresh))

    inside = pair in state.tray()
    st.button(
        "In tray" if inside else "Add to tray",
        icon=":material/check:" if inside else ":material/add:",
        type="secondary" if inside else "primary",
        help="Remove from the tray" if inside else None,
        key=key,
        on_click=pressed,
    )


def page_buttons(pair: Pair, *, key: str, inspect: bool = False) -> None:
    """Buttons that open the galaxy on other pages."""
    pages = [
        ("Inspect", ":material/center_focus_strong:", controls.go_inspect, None),
        ("Similar", ":material/image_search:", controls.go_similar, None),
        ("Walk", ":material/grid_view:", controls.go_walk, "Grid walk"),
    ]
    for label, icon, go, text in pages if inspect else pages[1:]:
        if st.button(label, icon=icon, key=f"{key}_{label.lower()}", help=text):
            go(pair)


def figure_html(payload: bytes, title: str, caption: str = "") -> str:
    """A PNG with a caption (its title by default)."""
    return (
        f'<figure style="margin:0"><img src="{data_uri(payload)}" alt="{html.escape(title)}" '
        'style="width:100%;image-rendering:pixelated;border-radius:6px">'
        f'<figcaption style="font-size:.82rem;opacity:.75">{html.escape(caption or title)}'
        "</figcaption></figure>"
    )


def short_facts(catalogue: Catalogue, row: int) -> list[tuple[str, str]]:
    """The few facts that fit next to a map."""
    wanted = ("las", "redshift", "flux", "morphology", "origin", "split")
    titles = {colouring.title_of(name)[0] for name in wanted}
    return [(t, v) for t, v in galaxies.galaxy_facts(catalogue, row) if t in titles]
