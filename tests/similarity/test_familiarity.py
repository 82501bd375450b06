"""How far galaxies are from what an encoder learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from radioviz.errors import AtlasError
from radioviz.similarity.familiarity import (
    FAR,
    LEARNED,
    NEIGHBOURS,
    familiarity,
    stored_familiarity,
)


def clouds(n: int, d: int = 6, seed: int = 0) -> np.ndarray:
    """Normal, with axes of different spread."""
    generator = np.random.default_rng(seed)
    return (generator.normal(size=(n, d)) * np.linspace(0.3, 3, d)).astype(np.float32)


def test_distances_are_those_of_all_pairs() -> None:
    train, other = clouds(200), clouds(30, seed=1)
    known = familiarity(train, other)
    pairs = np.linalg.norm(other[:, None].astype(float) - train[None], axis=2)
    wanted = np.sort(pairs, axis=1)[:, :NEIGHBOURS].mean(axis=1)
    assert known.distances(other) == pytest.approx(wanted, rel=1e-3)
    assert known.held_out == pytest.approx(np.sort(wanted), rel=1e-3)


def test_a_training_galaxy_is_not_its_own_neighbour() -> None:
    train = clouds(200)
    known = familiarity(train, clouds(40, seed=1))
    without = familiarity(np.delete(train, 7, axis=0), clouds(40, seed=1))
    assert known.distances(train[7:8]) == pytest.approx(without.distances(train[7:8]))


def test_others_of_the_survey_are_near_and_strangers_far() -> None:
    known = familiarity(clouds(2000), clouds(400, seed=1))
    same, far = known.share_nearer(clouds(400, seed=2)), clouds(400, seed=3) * np.float32(4)
    assert np.mean(same) == pytest.approx(0.5, abs=0.06)
    assert np.mean(same > FAR) < 0.04
    assert np.mean(known.share_nearer(far) > FAR) > 0.9


def test_unknown_latents_have_no_share() -> None:
    known = familiarity(clouds(200), clouds(30, seed=1))
    latents = clouds(3, seed=2)
    latents[1, 2] = np.nan
    assert np.isnan(known.share_nearer(latents)).tolist() == [False, True, False]


def test_too_few_to_compare() -> None:
    with pytest.raises(AtlasError, match="5 training and 30 held-out galaxies are too few"):
        familiarity(clouds(5), clouds(30, seed=1))
    with pytest.raises(AtlasError, match="200 training and 19 held-out"):
        familiarity(clouds(200), clouds(19, seed=1))


def test_stored_latents_are_of_the_same_weights(tmp_path: Path) -> None:
    train, valid = (x.astype(np.float16) for x in (clouds(200), clouds(40, seed=1)))
    file = tmp_path / LEARNED
    assert stored_familiarity(file, "a" * 64) is None
    save_file({"train": train, "valid": valid}, file, metadata={"weights_sha256": "a" * 64})
    found = stored_familiarity(file, "a" * 64)
    assert found is not None
    assert np.array_equal(found.held_out, familiarity(train, valid).held_out)
    with pytest.raises(AtlasError, match=f"{LEARNED} is of other weights .aaaaaaaaaaaa. than"):
        stored_familiarity(file, "b" * 64)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(AtlasError, match=f"{LEARNED} is damaged"):
        stored_familiarity(file, "a" * 64)
