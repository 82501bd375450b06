"""Nothing is trained on that lies near a test source of any data set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.data import matching as links
from radioviz.data import splits
from radioviz.data.catalogue import SPLITS, Catalogue
from radioviz.data.datasets import first, frdeep, mirabest
from radioviz.errors import CatalogueError
from radioviz.sky import separation_arcsec
from train.splits import duplicates
from train.splits.record import make_splits, write_splits

Four = dict[str, Catalogue]


@pytest.fixture(scope="module")
def four(
    first_catalogue: Catalogue,
    mirabest_catalogue: Catalogue,
    frdeep_first: Catalogue,
    frdeep_nvss: Catalogue,
) -> Four:
    found = (first_catalogue, mirabest_catalogue, frdeep_first, frdeep_nvss)
    return {catalogue.info.key: catalogue for catalogue in found}


def positions(catalogue: Catalogue, split: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows of a mask; those that were found for FR-DEEP."""
    table = catalogue.table[split]
    columns = ["matched_ra", "matched_dec"] if "matched_ra" in table else ["ra", "dec"]
    return table[columns[0]].to_numpy(), table[columns[1]].to_numpy()


def marked(catalogue: Catalogue, *names: str) -> np.ndarray:
    return catalogue.table["split"].isin(names).to_numpy()


def officially_tested(catalogue: Catalogue) -> np.ndarray:
    table = catalogue.table
    tested = table["official_split"] == "test"
    return (tested | table["cv_test"] if "cv_test" in table else tested).to_numpy()


def test_every_row_has_a_recorded_split(four: Four) -> None:
    for key, catalogue in four.items():
        record = splits.recorded(key)
        assert record is not None
        assert record["source_id"].tolist() == catalogue.table["source_id"].tolist()
        assert set(catalogue.table["split"]) <= set(SPLITS)
        excluded = catalogue.table["split"] == "excluded"
        assert (catalogue.table["split_reason"][excluded] != "").all()


def test_what_the_literature_tests_is_test(four: Four) -> None:
    for catalogue in four.values():
        assert (officially_tested(catalogue) == marked(catalogue, "test")).all()
    counts = {key: int(marked(catalogue, "test").sum()) for key, catalogue in four.items()}
    assert counts == {"first": 546, "mirabest": 157, "frdeep-first": 50, "frdeep-nvss": 50}


def test_no_training_source_near_any_test_source(four: Four) -> None:
    """The test sets are taken from the origin of each data set, not from the record."""
    tests = [positions(catalogue, officially_tested(catalogue)) for catalogue in four.values()]
    ra, dec = (np.concatenate(axis) for axis in zip(*tests, strict=True))
    assert np.isfinite(ra).sum() > 780
    for key, catalogue in four.items():
        mine = positions(catalogue, marked(catalogue, "train", "valid"))
        i, j, separation = links.close_pairs(*mine, ra, dec, radius_arcsec=60.0)
        assert len(i) == 0, (key, i, j, separation)


def test_no_training_source_near_any_validation_source(four: Four) -> None:
    valid = [positions(catalogue, marked(catalogue, "valid")) for catalogue in four.values()]
    ra, dec = (np.concatenate(axis) for axis in zip(*valid, strict=True))
    for key, catalogue in four.items():
        mine = positions(catalogue, marked(catalogue, "train"))
        i, j, separation = links.close_pairs(*mine, ra, dec, radius_arcsec=60.0)
        assert len(i) == 0, (key, i, j, separation)


def test_without_the_split_there_would_be_leaks(four: Four) -> None:
    """The published splits leak: that is what the recorded ones are for."""
    tables = (four["mirabest"].table, four["first"].table)
    i, j, _ = links.close_pairs(*(table[k].to_numpy() for table in tables for k in ("ra", "dec")))
    mirabest_tested = officially_tested(four["mirabest"])[i]
    mbc = tables[0]["mbc"].to_numpy()[i]
    trained = tables[1]["official_split"].to_numpy()[j] == "train"
    assert (mirabest_tested & mbc & trained).sum() == 79


def test_pairs_of_test_sources_are_not_trained_on(four: Four) -> None:
    """FR-DEEP: neither survey may train on a source that the other tests or validates."""
    a, b = (four[key].table.set_index("source_id") for key in ("frdeep-first", "frdeep-nvss"))
    both = a[a["pair"] != ""]
    other = b.loc[both["pair"]]
    for mine, theirs in ((both, other), (other, both)):
        kept_apart = theirs["split"].isin(["test", "valid"]).to_numpy()
        assert not (mine["split"].to_numpy()[kept_apart] == "train").any()


def test_equal_images_share_their_split(four: Four) -> None:
    for catalogue in four.values():
        table = catalogue.table.set_index("source_id")
        repeat = table[table["same_as"] != ""]
        original = table.loc[repeat["same_as"]]
        for one, other in zip(repeat["split"], original["split"], strict=True):
            assert {one, other} != {"train", "test"}
            assert {one, other} != {"train", "valid"}


def test_no_image_of_a_test_set_is_trained_on(four: Four) -> None:
    """By pixels alone, without positions: FR-DEEP FIRST against the tests of the others."""
    fr = four["frdeep-first"]
    trained = fr.images[marked(fr, "train")]
    for key in ("first", "mirabest"):
        tested = four[key].images[marked(four[key], "test")]
        scores = duplicates.coarse_scores(trained, tested)
        for i, j in np.argwhere(scores > 0.99):
            # The same image would score one; compact sources that are not the same come near.
            assert duplicates.fine_score(trained[i], tested[j]) < 0.9985, (key, i, j)


