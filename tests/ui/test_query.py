"""Queries: examples as values and in links, look-ups by name and place, one query of many parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radioviz.data.catalogue import Catalogue
from radioviz.errors import SelectionError, SimilarityError
from radioviz.similarity import LatentIndex, Whitening, compose_query, scores
from radioviz.ui import cache
from radioviz.ui.pages.similar.galaxy_lookup import UnknownNameError, look_up, separation_text
from radioviz.ui.pages.similar.similar_search import encode_picture
from radioviz.ui.pages.similar.state import SimilarityQuery, from_link, to_link

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(st.tuples(_TEXT, _TEXT), max_size=5))
def test_links_hold_any_identifier(pairs: list[tuple[str, str]]) -> None:
    read = from_link(to_link(pairs), "first")
    assert read == tuple(dict.fromkeys(p for p in pairs))


def test_link_without_a_data_set_means_the_one_in_view() -> None:
    assert from_link("first-7", "mirabest") == (("mirabest", "first-7"),)
    assert from_link("", "mirabest") == ()
    assert from_link("<script>alert(1)</script>", "a") == (("<script>alert(1)<", "script>"),)


def test_an_example_is_on_one_side_only() -> None:
    a, b = ("first", "first-1"), ("first", "first-2")
    query = SimilarityQuery().with_like(a, b, a)
    assert query.like == (a, b)
    turned = query.with_unlike(b)
    assert (turned.like, turned.unlike) == ((a,), (b,))
    assert turned.with_like(b) == query


def test_galaxies_that_are_not_available_are_named(first: Catalogue) -> None:
    here, gone = ("first", "first-1"), ("nowhere", "x-1")
    assert SimilarityQuery((here, gone), (("first", "first-none"),)).available() == (
        SimilarityQuery((here,)),
        [gone, ("first", "first-none")],
    )


def test_lookup_by_name_identifier_and_position(first: Catalogue) -> None:
    source = first.table.iloc[10]
    wanted = ("first", source["source_id"])
    degrees = f"{source['ra']:.5f} {source['dec']:+.5f}"
    for text in (source["source_id"], source["name"], source["name"].upper(), degrees):
        assert look_up(text, ["first"], 10.0)[0] == wanted


def test_lookup_in_vain_says_where_and_how_far(first: Catalogue) -> None:
    with pytest.raises(SelectionError, match=r"outside the survey.*the nearest source is J"):
        look_up("12:00:00 -45:00:00", ["first"], 60.0)
    ra, dec = first.table["ra"].iat[0], first.table["dec"].iat[0]
    with pytest.raises(SelectionError, match=r"no source within 1″ of .*: increase the search"):
        look_up(f"{ra:.6f} {dec + 0.01:+.6f}", ["first"], 1.0)
    with pytest.raises(UnknownNameError, match=r"'3C 31', and it is not a valid position"):
        look_up("3C 31", ["first"], 60.0)
    with pytest.raises(SelectionError, match="type a name, or a position"):
        look_up("  ", ["first"], 60.0)
    with pytest.raises(SelectionError, match="outside the sky"):
        look_up("400.0 +95.0", ["first"], 60.0)


def test_separations_in_a_unit_that_suits() -> None:
    assert [separation_text(v) for v in (12.34, 300.0, 9e4, np.nan)] == [
        "12.3″",
        "5.0′",
        "25.0°",
        "",
    ]


def _index(key: str = "a", n: int = 30, d: int = 6) -> LatentIndex:
    rng = np.random.default_rng(3)
    latents = rng.normal(1.0, 1.0, (n, d)).astype(np.float32)
    latents[5] = 0.0
    ids = np.array([f"{key}{i}" for i in range(n)], dtype=object)
    sky = rng.uniform(0, 60, (n, 2))
    return LatentIndex.create(key, ids, latents, ra=sky[:, 0], dec=sky[:, 1])


def test_a_query_of_examples_counterexamples_and_a_picture() -> None:
    index = _index()
    picture = np.random.default_rng(1).normal(size=(1, 6)).astype(np.float32)
    query = SimilarityQuery((("a", "a0"), ("a", "a1")), (("a", "a2"),))
    asked = compose_query([index], query.like, query.unlike, image=picture, position=(10.0, 20.0))
    assert asked.positives.shape == (3, 1, 6)
    assert len(asked.positions) == 4
    assert set(asked.exclude) == {("a", "a0"), ("a", "a1"), ("a", "a2")}

    def cosine(x: np.ndarray, y: np.ndarray) -> float:
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    x = np.asarray(index.latents[9], float)
    likes = [cosine(x, v.astype(float)) for v in (*index.latents[:2], picture[0])]
    expected = np.mean(likes) - 0.35 * cosine(x, index.latents[2].astype(float))
    assert scores(index, asked)[9] == pytest.approx(expected, abs=1e-6)


def test_whitening_treats_catalogue_and_picture_alike() -> None:
    index = _index()
    whitening = Whitening.of(index.latents)
    white = whitening.index(index)
    as_galaxy = compose_query([white], [("a", "a3")], whitening=whitening)
    as_picture = compose_query(
        [white], [], image=np.asarray(index.latents[3:4]), whitening=whitening
    )
    np.testing.assert_allclose(scores(white, as_galaxy), scores(white, as_picture), atol=1e-6)


def test_queries_that_cannot_be_asked() -> None:
    index = _index()
    with pytest.raises(SimilarityError, match="nothing to search for yet"):
        compose_query([index], [], [("a", "a1")])
    with pytest.raises(SimilarityError, match="'a1' is a positive and a negative example"):
        compose_query([index], [("a", "a1")], [("a", "a1")])
    with pytest.raises(SimilarityError, match="latent vector of 'a5' is zero"):
        compose_query([index], [("a", "a5")])
    with pytest.raises(SimilarityError, match="latent vector of positive example 1 is zero"):
        compose_query([index], [], image=np.zeros((1, 6)))


def test_an_encoder_that_gives_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def encode(self, images: np.ndarray) -> np.ndarray:
            return np.zeros((len(images), 4), np.float32)

    monkeypatch.setattr(cache, "encoder", lambda model: Silent())
    with pytest.raises(SimilarityError, match=r"encoder 'vae2'.*zero or not finite"):
        encode_picture("vae2", np.ones((8, 8), np.float32), rotated=True)
