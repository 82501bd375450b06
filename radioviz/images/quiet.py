"""Suppress warnings of libraries about data that were already checked."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Python warnings in the block.

    ``warnings.catch_warnings`` swaps a global list and is not safe between threads,
    and the app reads files in several: hence the lock.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