def test_positions_found_by_pixels_are_those_of_the_raw_images(
    four: Four, shared_data: Path
) -> None:
    """FR-DEEP v2 has positions: an image of the same pixels shows the same source."""
    known = pd.read_csv(shared_data / "frdeep_v2" / "frdeep_v1_positions.csv")
    batch = known["batch"].str.extract(r"(\d+)")[0].astype(float).fillna(99)  # test is last
    known = known.assign(batch=batch).sort_values(["batch", "index"])
    found = positions(four["frdeep-first"], np.ones(len(known), dtype=bool))
    away = separation_arcsec(*found, known["ra"].to_numpy(), known["dec"].to_numpy())
    sure = (known["corr"] > 0.999).to_numpy() & np.isfinite(found[0])
    assert sure.sum() > 400
    assert away[sure].max() < 60


def test_split_sizes_are_of_use(four: Four) -> None:
    for key, least in (("first", 1200), ("mirabest", 750), ("frdeep-first", 300)):
        assert marked(four[key], "train").sum() > least
        valid = four[key].table[marked(four[key], "valid")]
        assert valid["label"].value_counts()[["FRI", "FRII"]].min() >= 18


def test_the_published_split_stays_beside(four: Four) -> None:
    table = four["mirabest"].table
    mbc = table[table["mbc"]]
    assert mbc["official_split"].value_counts().to_dict() == {"train": 729, "test": 104}
    assert (mbc["split"][mbc["official_split"] == "train"] == "excluded").sum() > 100


def test_near_test_knows_every_test_position(four: Four) -> None:
    for key in ("first", "mirabest"):
        ra, dec = positions(four[key], marked(four[key], "test"))
        assert splits.near_test(ra, dec).all()
        away = dec + 59.0 / 3600.0
        assert splits.near_test(ra, away).all()
        mine = positions(four[key], marked(four[key], "train"))
        assert not splits.near_test(*mine).any()
    assert not splits.near_test(np.array([np.nan]), np.array([np.nan])).any()


def test_unknown_rows_are_excluded() -> None:
    table = pd.DataFrame({"source_id": ["mirabest-0", "mirabest-99999"], "split": ["", ""]})
    out = splits.attach_splits(table, "mirabest")
    assert out["split"].tolist()[1] == "excluded"
    assert out["split_reason"].tolist()[1] == "not in the recorded split"
    assert out["split"].tolist()[0] in SPLITS
    unknown = splits.attach_splits(table, "no-such-survey")
    assert unknown["split"].tolist() == ["", ""]


def test_missing_test_positions_are_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splits, "FOLDER", tmp_path)
    with pytest.raises(CatalogueError, match=r"test-positions\.csv is missing"):
        splits.near_test(np.array([1.0]), np.array([2.0]))


def test_fingerprint_changes_with_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = splits.fingerprint("first")
    shutil.copy(splits.FOLDER / "first.csv", tmp_path)
    monkeypatch.setattr(splits, "FOLDER", tmp_path)
    assert splits.fingerprint("first") == before
    record = splits.recorded("first")
    assert record is not None
    record.loc[0, "split"] = "excluded"
    write_splits({"first": record}, tmp_path)
    assert splits.fingerprint("first") != before
    assert splits.fingerprint("mirabest") == "unsplit"


@pytest.mark.slow
def test_cross_validation_is_that_of_the_package(first_catalogue: Catalogue) -> None:
    table = first_catalogue.table
    assert table["cv_test"].sum() == 400
    assert table["label"][table["cv_test"]].value_counts().tolist() == [100] * 4
    assert table["cv_fold"].value_counts().to_dict() == {
        -1: 400,
        0: 353,
        1: 353,
        2: 353,
        3: 353,
        4: 346,
    }
    assert ((table["cv_fold"] == -1) == table["cv_test"]).all()
    # Against one of the package's files, matched by position.
    rows, _ = first.read_package(first.package_file("galaxy_data_crossvalid_4_h5.zip"))
    validated = rows[rows["split"] == "valid"]
    mine = table[table["cv_fold"] == 4]
    i, j, _ = links.close_pairs(
        mine["image_ra"], mine["image_dec"], validated["ra"], validated["dec"], radius_arcsec=1.0
    )
    assert len(mine) == len(validated) == len(np.unique(i)) == len(np.unique(j))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_recorded_splits_are_what_the_rules_make(
    batch_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``python -m train splits`` gives the files that are in the repository."""
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    for target in (
        mirabest.mirabest_folder(),
        frdeep.frdeep_folder(frdeep.FIRST.key),
        frdeep.frdeep_folder(frdeep.NVSS.key),
    ):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(batch_folders / target.name)
    write_splits(make_splits(), tmp_path / "made")
    recorded = {f.name: f.read_text().partition("\n")[0] for f in splits.FOLDER.glob("*.csv")}
    names = sorted(name for name, line in recorded.items() if "python -m train splits." in line)
    assert {line for name, line in recorded.items() if name not in names} == {
        "# Made by: python -m train survey-splits. Rules: train/splits/surveys.py",
        "# Made by: python -m train judge-split. Rules: train/splits/judge.py",
    }
    assert sorted(file.name for file in (tmp_path / "made").iterdir()) == names
    for name in names:
        made, kept = (
            pd.read_csv(f / name, comment="#") for f in (tmp_path / "made", splits.FOLDER)
        )
        pd.testing.assert_frame_equal(made, kept, rtol=0, atol=2e-4)
