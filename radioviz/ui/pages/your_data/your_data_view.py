"""The reader's own surveys: what is being imported, what is there, and how each goes."""

from __future__ import annotations

import streamlit as st

from radioviz import importing
from radioviz.api import survey_job as job
from radioviz.api.survey_job import SurveyJob, SurveyRequest
from radioviz.atlas.layouts import REFERENCE
from radioviz.data import user_surveys
from radioviz.errors import RadioVizError
from radioviz.importing import UnfinishedImport, UserSurvey
from radioviz.models import registry
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls

SHOWN_DONE = 3
MESSAGE = "your_data_message"
STATES = {
    job.DONE: ("Imported", ":material/check_circle:"),
    job.FAILED: ("Failed", ":material/error:"),
    job.CANCELLED: ("Cancelled", ":material/pause_circle:"),
    job.CUT_OFF: ("Cut off", ":material/power_off:"),
    job.RUNNING: ("Importing", ":material/hourglass_top:"),
}


def encoder_titles() -> dict[str, str]:
    """Encoders by name, the one that opens first on the maps in front."""
    named = registry.encoders(cache.models())
    mapped = cache.atlas_names(REFERENCE)
    # Those that have mapped FIRST lead, for a survey can be placed on that map.
    return {name: named[name].title for name in sorted(named, key=lambda n: n not in mapped)}


def say(text: str) -> None:
    """Show a message at the next run of the page."""
    st.session_state[MESSAGE] = text


def message() -> None:
    """The message of the last action, once."""
    if text := st.session_state.pop(MESSAGE, ""):
        st.info(controls.escape(text), icon=":material/info:")


# -- jobs --------------------------------------------------------------------------------------


def jobs() -> None:
    """Every import under way, and the last that ended."""
    found = job.list_jobs()
    if not found:
        return
    running = [j for j in found if j.active]
    if running:
        _running()
    ended = [j for j in found if not j.active][:SHOWN_DONE]
    for one in ended:
        _ended(one)


