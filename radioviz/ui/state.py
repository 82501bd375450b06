"""What a session remembers: the selection and the galaxy in focus.

A selection is ordered, unique ``(data set, source_id)`` pairs. A session holds two:
the *tray*, which the reader fills and every page shows and exports, and the *brush*,
what was last lassoed on a map, shared by every map on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

T = TypeVar("T")


def page_state(cls: type[T]) -> T:
    """The state of one page in this session: an instance of its dataclass, made at first use."""
    return st.session_state.setdefault(f"{cls.__module__}.{cls.__qualname__}", cls())


def fragment_alone() -> bool:
    """Whether this run draws fragments of the page, not the page."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.fragment_ids_this_run)


class Selection:
    """Ordered, unique ``(data set, source_id)`` pairs.

    >>> selection = Selection([("first", "first-7")])
    >>> selection.add("first", ["first-7", "first-9"])
    1
    >>> list(selection)
    [('first', 'first-7'), ('first', 'first-9')]
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs: dict[tuple[str, str], None] = dict.fromkeys(pairs)
        self.on_change: Callable[[int], None] | None = None
        """Called after a change with the number of galaxies before it."""

    def _changed(self, before: int) -> None:
        if self.on_change is not None:
            self.on_change(before)

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __contains__(self, pair: object) -> bool:
        return pair in self._pairs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selection) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Selection({len(self)} sources of {', '.join(self.groups()) or 'no data set'})"

    def add(self, data_set: str, source_ids: Iterable[str]) -> int:
        """Append sources that are not there yet; how many were new."""
        return self.update((data_set, str(s)) for s in source_ids)

    def update(self, other: Iterable[tuple[str, str]]) -> int:
        """Append another selection; how many were new."""
        before = len(self._pairs)
        self._pairs.update(dict.fromkeys(other))
        if len(self._pairs) > before:
            self._changed(before)
        return len(self._pairs) - before

    def remove(self, data_set: str, source_ids: Iterable[str]) -> None:
        """Remove sources; those that are not there are ignored."""
        before = len(self._pairs)
        for source_id in source_ids:
            self._pairs.pop((data_set, source_id), None)
        if len(self._pairs) < before:
            self._changed(before)

    def clear(self) -> None:
        self.replace(())

    def replace(self, pairs: Iterable[tuple[str, str]]) -> None:
        before, self._pairs = self._pairs, dict.fromkeys(pairs)
        if before != self._pairs:
            self._changed(len(before))

    def runs(self, most: int) -> list[tuple[str, list[str]]]:
        """Identifiers in order, cut where the data set changes.

        With more than ``most`` such pieces, as :meth:`groups`.
        """
        runs = groupby(self._pairs, key=itemgetter(0))
        out = [(data_set, [source_id for _, source_id in run]) for data_set, run in runs]
        return out if len(out) <= most else list(self.groups().items())

    def groups(self) -> dict[str, list[str]]:
        """Identifiers per data set; order is kept within each."""
        groups: dict[str, list[str]] = {}
        for data_set, source_id in self._pairs:
            groups.setdefault(data_set, []).append(source_id)
        return groups


@dataclass
class SessionState:
    """What the pages of a session share."""

    # Shown on every page; what the reader exports.
    tray: Selection = field(default_factory=Selection)
    # What was last lassoed or boxed on a map; every map shows it.
    brush: Selection = field(default_factory=Selection)
    # The galaxy that the reader looks at: ``(data set, source_id)``.
    focus: tuple[str, str] | None = None
    marks_origin: str = ""  # where brush or focus last changed: the key of a map, or ``"gallery"``
    # Query parameters as the pages last wrote them.
    written_parameters: dict[str, str] = field(default_factory=dict)
    kept_parameters: dict[str, str] = field(default_factory=dict)  # query parameters of every page
    # Query parameters of a link to what is not there (``url_state.RefusedValue``).
    refused_values: dict[str, Any] = field(default_factory=dict)
    # Called with the query parameters that a page has published.
    on_publish: Callable[[dict[str, str]], None] | None = None


def session() -> SessionState:
    """What the pages of this session share."""
    return page_state(SessionState)


def tray() -> Selection:
    """The selection that every page shows, and that the reader exports."""
    return session().tray


def brush() -> Selection:
    """What was last lassoed or boxed on a map; every map shows it."""
    return session().brush


def focus() -> tuple[str, str] | None:
    """The galaxy that the reader looks at: ``(data set, source_id)``."""
    return session().focus


def set_brush(pairs: Iterable[tuple[str, str]], origin: str = "") -> None:
    """Replace the brush; ``origin`` is the key of the map that the reader drew on."""
    brush().replace(pairs)
    session().marks_origin = origin


def clear_brush() -> None:
    """Select nothing."""
    set_brush(())


def set_focus(data_set: str, source_id: str, origin: str = "") -> None:
    """Look at one galaxy; ``origin`` is the key of the map or ``"gallery"``."""
    session().focus = (data_set, source_id)
    session().marks_origin = origin


def clear_focus() -> None:
    """Look at no galaxy."""
    session().focus, session().marks_origin = None, ""
