"""Marks of the reader on galaxies: interesting, boring or artefact, 0 to 5; with undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from radioviz.export.session import Mark
from radioviz.ui.state import page_state

Pair = tuple[str, str]

MAX_UNDO = 200

DEFAULT = {"interesting": 5, "boring": 0, "artefact": 0}
"""Mark of each kind where no number was given."""


class Marks:
    """At most one mark a galaxy, in the order they were given.

    >>> marks = Marks()
    >>> marks.put(Mark("first", "first-7", 5, "interesting"))
    >>> marks.undo()
    ('first', 'first-7')
    >>> len(marks)
    0
    """

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._marks: dict[Pair, Mark] = {(m.data_set, m.source_id): m for m in marks}
        self._before: list[tuple[Pair, Mark | None]] = []
        self.on_change: Callable[[str], None] | None = None
        """Called after a change, with the change in words."""

    def __len__(self) -> int:
        return len(self._marks)

    def __iter__(self) -> Iterator[Mark]:
        return iter(self._marks.values())

    def __contains__(self, pair: object) -> bool:
        return pair in self._marks

    def get(self, pair: Pair) -> Mark | None:
        return self._marks.get(pair)

    def put(self, mark: Mark) -> None:
        """Mark a galaxy; its mark before is kept for :meth:`undo`."""
        pair = (mark.data_set, mark.source_id)
        self._remember(pair)
        self._marks.pop(pair, None)
        self._marks[pair] = mark
        self._changed(f"mark {mark.source_id}")

    def remove(self, pair: Pair) -> None:
        """Remove a mark; a galaxy without one is ignored."""
        if pair in self._marks:
            self._remember(pair)
            del self._marks[pair]
            self._changed(f"remove the mark of {pair[1]}")

    def replace(self, marks: Iterable[Mark]) -> None:
        """Have these marks and no others; nothing to undo."""
        self._marks = {(m.data_set, m.source_id): m for m in marks}
        self._before.clear()
        self._changed("replace the marks")

    def _changed(self, what: str) -> None:
        if self.on_change is not None:
            self.on_change(what)

    def _remember(self, pair: Pair) -> None:
        self._before.append((pair, self._marks.get(pair)))
        del self._before[:-MAX_UNDO]

    def can_undo(self) -> bool:
        return bool(self._before)

    def undo(self) -> Pair | None:
        """Undo the last change; its galaxy, or None."""
        if not self._before:
            return None
        pair, before = self._before.pop()
        self._marks.pop(pair, None)
        if before is not None:
            self._marks[pair] = before
        self._changed(f"undo the mark of {pair[1]}")
        return pair

    def clear(self) -> None:
        """Remove all marks, one step of undo each."""
        for pair in list(self._marks):
            self.remove(pair)

    def of(self, data_set: str) -> dict[str, Mark]:
        """Marks of one data set by source."""
        return {m.source_id: m for m in self if m.data_set == data_set}

    def counts(self) -> dict[str, int]:
        """How many galaxies are marked in which way; numbers alone count as ``scored``."""
        out: dict[str, int] = {}
        for mark in self:
            name = mark.kind or "scored"
            out[name] = out.get(name, 0) + 1
        return out


def marks() -> Marks:
    """The marks of this session."""
    return page_state(Marks)


def mark_text(mark: Mark) -> str:
    """A mark in words."""
    return f"{mark.kind} {mark.mark}" if mark.kind else f"marked {mark.mark}"
