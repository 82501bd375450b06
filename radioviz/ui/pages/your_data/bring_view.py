"""Bringing a survey: the files, what was found in them, what has to be asked, the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from radioviz import importing
from radioviz.api import survey_job as job
from radioviz.api.survey_job import SurveyRequest
from radioviz.data.user_surveys import suggest_key
from radioviz.errors import RadioVizError
from radioviz.importing import KINDS, Inspection, Question, Source
from radioviz.importing.columns import SYNONYMS
from radioviz.ui import controls
from radioviz.ui.pages.your_data import uploads, your_data_view

UPLOAD, FOLDER, DISK, POSITIONS = "Files", "Folder", "Path on this computer", "Positions"
AUTOMATIC, NONE = "found by name", "not used"
FACTS = {
    "survey": "Survey",
    "pixel_scale": "Pixel scale [arcsec]",
    "beam": "Beam, FWHM [arcsec]",
    "bunit": "Unit of the pixels",
}
BROUGHT = (
    ("image", "Images", "FITS, PNG or JPEG: files, or a ZIP or tar of them"),
    (
        "table_chart",
        "Table and images",
        "CSV, ECSV, VOTable, FITS or Parquet, with a column of file names",
    ),
    ("layers", "Cube", "HDF5, npy, npz or zarr, and a table row by row"),
    ("crop", "Mosaic", "FITS and a source list: cutouts are made by the WCS"),
    ("travel_explore", "Positions", "A table of RA and Dec: cutouts are fetched from a survey"),
)
TITLES = {"bunit": "Unit of the pixels", "raw": "Noise", "ra": "RA", "las": "Angular size"}
UNNAMED = "My survey"
FEW = 5000  # galaxies that every encoder maps within minutes
STATE = "bring"  # what this session brings: kept in its own dictionary


def held() -> dict[str, Any]:
    """What the session has brought so far: ``upload`` (a folder), ``path``, ``token``."""
    kept: dict[str, Any] = st.session_state.setdefault(STATE, {"token": 0})
    return kept


def start_over(keep_files: bool = False) -> None:
    """Forget what was brought; uploaded files go unless an import is to read them."""
    kept = held()
    if kept.get("upload") and not keep_files:
        uploads.drop(Path(kept["upload"]))
    st.session_state[STATE] = {"token": kept["token"] + 1}


def bring() -> None:
    """The whole form, from the choice of a source to the button that starts the import."""
    with controls.show_errors():
        uploads.clean()
    with controls.show_errors():
        source = _source()
        if source is not None:
            _form(source)


# -- sources -----------------------------------------------------------------------------------


def _source() -> Source | None:
    kinds = [UPLOAD, FOLDER, *([DISK] if controls.is_local() else []), POSITIONS]
    chosen = st.segmented_control(
        "What do you bring?",
        kinds,
        default=UPLOAD,
        key="bring_kind",
        required=True,
        help="FITS, PNG or JPEG images, alone or in a ZIP or tar; a table (CSV, ECSV, VOTable, "
        "FITS, Parquet) with them or alone; a cube (HDF5, npy, npz, zarr) with a table; a mosaic "
        "FITS with a source list; positions for a cutout service",
    )
    if chosen == DISK:
        return _from_disk()
    if not held().get("upload"):
        if chosen == POSITIONS:
            _paste()
        else:
            _upload(chosen == FOLDER)
        return None
    staged = uploads.restage(held()["upload"])
    if staged is None:
        start_over()
        st.rerun()
    return _staged(staged)


def _upload(folder: bool) -> None:
    files = st.file_uploader(
        "A folder: all that is in it" if folder else "Images, archives, tables, cubes, mosaics",
        accept_multiple_files="directory" if folder else True,
        key=f"bring_files_{folder}_{held()['token']}",
        help="They are copied to this server and, once imported, only the survey is kept",
    )
    if not files:
        _what_can_be_brought()
        return
    _keep([(f.name, f, f.size) for f in files])


def _what_can_be_brought() -> None:
    for place, (icon, title, text) in zip(st.columns(len(BROUGHT)), BROUGHT, strict=True):
        with place, st.container(gap=None):
            st.markdown(f":material/{icon}: **{title}**")
            st.caption(text)
    st.caption(
        "Survey, units, beam and pixel scale are taken from the headers; what they do not tell is "
        "asked for, and nothing is imported before you have seen what was found. A large survey is "
        "imported faster where it lies, by `python -m radioviz.data import`."
    )


def _keep(files: list[tuple[str, Any, int]]) -> None:
    """Put what was given on the disk; the widget that holds it in memory is then done with."""
    staged = uploads.stage(files)
    st.session_state[STATE] = {"token": held()["token"] + 1, "upload": str(staged.folder)}
    st.rerun()


def _paste() -> None:
    text = st.text_area(
        "Positions, a source a line",
        placeholder="187.7059 +12.3911\n3C 273  12:29:06.7 +02:03:09\nname, RA, Dec",
        height=140,
        key=f"bring_positions_{held()['token']}",
        help="Degrees or sexagesimal, J2000; a name before them or not. For a table of positions "
        "choose Files.",
    )
    if st.button("Look at them", disabled=not text.strip(), key="bring_paste"):
        import io

        content = uploads.positions_csv(text)
        _keep([("positions.csv", io.BytesIO(content), len(content))])


def _from_disk() -> Source | None:
    left, right = st.columns(2)
    token = held()["token"]
    path = left.text_input(
        "Path", key=f"bring_path_{token}", placeholder="/data/my_survey", help="A folder or a file"
    )
    table = right.text_input(
        "Table that goes with it", key=f"bring_table_{token}", help="May stay empty"
    )
    if not path.strip():
        return None
    chosen = Path(table.strip()).expanduser() if table.strip() else None
    return Source(Path(path.strip()).expanduser(), chosen)


def _staged(staged: uploads.Staged) -> Source | None:
    count = len(staged.images) + len(staged.tables)
    with st.container(horizontal=True, vertical_alignment="center"):
        said = f"{count:,} file{'s' if count > 1 else ''}, {staged.size / 1e6:,.1f} MB"
        st.markdown(f":material/upload_file: {said} received", width="stretch")
        st.button("Start over", icon=":material/restart_alt:", on_click=start_over)
    table: Path | None = None
    if staged.tables:
        options: list[Path | None] = [*staged.tables]
        if staged.images:
            options.append(None)
        if len(options) > 1:
            tables = [i for i, path in enumerate(staged.tables) if not _are_notes(path)]
            table = st.selectbox(
                "Table of the sources",
                options,
                index=tables[0] if tables else len(options) - 1 if staged.images else 0,
                format_func=lambda p: p.name if p else "none: the images alone",
                key=f"bring_which_{held()['token']}",
            )
        else:
            table = options[0]
    return staged.source(table)


# -- what was found ----------------------------------------------------------------------------


def _form(source: Source) -> None:
    token = f"{held()['token']}_{source.path}_{source.table}"
    answers = dict(st.session_state.get("bring_answers", {}).get(token, {}))
    table = source.table or source.path
    look, error = _looked(source, answers)
    st.subheader("What was found")
    left, right = st.columns([1.1, 1], gap="large")
    with right:
        given = _questions(look, answers, token)
        given |= _facts(answers, token)
        given |= _columns(table, answers, token, open_=look is None)
    if given != answers:  # the questions that follow depend on the answers
        st.session_state.setdefault("bring_answers", {})[token] = given
        st.rerun()
    with left:
        if error:
            st.error(controls.escape(error), icon=":material/error:")
        if look is not None:
            _found(look)
    if look is not None:
        _start(source, look, answers, token)


def _are_notes(path: Path) -> bool:
    """True for a text beside the images that is no table."""
    return path.suffix.lower() in (".txt", ".dat") and len(_column_names(path)) < 2


def _column_names(path: Path) -> list[str]:
    """Columns of a table, read once while it stays as it is; none where it is no table."""
    from radioviz.api.confined import column_names

    if not path.is_file():
        return []
    asked = (str(path), path.stat().st_mtime_ns)
    kept: dict[tuple[str, int], list[str]] = st.session_state.setdefault("bring_columns", {})
    if asked not in kept:
        try:
            kept[asked] = column_names(path)
        except RadioVizError:
            kept[asked] = []
    return kept[asked]


def _looked(source: Source, answers: dict[str, Any]) -> tuple[Inspection | None, str]:
    """The inspection with these answers, kept while nothing changes, or why there is none."""
    from radioviz.api.confined import inspect_source

    asked = json.dumps([str(source.path), str(source.table), answers], sort_keys=True)
    kept = st.session_state.get("bring_look")
    if kept is None or kept[0] != asked:
        with st.spinner("Looking at the files …"):
            try:
                kept = (asked, inspect_source(source, answers), "")
            except RadioVizError as error:
                kept = (asked, None, _without_folder(str(error)))
        st.session_state["bring_look"] = kept
    return kept[1], kept[2]


def _without_folder(text: str) -> str:
    """A message that names an uploaded file as the reader calls it."""
    folder = held().get("upload")
    if folder:
        for kind in (uploads.IMAGES, uploads.TABLES):
            text = text.replace(f"{folder}/{kind}/", "").replace(f"{folder}/{kind}", "the upload")
    return text


def _found(look: Inspection) -> None:
    from radioviz.ui.detail import facts_html

    facts = [("kind", KINDS[look.kind]), *look.found.items()]
    named = [(TITLES.get(name, name.replace("_", " ").capitalize()), v) for name, v in facts]
    st.html(facts_html([(name, str(value)) for name, value in named]))
    for note in look.notes[:10]:
        st.caption(controls.escape(note))
    if len(look.sample):
        st.caption("The first rows, as they will be")
        st.dataframe(_printable(look.sample), hide_index=True, height=180)
    if look.refused:
        st.warning(
            controls.escape(
                f"{len(look.refused)} of those looked at will be refused; the first: "
                f"{look.refused[0][0]}: {look.refused[0][1]}"
            )
        )


def _printable(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that hold something, as texts where they are mixed."""
    kept = [c for c in frame.columns if frame[c].notna().any() and (frame[c] != "").any()]
    out = frame[kept].copy()
    for name in out.columns:
        if out[name].dtype == object:
            out[name] = out[name].astype(str)
    return out


