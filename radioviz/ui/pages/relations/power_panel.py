"""Relations: luminosity against linear size, and what both rest on."""

from __future__ import annotations

import dataclasses
import html

import numpy as np
import streamlit as st

from radioviz import morphology
from radioviz.data.catalogue import Catalogue
from radioviz.errors import RelationError
from radioviz.importing.column_units import convert, parse_unit
from radioviz.relations.cosmology import COSMOLOGIES
from radioviz.relations.physical_columns import Physics
from radioviz.relations.power_size import LOCI, fr_division, locus, published_locus
from radioviz.relations.spectra import SurveyFluxes, spectral_indices
from radioviz.ui import cache, controls, filtering, physics, state
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import Figure
from radioviz.ui.controls import View
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.table.column_charts import MOST_POINTS, numbers_of
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR
from radioviz.workspace.table_columns import Numbers, TableColumns

_PLANE, _SURVEY, _COLUMN = "Another image of the source", "Another data set", "A column of fluxes"
DRAWN = ("linear_size", "linear_size_limit", "luminosity")
"""Columns of the diagram."""
_DERIVED = {"luminosity", "linear_size", physics.INDEX}
_FEWEST = 10
"""Galaxies of a class for an outline."""


def draw_power_size(view: View, columns: TableColumns) -> None:
    """Cosmology, spectral indices, and the diagram."""
    _draw_physics(view, columns)
    lacking = _lacking(columns)
    if lacking:
        st.info(controls.escape(lacking), icon=":material/straighten:")
        return
    size, power = numbers_of(columns, "linear_size"), numbers_of(columns, "luminosity")
    known = np.isfinite(size) & np.isfinite(power) & (size > 0)
    mask = filtering.passing(view.data_set, view.model)
    if mask is not None:
        known &= mask
    catalogue = cache.data_set(view.data_set)
    labels = catalogue.table["label"].to_numpy(str)
    limit = np.zeros(len(size), bool)
    if "linear_size_limit" in columns:
        limit = numbers_of(columns, "linear_size_limit") > 0
    rows = np.flatnonzero(known)
    if not len(rows):
        st.info("No galaxy that passes the filter has a redshift, a size and a flux.")
        return
    note = ""
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_POINTS, replace=False))
        note = f"{MOST_POINTS:,} of {int(known.sum()):,} galaxies, drawn at random. "
    figure, curves = diagram(size[rows], power[rows], limit[rows], labels[rows],
                             physics.physics())  # fmt: skip

    def selected(event: object) -> None:
        chosen = event.get("selection") or {} if hasattr(event, "get") else {}
        at = [
            rows[curves[p["curve_number"]][p["point_index"]]]
            for p in chosen.get("points", ())
            if p.get("curve_number", -1) < len(curves)
        ]
        if at:
            ids = catalogue.ids_of(np.asarray(at, int))
            state.set_brush([(view.data_set, str(s)) for s in ids], "chart")

    plotly_charts.draw(figure, "power_size", "Radio luminosity against linear size", height=520,
                       on_select=selected, both=True)  # fmt: skip
    used = physics.physics()
    st.caption(
        f"{note}{int(known.sum()):,} galaxies with a redshift, {int((known & limit).sum()):,} of "
        f"them with an upper limit of the size (◁). {used.cosmology}. The dashed line is where "
        "Fanaroff & Riley (1974, MNRAS 167, 31P) saw classes divide: 2 × 10²⁵ W/Hz/sr at 178 MHz "
        f"for H₀ = 50 km/s/Mpc, here for that of {used.cosmology}, at 1.4 GHz by a spectral index "
        f"of {used.alpha:g}. Outlines hold 68 % of a class in a normal approximation of the "
        "logarithms: solid of this data set, dotted of the confident FRI and FRII of MiraBest "
        "(Miraghaei & Best 2017; sources above 40 mJy, fluxes of FIRST, α = −0.7). The classes "
        "overlap: in deep surveys many FRII lie below the line (Mingo et al. 2019, MNRAS 488, "
        "2701), which itself rises with the luminosity of the host (Ledlow & Owen 1996, AJ 112, 9)."
    )


def _lacking(columns: TableColumns) -> str:
    """What the data set lacks for the diagram, and how to add it; empty where nothing."""
    if "linear_size" not in columns:
        return (
            "No galaxy has both a redshift and a size. Choose hosts with redshifts on Inspect, or "
            "import the survey with a column of redshifts."
        )
    if "luminosity" not in columns:
        return (
            "No galaxy has both a redshift and a flux. Match a catalogue of fluxes on the Table "
            "page, such as VIII/65/nvss of VizieR, and choose its column under Fluxes."
        )
    return ""


