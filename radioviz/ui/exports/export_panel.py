"""The button of every file to download, and what is shown while it is written.

A click starts an export in the background; the browser follows it and downloads the file as soon
as it is ready. The reader can use the app meanwhile, and open other pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from radioviz.jobs.progress import Progress
from radioviz.ui import controls, state
from radioviz.ui.browser_component import register_component
from radioviz.ui.exports.export_job import FAILED, READY, WAITING, WRITING, ExportJob, Write
from radioviz.ui.exports.export_routes import PREFIX

QUICK = 0.3
"""Seconds in which most files are written, so that nothing needs to be shown for them."""


@dataclass
class SessionExports:
    """The exports that a session has begun and that are not over."""

    jobs: list[ExportJob] = field(default_factory=list)


def export_button(
    label: str,
    name: str,
    write: Write,
    *,
    key: str,
    slices: int = 1,
    icon: str = ":material/download:",
    **appearance: Any,
) -> None:
    """A button that writes a file in the background and downloads it.

    ``name``: name of the file; its ending says what it is. ``write``: writes the content; called as
    ``write(file, progress)`` in another thread. ``slices``: expected number of half seconds: short
    exports come before long ones. ``appearance``: further arguments of ``st.button``.
    """
    st.button(
        label, icon=icon, key=key, on_click=_start, args=(name, write, slices), **appearance
    )  # fmt: skip


def whole(make: Callable[[], bytes | str]) -> Write:
    """A function that writes a small content that is made at once; text in UTF-8."""

    def write(file: IO[bytes], progress: Progress) -> None:
        content = make()
        file.write(content.encode("utf-8") if isinstance(content, str) else content)

    return write


def _start(name: str, write: Write, slices: int) -> None:
    context = get_script_run_ctx()
    session = context.session_id if context else ""
    said = partial(controls.without_folders, local=controls.is_local())
    job = ExportJob(session, name, write, slices, said).start()
    job.wait_until_written(QUICK)
    _jobs().append(job)
    st.rerun(["exports"])


def _jobs() -> list[ExportJob]:
    own = state.page_state(SessionExports)
    own.jobs = [j for j in own.jobs if j.state in (WAITING, WRITING, READY, FAILED)]
    return own.jobs


@st.fragment(key="exports")
def draw_exports() -> None:
    """Progress of this session's exports, a button to cancel each, and its download."""
    jobs = _jobs()
    if not jobs:
        return
    files = [{"address": f"{PREFIX}/{job.token}", "name": job.name} for job in jobs]
    register_component("radioviz_exports", __file__)(key="exports_shown", data={"files": files})
