"""The import form: choice of files, what was found in them, questions, and the start button."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from radioviz import importing
from radioviz.api import survey_job
from radioviz.data.user_surveys import check_key, suggest_key
from radioviz.errors import RadioVizError
from radioviz.importing import KINDS, Inspection, Source
from radioviz.importing.column_names import SYNONYMS
from radioviz.importing.sky_frames import FRAMES
from radioviz.ui import cache, controls
from radioviz.ui.in_line import cancellable
from radioviz.ui.pages.your_data import fact_widgets, import_draft, uploads, your_data_view
from radioviz.ui.pages.your_data.import_draft import begin_widget
from radioviz.ui.pages.your_data.state import start_own_job, your_data_state
from radioviz.ui.pages.your_data.survey_lines import draft_of

UPLOAD, FOLDER, DISK, POSITIONS = "Files", "Folder", "Path on this computer", "Positions"
AUTOMATIC, NONE = "found by name", "not used"
POSITION_UNITS = {
    "ra_unit": ("Unit of RA", ("", "deg", "hour", "rad")),
    "dec_unit": ("Unit of DEC", ("", "deg", "rad")),
    "frame": ("Frame of the positions", ("", *FRAMES)),
}
SOURCES = (
    ("image", "Images", "FITS, PNG or JPEG: files, or a ZIP or tar of them"),
    ("table_chart", "Table and images", "CSV, ECSV, VOTable, FITS, Parquet … naming the files"),
    ("layers", "Cube", "HDF5, npy, npz or zarr, and a table row by row"),
    ("crop", "Mosaic", "FITS, with a source list to cut it by, or without: its sources are found"),
    ("travel_explore", "Positions", "A table of RA and Dec: a survey service cuts out the images"),
)
TITLES = {"bunit": "Unit of the pixels", "raw": "Noise", "ra": "RA", "las": "Angular size"}
UNNAMED = "My survey"
MAX_GALAXIES_FOR_ALL_ENCODERS = 5000  # every encoder maps as many within minutes


def draw_import_form() -> None:
    """The whole form, from the choice of a source to the start button."""
    your_data_state().described = {}
    with controls.show_errors():
        uploads.delete_stale_uploads()
    with controls.show_errors():
        source = _choose_source()
        if source is not None:
            _draw_source(source)
    import_draft.save()


def _start_over(keep_files: bool = False) -> None:
    """Clear the form and delete its uploaded files, unless an import reads them."""
    state = your_data_state()
    if state.upload and not keep_files:
        uploads.delete_upload(Path(state.upload))
    state.upload = ""
    import_draft.clear(kept=("import_kind",))


# -- sources -----------------------------------------------------------------------------------


def _choose_source() -> Source | None:
    kinds = [UPLOAD, FOLDER, *([DISK] if controls.is_local() else []), POSITIONS]
    chosen = st.segmented_control(
        "What do you want to import?",
        kinds,
        key=begin_widget("import_kind", UPLOAD, kinds),
        required=True,
        help="FITS, PNG or JPEG images, alone or in a ZIP or tar; a table (CSV, ECSV, VOTable, "
        "FITS, Parquet) with them or alone; a cube (HDF5, npy, npz, zarr) with a table; a mosaic "
        "FITS with a source list; positions for a cutout service",
    )
    state = your_data_state()
    if chosen == DISK:
        return _source_on_disk()
    if not state.upload:
        if chosen == POSITIONS:
            _paste_positions()
        else:
            _upload(chosen == FOLDER)
        return None
    staged = uploads.open_upload(state.upload)
    if staged is None:
        _start_over()
        st.rerun()
    return _staged_source(staged)


def _upload(folder: bool) -> None:
    files = st.file_uploader(
        "A folder with all files in it" if folder else "Images, archives, tables, cubes, mosaics",
        accept_multiple_files="directory" if folder else True,
        key=f"import_files_{folder}_{your_data_state().form}",
        help="They are copied to this server; after the import only the survey is kept",
    )
    if files:
        _stage([(f.name, f, f.size) for f in files])
        return
    for place, (icon, title, text) in zip(st.columns(len(SOURCES)), SOURCES, strict=True):
        with place, st.container(gap=None):
            st.markdown(f":material/{icon}: **{title}**")
            st.caption(text)
    st.caption(
        "Survey, units, beam and pixel scale come from the headers; you are asked for what is "
        "missing, and check what was found before the import starts. To import a large survey "
        "without copying it, use `python -m radioviz.data import`."
    )


def _stage(files: list[tuple[str, Any, int]]) -> None:
    """Write files to the disk, and drop the widget that holds them in memory."""
    state = your_data_state()
    state.upload = str(uploads.stage_files(files, state.uploads).folder)
    state.uploads.append(state.upload)
    import_draft.clear(kept=("import_kind",))
    st.rerun()


def _paste_positions() -> None:
    text = st.text_area(
        "One position per line",
        placeholder="187.7059 +12.3911\n3C 273  12:29:06.7 +02:03:09\nname, RA, Dec",
        height=140,
        key=begin_widget(f"import_positions_{your_data_state().form}", ""),
        help="Degrees or sexagesimal, J2000, with an optional name in front. For a table of "
        "positions choose Files.",
    )
    if st.button("Check positions", disabled=not text.strip(), key="import_paste"):
        content = uploads.positions_csv(text)
        _stage([("positions.csv", io.BytesIO(content), len(content))])


def _source_on_disk() -> Source | None:
    left, right = st.columns(2)
    form = your_data_state().form
    path = left.text_input(
        "Path",
        key=begin_widget(f"import_path_{form}", ""),
        placeholder="/data/my_survey",
        help="A folder or a file",
    )
    key = begin_widget(f"import_table_{form}", "")
    table = right.text_input("Table for these images", key=key, help="Optional")
    if not path.strip():
        return None
    chosen = Path(table.strip()).expanduser() if table.strip() else None
    return Source(Path(path.strip()).expanduser(), chosen)


def _staged_source(staged: uploads.StagedFiles) -> Source | None:
    count = len(staged.images) + len(staged.tables)
    with st.container(horizontal=True, vertical_alignment="center"):
        text = f"{count:,} file{'s' if count > 1 else ''}, {staged.size / 1e6:,.1f} MB"
        st.markdown(f":material/upload_file: {text} received", width="stretch")
        st.button("Start over", icon=":material/restart_alt:", on_click=_start_over)
    options = {os.fspath(path): path for path in staged.tables}
    if not options:
        return staged.source(None)
    names = [*options, *([""] if staged.images else [])]
    # A text file without columns is a README rather than a table.
    tables = [
        name
        for name, path in options.items()
        if path.suffix.lower() not in (".txt", ".dat") or len(_column_names(path)) > 1
    ]
    table = names[0]
    if len(names) > 1:
        usual = tables[0] if tables else names[-1] if staged.images else names[0]
        table = st.selectbox(
            "Table of the sources",
            names,
            format_func=lambda name: options[name].name if name else "none: only the images",
            key=begin_widget(f"import_which_{your_data_state().form}", usual, names),
        )
    return staged.source(options.get(table))


# -- what was found ----------------------------------------------------------------------------


def _draw_source(source: Source) -> None:
    state = your_data_state()
    token = f"{state.form}_{source.path}_{source.table}"
    answers = dict(state.answers.get(token, {}))
    start, state.start = state.start == token, ""  # not kept if the look is cancelled
    inspection, error = _inspect(source, answers)
    st.subheader("What was found")
    left, right = st.columns([1.1, 1], gap="large")
    with right:
        given = _ask_questions(inspection, token)
        given |= fact_widgets.several_images(token)
        given |= fact_widgets.override_facts(token)
        table, which = source.table or source.path, str(given.get("which_table", ""))
        given |= _map_columns(table, which, token, expanded=inspection is None)
    if given != answers:  # later questions depend on the answers
        state.answers[token], state.start = given, token if start else ""
        st.rerun()
    with left:
        if error:
            st.error(controls.escape(error), icon=":material/error:")
        if inspection is not None:
            _draw_inspection(inspection)
    if inspection is not None:
        _draw_start(source, inspection, answers, token, start)


def _column_names(path: Path, which: str = "") -> list[str]:
    """Columns of a table, read again only when the file changes; empty if it is not a table."""
    from radioviz.api.confined import column_names

    if not path.is_file():
        return []
    columns = your_data_state().columns
    version = (f"{path} {which}", path.stat().st_mtime_ns)
    if version not in columns:
        try:
            columns[version] = column_names(path, which)
        except RadioVizError:
            columns[version] = []
    return columns[version]


def _inspect(source: Source, answers: dict[str, Any]) -> tuple[Inspection | None, str]:
    """The inspection with these answers, kept until they change, or the error."""
    from radioviz.api.confined import inspect_source

    state = your_data_state()
    version = json.dumps([str(source.path), str(source.table), answers], sort_keys=True)
    if state.inspection is None or state.inspection[0] != version:
        with cancellable("Inspecting the files", "inspect_files", version) as say:

            def superseded() -> bool:
                say("Inspecting the files …", 0.0)
                return False

            try:
                state.inspection = (version, inspect_source(source, answers, superseded), "")
            except RadioVizError as error:
                state.inspection = (version, None, _without_folder(str(error)))
    return state.inspection[1:]


def _without_folder(text: str) -> str:
    """A message with uploaded files under their own names."""
    folder = your_data_state().upload
    if folder:
        for kind in (uploads.IMAGES, uploads.TABLES):
            text = text.replace(f"{folder}/{kind}/", "").replace(f"{folder}/{kind}", "the upload")
    return text


def _draw_inspection(inspection: Inspection) -> None:
    from radioviz.ui.detail import facts_html

    facts = [("kind", KINDS[inspection.kind]), *inspection.found.items()]
    st.html(facts_html([(TITLES.get(n, n.replace("_", " ").capitalize()), v) for n, v in facts]))
    for note in inspection.notes[:10]:
        st.caption(controls.escape(note))
    if len(inspection.sample):
        st.caption("First rows of the survey")
        st.dataframe(_printable(inspection.sample), hide_index=True, height=180)
    if inspection.refused:
        name, why = inspection.refused[0]
        text = f"{len(inspection.refused)} of the inspected files will be refused; the first: "
        st.warning(controls.escape(f"{text}{name}: {why}"))


def _printable(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that are not empty, with mixed ones as text."""
    kept = [c for c in frame.columns if frame[c].notna().any() and (frame[c] != "").any()]
    return frame[kept].apply(lambda c: c.astype(str) if c.dtype == object else c)


