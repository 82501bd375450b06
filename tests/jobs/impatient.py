"""A job or command whose steps have a second of processor time: ``python -m tests.jobs.impatient``.

With a folder it does the job in it, with more arguments a command of ``python -m radioviz.data``.
"""

from __future__ import annotations

import sys

from radioviz.api.survey_job import run_job
from radioviz.data import __main__ as command
from radioviz.jobs import watched_fork

if __name__ == "__main__":
    watched_fork.SECONDS = 1.0
    sys.exit(run_job(sys.argv[1:]) if len(sys.argv) == 2 else command.main())
