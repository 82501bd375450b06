"""Keep results for every session of the server, under a key made of the arguments."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
R = TypeVar("R")


def shared(
    key: Callable[..., object], *, entries: int, copies: bool = False, opens_torch: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
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
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        def keep(_make: Callable[[], R], key: object) -> R:
            return _make()

        # Streamlit distinguishes its caches by these names.
        keep.__module__, keep.__qualname__ = function.__module__, function.__qualname__
        streamlit_cache = st.cache_data if copies else st.cache_resource
        kept = streamlit_cache(show_spinner=False, max_entries=entries)(keep)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            wait = opens_torch and "torch" not in sys.modules
            text = "Loading PyTorch; the first model takes a few seconds …"
            with st.spinner(text) if wait else nullcontext():
                result: R = kept(lambda: function(*args, **kwargs), key(*args, **kwargs))
                return result

        return call

    return decorate
