"""Bring your own survey: files, tables, cubes, mosaics and positions, to Catalogues.

>>> from radioviz.data.importing import Source, inspect, run
>>> look = inspect(Source(Path("cutouts.zip")))      # what it is, what has to be asked
>>> result = run(Source(Path("cutouts.zip")), {"key": "mine", "survey": "FIRST"})
"""

from radioviz.data.importing.inspection import KINDS, Inspection, Source
from radioviz.data.importing.jobs import Result, resume, run
from radioviz.data.importing.kinds import inspect
from radioviz.data.importing.questions import UNKNOWN, Question
from radioviz.data.importing.store import (
    Unfinished,
    UserSurvey,
    open_survey,
    read_report,
    remove,
    surveys,
    unfinished,
)

__all__ = [
    "KINDS",
    "UNKNOWN",
    "Inspection",
    "Question",
    "Result",
    "Source",
    "Unfinished",
    "UserSurvey",
    "inspect",
    "open_survey",
    "read_report",
    "remove",
    "resume",
    "run",
    "surveys",
    "unfinished",
]