def _ask_questions(inspection: Inspection | None, token: str) -> dict[str, Any]:
    """Widgets for the questions so far; an answered one stays, so that it can be changed."""
    questions = your_data_state().questions.setdefault(token, {})
    questions.update({q.key: q for q in (inspection.needed if inspection else ())})
    given: dict[str, Any] = {}
    for key, question in questions.items():
        name = f"ask_{key}_{token}"
        label = controls.escape(question.text) + (" **(needed)**" if question.required else "")
        if question.choices:
            default = f"default: {question.default}"
            hint = "choose" if question.required else default
            begin_widget(name, None, question.choices)
            answer = st.selectbox(label, question.choices, index=None, placeholder=hint, key=name)
        else:
            hint = question.default or "needed"
            begin_widget(name, "")
            answer = st.text_input(label, key=name, placeholder=hint).strip()
        if answer:
            given[key] = answer
    return given


def _map_columns(table: Path, which: str, token: str, expanded: bool) -> dict[str, Any]:
    """Widgets to choose the column of each role, and units and frame of the positions."""
    names = _column_names(table, which)
    if not names:
        return {}
    questions = your_data_state().questions.get(token, {})
    mapped: dict[str, str] = {}
    given: dict[str, Any] = {}
    with st.expander("Columns of the table", icon=":material/table_chart:", expanded=expanded):
        places = st.columns(2)
        options = [AUTOMATIC, NONE, *names]
        for i, role in enumerate(SYNONYMS):
            chosen = places[i % 2].selectbox(
                role.replace("_", " "),
                options,
                key=begin_widget(f"column_{role}_{token}", AUTOMATIC, options),
            )
            if chosen != AUTOMATIC:
                mapped[role] = "" if chosen == NONE else str(chosen)
        if mapped:
            given["columns"] = mapped
        for i, (key, (label, choices)) in enumerate(POSITION_UNITS.items()):
            if key not in questions:
                given[key] = places[i % 2].selectbox(
                    label,
                    choices,
                    format_func=lambda unit: unit or "as found",
                    key=begin_widget(f"{key}_{token}", "", choices),
                )
    return {key: value for key, value in given.items() if value}


