"""The hierarchical VAE behind the torch doorway: reconstruction and generation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from radioviz.encode import Encoder, GenerationRequest, Generator
from radioviz.models import weights
from tests.models.small import SMALL, galaxies, small_info
from tests.models.test_vdvae import CONDITIONED, stirred


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small models, ``plain`` and ``asked``, as they are shipped."""
    for name, arguments in (("plain", SMALL["vdvae"]), ("asked", CONDITIONED)):
        arguments = {**arguments, "prior_width": 16}
        can = ("class", "size") if name == "asked" else ()
        info = dataclasses.replace(
            small_info("vdvae", name),
            architecture=arguments,
            capabilities=("encode", "decode", *can),
        )
        weights.save(tmp_path / name, stirred(arguments), info, "# Card\n")
    return tmp_path


def test_reconstruction_goes_through_all_levels(folder: Path) -> None:
    encoder = Encoder.load("plain", folder)
    images = galaxies(5, 16)
    with torch.inference_mode():
        expected = encoder.module(torch.from_numpy(images)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(encoder.reconstruct(images), expected, atol=1e-5)
    alone = encoder.decode(encoder.encode(images))
    assert np.abs(encoder.reconstruct(images) - alone).max() > 1e-4


@pytest.mark.parametrize("name", ["plain", "asked"])
def test_an_image_depends_on_seed_and_place_alone(folder: Path, name: str) -> None:
    generator = Generator.load(name, folder)
    many = generator.sample(GenerationRequest(n=20, seed=7))
    some = generator.sample(GenerationRequest(n=5, seed=7))
    assert np.array_equal(many.images[:5], some.images)
    one = generator.sample(GenerationRequest(n=1, seed=7), indices=[17])
    assert np.array_equal(many.images[17], one.images[0])
    other = generator.sample(GenerationRequest(n=5, seed=8))
    assert not np.array_equal(other.images, some.images)


def test_lower_levels_are_drawn_too(folder: Path) -> None:
    generator = Generator.load("plain", folder)
    found = generator.sample(GenerationRequest(n=3, seed=1))
    means = generator.encoder.decode(found.latents)
    assert np.abs(found.images - means).max() > 1e-4
    cold = generator.sample(GenerationRequest(n=3, seed=1, temperature=0.0))
    assert np.array_equal(cold.images[0], cold.images[1])


def test_class_and_size_are_asked_for(folder: Path) -> None:
    generator = Generator.load("asked", folder)
    assert generator.classes == ("FRI", "FRII")
    assert generator.size_range == (10.0, 160.0)
    found = generator.sample(GenerationRequest(n=3, seed=1, label="FRII", size=60.0))
    assert found.labels == ("FRII",) * 3
    assert np.all(found.sizes == 60)
    drawn = generator.sample(GenerationRequest(n=64, seed=1))
    assert set(drawn.labels) == {"FRI", "FRII"}
    assert ((drawn.sizes >= 10) & (drawn.sizes <= 160)).all()
    twins = generator.twins(found.latents, 60.0)
    assert not np.array_equal(twins["FRI"], twins["FRII"])
