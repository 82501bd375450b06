"""Generate: what a mock field and galaxies in an image of the reader's have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.ui import controls
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import LineSeries
from radioviz.ui.pages.generate.state import GeneratedBatch

if TYPE_CHECKING:
    from radioviz.mock_fields.finder_catalogue import FinderCatalogue
    from radioviz.mock_fields.settings import FieldSettings

MOST_MEGABYTES = 128  # of an upload
_PREVIEW = 900  # pixels of the longer side of a picture


@dataclass(frozen=True)
class Recovered:
    """What a finder found of the galaxies of a field."""

    finder: str  # file name of its catalogue; empty for photutils
    radius: float  # arcsec of a match
    notes: tuple[str, ...]  # what of the catalogue was left out
    truth: pd.DataFrame  # with the column ``found``
    listed: pd.DataFrame  # what the finder found, and ``new``: what was not there before
    # by_flux, selection: see :mod:`radioviz.mock_fields.recovery`
    by_flux: pd.DataFrame
    selection: pd.DataFrame
    of: str  # catalogue and settings; empty for photutils


@dataclass
class Recoveries:
    """Of the field that a session has drawn: by photutils, and by another finder."""

    photutils: Recovered | None = None
    other: Recovered | None = None


def choose_population(batch: GeneratedBatch, counted: bool = False) -> dict[str, Any]:
    """Controls for fluxes, sizes, classes and positions; a field's settings and model by name.

    ``counted``: sources are given by their number, not by their density.
    """
    from radioviz.encode.generation import classes_of, own_guidance
    from radioviz.mock_fields.settings import COMPACT, RGZ_DR1_SIZES

    request = batch.made.request
    out: dict[str, Any] = {
        "model": batch.info.name, "candidates": request.candidates, "guidance": request.guidance,
    }  # fmt: skip
    if own_guidance(batch.info) is not None:  # a flow takes many times as long for a galaxy
        out["templates"] = 32
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
    kinds = [*(c for c in classes_of(batch.info) if c != COMPACT), COMPACT]
    second = st.columns(len(kinds) + 2, vertical_alignment="bottom")
    defaults = {"FRI": 0.2, "FRII": 0.2, COMPACT: 0.6}
    shares = {}
    for place, label in zip(second, kinds, strict=False):
        shares[label] = place.number_input(
            f"Share {label}", 0.0, 1.0, defaults.get(label, 0.1), 0.05, key=f"field_share_{label}",
            help="Unresolved, drawn as the beam" if label == COMPACT else None,
        )  # fmt: skip
    sizes: tuple[float, ...] = RGZ_DR1_SIZES
    with second[-2]:
        if st.selectbox("Sizes", ["RGZ DR1", "log-uniform"], key="field_sizes", help=(
            "Of Radio Galaxy Zoo DR1, above 25″; or equally many in each step of the logarithm, "
            "5″ to 150″"
        )) == "log-uniform":  # fmt: skip
            sizes = (5.0, 150.0)
    members = second[-1].number_input(
        "Cluster members", 0.0, 500.0, 0.0, 5.0, key="field_members",
        help="Mean number of sources in a cluster of 2′ (Thomas process); 0 for random positions",
    )  # fmt: skip
    return out | {
        "flux_range": (float(low), float(high)), "slope": float(slope), "seed": int(seed),
        "shares": shares, "sizes": sizes, "cluster_members": float(members),
    }  # fmt: skip


def recovered(
    truth: pd.DataFrame, listed: pd.DataFrame, settings: FieldSettings,
    finder: FinderCatalogue | None = None, notes: tuple[str, ...] = (),
) -> Recovered:  # fmt: skip
    """Completeness, reliability and selection function of what a finder found."""
    from radioviz.mock_fields import recovery

    beam, pixel = settings.beam, settings.pixel
    radius = beam.fwhm if finder is None else finder.radius
    found = listed[listed["new"].to_numpy(bool)]
    seen, _ = recovery.match_sources(truth, found, beam, pixel, radius)
    return Recovered(
        "" if finder is None else finder.name, radius or beam.fwhm, notes,
        truth.assign(found=seen), listed,
        recovery.by_flux(truth, found, beam, pixel, radius),
        recovery.selection_function(truth, seen), _digest(finder),
    )  # fmt: skip


def _digest(finder: FinderCatalogue | None) -> str:
    if finder is None:
        return ""
    content = hashlib.sha256(finder.content).hexdigest()
    return repr((finder.name, content, finder.flux_unit, finder.radius))


def recovery_panel(
    held: Recoveries, key: str, beam: float, match: Callable[[FinderCatalogue], Recovered]
) -> Recovered:
    """Upload of another finder's catalogue, and what it, or photutils, found.

    ``beam``: FWHM in arcsec; ``match``: called with the catalogue when the reader asks for it.
    """
    assert held.photutils is not None  # there is a field
    shown, finder = held.photutils, _choose_finder(key, beam)
    if finder is not None:
        with controls.show_errors():
            ask = st.button("Match", key=f"{key}_match", icon=":material/join_inner:")
            if ask:
                held.other = match(finder)
        if held.other is not None and held.other.of == _digest(finder):
            shown = held.other
    _draw_recovery(shown, key)
    return shown


def _choose_finder(key: str, beam: float) -> FinderCatalogue | None:
    from radioviz.mock_fields.finder_catalogue import FLUX_UNITS, FinderCatalogue

    file = st.file_uploader(
        "Catalogue of your own finder, instead of photutils", key=f"{key}_catalogue",
        max_upload_size=MOST_MEGABYTES,
        help="What it found on the FITS image that is downloaded below: CSV, FITS table, VOTable "
        "and others with RA, Dec and flux density",
    )  # fmt: skip
    if file is None:
        return None
    left, right = st.columns(2)
    radius = left.number_input(
        "Match within [″]", beam / 50, 100 * beam, float(beam), format="%.4g",
        key=f"{key}_radius_{beam:.6g}",
        help="Or within half the size of the galaxy, if that is more",
    )  # fmt: skip
    stated = "as the file says"
    unit = right.selectbox("Unit of its fluxes", [stated, *FLUX_UNITS], key=f"{key}_unit")
    return FinderCatalogue(
        file.name, file.getvalue(), "" if unit == stated else unit, float(radius)
    )


def _draw_recovery(shown: Recovered, key: str) -> None:
    """Completeness and reliability against flux, and the selection function below."""
    table = shown.by_flux
    flux = np.sqrt(table["flux_low"].to_numpy(float) * table["flux_high"].to_numpy(float))
    values = {name: table[name].to_numpy(float) for name in table}
    series = [
        LineSeries(name.title(), flux, values[name], values[f"{name}_low"], values[f"{name}_high"])
        for name in ("completeness", "reliability")
    ]
    series.append(LineSeries("Completeness by chance", flux, values["chance"]))
    figure = plotly_charts.lines(
        series, x_title="Flux density [mJy]", y_title="Share", log_x=True, floor=0.0
    )
    plotly_charts.draw(
        figure, f"{key}_recovery", "Completeness and reliability against flux", height=360
    )
    what = controls.escape(shown.finder) or "photutils, islands above 5σ of half a beam or more"
    notes = "".join(f" {controls.escape(note[0].upper() + note[1:])}." for note in shown.notes)
    st.caption(
        f"{what}. Completeness: galaxies with a found source within {shown.radius:.4g}″ or half "
        "their size. Reliability: found sources that near to a galaxy. By chance: galaxies at "
        f"mirrored positions. Bands are 95 % intervals.{notes}"
    )
    with st.expander("Selection function in flux, size and class"):
        table, shares = shown.selection.drop(columns="class"), ["rate", "low", "high"]
        named = {"flux_mjy": "Flux [mJy]", "las": "Size [arcsec]", "label": "Class"}
        of = table["of"].map(named).str.cat(shown.selection["class"], " ")
        number = st.column_config.NumberColumn
        titles = {
            "of": "In", "from": number("From", format="%.3g"), "to": number("To", format="%.3g"),
            "n": "Galaxies", "rate": percent_column("Found"),
            "low": percent_column("from (95 %)"), "high": percent_column("to"),
        }  # fmt: skip
        table = table.assign(of=of, **100 * table[shares])
        st.dataframe(table, hide_index=True, column_config=titles)


def percent_column(title: str, help_text: str = "") -> Any:
    """Column of a table with whole percentages, which come as such."""
    return st.column_config.NumberColumn(title, format="%.0f %%", help=help_text or None)


def binned(image: np.ndarray) -> np.ndarray:
    """An image for a picture: the brightest of the pixels that make one of it, NaN left out."""
    step = min(-(-max(image.shape) // _PREVIEW), *image.shape)
    rows, columns = image.shape[0] // step, image.shape[1] // step
    cut = image[: rows * step, : columns * step].reshape(rows, step, columns, step)
    out: np.ndarray = np.fmax.reduce(cut, axis=(1, 3))
    return out
