"""A page with one map and nothing else, for tests and benchmarks of the map.

Query parameters: ``n``, ``case`` (see ``CASES``), ``colour``
(size, flux, class), ``renderer`` (auto, gpu, cpu), ``overlay`` (a second group: "above" or
"below" the first), ``keep`` (classes that pass a filter, "0,1").
Points are real positions and sizes of RGZ DR1 where ``RADIOVIZ_SHARED_DATA`` has them and
``case=rgz`` asks; all others are synthetic.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.component import new_event, scatter_map
from radioviz.ui.map.map_points import MapPoints, PointLook
from radioviz.ui.palette import category_colours

CASES = (
    "synthetic", "islands", "rgz", "nan", "equal", "one", "zero", "one_value", "no_value",
    "outlier", "legend",
)  # fmt: skip
# Centres of four clusters far apart, for outlines that leave no doubt.
ISLANDS = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 8.0], [0.0, 8.0]])
CLASSES = ["FRI", "FRII", "Compact", "Bent", ""]


@st.cache_resource
def table(n: int, case: str) -> dict[str, np.ndarray]:
    """Columns of the points: clusters that thin out, sizes in arcsec, fluxes in mJy, classes."""
    if case == "rgz":
        folder = Path(os.environ.get("RADIOVIZ_SHARED_DATA", ""))
        rgz = pd.read_parquet(folder / "rgz_dr1_sizes.parquet")
        return {
            "x": rgz["ra"].to_numpy(np.float32),
            "y": rgz["dec"].to_numpy(np.float32),
            "size": rgz["las_arcsec"].to_numpy(float),
            "flux": np.full(len(rgz), np.nan),
            "class": np.full(len(rgz), 4),
        }
    if case == "islands":
        return islands(n)
    n = {"one": 1, "zero": 0}.get(case, n)
    rng = np.random.default_rng(7)
    cluster = rng.integers(0, 9, n)
    angle = cluster * 2.4
    spread = 0.25 + 0.12 * cluster
    x = 3.1 * np.cos(angle) + spread * rng.standard_normal(n)
    y = 2.2 * np.sin(angle) + spread * rng.standard_normal(n) + 0.15 * x**2
    size = 25 * np.exp(np.abs(0.5 * rng.standard_normal(n) + 0.2 * cluster))
    flux = np.where(rng.random(n) < 0.1, np.nan, rng.standard_normal(n) + x)
    labels = np.where(rng.random(n) < 0.08, 4, cluster % 4)
    if case == "nan":
        x[::7] = np.nan
        y[1::7] = np.inf
        x[2::7] = -np.inf
    if case == "equal":
        x[:], y[:] = 2.5, -1.0
    if case == "outlier":
        x[0], y[0] = 1e30, -1e30
    if case == "one_value":
        size[:] = 40.0
    if case == "no_value":
        size[:] = np.nan
    return {
        "x": x.astype(np.float32), "y": y.astype(np.float32), "size": size, "flux": flux,
        "class": labels,
    }  # fmt: skip


def islands(n: int) -> dict[str, np.ndarray]:
    """``n`` points, one after the other on one of four islands; the class is the island."""
    island = np.arange(n) % 4
    rng = np.random.default_rng(3)
    places = ISLANDS[island] + np.clip(0.3 * rng.standard_normal((n, 2)), -1, 1)
    return {
        "x": places[:, 0].astype(np.float32), "y": places[:, 1].astype(np.float32),
        "size": 20.0 + 100 * rng.random(n), "flux": rng.standard_normal(n), "class": island,
    }  # fmt: skip


def colour_of(what: str, columns: dict[str, np.ndarray]) -> Colour:
    if what == "class" and st.query_params.get("case") == "legend":
        names = [
            f"a class of a long name that nobody reads to its end, number {i}" for i in range(40)
        ]
        codes = np.arange(len(columns["x"])) % 40
        return Colour("Class", codes=codes, names=names, colours=category_colours(names))
    if what == "class":
        return Colour(
            "Class", codes=columns["class"], names=CLASSES, colours=category_colours(CLASSES)
        )
    if what == "flux":
        return Colour("Flux density [mJy]", columns["flux"])
    return Colour("Angular size [arcsec]", columns["size"], log=True)


def picture(row: int) -> str:
    """A small picture that differs from row to row."""
    import base64

    shade = 40 + row % 200
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
        f'<rect width="64" height="64" fill="rgb({shade},20,60)"/>'
        '<ellipse cx="32" cy="32" rx="20" ry="6" fill="#fde725"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


@st.fragment
def page() -> None:
    ask = st.query_params
    n = int(ask.get("n", "2000"))
    columns = table(n, ask.get("case", "synthetic"))
    columns_of = ["size", "flux", "class"]
    what = st.selectbox("Colour", columns_of, index=columns_of.index(ask.get("colour", "size")))
    event = new_event("map")
    if event is not None:
        st.session_state["rows"] = (
            event.rows if event.kind != "click" or len(event.rows) > 1 else None
        )
        st.session_state["focus"] = int(event.rows[-1]) if event.kind == "click" else None
        st.session_state["kind"] = event.kind
        st.session_state["number"] = len(event.rows)
        st.session_state["sum"] = int(event.rows.sum())
    rows = st.session_state.get("rows")
    selected = None
    if rows is not None and len(rows):
        selected = np.zeros(len(columns["x"]), dtype=bool)
        selected[rows] = True
    overlay = "overlay" in ask
    keep = ask.get("keep")
    passing = None
    if keep is not None:
        passing = np.isin(columns["class"], [int(k) for k in keep.split(",")])
    points = MapPoints(
        columns["x"],
        columns["y"],
        colour_of(what, columns),
        lambda row: f"Synthetic {row}\n{columns['size'][row]:.1f}″ <b>not bold</b>",
        picture,
        group=(np.arange(len(columns["x"])) % 50 == 0).astype(np.uint8) if overlay else None,
        group_names=("First set", "Second set") if overlay else ("",),
        selected=selected,
        shown=passing,
        focus=st.session_state.get("focus"),
        x_title="UMAP 1",
        y_title="UMAP 2",
        description=f"{len(columns['x']):,} synthetic points",
        marks=PointLook(below=ask.get("overlay") == "below"),
    )
    scatter_map(points, key="map", painter=ask.get("renderer", "auto"))
    st.html(
        f"<div id='answer'>{st.session_state.get('kind', 'none')} "
        f"{st.session_state.get('number', 0)} {st.session_state.get('sum', 0)}</div>"
    )


st.set_page_config(layout="wide")
page()