def diagram(
    size: np.ndarray, power: np.ndarray, limit: np.ndarray, labels: np.ndarray, used: Physics
) -> tuple[Figure, list[np.ndarray]]:
    """The diagram, and for each of its first traces the places of its points in the arrays."""
    figure = plotly_charts.plain_axes("Linear size [kpc]", "Luminosity at 1.4 GHz [W/Hz]", True,
                                      True)  # fmt: skip
    curves, outlines = [], []
    order = sorted(set(labels.tolist()), key=lambda v: (v == "", v))
    for label in order:
        at = np.flatnonzero(labels == label)
        curves.append(at)
        colour = LABEL_COLOURS.get(label, MISSING_COLOUR)
        figure["data"].append(
            {
                "type": "scattergl", "mode": "markers", "x": size[at], "y": power[at],
                "name": f"{html.escape(label) or 'unclassified'} ({len(at):,})",
                "marker": {
                    "color": colour, "size": 6, "opacity": 0.7,
                    "symbol": np.where(limit[at], "triangle-left-open", "circle").tolist(),
                },
                "hovertemplate": "%{x:.4~g} kpc, %{y:.3~e} W/Hz<extra></extra>",
            }
        )  # fmt: skip
        measured = at[~limit[at]]
        if label in ("FRI", "FRII") and len(measured) >= _FEWEST:
            x, y = locus(size[measured], power[measured])
            outlines.append(
                {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip",
                 "line": {"color": colour, "width": 2}, "showlegend": False}
            )  # fmt: skip
    for label, of in LOCI.items():
        x, y = published_locus(label, used.cosmology)
        outlines.append(
            {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip",
             "line": {"color": LABEL_COLOURS[label], "width": 1.5, "dash": "dot"},
             "name": f"MiraBest {label} ({of.n:,})"}
        )  # fmt: skip
    level = fr_division(used)
    ends = [float(size.min()) / 1.5, float(size.max()) * 1.5]
    figure["data"] += [
        *outlines,
        {"type": "scatter", "mode": "lines", "x": ends, "y": [level, level], "hoverinfo": "skip",
         "line": {"color": "#888888", "width": 1.5, "dash": "dash"},
         "name": "Fanaroff & Riley 1974"},
    ]  # fmt: skip
    for axis in ("xaxis", "yaxis"):
        figure["layout"][axis] |= {"dtick": 1, "exponentformat": "power"}
    figure["layout"]["showlegend"] = True
    return figure, curves


def _draw_physics(view: View, columns: TableColumns) -> None:
    used = physics.physics()
    first, second, third = st.columns([1, 1, 2.4], vertical_alignment="bottom")
    cosmology = first.selectbox(
        "Cosmology", COSMOLOGIES, COSMOLOGIES.index(used.cosmology), key="physics_cosmology",
        help="Of all sizes in kpc and luminosities of this workspace, on every page.",
    )  # fmt: skip
    alpha = second.number_input(
        "Spectral index", -3.0, 3.0, used.alpha, step=0.1, format="%.2f", key="physics_alpha",
        help="α of S ∝ ν^α, for sources whose own is not measured.",
    )  # fmt: skip
    new = Physics(str(cosmology), float(alpha))
    if new != used:
        physics.set_physics(new)
        st.rerun()
    with third.container(horizontal=True, gap="small"):
        _flux_menu(view, columns)
        _spectra_menu(view, columns)
    held = physics.spectra_of(view.data_set)
    if held:
        if physics.spectral_column(view.data_set) is None:
            st.warning("The data set has changed since its spectral indices were made.")
        left, right = st.columns([5, 1], vertical_alignment="top")
        left.warning(
            controls.escape(f"Spectral index, {held['title']}: {'; '.join(held['warnings'])}."),
            icon=":material/blur_on:",
        )
        right.button("Remove", key="spectra_remove", icon=":material/delete:",
                     on_click=physics.forget_spectra, args=(view.data_set,))  # fmt: skip


def _flux_menu(view: View, columns: TableColumns) -> None:
    """Which column the fluxes are from."""
    chosen = physics.flux_choice(view.data_set)
    menu = st.popover("Fluxes", icon=":material/wifi_tethering:", key="fluxes_open")
    with menu, controls.show_errors():
        options = ["", *(n for n in numeric_names(columns) if n not in _DERIVED)]
        held = chosen.get("column", "")
        name = str(st.selectbox(
            "Column [mJy]", options, options.index(held) if held in options else 0,
            format_func=lambda n: columns.title(n) if n else "flux of the data set",
            key="fluxes_column",
        ))  # fmt: skip
        frequency = st.number_input("At [GHz]", 0.01, 1000.0, chosen.get("frequency", 1.4),
                                    key="fluxes_frequency", disabled=not name)  # fmt: skip
        unit = columns.column(name).unit if name else "mJy"
        if unit not in ("mJy", ""):
            st.error(f"{controls.escape(name)} is in {controls.escape(unit)}, not mJy.")
        elif st.button("Use these fluxes", key="fluxes_go", type="primary"):
            physics.choose_fluxes(view.data_set, name, float(frequency))
            st.rerun()


