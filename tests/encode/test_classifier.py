"""FR classes of the classifier that ships: where it names one, and where it does not know."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.encode.classifier import FR, FR_CLASS, fr_probability


def catalogue(images: np.ndarray, survey: str, raw: bool) -> Catalogue:
    n = len(images)
    info = SurveyInfo("x", "Mine", 1.8, beam=5.4, bunit="Jy/beam" if raw else "", raw=raw)
    table = pd.DataFrame({"source_id": [f"x-{i}" for i in range(n)], "survey": [survey] * n})
    return Catalogue(info, complete_columns(table), images)


def test_no_class_is_given_to_what_is_no_radio_galaxy() -> None:
    y, x = np.mgrid[:150, :150]
    double = sum(np.exp(-((x - 75 - a) ** 2 + (y - 75) ** 2) / 2 / 2.5**2) for a in (-15, 15))
    chequered = ((y // 5) + (x // 5)) % 2
    pictures = np.stack([255 * double, 255 * chequered, 0 * double]).astype(np.uint8)
    table, about = fr_probability(catalogue(pictures, "FIRST", False))
    assert table[FR_CLASS].tolist() == ["FRII", "unknown", ""]
    assert np.isfinite(table[FR]).tolist() == [True, True, False]
    assert "not calibrated" not in about[FR_CLASS].description
    noise = np.random.default_rng(1).normal(0, 1e-4, (4, 150, 150)).astype(np.float32)
    table, about = fr_probability(catalogue(noise, "EMU", True))
    assert table[FR_CLASS].tolist() == ["unknown"] * 4
    assert "not calibrated for EMU" in about[FR].description
