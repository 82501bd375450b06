"""The main figures of ``trained/benchmarks.json``; ``key_figures.toml`` lists them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KeyFigure:
    """A figure that the Benchmarks page shows first."""

    name: str  # key in ``trained/benchmarks.json``
    title: str
    published: str = ""  # what others reached, and who
    percent: bool = False  # shown in per cent


def _read(path: Path) -> dict[str, list[KeyFigure]]:
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    return {section: [KeyFigure(**entry) for entry in found] for section, found in listed.items()}


KEY_FIGURES = _read(Path(__file__).with_name("key_figures.toml"))
"""Key figures by the heading of their section, in the order of the page."""


def number(value: float | None, percent: bool = False) -> str:
    """A figure as shown: three significant digits, or per cent."""
    if value is None:
        return "–"
    if percent:
        return f"{100 * value:.1f} %"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if size >= 10 else f"{value:.3f}"
