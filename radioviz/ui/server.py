"""Tasks of the server process: import ahead, keep garbage collection short."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamlit import config

from radioviz.jobs import work_log
from radioviz.ui import guard

if TYPE_CHECKING:
    from streamlit.starlette import App

# Threads of torch that wait for each other would keep the cores from the browser, and it from them:
# on two cores 16 galaxies took 67 s beside a browser that draws without a graphics card, 11 s so.
# OpenMP looks once, when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

FIRST_NEEDED = ("pandas", "pyarrow.parquet", "PIL.Image")
"""The slowest imports of the first page: 1 to 2 s, mostly pandas."""

PATIENCE = 5
"""Seconds in which requests may finish while the server ends."""

YIELD = 0.0005
"""Seconds after which the importing thread lets the server answer, instead of Python's 5 ms."""


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """Import :data:`FIRST_NEEDED` while the browser still loads Streamlit's own files.

    Begins once the server listens. None of it is part of Streamlit, so the thread cannot
    interfere with an import of the server.
    """
    work_log.begin(_session_of_this_thread)
    _bound_the_end()
    start = threading.Thread(target=_import_all, name="warm-up", daemon=True).start
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, start)
    # Later than the first page: it costs a second of a core, and no upload comes that soon.
    loop.call_later(10.0, threading.Thread(target=_start_reader, daemon=True).start)
    loop.call_later(60.0, threading.Thread(target=_delete_idle_workspaces, daemon=True).start)
    if not guard.system_knows_accounts():
        port = config.get_option("server.port")
        sys.stdout.write(
            f"  On this computer: http://localhost:{port}/?token={guard.start_token()}\n"
        )
    yield
    work_log.end()


def _bound_the_end() -> None:
    """Let the server end although a browser has stopped in the middle of an upload or a download.

    Without a limit, which Streamlit does not set, uvicorn waits for such requests without end.
    """
    handler = signal.getsignal(signal.SIGTERM)  # by now uvicorn's own
    config = getattr(getattr(handler, "__self__", None), "config", None)
    if config is not None and hasattr(config, "timeout_graceful_shutdown"):
        config.timeout_graceful_shutdown = PATIENCE


def _session_of_this_thread() -> str:
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def _delete_idle_workspaces() -> None:
    from radioviz.ui import session_workspace
    from radioviz.ui.workspace_file import file_of_saved

    while True:
        session_workspace.delete_idle(file_of_saved)
        time.sleep(86_400.0)


def _start_reader() -> None:
    from radioviz.api import confined
    from radioviz.jobs import reader_process

    reader_process.start(also=confined.READERS)


def _import_all() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(YIELD)
    try:
        for name in FIRST_NEEDED:
            importlib.import_module(name)
        importlib.import_module("radioviz.store.mapped").return_large_arrays()
    finally:
        sys.setswitchinterval(usual)


MANY_MODULES = 50
"""New modules after which :func:`freeze_gc` freezes again."""

_freezing = threading.Lock()
_modules = 0


def freeze_gc() -> bool:
    """Freeze all live objects (``gc.freeze``) if many modules were imported since; whether it did.

    Streamlit collects all garbage after every run of a page. With this app's modules that walks
    over a million objects which never become garbage: measured, a third of each interaction,
    during which no other session moves. Garbage is collected first, including what became garbage
    while frozen.
    """
    global _modules
    if len(sys.modules) - _modules < MANY_MODULES or not _freezing.acquire(blocking=False):
        return False
    try:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        _modules = len(sys.modules)
    finally:
        _freezing.release()
    return True
