"""Galaxies that two data sets share: counted once, and compared by class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.overlap import overlap_of


def catalogue(key: str, ra: list[float], labels: list[str]) -> Catalogue:
    ids = [f"{key}-{i}" for i in range(len(ra))]
    columns = {"source_id": ids, "ra": ra, "dec": np.zeros(len(ra)), "label": labels}
    info = SurveyInfo(key, key.upper(), pixel_scale=1.8, beam=5.4)
    images = np.zeros((len(ra), 8, 8), np.uint8)
    return Catalogue(info, complete_columns(pd.DataFrame(columns)), images)


def test_shared_galaxies_count_once_and_disagreements_are_listed() -> None:
    first = catalogue("a", [10.0, 20.0, 30.0, 359.9995], ["Bent", "FRI", "", "FRII"])
    near = 5 / 3600
    second = catalogue("b", [10.0 + near, 20.0, 30.0, 40.0, 0.0005], ["FRI", "FRI", "FRII", "FRI", "FRI"])  # fmt: skip # noqa: E501
    found = overlap_of(first, second)
    assert (found.distinct, found.shared) == (5, 4)
    listed = found.disagreements
    assert listed["first_id"].tolist() == ["a-0", "a-3"]
    assert listed["second_id"].tolist() == ["b-0", "b-4"]
    assert listed[["first", "second"]].to_numpy().tolist() == [["Bent", "FRI"], ["FRII", "FRI"]]
    np.testing.assert_allclose(listed["separation"], [5.0, 3.6], atol=1e-6)


def test_beyond_ten_arcsec_and_without_position_are_different_galaxies() -> None:
    first = catalogue("a", [10.0, np.nan], ["FRI", "FRI"])
    second = catalogue("b", [10.0 + 10.1 / 3600, np.nan], ["FRII", "FRII"])
    found = overlap_of(first, second)
    assert (found.distinct, found.shared, len(found.disagreements)) == (4, 0, 0)


def test_first_and_mirabest(first_catalogue: Catalogue, mirabest_catalogue: Catalogue) -> None:
    found = overlap_of(first_catalogue, mirabest_catalogue)
    assert found.shared == 806
    pairs = set(map(tuple, found.disagreements[["first", "second"]].to_numpy()))
    bent = found.disagreements.query("first == 'Bent' and second == 'FRI'")
    assert len(bent) == 53 and ("Bent", "FRI") in pairs
    assert found.distinct < len(first_catalogue) + len(mirabest_catalogue) - 700


def test_numbers_differ_beyond_a_part_of_their_mean() -> None:
    first = catalogue("a", [10.0, 20.0, 30.0, 40.0], ["FRI"] * 4)
    second = catalogue("b", [10.0, 20.0, 30.0, 40.0], ["FRI"] * 4)
    first.table["las"] = [100.0, 100.0, 10.0, np.nan]
    second.table["las"] = [109.0, 112.0, -10.0, 5.0]
    found = overlap_of(first, second).compared("las", 0.1)
    assert found["differ"].tolist() == [False, True, True, False]
    assert found["first"].tolist()[:3] == [100.0, 100.0, 10.0]
    assert found["second_id"].tolist() == [f"b-{i}" for i in range(4)]
