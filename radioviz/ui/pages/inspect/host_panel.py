"""Inspect: the host of a galaxy, from a catalogue of a service or of the reader."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.api import host_search
from radioviz.api.host_search import AROUND, HostSearch
from radioviz.data.catalogue import Catalogue
from radioviz.relations.hosts import HostPrior, RadioPosition
from radioviz.relations.radio_position import radio_positions
from radioviz.ui import chosen_hosts, controls, detail
from radioviz.ui import coordinates as sky
from radioviz.ui.charts.figure_panel import offer_figure
from radioviz.ui.controls import View
from radioviz.ui.image.sky_image import Figure, sky_image
from radioviz.ui.pages.inspect.host_choices import FILE, choose_file, choose_prior
from radioviz.ui.pages.inspect.state import Pair
from radioviz.ui.state import page_state

_TYPED = "typed"
_KINDS = {
    "core": "Radio core", "midpoint": "Midpoint of the source",
    "catalogue": "Position of the catalogue", _TYPED: "Another position",
}  # fmt: skip
_SHOWN = 50
_CANDIDATES = 1  # number of the trace of candidates over the image
_RELIABLE = 0.8


@dataclass
class HostState:
    """The last search of this session."""

    pair: Pair | None = None  # galaxy that it was about
    search: HostSearch | None = None


def host_panel(catalogue: Catalogue, row: int, pair: Pair, view: View) -> None:
    """The chosen host, the search for candidates, and the candidates over the image."""
    _draw_chosen(pair)
    places = {p.kind: p for p in radio_positions(catalogue, row)}
    if not places:
        st.info(
            "This source has no sky position, so that no host can be looked for.",
            icon=":material/public:",
        )
        return
    held = page_state(HostState)
    if held.pair != pair:
        held.pair, held.search = pair, None
    with controls.show_errors():
        _draw_search(held, places)
    if held.search is not None:
        _draw_candidates(held.search, catalogue, row, pair, view)


def _draw_chosen(pair: Pair) -> None:
    host = chosen_hosts.hosts(pair[0]).get(pair[1])
    if host is None:
        return
    facts = [("Host", str(host["host"])),
             ("Position", sky.sexagesimal(host["host_ra"], host["host_dec"])),
             ("Separation", f"{host['host_separation']:.2f} arcsec")]  # fmt: skip
    for name, title in (("host_magnitude", "Magnitude"), ("host_redshift", "Redshift"),
                        ("host_reliability", "Reliability")):  # fmt: skip
        if name in host:
            facts.append((title, f"{host[name]:.4g}"))
    left, right = st.columns([4, 1], vertical_alignment="top")
    left.html(detail.facts_html([*facts, ("From", str(host["host_origin"]))]))
    right.button("Remove the host", icon=":material/delete:", key="host_remove",
                 on_click=chosen_hosts.remove_host, args=(pair,))  # fmt: skip


def _draw_search(held: HostState, places: Mapping[str, RadioPosition]) -> None:
    first, second, third = st.columns([1.4, 1.4, 1.6], vertical_alignment="bottom")
    titles = [c.title for c in host_search.CATALOGUES]
    source = str(first.selectbox("Catalogue", [FILE, *titles], index=1, key="host_catalogue"))
    kind = str(second.selectbox(
        "Around", [*places, _TYPED], format_func=_KINDS.__getitem__, key="host_around",
        help="The core is the brightest compact peak near the middle of the source. Without one "
        "the host is expected near the midpoint, within a larger error along the source.",
    ))  # fmt: skip
    place = places.get(kind)
    if kind == _TYPED:
        text = third.text_input("Position", placeholder="07:47:08.4 +17:17:27", key="host_typed")
        found = sky.parse_position(text) if text else None
        if text and found is None:
            st.error(f"'{controls.escape(text[:60])}' is not a position; degrees or sexagesimal.")
        place = None if found is None else RadioPosition(*found, 1.0, 1.0, 0.0, _TYPED)
    if place is not None:
        third.caption(f"{sky.sexagesimal(place.ra, place.dec)}, {place.sentence()}")
    with st.container(horizontal=True, vertical_alignment="center"):
        go = source != FILE and st.button(
            "Find candidates", type="primary", icon=":material/travel_explore:", key="host_find",
            disabled=place is None,
        )  # fmt: skip
        prior = choose_prior("host")
    if prior is None:
        return
    if source == FILE:
        _search_file(held, place, prior)
        return
    chosen = next(c for c in host_search.CATALOGUES if c.title == source)
    st.caption(f"Sends the position to {chosen.service}.")
    if go and place is not None:
        with st.spinner(f"Asking {chosen.title} …"):
            held.search = None
            held.search = host_search.search_hosts(place, chosen, prior=prior)


def _search_file(held: HostState, place: RadioPosition | None, prior: HostPrior) -> None:
    chosen = choose_file("host")
    if chosen is not None and place is not None:
        with st.spinner("Reading the catalogue …"), chosen.staged() as path:
            held.search = None
            held.search = host_search.search_hosts(place, chosen.where, file=path, prior=prior)


def _draw_candidates(
    search: HostSearch, catalogue: Catalogue, row: int, pair: Pair, view: View
) -> None:
    st.caption(controls.escape(search.sentence()))
    table = search.candidates
    if table.empty:
        st.info("No candidate there: the host may be too faint for this catalogue.")
        return
    left, right = st.columns([1.2, 1], gap="medium")

    def choose_in_image() -> None:
        points = _chosen(st.session_state.get("host_image"), "points")
        at = [p["point_index"] for p in points if p.get("curve_number") == _CANDIDATES]
        if at:
            chosen_hosts.choose_host(pair, search, int(at[0]))

    def choose_in_table() -> None:
        if rows := _chosen(st.session_state.get("host_table"), "rows"):
            chosen_hosts.choose_host(pair, search, int(rows[0]))

    with left:
        figure, alt = candidates_image(search, catalogue, row, view), "Candidates for the host"
        offer_figure("host_image", alt, figure)
        st.plotly_chart(
            figure, key="host_image", on_select=choose_in_image, selection_mode="points",
            alt=f"{alt} over the radio image", config={"displayModeBar": False},
        )  # fmt: skip
    with right:
        st.dataframe(
            _shown(table), hide_index=True, key="host_table", on_select=choose_in_table,
            selection_mode="single-row",
            column_config={
                "separation": st.column_config.NumberColumn("sep [″]", format="%.2f"),
                "likelihood_ratio": st.column_config.NumberColumn("LR", format="%.3g"),
                "reliability": st.column_config.NumberColumn("reliability", format="%.3f"),
                "magnitude": st.column_config.NumberColumn("mag", format="%.2f"),
            },
        )  # fmt: skip
        best = table.iloc[0]
        name = controls.escape(str(best["name"]) or "the first")
        sure = best["reliability"] > _RELIABLE
        st.markdown(
            f"{'The likely host is' if sure else 'No clear host; the most likely is'} **{name}**, "
            f"{best['separation']:.1f}″ away, with a reliability of {best['reliability']:.2f}."
        )
        st.caption("Click a candidate in the image, or tick its row, to keep it as the host.")


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The first candidates, without columns that are empty."""
    shown = table.head(_SHOWN).drop(columns=["ra", "dec"])
    return shown.loc[:, [c for c in shown if not shown[c].isin(["", np.nan]).all()]]


