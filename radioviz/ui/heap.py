"""Keep what modules are made of out of the garbage collector's way.

After every run of a page Streamlit collects all garbage, so that memory does not grow. With the
modules of this app that walks over some million objects which never become garbage: measured, a
third of each interaction, while no other session moves. They are set aside once they are there.
"""

from __future__ import annotations

import gc
import sys
import threading

MANY = 50
"""New modules after which the objects are set aside anew."""

_lock = threading.Lock()
_modules = 0


def settle() -> bool:
    """Set aside all objects that live now, if many modules came since the last time; if so.

    What is garbage by then goes first, also of what was set aside before.
    """
    global _modules
    if len(sys.modules) - _modules < MANY or not _lock.acquire(blocking=False):
        return False
    try:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        _modules = len(sys.modules)
    finally:
        _lock.release()
    return True
