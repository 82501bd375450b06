"""Search through an index of faiss: what it finds, what it leaves out, how it is kept."""

from __future__ import annotations

import dataclasses
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from radioviz.errors import SimilarityError
from radioviz.similarity import LatentIndex, NullDistribution, Query, Whitening, search
from radioviz.similarity import approximate as approximate_

N, D = 20_000, 24


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these few latents count as too many to compare one by one."""
    for name in ("approximate", "index", "search"):
        module = import_module(f"radioviz.similarity.{name}")
        monkeypatch.setattr(module, "LARGE", 1000)


def clumps(n: int = N, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = 2 * rng.standard_normal((60, D))
    return (centres[rng.integers(0, 60, n)] + rng.standard_normal((n, D))).astype(np.float16)


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("atlas") / "latents.npy"
    np.save(path, clumps())
    return np.load(path, mmap_mode="r")


@pytest.fixture
def exact(latents: np.ndarray) -> LatentIndex:
    rng = np.random.default_rng(1)
    ids = np.array([f"s{i}" for i in range(N)], dtype=object)
    ra, dec = rng.uniform(0, 360, N), rng.uniform(-40, 40, N)
    # The best match of source 0 lies beside it on the sky.
    unit = np.asarray(latents, np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    near = int(np.argsort(-(unit @ unit[0]))[1])
    ra[near], dec[near] = ra[0], dec[0] + 5 / 3600
    return LatentIndex.create("mine", ids, latents, ra=ra, dec=dec, model="m")


@pytest.fixture
def indexed(exact: LatentIndex, tmp_path: Path) -> LatentIndex:
    return exact.with_approximate(tmp_path / "search" / "index")


def query_of_row(index: LatentIndex, row: int = 0, **more: object) -> Query:
    return Query(
        np.asarray(index.latents[row], np.float32),
        positions=np.array([[index.ra[row], index.dec[row]]]),
        exclude={("mine", f"s{row}")},
        **more,  # type: ignore[arg-type]
    )


def test_it_finds_what_comparing_all_finds(exact: LatentIndex, indexed: LatentIndex) -> None:
    assert exact.approximate is None
    assert indexed.approximate is not None
    hits = 0
    for row in range(0, 2000, 20):
        query = query_of_row(exact, row)
        whole, found = search([exact], query, 10), search([indexed], query, 10)
        hits += len(set(whole["row"]) & set(found["row"]))
        both = found.merge(whole, on="row")
        np.testing.assert_allclose(both["score_x"], both["score_y"], atol=1e-5)  # never in 8 bits
    assert hits / 1000 >= 0.98


def test_examples_and_their_neighbours_on_the_sky_are_left_out(
    exact: LatentIndex, indexed: LatentIndex
) -> None:
    query = query_of_row(exact)
    found = search([indexed], query, 50)
    assert "s0" not in set(found["source_id"])
    near = search([indexed], query, 50, separation_arcsec=0.0)
    beside = set(near["source_id"]) - set(found["source_id"])
    assert len(found) == len(near) == 50
    assert near["separation"].iloc[0] == pytest.approx(5, abs=0.1)
    assert near["source_id"].iloc[0] in beside


@pytest.mark.parametrize("share", [0.5, 0.002])
def test_a_mask_holds(exact: LatentIndex, indexed: LatentIndex, share: float) -> None:
    mask = np.random.default_rng(2).random(N) < share
    query = query_of_row(exact)
    whole = search([exact], query, 10, where={"mine": mask})
    found = search([indexed], query, 10, where={"mine": mask})
    assert mask[found["row"]].all()
    assert len(set(whole["row"]) & set(found["row"])) >= 9


def test_negatives_and_views(exact: LatentIndex, indexed: LatentIndex) -> None:
    rows = np.asarray(exact.latents[:6], np.float32)
    for query in (Query(rows[:2], rows[2:4]), Query(rows[None, :4]), Query(rows.reshape(2, 3, D))):
        whole, found = search([exact], query, 20), search([indexed], query, 20)
        assert len(set(whole["row"]) & set(found["row"])) >= 18


def test_it_is_made_once_and_anew_for_other_latents(
    exact: LatentIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "search" / "index"
    first = exact.with_approximate(folder).approximate
    assert first is not None
    made = (folder / "index.faiss").stat().st_mtime_ns
    read = []
    checksum = approximate_.checksum
    monkeypatch.setattr(approximate_, "checksum", lambda x: read.append(1) or checksum(x))
    exact.with_approximate(folder)
    assert not read  # size and time of the file are as they were
    # A copy elsewhere has another time and the same content.
    np.save(tmp_path / "copy.npy", exact.latents)
    copy = np.load(tmp_path / "copy.npy", mmap_mode="r")
    dataclasses.replace(exact, latents=copy).with_approximate(folder)
    assert read == [1]
    assert (folder / "index.faiss").stat().st_mtime_ns == made
    dataclasses.replace(exact, latents=clumps(seed=5)).with_approximate(folder)
    assert (folder / "index.faiss").stat().st_mtime_ns != made
    assert not list(folder.parent.glob(".*"))


@pytest.mark.parametrize("damage", ["", "{", json.dumps({"version": 0}), json.dumps({"n": 3})])
def test_a_damaged_index_is_made_anew(exact: LatentIndex, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "index"
    exact.with_approximate(folder)
    (folder / "index.json").write_text(damage)
    again = exact.with_approximate(folder)
    assert len(search([again], query_of_row(exact), 5)) == 5


def test_many_parts_find_the_same(
    exact: LatentIndex, indexed: LatentIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximate_, "CHUNK", 6000)
    parts = exact.with_approximate(tmp_path / "parts" / "index")
    query = query_of_row(exact)
    whole, found = search([indexed], query, 40), search([parts], query, 40)
    assert whole["row"].tolist() == found["row"].tolist()


def test_rows_without_a_direction_are_never_found(tmp_path: Path) -> None:
    latents = clumps()
    latents[::3] = 0
    latents[1] = np.nan
    ids = np.array([f"s{i}" for i in range(N)], dtype=object)
    index = LatentIndex.create("mine", ids, latents).with_approximate(tmp_path / "i")
    found = search([index], Query(np.asarray(latents[2], np.float32)), 200)
    assert len(found) == 200
    assert (found["row"] % 3 != 0).all()
    assert 1 not in set(found["row"])


def test_chances_of_a_best_match_agree(exact: LatentIndex, indexed: LatentIndex) -> None:
    a = NullDistribution.of_best_matches(exact, sample=100)
    b = NullDistribution.of_best_matches(indexed, sample=100)
    np.testing.assert_allclose(a.quantiles, b.quantiles, atol=0.02)


def test_whitened_latents_lie_in_a_file(exact: LatentIndex, tmp_path: Path) -> None:
    whitening = Whitening.of(exact.latents[:2000])
    index = whitening.index(exact, tmp_path / "search").with_approximate(tmp_path / "i")
    assert isinstance(index.latents, np.memmap)
    assert index.latents.dtype == np.float16
    row = np.asarray(index.latents[0], np.float32)
    found = search([index], Query(row, exclude={("mine", "s0")}), 10)
    whole = search([whitening.index(exact)], Query(row, exclude={("mine", "s0")}), 10)
    assert len(set(whole["row"]) & set(found["row"])) >= 9
    assert len(list((tmp_path / "search").glob("*.npy"))) == 1


def test_a_folder_that_cannot_be_written_is_said(exact: LatentIndex, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SimilarityError, match="cannot be written"):
        exact.with_approximate(tmp_path / "file" / "index")


def test_other_dimensions_are_refused(indexed: LatentIndex) -> None:
    assert indexed.approximate is not None
    with pytest.raises(SimilarityError, match="24 dimensions"):
        indexed.approximate.nearest(np.zeros((1, 3), np.float32), 5)
