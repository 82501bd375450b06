"""What the Overview remembers in a session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class OverviewState:
    """State of the page: the galaxy whose picture was just clicked, to open on Inspect."""

    opened: tuple[str, str] | None = None
