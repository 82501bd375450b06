"""Generate: what a mock field and galaxies in an image of the reader's have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import LineSeries
from radioviz.ui.pages.generate.state import GeneratedBatch

_PREVIEW = 900  # pixels of the longer side of a picture


def choose_population(batch: GeneratedBatch, counted: bool = False) -> dict[str, Any]:
    """Controls for fluxes, sizes, classes and positions; settings of a field by name.

    ``counted``: sources are given by their number, not by their density.
    """
    from radioviz.encode.generation import classes_of
    from radioviz.mock_fields.settings import COMPACT, RGZ_DR1_SIZES

    out: dict[str, Any] = {}
    first = st.columns(5, vertical_alignment="bottom")
    if counted:
        number = first[0].number_input("Galaxies to add", 1, 20_000, 200, 50, key="inject_number")
        out["number"] = int(number)
    else:
        density = first[0].number_input(
            "Sources per deg²", 0.0, 1e6, 400.0, format="%.5g", key="field_density"
        )
        out["density"] = float(density)
    low = first[1].number_input("Faintest [mJy]", 1e-4, 1e5, 1.0, format="%.4g", key="field_low")
    high = first[2].number_input(
        "Brightest [mJy]", 1e-4, 1e6, 1000.0, format="%.4g", key="field_high"
    )
    slope = first[3].number_input(
        "Slope of the counts", 0.0, 4.0, 1.7, 0.1, key="field_slope",
        help="γ in dN/dS ∝ S^−γ",
    )  # fmt: skip
    seed = first[4].number_input("Seed", 0, 2**31 - 1, 0, key="field_seed")
    second = st.columns(5, vertical_alignment="bottom")
    kinds = [*(c for c in classes_of(batch.info) if c != COMPACT), COMPACT]
    defaults = {"FRI": 0.2, "FRII": 0.2, COMPACT: 0.6}
    shares = {}
    for place, label in zip(second[: len(kinds)], kinds, strict=False):
        shares[label] = place.number_input(
            f"Share {label}", 0.0, 1.0, defaults.get(label, 0.1), 0.05, key=f"field_share_{label}",
            help="Unresolved, drawn as the beam" if label == COMPACT else None,
        )  # fmt: skip
    third = st.columns(5, vertical_alignment="bottom") if len(kinds) > 3 else second[3:]
    sizes: tuple[float, ...] = RGZ_DR1_SIZES
    with third[0]:
        if st.selectbox("Sizes", ["RGZ DR1", "log-uniform"], key="field_sizes", help=(
            "Of Radio Galaxy Zoo DR1, above 25″; or equally many in each step of the logarithm, "
            "5″ to 150″"
        )) == "log-uniform":  # fmt: skip
            sizes = (5.0, 150.0)
    members = third[1].number_input(
        "Cluster members", 0.0, 500.0, 0.0, 5.0, key="field_members",
        help="Mean number of sources in a cluster of 2′ (Thomas process); 0 for random positions",
    )  # fmt: skip
    return out | {
        "flux_range": (float(low), float(high)), "slope": float(slope), "seed": int(seed),
        "shares": shares, "sizes": sizes, "cluster_members": float(members),
    }  # fmt: skip


def draw_recovery(recovery: pd.DataFrame, selection: pd.DataFrame, key: str) -> None:
    """Completeness and reliability against flux, and the selection function below."""
    flux = np.sqrt(recovery["flux_low"].to_numpy(float) * recovery["flux_high"].to_numpy(float))
    values = {name: recovery[name].to_numpy(float) for name in recovery}
    series = [
        LineSeries(name.title(), flux, values[name], values[f"{name}_low"], values[f"{name}_high"])
        for name in ("completeness", "reliability")
    ]
    series.append(LineSeries("Completeness by chance", flux, values["chance"]))
    figure = plotly_charts.lines(
        series, x_title="Flux density [mJy]", y_title="Share", log_x=True, floor=0.0
    )
    plotly_charts.draw(figure, key, "Completeness and reliability against flux", height=360)
    st.caption(
        "photutils, islands above 5σ of half a beam area or more. Completeness: true sources "
        "with an island within half their size or a beam. Reliability: islands that near to a "
        "true source. Bands are 95 % intervals."
    )
    with st.expander("Selection function in flux, size and class"):
        st.dataframe(selection, hide_index=True)


def binned(image: np.ndarray) -> np.ndarray:
    """An image for a picture: the brightest of the pixels that make one of it, NaN left out."""
    step = min(-(-max(image.shape) // _PREVIEW), *image.shape)
    rows, columns = image.shape[0] // step, image.shape[1] // step
    cut = image[: rows * step, : columns * step].reshape(rows, step, columns, step)
    out: np.ndarray = np.fmax.reduce(cut, axis=(1, 3))
    return out