def _questions(look: Inspection | None, answers: dict[str, Any], token: str) -> dict[str, Any]:
    """Widgets for what was asked; an answered question stays to be seen and changed."""
    asked: dict[str, Question] = st.session_state.setdefault("bring_asked", {}).setdefault(
        token, {}
    )
    for question in look.needed if look else ():
        asked[question.key] = question
    given: dict[str, Any] = {}
    for key, question in asked.items():
        name, value = f"ask_{key}_{token}", answers.get(key)
        required = question.default is None
        label = controls.escape(question.text) + (" **(needed)**" if required else "")
        if question.choices:
            answer = st.selectbox(
                label,
                question.choices,
                index=question.choices.index(value) if value in question.choices else None,
                placeholder="choose" if required else f"taken as {question.default}",
                key=name,
            )
        else:
            answer = st.text_input(
                label, value or "", key=name, placeholder=question.default or "needed"
            ).strip()
        if answer:
            given[key] = answer
    return given


def _facts(answers: dict[str, Any], token: str) -> dict[str, Any]:
    asked = st.session_state.get("bring_asked", {}).get(token, {})
    given: dict[str, Any] = {}
    with st.expander("Overrule what the files say", icon=":material/edit:"):
        for key, label in FACTS.items():
            if key in asked:
                continue
            value = st.text_input(label, answers.get(key, ""), key=f"fact_{key}_{token}").strip()
            if value:
                given[key] = value
        if "raw" not in asked:
            raw = st.selectbox(
                "Noise",
                ["", "yes", "no"],
                format_func={"": "as found", "yes": "in the images", "no": "removed"}.__getitem__,
                index=["", "yes", "no"].index(answers.get("raw", "")),
                key=f"fact_raw_{token}",
            )
            if raw:
                given["raw"] = raw
    return given


