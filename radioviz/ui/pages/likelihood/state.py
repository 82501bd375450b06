"""What the Likelihood page remembers in a session, apart from its widgets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class LikelihoodState:
    """State of the page.

    Attributes
    ----------
    range : (float, float) or None
        Chosen on the histogram, in values of the score.
    brush : bool
        Whether it was brushed: then dragging keeps on brushing.
    data_set : str
        In view when the data sets of the histogram were last chosen.
    """

    range: tuple[float, float] | None = None
    brush: bool = False
    data_set: str = ""
