"""Hover text on demand equals hover text made for all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.ui.map.hover import Hover, Layered, hover_text

TABLE = pd.DataFrame(
    {
        "source_id": ["a-0", "a-1", "a-2"],
        "name": ["J0747+1717", "", "J1200+0000"],
        "label": ["FRI", "", ""],
        "las": [34.4, np.nan, np.nan],
        "redshift": [0.1281, np.nan, np.nan],
    }
)


def test_rows_on_demand_are_the_rows_of_all() -> None:
    hover = Hover(TABLE)
    assert list(hover) == hover_text(TABLE) == [hover[i] for i in range(3)] == hover[:]
    assert hover[0] == "J0747+1717\nFRI · 34″ · z = 0.128"
    assert hover[1] == "a-1"
    assert hover[-1] == "J1200+0000"
    with pytest.raises(IndexError):
        hover[3]


def test_layers_follow_each_other_and_name_their_data_set() -> None:
    layered = Layered([Hover(TABLE, "FIRST"), Hover(TABLE[:0]), Hover(TABLE[1:], "NVSS")])
    assert len(layered) == 5
    assert list(layered) == [layered[i] for i in range(5)]
    assert layered[2] == "J1200+0000\nFIRST"
    assert layered[3:] == ["a-1\nNVSS", "J1200+0000\nNVSS"]
    with pytest.raises(IndexError):
        layered[5]
