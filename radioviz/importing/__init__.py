"""Bring your own survey: files, tables, cubes, mosaics and positions, to Catalogues.

>>> from radioviz.importing import Source, inspect, run
>>> look = inspect(Source(Path("cutouts.zip")))      # what it is, what has to be asked
>>> result = run(Source(Path("cutouts.zip")), {"key": "mine", "survey": "FIRST"})
"""

from radioviz.data.user_surveys import (
    Unfinished,
    UserSurvey,
    open_survey,
    read_report,
    remove,
    surveys,
    unfinished,
)
from radioviz.importing.inspection import KINDS, Inspection, Source
from radioviz.importing.kinds import inspect
from radioviz.importing.questions import UNKNOWN, Question
from radioviz.importing.run_import import Result, resume, run

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
