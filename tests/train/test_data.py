"""Which images a run sees: splits, overlaps, blanks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from tests.models.small import synthetic_catalogue
from train.core import data
from train.core.config import RunConfig, TrainError


def placed(key: str, n: int, ra: np.ndarray) -> Catalogue:
    catalogue = synthetic_catalogue(n, key)
    table = catalogue.table.assign(ra=ra, dec=30.0)
    return dataclasses.replace(catalogue, table=table)


@pytest.fixture
def surveys(monkeypatch: pytest.MonkeyPatch) -> dict[str, Catalogue]:
    """Two surveys of which the second repeats five sources of the first, 5 arcsec off."""
    first = placed("first", 20, 150.0 + np.arange(20) * 0.1)
    ra = 160.0 + np.arange(20) * 0.1
    ra[:5] = first.table["ra"].to_numpy()[:5] + 5 / 3600
    ra[5] = np.nan
    found = {"first": first, "second": placed("second", 20, ra)}
    monkeypatch.setattr(data, "open_data_set", found.__getitem__)
    return found


def test_only_the_recorded_splits_and_each_source_once(surveys: dict[str, Catalogue]) -> None:
    loaded = data.load(RunConfig("x", data=("first", "second")))
    assert set(loaded.train.table["split"]) == {"train"}
    assert set(loaded.valid.table["split"]) == {"valid"}
    ids = {*loaded.train.table["source_id"], *loaded.valid.table["source_id"]}
    assert ids == {f"first-{i}" for i in range(20)} | {f"second-{i}" for i in range(5, 20)}
    assert len(loaded.train.images) == len(loaded.train.table) == len(loaded.train)
    assert loaded.train.images.shape[-1] > loaded.valid.images.shape[-1] == 64


def test_test_and_excluded_images_are_never_opened(
    surveys: dict[str, Catalogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = surveys["first"]
    table = first.table.copy()
    table.loc[:9, "split"] = ["test", "excluded"] * 5
    images = first.images.astype(np.float32)
    images[:10] = np.nan  # would raise if they went through the chain
    surveys["first"] = dataclasses.replace(first, table=table, images=images)
    chain = dataclasses.replace(RunConfig("x").preprocess, nan="error")
    loaded = data.load(RunConfig("x", preprocess=chain))
    assert len(loaded.train) + len(loaded.valid) == 10


def test_blank_images_are_left_out(surveys: dict[str, Catalogue]) -> None:
    images = surveys["first"].images.copy()
    images[[1, 4]] = 0
    surveys["first"] = dataclasses.replace(surveys["first"], images=images)
    loaded = data.load(RunConfig("x"))
    assert (len(loaded.train), len(loaded.valid)) == (14, 4)


def test_splits_are_part_of_the_digest(surveys: dict[str, Catalogue]) -> None:
    before = data.load(RunConfig("x")).digests
    table = surveys["first"].table.copy()
    table.loc[3, "split"] = "test"
    surveys["first"] = dataclasses.replace(surveys["first"], table=table)
    assert data.load(RunConfig("x")).digests != before


def test_an_empty_split_is_named(surveys: dict[str, Catalogue]) -> None:
    surveys["first"] = dataclasses.replace(
        surveys["first"], table=surveys["first"].table.assign(split="train")
    )
    with pytest.raises(TrainError, match="no image of first is in the split 'valid'"):
        data.load(RunConfig("x"))
