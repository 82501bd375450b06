"""Crossmatch on the Table page: choose a catalogue, match it, and use what matched."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.api import crossmatching
from radioviz.errors import RadioVizError
from radioviz.importing import tap
from radioviz.importing.catalogue_match import MOST_COLUMNS, CatalogueFacts, MatchedCatalogue
from radioviz.importing.positions import DEC_UNITS, RA_UNITS
from radioviz.importing.sky_frames import FRAMES
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, crossmatches, filtering, state
from radioviz.ui.controls import View
from radioviz.ui.crossmatches import Crossmatch
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.pages.table.state import TableSettings, change_table, table_settings
from radioviz.ui.pages.your_data.uploads import safe_path
from radioviz.workspace import clauses
from radioviz.workspace.crossmatch import HOW, LARGEST_RADIUS
from radioviz.workspace.table_columns import TableColumns

FILE, SERVICE = "A file", "VizieR or another service"
OTHER = "Another address"
TYPES = ("csv", "tsv", "txt", "dat", "ecsv", "vot", "votable", "xml", "fits", "fit", "parquet",
         "tbl", "mrt", "cat", "gz")  # fmt: skip
_SHOWN = 1000
_READ = "As the file says"


@dataclass
class CrossmatchState:
    """What was found in the uploaded catalogue."""

    # upload, answers: which file it is, and how it was read
    upload: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    facts: CatalogueFacts | None = None
    refused: str = ""  # why it could not be read


def draw_crossmatch(view: View, columns: TableColumns) -> None:
    """The matches of the data set in view, and the form that makes another."""
    table = cache.data_set(view.data_set).table
    placed = np.isfinite(table["ra"].to_numpy(float)) & np.isfinite(table["dec"].to_numpy(float))
    if not placed.any():
        title = controls.escape(controls.data_set_title(view.data_set))
        st.info(f"{title} has no sky positions, so it cannot be matched.", icon=":material/public:")
        return
    held = crossmatches.crossmatches(view.data_set)
    for number, match in enumerate(held):
        with st.container(border=True), controls.show_errors():
            _draw_match(view, columns, number, match)
    source = st.segmented_control(
        "Catalogue", [FILE, SERVICE], default=FILE, key="match_source", persist_state="session"
    )
    with controls.show_errors():
        if source == SERVICE:
            _service_form(view, placed)
        else:
            _file_form(view, placed)


# -- a catalogue in a file ------------------------------------------------------------------------


def _file_form(view: View, placed: np.ndarray) -> None:
    file = st.file_uploader(
        "Catalogue with positions", type=list(TYPES), key="match_file",
        help="CSV, ECSV, VOTable, FITS table, Parquet, IPAC and machine-readable tables, also "
        "gzipped (all but Parquet). Positions in any common unit and frame.",
    )  # fmt: skip
    own = state.page_state(CrossmatchState)
    if file is None:
        own.upload, own.facts, own.refused = "", None, ""
        return
    content = file.getbuffer()
    if own.upload != file.file_id:
        own.upload, own.answers = file.file_id, {}
        _inspect(own, file.name, content)
    if own.refused:
        st.error(controls.escape(own.refused), icon=":material/error:")
    _reading(own, file.name, content)
    facts = own.facts
    if facts is None or any(q.required for q in facts.needed):
        return
    text = f"{facts.rows:,} rows, {facts.placed:,} with a position. {facts.positions}."
    st.caption(controls.escape(text))
    for problem in facts.problems:
        st.caption(controls.escape(problem))
    with st.form("match_form", border=False):
        name, radius, how = _usual_fields(file.name, view.data_set)
        chosen = st.multiselect(
            "Columns to join", facts.columns, default=facts.columns[:MOST_COLUMNS],
            key=f"match_columns_{file.file_id}",
        )  # fmt: skip
        go = st.form_submit_button("Match", icon=":material/join:", type="primary")
    if not go:
        return
    rows = np.flatnonzero(placed)
    ra, dec = _positions(view, rows)
    with st.spinner("Matching …"), StagedCatalogue(file.name, content) as path:
        found = crossmatching.match_file(path, ra, dec, radius, how, chosen, own.answers)
    _keep(view, name, found, rows, file.name, radius, how, bytes(content))


def _usual_fields(title: str, data_set: str) -> tuple[str, float, str]:
    """Short name, radius and way to match."""
    taken = [m.name for m in crossmatches.crossmatches(data_set)]
    usual = crossmatches.suggested_name(title, taken)
    places = st.columns([1.2, 1, 2], vertical_alignment="bottom")
    name = places[0].text_input(
        "Short name", placeholder=usual, max_chars=24, key="match_name",
        help="Begins the names of the joined columns; by default from the name of the catalogue. "
        "A match of the same name is replaced.",
    )  # fmt: skip
    radius = places[1].number_input(
        "Radius [″]", 0.1, LARGEST_RADIUS, 5.0, step=1.0, format="%g", key="match_radius"
    )
    how = places[2].selectbox("Keep", list(HOW), format_func=HOW.__getitem__, key="match_how")
    return crossmatches.check_name(str(name) or usual), float(radius), str(how)


def _inspect(own: CrossmatchState, name: str, content: memoryview) -> None:
    own.facts, own.refused = None, ""
    try:
        with st.spinner("Reading the catalogue …"), StagedCatalogue(name, content) as path:
            own.facts = crossmatching.inspect_catalogue(path, own.answers)
    except RadioVizError as error:
        own.refused = str(error)


def _reading(own: CrossmatchState, name: str, content: memoryview) -> None:
    """How the file is read: asked where it does not say, and open to corrections."""
    facts = own.facts
    needed = [q for q in (facts.needed if facts else ()) if q.required]
    for question in needed:
        st.warning(controls.escape(question.text), icon=":material/help:")
    with st.expander("How its positions are read", expanded=bool(needed or own.refused)):
        given = dict(own.answers.get("columns") or {})
        tables = next((q.choices for q in (facts.needed if facts else ())
                       if q.key == "which_table"), ())  # fmt: skip
        with st.form("match_reading", border=False):
            places = st.columns(5 if not tables else 6)
            answers: dict[str, Any] = {}
            columns = facts.columns if facts else ()
            for place, role in zip(places, ("ra", "dec"), strict=False):
                label = f"Column of {'RA' if role == 'ra' else 'Dec'}"
                if columns:
                    options = ["", *columns]
                    held = given.get(role, "")
                    given[role] = place.selectbox(
                        label, options, options.index(held) if held in options else 0,
                        format_func=lambda c: c or "found by name",
                    )  # fmt: skip
                else:  # the file could be read, but where its positions are is unknown
                    given[role] = place.text_input(label, given.get(role, "")).strip()
            for place, key, label, choices in (
                (places[2], "ra_unit", "Unit of RA", RA_UNITS),
                (places[3], "dec_unit", "Unit of Dec", DEC_UNITS),
                (places[4], "frame", "Frame", FRAMES),
            ):
                options = [_READ, *choices]
                held = own.answers.get(key, _READ)
                answer = place.selectbox(label, options, options.index(held))
                if answer != _READ:
                    answers[key] = answer
            if tables:
                held = own.answers.get("which_table", tables[0])
                answers["which_table"] = places[5].selectbox(
                    "Table", tables, tables.index(held) if held in tables else 0
                )
            if st.form_submit_button("Read again", icon=":material/refresh:"):
                answers["columns"] = {role: column for role, column in given.items() if column}
                own.answers = answers
                _inspect(own, name, content)
                st.rerun()


class StagedCatalogue:
    """The uploaded bytes as a file that a confined process can open."""

    def __init__(self, name: str, content: memoryview) -> None:
        self._name, self._content = safe_path(name).name, content
        self._folder = tempfile.TemporaryDirectory(prefix="radioviz-match-")

    def __enter__(self) -> Path:
        path = Path(self._folder.name) / self._name
        path.write_bytes(self._content)
        return path

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()


# -- a catalogue of a service ---------------------------------------------------------------------


def _service_form(view: View, placed: np.ndarray) -> None:
    services = [*tap.SERVICES, *([OTHER] if controls.is_local() else [])]
    with st.form("match_service_form", border=False):
        places = st.columns([1.4, 2, 2], vertical_alignment="bottom")
        service = str(places[0].selectbox("Service", services, key="match_service"))
        table = places[1].text_input(
            "Table", placeholder="VIII/92/first14", key="match_table",
            help="As the service calls it. At VizieR: VIII/92/first14 (FIRST), VIII/65/nvss "
            "(NVSS), II/328/allwise (AllWISE), I/355/gaiadr3 (Gaia DR3).",
        )  # fmt: skip
        address = ""
        if OTHER in services:
            address = places[2].text_input(
                "Address of another TAP service", placeholder="https://…/tap", key="match_address"
            )
        name, radius, how = _usual_fields(str(table) or "match", view.data_set)
        passing = filtering.passing(view.data_set, view.model)
        rows = np.flatnonzero(placed if passing is None else placed & passing)
        st.caption(
            f"Sends the positions of {controls.galaxies_text(len(rows))}, and of two moved copies "
            f"that measure chance matches, to the service; at most {tap.MOST_GALAXIES:,}. The "
            "filter chooses which."
        )
        go = st.form_submit_button("Match", icon=":material/travel_explore:", type="primary")
    if not go:
        return
    bar = st.progress(0.0, "Asking the service …")

    def report(done: int, total: int, what: str) -> None:
        bar.progress(min(1.0, done / max(total, 1)), what)

    try:
        found = crossmatching.match_service(
            str(address) if service == OTHER else service, str(table), *_positions(view, rows),
            radius, how, report,
        )  # fmt: skip
    finally:
        bar.empty()
    title = f"{table.strip()} of {address if service == OTHER else service}"
    _keep(view, name, found, rows, title, radius, how)


# -- a match --------------------------------------------------------------------------------------


def _positions(view: View, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    table = cache.data_set(view.data_set).table.iloc[rows]
    return table["ra"].to_numpy(float), table["dec"].to_numpy(float)


def _keep(
    view: View,
    name: str,
    found: MatchedCatalogue,
    rows: np.ndarray,
    title: str,
    radius: float,
    how: str,
    content: bytes = b"",
) -> None:
    """Save a match, unless nothing matched."""
    if not len(found.galaxy):
        hint = f" {found.hint}." if found.hint else ""
        st.warning(
            controls.escape(f"No galaxy matches {title} within {radius:g} arcsec.{hint}"),
            icon=":material/search_off:",
        )
        return
    crossmatches.save_match(
        name, view.data_set, found, rows, title=title, radius=radius, how=how, content=content
    )
    st.rerun()


def _draw_match(view: View, columns: TableColumns, number: int, match: Crossmatch) -> None:
    st.markdown(f"**{controls.escape(match.name)}** · {controls.escape(match.sentence())}")
    facts = []
    if match.several:
        facts.append(f"{controls.galaxies_text(match.several)} with several rows within the radius")
    if match.shared:
        facts.append(f"rows that match several galaxies: {match.shared:,}")
    if match.offset_ra is not None and match.offset_dec is not None:
        facts.append(
            f"median offset {match.offset_ra:+.2f}″ in RA, {match.offset_dec:+.2f}″ in Dec"
        )
    if match.rows > match.placed:
        facts.append(f"{match.rows - match.placed:,} rows have no usable position")
    if facts:
        st.caption(controls.escape("; ".join(facts) + f". {match.positions}."))
    for note in match.notes:
        st.caption(controls.escape(note))
    if match.version != cache.data_set(view.data_set).digest:
        st.warning(
            "The data set has changed since; match the catalogue again.", icon=":material/sync:"
        )
    opened = crossmatches.opened(match)
    clause = f"{match.name}_matches > 0"
    with st.container(horizontal=True, gap="small"):
        st.button("Filter to matches", key=f"match_filter_{number}", icon=":material/filter_alt:",
                  on_click=_filter_to, args=(clause,))  # fmt: skip
        st.button("Show in the table", key=f"match_show_{number}", icon=":material/table:",
                  on_click=_show, args=(columns, match))  # fmt: skip
        export_button(
            "All pairs (CSV)", f"radioviz-{match.name}-pairs.csv",
            whole(lambda: safe_csv(_pairs(match, opened))), key=f"match_csv_{number}",
        )  # fmt: skip
        st.button("Remove", key=f"match_remove_{number}", icon=":material/delete:",
                  on_click=crossmatches.remove_match,
                  args=(match.data_set, match.name))  # fmt: skip
    with st.expander("Pairs", key=f"match_pairs_{number}"):
        st.dataframe(_pairs(match, opened, _SHOWN), hide_index=True, height=260)
        if match.pairs > _SHOWN:
            st.caption(f"The first {_SHOWN:,} of {match.pairs:,}; the CSV has all.")


def _pairs(
    match: Crossmatch, table: crossmatches.JoinedTable, most: int | None = None
) -> pd.DataFrame:
    """Galaxies and their rows, each pair once."""
    separation = f"{match.name}_separation"
    known = np.flatnonzero(table.unpacked(separation).notna())[:most]
    names = ("source_id", *table.columns)
    return pd.DataFrame({n: table.unpacked(n).iloc[known].reset_index(drop=True) for n in names})


def _filter_to(clause: str) -> None:
    if clause not in filtering.current_filter():
        filtering.set_filter(clauses.joined(filtering.current_filter(), clause))


def _show(columns: TableColumns, match: Crossmatch) -> None:
    held = table_settings(columns)
    more = [c for c in match.columns if c in columns]
    shown = tuple(dict.fromkeys([*held.columns, *more]))
    change_table(
        TableSettings(shown, held.sort, held.descending), f"show the columns of {match.name}"
    )
