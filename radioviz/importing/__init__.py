"""Import your own survey: files, tables, cubes, mosaics and positions, to Catalogues.

>>> from radioviz.importing import Source, import_survey, inspect_source
>>> inspection = inspect_source(Source(Path("cutouts.zip")))  # what it is, what is missing
>>> result = import_survey(Source(Path("cutouts.zip")), {"key": "mine", "survey": "FIRST"})
"""

from radioviz.data.user_surveys import (
    UnfinishedImport,
    UserSurvey,
    list_surveys,
    open_survey,
    read_report,
    remove_survey,
    unfinished_imports,
)
from radioviz.importing.inspection import KINDS, Inspection, Source
from radioviz.importing.recognition import inspect_source
from radioviz.importing.run_import import ImportResult, import_survey, resume_import
from radioviz.importing.survey_facts import UNKNOWN, Question