@st.fragment(run_every=1.0)
def _running() -> None:
    """Progress, drawn anew every second until the jobs that were seen running have ended."""
    running = [j for j in job.list_jobs() if j.active]
    for one in running:
        with st.container(border=True, key=f"job_{one.id}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                name = controls.escape(one.request.title or one.request.key)
                st.markdown(f"**{name}** · {_seconds(one.seconds)}", width="stretch")
                mapped = cache.atlas_names(one.request.key) if one.progress.imported else []
                if mapped and st.button(
                    "Open on the latent map",
                    key=f"look_{one.id}",
                    icon=":material/scatter_plot:",
                    help="What is mapped already; the import goes on",
                ):
                    _open(one.request.key, _first(mapped))
                    st.rerun()
                st.button(
                    "Cancel",
                    key=f"cancel_{one.id}",
                    icon=":material/stop:",
                    on_click=job.cancel_job,
                    args=(one.id,),
                    help="What is read and encoded so far is kept",
                )
            step, done, total = one.progress.step, one.progress.done, one.progress.total
            counts = f": {done:,} of {total:,}" if total else ""
            share = min(1.0, done / total) if total else 0.0
            st.progress(share, text=controls.escape(f"{step}{counts}"))
            st.caption(_through(one))
    # The list of surveys is drawn anew when one of them has got further.
    stand = [
        (j.id, j.progress.imported, j.progress.encoded, cache.atlas_names(j.request.key))
        for j in running
    ]
    seen = st.session_state.get("jobs_seen")
    st.session_state["jobs_seen"] = stand
    if seen is not None and seen != stand:
        st.rerun()


def _first(mapped: list[str]) -> str:
    """The model of the best map among those that there are."""
    return next((m for m in encoder_titles() if m in mapped), mapped[0])


def _through(one: SurveyJob) -> str:
    titles = encoder_titles()
    parts = [controls.escape(one.progress.imported)] if one.progress.imported else []
    parts += [f"mapped by {controls.escape(titles.get(m, m))}" for m in one.progress.encoded]
    return " · ".join(parts) or (
        "It goes on when this tab is closed, and can be taken up when it is stopped."
    )


def _ended(one: SurveyJob) -> None:
    title, icon = STATES[one.progress.state]
    there = one.request.key in importing.list_surveys()
    if one.progress.state == job.DONE and not there:
        job.delete_job(one.id)  # the survey has been removed since
        return
    with st.container(border=True, key=f"job_{one.id}"):
        name = controls.escape(one.request.title or one.request.key)
        st.markdown(f"{icon} **{name}** · {title} after {_seconds(one.seconds)}")
        if one.progress.error:
            st.error(controls.escape(one.progress.error))
        elif one.progress.imported or one.progress.encoded:
            st.caption(_through(one))
        with st.container(horizontal=True, gap="small"):
            if one.progress.state == job.DONE and one.request.models:
                st.button(
                    "Open on the latent map",
                    key=f"open_{one.id}",
                    type="primary",
                    icon=":material/scatter_plot:",
                    on_click=_open,
                    args=(one.request.key, one.request.models[0]),
                )
            elif one.progress.state != job.DONE:
                label = "Try again" if one.progress.state == job.FAILED else "Go on"
                st.button(
                    label,
                    key=f"resume_{one.id}",
                    icon=":material/play_arrow:",
                    on_click=_attempt,
                    args=(job.resume_job, one.id),
                )
            st.button(
                "Dismiss",
                key=f"dismiss_{one.id}",
                icon=":material/close:",
                on_click=_attempt,
                args=(job.delete_job, one.id),
                help="Takes this notice away; what was imported stays",
            )


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _attempt(action: object, *arguments: object) -> None:
    """Do what a button asks; what goes wrong is said."""
    try:
        action(*arguments)  # type: ignore[operator]
    except RadioVizError as error:
        say(str(error))


def _open(key: str, model: str | None) -> None:
    st.session_state["your_data_open"] = (key, model)


def followed() -> None:
    """Go where a button of the last run led; the first thing that the page does."""
    if target := st.session_state.pop("your_data_open", None):
        key, model = target
        parameters = {"data": key} | ({"encoder": model} if model else {})
        st.switch_page(controls.LATENT_MAP, query_params=parameters)


# -- surveys -----------------------------------------------------------------------------------


def surveys() -> None:
    """What has been imported, and imports that were cut off."""
    st.subheader("Your surveys")
    known = importing.list_surveys()
    found = job.list_jobs()
    at_work = {j.request.key for j in found if j.progress.state != job.DONE}
    busy = {j.request.key for j in found if j.active}
    for survey in known.values():
        with controls.show_errors():
            _survey(survey, survey.key in busy)
    rest = [u for u in importing.unfinished_imports() if u.key not in at_work]
    for one in rest:
        _unfinished(one)
    if not known and not rest:
        where = f", in `{user_surveys.surveys_folder()}`," if controls.is_local() else ""
        st.caption(
            "None yet. What you import stays on the computer that serves this page"
            f"{where} until you remove it."
        )


def _survey(survey: UserSurvey, busy: bool) -> None:
    key = survey.key
    titles = encoder_titles()
    mapped = cache.atlas_names(key)
    with st.container(border=True, key=f"survey_{key}"):
        st.markdown(
            f"**{controls.escape(survey.title)}** · {controls.galaxies_text(survey.n)} · "
            f"`{key}` · {_size(survey)}"
        )
        by = ", ".join(controls.escape(titles.get(m, m)) for m in mapped)
        without = "Being mapped" if busy else "Not on a map yet: encode it"
        st.caption(f"Mapped by {by}" if by else without)
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Latent map",
                key=f"map_{key}",
                icon=":material/scatter_plot:",
                disabled=not mapped,
                on_click=_open,
                args=(key, _first(mapped) if mapped else None),
            )
            missing = {m: t for m, t in titles.items() if m not in mapped}
            with st.popover(
                "Encode", icon=":material/model_training:", disabled=busy or not missing
            ):
                _encode(survey, missing)
            shown = st.session_state.get(f"files_{key}", False)
            st.button(
                "Hide files" if shown else "Files",
                key=f"show_files_{key}",
                icon=":material/description:",
                help="What became of each",
                on_click=st.session_state.__setitem__,
                args=(f"files_{key}", not shown),
            )
            with st.popover("Remove", icon=":material/delete:", disabled=busy):
                _remove(survey)
        if shown:
            _report(key)


def _size(survey: UserSurvey) -> str:
    size = sum(f.stat().st_size for f in survey.folder.iterdir() if f.is_file())
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.1f} MB"


