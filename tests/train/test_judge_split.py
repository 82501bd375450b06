"""A quarter of the FRI and FRII sources is set aside for a judge of generated galaxies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.data import judge_sources
from radioviz.data.splits import FOLDER
from radioviz.errors import CatalogueError
from radioviz.sky import separation_arcsec
from train.splits import judge


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    return pd.read_csv(FOLDER / judge_sources.FILE, comment="#", dtype="str")


def test_a_quarter_of_first(first_catalogue, recorded: pd.DataFrame) -> None:
    """And nothing of test or validation, nor within 60 arcsec of what is left to a generator."""
    table = first_catalogue.table
    mine = judge_sources.judge_rows("first", table, "judge")
    aside = judge_sources.judge_rows("first", table)
    assert (mine <= aside).all() and set(table["split"][mine]) == {"train"}
    for label in judge.CLASSES:
        of = (table["label"] == label) & (table["split"] == "train")
        assert mine[of].mean() == pytest.approx(0.25, abs=0.06)
    left = (~aside & (table["split"] == "train")).to_numpy()
    ra, dec = table["ra"].to_numpy(float), table["dec"].to_numpy(float)
    apart = separation_arcsec(ra[aside][:, None], dec[aside][:, None], ra[left], dec[left])
    assert np.nanmin(apart) > 60
    held = table["split"].isin(("test", "valid")).to_numpy()
    assert not held[aside].any()
    assert set(recorded["use"]) == {"judge", "aside"}


def test_the_recorded_split_is_what_the_rules_give(
    first_catalogue, mirabest_catalogue, frdeep_first, frdeep_nvss, recorded: pd.DataFrame
) -> None:
    tables = {
        c.info.key: c.table
        for c in (first_catalogue, mirabest_catalogue, frdeep_first, frdeep_nvss)
    }
    again = judge.draw_judge_split(tables).astype("str").reset_index(drop=True)
    # Positions of FR-DEEP were corrected since: what was drawn stays, and one more is set aside.
    drawn, kept = (set(t["source_id"]) for t in (again, recorded))
    assert drawn - kept == set(judge_sources.LATER)
    assert kept - drawn == {
        "frdeep-first-config-fr2-258", "frdeep-nvss-config-fr2-258", "mirabest-374",
    }  # fmt: skip
    same = [t[t["source_id"].isin(drawn & kept)].reset_index(drop=True) for t in (again, recorded)]
    pd.testing.assert_frame_equal(*same, check_dtype=False)
    assert judge_sources.judge_rows("frdeep-first", tables["frdeep-first"])[
        (tables["frdeep-first"]["source_id"] == judge_sources.LATER[0]).to_numpy()
    ].all()
    shuffled = {k: t.sample(frac=1, random_state=1) for k, t in tables.items()}
    other = judge.draw_judge_split(shuffled)
    assert set(other["source_id"]) == set(again["source_id"])
    learned = again[again["use"] == "judge"]
    assert set(learned["data_set"]) == {"first", "mirabest"}


def row(key: str, number: int, ra: float, label: str = "FRI", split: str = "train") -> dict:
    return {"source_id": f"{key}-{number}", "ra": ra, "dec": 0.0, "label": label, "split": split,
            "matched_ra": np.nan, "matched_dec": np.nan}  # fmt: skip


def test_neighbours_follow_and_held_out_sources_stay() -> None:
    step = 50 / 3600
    first = [row("first", n, float(n)) for n in range(40)]
    first += [row("first", 100 + n, n + step) for n in range(40)]  # a neighbour of each
    near = [row("mirabest", n, n + 2 * step, "Bent") for n in range(40)]  # in a chain
    held = [row("mirabest", 200 + n, n - step, split="test") for n in range(20)]
    tables = {"first": pd.DataFrame(first), "mirabest": pd.DataFrame(near + held)}
    drawn = judge.draw_judge_split(tables)
    assert len(drawn) == 3 * 5  # a quarter of the twenty groups without a test source
    assert set(drawn["source_id"]).isdisjoint({r["source_id"] for r in held})
    assert (drawn["use"] == "aside").sum() == 5
    assert {int(s.split("-")[1]) % 100 for s in drawn["source_id"]} <= set(range(20, 40))


def test_a_missing_record_is_named(first_catalogue, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(judge_sources, "FOLDER", tmp_path)
    with pytest.raises(CatalogueError, match=r"judge\.csv is missing"):
        judge_sources.judge_rows("first", first_catalogue.table)


def test_other_surveys_leave_out_what_is_near(
    first_catalogue, mirabest_catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images of the same sky under other names, such as raw FITS images of the same sources."""
    surveys = {"first": first_catalogue, "mirabest": mirabest_catalogue}
    monkeypatch.setattr(judge_sources, "open_data_set", surveys.__getitem__)
    table = first_catalogue.table
    aside = np.flatnonzero(judge_sources.judge_rows("first", table))[:3]
    near = table.iloc[aside][["ra", "dec"]].assign(source_id=["a", "b", "c"])
    near["dec"] += np.array([0.0, 55.0, 300.0]) / 3600
    free = np.flatnonzero(~judge_sources.judge_rows("first", table) & (table["split"] == "train"))[
        :1
    ]
    other = pd.concat([near, table.iloc[free][["ra", "dec"]].assign(source_id="d")])
    assert judge_sources.rows_aside("raw", other).tolist() == [True, True, False, False]
    recorded = judge_sources.judge_rows("first", table)
    np.testing.assert_array_equal(judge_sources.rows_aside("first", table), recorded)
