"""Splits of imported surveys: one source, one split, and recorded by file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.data import splits
from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import close_pairs
from tests.models.small import synthetic_catalogue
from train.splits.surveys import SHARES, draw, shows_held_out


def survey(n: int, ra: float, **columns: object) -> pd.DataFrame:
    table = {"file": [f"{i}.png" for i in range(n)], "ra": ra + 0.1 * np.arange(n), "dec": -10.0}
    return pd.DataFrame({**table, **columns})


def surveys() -> dict[str, pd.DataFrame]:
    return {
        "mgcls": survey(400, 10, original_image=[f"field {i // 10}" for i in range(400)]),
        "lotss": survey(
            300, 60, radcat_type=["FRI"] * 60 + [""] * 240, kind=["map"] * 290 + ["outlier"] * 10
        ),
        "vlass": survey(200, 100),
        "frdeep2-first": survey(100, 130),
    }


def older(*rows: tuple[float, str]) -> pd.DataFrame:
    ra, split = zip(*rows, strict=True)
    return pd.DataFrame({"ra": ra, "dec": -10.0, "split": split})


def split_of(drawn: dict[str, pd.DataFrame], key: str, row: int) -> str:
    return str(drawn[key]["split"].iat[row])


def test_a_source_has_the_split_of_its_older_image() -> None:
    near = 30 / 3600
    placed = older(
        (130.0 + near, "test"),
        (130.1, "valid"),
        (130.2 - near, "train"),
        (130.3 + 3 * near, "test"),
    )
    drawn = draw(surveys(), placed)
    found = [split_of(drawn, "frdeep2-first", i) for i in range(4)]
    assert found == ["test", "valid", "train", "train"]


def test_fields_and_targets_are_never_divided() -> None:
    tables = surveys()
    tables["vlass"].loc[1, "ra"] = tables["vlass"]["ra"][0] + 20 / 3600
    drawn = draw(tables, older((0.0, "test")))
    fields = drawn["mgcls"]["split"].groupby(tables["mgcls"]["original_image"]).nunique()
    assert fields.eq(1).all()
    assert split_of(drawn, "vlass", 0) == split_of(drawn, "vlass", 1)
    for key, shares in SHARES.items():
        found = drawn[key]["split"].value_counts(normalize=True)
        if key in ("mgcls", "vlass"):
            assert found["test"] == pytest.approx(shares["test"], abs=0.1)
        assert set(found.index) <= {"train", "valid", "test"}


def test_judged_sources_are_not_trained_on() -> None:
    drawn = draw(surveys(), older((60.0, "train"), (60.1 + 200 / 3600, "train")))["lotss"]
    kept = np.r_[0:60, 290:300]
    assert drawn["split"].iat[0] == "excluded"  # FIRST trains on it
    assert set(drawn["split"].iloc[kept[1:]]) == {"valid", "test"}
    assert (drawn["split"].iloc[kept] == "valid").mean() == pytest.approx(1 / 3, abs=0.15)


def test_what_shows_a_held_out_image_without_position_is_never_trained_on() -> None:
    barred = {"frdeep2-first": np.arange(100) < 2}
    free, kept = (draw(surveys(), older((130.05, "valid")), never) for never in ({}, barred))
    assert [split_of(free, "frdeep2-first", i) for i in range(3)] == ["train"] * 3
    found = [split_of(kept, "frdeep2-first", i) for i in range(3)]
    assert found == ["excluded", "excluded", "train"]
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 1, (4, 150, 150)).astype(np.float32) + 5
    for image in raw:
        for y, x in rng.integers(45, 105, (6, 2)):
            image[y : y + 6, x : x + 6] += 80
    newer, seen = synthetic_catalogue(4, "raw"), synthetic_catalogue(3, "seen")
    newer = replace(newer, images=raw)
    eight = np.clip((raw[[2, 0, 1]] - 5) * 2, 0, 255) * (raw[[2, 0, 1]] > 8)
    seen = replace(seen, images=np.roll(eight.astype(np.uint8), 4, axis=2))
    seen.table["split"] = ["test", "train", "valid"]
    assert shows_held_out(seen, newer).tolist() == [False, True, True, False]


def test_no_recorded_image_of_fr_deep_v2_repeats_a_test_image_of_the_first_version() -> None:
    """Of those that test and validation images without a position show."""
    record = splits.recorded("frdeep2-nvss")
    assert record is not None
    known = ["3C 236_II", "4C -04.53_II", "1434+0158_I", "3C 305_I", "TXS 1508+128_II", "M84_I"]
    found = record.set_index("file")["split"][[f"{name}.fits" for name in known]]
    assert set(found) == {"excluded"}


def test_others_do_not_matter() -> None:
    """The draw of a source depends on its position alone."""
    tables = surveys()
    before = draw(tables, older((0.0, "test")))["vlass"].set_index("file")["split"]
    tables["vlass"] = tables["vlass"].iloc[::-2]
    after = draw(tables, older((0.0, "test")))["vlass"].set_index("file")["split"]
    assert after.equals(before[after.index])


RECORDED = ("mgcls", "lotss", "vlass", "frdeep2-first", "frdeep2-nvss")


@pytest.mark.parametrize("key", RECORDED)
def test_recorded_splits_apply_by_file(key: str) -> None:
    record = splits.recorded(key)
    assert record is not None and record["file"].is_unique
    some = record.sample(50, random_state=0)
    table = pd.DataFrame({"file": [*some["file"], "unknown.fits"]})
    found = splits.recorded_by_file(table, key)
    assert found is not None
    assert found.tolist() == [*some["split"], "excluded"]
    strangers = pd.DataFrame({"file": ["a.fits", "b.fits", some["file"].iat[0]]})
    assert splits.recorded_by_file(strangers, key) is None
    assert splits.recorded_by_file(table, "first") is None


def test_both_surveys_of_a_pair_have_one_split() -> None:
    first, second = (splits.recorded(key) for key in RECORDED[3:])
    assert first is not None and second is not None
    assert first.equals(second)
    assert len(first) == 658


def test_no_recorded_training_image_is_near_a_test_source() -> None:
    """Of FR-DEEP v2, whose positions are in the names of its files or of the test list."""
    tests = splits.recorded("test-positions")
    assert tests is not None
    record = splits.recorded("vlass")
    assert record is not None
    name = record["file"].str.extract(r"J(\d\d)(\d\d)(\d\d\.\d+)([+-])(\d\d)(\d\d)(\d\d\.\d+)")
    hours, minutes, seconds = (name[k].astype(float) for k in range(3))
    ra = (hours + minutes / 60 + seconds / 3600) * 15
    sign = np.where(name[3] == "-", -1, 1)
    dec = sign * (name[4].astype(float) + name[5].astype(float) / 60 + name[6].astype(float) / 3600)
    i, _, _ = close_pairs(
        ra.to_numpy(), dec.to_numpy(), tests["ra"].to_numpy(), tests["dec"].to_numpy(),
        radius_arcsec=60.0,
    )  # fmt: skip
    assert len(i)  # there are such sources
    assert set(record["split"].iloc[i]) == {"test"}


def test_no_test_image_of_fr_deep_v2_shows_what_others_train_on(
    shared_data: Path, first_catalogue: Catalogue, mirabest_catalogue: Catalogue
) -> None:
    """Nor the reverse, by the positions that come with FR-DEEP v2."""
    record = splits.recorded("frdeep2-first")
    assert record is not None
    places = pd.read_csv(shared_data / "frdeep_v2" / "catalogue.csv").set_index("file")
    mine = places.loc[record["file"].str.removesuffix(".fits"), ["ra", "dec"]]
    others = [c.table[["ra", "dec", "split"]] for c in (first_catalogue, mirabest_catalogue)]
    older = pd.concat(others, ignore_index=True)
    i, j, _ = close_pairs(
        *mine.to_numpy().T, older["ra"].to_numpy(), older["dec"].to_numpy(), radius_arcsec=60.0
    )
    pairs = pd.crosstab(record["split"].to_numpy()[i], older["split"].to_numpy()[j])
    assert pairs.loc["train", "train"] > 300
    for one, other in (("test", "train"), ("train", "test"), ("train", "valid")):
        assert pairs.get(other, {}).get(one, 0) == 0, (one, other)
