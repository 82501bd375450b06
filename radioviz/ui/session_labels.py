"""Tags, marks and notes of this session."""

from __future__ import annotations

from radioviz.export.session import Mark
from radioviz.ui.state import page_state
from radioviz.workspace.labels import Label, Labels

Pair = tuple[str, str]


def labels() -> Labels:
    """Tags, marks and notes of the workspace in view."""
    return page_state(Labels)


def marks() -> list[Mark]:
    """Marks of the reader, in the order they were given."""
    return marks_in(labels())


def marks_in(given: Labels) -> list[Mark]:
    """The marks among labels."""
    return [_mark(pair, label) for pair, label in given if label.mark is not None]


def mark_of(pair: Pair) -> Mark | None:
    """The mark of a galaxy; None without one."""
    label = labels().get(pair)
    return None if label.mark is None else _mark(pair, label)


def _mark(pair: Pair, label: Label) -> Mark:
    return Mark(*pair, int(label.mark or 0), label.kind)


def mark_text(mark: Mark) -> str:
    """A mark in words."""
    return f"{mark.kind} {mark.mark}" if mark.kind else f"marked {mark.mark}"
