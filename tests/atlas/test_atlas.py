"""The Atlas: written, opened, refused when stale or damaged."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radioviz.atlas.atlas import (
    Atlas,
    Layout,
    list_atlases,
    open_atlas,
    write_atlas,
)
from radioviz.data.catalogue import Catalogue, SurveyInfo
from radioviz.errors import AtlasError
from radioviz.models.artefact import ModelInfo
from tests.models.small import small_info, synthetic_catalogue

N = 40
CATALOGUE = synthetic_catalogue(N)
INFO = dataclasses.replace(small_info("vae"), weights_sha256="a" * 64)


def write(folder: Path, dtype: type = np.float16) -> Atlas:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(N, 3)).astype(dtype)
    layouts = {
        "umap": (rng.normal(size=(N, 2)), Layout("UMAP", {"n_neighbors": 15})),
        "pca": (latents[:, :2], Layout("PCA")),
    }
    scores = pd.DataFrame({"elbo": rng.normal(size=N).astype(np.float32)})
    scores.loc[3, "elbo"] = np.nan
    return write_atlas(CATALOGUE, INFO, latents, layouts, scores, folder=folder)


def reopen(folder: Path, **more: Any) -> Atlas:
    return open_atlas("synthetic", "tiny", folder=folder, **more)


def test_round_trip(tmp_path: Path) -> None:
    written = write(tmp_path)
    atlas = reopen(tmp_path, info=INFO, catalogue=CATALOGUE)
    assert len(atlas) == N
    assert list(atlas.source_ids) == list(CATALOGUE.table["source_id"])
    assert list(atlas.layouts) == ["umap", "pca"]
    assert atlas.layouts["umap"].dtype == np.float32
    assert atlas.latents.dtype == np.float16
    np.testing.assert_array_equal(atlas.latents, written.latents)
    assert np.isnan(atlas.scores["elbo"].iloc[3])
    assert atlas.layout_title("pca") == "PCA"
    assert atlas.meta["layouts"]["umap"]["parameters"] == {"n_neighbors": 15}
    assert list_atlases(tmp_path) == [("synthetic", "tiny")]


def test_arrays_are_mapped_and_read_only(tmp_path: Path) -> None:
    atlas = write(tmp_path)
    assert isinstance(atlas.latents, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        atlas.latents[0] = 0


def test_rows_of_identifiers(tmp_path: Path) -> None:
    atlas = write(tmp_path)
    found = atlas.rows_of(["synthetic-5", "elsewhere", "synthetic-0"])
    assert found.tolist() == [5, -1, 0]


def test_writing_again_replaces(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, np.float32)
    assert reopen(tmp_path).latents.dtype == np.float32
    assert [p.name for p in (tmp_path / "synthetic").iterdir()] == ["tiny"]


def test_a_stale_atlas_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path)
    retrained = dataclasses.replace(INFO, weights_sha256="b" * 64)
    with pytest.raises(AtlasError, match=r"'synthetic'.*'tiny' is stale.*aaaa.*now has bbbb.*"
                       r"python -m radioviz.encode --data synthetic --model tiny"):  # fmt: skip
        reopen(tmp_path, info=retrained)
    with pytest.raises(AtlasError, match=r"is stale.*data set now has"):
        reopen(tmp_path, catalogue=synthetic_catalogue(N + 1))


def test_a_missing_atlas_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match=r"no Atlas of 'synthetic'.*python -m radioviz.encode"):
        reopen(tmp_path)
    assert list_atlases(tmp_path / "nowhere") == []


@pytest.mark.parametrize("key", ["../etc", "", "a/b", ".", ".."])
def test_names_do_not_escape_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(AtlasError, match="not a plain name"):
        open_atlas(key, "tiny", folder=tmp_path)
    with pytest.raises(AtlasError, match="not a plain name"):
        open_atlas("synthetic", key, folder=tmp_path)


def overwrite(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def change(**values: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "atlas.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return apply


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (overwrite("latents.npy", b"\x93NUMPY"), "damaged"),
        (overwrite("latents.npy", b""), "damaged"),
        (overwrite("layout_umap.npy", b"text"), "damaged"),
        (overwrite("source_ids.txt", b"only-one"), r"damaged \(source_ids"),
        (overwrite("source_ids.txt", b"\xff\xfe"), "damaged"),
        (overwrite("atlas.json", b"{"), "damaged"),
        (overwrite("atlas.json", b"[]"), "holds list, expected a JSON object"),
        (change(format=2), "format 2, this version reads 1"),
        (change(n=7), "damaged"),
        (change(layouts={"gone": {}}), "layout_gone"),
        (lambda f: (f / "layout_umap.npy").unlink(), "layout_umap"),
    ],
)
def test_damage_is_explained(tmp_path: Path, damage: Callable[[Path], None], words: str) -> None:
    write(tmp_path)
    damage(tmp_path / "synthetic" / "tiny")
    with pytest.raises(AtlasError, match=words):
        reopen(tmp_path)


def test_an_atlas_without_scores(tmp_path: Path) -> None:
    latents = np.zeros((N, INFO.latent_dim), np.float32)
    layouts = {"pca": (latents[:, :2], Layout("PCA"))}
    atlas = write_atlas(CATALOGUE, INFO, latents, layouts, folder=tmp_path)
    assert atlas.scores.shape == (N, 0)


def test_damaged_scores_cost_the_scores_alone(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "synthetic" / "tiny" / "scores.parquet").write_bytes(b"PAR1")
    atlas = reopen(tmp_path)
    assert len(atlas.layouts) == 2
    with pytest.raises(AtlasError, match=r"scores\.parquet cannot be read"):
        _ = atlas.scores


def test_no_pickle_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    np.save(
        tmp_path / "synthetic" / "tiny" / "latents.npy",
        np.array([{"a": 1}] * N, dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(AtlasError, match="damaged"):
        reopen(tmp_path)


@pytest.mark.parametrize(
    ("latents", "layout", "words"),
    [
        (np.zeros((N, 4)), np.zeros((N, 2)), r"latents has shape \(40, 4\); expected \(40, 3\)"),
        (np.zeros((N - 1, 3)), np.zeros((N, 2)), "latents has shape"),
        (np.zeros((N, 3)), np.zeros((N, 3)), "layout_x has shape"),
        (np.full((N, 3), np.nan), np.zeros((N, 2)), "latents holds values that are not finite"),
        (np.zeros((N, 3)), np.full((N, 2), np.inf), "layout_x holds values"),
    ],
)
def test_bad_arrays_are_not_written(
    tmp_path: Path, latents: np.ndarray, layout: np.ndarray, words: str
) -> None:
    with pytest.raises(AtlasError, match=words):
        write_atlas(CATALOGUE, INFO, latents, {"x": (layout, Layout("X"))}, folder=tmp_path)
    assert list_atlases(tmp_path) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "synthetic").write_text("in the way")
    with pytest.raises(AtlasError, match="cannot be written"):
        write(tmp_path)


def test_opening_is_fast_at_scale_and_needs_no_heavy_library(tmp_path: Path) -> None:
    n = 100_000
    info: ModelInfo = dataclasses.replace(INFO, latent_dim=64)
    table = CATALOGUE.table.iloc[np.zeros(n, int)].reset_index(drop=True)
    table["source_id"] = [f"s{i}" for i in range(n)]
    big = Catalogue(SurveyInfo("big", "Big", 1.8), table, np.broadcast_to(np.uint8(0), (n, 2, 2)))
    latents = np.zeros((n, 64), np.float16)
    write_atlas(big, info, latents, {"x": (latents[:, :2], Layout("X"))}, folder=tmp_path)
    code = (
        "import sys; from pathlib import Path; from radioviz.atlas.atlas import open_atlas\n"
        f"a = open_atlas('big', 'tiny', folder=Path({str(tmp_path)!r}))\n"
        "assert len(a) == 100_000\n"
        "heavy = {'torch', 'umap', 'sklearn', 'numba', 'streamlit'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    elapsed = []
    for _ in range(5):
        start = time.process_time()  # whatever else this machine does
        open_atlas("big", "tiny", info=info, folder=tmp_path)
        elapsed.append(time.process_time() - start)
    assert min(elapsed) < 0.05, elapsed


def test_a_duplicate_source(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "synthetic" / "tiny" / "source_ids.txt"
    first, second, *rest = path.read_text().split("\n")
    path.write_text("\n".join([first, first, *rest]))
    atlas = reopen(tmp_path)
    with pytest.raises(AtlasError, match=rf"source_ids.txt holds '{first}' twice; make it again"):
        atlas.rows_of([second])
