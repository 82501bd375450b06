"""Figures of ``trained/benchmarks.json`` that have a target; ``targets.toml`` lists them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class BenchmarkTarget:
    """A figure with its bounds.

    Attributes
    ----------
    name : str
        Key in ``trained/benchmarks.json``.
    title : str
    low, high : float or None
        The value should lie within; None leaves a side open.
    published : str
        What others reached, and who.
    percent : bool
        Shown in per cent.
    """

    name: str
    title: str
    low: float | None = None
    high: float | None = None
    published: str = ""
    percent: bool = False

    def text(self) -> str:
        """The bounds in words; empty for a figure without a target."""
        show = "{:.0%}".format if self.percent else "{:.2f}".format
        if self.low is not None and self.high is not None:
            return f"{show(self.low)} to {show(self.high)}"
        if self.low is not None:
            return f"≥ {show(self.low)}"
        return f"≤ {show(self.high)}" if self.high is not None else ""

    def status(self, entry: Mapping[str, Any] | None) -> str:
        """``reached`` or ``missed`` by the value, not its interval; ``absent``; else ``shown``."""
        value = (entry or {}).get("value")
        if value is None:
            return "absent"
        if not self.text():
            return "shown"
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return "reached" if above and below else "missed"


def _read(path: Path) -> dict[str, list[BenchmarkTarget]]:
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        section: [BenchmarkTarget(**entry) for entry in found] for section, found in listed.items()
    }


TARGETS = _read(Path(__file__).with_name("targets.toml"))
"""Targets by the heading of their section, in the order of the page."""


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
