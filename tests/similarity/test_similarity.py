"""Exact search: against brute force, on the sphere, and asked badly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from radioviz.atlas.atlas import open_atlas
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import SimilarityError
from radioviz.similarity import (
    LatentIndex,
    Query,
    Whitening,
    query_of,
    scores,
    search,
)
from radioviz.sky import separation_arcsec
from tests.similarity.indexes import ids_of, index_of


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def _brute(
    indexes: list[LatentIndex],
    positives: np.ndarray,
    negatives: np.ndarray,
    positions: np.ndarray,
    separation: float,
    repeats: bool,
) -> list[tuple[str, float]]:
    """One galaxy at a time, with SkyCoord, in float64."""
    found = []
    for index in indexes:
        for row in range(len(index)):
            x = index.latents[row].astype(float)
            if not np.linalg.norm(x) > 0:
                continue
            score = np.mean([_cosine(x, p.astype(float)) for p in positives])
            if len(negatives):
                score -= 0.35 * np.mean([_cosine(x, q.astype(float)) for q in negatives])
            found.append((float(score), index, row))
    found.sort(key=lambda f: -f[0])
    out: list[tuple[str, float]] = []
    places: list[SkyCoord] = []
    for score, index, row in found:
        at = SkyCoord(index.ra[row], index.dec[row], unit="deg")
        if np.isfinite(index.ra[row]):
            near = [at.separation(SkyCoord(*p, unit="deg")).arcsec <= separation for p in positions]
            if any(near):
                continue
            if not repeats:
                if any(at.separation(p).arcsec <= 10.0 for p in places):
                    continue
                places.append(at)
        out.append((str(index.source_ids[row]), score))
    return out


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    d=st.integers(2, 9),
    p=st.integers(1, 3),
    q=st.integers(0, 2),
    k=st.integers(1, 40),
    separation=st.sampled_from([0.0, 10.0, 60.0, 3600.0]),
    repeats=st.booleans(),
    half=st.booleans(),
)
def test_agrees_with_brute_force(
    seed: int,
    sizes: list[int],
    d: int,
    p: int,
    q: int,
    k: int,
    separation: float,
    repeats: bool,
    half: bool,
) -> None:
    rng = np.random.default_rng(seed)
    indexes = []
    for i, n in enumerate(sizes):
        latents = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 4)
        latents[rng.random(n) < 0.1] = 0.0
        if not latents.any():
            latents[0] = 1.0
        # Clusters of neighbours, some across RA 0, some at the pole, some nowhere.
        centre = np.array([[0.0, 0.0], [359.9999, 0.0], [123.0, 89.9999]])[rng.integers(0, 3, n)]
        sky = centre + rng.normal(0, 8 / 3600, (n, 2))
        sky[:, 1] = np.clip(sky[:, 1], -90, 90)
        sky[rng.random(n) < 0.2] = np.nan
        latents = latents.astype(np.float16 if half else np.float32)
        if not latents.any():
            latents[0] = 1.0
        indexes.append(index_of(latents, "abc"[i], sky))
    positives, negatives = rng.normal(size=(p, d)), rng.normal(size=(q, d))
    positions = np.array([[0.0, 0.0], [200.0, 89.9999]])[: rng.integers(0, 3)]
    everything = _brute(indexes, positives, negatives, np.empty((0, 2)), 0.0, True)
    # Near ties may come in either order, and then other neighbours of theirs are doubles.
    assume(np.abs(np.diff([s for _, s in everything])).min(initial=1.0) > 1e-5)
    query = Query(positives, negatives, positions)
    result = search(indexes, query, k, separation_arcsec=separation, repeats=repeats)
    expected = _brute(indexes, positives, negatives, positions, separation, repeats)[:k]
    assert list(result["source_id"]) == [i for i, _ in expected]
    np.testing.assert_allclose(result["score"], [s for _, s in expected], atol=2e-6)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 360), st.floats(-90, 90))
def test_separation_is_the_great_circle(ra: float, dec: float, ra2: float, dec2: float) -> None:
    mine = separation_arcsec(*np.array([[ra], [dec], [ra2], [dec2]]))[0]
    theirs = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(ra2, dec2, unit="deg"))
    assert mine == pytest.approx(theirs.to_value(u.arcsec), abs=1e-6)


def test_query_its_repeats_and_its_neighbours_are_left_out() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(8, 5)).astype(np.float32)
    latents[1:4] = latents[0] + 1e-3  # all much alike the query
    sky = np.array([[10.0, 80.0]] * 8)
    sky[:, 0] += np.arange(8.0)
    sky[2] = sky[0] + [0.0, 9.0 / 3600]
    same_as = np.array(["", "a0", *[""] * 6], dtype=object)  # linked by its image, far away
    index = index_of(latents, "a", sky, same_as=same_as)
    query = query_of([index], [("a", "a0")])
    assert query.positions.tolist() == [[10.0, 80.0]]
    result = search([index], query, 10)
    assert list(result["source_id"][:1]) == ["a3"]
    assert not {"a0", "a1", "a2"} & set(result["source_id"])
    # One degree of right ascension at Dec 80 is 0.174 degrees on the sky, not one.
    wide = search([index], query, 10, separation_arcsec=0.6 * 3600)
    assert set(wide["source_id"]) == {"a4", "a5", "a6", "a7"}
    far = result.set_index("source_id").loc["a3", "separation"]
    assert far == pytest.approx(3 * 3600 * np.cos(np.radians(80)), rel=1e-2)


def test_a_repeat_as_query_leaves_its_first_row_out() -> None:
    latents = np.ones((3, 2), np.float32)
    index = index_of(latents, same_as=np.array(["", "a0", ""], dtype=object))
    assert list(search([index], query_of([index], [("a", "a1")]))["source_id"]) == ["a2"]


def test_linked_rows_are_shown_once_also_without_positions() -> None:
    latents = np.array([[1, 0], [1, 0.1], [1, 0.2], [1, 0.3]], np.float32)
    index = index_of(latents, same_as=np.array(["", "", "a1", ""], dtype=object))
    query = query_of([index], [("a", "a0")])
    assert list(search([index], query)["source_id"]) == ["a1", "a3"]
    assert list(search([index], query, repeats=True)["source_id"]) == ["a1", "a2", "a3"]


def test_examples_of_data_sets_that_are_not_searched() -> None:
    index = index_of(np.eye(3, dtype=np.float32) + 0.1)
    query = Query(np.ones((1, 3)), exclude=[("elsewhere", "a1"), ("a", "unknown"), ("a", "a2")])
    assert list(search([index], query)["source_id"]) == ["a0", "a1"]


def test_without_positions_and_links_everything_else_is_found() -> None:
    index = index_of(np.eye(4, dtype=np.float32) + 0.1)
    result = search([index], query_of([index], [("a", "a1")]), 10)
    assert list(result["source_id"]) == ["a0", "a2", "a3"]  # ties in order of rows
    assert result["separation"].isna().all()


def test_entries_of_one_source_in_two_data_sets_are_shown_once() -> None:
    sky = np.array([[10.0, 20.0], [30.0, 40.0]])
    near = index_of(np.array([[1, 0.0], [0.2, 1]], np.float32), "a", sky)
    far = index_of(np.array([[1, 0.1], [0, 1]], np.float32), "b", sky + 2 / 3600)
    query = Query(np.array([1.0, 0.0]))
    assert list(search([near, far], query)["source_id"]) == ["a0", "a1"]
    assert list(search([near, far], query, repeats=True)["source_id"]) == ["a0", "b0", "a1", "b1"]


def test_results_are_refilled_when_the_best_are_excluded() -> None:
    n = 3000
    latents = np.ones((n, 3), np.float32)
    latents[:, 0] += np.linspace(1, 0, n)
    sky = np.zeros((n, 2))
    sky[2500:, 0] = np.linspace(10, 350, 500)
    index = index_of(latents, "a", sky)
    result = search([index], Query(np.array([1.0, 0, 0]), positions=np.zeros((1, 2))), 20)
    assert list(result["row"]) == list(range(2500, 2520))


def test_only_rows_of_the_mask_are_results() -> None:
    index = index_of(np.random.default_rng(0).normal(size=(20, 3)))
    mask = np.arange(20) % 5 == 0
    result = search([index], Query(np.ones(3)), 50, where={"a": mask})
    assert sorted(result["row"]) == [0, 5, 10, 15]
    assert search([index], Query(np.ones(3)), where={"a": np.zeros(20, bool)}).empty


def test_negatives_push_away() -> None:
    index = index_of(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, -1.0]], np.float32))
    query = query_of([index], [("a", "a0")], [("a", "a1")])
    result = search([index], query)
    assert list(result["source_id"]) == ["a2"]
    assert result["score"][0] == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("model", ["simclr", "byol"])
def test_one_unlike_leaves_good_results(first_catalogue: Catalogue, model: str) -> None:
    """An example and a counter-example of another class from its own results, in real latents."""
    table = first_catalogue.table
    labels = table["label"].to_numpy(str)
    whole = LatentIndex.of(first_catalogue, open_atlas("first", model))
    index = Whitening.of(whole.latents).index(whole)
    known = np.flatnonzero((table["split"] == "test") & np.isin(labels, ["FRI", "FRII", "Bent"]))
    before, after, near = [], [], []
    for row in np.random.default_rng(0).permutation(known)[:120]:
        like = [("first", str(index.source_ids[row]))]
        plain = search([index], query_of([index], like), 24)
        others = [r for r in plain["row"] if labels[r] not in ("", labels[row])]
        if not others:
            continue
        unlike = [("first", str(index.source_ids[others[0]]))]
        found = search([index], query_of([index], like, unlike), 24)
        before.append(np.mean(labels[plain["row"]] == labels[row]))
        after.append(np.mean(labels[found["row"]] == labels[row]))
        alone = scores(index, query_of([index], like), found["row"].to_numpy(np.int64))
        near.append(alone.mean() / plain["score"].mean())
    assert len(after) > 80
    assert np.mean(after) > np.mean(before)
    assert np.mean(near) > 0.95


def test_rotated_views_forget_the_position_angle() -> None:
    """Latents that turn with the image: any view of the query finds the turned galaxy."""
    angles = np.radians([0, 90, 180, 270])
    views = np.stack([np.cos(angles), np.sin(angles), 0.3 * np.ones(4)], axis=1)
    latents = np.array([views[2], views[0] + [0.0, 0.8, 0.0], [0.1, 0.1, -1.0]], np.float32)
    index = index_of(np.vstack([views[0], latents]).astype(np.float32))
    plain = search([index], query_of([index], [("a", "a0")]))
    free = search([index], query_of([index], [("a", "a0")], views={("a", "a0"): views}))
    assert plain["source_id"][0] == "a2"
    assert free["source_id"][0] == "a1"
    assert free["score"][0] == pytest.approx(1.0)
    best = [max(_cosine(x, v) for v in views) for x in np.asarray(index.latents, float)]
    np.testing.assert_allclose(scores(index, Query(views[None])), best, atol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_several_examples_with_views_for_and_against(kind: type) -> None:
    """Mean over examples of the best view; by blocks too, of which no row is forgotten."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(16_384 + 3, 3)).astype(kind)
    index = index_of(latents)
    unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)  # noqa: E731
    like, unlike = (unit(rng.normal(size=(n, 4, 3))).astype(np.float32) for n in (3, 2))
    rows = np.array([0, 1, 7, 16_383, 16_384, 16_386])
    x = unit(latents[rows].astype(float))
    for query, wanted in (
        (Query(like, unlike), (x @ like.transpose(0, 2, 1)).max(2).mean(0)
            - 0.35 * (x @ unlike.transpose(0, 2, 1)).max(2).mean(0)),
        (Query(like[:, :1]), (x @ like[:, 0].T).mean(1)),
        (Query(like[:, :2]), (x @ like[:, :2].transpose(0, 2, 1)).max(2).mean(0)),
    ):  # fmt: skip
        found = scores(index, query)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[rows], wanted, atol=2e-3 if kind is np.float16 else 1e-6)
        np.testing.assert_allclose(scores(index, query, rows), found[rows], atol=1e-6)