def _columns(table: Path, answers: dict[str, Any], token: str, open_: bool) -> dict[str, Any]:
    """Which column is which, by hand."""
    names = _column_names(table)
    if not names:
        return {}
    mapped: dict[str, str] = {}
    before = answers.get("columns", {})
    with st.expander("Columns of the table", icon=":material/table_chart:", expanded=open_):
        places = st.columns(2)
        for i, role in enumerate(SYNONYMS):
            value = before.get(role)
            options = [AUTOMATIC, NONE, *names]
            index = 0 if value is None else 1 if value == "" else options.index(value)
            chosen = places[i % 2].selectbox(
                role.replace("_", " "), options, index=index, key=f"column_{role}_{token}"
            )
            if chosen != AUTOMATIC:
                mapped[role] = "" if chosen == NONE else str(chosen)
        units = {"ra_unit": ("", "deg", "hour", "rad"), "dec_unit": ("", "deg", "rad")}
        given: dict[str, Any] = {"columns": mapped} if mapped else {}
        asked = st.session_state.get("bring_asked", {}).get(token, {})
        for i, (key, choices) in enumerate(units.items()):
            if key in asked:
                continue
            unit = places[i % 2].selectbox(
                f"Unit of {key[:-5].upper()}",
                choices,
                index=choices.index(answers.get(key, "")),
                format_func=lambda u: u or "as found",
                key=f"{key}_{token}",
            )
            if unit:
                given[key] = unit
    return given


