"""Keep results for every session of the server, under a key made of the arguments."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Generic, ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
R = TypeVar("R")


class _Missing(Exception):
    """A result is not kept."""


class Shared(Generic[P, R]):
    """A function whose results all sessions share; made by :func:`shared`."""

    def __init__(
        self,
        function: Callable[P, R],
        key: Callable[..., object],
        kept: Callable[[Callable[[], R], str], R],
        opens_torch: bool,
        waits: bool,
    ) -> None:
        self._function, self._key, self._kept = function, key, kept
        self._opens_torch, self._waits = opens_torch, waits
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        wait = self._opens_torch and "torch" not in sys.modules
        text = "Loading PyTorch; the first model takes a few seconds …"
        with st.spinner(text) if wait else nullcontext():
            if not self._waits:
                return self._kept(
                    lambda: self._function(*args, **kwargs), repr(self._key(*args, **kwargs))
                )
            found = self.peek(*args, **kwargs)
            if found is not None:
                return found
            made = self._function(*args, **kwargs)
            return self._kept(lambda: made, repr(self._key(*args, **kwargs)))

    def peek(self, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """The result if it is kept, without computing it."""

        def missing() -> R:
            raise _Missing

        try:
            return self._kept(missing, repr(self._key(*args, **kwargs)))
        except _Missing:
            return None


def shared(
    key: Callable[..., object],
    *,
    entries: int,
    copies: bool = False,
    opens_torch: bool = False,
    waits: bool = False,
) -> Callable[[Callable[P, R]], Shared[P, R]]:
    """Decorate a function whose results all sessions share.

    Parameters
    ----------
    key : callable
        Called with the function's arguments; a result is kept for each key. A tuple of text and
        numbers that includes the version of the input: weights, Atlas, data set.
    entries : int
        Results kept; the least recently used go first.
    copies : bool
        True hands each caller a copy, for results that callers may change.
    opens_torch : bool
        Show a spinner while torch is imported.
    waits : bool
        True computes outside Streamlit's cache, whose lock stops other sessions and which records
        what is drawn: for functions that wait in line (:mod:`radioviz.ui.in_line`).
    """

    def decorate(function: Callable[P, R]) -> Shared[P, R]:
        # One text: Streamlit would hash each part of a tuple, of which a page makes hundreds.
        def keep(_make: Callable[[], R], key: str) -> R:
            return _make()

        # Streamlit distinguishes its caches by these names.
        keep.__module__, keep.__qualname__ = function.__module__, function.__qualname__
        streamlit_cache = st.cache_data if copies else st.cache_resource
        kept = streamlit_cache(show_spinner=False, max_entries=entries)(keep)
        return Shared(function, key, kept, opens_torch, waits)

    return decorate