# -- start -------------------------------------------------------------------------------------


def _draw_start(
    source: Source, inspection: Inspection, answers: dict[str, Any], token: str, start: bool
) -> None:
    titles = your_data_view.encoder_titles()
    left, middle = st.columns(2, vertical_alignment="top")
    named = _suggested_title(source)
    # The folder of an upload of many files has a random name.
    suggested = suggest_key(named) if named == UNNAMED else inspection.key
    title = left.text_input("Name", key=begin_widget(f"title_{token}", named))
    key = middle.text_input(
        "Key",
        key=begin_widget(f"key_{token}", suggested),
        help="Short name in links and commands: a-z, 0-9, _ and -",
    )
    count = inspection.count
    few = count is not None and count <= MAX_GALAXIES_FOR_ALL_ENCODERS
    # Those of several channels need images of these names; they are chosen by hand.
    usual = [m for m in titles if not cache.models()[m].channels]
    models = st.multiselect(
        "Encoders",
        list(titles),
        format_func=titles.__getitem__,
        key=begin_widget(f"models_{token}", usual if few else usual[:1], list(titles)),
        help="Each encoder makes a map; the first opens while the others run. You can add more "
        "later.",
    )
    exists = key in importing.list_surveys()
    replace = exists and st.checkbox(
        controls.escape(f"Replace the existing survey '{key}'"),
        key=begin_widget(f"replace_{token}", False),
    )
    state = your_data_state()
    state.described = draft_of(
        source, answers, key, title.strip() or key, models, replace=bool(replace)
    )
    waiting = [q for q in inspection.missing if not answers.get(q.key)]
    if waiting:
        st.caption("Before the import: " + controls.escape(" ".join(q.text for q in waiting)))
    disabled = bool(waiting) or (exists and not replace)
    st.button(
        f"Import {controls.galaxies_text(count) if count else 'the survey'}",
        type="primary",
        icon=":material/download:",
        disabled=disabled,
        key="import_start",
        on_click=_request_start,
        args=(token,),
    )
    if start and not disabled:
        request = survey_job.SurveyRequest(
            check_key(key),
            title.strip() or key,
            str(source.path.resolve()),
            str(source.table.resolve()) if source.table else "",
            answers,
            tuple(models),
            bool(replace),
            state.upload,
        )
        start_own_job(survey_job.start_job, request)
        _start_over(keep_files=True)
        st.rerun()


def _request_start(token: str) -> None:
    """Start once the answers that came with the click have been drawn."""
    your_data_state().start = token


def _suggested_title(source: Source) -> str:
    path = source.path
    if path.name in (uploads.IMAGES, uploads.TABLES) and path.parent.parent.name == "uploads":
        return UNNAMED
    return path.name.split(".")[0].replace("_", " ")
