"""The user's own surveys: imports in progress, imported surveys, and actions on each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import streamlit as st

from radioviz import importing
from radioviz.api import survey_job
from radioviz.api.survey_job import SurveyJob, SurveyRequest
from radioviz.atlas.atlas import encoded_plane
from radioviz.atlas.layouts import REFERENCE
from radioviz.data import user_surveys
from radioviz.errors import AtlasError, RadioVizError
from radioviz.importing import UnfinishedImport, UserSurvey
from radioviz.models import registry
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.pages.your_data.state import start_own_job, your_data_state
from radioviz.ui.state import brush, clear_focus, focus, fragment_alone, tray

MAX_ENDED_JOBS = 3
STATES = {
    survey_job.DONE: ("Imported", ":material/check_circle:"),
    survey_job.FAILED: ("Failed", ":material/error:"),
    survey_job.CANCELLED: ("Cancelled", ":material/pause_circle:"),
    survey_job.CUT_OFF: ("Interrupted", ":material/power_off:"),
    survey_job.RUNNING: ("Importing", ":material/hourglass_top:"),
}


def encoder_titles() -> dict[str, str]:
    """Encoders by name; those that have mapped FIRST come first."""
    named = registry.encoders(cache.models())
    mapped = cache.atlas_names(REFERENCE)  # a survey can be placed on their maps
    return {name: named[name].title for name in sorted(named, key=lambda n: n not in mapped)}


def draw_message() -> None:
    """The message of the last action, once."""
    state = your_data_state()
    if state.message:
        st.info(controls.escape(state.message), icon=":material/info:")
        state.message = ""


def open_requested_map() -> None:
    """Open the map that a button of the last run requested; call first on the page."""
    state = your_data_state()
    if state.open_map is not None:
        key, model = state.open_map
        state.open_map = None
        parameters = {"data": key} | ({"encoder": model} if model else {})
        st.switch_page(controls.LATENT_MAP, query_params=parameters)


def _request_map(key: str, model: str | None) -> None:
    your_data_state().open_map = (key, model)


def _show_error(action: Callable[..., Any], *arguments: object) -> None:
    """Do what a button requests; show an error as the message of the page."""
    try:
        action(*arguments)
    except RadioVizError as error:
        your_data_state().message = str(error)


def _button(
    label: str, key: str, icon: str, action: Callable[..., Any], *arguments: object, **options: Any
) -> None:
    st.button(label, key=key, icon=f":material/{icon}:", on_click=action, args=arguments, **options)


# -- jobs --------------------------------------------------------------------------------------


def draw_jobs() -> None:
    """Running imports, and the last ones that ended."""
    found = survey_job.list_jobs()
    if any(job.active for job in found):
        _draw_running()
    for job in [job for job in found if not job.active][:MAX_ENDED_JOBS]:
        _draw_ended(job)


@st.fragment(run_every=1.0)
def _draw_running() -> None:
    """Progress of the running jobs, redrawn every second until they end."""
    if your_data_state().open_map is not None:
        st.rerun()  # a callback, unlike a value, outlives a job that ends at the click
    running = [job for job in survey_job.list_jobs() if job.active]
    for job in running:
        with st.container(border=True, key=f"job_{job.id}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{_name(job)}** · {_duration(job.seconds)}", width="stretch")
                mapped = cache.atlas_names(job.request.key) if job.progress.imported else []
                if mapped:
                    _button(
                        "Open on the latent map",
                        f"look_{job.id}",
                        "scatter_plot",
                        _request_map,
                        job.request.key,
                        _best_encoder(mapped),
                        help="Shows the maps so far while the import continues",
                    )
                _button(
                    "Cancel",
                    f"cancel_{job.id}",
                    "stop",
                    survey_job.cancel_job,
                    job.id,
                    help="Keeps what has been read and encoded so far",
                )
            step, done, total = job.progress.step, job.progress.done, job.progress.total
            counts = f": {done:,} of {total:,}" if total else ""
            share = min(1.0, done / total) if total else 0.0
            st.progress(share, text=controls.escape(f"{step}{counts}"))
            waiting = (
                "The import continues if you close this tab, and you can resume it if it stops."
            )
            st.caption(_results(job) or waiting)
    # Redraw the list of surveys when a job has finished another part. A run of the page draws it
    # anyway, and what was clicked below must not be lost.
    state = your_data_state()
    before = state.job_progress
    state.job_progress = [
        (j.id, j.progress.imported, j.progress.encoded, cache.atlas_names(j.request.key))
        for j in running
    ]
    if before is not None and before != state.job_progress and fragment_alone():
        st.rerun()


def _best_encoder(mapped: list[str]) -> str:
    return next((m for m in encoder_titles() if m in mapped), mapped[0])


def _name(job: SurveyJob) -> str:
    return controls.escape(job.request.title or job.request.key)


def _results(job: SurveyJob) -> str:
    """What a job has finished so far."""
    titles = encoder_titles()
    parts = [job.progress.imported] if job.progress.imported else []
    parts += [f"mapped by {titles.get(m, m)}" for m in job.progress.encoded]
    return " · ".join(map(controls.escape, parts))


def _draw_ended(job: SurveyJob) -> None:
    title, icon = STATES[job.progress.state]
    done = job.progress.state == survey_job.DONE
    if done and job.request.key not in importing.list_surveys():
        survey_job.delete_job(job.id)  # the survey has been removed since
        return
    with st.container(border=True, key=f"job_{job.id}"):
        st.markdown(f"{icon} **{_name(job)}** · {title} after {_duration(job.seconds)}")
        if job.progress.error:
            st.error(controls.escape(job.progress.error))
        elif results := _results(job):
            st.caption(results)
        with st.container(horizontal=True, gap="small"):
            if done and job.request.models:
                target = (job.request.key, job.request.models[0])
                label, icon = "Open on the latent map", "scatter_plot"
                _button(label, f"open_{job.id}", icon, _request_map, *target, type="primary")
            elif not done:
                label = "Try again" if job.progress.state == survey_job.FAILED else "Resume"
                resume = (_show_error, start_own_job, survey_job.resume_job, job.id)
                _button(label, f"resume_{job.id}", "play_arrow", *resume)
            dismiss = (_show_error, survey_job.delete_job, job.id)
            text = "Removes this notice; the survey stays"
            _button("Dismiss", f"dismiss_{job.id}", "close", *dismiss, help=text)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


# -- surveys -----------------------------------------------------------------------------------


def draw_surveys() -> None:
    """The imported surveys, and imports that were interrupted."""
    st.subheader("Your surveys")
    known = importing.list_surveys()
    jobs = survey_job.list_jobs()
    with_job = {j.request.key for j in jobs if j.progress.state != survey_job.DONE}
    busy = {j.request.key for j in jobs if j.active}
    for survey in known.values():
        with controls.show_errors():
            _draw_survey(survey, survey.key in busy)
    rest = [u for u in importing.unfinished_imports() if u.key not in with_job]
    for unfinished in rest:
        _draw_unfinished(unfinished)
    if not known and not rest:
        where = f", in `{user_surveys.surveys_folder()}`," if controls.is_local() else ""
        st.caption(
            "None yet. What you import stays on the computer that serves this page"
            f"{where} until you remove it."
        )


def _draw_survey(survey: UserSurvey, busy: bool) -> None:
    key = survey.key
    titles = encoder_titles()
    mapped = cache.atlas_names(key)
    listed = your_data_state().listed_files
    with st.container(border=True, key=f"survey_{key}"):
        st.markdown(
            f"**{controls.escape(survey.title)}** · {controls.galaxies_text(survey.n)} · "
            f"`{key}` · {_size(survey)}"
        )
        if survey.planes:
            st.caption("Images of each source: " + controls.escape(", ".join(survey.planes)))
        by = ", ".join(controls.escape(_mapped_by(survey, m, titles.get(m, m))) for m in mapped)
        without = "Being mapped" if busy else "Not on a map yet: encode it"
        st.caption(f"Mapped by {by}" if by else without)
        with st.container(horizontal=True, gap="small"):
            target = (key, _best_encoder(mapped) if mapped else None)
            name, icon = f"map_{key}", "scatter_plot"
            _button("Latent map", name, icon, _request_map, *target, disabled=not mapped)
            missing = {m: t for m, t in titles.items() if m not in mapped}
            full = busy or not missing
            with st.popover("Encode", icon=":material/model_training:", disabled=full):
                _draw_encode(survey, missing)
            label = "Hide files" if key in listed else "Files"
            toggle = (listed.symmetric_difference_update, {key})
            text = "What became of each file"
            _button(label, f"show_files_{key}", "description", *toggle, help=text)
            with st.popover("Remove", icon=":material/delete:", disabled=busy):
                _draw_remove(survey)
        if key in listed:
            _draw_report(key)


def _size(survey: UserSurvey) -> str:
    size = sum(f.stat().st_size for f in survey.folder.iterdir() if f.is_file())
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.1f} MB"


def _mapped_by(survey: UserSurvey, model: str, title: str) -> str:
    """An encoder, and which of several images of each source it has mapped."""
    if not survey.planes or (model in cache.models() and cache.models()[model].channels):
        return title
    with suppress(AtlasError):
        return f"{title} ({encoded_plane(survey.key, model) or survey.planes[0]})"
    return title


def _draw_encode(survey: UserSurvey, missing: dict[str, str]) -> None:
    chosen = st.multiselect(
        "Encoders",
        list(missing),
        default=[m for m in missing if cache.models()[m].sees(survey.planes)],
        format_func=missing.__getitem__,
        key=f"encode_models_{survey.key}",
    )
    plane = ""
    if survey.planes:
        plane = st.selectbox("Image that they see", survey.planes, key=f"encode_plane_{survey.key}")
    if st.button(
        "Encode", key=f"encode_{survey.key}", type="primary", disabled=not chosen, width="stretch"
    ):
        request = SurveyRequest(survey.key, survey.title, models=tuple(chosen), plane=plane)
        _show_error(start_own_job, survey_job.start_job, request)
        st.rerun()


def _draw_report(key: str) -> None:
    try:
        report = importing.read_report(key)
    except RadioVizError as error:
        st.error(controls.escape(str(error)))
        return
    counts = report["status"].value_counts()
    st.caption(", ".join(f"{n:,} {what}" for what, n in counts.items()))
    shown = report[(report["status"] != "read") | (report["reason"] != "")]
    if len(shown):
        shown = shown.sort_values("status", key=lambda s: s != "refused", kind="stable")
        columns = {
            "file": ("File", "medium"),
            "status": ("Status", "small"),
            "reason": ("Reason, or what was repaired", "large"),
            "source_id": ("Identifier", "small"),
        }
        st.dataframe(
            shown.head(1000)[list(columns)],
            hide_index=True,
            height=min(400, 38 + 35 * len(shown)),
            column_config={
                name: st.column_config.TextColumn(title, width=width)  # type: ignore[arg-type]
                for name, (title, width) in columns.items()
            },
        )
    export_button(
        "Whole list (CSV)", f"{key}-files.csv", whole(lambda: safe_csv(report)),
        key=f"report_{key}",
    )  # fmt: skip


def _draw_remove(survey: UserSurvey) -> None:
    key = survey.key
    st.markdown(
        f"Remove **{controls.escape(survey.title)}** with its "
        f"{controls.galaxies_text(survey.n)}, its maps and pictures? The files that it was "
        "imported from stay."
    )
    trained = user_surveys.models_of(key)
    number = f"{len(trained)} models" if len(trained) > 1 else "model"
    label = f"Also remove the {number} trained on it"
    models = bool(trained) and st.checkbox(label, value=True, key=f"remove_models_{key}")
    if st.button(
        "Remove for good",
        key=f"remove_{key}",
        type="primary",
        icon=":material/delete_forever:",
        width="stretch",
    ):
        _remove(key, models)
        st.rerun()


def _remove(key: str, models: bool = False) -> None:
    """Delete a survey or an unfinished import from the disk and the session.

    ``models`` deletes the models trained on it, too.
    """
    state = your_data_state()
    try:
        freed = importing.remove_survey(key)
        if models:
            user_surveys.remove_models(key)
    except RadioVizError as error:
        state.message = str(error)
        return
    for job in survey_job.list_jobs():
        if job.request.key == key:
            _show_error(survey_job.delete_job, job.id)
    cache.forget_data_set(key)
    for selection in (tray(), brush()):
        selection.remove(key, selection.groups().get(key, []))
    focused = focus()
    if focused is not None and focused[0] == key:
        clear_focus()
    state.message = f"{key}: removed, {freed / 1e6:,.1f} MB freed."


def _draw_unfinished(unfinished: UnfinishedImport) -> None:
    key = unfinished.key
    with st.container(border=True, key=f"unfinished_{key}"):
        done = f"interrupted after {unfinished.done:,} files"
        st.markdown(f":material/power_off: **{key}** · {done}")
        st.caption("Pages show it once it is complete.")
        with st.container(horizontal=True, gap="small"):
            action = (_show_error, _resume, unfinished)
            name = f"resume_unfinished_{key}"
            _button("Resume", name, "play_arrow", *action, disabled=not unfinished.path)
            _button("Discard", f"discard_{key}", "delete", _remove, key)


def _resume(unfinished: UnfinishedImport) -> None:
    """Resume an import without a job, such as one of the command line."""
    answers = {k: v for k, v in unfinished.answers.items() if k not in ("key", "title")}
    start_own_job(
        survey_job.start_job,
        SurveyRequest(
            unfinished.key,
            str(unfinished.answers.get("title") or ""),
            unfinished.path,
            unfinished.table,
            answers,
            tuple(encoder_titles()),
            replace=unfinished.key in importing.list_surveys(),
        ),
    )