def _chosen(event: Any, what: str) -> list[Any]:
    selection = event.get("selection") if hasattr(event, "get") else None
    return list((selection or {}).get(what) or ())


def candidates_image(search: HostSearch, catalogue: Catalogue, row: int, view: View) -> Figure:
    """The radio image with a ring for each candidate and a cross at the position searched."""
    info, image, wcs = catalogue.info_of(row), catalogue.image(row), catalogue.wcs(row)
    figure = sky_image(image, info, view.style, height=440, beam_shape=catalogue.beam_shape(row))
    figure["data"][0] |= {"showscale": False, "hoverinfo": "skip", "hovertemplate": None}
    table = search.candidates

    def offsets(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from astropy.coordinates import SkyCoord
        from astropy.wcs.utils import skycoord_to_pixel

        x, y = skycoord_to_pixel(SkyCoord(ra, dec, unit="deg"), wcs)
        ny, nx = image.shape
        return ((nx - 1) / 2 - x) * info.pixel_scale, (y - (ny - 1) / 2) * info.pixel_scale

    east, north = offsets(table["ra"].to_numpy(), table["dec"].to_numpy())
    sure = table["reliability"].to_numpy()
    titles = [
        f"{n}<br>{s:.2f}″, reliability {r:.2f}"
        for n, s, r in zip(map(html.escape, table["name"]), table["separation"], sure,
                           strict=True)
    ]  # fmt: skip
    chosen = chosen_hosts.hosts(str(catalogue.info.key)).get(
        str(catalogue.table["source_id"].iat[row])
    )
    mine = np.zeros(len(table), bool)
    if chosen:
        mine = np.hypot(table["ra"] - chosen["host_ra"], table["dec"] - chosen["host_dec"]) < 1e-7
    here = offsets(np.array([search.position.ra]), np.array([search.position.dec]))
    figure["data"] += [
        {
            "type": "scatter", "mode": "markers", "x": east, "y": north, "text": titles,
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "symbol": "circle-open", "size": 9 + 12 * sure,
                "line": {"width": np.where(mine, 4, 2)},
                "color": np.where(mine, "#F2C14E", "#38BDF8").tolist(),
            },
        },
        {
            "type": "scatter", "mode": "markers", "x": here[0], "y": here[1],
            "hoverinfo": "skip", "marker": {"symbol": "cross-thin", "size": 14,
                                            "line": {"width": 2, "color": "#FB7185"}},
        },
    ]  # fmt: skip
    half = max(abs(figure["layout"]["xaxis"]["range"][0]), 1.1 * min(search.reach, AROUND))
    figure["layout"] |= {"dragmode": "zoom", "clickmode": "event+select", "hovermode": "closest"}
    figure["layout"]["xaxis"]["range"] = [half, -half]
    figure["layout"]["yaxis"]["range"] = [-half, half]
    figure["layout"]["margin"]["r"] = 10
    return figure
