"""The lock of a survey, held by somebody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from radioviz.data.user_surveys import survey_lock


@contextmanager
def locked_elsewhere(key: str) -> Iterator[None]:
    """Hold the lock of a survey in another thread; the thread that holds it may take it again."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with survey_lock(key):
            held.set()
            over.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(10)
        yield
    finally:
        over.set()
        thread.join()