def _encode(survey: UserSurvey, missing: dict[str, str]) -> None:
    chosen = st.multiselect(
        "Encoders",
        list(missing),
        default=list(missing),
        format_func=missing.__getitem__,
        key=f"encode_models_{survey.key}",
    )
    if st.button(
        "Encode", key=f"encode_{survey.key}", type="primary", disabled=not chosen, width="stretch"
    ):
        _attempt(job.start_job, SurveyRequest(survey.key, survey.title, models=tuple(chosen)))
        st.rerun()


def _report(key: str) -> None:
    try:
        report = importing.read_report(key)
    except RadioVizError as error:
        st.error(controls.escape(str(error)))
        return
    counts = report["status"].value_counts()
    st.caption(", ".join(f"{n:,} {what}" for what, n in counts.items()))
    told = report[(report["status"] != "read") | (report["reason"] != "")]
    if len(told):
        # What was refused is what one looks for.
        told = told.sort_values("status", key=lambda s: s != "refused", kind="stable")
        st.dataframe(
            told.head(1000)[["file", "status", "reason", "source_id"]],
            hide_index=True,
            height=min(400, 38 + 35 * len(told)),
            column_config={
                "file": st.column_config.TextColumn("File", width="medium"),
                "status": st.column_config.TextColumn("Status", width="small"),
                "reason": st.column_config.TextColumn("Why, or what was repaired", width="large"),
                "source_id": st.column_config.TextColumn("Identifier", width="small"),
            },
        )
    st.download_button(
        "Whole list (CSV)",
        lambda: safe_csv(report).encode(),
        file_name=f"{key}-files.csv",
        mime="text/csv",
        key=f"report_{key}",
        on_click="ignore",
        icon=":material/download:",
    )


def _remove(survey: UserSurvey) -> None:
    st.markdown(
        f"Remove **{controls.escape(survey.title)}** with its "
        f"{controls.galaxies_text(survey.n)}, its maps and pictures? The files that it was "
        "imported from stay where they are."
    )
    trained = user_surveys.models_of(survey.key)
    too = bool(trained) and st.checkbox(
        f"And the {len(trained)} models that were trained on it"
        if len(trained) > 1
        else "And the model that was trained on it",
        value=True,
        key=f"remove_models_{survey.key}",
    )
    if st.button(
        "Remove for good",
        key=f"remove_{survey.key}",
        type="primary",
        icon=":material/delete_forever:",
        width="stretch",
    ):
        remove(survey.key, models=too)
        st.rerun()


def remove(key: str, models: bool = False) -> None:
    """Delete a survey, or what is left of an import, and every trace of it in the session.

    With ``models`` those go too that were trained on it.
    """
    from radioviz.ui import state

    try:
        freed = importing.remove_survey(key)
        if models:
            user_surveys.remove_models(key)
    except RadioVizError as error:
        say(str(error))
        return
    for one in job.list_jobs():
        if one.request.key == key:
            _attempt(job.delete_job, one.id)
    cache.forget_data_set(key)
    for held in (state.tray(), state.brush()):
        held.remove(key, held.groups().get(key, []))
    focus = state.focus()
    if focus is not None and focus[0] == key:
        state.clear_focus()
    say(f"{key}: removed, {freed / 1e6:,.1f} MB freed.")


def _unfinished(one: UnfinishedImport) -> None:
    with st.container(border=True, key=f"unfinished_{one.key}"):
        st.markdown(f":material/power_off: **{one.key}** · cut off after {one.done:,} files")
        st.caption("It is not shown on any page before it is whole.")
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Go on",
                key=f"goon_{one.key}",
                icon=":material/play_arrow:",
                disabled=not one.path,
                on_click=_attempt,
                args=(_resume, one),
            )
            st.button(
                "Discard",
                key=f"discard_{one.key}",
                icon=":material/delete:",
                on_click=remove,
                args=(one.key,),
            )


def _resume(one: UnfinishedImport) -> None:
    """Take up an import that no job knows, one of the command line say."""
    answers = {k: v for k, v in one.answers.items() if k not in ("key", "title")}
    job.start_job(
        SurveyRequest(
            one.key,
            str(one.answers.get("title") or ""),
            one.path,
            one.table,
            answers,
            tuple(encoder_titles()),
            replace=one.key in importing.list_surveys(),
        )
    )