# -- start -------------------------------------------------------------------------------------


def _start(source: Source, look: Inspection, answers: dict[str, Any], token: str) -> None:
    titles = your_data_view.encoder_titles()
    left, middle = st.columns(2, vertical_alignment="top")
    named = _suggested_title(source)
    # An upload of many files lies in a folder whose name says nothing.
    suggested = suggest_key(named) if named == UNNAMED else look.key
    title = left.text_input("Name", named, key=f"title_{token}")
    key = middle.text_input(
        "Key",
        suggested,
        key=f"key_{token}",
        help="Short name in links and commands: a-z, 0-9, _ and -",
    )
    few = look.count is not None and look.count <= FEW
    models = st.multiselect(
        "Encoders that map it",
        list(titles),
        default=list(titles) if few else list(titles)[:1],
        format_func=titles.__getitem__,
        key=f"models_{token}",
        help="The first map can be looked at while the others are made; more can be added later",
    )
    there = key in importing.list_surveys()
    replace = there and st.checkbox(
        controls.escape(f"Replace the survey '{key}' that is there already"), key=f"replace_{token}"
    )
    waiting = [q for q in look.missing if not answers.get(q.key)]
    if waiting:
        st.caption("Before the import: " + controls.escape(" ".join(q.text for q in waiting)))
    number = controls.galaxies_text(look.count) if look.count else "the survey"
    if st.button(
        f"Import {number}",
        type="primary",
        icon=":material/download:",
        disabled=bool(waiting) or (there and not replace),
        key="bring_start",
    ):
        from radioviz.data.user_surveys import check_key

        check_key(key)
        request = SurveyRequest(
            key,
            title.strip() or key,
            str(source.path.resolve()),
            str(source.table.resolve()) if source.table else "",
            answers,
            tuple(models),
            bool(replace),
            str(held().get("upload", "")),
        )
        job.start_job(request)
        start_over(keep_files=True)
        st.rerun()


def _suggested_title(source: Source) -> str:
    path = source.path
    if path.name in (uploads.IMAGES, uploads.TABLES) and path.parent.parent.name == "uploads":
        return UNNAMED
    return path.name.split(".")[0].replace("_", " ")
