"""What the Likelihood page remembers in a session, apart from its widgets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class LikelihoodState:
    """State of the page."""

    range: tuple[float, float] | None = None  # chosen on the histogram, in values of the score
    brush: bool = False  # whether it was brushed: then dragging keeps on brushing
    data_set: str = ""  # in view when the data sets of the histogram were last chosen
