"""Text of a galaxy for hovering."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.ui.map.hover_text import hover_text

TABLE = pd.DataFrame(
    {
        "source_id": ["a-0", "a-1", "a-2"],
        "name": ["J0747+1717", "", "J1200+0000"],
        "label": ["FRI", "", ""],
        "las": [34.4, np.nan, np.nan],
        "redshift": [0.1281, np.nan, np.nan],
    }
)


def test_hover_text_says_what_is_known() -> None:
    assert hover_text(TABLE) == ["J0747+1717\nFRI · 34″ · z = 0.128", "a-1", "J1200+0000"]
    assert hover_text(TABLE[1:2]) == ["a-1"]
    assert hover_text(TABLE[:0]) == []