def _spectra_menu(view: View, columns: TableColumns) -> None:
    menu = st.popover("Spectral index from two surveys", icon=":material/show_chart:",
                      key="spectra_open")  # fmt: skip
    with menu, controls.show_errors():
        _spectra_form(view, columns)


def numeric_names(columns: TableColumns) -> list[str]:
    """Names of the columns of numbers."""
    return [n for n in columns.names if isinstance(columns.values(n), Numbers)]


def flux_names(columns: TableColumns) -> list[str]:
    """Columns that can be flux densities: first those in a unit of them, then without a unit."""
    units = {n: columns.column(n).unit for n in numeric_names(columns) if n not in _DERIVED}
    fitting = [n for n, unit in units.items() if _in_millijanskys(np.empty(0), unit) is not None]
    return sorted(fitting, key=lambda n: not units[n])


def millijanskys(columns: TableColumns, name: str) -> np.ndarray:
    """Flux densities of one of :func:`flux_names` in mJy, ``(n,)``; without a unit as they are."""
    values = _in_millijanskys(numbers_of(columns, name), columns.column(name).unit)
    assert values is not None
    return values


def _in_millijanskys(values: np.ndarray, unit: str) -> np.ndarray | None:
    known = parse_unit(unit or "mJy")
    return None if known is None else convert(values, known, "mJy")


def _spectra_form(view: View, columns: TableColumns) -> None:
    catalogue = cache.data_set(view.data_set)
    others = [k for k in cache.available_data_sets() if k != view.data_set]
    ways = [*([_PLANE] if catalogue.planes else []), *([_SURVEY] if others else []), _COLUMN]
    way = st.selectbox("Second flux from", ways, key="spectra_way")
    st.caption("The first is the flux of this data set at its own frequency.")
    frequency = beam = 0.0
    if way == _PLANE:
        choices = [p for i, p in enumerate(catalogue.planes) if i != catalogue.plane]
        name = st.selectbox("Image", choices, key="spectra_plane")
    elif way == _SURVEY:
        name = st.selectbox("Data set", others, format_func=controls.data_set_title,
                            key="spectra_survey")  # fmt: skip
    else:
        name = st.selectbox("Column (mJy if without a unit)", flux_names(columns),
                            format_func=columns.title, key="spectra_column")  # fmt: skip
        frequency = st.number_input("Frequency [GHz]", 0.0, 1000.0, 1.4, key="spectra_frequency")
        beam = st.number_input("Beam [″], 0: unknown", 0.0, 3600.0, 45.0, key="spectra_beam")
    if st.button("Compute", type="primary", key="spectra_go", icon=":material/show_chart:"):
        table = catalogue.table
        known = dataclasses.replace(
            catalogue, table=physics.table_with_fluxes(view.data_set), folder=None
        )
        first = fluxes(known, controls.data_set_title(view.data_set))
        if way == _PLANE:
            title, slices = "Measuring the second image of each source", -(-len(table) // 100)
            with in_line(title, slices, "spectra", asked=True) as progress:
                found = morphology.complete(catalogue.of_plane(str(name)), progress)
            second = fluxes(found, str(name))
        elif way == _SURVEY:
            second = matched_fluxes(view.data_set, str(name))
        else:
            n = len(table)
            second = SurveyFluxes(
                columns.title(str(name)), millijanskys(columns, str(name)),
                np.full(n, frequency or np.nan), np.full(n, beam or np.nan),
            )  # fmt: skip
        index, warnings = spectral_indices(first, second, table["las"].to_numpy(float))
        number = int(np.isfinite(index).sum())
        title = f"{first.name} and {second.name}, {number:,} sources"
        physics.keep_spectra(view.data_set, title, index, warnings)
        st.rerun()


def fluxes(catalogue: Catalogue, name: str) -> SurveyFluxes:
    """Fluxes of a data set, row by row."""
    table = catalogue.table
    return SurveyFluxes(name, table["flux"].to_numpy(float), table["frequency"].to_numpy(float),
                        catalogue.beams)  # fmt: skip


def matched_fluxes(data_set: str, other: str) -> SurveyFluxes:
    """Fluxes of the same sources in another data set, row by row of the first."""
    opened = controls.open_with_progress(other, asked=True)
    there = fluxes(opened, controls.data_set_title(other))
    here = cache.data_set(data_set)
    rows = cache.overlap(data_set, other).rows
    if not len(rows):
        raise RelationError(f"{there.name} has no source in common with this data set")
    parts = []
    for values in (there.flux, there.frequency, there.beam):
        out = np.full(len(here), np.nan)
        out[rows[:, 0]] = values[rows[:, 1]]
        parts.append(out)
    return SurveyFluxes(there.name, *parts)
