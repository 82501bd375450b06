"""Completing a Catalogue with what was measured, and keeping it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz import morphology
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.morphology import MEASURED, complete
from radioviz.morphology import measurements as store
from tests.skies import BEAM, SCALE, SIGMA, clipped, double, sky


def _catalogue(n=4, raw=True):
    images = np.stack([sky(double(20 + 15 * i, 30 * i), seed=i) for i in range(n)])
    table = pd.DataFrame(
        {
            "source_id": [f"s{i}" for i in range(n)],
            "las": [33.0] + [np.nan] * (n - 1),
            "las_origin": ["catalogue"] + [""] * (n - 1),
            "flux": [1.0] + [np.nan] * (n - 1),
        }
    )
    info = SurveyInfo("toy", "Toy", SCALE, beam=BEAM, bunit="Jy/beam", raw=raw)
    return Catalogue(info, complete_columns(table), images)


class Calls:
    """Counts calls of progress: none means that nothing was measured."""

    def __init__(self):
        self.n = 0

    def __call__(self, done, total, what):
        assert 0 < done <= total and what
        self.n += 1


def test_complete_fills_what_is_missing_and_says_so():
    whole = complete(_catalogue())
    table = whole.table
    assert table["las"][0] == 33.0 and table["las_origin"][0] == "catalogue"
    assert table["flux"][0] == 1.0
    assert (table["las_origin"][1:] == "measured").all()
    assert table["las"][1:].tolist() == table["las_measured"][1:].tolist()
    assert table["las"][1:].tolist() == pytest.approx([35, 50, 65], abs=4.5)
    assert table["flux"][1:].tolist() == pytest.approx([2e5 * SIGMA] * 3, rel=0.05)
    assert [c for c in table.columns if c in MEASURED] == list(MEASURED)
    again = complete(whole).table
    pd.testing.assert_frame_equal(table, again)


def test_complete_without_calibration_leaves_flux_empty():
    catalogue = _catalogue()
    images = np.stack([clipped(image) for image in catalogue.images])
    table = catalogue.table.assign(flux=np.nan)
    whole = complete(Catalogue(SurveyInfo("toy", "Toy", SCALE, beam=BEAM), table, images))
    assert whole.table["flux"].isna().all()
    assert whole.table["las"].notna().all()


def test_complete_measures_once(tmp_path):
    stored = _catalogue().save(tmp_path / "toy")
    calls = Calls()
    first = complete(stored, calls)
    assert calls.n
    assert [f.name for f in (tmp_path / "toy").glob("*measured*")] == ["measured.parquet"]
    calls = Calls()
    second = complete(Catalogue.open(tmp_path / "toy"), calls)
    assert not calls.n
    pd.testing.assert_frame_equal(first.table, second.table)


def _damage(path, how):
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:200])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "other bytes":
        path.write_bytes(b"PAR1" + bytes(500) + b"PAR1")
    elif how == "no key":
        pd.read_parquet(path).to_parquet(path)
    elif how == "a folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("how", ["truncated", "empty", "other bytes", "no key", "a folder"])
def test_a_damaged_store_is_measured_anew(tmp_path, how):
    stored = _catalogue().save(tmp_path / "toy")
    expected = complete(stored).table
    _damage(tmp_path / "toy" / "measured.parquet", how)
    calls = Calls()
    pd.testing.assert_frame_equal(complete(stored, calls).table, expected)
    assert calls.n
    assert not list((tmp_path / "toy").glob(".measured*"))
    if how != "a folder":
        calls = Calls()
        complete(stored, calls)
        assert not calls.n


def test_a_store_of_another_version_or_survey_is_not_used(tmp_path, monkeypatch):
    stored = _catalogue().save(tmp_path / "toy")
    complete(stored)
    calls = Calls()
    sharper = SurveyInfo("toy", "Toy", SCALE / 2, beam=BEAM, bunit="Jy/beam", raw=True)
    complete(Catalogue(sharper, stored.table, stored.images, folder=stored.folder), calls)
    assert calls.n == 1
    complete(stored, calls)
    assert calls.n == 2
    long = stored.table.assign(beam_major=2 * BEAM, beam_minor=BEAM / 2)
    for angle, n in ((30.0, 3), (30.0, 3), (60.0, 4)):  # of the area of the round one
        table = long.assign(beam_pa=angle)
        complete(Catalogue(stored.info, table, stored.images, folder=stored.folder), calls)
        assert calls.n == n
    monkeypatch.setattr(store, "VERSION", morphology.VERSION + 1)
    complete(stored, calls)
    assert calls.n == 5


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path):
    """Also for root, whom permissions do not stop: the folder is not there."""
    stored = _catalogue().save(tmp_path / "toy")
    gone = Catalogue(stored.info, stored.table, stored.images, folder=tmp_path / "gone")
    assert complete(gone).table["las"].notna().all()
    assert not (tmp_path / "gone").exists()


def test_subset_and_order_are_kept():
    whole = complete(_catalogue())
    part = complete(whole.subset(np.array([3, 1])))
    assert part.table["source_id"].tolist() == ["s3", "s1"]
    assert part.table["las_measured"].tolist() == whole.table["las_measured"][[3, 1]].tolist()
