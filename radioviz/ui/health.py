"""What a monitor may ask: whether the server can work, and what is busy.

``GET /health`` behind the guard, as every route. It names kinds of work and numbers, nothing of
any reader. Streamlit's own ``/_stcore/health`` only says that the process answers.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from streamlit import runtime

from radioviz.jobs import work_log
from radioviz.paths import cache_folder, user_data_folder

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/health"
_LITTLE = 256 << 20  # bytes of free disk below which imports are refused
_began = time.monotonic()


async def answer(request: Request) -> Response:
    """The report as JSON: 200, or 503 where a disk that the server writes to is full."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse

    found = await run_in_threadpool(report)
    status = 200 if found["status"] == "ok" else 503
    return JSONResponse(found, status, headers={"cache-control": "no-store"})


def report() -> dict[str, Any]:
    """Status, kinds of work that wait and run, jobs, sessions, memory and free disk in MB."""
    from radioviz.api import survey_job
    from radioviz.ui.in_line import QUEUE

    folders = {"home": user_data_folder(), "cache": cache_folder()}
    free = {name: _free(folder) for name, folder in folders.items()}
    writable = {name: _writable(folder) for name, folder in folders.items()}
    full = [n for n, f in free.items() if writable[n] and f is not None and f < _LITTLE]
    return {
        "status": f"little space: {', '.join(full)}" if full else "ok",
        "seconds": round(time.monotonic() - _began),
        "sessions": _sessions(),
        "queue": len(QUEUE),
        "work": work_log.busy(),
        "jobs": sum(job.active for job in survey_job.list_jobs()),
        "memory_mb": round(psutil.Process().memory_info().rss / 1e6),
        "free_mb": {n: None if f is None else round(f / 1e6) for n, f in free.items()},
        "writable": writable,
    }


def _sessions() -> int:
    if not runtime.exists():
        return 0
    return len(runtime.get_instance()._session_mgr.list_active_sessions())


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((p for p in (folder, *folder.parents) if p.is_dir()), Path("/"))


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(_existing(folder)).free
    except OSError:
        return None


def _writable(folder: Path) -> bool:
    return os.access(_existing(folder), os.W_OK)
