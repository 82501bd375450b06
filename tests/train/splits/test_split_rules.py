"""The rules of the splits, one by one, on small invented skies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.data.datasets import first, frdeep, mirabest
from train.splits.rules import VALID_SHARE, _decide, _groups, _Sources

FIRST, MIRABEST = first.INFO.key, mirabest.INFO.key
SHARP, WIDE = frdeep.FIRST.key, frdeep.NVSS.key
ARCSEC = 1 / 3600


def row(
    key: str, name: str, ra: float = np.nan, dec: float = 0.0, **more: object
) -> dict[str, object]:
    place = {"ra": ra, "dec": dec if np.isfinite(ra) else np.nan}
    plain = {"label": "FRI", "official_split": "train", "flag": "", "cv_test": False}
    return {"key": key, "source_id": name, **place, **plain, **more}


def decided(
    *rows: dict, pairs: tuple[tuple[str, str], ...] = (), possible: tuple[tuple[str, str], ...] = ()
) -> pd.DataFrame:
    """Table with ``split`` and ``reason``, by name of the source."""
    table = pd.DataFrame(list(rows))
    number = {name: i for i, name in enumerate(table["source_id"])}
    sources = _Sources(
        table,
        [(number[a], number[b]) for a, b in pairs],
        [(number[a], number[b]) for a, b in possible],
    )
    _decide(sources)
    return sources.table.set_index("source_id")


def said(table: pd.DataFrame, name: str) -> tuple[str, str]:
    return table["split"][name], table["reason"][name]


def far(n: int, key: str, **more: object) -> list[dict]:
    """Sources of one data set, each alone."""
    return [row(key, f"{key}-{i}", 10 + 0.5 * i, -30.0, **more) for i in range(n)]


@pytest.mark.parametrize(
    ("key", "more", "reason"),
    [
        (FIRST, {"official_split": "test"}, "test set of the literature"),
        (FIRST, {"cv_test": True}, "test set of the cross-validation"),
        (
            FIRST,
            {"official_split": "test", "cv_test": True},
            "test set of the literature and of the cross-validation",
        ),
        # Of what both the literature and the cross-validation use, the test comes first.
        (FIRST, {"official_split": "valid", "cv_test": True}, "test set of the cross-validation"),
        (MIRABEST, {"official_split": "test"}, "test batch"),
        (SHARP, {"official_split": "test"}, "test batch"),
        (WIDE, {"official_split": "test"}, "test batch"),
    ],
)
def test_test_is_what_is_test_in_the_literature(key: str, more: dict, reason: str) -> None:
    table = decided(row(key, "a", 10.0, **more), row(FIRST, "b", 20.0))
    assert said(table, "a") == ("test", reason)
    assert said(table, "b") == ("train", "")


@pytest.mark.parametrize("key", [FIRST, MIRABEST, SHARP, WIDE])
@pytest.mark.parametrize("official", ["train", "valid"])
def test_nothing_within_a_minute_of_arc_of_a_test_source_is_used(key: str, official: str) -> None:
    table = decided(
        row(MIRABEST, "t", 180.0, 60.0, official_split="test"),
        # At a declination of 60 degrees a step in right ascension is half as long on the sky.
        row(key, "near", 180.0 + 2 * 59.5 * ARCSEC, 60.0, official_split=official),
        row(key, "off", 180.0, 60.0 - 60.5 * ARCSEC, official_split=official),
    )
    assert said(table, "near") == ("excluded", "59.5 arcsec from the test source t")
    assert table["split"]["off"] in ("train", "valid")


def test_a_chain_of_neighbours_is_excluded_as_a_whole() -> None:
    table = decided(
        row(FIRST, "t", 0.001, official_split="test"),
        row(FIRST, "b", (360 - 0.014) % 360),  # across zero hours, 54 arcsec away
        row(MIRABEST, "c", (360 - 0.028) % 360, official_split="valid"),  # 104 arcsec away
        row(FIRST, "d", (360 - 0.06) % 360),
    )
    assert said(table, "b") == ("excluded", "54.0 arcsec from the test source t")
    assert said(table, "c") == ("excluded", "104.4 arcsec from the test source t")
    assert said(table, "d") == ("train", "")


def test_the_nearest_test_source_is_named() -> None:
    table = decided(
        row(FIRST, "t1", 10.0, official_split="test"),
        row(FIRST, "t2", 10.0 + 70 * ARCSEC, official_split="test"),
        row(FIRST, "between", 10.0 + 50 * ARCSEC),
        row(FIRST, "t0", 10.0 - 55 * ARCSEC, official_split="test"),
    )
    assert said(table, "between") == ("excluded", "20.0 arcsec from the test source t2")


def test_the_same_image_without_a_position_counts_as_the_source() -> None:
    table = decided(
        row(SHARP, "t", official_split="test"),
        row(WIDE, "same"),
        row(WIDE, "other"),
        row(FIRST, "placed", 40.0),
        pairs=(("t", "same"), ("placed", "other")),
    )
    assert said(table, "same") == ("excluded", "shows the test source t")
    assert said(table, "other") == ("train", "")


def test_what_may_show_a_test_source_is_not_used() -> None:
    table = decided(
        row(FIRST, "t", 10.0, official_split="test"),
        row(FIRST, "u", 20.0),
        row(SHARP, "may", label="FRII"),
        row(SHARP, "may not", label="FRII"),
        row(WIDE, "either", label="FRII"),
        # One harmless possibility after the other kind does not undo it.
        possible=(("may", "t"), ("may", "u"), ("may not", "u"), ("t", "either"), ("u", "either")),
    )
    assert said(table, "may") == ("excluded", "may show the test source t")
    assert said(table, "either") == ("excluded", "may show the test source t")
    assert said(table, "may not") == ("train", "")
    assert said(table, "u") == ("train", "")


def test_validation_of_first_and_other_images_of_its_sources() -> None:
    table = decided(
        row(FIRST, "v", 10.0, official_split="valid"),
        row(FIRST, "beside", 10.0 + 30 * ARCSEC),
        row(MIRABEST, "again", 10.0 + 1 * ARCSEC),
        row(WIDE, "pair"),
        row(SHARP, "may"),
        row(MIRABEST, "alone", 30.0),
        pairs=(("v", "pair"),),
        possible=(("may", "v"),),
    )
    assert said(table, "v") == ("valid", "validation set of the literature")
    assert said(table, "again") == ("valid", "source of a validation set or drawn for one")
    assert said(table, "pair") == ("valid", "source of a validation set or drawn for one")
    # FIRST keeps its own validation set: another source nearby is left out, not moved there. The
    # source that is named is the nearest that is validated, here the other image.
    assert said(table, "beside") == ("excluded", "29.0 arcsec from the validation source again")
    assert said(table, "may") == ("excluded", "may show the validation source v")
    assert said(table, "alone") == ("train", "")


def test_a_tenth_of_each_label_is_drawn_for_validation() -> None:
    rows = [
        *far(60, MIRABEST, label="FRI"),
        *[{**r, "source_id": f"ii-{i}", "label": "FRII"} for i, r in enumerate(far(40, "x"))],
    ]
    rows[60:] = [{**r, "key": MIRABEST, "dec": 40.0} for r in rows[60:]]
    table = decided(*rows)
    valid = table[table["split"] == "valid"]
    assert valid["label"].value_counts().to_dict() == {"FRI": 6, "FRII": 4}
    assert set(valid["reason"]) == {"source of a validation set or drawn for one"}
    assert (table["reason"][table["split"] == "train"] == "").all()
    assert list(decided(*rows)["split"]) == list(table["split"])  # by a fixed seed
    names = [int(n.rsplit("-", 1)[1]) for n in valid.index]
    assert names != sorted(range(10))[: len(names)]  # drawn, not the first ones
    assert pytest.approx(0.1) == VALID_SHARE


def test_first_and_nvss_images_are_not_drawn_from() -> None:
    table = decided(*far(60, FIRST), *[{**r, "dec": 50.0} for r in far(60, WIDE)])
    assert set(table["split"]) == {"train"}


def test_sources_that_are_validated_already_count() -> None:
    rows = far(50, MIRABEST)
    beside = [row(FIRST, f"v{i}", 10 + 0.5 * i, -30.0, official_split="valid") for i in range(3)]
    table = decided(*rows, *beside)
    mine = table[table["key"] == MIRABEST]
    assert (mine["split"] == "valid").sum() == 5
    assert set(mine.index[:3]) <= set(mine.index[mine["split"] == "valid"])


def test_what_first_trains_on_is_drawn_last() -> None:
    rows = far(40, MIRABEST)
    # All but four of them are in FIRST, too.
    beside = [row(FIRST, f"f{i}", 10 + 0.5 * i, -30.0) for i in range(36)]
    table = decided(*rows, *beside)
    drawn = table.index[table["split"] == "valid"].tolist()
    assert sorted(drawn) == [f"{MIRABEST}-{i}" for i in range(36, 40)]
    assert (table["split"][table["key"] == FIRST] == "train").all()
    # Where all are, what FIRST would train on gives way.
    every = [row(FIRST, f"f{i}", 10 + 0.5 * i, -30.0) for i in range(40)]
    table = decided(*rows, *every)
    drawn = table[(table["split"] == "valid") & (table["key"] == MIRABEST)]
    assert len(drawn) == 4
    for name in drawn.index:
        other = "f" + name.rsplit("-", 1)[1]
        split, reason = said(table, other)
        assert (split, reason) == ("excluded", f"0.0 arcsec from the validation source {name}")


def test_all_images_of_a_drawn_source_are_validated() -> None:
    rows = far(30, SHARP)
    again = [{**r, "key": WIDE, "source_id": f"w{i}"} for i, r in enumerate(rows)]
    table = decided(*rows, *again)
    drawn = table.index[(table["key"] == SHARP) & (table["split"] == "valid")]
    assert len(drawn) == 3
    partners = {"w" + name.rsplit("-", 1)[1] for name in drawn}
    wide = table[table["key"] == WIDE]
    assert set(wide.index[wide["split"] == "valid"]) == partners


def test_what_is_tested_or_excluded_is_never_drawn() -> None:
    rows = far(20, MIRABEST, official_split="test")
    near = [row(MIRABEST, f"n{i}", 10 + 0.5 * i + 20 * ARCSEC, -30.0) for i in range(10)]
    table = decided(*rows, *near, row(MIRABEST, "one", 200.0))
    assert (table["split"][:20] == "test").all()
    assert (table["split"][20:30] == "excluded").all()
    # A tenth of the eleven of the training batch is one, and it alone can be drawn.
    assert said(table, "one")[0] == "valid"


def test_empty_images_are_not_trained_on() -> None:
    empty = {"flag": "empty image"}
    table = decided(
        row(FIRST, "e", 10.0, **empty),
        row(FIRST, "tested", 20.0, official_split="test", **empty),
        row(FIRST, "validated", 30.0, official_split="valid", **empty),
        row(FIRST, "flagged", 40.0, flag="other"),
    )
    assert said(table, "e") == ("excluded", "empty image")
    assert table["split"]["tested"] == "test"
    assert table["split"]["validated"] == "valid"
    assert said(table, "flagged") == ("train", "")


def test_groups_join_positions_and_pairs() -> None:
    table = pd.DataFrame(
        [
            row(FIRST, "a", 10.0),
            row(FIRST, "b", 10.0 + 40 * ARCSEC),
            row(SHARP, "c"),
            row(SHARP, "d"),
            row(FIRST, "e", 50.0),
        ]
    )
    assert _groups(_Sources(table, [(2, 1)])).tolist() == [0, 0, 0, 3, 4]
    assert _groups(_Sources(table)).tolist() == [0, 0, 2, 3, 4]
