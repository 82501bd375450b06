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
    """State of the page.

    Attributes
    ----------
    message : str
        Shown once, at the next run of the page.
    open_map : (str, str or None) or None
        Survey and encoder whose map to open at the next run.
    job_progress : list
        What the running jobs had finished when they were last drawn.
    listed_files : set of str
        Surveys whose files are listed.
    upload : str
        Folder of the uploaded files; empty where there are none.
    uploads : list of str
        Folders of all uploads of the session, those that an import reads included.
    form : int
        Number of the form. It is part of the widget keys, so a new number clears the form.
    answers, questions : dict
        By form and source: answers given, and questions asked so far by key.
    inspection : (str, Inspection or None, str) or None
        What was inspected, the result, and the error where it failed.
    columns : dict
        Column names by path and modification time of a table.
    workspace : str
        The workspace that the form was taken from.
    chosen, defaults : dict
        Values of the form's widgets by their keys: those chosen, and what each begins with.
    saved : dict
        The form as it was last saved in the workspace.
    described : dict
        What the form would import: keywords of :func:`radioviz.import_survey`.
    jobs : set of str
        Imports and encodings that the session has started.
    """

    message: str = ""
    open_map: tuple[str, str | None] | None = None
    job_progress: list[Any] | None = None
    listed_files: set[str] = field(default_factory=set)
    upload: str = ""
    uploads: list[str] = field(default_factory=list)
    form: int = 0
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: dict[str, dict[str, Question]] = field(default_factory=dict)
    inspection: tuple[str, Inspection | None, str] | None = None
    columns: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    workspace: str = ""
    chosen: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    saved: dict[str, Any] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)
    jobs: set[str] = field(default_factory=set)


def your_data_state() -> YourDataState:
    """The state of the page in this session."""
    return page_state(YourDataState)


def start_own_job(start: Callable[..., survey_job.SurveyJob], *arguments: Any) -> None:
    """Start or resume a job for this session.

    Raises
    ------
    BusyError
        If too many of the session's jobs run or wait.
    CatalogueError
        If it cannot be started.
    """
    own = your_data_state().jobs
    active = sum(job.active and job.id in own for job in survey_job.list_jobs())
    if active >= MAX_JOBS:
        raise BusyError(
            f"{active} of your imports run or wait; wait until one is done, or cancel one"
        )
    own.add(start(*arguments).id)
