"""Scores of a data set: added column by column, left out when stale, refused when damaged."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.atlas.atlas import list_atlases
from radioviz.atlas.scores import META, TABLE, ScoreColumn, add_scores, read_scores, scores_folder
from radioviz.errors import AtlasError
from radioviz.workspace.data_set_columns import data_set_columns
from tests.models.small import small_info, synthetic_catalogue

N = 12
CATALOGUE = synthetic_catalogue(N)
IDS = CATALOGUE.table["source_id"].to_list()
INFO = dataclasses.replace(small_info("vae", "frcnn"), weights_sha256="a" * 64)
MODELS = {"frcnn": INFO}
P = ScoreColumn("Probability of FRII", model="frcnn", command="python -m train scores")


def add_p(folder: Path) -> np.ndarray:
    p = np.random.default_rng(0).random(N)
    p[2] = np.nan
    add_scores(CATALOGUE, pd.DataFrame({"p": p}), {"p": P}, models=MODELS, folder=folder)
    return p


def test_no_scores_yet_is_an_empty_table(tmp_path: Path) -> None:
    scores = read_scores("synthetic", folder=tmp_path)
    assert scores.columns == {} and scores.stale == {}
    assert scores.of(IDS).shape == (N, 0)


def test_round_trip_aligned_by_source(tmp_path: Path) -> None:
    p = add_p(tmp_path)
    scores = read_scores("synthetic", catalogue=CATALOGUE, models=MODELS, folder=tmp_path)
    assert scores.columns["p"] == dataclasses.replace(P, weights_sha256="a" * 64)
    found = scores.of([IDS[5], "nobody", IDS[0]])["p"]
    np.testing.assert_allclose(found, [p[5], np.nan, p[0]], rtol=1e-6)
    assert np.isnan(scores.of(IDS)["p"].iloc[2])


def test_a_column_of_the_data_set_comes_before_a_score_of_its_name(tmp_path: Path) -> None:
    add_p(tmp_path)
    own = dataclasses.replace(CATALOGUE, table=CATALOGUE.table.assign(p=7.0))
    own.table.attrs["units"] = {"p": "mJy"}
    columns = data_set_columns(own, read_scores("synthetic", folder=tmp_path))
    assert columns.frame(np.arange(2))["p"].tolist() == [7.0, 7.0]
    assert columns.column("p").unit == "mJy"


def test_columns_are_added_and_replaced_and_others_stay(tmp_path: Path) -> None:
    p = add_p(tmp_path)
    rank, words = np.arange(N), np.array(["a", "b"] * (N // 2), dtype=object)
    table = pd.DataFrame({"rank": rank, "words": words})
    about = {"rank": ScoreColumn("Rank"), "words": ScoreColumn("Words")}
    add_scores(CATALOGUE, table, about, folder=tmp_path)
    add_scores(CATALOGUE, table[["rank"]] * 2, {"rank": ScoreColumn("Twice")}, folder=tmp_path)
    scores = read_scores("synthetic", folder=tmp_path)
    assert list(scores.table) == list(scores.columns) == ["p", "rank", "words"]
    assert scores.columns["rank"].title == "Twice"
    np.testing.assert_array_equal(scores.of(IDS)["rank"], 2 * rank)
    np.testing.assert_array_equal(scores.of(IDS)["words"], words)
    np.testing.assert_allclose(scores.of(IDS)["p"], p, rtol=1e-6)


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    def add(i: int) -> None:
        table = pd.DataFrame({f"c{i}": np.full(N, float(i))})
        add_scores(CATALOGUE, table, {f"c{i}": ScoreColumn(f"C {i}")}, folder=tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(8)))
    table = read_scores("synthetic", folder=tmp_path).of(IDS)
    assert sorted(table) == [f"c{i}" for i in range(8)]
    assert all((table[f"c{i}"] == i).all() for i in range(8))


def test_other_weights_make_a_column_stale_and_no_other(tmp_path: Path) -> None:
    add_p(tmp_path)
    one = pd.DataFrame({"rank": np.arange(N)})
    add_scores(CATALOGUE, one, {"rank": ScoreColumn("Rank")}, folder=tmp_path)
    other = {"frcnn": dataclasses.replace(INFO, weights_sha256="b" * 64)}
    scores = read_scores("synthetic", models=other, folder=tmp_path)
    assert list(scores.table) == ["rank"]
    assert "other weights" in scores.stale["p"] and "python -m train scores" in scores.stale["p"]
    assert "no model 'frcnn'" in read_scores("synthetic", models={}, folder=tmp_path).stale["p"]


def test_other_sources_make_all_stale_and_are_replaced(tmp_path: Path) -> None:
    add_p(tmp_path)
    grown = synthetic_catalogue(N + 1)
    scores = read_scores("synthetic", catalogue=grown, folder=tmp_path)
    assert not len(scores.table.columns) and "other sources" in scores.stale["p"]
    table = pd.DataFrame({"rank": np.arange(N + 1)})
    now = add_scores(grown, table, {"rank": ScoreColumn("Rank")}, folder=tmp_path)
    assert list(now.columns) == ["rank"]


def test_what_cannot_be_added(tmp_path: Path) -> None:
    table = pd.DataFrame({"p": np.zeros(N)})
    with pytest.raises(AtlasError, match=f"3 rows; expected {N}"):
        add_scores(CATALOGUE, table[:3], {"p": P}, models=MODELS, folder=tmp_path)
    with pytest.raises(AtlasError, match="'q' is not both"):
        add_scores(CATALOGUE, table, {"p": P, "q": P}, models=MODELS, folder=tmp_path)
    with pytest.raises(AtlasError, match="unknown model 'frcnn'"):
        add_scores(CATALOGUE, table, {"p": P}, folder=tmp_path)


def test_damage_is_named(tmp_path: Path) -> None:
    add_p(tmp_path)
    where = scores_folder("synthetic", tmp_path)
    whole = (where / META).read_text()
    (where / META).write_text(whole[:-20])
    with pytest.raises(AtlasError, match="damaged"):
        read_scores("synthetic", folder=tmp_path)
    (where / META).write_text(whole.replace('"format": 1', '"format": 9'))
    with pytest.raises(AtlasError, match="format 9"):
        read_scores("synthetic", folder=tmp_path)
    (where / META).write_text(whole)
    (where / TABLE).write_bytes(b"PAR1 but not really")
    with pytest.raises(AtlasError, match="damaged"):
        read_scores("synthetic", folder=tmp_path)


def test_scores_are_not_an_atlas_and_need_no_torch(tmp_path: Path) -> None:
    add_p(tmp_path)
    assert list_atlases(tmp_path) == []
    code = "import sys, radioviz.atlas.scores; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("how", ["twice", "no text"])
def test_duplicate_or_unreadable_sources(how: str, tmp_path: Path) -> None:
    add_p(tmp_path)
    path = scores_folder("synthetic", tmp_path) / TABLE
    table = pd.read_parquet(path)
    if how == "twice":
        table.loc[3, "source_id"] = table.loc[2, "source_id"]
        table.to_parquet(path, index=False)
    else:
        table.to_parquet(path, index=False, compression=None)
        name = IDS[2].encode()
        path.write_bytes(path.read_bytes().replace(name, b"\xff" + name[1:]))
    expected = f"holds the source '{IDS[2]}' twice" if how == "twice" else "UTF8"
    with pytest.raises(AtlasError, match=rf"damaged \(.*{expected}.*delete"):
        read_scores("synthetic", folder=tmp_path)