def test_cosines_stay_within_their_range() -> None:
    """Rounding would give 1.0000001 for a galaxy and itself."""
    latents = np.random.default_rng(1).normal(size=(2000, 64)).astype(np.float32)
    index = index_of(latents)
    for row in range(50):
        unit = latents[row] / np.linalg.norm(latents[row])
        assert np.abs(scores(index, Query(unit[None, None]))).max() <= 1.0
        assert np.abs(scores(index, Query(-unit[None, None]))).max() <= 1.0
        both = Query(unit[None, None], -unit[None, None])
        assert np.abs(scores(index, both)).max() <= 2.0


def test_rows_without_direction_are_no_results() -> None:
    latents = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    latents[2] = 0.0
    latents[4, 1] = np.nan
    latents[5] = 1e30  # its square is beyond float32
    latents[6] = 3e38
    latents[7] = 1e-42
    index = index_of(latents)
    assert np.flatnonzero(index.inverse_norms == 0).tolist() == [2, 4, 6, 7]
    result = search([index], Query(np.ones(4)), 10)
    assert sorted(result["row"]) == [0, 1, 3, 5]
    assert result.set_index("row")["score"][5] == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [np.zeros(3), np.array([1.0, np.nan, 0]), np.array([np.inf, 0, 0])])
