"""Tags on the Table page: give one to many galaxies, rename, delete, export and import them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from radioviz.api.confined import read_labels
from radioviz.errors import RadioVizError
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, state, tray
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.label_editor import tag_choices
from radioviz.ui.session_labels import labels
from radioviz.ui.state import Selection, page_state
from radioviz.words.agreement import agreement, label_rows
from radioviz.workspace.labels import LONGEST_TAG, Label, tags_in

Pair = tuple[str, str]
SOURCES = ("Selection", "Rows of the table", "Tray")


@dataclass
class LabelState:
    """What the last change said, and whether it failed: shown once."""

    message: str = ""
    refused: str = ""
    compared: pd.DataFrame | None = None


def draw_labels_of_many(view: View, listed: Callable[[], Selection]) -> None:
    """Tag many galaxies at once, and work with the tags there are."""
    own = page_state(LabelState)
    with st.form("label_form", border=False):
        places = st.columns([2, 2, 2], vertical_alignment="bottom")
        name = places[0].selectbox(
            "Tag", tag_choices(), key="label_tag", accept_new_options=True, index=None,
            placeholder="Choose or type a tag",
        )  # fmt: skip
        source = str(places[1].selectbox("Galaxies", SOURCES, key="label_source"))
        with places[2].container(horizontal=True, gap="small"):
            add = st.form_submit_button("Add", icon=":material/new_label:")
            remove = st.form_submit_button("Remove", icon=":material/label_off:")
    if (add or remove) and name:
        chosen = {"Selection": state.brush, "Tray": state.tray}.get(source, listed)()
        try:
            number = (labels().tag if add else labels().untag)(chosen, str(name))
        except RadioVizError as error:
            own.refused = str(error)
        else:
            word = "tagged" if add else "no longer tagged"
            own.message = f"{controls.galaxies_text(number)} {word} {name}."
        st.rerun()
    if own.refused:
        st.error(controls.escape(own.refused), icon=":material/error:")
    if own.message:
        st.caption(controls.escape(own.message))
    own.message = own.refused = ""
    counts = labels().counts()
    if not len(labels()):
        st.caption(
            "No tags or notes yet. Give them here, on Inspect, beside the map, or on Likelihood. "
            'A filter finds them: tag("bent"), note contains "tail".'
        )
    for number, (tag, galaxies) in enumerate(counts.items()):
        _draw_tag(number, tag, galaxies)
    notes = [pair for pair, label in labels() if label.note]
    if notes:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"Notes · {controls.galaxies_text(len(notes))}", width="content")
            st.button("Select", key="label_notes", icon=":material/select_all:",
                      on_click=state.set_brush, args=(notes, "labels"))  # fmt: skip
    _draw_files(view)


def _draw_tag(number: int, tag: str, galaxies: int) -> None:
    def rename() -> None:
        try:
            labels().rename(tag, st.session_state[f"label_name_{number}"])
        except RadioVizError as error:
            page_state(LabelState).refused = str(error)

    members = labels().members(tag)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{controls.escape(tag)}** · {controls.galaxies_text(galaxies)}", width="content"
        )
        st.button("Select", key=f"label_select_{number}", icon=":material/select_all:",
                  on_click=state.set_brush, args=(members, "labels"))  # fmt: skip
        with st.popover("Rename", icon=":material/edit:", key=f"label_rename_{number}"):
            st.session_state[f"label_name_{number}"] = tag
            st.text_input("New name", key=f"label_name_{number}", max_chars=LONGEST_TAG,
                          on_change=rename, help="Tags of the same name become one")  # fmt: skip
        st.button("Delete", key=f"label_delete_{number}", icon=":material/delete:",
                  on_click=labels().delete, args=(tag,))  # fmt: skip


def _draw_files(view: View) -> None:
    """Export galaxies with labels; read labels from a table, or compare with them."""
    own = page_state(LabelState)
    given = [pair for pair, _ in labels()]
    with st.container(horizontal=True, gap="small"):
        if given:
            with st.popover("Export", icon=":material/download:", key="label_export"):
                by = st.text_input(
                    "Your name", key="label_by", persist_state="session",
                    help="Stands in the table of labels, so that several can be merged",
                )  # fmt: skip
                export_button(
                    "Table of labels, one tag a row (CSV)", "labels.csv",
                    whole(lambda: _rows_csv(by)), key="label_rows", width="stretch",
                )  # fmt: skip
                st.caption("Tags, marks and notes are columns of every other table.")
                tray.export_buttons(
                    Selection(given), view.model, key="label_export", note="tags and notes"
                )
        with st.popover("Import", icon=":material/upload_file:", key="label_import"):
            st.caption(
                "A table with a column source_id or name, and tags (separated by semicolons), note "
                "or mark (0 to 5): CSV, VOTable, FITS or Parquet, such as an export. Or one tag a "
                "row (tag, applies, sure, by, at), of one person or several: the majority counts."
            )
            st.file_uploader("Table", key="label_file", label_visibility="collapsed")
            with st.container(horizontal=True, gap="small"):
                st.button("Read", icon=":material/check:", key="label_read", on_click=_read,
                          args=(view.data_set,))  # fmt: skip
                st.button("Compare", icon=":material/compare:", key="label_compare",
                          on_click=_compare, args=(view.data_set,),
                          help="Agreement of this table with your own tags (Cohen's kappa); "
                          "nothing is read in")  # fmt: skip
    if own.compared is not None:
        _draw_agreement(own.compared)


def _read(data_set: str) -> None:
    file, own = st.session_state.get("label_file"), page_state(LabelState)
    if file is None:
        own.refused = "There is no file yet; choose one first."
        return
    try:
        own.message = import_labels(file.getvalue(), file.name, data_set)
    except RadioVizError as error:
        own.refused = str(error)


def _rows_csv(by: str) -> bytes:
    names: dict[Pair, str] = {}
    for key, ids in Selection(pair for pair, _ in labels()).groups().items():
        table = cache.data_set(key).table
        here = table.iloc[cache.data_set(key).known_rows_of(ids)]
        pairs = ((key, str(s)) for s in here["source_id"])
        names |= dict(zip(pairs, here["name"].astype(str), strict=True))
    return safe_csv(label_rows(labels(), names, by.strip())).encode()


def _compare(data_set: str) -> None:
    file, own = st.session_state.get("label_file"), page_state(LabelState)
    if file is None:
        own.refused = "There is no file yet; choose one first."
        return
    try:
        given = _labels_of_table(file.getvalue(), file.name, data_set)[0]
    except RadioVizError as error:
        own.refused = str(error)
        return
    mine = {pair: label.tags for pair, label in labels() if label.tags}
    own.compared = agreement(mine, {pair: label.tags for pair, label in given if label.tags})


def _draw_agreement(found: pd.DataFrame) -> None:
    if found.empty:
        st.info("No galaxy is tagged in both.", icon=":material/compare:")
        return
    st.caption(
        f"{found['galaxies'].iat[0]:,} galaxies are tagged in both. Kappa: 1 is full agreement, 0 "
        "is that of chance; low and high are its 95 % interval."
    )
    st.dataframe(found.round(3), hide_index=True, key="label_agreement")


def import_labels(payload: bytes, name: str, data_set: str) -> str:
    """Add the labels of a table to those here; what was added, in a sentence.

    ``data_set``: whose galaxies are meant where the table does not say. Raises CatalogueError,
    LabelError or ReaderError if it is not such a table.
    """
    given, lost = _labels_of_table(payload, name, data_set)
    changed = labels().update(given, f"import labels from {name}")
    number = len({pair for pair, _ in given})
    text = f"Labels of {controls.galaxies_text(number)} read from {name}"
    text += "." if changed == number else f"; those of {number - changed:,} were here already."
    if lost:
        text += f" Of {lost:,} more the galaxy is not here, or several have its name."
    return text


def _labels_of_table(
    payload: bytes, name: str, data_set: str
) -> tuple[list[tuple[Pair, Label]], int]:
    """Labels of a table, and how many of its rows name no galaxy that is here."""
    table = read_labels(payload, name)
    given: list[tuple[Pair, Label]] = []
    table["data_set"] = table["data_set"].replace("", data_set)
    known = cache.available_data_sets()
    for key, part in table.groupby("data_set", sort=False):
        if key in known:
            given += _found(str(key), part)
    return given, len(table) - len(given)


def _found(data_set: str, part: pd.DataFrame) -> list[tuple[Pair, Label]]:
    """Labels of the rows whose galaxy is in a data set: by identifier, else by name."""
    ids = cache.data_set(data_set).table[["source_id", "name"]].astype(str)
    one = ids[~ids["name"].duplicated(keep=False)]  # a name of two galaxies says neither
    by_name = dict(zip(one["name"], one["source_id"], strict=True))
    known = set(ids["source_id"])
    found = []
    for row in part.to_dict("records"):
        source = row["source_id"] if row["source_id"] in known else by_name.get(row["name"] or None)
        if source:
            mark = None if pd.isna(row["mark"]) else int(row["mark"])
            found.append(((data_set, source), Label(tags_in(row["tags"]), mark, row["note"])))
    return found
