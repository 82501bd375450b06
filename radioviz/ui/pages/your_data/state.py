"""What a session remembers of the page Your data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from radioviz.api import survey_job
from radioviz.errors import BusyError
from radioviz.importing import Inspection, Question
from radioviz.ui.state import page_state

MAX_JOBS = 4
"""Imports and encodings of a session that may run or wait at a time."""


@dataclass
class YourDataState:
    """State of the page."""

    message: str = ""  # shown once, at the next run of the page
    # Survey and encoder whose map to open at the next run.
    open_map: tuple[str, str | None] | None = None
    # What the running jobs had finished when they were last drawn.
    job_progress: list[Any] | None = None
    listed_files: set[str] = field(default_factory=set)  # surveys whose files are listed
    start: str = ""  # what a click asked to import: form and source
    upload: str = ""  # folder of the uploaded files; empty where there are none
    # Folders of all uploads of the session, those that an import reads included.
    uploads: list[str] = field(default_factory=list)
    # Number of the form. It is part of the widget keys, so a new number clears the form.
    form: int = 0
    # answers, questions: by form and source: answers given, and questions asked so far by key
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: dict[str, dict[str, Question]] = field(default_factory=dict)
    # What was inspected, the result, and the error where it failed.
    inspection: tuple[str, Inspection | None, str] | None = None
    # Column names by path and modification time of a table.
    columns: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    workspace: str = ""  # the workspace that the form was taken from
    # chosen, defaults: values of the form's widgets by their keys: those chosen, and what each
    # begins with
    chosen: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    # The form as it was last saved in the workspace.
    saved: dict[str, Any] = field(default_factory=dict)
    # What the form would import: keywords of :func:`radioviz.import_survey`.
    described: dict[str, Any] = field(default_factory=dict)
    # Imports and encodings that the session has started.
    jobs: set[str] = field(default_factory=set)


def your_data_state() -> YourDataState:
    """The state of the page in this session."""
    return page_state(YourDataState)


def start_own_job(start: Callable[..., survey_job.SurveyJob], *arguments: Any) -> None:
    """Start or resume a job for this session.

    Raises BusyError if too many of the session's jobs run or wait, and CatalogueError if it cannot
    be started.
    """
    own = your_data_state().jobs
    active = sum(job.active and job.id in own for job in survey_job.list_jobs())
    if active >= MAX_JOBS:
        raise BusyError(
            f"{active} of your imports run or wait; wait until one is done, or cancel one"
        )
    own.add(start(*arguments).id)