def test_query_without_direction_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(
        SimilarityError, match=r"positive example 2 is (zero|not finite).*direction"
    ):
        Query(np.stack([np.ones(3), bad]))
    with pytest.raises(SimilarityError, match="negative example 1 is"):
        Query(np.ones(3), bad)
    latents = np.stack([np.ones(3), bad]).astype(np.float32)
    with pytest.raises(SimilarityError, match="latent vector of 'a1' is zero or not finite"):
        query_of([index_of(latents)], [("a", "a1")])


def test_bad_questions() -> None:
    index = index_of(np.random.default_rng(0).normal(size=(5, 3)))
    other = index_of(np.ones((2, 3)), "b", model="simclr")
    query = Query(np.ones(3))
    for call, message in [
        (lambda: search([index], query, 0), "0 results requested; expected 1 or more"),
        (lambda: search([index], query, separation_arcsec=-1), "separation of -1 arcsec"),
        (lambda: search([index], query, separation_arcsec=np.nan), "separation of nan arcsec"),
        (lambda: search([], query), "no data set to search in"),
        (lambda: search([index, other], query), "'a' by an unnamed model, 'b' by simclr"),
        (lambda: search([index], Query(np.ones(4))), "query has 4 latent dimensions.*'a' has 3"),
        (lambda: search([index], query, where={"a": np.ones(3, bool)}), r"mask of shape \(3,\)"),
        (lambda: Query(np.empty((0, 3))), "at least one positive"),
        (lambda: Query(np.ones((1, 2, 3, 4))), r"shape \(1, 2, 3, 4\)"),
        (lambda: Query(np.ones(3), np.ones(4)), "negative examples have 4.*positive ones 3"),
        (lambda: query_of([index], [("a", "zz")]), "data set 'a' has no source 'zz'"),
        (lambda: query_of([index], [("c", "c0")]), "no latents of data set 'c'; available: a"),
        (lambda: query_of([index], []), "at least one positive"),
        (
            lambda: query_of([index], [("a", "a0")], [("a", "a0")]),
            "'a0' is both a positive",
        ),
        (lambda: query_of([index], [("a", "a0")], views={}), "no rotated views of 'a0'"),
        (lambda: index_of(np.zeros((4, 3))), "none of 4 latents has a direction"),
        (lambda: index_of(np.ones((4, 3)), positions=np.ones((2, 2))), "2 values of ra for 4"),
        (lambda: LatentIndex.create("a", ids_of(3), np.ones((4, 2))), r"\(4, 2\) for 3 sources"),
    ]:
        with pytest.raises(SimilarityError, match=message):
            call()


def test_index_of_an_atlas(tmp_path: Path) -> None:
    from radioviz.atlas.atlas import Atlas

    table = complete_columns(
        pd.DataFrame({"source_id": ["x", "y"], "ra": [1.0, 2.0], "dec": [3.0, np.nan]})
    )
    catalogue = Catalogue(SurveyInfo("mine", "Mine", 1.8), table, np.zeros((2, 4, 4), np.uint8))
    ids = np.array(["x", "y"], dtype=object)
    latents = np.array([[1.0, 0.0], [0.0, 1.0]], np.float16)
    atlas = Atlas("mine", "vae", ids, latents, {}, {"weights_sha256": "ab"}, tmp_path)
    index = LatentIndex.of(catalogue, atlas)
    assert (index.data_set, index.model, index.model_sha256) == ("mine", "vae", "ab")
    assert index.latents.dtype == np.float32
    assert index.row_of("y") == 1
    assert index.rows_among([("mine", "z"), ("mine", "y"), ("other", "x")]).tolist() == [1]
    swapped = Atlas("mine", "vae", ids[::-1], latents, {}, {}, tmp_path)
    with pytest.raises(SimilarityError, match="does not list the sources of 'mine'"):
        LatentIndex.of(catalogue, swapped)


def test_an_index_holds_no_python_object_per_galaxy(tmp_path: Path) -> None:
    import tracemalloc

    from radioviz.atlas.atlas import Atlas

    n, rng = 100_000, np.random.default_rng(0)
    table = complete_columns(pd.DataFrame({"source_id": [f"galaxy-{i:07d}" for i in range(n)]}))
    table["same_as"] = np.where(np.arange(n) == n - 1, "galaxy-0000005", "")
    catalogue = Catalogue(SurveyInfo("mine", "Mine", 1.8), table, np.zeros((n, 1, 1), np.uint8))
    latents = rng.standard_normal((n, 4)).astype(np.float32)
    known = catalogue.identifiers
    atlas = Atlas("mine", "vae", table["source_id"].array, latents, {}, {}, tmp_path, known)
    tracemalloc.start()
    index = LatentIndex.of(catalogue, atlas)
    held = index.row_of("galaxy-0000007"), index.source[[5, n - 1]].tolist()
    size = tracemalloc.get_traced_memory()[0] / n
    tracemalloc.stop()
    assert held == (7, [5, 5])
    assert size < 40, f"{size:.0f} bytes a galaxy beside its latents; a Python text has 60"


def test_neither_torch_nor_streamlit_is_needed() -> None:
    import subprocess
    import sys

    code = (
        "import sys, radioviz.similarity, radioviz.export, radioviz.api.samp\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'streamlit', 'sklearn', 'astropy')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
